//! The Rotate attributes of 2.1 (§4.48 to §4.54), and rotation by the server. The shared server
//! looks every second for what is due.

use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{CryptographicAlgorithm, ObjectType, Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::{Node, Tag, Value};

use crate::appliances::revoke;
use crate::message::*;
use crate::server::{self, Client};

fn interval(tag: Tag, seconds: u32) -> Item {
    Node::new(tag, Value::Interval(seconds))
}

fn named(called: &str) -> Item {
    Node::new(tag::NAME, name_value(called))
}

/// Payload of a Create of 2.1 for AES-256.
fn key(more: Vec<Item>) -> Vec<Item> {
    let mut attributes = vec![
        number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, ENCRYPT_DECRYPT),
        date(tag::ACTIVATION_DATE, 1_000_000),
    ];
    attributes.extend(more);
    vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        structure(tag::ATTRIBUTES, attributes),
    ]
}

fn value(client: &mut Client, of: &str, tag: Tag) -> Option<Value<'static>> {
    let payload = vec![uid(of), number(tag::ATTRIBUTE_REFERENCE, tag.0)];
    let answer = client.ask(V2_1, Operation::GET_ATTRIBUTES, payload).ok();
    let attributes = answer.child(tag::ATTRIBUTES)?;
    attributes.child(tag).map(|item| item.value.clone())
}

fn is_rotated(client: &mut Client, old: &str, new: &str) {
    for (key, generation, latest) in [(old, None, false), (new, Some(1), true)] {
        assert_eq!(
            value(client, key, tag::ROTATE_GENERATION),
            generation.map(Value::Integer)
        );
        assert_eq!(
            value(client, key, tag::ROTATE_LATEST),
            Some(Value::Boolean(latest))
        );
    }
    assert_eq!(value(client, old, tag::ROTATE_DATE), None);
    assert_eq!(
        value(client, new, tag::ROTATE_DATE),
        value(client, new, tag::INITIAL_DATE)
    );
}

#[test]
fn re_key_counts_generations_and_moves_what_is_latest() {
    let mut client = server::shared().connect();
    let rotated_as = Value::Structure(vec![
        text(tag::ROTATE_NAME_VALUE, "the set"),
        number(tag::ROTATE_NAME_TYPE, 1),
    ]);
    let attributes = vec![
        boolean(tag::ROTATE_AUTOMATIC, true),
        interval(tag::ROTATE_INTERVAL, 1_000_000),
        interval(tag::ROTATE_OFFSET, 5),
        Node::new(tag::ROTATE_NAME, rotated_as.clone()),
    ];
    let first = client.made(V2_1, Operation::CREATE, key(attributes));
    // Whether the client knows these attributes or not.
    let second = client.made(V1_2, Operation::RE_KEY, vec![uid(&first)]);
    is_rotated(&mut client, &first, &second);
    let third = client.made(V2_1, Operation::RE_KEY, vec![uid(&second)]);
    assert_eq!(
        value(&mut client, &third, tag::ROTATE_GENERATION),
        Some(Value::Integer(2))
    );
    assert_eq!(
        value(&mut client, &second, tag::ROTATE_LATEST),
        Some(Value::Boolean(false))
    );
    // What it is rotated by goes with it; who was replaced is not rotated again.
    for (tag, wanted) in [
        (tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
        (tag::ROTATE_INTERVAL, Value::Interval(1_000_000)),
        (tag::ROTATE_OFFSET, Value::Interval(5)),
        (tag::ROTATE_NAME, rotated_as),
    ] {
        assert_eq!(value(&mut client, &third, tag), Some(wanted));
    }
    for replaced in [&first, &second] {
        assert_eq!(
            value(&mut client, replaced, tag::ROTATE_AUTOMATIC),
            Some(Value::Boolean(false))
        );
    }
    let latest = structure(
        tag::ATTRIBUTES,
        vec![
            boolean(tag::ROTATE_LATEST, true),
            structure(
                tag::ROTATE_NAME,
                vec![
                    text(tag::ROTATE_NAME_VALUE, "the set"),
                    number(tag::ROTATE_NAME_TYPE, 1),
                ],
            ),
        ],
    );
    assert_eq!(client.locate(V2_1, vec![latest]), [third.as_str()]);
}

/// 2.1 Tables 126 to 138: who sets, and that nobody changes.
#[test]
fn clients_set_what_they_may_and_only_once() {
    let mut client = server::shared().connect();
    for field in [
        date(tag::ROTATE_DATE, 1_000_000),
        integer(tag::ROTATE_GENERATION, 7),
        boolean(tag::ROTATE_LATEST, true),
    ] {
        let create = client.ask(V2_1, Operation::CREATE, key(vec![field.clone()]));
        assert_eq!(create.fails(), ResultReason::ATTRIBUTE_READ_ONLY);
        let old = client.made(V2_1, Operation::CREATE, key(Vec::new()));
        let set = vec![
            uid(&old),
            structure(tag::NEW_ATTRIBUTE, vec![field.clone()]),
        ];
        let set = client.ask(V2_1, Operation::SET_ATTRIBUTE, set);
        assert_eq!(set.fails(), ResultReason::READ_ONLY_ATTRIBUTE);
        let wanted = structure(tag::ATTRIBUTES, vec![field]);
        let renew = client.ask(V2_1, Operation::RE_KEY, vec![uid(&old), wanted]);
        assert_eq!(renew.fails(), ResultReason::ATTRIBUTE_READ_ONLY);
    }
    let old = client.made(V2_1, Operation::CREATE, key(Vec::new()));
    for (first, second) in [
        (
            boolean(tag::ROTATE_AUTOMATIC, false),
            boolean(tag::ROTATE_AUTOMATIC, true),
        ),
        (
            interval(tag::ROTATE_INTERVAL, 100),
            interval(tag::ROTATE_INTERVAL, 200),
        ),
        (
            interval(tag::ROTATE_OFFSET, 100),
            interval(tag::ROTATE_OFFSET, 200),
        ),
    ] {
        let set = |field: Item| vec![uid(&old), structure(tag::NEW_ATTRIBUTE, vec![field])];
        client
            .ask(V2_1, Operation::SET_ATTRIBUTE, set(first.clone()))
            .ok();
        let again = client.ask(V2_1, Operation::SET_ATTRIBUTE, set(second.clone()));
        assert_eq!(again.fails(), ResultReason::READ_ONLY_ATTRIBUTE);
        let again = client.ask(V2_1, Operation::MODIFY_ATTRIBUTE, set(second));
        assert_eq!(again.fails(), ResultReason::ATTRIBUTE_READ_ONLY);
        assert_eq!(value(&mut client, &old, first.tag), Some(first.value));
    }
}

/// The replacement that bears the name; waits for it.
fn renewed(client: &mut Client, called: &str, old: &str) -> String {
    let begun = Instant::now();
    loop {
        let filter = structure(tag::ATTRIBUTES, vec![named(called)]);
        match client.locate(V2_1, vec![filter]).as_slice() {
            [only] if only != old => return only.clone(),
            _ => assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{called} is not rotated"
            ),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_is_due_is_rotated_by_the_server() {
    let mut client = server::shared().connect();
    let called = unique("due");
    let attributes = vec![
        named(&called),
        boolean(tag::ROTATE_AUTOMATIC, true),
        interval(tag::ROTATE_INTERVAL, 3),
    ];
    let old = client.made(V2_1, Operation::CREATE, key(attributes.clone()));
    // As long, but not wanted; and revoked before it is due.
    let other = unique("not-wanted");
    let calm = client.made(
        V2_1,
        Operation::CREATE,
        key(vec![named(&other), interval(tag::ROTATE_INTERVAL, 3)]),
    );
    let gone = unique("revoked");
    let mut ended = attributes;
    ended[0] = named(&gone);
    let ended = client.made(V2_1, Operation::CREATE, key(ended));
    client.ask(V2_1, Operation::REVOKE, revoke(&ended)).ok();

    let new = renewed(&mut client, &called, &old);
    is_rotated(&mut client, &old, &new);
    let born = |client: &mut Client, key: &str| match value(client, key, tag::INITIAL_DATE) {
        Some(Value::DateTime(date)) => date,
        other => panic!("{other:?}"),
    };
    assert!(born(&mut client, &new) - born(&mut client, &old) >= 3);
    client.ask(V2_1, Operation::GET, vec![uid(&new)]).ok();
    for (called, key) in [(&other, &calm), (&gone, &ended)] {
        let filter = structure(tag::ATTRIBUTES, vec![named(called)]);
        assert_eq!(client.locate(V2_1, vec![filter]), [key.as_str()]);
    }
    // And again; a revocation ends it.
    let newer = renewed(&mut client, &called, &new);
    let answer = client.ask(V2_1, Operation::REVOKE, revoke(&newer));
    answer.ok();
}

#[test]
fn a_pair_is_rotated_as_a_pair_with_its_offset() {
    let mut client = server::shared().connect();
    let called = unique("pair");
    let common = structure(
        tag::COMMON_ATTRIBUTES,
        vec![
            number(
                tag::CRYPTOGRAPHIC_ALGORITHM,
                CryptographicAlgorithm::ECDSA.0,
            ),
            integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
            boolean(tag::ROTATE_AUTOMATIC, true),
            interval(tag::ROTATE_INTERVAL, 2),
            interval(tag::ROTATE_OFFSET, 1000),
        ],
    );
    let private = structure(tag::PRIVATE_KEY_ATTRIBUTES, vec![named(&called)]);
    let made = client
        .ask(V2_1, Operation::CREATE_KEY_PAIR, vec![common, private])
        .ok();
    let half = |tag| text_string(made.child(tag).unwrap());
    let private = half(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER);
    let public = half(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER);
    let new = renewed(&mut client, &called, &private);
    is_rotated(&mut client, &private, &new);
    assert_eq!(
        value(&mut client, &public, tag::ROTATE_LATEST),
        Some(Value::Boolean(false))
    );
    let (Some(Value::DateTime(born)), Some(Value::DateTime(active))) = (
        value(&mut client, &new, tag::INITIAL_DATE),
        value(&mut client, &new, tag::ACTIVATION_DATE),
    ) else {
        panic!("the replacement has no dates")
    };
    assert_eq!(active, born + 1000);
}
