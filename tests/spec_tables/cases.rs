//! The vocabulary that XML and JSON use, against the OASIS test cases: every name in them is
//! known, and every number that has a name is written with it.

use std::path::{Path, PathBuf};

use keyward::protocol::names::Names;
use ttlv::{Kind, Limits, Tag, Value, xml};

use crate::text;

/// Not well-formed XML.
const MALFORMED: &str = "TC-ECDSA-SIGN-1-14.xml";

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            found.push(path);
        }
    }
}

/// A value for a placeholder such as `$NOW` where the kind cannot hold its text.
fn stand_in(_: Tag, kind: Kind, text: &str) -> Option<Value<'static>> {
    let name = text.strip_prefix('$')?.to_owned();
    match kind {
        Kind::ByteString => Some(Value::ByteString(name.into_bytes().into())),
        Kind::DateTime => Some(Value::DateTime(0)),
        _ => None,
    }
}

fn numbers_for_names(document: &str) -> usize {
    document.matches("type=\"Enumeration\" value=\"0x").count()
}

#[test]
fn every_name_of_the_test_cases_is_known() {
    let folder = text::folder();
    if !folder.join("profiles").is_dir() || !folder.join("testcases").is_dir() {
        println!(
            "skipped: no test cases in {} (set KMIP_OASIS)",
            folder.display()
        );
        return;
    }
    let mut paths = Vec::new();
    files(&folder.join("profiles"), &mut paths);
    files(&folder.join("testcases"), &mut paths);
    assert!(paths.len() > 100, "only {} test cases", paths.len());
    for path in paths.iter().filter(|path| !path.ends_with(MALFORMED)) {
        let document = std::fs::read_to_string(path).unwrap();
        let messages = xml::decode_collection(
            document.as_bytes(),
            &Names,
            &Limits::default(),
            &mut stand_in,
        )
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut written = String::new();
        for message in &messages {
            xml::encode(message, &Names, &mut written).unwrap();
        }
        assert!(
            !written.contains("<TTLV"),
            "{}: a tag without a name",
            path.display()
        );
        let (before, after) = (numbers_for_names(&document), numbers_for_names(&written));
        assert_eq!(before, after, "{}: values without a name", path.display());
    }
}
