//! Create Split Key and Join Split Key (1.4 §4.38 and §4.39, 2.1 §6.1.10 and §6.1.27).

use keyward::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType, Operation, ResultReason,
    SecretDataType, SplitKeyMethod,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::message::*;
use crate::server::{self, Client};

const XOR: SplitKeyMethod = SplitKeyMethod::XOR;
const GF2_8: SplitKeyMethod = SplitKeyMethod::POLYNOMIAL_SHARING_GF2_8;
const GF2_16: SplitKeyMethod = SplitKeyMethod::POLYNOMIAL_SHARING_GF2_16;
const PRIME: SplitKeyMethod = SplitKeyMethod::POLYNOMIAL_SHARING_PRIME_FIELD;

fn split_of(
    of: Option<&str>,
    (parts, threshold): (i32, i32),
    method: SplitKeyMethod,
    more: Vec<Item>,
) -> Vec<Item> {
    let mut payload = vec![number(tag::OBJECT_TYPE, ObjectType::SPLIT_KEY.0)];
    payload.extend(of.map(uid));
    payload.extend([
        integer(tag::SPLIT_KEY_PARTS, parts),
        integer(tag::SPLIT_KEY_THRESHOLD, threshold),
        number(tag::SPLIT_KEY_METHOD, method.0),
    ]);
    payload.extend(more);
    payload
}

fn split(client: &mut Client, of: &str, counts: (i32, i32), method: SplitKeyMethod) -> Vec<String> {
    let payload = split_of(Some(of), counts, method, vec![template(Vec::new())]);
    let parts = identifiers(&client.ask(V1_4, Operation::CREATE_SPLIT_KEY, payload).ok());
    assert_eq!(parts.len(), usize::try_from(counts.0).unwrap());
    parts
}

fn join_of(object_type: ObjectType, parts: &[&String], more: Vec<Item>) -> Vec<Item> {
    let mut payload = vec![number(tag::OBJECT_TYPE, object_type.0)];
    payload.extend(parts.iter().map(|part| uid(part)));
    payload.extend(more);
    payload
}

fn joined(client: &mut Client, object_type: ObjectType, parts: &[&String]) -> String {
    let payload = join_of(object_type, parts, Vec::new());
    client.made(V1_4, Operation::JOIN_SPLIT_KEY, payload)
}

fn fails(
    client: &mut Client,
    version: (i32, i32),
    object_type: ObjectType,
    parts: &[&String],
) -> ResultReason {
    let payload = join_of(object_type, parts, Vec::new());
    client
        .ask(version, Operation::JOIN_SPLIT_KEY, payload)
        .fails()
}

/// Key Format Type and Key Material as Get answers them, for an object under its tag.
fn got(client: &mut Client, id: &str, under: ttlv::Tag) -> (KeyFormatType, Vec<u8>) {
    let payload = client.ask(V1_4, Operation::GET, vec![uid(id)]).ok();
    let block = path(&payload, &[under, tag::KEY_BLOCK]);
    let format = enumeration(block.child(tag::KEY_FORMAT_TYPE).unwrap());
    let material = path(block, &[tag::KEY_VALUE, tag::KEY_MATERIAL]);
    (KeyFormatType(format), byte_string(material))
}

fn registered(client: &mut Client, value: &[u8], attributes: Vec<Item>) -> String {
    let payload = raw_aes(value, attributes);
    client.made(V1_4, Operation::REGISTER, payload)
}

fn flag(client: &mut Client, id: &str, name: &str) -> bool {
    let values = client.attributes(V1_4, id, &[name]);
    let Value::Boolean(value) = values[0].2 else {
        panic!("{values:?}")
    };
    value
}

#[test]
fn every_method_splits_and_joins() {
    let mut client = server::shared().connect();
    // Zeros at both ends: no method loses them.
    let mut value = [0x5a; 32];
    (value[0], value[1], value[31]) = (0, 0, 0);
    for (method, counts) in [
        (XOR, (3, 3)),
        (GF2_8, (4, 3)),
        (GF2_16, (4, 3)),
        (PRIME, (4, 3)),
    ] {
        let key = registered(&mut client, &value, vec![mask(ENCRYPT_DECRYPT)]);
        let parts = split(&mut client, &key, counts, method);
        let last = parts.len() - 1;
        let chosen = [&parts[last], &parts[0], &parts[1]];
        let whole = joined(&mut client, ObjectType::SYMMETRIC_KEY, &chosen);
        let expected = (KeyFormatType::RAW, value.to_vec());
        assert_eq!(got(&mut client, &whole, tag::SYMMETRIC_KEY), expected);
        // What the request does not say, the parts do.
        let told = client.attributes(
            V1_4,
            &whole,
            &[
                "Cryptographic Algorithm",
                "Cryptographic Length",
                "Cryptographic Usage Mask",
            ],
        );
        let values: Vec<_> = told.into_iter().map(|(_, _, value)| value).collect();
        assert_eq!(
            values,
            [
                Value::Enumeration(CryptographicAlgorithm::AES.0),
                Value::Integer(256),
                Value::Integer(ENCRYPT_DECRYPT)
            ]
        );
        // No part is the key or another part.
        let mut shares: Vec<_> = parts
            .iter()
            .map(|part| got(&mut client, part, tag::SPLIT_KEY).1)
            .collect();
        shares.push(value.to_vec());
        shares.sort();
        shares.dedup();
        assert_eq!(shares.len(), parts.len() + 1);
        assert_eq!(
            fails(&mut client, V1_4, ObjectType::SYMMETRIC_KEY, &chosen[..2]),
            ResultReason::CRYPTOGRAPHIC_FAILURE
        );
    }
}

#[test]
fn a_new_key_exists_in_its_parts_only() {
    let mut client = server::shared().connect();
    let attributes = vec![
        attribute(
            "Cryptographic Algorithm",
            Value::Enumeration(CryptographicAlgorithm::AES.0),
        ),
        attribute("Cryptographic Length", Value::Integer(128)),
        mask(ENCRYPT_DECRYPT),
    ];
    let payload = split_of(None, (3, 2), GF2_8, vec![template(attributes)]);
    let answer = client.ask(V1_4, Operation::CREATE_SPLIT_KEY, payload).ok();
    let parts = identifiers(&answer);
    let first = joined(
        &mut client,
        ObjectType::SYMMETRIC_KEY,
        &[&parts[0], &parts[1]],
    );
    let second = joined(
        &mut client,
        ObjectType::SYMMETRIC_KEY,
        &[&parts[2], &parts[1]],
    );
    let value = got(&mut client, &first, tag::SYMMETRIC_KEY);
    assert_eq!(value.1.len(), 16);
    assert_eq!(got(&mut client, &second, tag::SYMMETRIC_KEY), value);
    let asymmetric = vec![
        attribute(
            "Cryptographic Algorithm",
            Value::Enumeration(CryptographicAlgorithm::RSA.0),
        ),
        attribute("Cryptographic Length", Value::Integer(2048)),
    ];
    let payload = split_of(None, (3, 2), GF2_8, vec![template(asymmetric)]);
    assert_eq!(
        client
            .ask(V1_4, Operation::CREATE_SPLIT_KEY, payload)
            .fails(),
        ResultReason::INVALID_FIELD
    );
}

#[test]
fn links_lead_from_the_key_to_its_parts_and_from_what_is_joined_to_them() {
    let mut client = server::shared().connect();
    let key = registered(&mut client, &[7; 16], Vec::new());
    let parts = split(&mut client, &key, (2, 2), XOR);
    let whole = joined(
        &mut client,
        ObjectType::SYMMETRIC_KEY,
        &[&parts[0], &parts[1]],
    );
    let mut links = |id: &str, wanted: LinkType| -> Vec<String> {
        client
            .attributes(V1_4, id, &["Link"])
            .into_iter()
            .filter_map(|(_, _, link)| {
                let link = Node::new(tag::LINK, link);
                let is = enumeration(link.child(tag::LINK_TYPE)?) == wanted.0;
                is.then(|| text_string(link.child(tag::LINKED_OBJECT_IDENTIFIER).unwrap()))
            })
            .collect()
    };
    assert_eq!(links(&key, LinkType::CHILD_LINK), parts);
    assert_eq!(links(&parts[1], LinkType::PARENT_LINK), [key.clone()]);
    assert_eq!(links(&whole, LinkType::PARENT_LINK), parts);
}

#[test]
fn protection_goes_from_the_key_to_its_parts_and_back() {
    let mut client = server::shared().connect();
    let sensitive = attribute("Sensitive", Value::Boolean(true));
    let fixed = attribute("Extractable", Value::Boolean(false));
    let key = client.made(V1_4, Operation::CREATE, aes(vec![sensitive, fixed]));
    let parts = split(&mut client, &key, (3, 2), GF2_8);
    let whole = joined(
        &mut client,
        ObjectType::SYMMETRIC_KEY,
        &[&parts[0], &parts[2]],
    );
    for id in [&parts[0], &parts[1], &whole] {
        assert!(flag(&mut client, id, "Sensitive"));
        assert!(!flag(&mut client, id, "Extractable"));
        assert!(flag(&mut client, id, "Always Sensitive"));
        assert!(flag(&mut client, id, "Never Extractable"));
        let get = client.ask(V1_4, Operation::GET, vec![uid(id)]);
        assert_eq!(get.fails(), ResultReason::NOT_EXTRACTABLE);
    }
    // A key that could be read once is never said to have been sensitive always.
    let key = registered(&mut client, &[3; 16], Vec::new());
    let parts = split(&mut client, &key, (2, 2), XOR);
    let template = template(vec![attribute("Sensitive", Value::Boolean(true))]);
    let both = [&parts[0], &parts[1]];
    let payload = join_of(ObjectType::SYMMETRIC_KEY, &both, vec![template]);
    let whole = client.made(V1_4, Operation::JOIN_SPLIT_KEY, payload);
    assert!(flag(&mut client, &whole, "Sensitive"));
    assert!(!flag(&mut client, &whole, "Always Sensitive"));
}

#[test]
fn keys_of_class_token_are_not_split() {
    let mut client = server::shared().connect();
    let key = client.made(
        V1_4,
        Operation::CREATE,
        aes(vec![text_attribute("x-keyward-class", "token")]),
    );
    for (version, reason) in [
        (V1_4, ResultReason::FEATURE_NOT_SUPPORTED),
        (V2_1, ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS),
    ] {
        let payload = split_of(Some(&key), (3, 2), GF2_8, Vec::new());
        let answer = client.ask(version, Operation::CREATE_SPLIT_KEY, payload);
        assert_eq!(answer.fails(), reason);
    }
}

#[test]
fn parts_that_make_no_key_are_refused() {
    let mut client = server::shared().connect();
    let key = registered(&mut client, &[9; 16], Vec::new());
    let one = split(&mut client, &key, (3, 2), GF2_8);
    let two = split(&mut client, &key, (3, 2), GF2_8);
    let aes = ObjectType::SYMMETRIC_KEY;
    // Of two splits of one key, one part twice, none.
    for parts in [&[&one[0], &two[1]][..], &[&one[0], &one[0]], &[]] {
        assert_eq!(
            fails(&mut client, V1_4, aes, parts),
            ResultReason::CRYPTOGRAPHIC_FAILURE
        );
    }
    for (version, reason) in [
        (V1_4, ResultReason::INVALID_FIELD),
        (V2_1, ResultReason::INVALID_OBJECT_TYPE),
    ] {
        assert_eq!(fails(&mut client, version, aes, &[&one[0], &key]), reason);
        let certificate = fails(&mut client, version, ObjectType::CERTIFICATE, &[&one[0]]);
        assert_eq!(certificate, reason);
    }
    client
        .ask(V1_4, Operation::DESTROY, vec![uid(&one[0])])
        .ok();
    assert_eq!(
        fails(&mut client, V1_4, aes, &[&one[0], &one[1]]),
        ResultReason::ITEM_NOT_FOUND
    );
    joined(&mut client, aes, &[&one[1], &one[2]]);
    // Random bytes are no DER.
    assert_eq!(
        fails(
            &mut client,
            V1_4,
            ObjectType::PRIVATE_KEY,
            &[&one[1], &one[2]]
        ),
        ResultReason::CRYPTOGRAPHIC_FAILURE
    );
}

#[test]
fn what_cannot_be_split_so_is_refused() {
    let mut client = server::shared().connect();
    let key = registered(&mut client, &[9; 16], Vec::new());
    let prime = |text: &str| {
        let bytes = hex::decode(text).unwrap();
        Node::new(tag::PRIME_FIELD_SIZE, Value::BigInteger(bytes.into()))
    };
    let rows = [
        ((3, 4), GF2_8, Vec::new()),
        ((3, 1), GF2_8, Vec::new()),
        ((4, 3), XOR, Vec::new()),
        ((3, 2), SplitKeyMethod(0x8000_0001), Vec::new()),
        (
            (3, 2),
            GF2_8,
            vec![prime("0100000000000000000000000000000033")],
        ),
        (
            (3, 2),
            PRIME,
            vec![prime("0100000000000000000000000000000035")],
        ),
        ((3, 2), PRIME, vec![prime("7f")]),
    ];
    for (counts, method, more) in rows {
        let payload = split_of(Some(&key), counts, method, more);
        let answer = client.ask(V1_4, Operation::CREATE_SPLIT_KEY, payload);
        assert_eq!(
            answer.fails(),
            ResultReason::INVALID_FIELD,
            "{counts:?} {method}"
        );
    }
    let more = vec![prime("0100000000000000000000000000000033")];
    let payload = split_of(Some(&key), (3, 2), PRIME, more);
    client.ask(V1_4, Operation::CREATE_SPLIT_KEY, payload).ok();
    let payload = split_of(Some(&key), (256, 2), GF2_16, Vec::new());
    assert_eq!(
        client
            .ask(V2_1, Operation::CREATE_SPLIT_KEY, payload)
            .fails(),
        ResultReason::SERVER_LIMIT_EXCEEDED
    );
    // One Name is not for several objects.
    let named = vec![template(vec![name(&unique("split"))])];
    let payload = split_of(Some(&key), (2, 2), XOR, named);
    let answer = client.ask(V1_4, Operation::CREATE_SPLIT_KEY, payload);
    assert_eq!(answer.fails(), ResultReason::INVALID_FIELD);
}

/// 1.x and 2.x compute in different fields of 2^16: what was made in one version joins in the other.
#[test]
fn parts_made_in_one_version_join_in_another() {
    let mut client = server::shared().connect();
    let key = registered(&mut client, &[0x3c; 32], Vec::new());
    for (made_in, joined_in) in [(V1_4, V2_1), (V2_1, V1_4)] {
        let payload = split_of(Some(&key), (5, 3), GF2_16, Vec::new());
        let answer = client
            .ask(made_in, Operation::CREATE_SPLIT_KEY, payload)
            .ok();
        let parts = identifiers(&answer);
        let chosen = [&parts[1], &parts[2], &parts[4]];
        let payload = join_of(ObjectType::SYMMETRIC_KEY, &chosen, Vec::new());
        let whole = client.made(joined_in, Operation::JOIN_SPLIT_KEY, payload);
        let (_, value) = got(&mut client, &whole, tag::SYMMETRIC_KEY);
        assert_eq!(value, [0x3c; 32]);
    }
}

#[test]
fn secrets_and_private_keys_are_joined_as_what_they_are() {
    let mut client = server::shared().connect();
    let value = b"\0 a password with a zero before it";
    let kind = SecretDataType::PASSWORD;
    let payload = secret(kind, KeyFormatType::RAW, value, Vec::new());
    let password = client.made(V1_4, Operation::REGISTER, payload);
    for method in [GF2_8, PRIME] {
        let parts = split(&mut client, &password, (3, 2), method);
        let kind = number(tag::SECRET_DATA_TYPE, SecretDataType::SEED.0);
        let both = [&parts[0], &parts[2]];
        let payload = join_of(ObjectType::SECRET_DATA, &both, vec![kind]);
        let whole = client.made(V1_4, Operation::JOIN_SPLIT_KEY, payload);
        let (_, joined) = got(&mut client, &whole, tag::SECRET_DATA);
        assert_eq!(joined, value);
        let payload = client.ask(V1_4, Operation::GET, vec![uid(&whole)]).ok();
        let shown = path(&payload, &[tag::SECRET_DATA, tag::SECRET_DATA_TYPE]);
        assert_eq!(enumeration(shown), SecretDataType::SEED.0);
    }
    let pair = template(vec![
        attribute(
            "Cryptographic Algorithm",
            Value::Enumeration(CryptographicAlgorithm::RSA.0),
        ),
        attribute("Cryptographic Length", Value::Integer(2048)),
    ]);
    let pair = structure(tag::COMMON_TEMPLATE_ATTRIBUTE, pair.items().to_vec());
    let answer = client
        .ask(V1_4, Operation::CREATE_KEY_PAIR, vec![pair])
        .ok();
    let private = text_string(answer.child(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER).unwrap());
    let form = number(tag::KEY_FORMAT_TYPE, KeyFormatType::PKCS_8.0);
    let get = client
        .ask(V1_4, Operation::GET, vec![uid(&private), form])
        .ok();
    let place = [
        tag::PRIVATE_KEY,
        tag::KEY_BLOCK,
        tag::KEY_VALUE,
        tag::KEY_MATERIAL,
    ];
    let expected = byte_string(path(&get, &place));
    for method in [GF2_8, PRIME] {
        let parts = split(&mut client, &private, (3, 2), method);
        let whole = joined(
            &mut client,
            ObjectType::PRIVATE_KEY,
            &[&parts[2], &parts[1]],
        );
        let (format, value) = got(&mut client, &whole, tag::PRIVATE_KEY);
        assert_eq!((format, value), (KeyFormatType::PKCS_8, expected.clone()));
        let length = client.attributes(V1_4, &whole, &["Cryptographic Length"]);
        assert_eq!(length[0].2, Value::Integer(2048));
    }
}

#[test]
fn the_id_placeholder_is_the_first_part() {
    let mut client = server::shared().connect();
    let key = registered(&mut client, &[1; 16], Vec::new());
    let request = Request::new(V1_4)
        .item(
            Operation::CREATE_SPLIT_KEY,
            Some(b"1"),
            split_of(Some(&key), (3, 2), GF2_8, Vec::new()),
        )
        .item(Operation::GET, Some(b"2"), Vec::new());
    let answers = client.send(&request).answers;
    let first = identifiers(&answers[0].clone().ok())[0].clone();
    let got = answers[1].clone().ok();
    assert_eq!(identifier(&got), first);
    let part = path(&got, &[tag::SPLIT_KEY, tag::KEY_PART_IDENTIFIER]);
    assert_eq!(integer_of(part), 1);
}
