//! Habits around attributes: custom ones, indices, names, Locate.

use keyward::protocol::enumeration::{ObjectType, Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::message::*;
use crate::server;

#[test]
fn custom_attributes_of_every_type_come_back_and_can_be_located() {
    let mut client = server::shared().connect();
    let marker = unique("marker");
    let values = [
        ("x-Text", Value::TextString(marker.clone().into())),
        ("x-Integer", Value::Integer(-7)),
        ("x-Long", Value::LongInteger(1 << 40)),
        (
            "x-Big",
            Value::BigInteger(vec![1, 2, 3, 4, 5, 6, 7, 8, 9].into()),
        ),
        ("x-Enumeration", Value::Enumeration(0x8000_0001)),
        ("x-Boolean", Value::Boolean(true)),
        ("x-Bytes", Value::ByteString(vec![0, 255].into())),
        ("x-Date", Value::DateTime(1_500_000_000)),
        ("x-Interval", Value::Interval(60)),
    ];
    let attributes = values
        .iter()
        .map(|(name, value)| attribute(name, value.clone()))
        .collect();
    let key = client.made(V1_2, Operation::CREATE, aes(attributes));
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    let mut found = client.attributes(V1_2, &key, &names);
    found.sort_by_key(|(name, ..)| names.iter().position(|wanted| wanted == name));
    let wanted: Vec<_> = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), 0, value.clone()))
        .collect();
    assert_eq!(found, wanted);
    let by_marker = attribute("x-Text", Value::TextString(marker.into()));
    for (name, value) in &values {
        let filter = vec![by_marker.clone(), attribute(name, value.clone())];
        assert_eq!(client.locate(V1_2, filter), [key.clone()], "by {name}");
    }
    let other = vec![by_marker, attribute("x-Integer", Value::Integer(-8))];
    assert_eq!(
        client.locate(V1_2, other),
        [""; 0],
        "all attributes must match"
    );
}

#[test]
fn names_of_attributes_are_exact_and_unknown_ones_are_ignored_when_read() {
    let mut client = server::shared().connect();
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    for unknown in ["state", "STATE", "Not An Attribute", "x-None"] {
        assert_eq!(client.attributes(V1_2, &key, &[unknown]), []);
    }
    let wrong = text_attribute("Not An Attribute", "value");
    for operation in [Operation::ADD_ATTRIBUTE, Operation::MODIFY_ATTRIBUTE] {
        let reason = client
            .ask(V1_2, operation, vec![uid(&key), wrong.clone()])
            .fails();
        assert_eq!(reason, ResultReason::INVALID_FIELD);
    }
    client
        .ask(
            V1_2,
            Operation::ADD_ATTRIBUTE,
            vec![uid(&key), text_attribute("x-Any", "value")],
        )
        .ok();
}

#[test]
fn an_operation_policy_name_is_kept_and_returned_to_1_x_only() {
    let mut client = server::shared().connect();
    let key = client.made(
        V1_2,
        Operation::CREATE,
        aes(vec![text_attribute("Operation Policy Name", "mine")]),
    );
    let wanted = [(
        "Operation Policy Name".to_owned(),
        0,
        Value::TextString("mine".into()),
    )];
    assert_eq!(
        client.attributes(V1_4, &key, &["Operation Policy Name"]),
        wanted
    );
    let all = client
        .ask(V2_1, Operation::GET_ATTRIBUTES, vec![uid(&key)])
        .ok();
    let attributes = all.child(tag::ATTRIBUTES).unwrap();
    assert!(attributes.child(tag::STATE).is_some());
    assert!(
        attributes.child(tag::OPERATION_POLICY_NAME).is_none(),
        "2.0 took it away"
    );
}

#[test]
fn modify_and_delete_attribute_repeat_the_attribute() {
    let mut client = server::shared().connect();
    let (first, second) = (unique("first"), unique("second"));
    let key = client.made(V1_2, Operation::CREATE, aes(vec![name(&first)]));
    let answer = client
        .ask(
            V1_2,
            Operation::MODIFY_ATTRIBUTE,
            vec![uid(&key), name(&second)],
        )
        .ok();
    assert_eq!(
        named(&answer),
        [("Name".to_owned(), 0, name_value(&second))]
    );
    let payload = vec![
        uid(&key),
        text(tag::ATTRIBUTE_NAME, "Name"),
        integer(tag::ATTRIBUTE_INDEX, 0),
    ];
    let answer = client
        .ask(V1_2, Operation::DELETE_ATTRIBUTE, payload.clone())
        .ok();
    assert_eq!(
        named(&answer),
        [("Name".to_owned(), 0, name_value(&second))]
    );
    assert_eq!(client.attributes(V1_2, &key, &["Name"]), []);
    client
        .ask(V1_2, Operation::DELETE_ATTRIBUTE, payload)
        .fails();
}

#[test]
fn the_first_index_is_left_out_in_1_0_and_where_there_can_be_one_only() {
    let mut client = server::shared().connect();
    let key = client.made(V1_0, Operation::CREATE, aes(vec![name(&unique("index"))]));
    let mut index_of = |version, wanted: &str| {
        let payload = vec![uid(&key), text(tag::ATTRIBUTE_NAME, wanted)];
        let answer = client.ask(version, Operation::GET_ATTRIBUTES, payload).ok();
        answer
            .child(tag::ATTRIBUTE)
            .unwrap()
            .child(tag::ATTRIBUTE_INDEX)
            .map(integer_of)
    };
    assert_eq!(index_of(V1_0, "Name"), None);
    assert_eq!(index_of(V1_2, "Name"), Some(0), "PyKMIP reads it");
    assert_eq!(index_of(V1_2, "State"), None);
}

fn application(namespace: &str, data: &str) -> Value<'static> {
    Value::Structure(vec![
        text(tag::APPLICATION_NAMESPACE, namespace),
        text(tag::APPLICATION_DATA, data),
    ])
}

#[test]
fn instances_keep_their_order_and_their_index() {
    let mut client = server::shared().connect();
    let what = "Application Specific Information";
    let values = ["one", "two", "three"].map(|data| application("LIBRARY-LTO", data));
    let attributes = values
        .iter()
        .map(|value| attribute(what, value.clone()))
        .collect();
    let key = client.made(V1_2, Operation::CREATE, aes(attributes));
    let row = |index: i32| {
        (
            what.to_owned(),
            index,
            values[usize::try_from(index).unwrap()].clone(),
        )
    };
    assert_eq!(
        client.attributes(V1_2, &key, &[what]),
        [row(0), row(1), row(2)]
    );
    let payload = vec![
        uid(&key),
        text(tag::ATTRIBUTE_NAME, what),
        integer(tag::ATTRIBUTE_INDEX, 1),
    ];
    client.ask(V1_2, Operation::DELETE_ATTRIBUTE, payload).ok();
    // 1.4 §2.1.1: an index does not change when other instances go.
    assert_eq!(client.attributes(V1_2, &key, &[what]), [row(0), row(2)]);
}

#[test]
fn tape_libraries_locate_by_a_part_of_a_structure() {
    let mut client = server::shared().connect();
    let barcode = unique("T00001L8");
    let info = attribute(
        "Application Specific Information",
        application("LIBRARY-LTO", &barcode),
    );
    let key = client.made(V1_0, Operation::CREATE, aes(vec![info.clone()]));
    assert_eq!(client.locate(V1_0, vec![info]), [key.clone()]);
    let part = Value::Structure(vec![text(tag::APPLICATION_DATA, &barcode)]);
    assert_eq!(
        client.locate(
            V1_0,
            vec![attribute("Application Specific Information", part)]
        ),
        [key]
    );
}

#[test]
fn names_are_exact_and_unique_until_the_object_is_destroyed() {
    let mut client = server::shared().connect();
    let stem = unique("Name");
    let key = client.made(V1_2, Operation::CREATE, aes(vec![name(&stem)]));
    let longer = client.made(
        V1_2,
        Operation::CREATE,
        aes(vec![name(&format!("{stem}-2"))]),
    );
    assert_eq!(
        client.locate(V1_2, vec![name(&stem)]),
        [key.clone()],
        "not the one that begins so"
    );
    assert_eq!(
        client.locate(V1_2, vec![name(&stem.to_uppercase())]),
        [""; 0],
        "case counts"
    );
    let again = client.ask(V1_2, Operation::CREATE, aes(vec![name(&stem)]));
    assert_eq!(again.fails(), ResultReason::INVALID_FIELD);
    let taken = client.ask(
        V1_2,
        Operation::MODIFY_ATTRIBUTE,
        vec![uid(&longer), name(&stem)],
    );
    // 1.4 §11.17; Create says Invalid Field (§11.2).
    assert_eq!(taken.fails(), ResultReason::ILLEGAL_OPERATION);
    client.ask(V1_2, Operation::DESTROY, vec![uid(&key)]).ok();
    client.made(V1_2, Operation::CREATE, aes(vec![name(&stem)]));
}

#[test]
fn locate_pages_newest_first_and_counts_all_from_1_3_on() {
    let mut client = server::shared().connect();
    let group = unique("page");
    let in_group = text_attribute("Object Group", &group);
    let mut made: Vec<String> = (0..5)
        .map(|_| client.made(V1_4, Operation::CREATE, aes(vec![in_group.clone()])))
        .collect();
    made.reverse();
    assert_eq!(client.locate(V1_4, vec![in_group.clone()]), made);
    let page = vec![
        integer(tag::MAXIMUM_ITEMS, 2),
        integer(tag::OFFSET_ITEMS, 1),
        in_group.clone(),
    ];
    let answer = client.ask(V1_4, Operation::LOCATE, page).ok();
    assert_eq!(identifiers(&answer), made[1..3]);
    assert_eq!(answer.child(tag::LOCATED_ITEMS).map(integer_of), Some(5));
    let none = client
        .ask(V1_4, Operation::LOCATE, vec![name(&unique("nobody"))])
        .ok();
    assert_eq!(identifiers(&none), [""; 0]);
    client
        .ask(V1_4, Operation::DESTROY, vec![uid(&made[0])])
        .ok();
    assert_eq!(
        client.locate(V1_4, vec![in_group]),
        made[1..],
        "what is destroyed is not on-line"
    );
}

#[test]
fn locate_takes_date_ranges_mask_bits_and_both_forms_of_attributes() {
    let mut client = server::shared().connect();
    let group = unique("filter");
    let in_group = text_attribute("Object Group", &group);
    let activated = |date| attribute("Activation Date", Value::DateTime(date));
    let early = client.made(
        V1_2,
        Operation::CREATE,
        aes(vec![in_group.clone(), activated(1_000)]),
    );
    let late = client.made(
        V1_2,
        Operation::CREATE,
        aes(vec![in_group.clone(), activated(5_000)]),
    );
    let mut find = |more: Vec<Item>| {
        let mut filter = vec![in_group.clone()];
        filter.extend(more);
        client.locate(V1_2, filter)
    };
    assert_eq!(find(vec![activated(0), activated(2_000)]), [early.clone()]);
    assert_eq!(
        find(vec![activated(6_000), activated(2_000)]),
        [late.clone()],
        "in either order"
    );
    assert_eq!(find(vec![activated(5_000)]), [late.clone()]);
    assert_eq!(
        find(vec![mask(4)]),
        [late.clone(), early.clone()],
        "Encrypt is one of the bits"
    );
    assert_eq!(find(vec![mask(4 | 1)]), [""; 0], "Sign is not");
    let kind = attribute(
        "Object Type",
        Value::Enumeration(ObjectType::SYMMETRIC_KEY.0),
    );
    assert_eq!(find(vec![template(vec![activated(1_000)]), kind]), [early]);
}

#[test]
fn vendor_values_of_enumerations_come_back_as_sent() {
    let mut client = server::shared().connect();
    let payload = vec![
        number(tag::OBJECT_TYPE, ObjectType::OPAQUE_OBJECT.0),
        template(Vec::new()),
        structure(
            tag::OPAQUE_OBJECT,
            vec![
                number(tag::OPAQUE_DATA_TYPE, 0x8000_0000),
                bytes(tag::OPAQUE_DATA_VALUE, b"anything"),
            ],
        ),
    ];
    let key = client.made(V1_2, Operation::REGISTER, payload);
    let got = client.ask(V1_2, Operation::GET, vec![uid(&key)]).ok();
    let object = got.child(tag::OPAQUE_OBJECT).unwrap();
    assert_eq!(
        object.child(tag::OPAQUE_DATA_TYPE).map(enumeration),
        Some(0x8000_0000)
    );
    assert_eq!(
        object.child(tag::OPAQUE_DATA_VALUE).map(Node::to_owned),
        Some(bytes(tag::OPAQUE_DATA_VALUE, b"anything"))
    );
}

#[test]
fn attributes_newer_than_the_message_are_not_shown() {
    let mut client = server::shared().connect();
    let key = client.made(
        V1_4,
        Operation::CREATE,
        aes(vec![text_attribute("Description", "of 1.4")]),
    );
    let newer = [
        (
            V1_0,
            vec![
                "Fresh",
                "Original Creation Date",
                "Sensitive",
                "Description",
            ],
        ),
        (
            V1_1,
            vec![
                "Original Creation Date",
                "Random Number Generator",
                "Sensitive",
            ],
        ),
        (
            V1_2,
            vec!["Random Number Generator", "Extractable", "Description"],
        ),
        (
            (1, 3),
            vec!["Extractable", "Never Extractable", "Description"],
        ),
    ];
    for (version, names) in newer {
        for (found, ..) in client.attributes(version, &key, &[]) {
            assert!(!names.contains(&found.as_str()), "{found} in {version:?}");
        }
        assert_eq!(
            client.attributes(version, &key, &names),
            [],
            "not when asked for by name either"
        );
    }
    assert_eq!(client.attributes(V1_4, &key, &["Description"]).len(), 1);
}
