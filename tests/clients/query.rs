//! What Query and Discover Versions tell, version by version (1.4 §4.25, §4.26; 2.1 §6.1.40, §6.1.16).

use std::path::Path;

use keyward::operation::server::profile::PROFILES;
use keyward::protocol::enumeration::{
    ObjectType, Operation, ProfileName, QueryFunction, ResultReason,
};
use keyward::protocol::tag;
use keyward::protocol::version::Version;
use ttlv::{Tag, Value};

use crate::message::*;
use crate::server::{self, Client};

const VERSIONS: [(i32, i32); 7] = [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1)];

fn query(client: &mut Client, version: (i32, i32), functions: &[QueryFunction]) -> Item {
    let payload = functions
        .iter()
        .map(|function| number(tag::QUERY_FUNCTION, function.0))
        .collect();
    client.ask(version, Operation::QUERY, payload).ok()
}

fn numbers(payload: &Item, tag: Tag) -> Vec<u32> {
    let items = payload.items().iter().filter(|item| item.tag == tag);
    items.map(enumeration).collect()
}

fn version(of: (i32, i32)) -> Version {
    Version {
        major: of.0.try_into().unwrap(),
        minor: of.1.try_into().unwrap(),
    }
}

#[test]
fn every_operation_that_is_listed_is_there() {
    let mut client = server::shared().connect();
    for of in VERSIONS {
        let answer = query(&mut client, of, &[QueryFunction::QUERY_OPERATIONS]);
        let listed = numbers(&answer, tag::OPERATION);
        assert!(listed.contains(&Operation::QUERY.0));
        for operation in listed.iter().copied().map(Operation) {
            assert!(operation.is_in(version(of)), "{operation} in {of:?}");
            if operation == Operation::QUERY || operation == Operation::DISCOVER_VERSIONS {
                continue;
            }
            // Without payload: whatever it says, it is known.
            let answer = client.ask(of, operation, Vec::new());
            assert_ne!(
                answer.reason,
                Some(ResultReason::OPERATION_NOT_SUPPORTED.0),
                "{operation} in {of:?}"
            );
        }
        // And what is not listed is not there.
        for number in (1..0x40).filter(|number| !listed.contains(number)) {
            let answer = client.ask(of, Operation(number), Vec::new());
            assert_eq!(answer.fails(), ResultReason::OPERATION_NOT_SUPPORTED);
        }
    }
}

#[test]
fn objects_are_those_of_the_version() {
    let mut client = server::shared().connect();
    for of in VERSIONS {
        let answer = query(&mut client, of, &[QueryFunction::QUERY_OBJECTS]);
        let types = numbers(&answer, tag::OBJECT_TYPE);
        for (object_type, since, until) in [
            (ObjectType::SYMMETRIC_KEY, (1, 0), (9, 9)),
            (ObjectType::TEMPLATE, (1, 0), (1, 4)),
            (ObjectType::PGP_KEY, (1, 2), (9, 9)),
            (ObjectType::CERTIFICATE_REQUEST, (2, 0), (9, 9)),
        ] {
            let there = since <= of && of <= until;
            assert_eq!(
                types.contains(&object_type.0),
                there,
                "{object_type} in {of:?}"
            );
        }
    }
}

#[test]
fn extensions_are_listed_by_name_or_mapped_in_full() {
    let mut client = server::shared().connect();
    let (list, map) = (
        QueryFunction::QUERY_EXTENSION_LIST,
        QueryFunction::QUERY_EXTENSION_MAP,
    );
    for of in VERSIONS.into_iter().filter(|of| *of >= (1, 1)) {
        let names = query(&mut client, of, &[list]);
        assert!(!names.items().is_empty());
        for extension in names.items() {
            assert_eq!(extension.items().len(), 1, "names only");
        }
        let mapped = query(&mut client, of, &[map]);
        // With both only the map is answered.
        assert_eq!(query(&mut client, of, &[list, map]), mapped);
        let class = mapped
            .items()
            .iter()
            .find(|item| text_string(&item.items()[0]) == "x-keyward-class")
            .unwrap();
        let item_type = &class.child(tag::EXTENSION_TYPE).unwrap().value;
        let text = match of < (2, 0) {
            true => Value::Integer(7),
            false => Value::Enumeration(7),
        };
        assert_eq!(*item_type, text);
        let post_quantum = mapped
            .items()
            .iter()
            .any(|item| item.child(tag::EXTENSION_ENUMERATION).is_some());
        assert_eq!(post_quantum, of >= (2, 0));
    }
    assert!(query(&mut client, V1_0, &[list, map]).items().is_empty());
    // The tag in the map is taken as an attribute.
    let payload = vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        structure(
            tag::ATTRIBUTES,
            vec![
                number(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
                integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
                integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 12),
                text(Tag(0x54_0100), "token"),
            ],
        ),
    ];
    let key = client.made(V2_1, Operation::CREATE, payload);
    let get = client.ask(V2_1, Operation::GET, vec![uid(&key)]);
    assert_eq!(get.fails(), ResultReason::SENSITIVE);
}

#[test]
fn functions_answer_what_they_are_asked_and_no_more() {
    let mut client = server::shared().connect();
    for of in VERSIONS {
        let rows = [
            (
                QueryFunction::QUERY_SERVER_INFORMATION,
                (1, 0),
                tag::VENDOR_IDENTIFICATION,
            ),
            (
                QueryFunction::QUERY_APPLICATION_NAMESPACES,
                (1, 0),
                tag::APPLICATION_NAMESPACE,
            ),
            (QueryFunction::QUERY_RNGS, (1, 3), tag::RNG_PARAMETERS),
            (
                QueryFunction::QUERY_PROFILES,
                (1, 3),
                tag::PROFILE_INFORMATION,
            ),
            (
                QueryFunction::QUERY_CAPABILITIES,
                (1, 3),
                tag::CAPABILITY_INFORMATION,
            ),
            (
                QueryFunction::QUERY_CLIENT_REGISTRATION_METHODS,
                (1, 3),
                tag::CLIENT_REGISTRATION_METHOD,
            ),
            (
                QueryFunction::QUERY_STORAGE_PROTECTION_MASKS,
                (2, 0),
                tag::PROTECTION_STORAGE_MASKS,
            ),
        ];
        for (function, since, field) in rows {
            let answer = query(&mut client, of, &[function]);
            let there = answer.child(field).is_some();
            assert_eq!(there, of >= since, "{function} in {of:?}");
        }
        for function in [
            QueryFunction::QUERY_ATTESTATION_TYPES,
            QueryFunction::QUERY_VALIDATIONS,
            QueryFunction(0xffff),
        ] {
            assert!(query(&mut client, of, &[function]).items().is_empty());
        }
    }
}

/// What Query tells of profiles is the table, and the table what the cases prove.
#[test]
fn profiles_are_those_whose_cases_pass() {
    let mut client = server::shared().connect();
    for of in VERSIONS.into_iter().filter(|of| *of >= (1, 3)) {
        let answer = query(&mut client, of, &[QueryFunction::QUERY_PROFILES]);
        let told: Vec<ProfileName> = answer
            .items()
            .iter()
            .map(|item| ProfileName(enumeration(item.child(tag::PROFILE_NAME).unwrap())))
            .collect();
        assert!(!told.is_empty());
        for profile in &told {
            let row = PROFILES.iter().find(|row| row.name == *profile).unwrap();
            assert!(row.name.is_in(version(of)));
            assert_proven(row.cases, if of < (2, 0) { "14" } else { "21" });
        }
        let name = ProfileName::QUANTUM_SAFE_SERVER;
        assert!(of >= (2, 0) || !told.contains(&name));
    }
}

/// No mandatory case of the profile is listed as unsupported, and where the OASIS cases are at hand
/// (`scripts/test` plays them) there is one.
fn assert_proven(prefix: &str, suffix: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_case = |name: &str| name.starts_with(prefix) && name.ends_with(suffix);
    let list = std::fs::read_to_string(root.join("kmip-spec-tests/unsupported.txt")).unwrap();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (name, _) = line.split_once(':').unwrap();
        assert!(!is_case(name), "{line}");
    }
    let major = if suffix == "14" { "1.4" } else { "2.1" };
    let folder = root.join(format!("../shared/oasis/profiles/{major}/mandatory"));
    if let Ok(files) = std::fs::read_dir(folder) {
        let found = files.filter(|file| {
            let path = file.as_ref().unwrap().path();
            is_case(path.file_stem().unwrap().to_str().unwrap())
        });
        assert!(found.count() > 0, "no case proves {prefix} in {major}");
    }
}

#[test]
fn discover_versions_keeps_the_clients_order_and_answers_nothing_where_nothing_is_shared() {
    let mut client = server::shared().connect();
    let written = |(major, minor): (i32, i32)| {
        structure(
            tag::PROTOCOL_VERSION,
            vec![
                integer(tag::PROTOCOL_VERSION_MAJOR, major),
                integer(tag::PROTOCOL_VERSION_MINOR, minor),
            ],
        )
    };
    let discovered = |client: &mut Client, asked: &[(i32, i32)]| -> Vec<Item> {
        let payload = asked.iter().copied().map(written).collect();
        let answer = client.ask(V1_2, Operation::DISCOVER_VERSIONS, payload).ok();
        answer.items().to_vec()
    };
    let all: Vec<Item> = VERSIONS.into_iter().rev().map(written).collect();
    assert_eq!(discovered(&mut client, &[]), all);
    assert_eq!(
        discovered(&mut client, &[(1, 0), (2, 1), (3, 0)]),
        [written((1, 0)), written((2, 1))]
    );
    assert!(discovered(&mut client, &[(3, 0), (0, 9)]).is_empty());
}
