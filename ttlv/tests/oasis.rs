//! Every message of the OASIS test cases through every codec. The cases are not part of this
//! repository: without them this test says so and passes. `KMIP_OASIS` names their folder, which
//! has `profiles` and `testcases`; the tables of names lie beside it, in `tools/oasis-runner`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use ttlv::{Kind, Limits, Names, Node, Tag, Value, binary, json, xml};

/// Not well-formed XML.
const MALFORMED: [&str; 1] = ["TC-ECDSA-SIGN-1-14.xml"];

type Both = (HashMap<String, u32>, HashMap<u32, String>);

#[derive(Default)]
struct Tables {
    tags: Both,
    enumerations: HashMap<Tag, Both>,
    masks: HashMap<Tag, Both>,
}

/// Values of a table of names: of two names for a number, the one that lasted longer is written.
fn both(table: &Json) -> Both {
    let mut rows: Vec<(&str, &str, u32)> = table
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, row)| {
            let value = row["value"].as_str().unwrap().trim_start_matches("0x");
            let until = row["until"].as_str().unwrap();
            (
                until,
                name.as_str(),
                u32::from_str_radix(value, 16).unwrap(),
            )
        })
        .collect();
    rows.sort();
    let numbers = rows.iter().map(|row| (row.1.to_owned(), row.2)).collect();
    (
        numbers,
        rows.iter().map(|row| (row.2, row.1.to_owned())).collect(),
    )
}

/// Spellings of the cases that the specifications' tables do not have, or number elsewhere.
const SPELLINGS: [(&str, &str, u32); 9] = [
    ("CryptographicUsageMask", "ContentCommitment", 0x400),
    ("SplitKeyMethod", "PolynomialSharingGF2_16", 2),
    ("SplitKeyMethod", "PolynomialSharingGF2_8", 4),
    ("ResultReason", "NotAuthorized", 0x39),
    ("MaskGenerator", "MGF1", 1),
    ("PKCS_11Function", "C_Initialize", 1),
    ("PKCS_11Function", "C_Finalize", 2),
    ("PKCS_11Function", "C_GetInfo", 3),
    ("PKCS_11ReturnCode", "OK", 0),
];

/// Tags whose values have the names of another tag's enumeration.
const SAME_ENUMERATION: [(&str, &str); 3] = [
    ("PrivateKeyUniqueIdentifier", "UniqueIdentifier"),
    ("PublicKeyUniqueIdentifier", "UniqueIdentifier"),
    ("MaskGeneratorHashingAlgorithm", "HashingAlgorithm"),
];

impl Tables {
    fn load(folder: &Path) -> Tables {
        let read = |name: &str| -> Json {
            serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
        };
        let numbers = read("enums.json");
        let mut tables = Tables {
            tags: both(&read("tags.json")["tags"]),
            ..Tables::default()
        };
        let tag = |tables: &Tables, name: &str| tables.tags.0.get(name).copied().map(Tag);
        for (name, table) in numbers["enums"].as_object().unwrap() {
            if let Some(tag) = tag(&tables, name) {
                tables.enumerations.insert(tag, both(table));
            }
        }
        for (name, table) in numbers["masks"].as_object().unwrap() {
            let tag = tag(&tables, name).unwrap();
            tables.masks.insert(tag, both(table));
        }
        for (name, spelling, value) in SPELLINGS {
            let tag = tag(&tables, name).unwrap();
            let mask = tables.masks.get_mut(&tag);
            let table = mask.unwrap_or_else(|| tables.enumerations.entry(tag).or_default());
            table.0.insert(spelling.to_owned(), value);
            table.1.entry(value).or_insert(spelling.to_owned());
        }
        for (other, name) in SAME_ENUMERATION {
            let table = tables.enumerations[&tag(&tables, name).unwrap()].clone();
            let other = tag(&tables, other).unwrap();
            tables.enumerations.insert(other, table);
        }
        tables
    }
}

impl Names for Tables {
    fn tag_name(&self, tag: Tag) -> Option<&str> {
        self.tags.1.get(&tag.0).map(String::as_str)
    }
    fn tag(&self, name: &str) -> Option<Tag> {
        self.tags.0.get(name).copied().map(Tag)
    }
    fn enumeration_name(&self, tag: Tag, value: u32) -> Option<&str> {
        self.enumerations
            .get(&tag)?
            .1
            .get(&value)
            .map(String::as_str)
    }
    fn enumeration(&self, tag: Tag, name: &str) -> Option<u32> {
        self.enumerations.get(&tag)?.0.get(name).copied()
    }
    fn is_mask(&self, tag: Tag) -> bool {
        self.masks.contains_key(&tag)
    }
    fn mask_name(&self, tag: Tag, bit: u32) -> Option<&str> {
        self.masks.get(&tag)?.1.get(&bit).map(String::as_str)
    }
    fn mask(&self, tag: Tag, name: &str) -> Option<u32> {
        self.masks.get(&tag)?.0.get(name).copied()
    }
}

fn stand_in(_: Tag, kind: Kind, text: &str) -> Option<Value<'static>> {
    let name = text.strip_prefix('$')?.to_owned();
    match kind {
        Kind::ByteString => Some(Value::ByteString(name.into_bytes().into())),
        Kind::DateTime => Some(Value::DateTime(1_700_000_000)),
        _ => None,
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            found.push(path);
        }
    }
}

#[test]
fn every_message_survives_every_codec() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/oasis");
    let folder = std::env::var_os("KMIP_OASIS").map_or(shared, PathBuf::from);
    let tables = folder.join("../tools/oasis-runner");
    if !folder.join("profiles").is_dir() || !tables.is_dir() {
        println!(
            "skipped: no OASIS test cases in {} (set KMIP_OASIS)",
            folder.display()
        );
        return;
    }
    let names = Tables::load(&tables);
    let limits = Limits::default();
    let mut paths = Vec::new();
    files(&folder.join("profiles"), &mut paths);
    files(&folder.join("testcases"), &mut paths);
    let mut messages = 0;
    let mut failures = Vec::new();
    for path in &paths {
        let document = std::fs::read(path).unwrap();
        let file = path.file_name().unwrap().to_str().unwrap();
        match xml::decode_collection(&document, &names, &limits, &mut stand_in) {
            Err(_) if MALFORMED.contains(&file) => {}
            Err(error) => failures.push(format!("{file}: {error}")),
            Ok(_) if MALFORMED.contains(&file) => failures.push(format!("{file} is well-formed")),
            Ok(nodes) => {
                messages += nodes.len();
                nodes.iter().for_each(|node| survives(node, &names, file));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        paths.len(),
        failures.join("\n")
    );
    println!("{messages} messages of {} files", paths.len());
    assert!(messages > paths.len());
}

/// XML → binary → XML → JSON → binary.
fn survives(node: &Node<'_>, names: &Tables, file: &str) {
    let limits = Limits::default();
    assert!(
        matches!(node.tag, Tag(0x420078 | 0x42007B)),
        "{file}: {node:?}"
    );
    let bytes = binary::to_vec(node);
    let first: [u8; 8] = bytes[..8].try_into().unwrap();
    assert_eq!(
        binary::message_length(&first).unwrap(),
        bytes.len(),
        "{file}"
    );
    let from_binary = binary::decode(&bytes, &limits).unwrap();
    assert!(from_binary == *node, "{file}: binary");
    let mut document = String::new();
    xml::encode(&from_binary, names, &mut document).unwrap();
    let from_xml = xml::decode(document.as_bytes(), names, &limits).unwrap();
    assert!(from_xml == *node, "{file}: XML");
    let mut document = String::new();
    json::encode(&from_xml, names, &mut document);
    let from_json = json::decode(document.as_bytes(), names, &limits).unwrap();
    assert!(binary::to_vec(&from_json) == bytes, "{file}: JSON");
}
