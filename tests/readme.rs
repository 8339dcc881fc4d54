//! README's table of operations is what the program's tables say.

#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use keyward::engine::client_profile;
use keyward::mechanism::MECHANISMS;
use keyward::mechanism::hash::HASHES;
use keyward::operation;
use keyward::operation::pkcs11::function::FUNCTIONS;
use keyward::protocol::enumeration::{Enumeration, EnumerationRow, Operation};
use keyward::protocol::version::Version;

/// The page that the mechanism table writes.
fn mechanisms() -> String {
    let mut text = "# Mechanisms\n\nWritten by tests/readme.rs from the tables in src/mechanism. A name stands in policies, audit \
        records and this page. *Token* is what a PKCS#11 token calls it, where it is used first; *library* is \
        what computes it for keys of class *served* on tokens that do not have it, and always for public \
        keys. *Permission* is one that it needs beyond the operation's own.\n\n"
        .to_owned();
    text.push_str("| Name | For | Algorithm | Mode or padding | Key bytes | Token | Library | KMIP | Permission |\n|---|---|---|---|---|---|---|---|---|\n");
    for row in MECHANISMS {
        let mode = row.mode.map(|mode| mode.to_string());
        let padding = row.padding.map(|padding| padding.to_string());
        let keys: Vec<String> = row.keys.iter().map(usize::to_string).collect();
        let token = if row.token.is_some() {
            row.token_name
        } else {
            ""
        };
        writeln!(
            text,
            "| `{}` | {:?} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            row.service,
            row.algorithm,
            mode.or(padding).unwrap_or_default(),
            keys.join(", "),
            token,
            row.library.unwrap_or_default(),
            row.since,
            row.needs.map_or("", |permission| permission.name()),
        )
        .expect("text");
    }
    text.push_str("\n## Hash functions\n\n| Name | KMIP | Digest bytes | Signatures (PKCS#1 v1.5) | PSS and OAEP in the token |\n|---|---|---|---|---|\n");
    for row in HASHES {
        let yes = |there: bool| if there { "yes" } else { "" };
        writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            row.name,
            row.algorithm,
            row.length,
            yes(row.object_identifier.is_some()),
            yes(row.token.is_some()),
        )
        .expect("text");
    }
    text
}

/// `docs/mechanisms.md` is what the tables say; `KEYWARD_WRITE_README=1` writes it.
#[test]
fn the_page_of_mechanisms_is_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mechanisms.md");
    if std::env::var_os("KEYWARD_WRITE_README").is_some() {
        std::fs::write(&path, mechanisms()).expect("docs/mechanisms.md");
    }
    let page = std::fs::read_to_string(&path).expect("docs/mechanisms.md");
    assert_eq!(
        page,
        mechanisms(),
        "write it with KEYWARD_WRITE_README=1 cargo test --test readme"
    );
}

/// The functions of `docs/pkcs11.md`.
fn functions() -> String {
    let mut rows: Vec<_> = FUNCTIONS.iter().collect();
    rows.sort_by_key(|row| row.function.0);
    let mut text = "| Function | Goes through | Always answers |\n|---|---|---|\n".to_owned();
    for row in rows {
        let refused = row.refused.and_then(|code| code.name()).unwrap_or_default();
        let through = match (row.through, refused) {
            ("", "") => "the caller's own library",
            (through, _) => through,
        };
        writeln!(
            text,
            "| `{}` | {through} | {refused} |",
            row.function.name().unwrap_or_default()
        )
        .expect("text");
    }
    text
}

/// The table in `docs/pkcs11.md` is that of the program; `KEYWARD_WRITE_README=1` writes it.
#[test]
fn the_page_of_pkcs11_has_the_functions_of_the_program() {
    const BEGIN: &str = "<!-- functions: written by tests/readme.rs from the table in src/operation/pkcs11/function.rs -->\n";
    const END: &str = "<!-- end of functions -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pkcs11.md");
    let page = std::fs::read_to_string(&path).expect("docs/pkcs11.md");
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the line that begins the table");
    let (shown, after) = rest.split_once(END).expect("the line that ends the table");
    if std::env::var_os("KEYWARD_WRITE_README").is_some() {
        let text = format!("{before}{BEGIN}{}{END}{after}", functions());
        std::fs::write(&path, text).expect("docs/pkcs11.md can be written");
        return;
    }
    assert_eq!(
        shown,
        functions(),
        "write it with KEYWARD_WRITE_README=1 cargo test --test readme"
    );
}

const BEGIN: &str =
    "<!-- operations: written by tests/readme.rs from the table in src/operation/mod.rs -->\n";
const END: &str = "<!-- end of operations -->";

/// `CreateKeyPair` as the standard's prose writes it: `Create Key Pair`; capitals stay together.
fn spoken(name: &str) -> String {
    let letters: Vec<char> = name.replace('_', " ").chars().collect();
    let mut text = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|place| letters.get(place));
        let after = letters.get(place + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins {
            text.push(' ');
        }
        text.push(*letter);
    }
    text
}

/// The names of an operation in the versions that are served.
fn known() -> impl Iterator<Item = &'static EnumerationRow> {
    Operation::TABLE
        .rows
        .iter()
        .filter(|row| row.versions.since <= Version::NEWEST)
}

fn table() -> String {
    let mut text = "| Operation | KMIP | Changes objects | |\n|---|---|---|---|\n".to_owned();
    for row in operation::OPERATIONS {
        let named = known()
            .find(|known| known.value == row.operation.0)
            .expect("an operation of the standard");
        let since = named.versions.since;
        let last = named
            .versions
            .until
            .unwrap_or(Version::NEWEST)
            .min(Version::NEWEST);
        let changes = if row.changes { "yes" } else { "" };
        let note = match row.operation {
            Operation::INTEROP => "with `--interop` only",
            _ if row.anonymous => "any trusted certificate",
            _ => "",
        };
        let _ = writeln!(
            text,
            "| {} | {since} to {last} | {changes} | {note} |",
            spoken(named.name)
        );
    }
    let to_client = [Operation::NOTIFY, Operation::PUT];
    let told: Vec<String> = known()
        .filter(|known| to_client.contains(&Operation(known.value)))
        .map(|known| spoken(known.name))
        .collect();
    let _ = writeln!(
        text,
        "\nAsked by the server, where a client has turned the roles: {}, Query, Discover Versions, Set Endpoint Role.",
        told.join(", ")
    );
    let missing: Vec<String> = known()
        .filter(|known| operation::row(Operation(known.value)).is_none())
        .filter(|known| !to_client.contains(&Operation(known.value)))
        .map(|known| spoken(known.name))
        .collect();
    if !missing.is_empty() {
        let _ = writeln!(
            text,
            "\nNot yet, and answered with Operation Not Supported: {}.",
            missing.join(", ")
        );
    }
    text
}

#[test]
fn the_table_of_operations_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md");
    let (before, rest) = readme
        .split_once(BEGIN)
        .expect("the line that begins the table");
    let (shown, after) = rest.split_once(END).expect("the line that ends the table");
    let table = table();
    if std::env::var_os("KEYWARD_WRITE_README").is_some() {
        let text = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(&path, text).expect("README.md can be written");
        return;
    }
    assert!(
        shown == table,
        "README.md is behind the tables; KEYWARD_WRITE_README=1 cargo test --test readme writes:\n{table}"
    );
}

#[test]
fn names_are_spoken_as_the_standard_writes_them() {
    let pairs = [
        ("CreateKeyPair", "Create Key Pair"),
        ("MACVerify", "MAC Verify"),
        ("PKCS_11", "PKCS 11"),
        ("MAC", "MAC"),
    ];
    for (name, text) in pairs {
        assert_eq!(spoken(name), text);
    }
}

/// The map of the source names every room, and no room that is not there.
#[test]
fn the_map_of_the_source_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md");
    for entry in std::fs::read_dir(root.join("src")).expect("src") {
        let entry = entry.expect("an entry of src");
        let full = std::fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_some());
        let name = entry.file_name().into_string().expect("a name in ASCII");
        assert!(
            !full || readme.contains(&format!("`src/{name}/`")),
            "README.md does not map src/{name}/"
        );
    }
    let mapped = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    for (place, _) in mapped.filter(|(place, _)| place.ends_with('/')) {
        assert!(
            root.join(place).is_dir(),
            "README.md maps {place}, which is not there"
        );
    }
}

/// `docs/clients.md` names tests and clients that are there, and every client profile but `standard`, which
/// is nobody's.
#[test]
fn the_page_of_clients_names_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/clients.md")).expect("docs/clients.md");
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let mut tests = 0;
    for reference in &named {
        if let Some((file, test)) = reference.split_once("::") {
            let file = format!("{file}.rs");
            let source = std::fs::read_to_string(root.join("tests").join(&file))
                .or_else(|_| std::fs::read_to_string(root.join(&file)))
                .unwrap_or_else(|_| panic!("there is no {file}"));
            assert!(
                source.contains(&format!("fn {test}()")),
                "{file} has no {test}"
            );
            tests += 1;
        }
    }
    assert!(tests > 50, "{tests} references were found");
    for entry in std::fs::read_dir(root.join("interop")).expect("interop") {
        let entry = entry.expect("an entry of interop");
        let name = entry.file_name().into_string().expect("a name in ASCII");
        let place = format!("interop/{name}");
        assert!(
            !entry.path().join("run.sh").exists() || named.contains(&place.as_str()),
            "docs/clients.md does not name {place}"
        );
    }
    for profile in client_profile::PROFILES {
        let name = profile.name;
        assert!(
            name == "standard" || named.contains(&name),
            "docs/clients.md does not name the profile {name}"
        );
    }
}
