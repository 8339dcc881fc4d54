//! Habits of the protocol itself: connections, versions, batches.

use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, Operation, QueryFunction, ResultReason,
};
use keyward::protocol::tag;

use crate::message::*;
use crate::server;

#[test]
fn pipelined_requests_are_answered_in_order_on_one_connection() {
    let mut client = server::shared().connect();
    let requests: Vec<Vec<u8>> = (0..8_u8)
        .map(|number| {
            Request::new(V1_4)
                .item(Operation::DISCOVER_VERSIONS, Some(&[number]), Vec::new())
                .encode()
        })
        .collect();
    client.write(&requests.concat());
    for number in 0..8 {
        assert_eq!(client.receive().answers[0].id, Some(vec![number]));
    }
}

#[test]
fn each_message_is_answered_in_its_own_version() {
    let mut client = server::shared().connect();
    for version in [V1_0, V1_4, (1, 3), V1_2, (2, 0), V1_1, V2_1, V1_0] {
        // Discover Versions is of 1.1.
        let operation = if version == V1_0 {
            Operation::QUERY
        } else {
            Operation::DISCOVER_VERSIONS
        };
        // `send` compares the versions.
        let payload = match operation {
            Operation::QUERY => vec![number(
                tag::QUERY_FUNCTION,
                QueryFunction::QUERY_OPERATIONS.0,
            )],
            _ => Vec::new(),
        };
        client.ask(version, operation, payload).ok();
    }
}

#[test]
fn a_version_of_the_future_is_refused_in_one_that_is_served() {
    let mut client = server::shared().connect();
    client.write(&Request::one((9, 9), Operation::LOCATE, Vec::new()).encode());
    let response = client.receive();
    assert_eq!(response.version, V2_1);
    assert_eq!(
        response.answers[0].clone().fails(),
        ResultReason::UNSUPPORTED_PROTOCOL_VERSION
    );
    // But it may ask which are.
    client.write(&Request::one((9, 9), Operation::DISCOVER_VERSIONS, Vec::new()).encode());
    let answer = client.receive().answers.remove(0).ok();
    assert_eq!(answer.items().len(), 7);
}

#[test]
fn discover_versions_keeps_the_clients_order_and_leaves_out_what_is_not_served() {
    let mut client = server::shared().connect();
    let version = |major, minor| {
        structure(
            tag::PROTOCOL_VERSION,
            vec![
                integer(tag::PROTOCOL_VERSION_MAJOR, major),
                integer(tag::PROTOCOL_VERSION_MINOR, minor),
            ],
        )
    };
    let asked = vec![version(1, 1), version(7, 0), version(2, 1), version(1, 4)];
    let answer = client.ask(V1_2, Operation::DISCOVER_VERSIONS, asked).ok();
    assert_eq!(
        answer.items(),
        [version(1, 1), version(2, 1), version(1, 4)]
    );
    let all = client
        .ask(V1_2, Operation::DISCOVER_VERSIONS, Vec::new())
        .ok();
    let newest_first = [(2, 1), (2, 0), (1, 4), (1, 3), (1, 2), (1, 1), (1, 0)];
    assert_eq!(
        all.items(),
        newest_first.map(|(major, minor)| version(major, minor))
    );
}

#[test]
fn correlation_values_and_batch_identifiers_come_back_byte_for_byte() {
    let mut client = server::shared().connect();
    let request = Request::new(V1_4)
        .header(text(tag::CLIENT_CORRELATION_VALUE, "order 66 / ü"))
        .item(Operation::GET, Some(&[0, 255, 1]), vec![uid("nothing")]);
    let response = client.send(&request);
    assert_eq!(
        response
            .header
            .child(tag::CLIENT_CORRELATION_VALUE)
            .map(text_string)
            .as_deref(),
        Some("order 66 / ü")
    );
    assert_eq!(response.answers[0].id, Some(vec![0, 255, 1]));
    assert_eq!(response.answers[0].operation, Some(Operation::GET.0));
}

#[test]
fn a_batch_without_identifiers_lives_on_the_id_placeholder() {
    let mut client = server::shared().connect();
    let key_name = unique("placeholder");
    let request = Request::new(V1_2)
        .item(Operation::CREATE, None, aes(vec![name(&key_name)]))
        .item(Operation::ACTIVATE, None, Vec::new())
        .item(Operation::LOCATE, None, vec![name(&key_name)])
        .item(
            Operation::GET_ATTRIBUTES,
            None,
            vec![text(tag::ATTRIBUTE_NAME, "State")],
        )
        .item(Operation::GET, None, Vec::new())
        .item(
            Operation::REVOKE,
            None,
            crate::appliances::revoke("x").split_off(1),
        )
        .item(Operation::DESTROY, None, Vec::new());
    let answers = client.send(&request).answers;
    assert_eq!(answers.len(), 7);
    let all: Vec<String> = answers
        .into_iter()
        .map(|answer| identifier(&answer.ok()))
        .collect();
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
}

#[test]
fn a_locate_of_several_leaves_no_placeholder() {
    let mut client = server::shared().connect();
    let group = unique("group");
    for _ in 0..2 {
        client.made(
            V1_2,
            Operation::CREATE,
            aes(vec![text_attribute("Object Group", &group)]),
        );
    }
    let request = Request::new(V1_2)
        .item(
            Operation::LOCATE,
            None,
            vec![text_attribute("Object Group", &group)],
        )
        .item(Operation::GET, None, Vec::new());
    let answers = client.send(&request).answers;
    assert_eq!(identifiers(&answers[0].payload).len(), 2);
    assert_eq!(answers[1].clone().fails(), ResultReason::ITEM_NOT_FOUND);
}

#[test]
fn an_unknown_operation_is_not_supported_and_a_broken_message_is_invalid() {
    let mut client = server::shared().connect();
    for version in [V1_0, V1_4, V2_1] {
        let answer = client.ask(version, Operation(0x7fff), Vec::new());
        assert_eq!(answer.fails(), ResultReason::OPERATION_NOT_SUPPORTED);
    }
    // A text string whose length goes past the end of its structure.
    let mut broken = Request::one(V1_2, Operation::GET, vec![uid("12345678")]).encode();
    let length = broken.len();
    broken[length - 9] = 200;
    client.write(&broken);
    let response = client.receive();
    assert_eq!(response.version, V1_2);
    assert_eq!(
        response.answers[0].clone().fails(),
        ResultReason::INVALID_MESSAGE
    );
    // The connection goes on.
    client
        .ask(V1_2, Operation::DISCOVER_VERSIONS, Vec::new())
        .ok();
}

#[test]
fn query_in_an_older_version_lists_only_what_it_has() {
    let mut client = server::shared().connect();
    let functions = [
        QueryFunction::QUERY_OPERATIONS,
        QueryFunction::QUERY_OBJECTS,
    ]
    .map(|function| number(tag::QUERY_FUNCTION, function.0));
    for (version, last_operation, last_object) in
        [(V1_0, 0x1d, 0x08), (V1_2, 0x29, 0x09), (V1_4, 0x2b, 0x09)]
    {
        let answer = client
            .ask(version, Operation::QUERY, functions.to_vec())
            .ok();
        let values = |wanted| {
            answer
                .items()
                .iter()
                .filter(move |item| item.tag == wanted)
                .map(enumeration)
        };
        assert!(values(tag::OPERATION).count() > 10);
        assert!(
            values(tag::OPERATION).all(|value| value <= last_operation),
            "{version:?}"
        );
        assert!(values(tag::OBJECT_TYPE).count() > 3);
        assert!(
            values(tag::OBJECT_TYPE).all(|value| value <= last_object),
            "{version:?}"
        );
    }
}

#[test]
fn the_gcm_tag_has_its_field_from_1_4_on_and_ends_the_data_before() {
    let mut client = server::shared().connect();
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]).ok();
    let parameters = structure(
        tag::CRYPTOGRAPHIC_PARAMETERS,
        vec![
            number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM.0),
            number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
            integer(tag::TAG_LENGTH, 16),
        ],
    );
    let payload = |data: &[u8]| {
        vec![
            uid(&key),
            parameters.clone(),
            bytes(tag::DATA, data),
            bytes(tag::IV_COUNTER_NONCE, &[4; 12]),
        ]
    };
    let old = client
        .ask(V1_2, Operation::ENCRYPT, payload(b"0123456789"))
        .ok();
    let joined = byte_string(old.child(tag::DATA).unwrap());
    assert_eq!(joined.len(), 10 + 16);
    let new = client
        .ask(V1_4, Operation::ENCRYPT, payload(b"0123456789"))
        .ok();
    let data = byte_string(new.child(tag::DATA).unwrap());
    let sealed_tag = byte_string(
        new.child(tag::AUTHENTICATED_ENCRYPTION_TAG)
            .expect("a field of its own"),
    );
    assert_eq!([data.clone(), sealed_tag.clone()].concat(), joined);
    let opened = client.ask(V1_2, Operation::DECRYPT, payload(&joined)).ok();
    assert_eq!(byte_string(opened.child(tag::DATA).unwrap()), b"0123456789");
    let mut fields = payload(&data);
    fields.push(bytes(tag::AUTHENTICATED_ENCRYPTION_TAG, &sealed_tag));
    let opened = client.ask(V1_4, Operation::DECRYPT, fields).ok();
    assert_eq!(byte_string(opened.child(tag::DATA).unwrap()), b"0123456789");
    let mut forged = joined;
    forged[25] ^= 1;
    client
        .ask(V1_2, Operation::DECRYPT, payload(&forged))
        .fails();
}

#[test]
fn a_batch_with_continue_goes_on_after_a_failed_item_and_without_stops() {
    let mut client = server::shared().connect();
    let key = client.made(V1_0, Operation::CREATE, aes(Vec::new()));
    let request = |header: Option<Item>| {
        let request = header.into_iter().fold(Request::new(V1_0), Request::header);
        request
            .item(Operation::GET, Some(b"first"), vec![uid("no such key")])
            .item(Operation::GET, Some(b"second"), vec![uid(&key)])
    };
    let answers = client
        .send(&request(Some(number(
            tag::BATCH_ERROR_CONTINUATION_OPTION,
            1,
        ))))
        .answers;
    assert_eq!(answers.len(), 2);
    assert_eq!(
        answers[0].id.as_deref(),
        Some(&b"first"[..]),
        "an item that failed has its identifier"
    );
    assert_eq!(answers[0].operation, Some(Operation::GET.0));
    assert_eq!(answers[0].clone().fails(), ResultReason::ITEM_NOT_FOUND);
    assert_eq!(identifier(&answers[1].clone().ok()), key);
    let answers = client.send(&request(None)).answers;
    assert_eq!(answers.len(), 1, "Stop is the default");
}

/// A vendor's extension in a batch item.
fn extension(critical: bool) -> Item {
    structure(
        tag::MESSAGE_EXTENSION,
        vec![
            text(tag::VENDOR_IDENTIFICATION, "ACME"),
            boolean(tag::CRITICALITY_INDICATOR, critical),
            structure(
                tag::VENDOR_EXTENSION,
                vec![text(tag::VENDOR_IDENTIFICATION, "whatever it means")],
            ),
        ],
    )
}

#[test]
fn an_extension_that_is_not_critical_is_passed_over() {
    let mut client = server::shared().connect();
    for version in [V1_0, V1_2, V1_4, V2_1] {
        let ask = |critical| {
            Request::new(version)
                .item(Operation::QUERY, None, vec![number(tag::QUERY_FUNCTION, 1)])
                .extended(extension(critical))
        };
        let answer = client.send(&ask(false)).answers.remove(0).ok();
        assert!(answer.child(tag::OPERATION).is_some());
        let refused = client.send(&ask(true)).answers.remove(0).fails();
        let reason = match version {
            V2_1 => ResultReason::UNKNOWN_MESSAGE_EXTENSION,
            _ => ResultReason::FEATURE_NOT_SUPPORTED,
        };
        assert_eq!(refused, reason);
    }
}

#[test]
fn wrapping_without_parameters_is_nist_key_wrap() {
    let mut client = server::shared().connect();
    // RFC 3394 §4.6.
    let wrapping: Vec<u8> = (0..32).collect();
    let wrapped: Vec<u8> = (0..16).map(|digit| digit * 0x11).chain(0..16).collect();
    let expected = [
        0x28, 0xC9, 0xF4, 0x04, 0xC4, 0xB8, 0x10, 0xF4, 0xCB, 0xCC, 0xB3, 0x5C, 0xFB, 0x87, 0xF8,
        0x26, 0x3F, 0x57, 0x86, 0xE2, 0xD8, 0x0E, 0xD3, 0x26, 0xCB, 0xC7, 0xF0, 0xE7, 0x1A, 0x99,
        0xF4, 0x3B, 0xFB, 0x98, 0x8B, 0x9B, 0x7A, 0x02, 0xDD, 0x21,
    ];
    let wrap_key = 0x10;
    let key = client.made(
        V1_4,
        Operation::REGISTER,
        raw_aes(&wrapping, vec![mask(wrap_key)]),
    );
    client.ask(V1_4, Operation::ACTIVATE, vec![uid(&key)]).ok();
    let attributes = vec![mask(ENCRYPT_DECRYPT)];
    let secret = client.made(V1_4, Operation::REGISTER, raw_aes(&wrapped, attributes));
    let specification = structure(
        tag::KEY_WRAPPING_SPECIFICATION,
        vec![
            number(tag::WRAPPING_METHOD, 1),
            structure(tag::ENCRYPTION_KEY_INFORMATION, vec![uid(&key)]),
            number(tag::ENCODING_OPTION, 1),
        ],
    );
    let got = client.ask(V1_4, Operation::GET, vec![uid(&secret), specification]);
    let got = got.ok();
    assert_eq!(material(&got, tag::SYMMETRIC_KEY), expected);
    // What was done is told, or the client has to know what nobody said.
    let told = path(
        &got,
        &[
            tag::SYMMETRIC_KEY,
            tag::KEY_BLOCK,
            tag::KEY_WRAPPING_DATA,
            tag::ENCRYPTION_KEY_INFORMATION,
            tag::CRYPTOGRAPHIC_PARAMETERS,
            tag::BLOCK_CIPHER_MODE,
        ],
    );
    assert_eq!(enumeration(told), BlockCipherMode::NIST_KEY_WRAP.0);
}
