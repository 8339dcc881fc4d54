//! The encodings of attributes, and the fields of those that are structures.

use std::collections::BTreeMap;

use keyward::protocol::attribute::{self, FieldRow, Required, Shape};
use keyward::protocol::tag;
use keyward::protocol::version::Version;
use ttlv::Kind;

use crate::rules::{each_version, in_chapter};
use crate::text::Table;

/// Where the first row of a section's table, "the canonical name" (KMIP 2.1 §4), is not the
/// attribute's: (heading, what the row says, why the heading is right).
const MISNAMED: &[(&str, &str, &str)] = &[
    (
        "Comment",
        "Description",
        "the table was copied from the section before it",
    ),
    (
        "Always Sensitive",
        "Sensitive",
        "the table was copied from the section of Sensitive",
    ),
    (
        "Vendor Attribute",
        "Attribute",
        "the tag is that of Attribute",
    ),
    (
        "Certificate Attributes",
        "Certificate Subject CN",
        "a section about many attributes",
    ),
];

/// Fields about which we differ on purpose: (attribute, field, why).
const DIFFERING: &[(&str, &str, &str)] = &[(
    "Usage Limits",
    "Usage Limits Count",
    "required by the table, but the prose forbids clients to set it, and the server ignores it",
)];

/// The first table under each heading: the attribute's encoding and fields.
fn encodings(version: Version, tables: &[Table]) -> BTreeMap<&str, &Table> {
    let mut found = BTreeMap::new();
    for table in tables
        .iter()
        .filter(|table| in_chapter(table, version) && table.rows.len() > 1)
    {
        let head = &table.rows[0];
        if matches!(head[0].as_str(), "Item" | "Object")
            && head.iter().any(|cell| cell == "Encoding")
        {
            found.entry(table.heading.as_str()).or_insert(table);
        }
    }
    found
}

/// Heading, canonical name, encoding and rows of fields.
type Encoding<'a> = (&'a str, &'a str, &'a str, &'a [Vec<String>]);

fn split<'a>(heading: &'a str, table: &'a Table, tables: &'a [Table]) -> Encoding<'a> {
    let first = &table.rows[1];
    let encoding = first[1..].iter().find(|cell| !cell.is_empty()).unwrap();
    let fields = if encoding.starts_with("RNG Parameters") {
        let same = |table: &&Table| {
            table
                .rows
                .get(1)
                .is_some_and(|row| row[0] == "RNG Parameters")
        };
        &tables.iter().find(same).unwrap().rows
    } else {
        &table.rows
    };
    (heading, first[0].as_str(), encoding.as_str(), &fields[2..])
}

#[test]
fn encodings_and_fields_are_those_of_every_version() {
    each_version(|version, tables| {
        for (heading, table) in encodings(version, tables) {
            let (_, _, encoding, rows) = split(heading, table, tables);
            let Some(row) = attribute::by_name(heading) else {
                assert_eq!(heading, "Certificate Attributes", "KMIP {version}");
                continue;
            };
            let context = format!("KMIP {version}, {heading}: {encoding:?}");
            assert!(agrees(&row.shape, encoding, version), "{context}");
            if kind_of(encoding) == Some(Kind::Structure) {
                let Shape::Structure(fields) = row.shape else {
                    panic!("{context}")
                };
                compare_fields(heading, fields, rows, version);
            }
        }
    });
}

#[test]
fn canonical_names_are_those_of_the_sections() {
    each_version(|version, tables| {
        for (heading, table) in encodings(version, tables) {
            let (_, canonical, ..) = split(heading, table, tables);
            let known = MISNAMED.iter().find(|(name, ..)| *name == heading);
            let expected = known.map_or(heading, |(_, misnamed, _)| misnamed);
            assert_eq!(canonical, expected, "KMIP {version}, {heading}");
        }
    });
}

fn kind_of(encoding: &str) -> Option<Kind> {
    let kinds = [
        ("Structure", Kind::Structure),
        ("Long Integer", Kind::LongInteger),
        ("Integer", Kind::Integer),
        ("Enumeration", Kind::Enumeration),
        ("Boolean", Kind::Boolean),
        ("Text String", Kind::TextString),
        ("Byte String", Kind::ByteString),
        ("Date-Time", Kind::DateTime),
        ("Date Time", Kind::DateTime),
        ("Interval", Kind::Interval),
        ("RNG Parameters", Kind::Structure),
    ];
    kinds
        .iter()
        .find(|(name, _)| encoding.starts_with(name))
        .map(|(_, kind)| *kind)
}

fn agrees(shape: &Shape, encoding: &str, version: Version) -> bool {
    let listed = kind_of(encoding);
    let several = encoding.contains("Enumeration") && encoding.contains("Integer");
    match shape {
        Shape::Any => listed.is_none(),
        Shape::Identifier => {
            listed == Some(Kind::TextString) && several == shape.accepts(Kind::Integer, version)
        }
        Shape::Value(kind) => listed == Some(*kind) && !several,
        Shape::Structure(_) => listed == Some(Kind::Structure),
    }
}

fn compare_fields(attribute: &str, fields: &[FieldRow], rows: &[Vec<String>], version: Version) {
    let ours: Vec<&FieldRow> = fields
        .iter()
        .filter(|field| field.versions.contains(version))
        .collect();
    let names = rows
        .iter()
        .map(|row| row[0].split(", see").next().unwrap().trim());
    let ours_names = ours
        .iter()
        .map(|field| tag::by_tag(field.tag).unwrap().spoken);
    let names: Vec<&str> = names.collect();
    assert_eq!(
        names,
        ours_names.collect::<Vec<_>>(),
        "KMIP {version}, {attribute}"
    );
    for ((row, field), name) in rows.iter().zip(ours).zip(names) {
        let context = format!("KMIP {version}, {attribute}, {row:?}");
        assert!(agrees(&field.shape, &row[1], version), "{context}");
        let repeats = row[1..]
            .iter()
            .any(|cell| cell.to_lowercase().contains("may be repeated"));
        assert_eq!(field.repeats, repeats, "{context}");
        let listed = required(&row[2]);
        let ours = field.required.at(version);
        match DIFFERING
            .iter()
            .find(|(known, field, _)| (*known, *field) == (attribute, name))
        {
            Some((.., why)) => assert_ne!(ours, listed, "{context}: no longer needed: {why}"),
            None => assert_eq!(ours, listed, "{context}"),
        }
    }
}

fn required(cell: &str) -> Required {
    let depends = ["unless", ", if ", "Yes (for", "except"]
        .iter()
        .any(|word| cell.contains(word));
    match cell {
        _ if depends && !cell.contains("if omitted") => Required::Depends,
        _ if cell.starts_with("Yes") => Required::Yes,
        _ if cell.starts_with("No") => Required::No,
        _ => panic!("{cell:?}"),
    }
}
