//! Re-key and Re-key Key Pair: what the replacement takes over, what becomes of the replaced key, and
//! what is refused, in which words.

use keyward::protocol::enumeration::{
    BatchErrorContinuationOption, CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType,
    Operation, RecommendedCurve, ResultReason, ResultStatus, RevocationReasonCode, SecretDataType,
    State, UsageLimitsUnit,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::appliances::revoke;
use crate::message::*;
use crate::server::{self, Client};

const V2_0: (i32, i32) = (2, 0);

fn offset(seconds: u32) -> Item {
    Node::new(tag::OFFSET, Value::Interval(seconds))
}

/// The values of one attribute, as 1.4 tells them.
fn values(client: &mut Client, key: &str, name: &str) -> Vec<Value<'static>> {
    let found = client.attributes(V1_4, key, &[name]);
    found.into_iter().map(|(_, _, value)| value).collect()
}

fn date_of(client: &mut Client, key: &str, name: &str) -> Option<i64> {
    values(client, key, name).first().map(|value| match value {
        Value::DateTime(date) => *date,
        other => panic!("{other:?} is no date"),
    })
}

fn link(link_type: LinkType, to: &str) -> Value<'static> {
    Value::Structure(vec![
        number(tag::LINK_TYPE, link_type.0),
        text(tag::LINKED_OBJECT_IDENTIFIER, to),
    ])
}

fn state(client: &mut Client, key: &str) -> State {
    match values(client, key, "State")[..] {
        [Value::Enumeration(state)] => State(state),
        ref other => panic!("{other:?} is no state"),
    }
}

#[test]
fn a_replacement_takes_over_what_is_not_the_existing_keys_own() {
    let mut client = server::shared().connect();
    let called = unique("renewed");
    let limits = |count: Option<i64>| {
        let mut fields = vec![Node::new(tag::USAGE_LIMITS_TOTAL, Value::LongInteger(1000))];
        fields.extend(count.map(|n| Node::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(n))));
        fields.push(number(tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::BYTE.0));
        Value::Structure(fields)
    };
    let attributes = vec![
        name(&called),
        attribute("Activation Date", Value::DateTime(1_000_000)),
        attribute("Usage Limits", limits(None)),
        text_attribute("x-Shelf", "upper"),
        text_attribute("Contact Information", "keys@example.org"),
        attribute("Sensitive", Value::Boolean(false)),
    ];
    let old = client.made(V1_4, Operation::CREATE, aes(attributes));
    let data = vec![uid(&old), bytes(tag::DATA, &[7; 64])];
    client.ask(V1_4, Operation::ENCRYPT, data).ok();
    assert_eq!(
        values(&mut client, &old, "Usage Limits"),
        [limits(Some(936))]
    );
    let old_value = client.ask(V1_4, Operation::GET, vec![uid(&old)]).ok();
    let old_digest = values(&mut client, &old, "Digest");

    let new = client.made(V1_4, Operation::RE_KEY, vec![uid(&old)]);
    assert_ne!(new, old);
    for (attribute, wanted) in [
        ("Name", name_value(&called)),
        ("x-Shelf", Value::TextString("upper".into())),
        (
            "Contact Information",
            Value::TextString("keys@example.org".into()),
        ),
        ("Usage Limits", limits(Some(1000))),
        ("Activation Date", Value::DateTime(1_000_000)),
        ("Cryptographic Usage Mask", Value::Integer(ENCRYPT_DECRYPT)),
        ("Cryptographic Length", Value::Integer(256)),
        ("Fresh", Value::Boolean(true)),
        ("Link", link(LinkType::REPLACED_OBJECT_LINK, &old)),
    ] {
        assert_eq!(
            values(&mut client, &new, attribute),
            [wanted],
            "{attribute}"
        );
    }
    assert_eq!(state(&mut client, &new), State::ACTIVE);
    let born = date_of(&mut client, &new, "Initial Date");
    assert_eq!(born, date_of(&mut client, &new, "Original Creation Date"));
    assert!(born >= date_of(&mut client, &old, "Initial Date"));
    assert_eq!(
        values(&mut client, &new, "Random Number Generator").len(),
        1
    );
    assert_ne!(values(&mut client, &new, "Digest"), old_digest);
    let new_value = client.ask(V1_4, Operation::GET, vec![uid(&new)]).ok();
    assert_ne!(
        material(&new_value, tag::SYMMETRIC_KEY),
        material(&old_value, tag::SYMMETRIC_KEY)
    );

    // The existing key gives up its Names and nothing else: its use is no less limited than before.
    assert_eq!(values(&mut client, &old, "Name"), []);
    assert_eq!(
        values(&mut client, &old, "Link"),
        [link(LinkType::REPLACEMENT_OBJECT_LINK, &new)]
    );
    assert_eq!(
        values(&mut client, &old, "Usage Limits"),
        [limits(Some(936))]
    );
    assert_eq!(state(&mut client, &old), State::ACTIVE);
    assert_eq!(
        client.locate(V1_4, vec![name(&called)]),
        [new.as_str()],
        "by name the new key is found"
    );
}

#[test]
fn what_the_request_gives_wins_and_names_are_added() {
    let mut client = server::shared().connect();
    let (first, second) = (unique("first"), unique("second"));
    let old = client.made(
        V1_4,
        Operation::CREATE,
        aes(vec![name(&first), text_attribute("Description", "old")]),
    );
    let wanted = template(vec![
        name(&second),
        text_attribute("Description", "new"),
        attribute("Cryptographic Length", Value::Integer(128)),
        attribute("Deactivation Date", Value::DateTime(4_000_000_000)),
    ]);
    let new = client.made(V1_4, Operation::RE_KEY, vec![uid(&old), wanted]);
    assert_eq!(
        values(&mut client, &new, "Name"),
        [name_value(&first), name_value(&second)]
    );
    assert_eq!(
        values(&mut client, &new, "Description"),
        [Value::TextString("new".into())]
    );
    assert_eq!(
        date_of(&mut client, &new, "Deactivation Date"),
        Some(4_000_000_000)
    );
    let got = client.ask(V1_4, Operation::GET, vec![uid(&new)]).ok();
    assert_eq!(material(&got, tag::SYMMETRIC_KEY).len(), 16);
    // What no request that makes an object may bring.
    let next = template(vec![attribute(
        "State",
        Value::Enumeration(State::ACTIVE.0),
    )]);
    let refused = client.ask(V1_4, Operation::RE_KEY, vec![uid(&new), next]);
    assert_eq!(refused.fails(), ResultReason::PERMISSION_DENIED);
}

/// 1.4 Table 172, 2.1 Table 303.
#[test]
fn with_an_offset_the_dates_follow_the_new_activation_date() {
    let mut client = server::shared().connect();
    let dates = [
        ("Activation Date", 1_000_000),
        ("Process Start Date", 1_000_100),
        ("Protect Stop Date", 3_000_000_000),
        ("Deactivation Date", 3_000_000_500),
    ];
    let attributes = || {
        dates
            .iter()
            .map(|(name, date)| attribute(name, Value::DateTime(*date)))
            .collect()
    };
    // Without an Offset they are copied.
    let old = client.made(V1_2, Operation::CREATE, aes(attributes()));
    let new = client.made(V1_2, Operation::RE_KEY, vec![uid(&old)]);
    for (name, date) in dates {
        assert_eq!(date_of(&mut client, &new, name), Some(date), "{name}");
    }
    let old = client.made(V1_2, Operation::CREATE, aes(attributes()));
    let new = client.made(V1_2, Operation::RE_KEY, vec![uid(&old), offset(7200)]);
    let activation = date_of(&mut client, &new, "Initial Date").unwrap() + 7200;
    for (name, date) in dates {
        let moved = date + (activation - 1_000_000);
        assert_eq!(date_of(&mut client, &new, name), Some(moved), "{name}");
    }
    assert_eq!(state(&mut client, &new), State::PRE_ACTIVE);
    assert_eq!(state(&mut client, &old), State::ACTIVE);
    // A key without dates gets the one that Offset names.
    let old = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    let new = client.made(V1_2, Operation::RE_KEY, vec![uid(&old), offset(0)]);
    assert_eq!(
        date_of(&mut client, &new, "Activation Date"),
        date_of(&mut client, &new, "Initial Date")
    );
    assert_eq!(state(&mut client, &new), State::ACTIVE);
}

#[test]
fn an_offset_is_refused_beside_dates_and_without_an_activation_date() {
    let mut client = server::shared().connect();
    for name in [
        "Activation Date",
        "Process Start Date",
        "Protect Stop Date",
        "Deactivation Date",
    ] {
        let old = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
        let dated = template(vec![attribute(name, Value::DateTime(4_000_000_000))]);
        let answer = client.ask(V1_2, Operation::RE_KEY, vec![uid(&old), offset(1), dated]);
        assert_eq!(answer.fails(), ResultReason::INVALID_MESSAGE, "{name}");
    }
    let ends = attribute("Deactivation Date", Value::DateTime(4_000_000_000));
    let old = client.made(V1_2, Operation::CREATE, aes(vec![ends]));
    for (version, reason) in [
        (V1_0, ResultReason::ILLEGAL_OPERATION),
        (V1_4, ResultReason::ILLEGAL_OPERATION),
        (V2_0, ResultReason::INVALID_FIELD),
        (V2_1, ResultReason::INVALID_FIELD),
    ] {
        let answer = client.ask(version, Operation::RE_KEY, vec![uid(&old), offset(1)]);
        assert_eq!(answer.fails(), reason, "{version:?}");
    }
}

#[test]
fn what_cannot_be_renewed_is_refused() {
    let mut client = server::shared().connect();
    let secret = secret(
        SecretDataType::PASSWORD,
        KeyFormatType::RAW,
        b"open sesame",
        Vec::new(),
    );
    let secret = client.made(V1_2, Operation::REGISTER, secret);
    let replaced = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client.made(V1_2, Operation::RE_KEY, vec![uid(&replaced)]);
    let destroyed = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client
        .ask(V1_2, Operation::DESTROY, vec![uid(&destroyed)])
        .ok();
    // Only its meta-data is here (1.4 §2.1.4).
    let location = structure(
        tag::KEY_VALUE_LOCATION,
        vec![
            text(tag::KEY_VALUE_LOCATION_VALUE, "the vault"),
            number(tag::KEY_VALUE_LOCATION_TYPE, 1),
        ],
    );
    let block = vec![
        number(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0),
        number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
    ];
    let elsewhere = vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        template(vec![
            mask(ENCRYPT_DECRYPT),
            attribute("Key Value Location", location.value),
        ]),
        structure(tag::SYMMETRIC_KEY, vec![structure(tag::KEY_BLOCK, block)]),
    ];
    let elsewhere = client.made(V1_2, Operation::REGISTER, elsewhere);
    use ResultReason as R;
    let rows = [
        ("none", R::ITEM_NOT_FOUND, R::OBJECT_NOT_FOUND),
        (&secret, R::PERMISSION_DENIED, R::INVALID_OBJECT_TYPE),
        (&replaced, R::PERMISSION_DENIED, R::PERMISSION_DENIED),
        (&destroyed, R::ITEM_NOT_FOUND, R::OBJECT_DESTROYED),
        (
            &elsewhere,
            R::KEY_VALUE_NOT_PRESENT,
            R::KEY_VALUE_NOT_PRESENT,
        ),
    ];
    for (key, old, new) in rows {
        for (version, reason) in [(V1_2, old), (V2_1, new)] {
            let answer = client.ask(version, Operation::RE_KEY, vec![uid(key)]);
            assert_eq!(answer.fails(), reason, "{key} in {version:?}");
        }
    }
    let wish = structure(
        tag::PROTECTION_STORAGE_MASKS,
        // On-premises storage only, which nothing here is.
        vec![integer(tag::PROTECTION_STORAGE_MASK, 0x100)],
    );
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    let answer = client.ask(V2_1, Operation::RE_KEY, vec![uid(&key), wish]);
    assert_eq!(answer.fails(), R::PROTECTION_STORAGE_UNAVAILABLE);
    // Nothing was done to it meanwhile.
    client.made(V2_1, Operation::RE_KEY, vec![uid(&key)]);
}

#[test]
fn registered_and_compromised_keys_are_renewed_too() {
    let mut client = server::shared().connect();
    let value = [0x5a; 32];
    let old = client.made(
        V1_2,
        Operation::REGISTER,
        raw_aes(&value, vec![mask(ENCRYPT_DECRYPT)]),
    );
    client.ask(V1_2, Operation::ACTIVATE, vec![uid(&old)]).ok();
    let code = number(
        tag::REVOCATION_REASON_CODE,
        RevocationReasonCode::KEY_COMPROMISE.0,
    );
    let payload = vec![uid(&old), structure(tag::REVOCATION_REASON, vec![code])];
    client.ask(V1_2, Operation::REVOKE, payload).ok();
    let new = client.made(V1_2, Operation::RE_KEY, vec![uid(&old)]);
    assert_eq!(state(&mut client, &old), State::COMPROMISED);
    assert_eq!(state(&mut client, &new), State::ACTIVE);
    for name in [
        "Compromise Date",
        "Compromise Occurrence Date",
        "Revocation Reason",
        "Destroy Date",
    ] {
        assert_eq!(values(&mut client, &new, name), [], "{name}");
    }
    let got = client.ask(V1_2, Operation::GET, vec![uid(&new)]).ok();
    let got = material(&got, tag::SYMMETRIC_KEY);
    assert!(got.len() == 32 && got != value);
    // Deactivated keys pass on the date on which they ended, as the table has it.
    let old = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client.ask(V1_2, Operation::ACTIVATE, vec![uid(&old)]).ok();
    client.ask(V1_2, Operation::REVOKE, revoke(&old)).ok();
    let new = client.made(V1_2, Operation::RE_KEY, vec![uid(&old)]);
    assert_eq!(state(&mut client, &new), State::DEACTIVATED);
}

#[test]
fn a_key_of_class_token_stays_in_the_token() {
    let mut client = server::shared().connect();
    let class = |value| text_attribute("x-keyward-class", value);
    let old = client.made(V1_4, Operation::CREATE, aes(vec![class("token")]));
    let lowered = template(vec![class("served")]);
    let answer = client.ask(V1_4, Operation::RE_KEY, vec![uid(&old), lowered]);
    assert_eq!(answer.fails(), ResultReason::PERMISSION_DENIED);
    let new = client.made(V1_4, Operation::RE_KEY, vec![uid(&old)]);
    let got = client.ask(V1_4, Operation::GET, vec![uid(&new)]);
    assert_eq!(got.fails(), ResultReason::SENSITIVE);
    client.ask(V1_4, Operation::ACTIVATE, vec![uid(&new)]).ok();
    let data = vec![uid(&new), bytes(tag::DATA, b"used in the token")];
    client.ask(V1_4, Operation::ENCRYPT, data).ok();
    // Into the token a key may go.
    let served = client.made(V1_4, Operation::CREATE, aes(Vec::new()));
    let raised = template(vec![class("token")]);
    let new = client.made(V1_4, Operation::RE_KEY, vec![uid(&served), raised]);
    let got = client.ask(V1_4, Operation::GET, vec![uid(&new)]);
    assert_eq!(got.fails(), ResultReason::SENSITIVE);
}

fn pair(client: &mut Client, more: Vec<Item>) -> (String, String) {
    let mut common = vec![
        attribute(
            "Cryptographic Algorithm",
            Value::Enumeration(CryptographicAlgorithm::ECDSA.0),
        ),
        attribute("Cryptographic Length", Value::Integer(256)),
        attribute("Activation Date", Value::DateTime(1_000_000)),
    ];
    common.extend(more);
    let payload = vec![structure(tag::COMMON_TEMPLATE_ATTRIBUTE, common)];
    halves(&client.ask(V1_4, Operation::CREATE_KEY_PAIR, payload).ok())
}

fn halves(payload: &Item) -> (String, String) {
    let half = |tag| text_string(payload.child(tag).expect("a half"));
    (
        half(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER),
        half(tag::PUBLIC_KEY_UNIQUE_IDENTIFIER),
    )
}

#[test]
fn a_pair_is_replaced_by_a_pair() {
    let mut client = server::shared().connect();
    for version in [V1_1, V1_4, V2_1] {
        let (private, public) = pair(&mut client, Vec::new());
        let called = unique("private");
        let payload = vec![uid(&private), name(&called)];
        client.ask(V1_4, Operation::ADD_ATTRIBUTE, payload).ok();
        let request = vec![
            text(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private),
            offset(60),
        ];
        let (new_private, new_public) = halves(
            &client
                .ask(version, Operation::RE_KEY_KEY_PAIR, request)
                .ok(),
        );
        let wanted = [
            (
                &private,
                link(LinkType::PUBLIC_KEY_LINK, &public),
                link(LinkType::REPLACEMENT_OBJECT_LINK, &new_private),
            ),
            (
                &public,
                link(LinkType::PRIVATE_KEY_LINK, &private),
                link(LinkType::REPLACEMENT_OBJECT_LINK, &new_public),
            ),
            (
                &new_private,
                link(LinkType::REPLACED_OBJECT_LINK, &private),
                link(LinkType::PUBLIC_KEY_LINK, &new_public),
            ),
            (
                &new_public,
                link(LinkType::REPLACED_OBJECT_LINK, &public),
                link(LinkType::PRIVATE_KEY_LINK, &new_private),
            ),
        ];
        for (key, first, second) in wanted {
            assert_eq!(values(&mut client, key, "Link"), [first, second]);
        }
        assert_eq!(
            values(&mut client, &new_private, "Name"),
            [name_value(&called)]
        );
        assert_eq!(values(&mut client, &private, "Name"), []);
        for key in [&new_private, &new_public] {
            let activation = date_of(&mut client, key, "Initial Date").map(|born| born + 60);
            assert_eq!(date_of(&mut client, key, "Activation Date"), activation);
            assert_eq!(state(&mut client, key), State::PRE_ACTIVE);
        }
        let (old, new) = (
            values(&mut client, &public, "Digest"),
            values(&mut client, &new_public, "Digest"),
        );
        assert_ne!(old, new);
        // Once only; and by its private half.
        for (key, reason) in [
            (&private, ResultReason::PERMISSION_DENIED),
            (&new_public, {
                match version {
                    V2_1 => ResultReason::INVALID_OBJECT_TYPE,
                    _ => ResultReason::PERMISSION_DENIED,
                }
            }),
        ] {
            let request = vec![text(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, key)];
            let answer = client.ask(version, Operation::RE_KEY_KEY_PAIR, request);
            assert_eq!(answer.fails(), reason, "{version:?}");
        }
    }
}

#[test]
fn a_pair_of_class_token_stays_there_and_re_key_is_for_symmetric_keys() {
    let mut client = server::shared().connect();
    let class = text_attribute("x-keyward-class", "token");
    let (private, _) = pair(&mut client, vec![class]);
    let answer = client.ask(V2_1, Operation::RE_KEY, vec![uid(&private)]);
    assert_eq!(answer.fails(), ResultReason::INVALID_OBJECT_TYPE);
    let request = vec![text(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private)];
    let (private, public) = halves(&client.ask(V1_4, Operation::RE_KEY_KEY_PAIR, request).ok());
    let got = client.ask(V1_4, Operation::GET, vec![uid(&private)]);
    assert_eq!(got.fails(), ResultReason::SENSITIVE);
    client.ask(V1_4, Operation::GET, vec![uid(&public)]).ok();
    assert_eq!(state(&mut client, &private), State::ACTIVE);
    // Masks of one half are refused in its words (2.1 §6.1.47.1).
    for (field, reason) in [
        (
            tag::PRIVATE_PROTECTION_STORAGE_MASKS,
            ResultReason::PRIVATE_PROTECTION_STORAGE_UNAVAILABLE,
        ),
        (
            tag::PUBLIC_PROTECTION_STORAGE_MASKS,
            ResultReason::PUBLIC_PROTECTION_STORAGE_UNAVAILABLE,
        ),
    ] {
        let masks = vec![integer(tag::PROTECTION_STORAGE_MASK, 0x100)];
        let request = vec![
            text(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private),
            structure(field, masks),
        ];
        let answer = client.ask(V2_1, Operation::RE_KEY_KEY_PAIR, request);
        assert_eq!(answer.fails(), reason);
    }
}

#[test]
fn a_batch_that_is_undone_leaves_the_key_and_its_name() {
    let mut client = server::shared().connect();
    let called = unique("undone");
    let old = client.made(V1_4, Operation::CREATE, aes(vec![name(&called)]));
    let undo = number(
        tag::BATCH_ERROR_CONTINUATION_OPTION,
        BatchErrorContinuationOption::UNDO.0,
    );
    let request = |last: Operation| {
        Request::new(V1_4)
            .header(undo.clone())
            .item(Operation::RE_KEY, Some(b"1"), vec![uid(&old)])
            // Of the ID Placeholder: the replacement, which gives its Name up in turn.
            .item(Operation::RE_KEY, Some(b"2"), Vec::new())
            .item(last, Some(b"3"), vec![uid("none")])
    };
    client.write(&request(Operation::GET).encode());
    let answer = client.read();
    let items = answer.items().iter();
    let said: Vec<u32> = items
        .filter_map(|item| item.child(tag::RESULT_STATUS).map(enumeration))
        .collect();
    let (undone, failed) = (
        ResultStatus::OPERATION_UNDONE.0,
        ResultStatus::OPERATION_FAILED.0,
    );
    assert_eq!(said, [undone, undone, failed]);
    assert_eq!(values(&mut client, &old, "Name"), [name_value(&called)]);
    assert_eq!(values(&mut client, &old, "Link"), []);
    assert_eq!(client.locate(V1_4, vec![name(&called)]), [old.as_str()]);
    // The same batch without what fails.
    let whole = Request::new(V1_4)
        .header(undo.clone())
        .item(Operation::RE_KEY, Some(b"1"), vec![uid(&old)])
        .item(Operation::RE_KEY, Some(b"2"), Vec::new());
    let made: Vec<String> = client
        .send(&whole)
        .answers
        .into_iter()
        .map(|answer| identifier(&answer.ok()))
        .collect();
    assert_eq!(client.locate(V1_4, vec![name(&called)]), [made[1].as_str()]);
    assert_eq!(
        values(&mut client, &made[0], "Link"),
        [
            link(LinkType::REPLACED_OBJECT_LINK, &old),
            link(LinkType::REPLACEMENT_OBJECT_LINK, &made[1]),
        ]
    );
}

#[test]
fn of_racing_requests_one_replaces_the_key() {
    let server = server::shared();
    let called = unique("raced");
    let mut client = server.connect();
    for _ in 0..5 {
        let old = client.made(V1_4, Operation::CREATE, aes(vec![name(&called)]));
        let barrier = std::sync::Barrier::new(6);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..6)
                .map(|_| {
                    let (old, barrier) = (&old, &barrier);
                    scope.spawn(move || {
                        let mut client = server.connect();
                        client.ask(V1_4, Operation::CHECK, vec![uid(old)]).ok();
                        barrier.wait();
                        client.ask(V1_4, Operation::RE_KEY, vec![uid(old)])
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });
        let (made, refused): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .partition(|answer| answer.reason.is_none());
        let made: Vec<String> = made
            .into_iter()
            .map(|answer| identifier(&answer.ok()))
            .collect();
        assert_eq!(made.len(), 1);
        for answer in refused {
            assert_eq!(answer.fails(), ResultReason::PERMISSION_DENIED);
        }
        assert_eq!(client.locate(V1_4, vec![name(&called)]), made);
        assert_eq!(
            values(&mut client, &old, "Link"),
            [link(LinkType::REPLACEMENT_OBJECT_LINK, &made[0])]
        );
        client
            .ask(V1_4, Operation::DESTROY, vec![uid(&made[0])])
            .ok();
    }
}

/// The curve stands in the key only, not among its attributes.
#[test]
fn a_registered_pair_is_replaced_on_its_own_curve() {
    let mut client = server::shared().connect();
    let parameters = Value::Structure(vec![number(
        tag::RECOMMENDED_CURVE,
        RecommendedCurve::SECP256K1.0,
    )]);
    let (private, public) = pair(
        &mut client,
        vec![attribute("Cryptographic Domain Parameters", parameters)],
    );
    let mut register = |key: &str, object_type: ObjectType, object, links: Vec<Item>| {
        let got = client.ask(V1_4, Operation::GET, vec![uid(key)]).ok();
        let mut attributes = links;
        attributes.push(mask(3));
        let payload = vec![
            number(tag::OBJECT_TYPE, object_type.0),
            template(attributes),
            got.child(object).unwrap().clone(),
        ];
        client.made(V1_4, Operation::REGISTER, payload)
    };
    let public = register(&public, ObjectType::PUBLIC_KEY, tag::PUBLIC_KEY, Vec::new());
    let to_public = attribute("Link", link(LinkType::PUBLIC_KEY_LINK, &public));
    let private = register(
        &private,
        ObjectType::PRIVATE_KEY,
        tag::PRIVATE_KEY,
        vec![to_public],
    );
    assert_eq!(
        values(&mut client, &private, "Cryptographic Domain Parameters"),
        []
    );
    let request = vec![text(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private)];
    let (_, new_public) = halves(&client.ask(V1_4, Operation::RE_KEY_KEY_PAIR, request).ok());
    let wish = vec![
        uid(&new_public),
        number(tag::KEY_FORMAT_TYPE, KeyFormatType::X_509.0),
    ];
    let got = client.ask(V1_4, Operation::GET, wish).ok();
    let der = material(&got, tag::PUBLIC_KEY);
    // SECG's 1.3.132.0.10.
    let oid = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];
    assert!(der.windows(oid.len()).any(|part| part == oid), "{der:02x?}");
    // A private key without its Link has no pair that could be replaced.
    let alone = {
        let got = client.ask(V1_4, Operation::GET, vec![uid(&private)]).ok();
        let payload = vec![
            number(tag::OBJECT_TYPE, ObjectType::PRIVATE_KEY.0),
            template(vec![mask(1)]),
            got.child(tag::PRIVATE_KEY).unwrap().clone(),
        ];
        client.made(V1_4, Operation::REGISTER, payload)
    };
    let request = vec![text(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &alone)];
    let answer = client.ask(V1_4, Operation::RE_KEY_KEY_PAIR, request);
    assert_eq!(answer.fails(), ResultReason::PERMISSION_DENIED);
}

#[test]
fn a_pair_can_be_replaced_by_another_kind_of_pair() {
    let mut client = server::shared().connect();
    let (private, _) = pair(&mut client, Vec::new());
    let common = structure(
        tag::COMMON_TEMPLATE_ATTRIBUTE,
        vec![
            attribute(
                "Cryptographic Algorithm",
                Value::Enumeration(CryptographicAlgorithm::RSA.0),
            ),
            attribute("Cryptographic Length", Value::Integer(2048)),
        ],
    );
    let request = vec![text(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private), common];
    let (private, public) = halves(&client.ask(V1_4, Operation::RE_KEY_KEY_PAIR, request).ok());
    for key in [private, public] {
        assert_eq!(
            values(&mut client, &key, "Cryptographic Algorithm"),
            [Value::Enumeration(CryptographicAlgorithm::RSA.0)]
        );
        assert_eq!(
            values(&mut client, &key, "Cryptographic Length"),
            [Value::Integer(2048)]
        );
        assert_eq!(
            values(&mut client, &key, "Cryptographic Domain Parameters"),
            []
        );
        client.ask(V1_4, Operation::GET, vec![uid(&key)]).ok();
    }
}
