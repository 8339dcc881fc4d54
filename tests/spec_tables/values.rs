//! Tags, enumerations and masks.

use std::collections::BTreeSet;

use keyward::protocol::enumeration::{ENUMERATIONS, EnumerationTable};
use keyward::protocol::mask::MASKS;
use keyward::protocol::tag::TAGS;
use keyward::protocol::version::Version;

use crate::text::{Table, is_reserved, normalize, number, tables};

/// What differs between a text and our tables.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    /// `listed` is the text's, `ours` the tables': sets of number and name.
    fn compare(&mut self, what: &str, listed: &BTreeSet<Listed>, ours: &BTreeSet<Listed>) {
        for (value, name) in listed.symmetric_difference(ours) {
            let side = if listed.contains(&(*value, name.clone())) {
                "text"
            } else {
                "tables"
            };
            self.0
                .push(format!("{what}: {name} = {value:X} only in the {side}"));
        }
    }

    fn check(self, version: Version) {
        assert!(self.0.is_empty(), "KMIP {version}: {:#?}", self.0);
    }
}

type Listed = (u32, String);

/// The rows of a table whose cell `column` (counted from the end if negative) is a number.
fn listed(table: &Table, digits: usize) -> BTreeSet<Listed> {
    let row = |row: &Vec<String>| {
        let [name, rest @ ..] = row.as_slice() else {
            return None;
        };
        let value = number(rest.last()?, digits)?;
        (!name.is_empty() && !is_reserved(name)).then(|| (value, normalize(name)))
    };
    table.rows.iter().filter_map(row).collect()
}

fn each_version(check: impl Fn(Version, Vec<Table>)) {
    for version in Version::SUPPORTED.iter().chain(&[Version::V3_0]) {
        if let Some(tables) = tables(*version) {
            check(*version, tables);
        }
    }
}

#[test]
fn tags_are_those_of_every_version() {
    each_version(|version, tables| {
        let mut listed_tags = BTreeSet::new();
        for table in tables.iter().filter(|table| listed(table, 6).len() > 5) {
            listed_tags.extend(
                listed(table, 6)
                    .into_iter()
                    .filter(|(tag, _)| tag >> 16 == 0x42),
            );
        }
        let ours = TAGS.iter().filter(|row| row.versions.contains(version));
        let ours = ours.map(|row| (row.tag.0, row.name.to_owned())).collect();
        let mut differences = Differences::default();
        differences.compare("tag", &listed_tags, &ours);
        differences.check(version);
    });
}

/// "Recommended Curve" of "Recommended Curve Enumeration for ECDSA, ECDH, and ECMQV".
fn name_of(heading: &str) -> &str {
    heading.split(" Enumeration").next().unwrap_or(heading)
}

/// The table of values under a heading such as "9.1.3.2.1 Credential Type Enumeration". The
/// heading decides: 2.0 and 2.1 give some tables another's title.
fn values_under<'a>(tables: &'a [Table], name: &str) -> Option<&'a Table> {
    let same = |table: &&Table| name_of(&table.heading).eq_ignore_ascii_case(name);
    tables.iter().filter(same).find(|table| {
        let value = |row: &Vec<String>| {
            row.len() == 2 && (number(&row[1], 8).is_some() || row[1].contains("XXX"))
        };
        table.rows.iter().any(value)
    })
}

/// Our names of a version's values; where the text has an alias of ours, that.
fn ours(table: &EnumerationTable, version: Version, listed: &BTreeSet<Listed>) -> BTreeSet<Listed> {
    let rows = table
        .rows
        .iter()
        .filter(|row| row.versions.contains(version));
    rows.map(|row| {
        let alias = row
            .aliases
            .iter()
            .find(|alias| listed.contains(&(row.value, (**alias).to_owned())));
        (row.value, (*alias.unwrap_or(&row.name)).to_owned())
    })
    .collect()
}

#[test]
fn enumerations_are_those_of_every_version() {
    each_version(|version, tables| {
        let mut differences = Differences::default();
        for table in ENUMERATIONS {
            // KMIP leaves these numbers to PKCS#11 (2.1 §11.38, §11.39).
            if table.spoken.starts_with("PKCS#11") {
                continue;
            }
            let listed = values_under(&tables, table.spoken)
                .map(|table| listed(table, 8))
                .unwrap_or_default();
            differences.compare(table.spoken, &listed, &ours(table, version, &listed));
        }
        differences.check(version);
    });
}

fn is_mask(heading: &str) -> bool {
    MASKS
        .iter()
        .any(|mask| mask.spoken.eq_ignore_ascii_case(heading))
}

#[test]
fn no_enumeration_is_missing() {
    each_version(|version, tables| {
        let values = |table: &&Table| listed(table, 8).len() > 1 && !is_mask(&table.heading);
        for name in tables
            .iter()
            .filter(values)
            .map(|table| name_of(&table.heading))
        {
            let known = ENUMERATIONS
                .iter()
                .any(|table| table.spoken.eq_ignore_ascii_case(name));
            assert!(known, "KMIP {version}: {name}");
        }
    });
}

#[test]
fn masks_are_those_of_every_version() {
    each_version(|version, tables| {
        if version == Version::V3_0 {
            return; // its masks are not at hand
        }
        let mut differences = Differences::default();
        for mask in MASKS {
            let listed = values_under(&tables, mask.spoken)
                .map(|table| listed(table, 8))
                .unwrap_or_default();
            let rows = mask
                .rows
                .iter()
                .filter(|row| row.versions.contains(version));
            let ours = rows.map(|row| {
                let alias = row
                    .aliases
                    .iter()
                    .find(|alias| listed.contains(&(row.bit, (**alias).to_owned())));
                (row.bit, (*alias.unwrap_or(&row.name)).to_owned())
            });
            differences.compare(mask.spoken, &listed, &ours.collect());
        }
        differences.check(version);
    });
}
