//! The rules about attributes.

use std::collections::{BTreeMap, BTreeSet};

use keyward::protocol::attribute::{
    self, ATTRIBUTES, Always, Applies, AttributeRow, Change, Implicit, Instances, SetBy,
};
use keyward::protocol::enumeration::{Enumeration, ObjectType as O, Operation};
use keyward::protocol::tag;
use keyward::protocol::version::Version;

use crate::text::{Table, normalize, tables};

type Rules = BTreeMap<String, String>;

pub fn in_chapter(table: &Table, version: Version) -> bool {
    let chapter = if version < Version::V2_0 { "3." } else { "4." };
    table.section.starts_with(chapter)
}

/// The rules of every attribute that a version's chapter about attributes has a table for. The
/// section "Certificate Attributes" stands for those that its first table lists.
fn rules(version: Version, tables: &[Table]) -> BTreeMap<String, Rules> {
    let mut rules = BTreeMap::new();
    for table in tables.iter().filter(|table| in_chapter(table, version)) {
        let label = |row: &Vec<String>| row[0].to_lowercase();
        if table.rows.first().map(label).as_deref() != Some("shall always have a value") {
            continue;
        }
        let cells: Rules = table
            .rows
            .iter()
            .map(|row| (label(row), row[1..].join(" ")))
            .collect();
        for name in names_under(&table.heading, tables) {
            rules.insert(name, cells.clone());
        }
    }
    assert!(
        rules.len() > 30,
        "KMIP {version}: only {} attributes read",
        rules.len()
    );
    rules
}

fn names_under(heading: &str, tables: &[Table]) -> Vec<String> {
    if heading != "Certificate Attributes" {
        return vec![heading.to_owned()];
    }
    let first = tables
        .iter()
        .find(|table| table.heading == heading)
        .unwrap();
    first
        .rows
        .iter()
        .skip(1)
        .map(|row| row[0].clone())
        .collect()
}

pub fn each_version(check: impl Fn(Version, &[Table])) {
    for version in Version::SUPPORTED {
        if let Some(tables) = tables(*version) {
            check(*version, &tables);
        }
    }
}

#[test]
fn attributes_are_those_of_every_version() {
    each_version(|version, tables| {
        let listed: BTreeSet<String> = rules(version, tables).into_keys().collect();
        // Vendor Attribute has no table of rules (KMIP 2.1 §4.60).
        let ours = ATTRIBUTES
            .iter()
            .filter(|row| row.is_in(version) && row.tag != tag::ATTRIBUTE);
        let ours: BTreeSet<String> = ours.map(|row| row.name.to_owned()).collect();
        // 1.4 has the tags of these but no rule table; TC-CERTATTR-1-14 and TC-ECC-3-14 show them
        // as attributes of 1.4.
        let early = |name: &&String| {
            version == Version::V1_4
                && (name.starts_with("Certificate Subject ")
                    || name.starts_with("Certificate Issuer "))
        };
        let differences: Vec<_> = listed
            .symmetric_difference(&ours)
            .filter(|name| !early(name))
            .collect();
        assert!(differences.is_empty(), "KMIP {version}: {differences:?}");
    });
}

#[test]
fn rules_are_those_of_every_version() {
    each_version(|version, tables| {
        for (name, cells) in rules(version, tables) {
            let row = attribute::by_name(&name).unwrap_or_else(|| panic!("no attribute {name:?}"));
            compare(row, &cells, version);
        }
    });
}

fn compare(row: &AttributeRow, cells: &Rules, version: Version) {
    let cell = |label: &str| cells.get(label).map_or("", String::as_str);
    let context = |label: &str| format!("KMIP {version}, {}, {label}: {:?}", row.name, cell(label));
    let same = |equal: bool, label: &str| assert!(equal, "{}", context(label));

    let label = "shall always have a value";
    same(row.always.at(version) == always(cell(label)), label);
    let label = "initially set by";
    same(row.set_by == set_by(cell(label)), label);
    let label = "modifiable by server";
    same(row.server_modifies == change(cell(label)), label);
    let label = "modifiable by client";
    same(row.client_modifies == change(cell(label)), label);
    let label = "deletable by client";
    same(row.client_deletes == change(cell(label)), label);
    let label = "multiple instances permitted";
    same(row.instances == instances(cell(label)), label);
    let label = "applies to object types";
    same(
        types(row.applies.at(version), version) == types_in(cell(label), version),
        label,
    );
    let label = "when implicitly set";
    same(
        implicit(row.implicit.at(version), version) == implicit_in(cell(label)),
        label,
    );
}

fn always(cell: &str) -> Always {
    match cell {
        "No" => Always::No,
        "Yes" => Always::Yes,
        "Yes (except for Secret Data and Opaque Object)" => {
            Always::YesExcept(&[O::SECRET_DATA, O::OPAQUE_OBJECT])
        }
        "Yes (Except for Opaque Object)" => Always::YesExcept(&[O::OPAQUE_OBJECT]),
        _ if cell.starts_with("Yes, if the server has access to the Digest Value") => {
            Always::IfDigestible
        }
        _ => panic!("{cell:?}"),
    }
}

fn instances(cell: &str) -> Instances {
    match cell {
        "No" => Instances::One,
        "Yes" => Instances::Many,
        _ if cell.starts_with("Yes for PGP") => Instances::ManyOnPgpKeys,
        _ => panic!("{cell:?}"),
    }
}

fn set_by(cell: &str) -> SetBy {
    match cell {
        "Server" => SetBy::Server,
        "Client" => SetBy::Client,
        "Server or Client" | "Client or Server" => SetBy::ServerOrClient,
        _ if cell.contains("Application Data is omitted") => SetBy::ClientOrServerIfDataOmitted,
        _ if cell.contains("generated by") => SetBy::ServerIfGenerated,
        _ if cell.contains("Unit only") => SetBy::ServerOrClientWithoutCount,
        _ => panic!("{cell:?}"),
    }
}

fn change(cell: &str) -> Change {
    match cell {
        "Yes" => Change::Yes,
        "No" => Change::No,
        "Yes, only while in Pre-Active state" => Change::PreActive,
        "Yes, only while in Pre-Active or Active state" => Change::PreActiveOrActive,
        "Yes (Only if no value present)" => Change::IfAbsent,
        "Yes, for server-created attributes" | "Yes, for client-created attributes" => {
            Change::OwnOnly
        }
        // State: "No, but only by the server in response to certain requests".
        _ if cell.starts_with("No, but only by the server") => Change::No,
        _ if cell.contains("Application Data is omitted") => Change::IfDataOmitted,
        _ if cell.contains("as long as Get Usage Allocation has not been") => {
            Change::UntilAllocated
        }
        _ if cell.contains("Pre-Active or Active state and as long as the") => Change::UntilReached,
        _ => panic!("{cell:?}"),
    }
}

/// The object types that a version has; none of a kind that it lacks.
fn types(applies: Applies, version: Version) -> BTreeSet<u32> {
    let all = O::TABLE
        .rows
        .iter()
        .filter(|row| row.versions.contains(version))
        .map(|row| O(row.value));
    all.filter(|object_type| applies.to(*object_type))
        .map(u32::from)
        .collect()
}

fn types_in(cell: &str, version: Version) -> BTreeSet<u32> {
    const KEYS: &[O] = &[
        O::SYMMETRIC_KEY,
        O::PUBLIC_KEY,
        O::PRIVATE_KEY,
        O::SPLIT_KEY,
        O::PGP_KEY,
    ];
    let mut found: Vec<O> = Vec::new();
    for part in cell.split(',').map(str::trim) {
        match part.trim_end_matches('s') {
            "All Object" => found.extend(O::TABLE.rows.iter().map(|row| O(row.value))),
            "All Cryptographic Object" | "Managed Cryptographic Object" => {
                found.extend(KEYS);
                found.extend([O::CERTIFICATE, O::SECRET_DATA]);
            }
            "Key" => found.extend(KEYS),
            "Asymmetric Key" => found.extend([O::PUBLIC_KEY, O::PRIVATE_KEY]),
            "Symmetric Key" => found.push(O::SYMMETRIC_KEY),
            "Public Key" => found.push(O::PUBLIC_KEY),
            "Private Key" => found.push(O::PRIVATE_KEY),
            "Split Key" | "Split Keys of symmetric key" => found.push(O::SPLIT_KEY),
            "PGP key" => found.push(O::PGP_KEY),
            "Secret Data" => found.push(O::SECRET_DATA),
            "Certificate" | "X.509 Certificate" => found.push(O::CERTIFICATE),
            "Template" => found.push(O::TEMPLATE),
            "Opaque Object" => found.push(O::OPAQUE_OBJECT),
            _ => panic!("{cell:?}"),
        }
    }
    found
        .into_iter()
        .filter(|object_type| object_type.is_in(version))
        .map(u32::from)
        .collect()
}

/// Operations by their names, or what else sets the attribute.
fn implicit(implicit: Implicit, version: Version) -> BTreeSet<String> {
    match implicit {
        Implicit::Never => BTreeSet::new(),
        Implicit::Created => BTreeSet::from(["created".to_owned()]),
        Implicit::Rotated => BTreeSet::from(["rotated".to_owned()]),
        Implicit::Changed(tag) => BTreeSet::from([format!("changed {tag:?}")]),
        Implicit::On(operations) => {
            let known = operations
                .iter()
                .filter(|operation| operation.is_in(version));
            known
                .map(|operation| operation.name().unwrap().to_owned())
                .collect()
        }
    }
}

fn implicit_in(cell: &str) -> BTreeSet<String> {
    let one = |what: &str| BTreeSet::from([what.to_owned()]);
    match cell {
        "" | "N/A" | "Never" => BTreeSet::new(),
        "When object is created or registered"
        | "When created or registered"
        | "When object is stored" => one("created"),
        "When object is rotated" | "When object is rotated by the server" => one("rotated"),
        "When Sensitive attribute is set or changed" => {
            one(&format!("changed {:?}", tag::SENSITIVE))
        }
        // It names itself, but the prose of the section says that Extractable decides.
        "When Never Extractable attribute is set or changed" => {
            one(&format!("changed {:?}", tag::EXTRACTABLE))
        }
        "During Register operation" => one("Register"),
        _ => operations_in(cell),
    }
}

fn operations_in(cell: &str) -> BTreeSet<String> {
    // Two rows lack a comma: "Activate Certify", "Revoke Certify".
    let cell = cell
        .replace("Activate Certify", "Activate, Certify")
        .replace("Revoke Certify", "Revoke, Certify");
    let name = |part: &str| {
        let name = normalize(part.trim());
        // "Re-certify" is Re-certify here and Re-Certify where operations are listed.
        let row = Operation::TABLE
            .rows
            .iter()
            .find(|row| row.name.eq_ignore_ascii_case(&name.replace('_', "")));
        row.unwrap_or_else(|| panic!("no operation {part:?}"))
            .name
            .to_owned()
    };
    cell.split(',').map(name).collect()
}
