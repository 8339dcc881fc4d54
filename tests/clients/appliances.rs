//! vCenter, Synology DSM, FortiGate, VAST, Veeam.

use keyward::protocol::enumeration::{
    CredentialType, CryptographicAlgorithm, KeyFormatType, ObjectType, Operation, QueryFunction,
    RevocationReasonCode, SecretDataType, State,
};
use keyward::protocol::tag;
use ttlv::Value;

use crate::message::*;
use crate::server;

fn state(payload: &[(String, i32, Value<'static>)]) -> State {
    let Value::Enumeration(state) = payload[0].2 else {
        panic!("a State")
    };
    State(state)
}

#[test]
fn vcenter_asks_for_its_attributes_before_it_adds_them() {
    let server = server::shared();
    // Health probes: bare TCP, and TLS without a byte.
    drop(server.dial());
    server.connect().hang_up_silently();
    let mut client = server.connect();
    let versions = client
        .ask(V1_1, Operation::DISCOVER_VERSIONS, Vec::new())
        .ok();
    assert!(versions.items().len() > 1);
    let request =
        Request::new(V1_1).item(Operation::DISCOVER_VERSIONS, Some(b"QLKC0001"), Vec::new());
    assert_eq!(
        client.send(&request).answers[0].id.as_deref(),
        Some(&b"QLKC0001"[..])
    );
    let question = vec![number(
        tag::QUERY_FUNCTION,
        QueryFunction::QUERY_SERVER_INFORMATION.0,
    )];
    assert!(
        client
            .ask(V1_1, Operation::QUERY, question)
            .ok()
            .child(tag::VENDOR_IDENTIFICATION)
            .is_some()
    );
    let key = client.made(V1_1, Operation::CREATE, aes(Vec::new()));
    for name in ["x-Product_Version", "x-Vendor", "x-Product"] {
        let payload = client.ask(
            V1_1,
            Operation::GET_ATTRIBUTES,
            vec![uid(&key), text(tag::ATTRIBUTE_NAME, name)],
        );
        assert_eq!(
            payload.ok().items().len(),
            1,
            "the identifier and nothing else: {name} is not there yet"
        );
    }
    let attributes = [
        ("x-Product_Version", "7.0.3"),
        ("x-Vendor", "VMware"),
        ("x-Product", "vCenter"),
    ];
    let request =
        attributes
            .iter()
            .zip(*b"abc")
            .fold(Request::new(V1_1), |request, ((name, value), id)| {
                request.item(
                    Operation::ADD_ATTRIBUTE,
                    Some(&[b'Q', b'L', b'K', b'C', 0, 0, 0, id]),
                    vec![uid(&key), text_attribute(name, value)],
                )
            });
    let mut other = server.connect();
    let answers = other.send(&request).answers;
    for (answer, id) in answers.iter().zip(*b"abc") {
        assert_eq!(
            answer.id.as_deref(),
            Some(&[b'Q', b'L', b'K', b'C', 0, 0, 0, id][..])
        );
    }
    for (answer, (name, value)) in answers.into_iter().zip(attributes) {
        let wanted = (name.to_owned(), 0, Value::TextString(value.into()));
        assert_eq!(
            named(&answer.ok()),
            [wanted],
            "the answer repeats the attribute"
        );
    }
    let wanted = [("x-Vendor".to_owned(), 0, Value::TextString("VMware".into()))];
    assert_eq!(
        other.attributes(V1_1, &key, &["x-Vendor", "x-Component", "NoSuchName"]),
        wanted
    );
    assert_eq!(
        material(
            &other.ask(V1_1, Operation::GET, vec![uid(&key)]).ok(),
            tag::SYMMETRIC_KEY
        )
        .len(),
        32
    );
    assert_eq!(
        state(&other.attributes(V1_1, &key, &["State"])),
        State::PRE_ACTIVE
    );
    other.ask(V1_1, Operation::ACTIVATE, vec![uid(&key)]).ok();
    assert_eq!(
        state(&other.attributes(V1_1, &key, &["State"])),
        State::ACTIVE
    );
}

#[test]
fn synology_renames_its_volume_key_and_finds_it_after_a_reboot() {
    let server = server::shared();
    let volume = unique("b3c1");
    let by_name = || vec![name(&volume)];
    let mut client = server.connect();
    let functions = (1..=6)
        .map(|function| number(tag::QUERY_FUNCTION, function))
        .collect();
    client.ask(V1_2, Operation::QUERY, functions).ok();
    assert_eq!(client.locate(V1_2, by_name()), [""; 0]);
    let key = [7; 72];
    let attributes = vec![
        mask(2),
        text_attribute("Operation Policy Name", "default"),
        name(&unique(&"0123456789abcdef".repeat(8))),
    ];
    let payload = secret(
        SecretDataType::PASSWORD,
        KeyFormatType::OPAQUE,
        &key,
        attributes,
    );
    let uid_of = client.made(V1_2, Operation::REGISTER, payload);
    // One connection per operation from here on.
    let modified = server
        .connect()
        .ask(
            V1_2,
            Operation::MODIFY_ATTRIBUTE,
            vec![uid(&uid_of), name(&volume)],
        )
        .ok();
    assert_eq!(
        named(&modified),
        [("Name".to_owned(), 0, name_value(&volume))]
    );
    assert_eq!(server.connect().locate(V1_2, by_name()), [uid_of.as_str()]);
    server
        .connect()
        .ask(V1_2, Operation::ACTIVATE, vec![uid(&uid_of)])
        .ok();
    let list = server
        .connect()
        .ask(V1_2, Operation::GET_ATTRIBUTE_LIST, vec![uid(&uid_of)])
        .ok();
    let names: Vec<String> = list
        .items()
        .iter()
        .filter(|item| item.tag == tag::ATTRIBUTE_NAME)
        .map(text_string)
        .collect();
    assert!(
        names.iter().any(|name| name == "State")
            && names.iter().any(|name| name == "Operation Policy Name")
    );
    for newer in [
        "Sensitive",
        "Extractable",
        "Random Number Generator",
        "Short Unique Identifier",
    ] {
        assert!(
            !names.iter().any(|name| name == newer),
            "{newer} came after 1.2"
        );
    }
    let found = server
        .connect()
        .attributes(V1_2, &uid_of, &["State", "Object Type"]);
    assert_eq!(state(&found), State::ACTIVE);
    assert_eq!(found[1].2, Value::Enumeration(ObjectType::SECRET_DATA.0));
    let got = server
        .connect()
        .ask(V1_2, Operation::GET, vec![uid(&uid_of)])
        .ok();
    assert_eq!(material(&got, tag::SECRET_DATA), key);
    let block = path(&got, &[tag::SECRET_DATA, tag::KEY_BLOCK]);
    assert_eq!(
        enumeration(block.child(tag::KEY_FORMAT_TYPE).unwrap()),
        KeyFormatType::OPAQUE.0
    );
    assert!(block.child(tag::CRYPTOGRAPHIC_LENGTH).is_none());
    server
        .connect()
        .ask(V1_2, Operation::REVOKE, revoke(&uid_of))
        .ok();
    server
        .connect()
        .ask(V1_2, Operation::DESTROY, vec![uid(&uid_of)])
        .ok();
    assert_eq!(server.connect().locate(V1_2, by_name()), [""; 0]);
}

pub fn revoke(of: &str) -> Vec<Item> {
    let code = number(
        tag::REVOCATION_REASON_CODE,
        RevocationReasonCode::CESSATION_OF_OPERATION.0,
    );
    vec![
        uid(of),
        structure(tag::REVOCATION_REASON, vec![code]),
        date(tag::COMPROMISE_OCCURRENCE_DATE, 0),
    ]
}

/// UsernameAndPassword, of the user that the shared server is given.
pub fn credential() -> Item {
    let value = structure(
        tag::CREDENTIAL_VALUE,
        vec![
            text(tag::USERNAME, "fortigate"),
            text(tag::PASSWORD, "agreed on before"),
        ],
    );
    let kind = number(
        tag::CREDENTIAL_TYPE,
        CredentialType::USERNAME_AND_PASSWORD.0,
    );
    structure(
        tag::AUTHENTICATION,
        vec![structure(tag::CREDENTIAL, vec![kind, value])],
    )
}

#[test]
fn fortigate_locates_four_keys_in_one_batch_and_goes_on_after_a_miss() {
    let mut client = server::shared().connect();
    let stem = unique("a-b-s2s-kmip");
    let names = ["ENC-AES", "ENC-AES-32", "AUTH-SHA256", "AUTH-SHA256-32"]
        .map(|end| format!("{stem}-{end}"));
    let mut keys = Vec::new();
    for (position, key_name) in names
        .iter()
        .enumerate()
        .filter(|(position, _)| *position != 2)
    {
        let (algorithm, mask_bits) = match position < 2 {
            true => (CryptographicAlgorithm::AES, ENCRYPT_DECRYPT),
            // MAC Generate and MAC Verify.
            false => (CryptographicAlgorithm::HMAC_SHA256, 0x180),
        };
        let attributes = vec![
            attribute("Cryptographic Algorithm", Value::Enumeration(algorithm.0)),
            attribute("Cryptographic Length", Value::Integer(256)),
            mask(mask_bits),
            name(key_name),
        ];
        let payload = vec![
            number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
            template(attributes),
        ];
        let key = client.made(V1_0, Operation::CREATE, payload);
        client.ask(V1_0, Operation::ACTIVATE, vec![uid(&key)]).ok();
        keys.push(key);
    }
    let ids: Vec<Vec<u8>> = (0..4)
        .map(|number| format!("fortigate-{number:02}").into_bytes())
        .collect();
    let mut request = Request::new(V1_0)
        .header(integer(tag::MAXIMUM_RESPONSE_SIZE, 65536))
        .header(credential())
        .header(number(tag::BATCH_ERROR_CONTINUATION_OPTION, 1))
        .header(boolean(tag::BATCH_ORDER_OPTION, true));
    for (id, key_name) in ids.iter().zip(&names) {
        let filter = vec![
            integer(tag::MAXIMUM_ITEMS, 1),
            template(vec![name(key_name)]),
        ];
        request = request.item(Operation::LOCATE, Some(id), filter);
    }
    let answers = client.send(&request).answers;
    let echoed: Vec<Vec<u8>> = answers
        .iter()
        .filter_map(|answer| answer.id.clone())
        .collect();
    assert_eq!(echoed, ids);
    let found: Vec<Vec<String>> = answers
        .into_iter()
        .map(|answer| identifiers(&answer.ok()))
        .collect();
    assert_eq!(
        found,
        [
            vec![keys[0].clone()],
            vec![keys[1].clone()],
            vec![],
            vec![keys[2].clone()]
        ]
    );
}

#[test]
fn vast_names_groups_and_polls_its_key() {
    let mut client = server::shared().connect();
    let key = client.made(V1_4, Operation::CREATE, aes(Vec::new()));
    let key_name = format!("{}_1", unique("VAST_EKM_KEY_2"));
    for added in [name(&key_name), text_attribute("Object Group", "vast")] {
        client
            .ask(V1_4, Operation::ADD_ATTRIBUTE, vec![uid(&key), added])
            .ok();
    }
    client.ask(V1_4, Operation::ACTIVATE, vec![uid(&key)]).ok();
    assert_eq!(client.locate(V1_4, vec![name(&key_name)]), [key.as_str()]);
    assert_eq!(
        material(
            &client.ask(V1_4, Operation::GET, vec![uid(&key)]).ok(),
            tag::SYMMETRIC_KEY
        )
        .len(),
        32
    );
    let found = client.attributes(V1_4, &key, &["State", "Activation Date"]);
    assert_eq!(state(&found), State::ACTIVE);
    assert!(matches!(found[1].2, Value::DateTime(date) if date > 1_600_000_000));
    client.ask(V1_4, Operation::REVOKE, revoke(&key)).ok();
    client.ask(V1_4, Operation::DESTROY, vec![uid(&key)]).ok();
}

#[test]
fn vast_adds_an_operation_policy_name() {
    let mut client = server::shared().connect();
    let key = client.made(V1_4, Operation::CREATE, aes(Vec::new()));
    let policy = text_attribute("Operation Policy Name", "vast");
    client
        .ask(V1_4, Operation::ADD_ATTRIBUTE, vec![uid(&key), policy])
        .ok();
    let found = client.attributes(V1_4, &key, &["Operation Policy Name"]);
    assert_eq!(
        found,
        [(
            "Operation Policy Name".to_owned(),
            0,
            Value::TextString("vast".into())
        )]
    );
}

#[test]
fn veeam_resumes_its_session_and_fetches_its_key_pair() {
    let server = server::shared();
    let mut client = server.connect();
    let pair = client
        .ask(V1_4, Operation::CREATE_KEY_PAIR, veeam_pair())
        .ok();
    let [private, public] = [
        tag::PRIVATE_KEY_UNIQUE_IDENTIFIER,
        tag::PUBLIC_KEY_UNIQUE_IDENTIFIER,
    ]
    .map(|side| text_string(pair.child(side).unwrap()));
    drop(client);
    let mut client = server.connect();
    for key in [&private, &public] {
        client.ask(V1_4, Operation::ACTIVATE, vec![uid(key)]).ok();
    }
    assert!(
        client.is_resumed(),
        "a second connection takes up the session of the first"
    );
    for (key, object) in [(&public, tag::PUBLIC_KEY), (&private, tag::PRIVATE_KEY)] {
        let got = client.ask(V1_4, Operation::GET, vec![uid(key)]).ok();
        let value = path(&got, &[object, tag::KEY_BLOCK, tag::KEY_VALUE]);
        assert!(value.child(tag::ATTRIBUTE).is_none());
        assert!(material(&got, object).len() > 250);
    }
    for key in [&private, &public] {
        client.ask(V1_4, Operation::REVOKE, revoke(key)).ok();
        client.ask(V1_4, Operation::DESTROY, vec![uid(key)]).ok();
    }
}

/// RSA-2048 that signs and verifies.
fn veeam_pair() -> Vec<Item> {
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
    vec![
        common,
        structure(tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE, vec![mask(1)]),
        structure(tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE, vec![mask(2)]),
    ]
}
