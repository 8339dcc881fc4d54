//! Reads the tables out of the specifications' text: boxes drawn with lines, whose cells run
//! over several lines of text.

use std::path::PathBuf;

use keyward::protocol::version::Version;

/// A table and the heading of the section that it stands in.
pub struct Table {
    /// "3.12", "A.1" and so on.
    pub section: String,
    /// The heading without its number.
    pub heading: String,
    pub rows: Vec<Vec<String>>,
}

/// Where the texts and test cases are; perhaps they are not.
pub fn folder() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/oasis");
    std::env::var_os("KMIP_OASIS").map_or_else(beside, PathBuf::from)
}

/// All tables of one version's text; none where the text is not at hand.
pub fn tables(version: Version) -> Option<Vec<Table>> {
    let markdown = version == Version::V3_0;
    let name = if markdown {
        "3.0-enumerations.md".to_owned()
    } else {
        format!("{version}.txt")
    };
    let path = folder().join(format!("spec/kmip-{name}"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!(
            "skipped: KMIP {version} is not at {} (set KMIP_OASIS)",
            path.display()
        );
        return None;
    };
    let tables = if markdown {
        parse_markdown(&text)
    } else {
        parse(&text)
    };
    assert!(
        tables.len() > 60,
        "KMIP {version}: only {} tables read",
        tables.len()
    );
    Some(tables)
}

fn parse(text: &str) -> Vec<Table> {
    let mut tables = Vec::new();
    let (mut section, mut heading) = (String::new(), String::new());
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('┌') {
            rows.clear();
        } else if line.starts_with('├') || line.starts_with('└') {
            if !row.is_empty() {
                rows.push(std::mem::take(&mut row));
            }
            if line.starts_with('└') {
                let rows = std::mem::take(&mut rows);
                tables.push(Table {
                    section: section.clone(),
                    heading: heading.clone(),
                    rows,
                });
            }
        } else if let Some(cells) = line.strip_prefix('│') {
            let cells = cells.trim_end_matches('│').split('│').map(str::trim);
            if row.is_empty() {
                row = cells.map(str::to_owned).collect();
            } else {
                row.iter_mut()
                    .zip(cells)
                    .for_each(|(cell, more)| join(cell, more));
            }
        } else if let Some((number, words)) = as_heading(line) {
            (section, heading) = (number.to_owned(), words.to_owned());
        }
    }
    tables
}

/// 3.0, of which only the enumerations are at hand, as Markdown.
fn parse_markdown(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let (section, heading) = (String::new(), heading.trim().to_owned());
            tables.push(Table {
                section,
                heading,
                rows: Vec::new(),
            });
        } else if let (Some(cells), Some(table)) = (line.strip_prefix('|'), tables.last_mut()) {
            let cells = cells.trim_end_matches('|').split('|');
            table
                .rows
                .push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    tables
}

/// "3.12  Digest"; not the line of a table of contents, which ends with ". 31".
fn as_heading(line: &str) -> Option<(&str, &str)> {
    let (number, words) = line.split_once(' ')?;
    let numbered = number.contains('.')
        && number
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let listed = words
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end()
        .ends_with('.');
    (numbered && !listed).then(|| (number, words.trim()))
}

/// Appends the next line of a cell: with a space, unless the line before ended in a hyphen.
fn join(cell: &mut String, more: &str) {
    if more.is_empty() {
        return;
    }
    if !cell.is_empty() && !cell.ends_with('-') {
        cell.push(' ');
    }
    cell.push_str(more);
}

/// The name that XML and JSON give to a name of the prose (Additional Message Encodings 1.0
/// §6.1.3).
pub fn normalize(name: &str) -> String {
    let mut text: Vec<char> = name
        .chars()
        .map(|c| if matches!(c, '(' | ')') { ' ' } else { c })
        .collect();
    let word = |c: char| c.is_alphanumeric() || c == '_';
    for place in 0..text.len().saturating_sub(2) {
        let (next, after) = (text[place + 1], text[place + 2]);
        if !word(text[place]) && next.is_ascii_alphabetic() && after.is_ascii_lowercase() {
            text[place] = ' ';
        }
    }
    let text: String = text.into_iter().collect();
    let mut normalized = String::new();
    for (place, part) in text.split_whitespace().enumerate() {
        let plain: String = part
            .chars()
            .map(|c| if word(c) { c } else { '_' })
            .collect();
        let letters = plain.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = if place == 0 {
            &plain[..plain.len() - letters.len()]
        } else {
            ""
        };
        let rest = if place == 0 { letters } else { &plain };
        let mut chars = rest.chars();
        normalized.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        normalized.push_str(chars.as_str());
        normalized.push_str(digits);
    }
    normalized
}

/// The number in a cell of hexadecimal digits, with the remark in brackets that some have.
pub fn number(cell: &str, digits: usize) -> Option<u32> {
    let bare = cell.split('(').next()?.trim();
    let bare = bare.strip_prefix("0x").unwrap_or(bare);
    (bare.len() == digits)
        .then(|| u32::from_str_radix(bare, 16).ok())
        .flatten()
}

/// Names that stand for no name.
pub fn is_reserved(name: &str) -> bool {
    ["(Reserved", "(Unused", "Reserved", "Unused"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

#[test]
fn names_are_normalized_as_the_standard_says() {
    for (prose, name) in [
        ("Cryptographic Usage Mask", "CryptographicUsageMask"),
        ("PKCS#1 v1.5", "PKCS_1V1_5"),
        ("X.509 Certificate Issuer", "X_509CertificateIssuer"),
        ("3DES", "DES3"),
        ("Pre-Active", "PreActive"),
        ("SHA-512/256", "SHA_512_256"),
    ] {
        assert_eq!(normalize(prose), name);
    }
}

#[test]
fn cells_run_over_several_lines() {
    let text = "9.1 Tags. 101\n\n9.1 Tags\n┌──┐\n│A │1│\n├──┤\n│Pre-│2│\n│key B │ │\n└──┘\n";
    let tables = parse(text);
    assert_eq!(tables.len(), 1);
    assert_eq!(
        (tables[0].section.as_str(), tables[0].heading.as_str()),
        ("9.1", "Tags")
    );
    assert_eq!(tables[0].rows, [["A", "1"], ["Pre-key B", "2"]]);
}
