//! Templates (1.4 §2.2.6) and groups (1.4 §3.33, §3.34, §4.9).

use keyward::protocol::enumeration::{
    CryptographicAlgorithm, ObjectGroupMember, ObjectType, Operation, ResultReason,
};
use keyward::protocol::tag;
use ttlv::Value;

use crate::message::*;
use crate::server;

/// Payload of a Register for a Template of this name with these attributes.
fn registered(called: &str, inner: Vec<Item>) -> Vec<Item> {
    vec![
        number(tag::OBJECT_TYPE, ObjectType::TEMPLATE.0),
        template(vec![name(called)]),
        structure(tag::TEMPLATE, inner),
    ]
}

fn named_template(called: &str) -> Item {
    structure(
        tag::NAME,
        vec![text(tag::NAME_VALUE, called), number(tag::NAME_TYPE, 1)],
    )
}

fn algorithm() -> Item {
    let aes = CryptographicAlgorithm::AES.0;
    attribute("Cryptographic Algorithm", Value::Enumeration(aes))
}

fn length(bits: i32) -> Item {
    attribute("Cryptographic Length", Value::Integer(bits))
}

fn symmetric(attributes: Vec<Item>) -> Vec<Item> {
    vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        template(attributes),
    ]
}

#[test]
fn a_template_gives_its_attributes_to_what_names_it() {
    let mut client = server::shared().connect();
    let called = unique("template");
    let inner = vec![
        algorithm(),
        length(128),
        mask(4),
        text_attribute("x-Purpose", "backup"),
        text_attribute("Object Group", &called),
    ];
    let id = client.made(
        V1_2,
        Operation::REGISTER,
        registered(&called, inner.clone()),
    );
    // It comes back as it was.
    let got = client.ask(V1_2, Operation::GET, vec![uid(&id)]).ok();
    let kept = got.child(tag::TEMPLATE).unwrap();
    assert_eq!(named(kept), named(&structure(tag::TEMPLATE, inner)));
    // Alone, and with what the request says itself.
    for (extra, bits) in [(Vec::new(), 128), (vec![length(256)], 256)] {
        let mut attributes = vec![named_template(&called)];
        attributes.extend(extra);
        let key = client.made(V1_2, Operation::CREATE, symmetric(attributes));
        let found = client.attributes(
            V1_2,
            &key,
            &["Cryptographic Length", "x-Purpose", "Name", "Object Group"],
        );
        let values: Vec<_> = found
            .into_iter()
            .map(|(name, _, value)| (name, value))
            .collect();
        assert_eq!(
            values,
            [
                ("Cryptographic Length".to_owned(), Value::Integer(bits)),
                ("x-Purpose".to_owned(), Value::TextString("backup".into())),
                (
                    "Object Group".to_owned(),
                    Value::TextString(called.clone().into())
                ),
            ]
        );
    }
    // For both halves of a pair.
    let rsa = unique("rsa");
    let pair = vec![
        attribute(
            "Cryptographic Algorithm",
            Value::Enumeration(CryptographicAlgorithm::RSA.0),
        ),
        length(2048),
    ];
    client.made(V1_2, Operation::REGISTER, registered(&rsa, pair));
    let payload = vec![
        structure(tag::COMMON_TEMPLATE_ATTRIBUTE, vec![named_template(&rsa)]),
        structure(tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE, vec![mask(1)]),
        structure(tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE, vec![mask(2)]),
    ];
    client.ask(V1_2, Operation::CREATE_KEY_PAIR, payload).ok();
}

#[test]
fn templates_have_a_life_and_limits_of_their_own() {
    let mut client = server::shared().connect();
    let called = unique("template");
    // 1.4 §11.4: no Name inside, and nothing that only the server sets.
    for inner in [
        name(&unique("inner")),
        attribute("State", Value::Enumeration(2)),
    ] {
        let refused = client.ask(V1_2, Operation::REGISTER, registered(&called, vec![inner]));
        assert!(refused.reason.is_some());
    }
    let id = client.made(
        V1_2,
        Operation::REGISTER,
        registered(&called, vec![length(128)]),
    );
    let located = vec![
        attribute("Object Type", Value::Enumeration(ObjectType::TEMPLATE.0)),
        name(&called),
    ];
    assert_eq!(client.locate(V1_2, located.clone()), [id.as_str()]);
    // It has no state and no secret.
    let names = ["State", "Digest", "Lease Time", "Name", "Object Type"];
    let found = client.attributes(V1_2, &id, &names);
    let found: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(found, ["Name", "Object Type"]);
    let activate = client.ask(V1_2, Operation::ACTIVATE, vec![uid(&id)]);
    assert_eq!(activate.fails(), ResultReason::ILLEGAL_OPERATION);
    // 2.x has no templates.
    let get = client.ask(V2_1, Operation::GET, vec![uid(&id)]);
    assert_eq!(get.fails(), ResultReason::FEATURE_NOT_SUPPORTED);
    client.ask(V1_2, Operation::ARCHIVE, vec![uid(&id)]).ok();
    let key = || symmetric(vec![named_template(&called), algorithm(), mask(4)]);
    let archived = client.ask(V1_2, Operation::CREATE, key());
    assert_eq!(archived.fails(), ResultReason::OBJECT_ARCHIVED);
    client.ask(V1_2, Operation::RECOVER, vec![uid(&id)]).ok();
    client.made(V1_2, Operation::CREATE, key());
    client.ask(V1_2, Operation::DESTROY, vec![uid(&id)]).ok();
    let gone = client.ask(V1_2, Operation::CREATE, key());
    assert_eq!(gone.fails(), ResultReason::ITEM_NOT_FOUND);
    assert!(client.locate(V1_2, located).is_empty());
}

#[test]
fn a_group_has_fresh_members_and_a_default_one() {
    let mut client = server::shared().connect();
    let group = unique("group");
    let member = || aes(vec![text_attribute("Object Group", &group)]);
    let keys: Vec<String> = (0..3)
        .map(|_| client.made(V1_2, Operation::CREATE, member()))
        .collect();
    let fresh = || {
        vec![
            number(
                tag::OBJECT_GROUP_MEMBER,
                ObjectGroupMember::GROUP_MEMBER_FRESH.0,
            ),
            text_attribute("Object Group", &group),
        ]
    };
    for left in (1..=3).rev() {
        let found = client.locate(V1_2, fresh());
        assert_eq!(found.len(), left);
        client.ask(V1_2, Operation::GET, vec![uid(&found[0])]).ok();
    }
    assert!(client.locate(V1_2, fresh()).is_empty());
    let found = client.attributes(V1_2, &keys[0], &["Fresh"]);
    assert_eq!(found[0].2, Value::Boolean(false));
    // The newest that can be used, else the newest.
    let default = || {
        vec![
            number(
                tag::OBJECT_GROUP_MEMBER,
                ObjectGroupMember::GROUP_MEMBER_DEFAULT.0,
            ),
            text_attribute("Object Group", &group),
        ]
    };
    assert_eq!(client.locate(V1_2, default()), [keys[2].as_str()]);
    for key in [&keys[0], &keys[1]] {
        client.ask(V1_2, Operation::ACTIVATE, vec![uid(key)]).ok();
    }
    assert_eq!(client.locate(V1_2, default()), [keys[1].as_str()]);
}

#[test]
fn usage_limits_are_located_by_what_is_left() {
    let mut client = server::shared().connect();
    let marker = unique("limited");
    let limits = |total: i64| {
        let value = vec![
            Item::new(tag::USAGE_LIMITS_TOTAL, Value::LongInteger(total)),
            number(tag::USAGE_LIMITS_UNIT, 2),
        ];
        attribute("Usage Limits", Value::Structure(value))
    };
    let mut keys = Vec::new();
    for total in [5, 10, 20] {
        let attributes = vec![
            limits(total),
            text_attribute("x-Marker", &marker),
            attribute("Activation Date", Value::DateTime(1_000_000)),
        ];
        keys.push(client.made(V1_4, Operation::CREATE, aes(attributes)));
    }
    let mut take = vec![uid(&keys[2])];
    take.push(Item::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(13)));
    client.ask(V1_4, Operation::GET_USAGE_ALLOCATION, take).ok();
    let asked = |tag, number| {
        let value = vec![Item::new(tag, Value::LongInteger(number))];
        vec![
            attribute("Usage Limits", Value::Structure(value)),
            text_attribute("x-Marker", &marker),
        ]
    };
    for (tag, number, expected) in [
        (tag::USAGE_LIMITS_TOTAL, 10, vec![2, 1]),
        (tag::USAGE_LIMITS_TOTAL, 21, vec![]),
        (tag::USAGE_LIMITS_COUNT, 5, vec![2, 1, 0]),
        (tag::USAGE_LIMITS_COUNT, 8, vec![1]),
    ] {
        let expected: Vec<&str> = expected
            .into_iter()
            .map(|place: usize| keys[place].as_str())
            .collect();
        assert_eq!(
            client.locate(V1_4, asked(tag, number)),
            expected,
            "{number}"
        );
    }
    let mut check = vec![uid(&keys[2])];
    check.push(Item::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(8)));
    let refused = client.ask(V1_4, Operation::CHECK, check);
    assert_eq!(refused.fails(), ResultReason::PERMISSION_DENIED);
    let mut check = vec![uid(&keys[2])];
    check.push(Item::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(7)));
    client.ask(V1_4, Operation::CHECK, check).ok();
}

#[test]
fn application_data_is_made_where_the_namespace_is_ours() {
    let mut client = server::shared().connect();
    let information = |namespace: &str| {
        attribute(
            "Application Specific Information",
            Value::Structure(vec![text(tag::APPLICATION_NAMESPACE, namespace)]),
        )
    };
    let key = client.made(V1_4, Operation::CREATE, aes(vec![information("keyward")]));
    let found = client.attributes(V1_4, &key, &["Application Specific Information"]);
    let Value::Structure(fields) = &found[0].2 else {
        panic!("{found:?}");
    };
    assert_eq!(fields.len(), 2);
    assert_eq!(fields[1].tag, tag::APPLICATION_DATA);
    let refused = client.ask(V1_4, Operation::CREATE, aes(vec![information("other")]));
    assert_eq!(
        refused.fails(),
        ResultReason::APPLICATION_NAMESPACE_NOT_SUPPORTED
    );
}
