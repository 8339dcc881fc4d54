//! MongoDB, Percona Server and pg_tde (libkmip), MySQL Enterprise.

use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, KeyFormatType, ObjectType, Operation, PaddingMethod,
    ResultReason, SecretDataType, State,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::appliances::revoke;
use crate::message::*;
use crate::server;

#[test]
fn libmongocrypt_counts_one_item_and_sends_two() {
    let mut client = server::shared().connect();
    let seed = [0x5a; 96];
    let register = secret(SecretDataType::SEED, KeyFormatType::RAW, &seed, Vec::new());
    let request = Request::new(V1_4)
        .item(Operation::REGISTER, Some(b"A"), register)
        .item(Operation::ACTIVATE, Some(b"B"), Vec::new())
        .counted(1);
    let answers = client.send(&request).answers;
    assert_eq!(
        answers.len(),
        2,
        "docs/decisions/protocol.md: all are processed"
    );
    assert_eq!(
        (answers[0].id.as_deref(), answers[1].id.as_deref()),
        (Some(&b"A"[..]), Some(&b"B"[..]))
    );
    let key = identifier(&answers[0].clone().ok());
    assert_eq!(
        identifier(&answers[1].clone().ok()),
        key,
        "Activate goes by the ID Placeholder"
    );
    let got = client.ask(V1_4, Operation::GET, vec![uid(&key)]).ok();
    assert_eq!(material(&got, tag::SECRET_DATA), seed);
    let kind = path(&got, &[tag::SECRET_DATA, tag::SECRET_DATA_TYPE]);
    assert_eq!(enumeration(kind), SecretDataType::SEED.0);
    let state = client.attributes(V1_4, &key, &["State"]);
    assert_eq!(state[0].2, Value::Enumeration(State::ACTIVE.0));
}

#[test]
fn mongodb_has_the_server_make_the_iv() {
    let mut client = server::shared().connect();
    let key = client.made(V1_2, Operation::CREATE, aes(Vec::new()));
    client.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]).ok();
    let parameters = |more: Vec<Item>| {
        let mut fields = vec![
            number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::CBC.0),
            number(tag::PADDING_METHOD, PaddingMethod::PKCS5.0),
            number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        ];
        fields.extend(more);
        structure(tag::CRYPTOGRAPHIC_PARAMETERS, fields)
    };
    let data = [3; 96];
    let random = parameters(vec![boolean(tag::RANDOM_IV, true)]);
    let sealed = client
        .ask(
            V1_2,
            Operation::ENCRYPT,
            vec![uid(&key), random, bytes(tag::DATA, &data)],
        )
        .ok();
    let iv = byte_string(
        sealed
            .child(tag::IV_COUNTER_NONCE)
            .expect("the IV that the server made"),
    );
    assert_eq!(iv.len(), 16);
    let sealed = byte_string(sealed.child(tag::DATA).unwrap());
    let payload = vec![
        uid(&key),
        parameters(Vec::new()),
        bytes(tag::DATA, &sealed),
        bytes(tag::IV_COUNTER_NONCE, &iv),
    ];
    let opened = client.ask(V1_2, Operation::DECRYPT, payload).ok();
    assert_eq!(byte_string(opened.child(tag::DATA).unwrap()), data);
}

#[test]
fn mongodb_enterprise_registers_an_opaque_seed_without_a_use() {
    let mut client = server::shared().connect();
    let seed = [0x11; 96];
    let payload = secret(
        SecretDataType::SEED,
        KeyFormatType::OPAQUE,
        &seed,
        vec![mask(0)],
    );
    let key = client.made(V1_0, Operation::REGISTER, payload);
    client.ask(V1_0, Operation::ACTIVATE, vec![uid(&key)]).ok();
    assert_eq!(
        material(
            &client.ask(V1_0, Operation::GET, vec![uid(&key)]).ok(),
            tag::SECRET_DATA
        ),
        seed
    );
    assert_eq!(
        client.attributes(V1_0, &key, &["State"])[0].2,
        Value::Enumeration(State::ACTIVE.0)
    );
}

/// libkmip's header: the largest answer it takes, and its clock.
fn libkmip(version: (i32, i32), operation: Operation, payload: Vec<Item>) -> Request {
    Request::new(version)
        .header(integer(tag::MAXIMUM_RESPONSE_SIZE, 8192))
        .header(date(tag::TIME_STAMP, 1_700_000_000))
        .item(operation, None, payload)
}

#[test]
fn percona_mixes_versions_on_a_connection_and_pages_in_1_0() {
    let mut client = server::shared().connect();
    let group = unique("pg_tde");
    let mut made = Vec::new();
    for number_of in 0..18 {
        let version = if number_of % 2 == 0 { V1_4 } else { V1_0 };
        let attributes = vec![
            mask(ENCRYPT_DECRYPT),
            name(&unique("tde")),
            text_attribute("Object Group", &group),
        ];
        let register = libkmip(
            version,
            Operation::REGISTER,
            raw_aes(&[number_of; 32], attributes),
        );
        let key = identifier(&client.send(&register).answers.remove(0).ok());
        assert!(key.len() < 64, "libkmip has room for 64 bytes");
        client
            .send(&libkmip(version, Operation::ACTIVATE, vec![uid(&key)]))
            .answers
            .remove(0)
            .ok();
        made.push(key);
    }
    let page = |offset| {
        let filter = vec![
            integer(tag::MAXIMUM_ITEMS, 16),
            integer(tag::OFFSET_ITEMS, offset),
            attribute(
                "Object Type",
                Value::Enumeration(ObjectType::SYMMETRIC_KEY.0),
            ),
            text_attribute("Object Group", &group),
        ];
        libkmip(V1_0, Operation::LOCATE, filter)
    };
    let first = client.send(&page(0)).answers.remove(0).ok();
    assert!(
        first.child(tag::LOCATED_ITEMS).is_none(),
        "Located Items came with 1.3"
    );
    let mut found = identifiers(&first);
    assert_eq!(found.len(), 16);
    found.extend(identifiers(&client.send(&page(16)).answers.remove(0).ok()));
    made.reverse();
    assert_eq!(found, made, "newest first, none twice, none left out");
    for key in &found[..2] {
        let got = client
            .send(&libkmip(V1_0, Operation::GET, vec![uid(key)]))
            .answers
            .remove(0)
            .ok();
        assert_eq!(material(&got, tag::SYMMETRIC_KEY).len(), 32);
        let name = client.attributes(V1_0, key, &["Name"]);
        assert_eq!(name.len(), 1);
        client
            .send(&libkmip(V1_4, Operation::REVOKE, revoke(key)))
            .answers
            .remove(0)
            .ok();
        client
            .send(&libkmip(V1_4, Operation::DESTROY, vec![uid(key)]))
            .answers
            .remove(0)
            .ok();
    }
}

#[test]
fn an_answer_larger_than_libkmip_takes_is_refused_as_too_large() {
    let mut client = server::shared().connect();
    let value = [1; 9000];
    let register = secret(
        SecretDataType::PASSWORD,
        KeyFormatType::OPAQUE,
        &value,
        Vec::new(),
    );
    let key = client.made(V1_4, Operation::REGISTER, register);
    let get = libkmip(V1_0, Operation::GET, vec![uid(&key)]);
    client.write(&get.encode());
    let answer = client.read_bytes();
    assert!(answer.len() <= 8192);
    let answer = client.send(&get).answers.remove(0);
    assert_eq!(answer.fails(), ResultReason::RESPONSE_TOO_LARGE);
    let larger = Request::new(V1_0)
        .header(integer(tag::MAXIMUM_RESPONSE_SIZE, 280_000))
        .item(Operation::GET, None, vec![uid(&key)]);
    assert_eq!(
        material(
            &client.send(&larger).answers.remove(0).ok(),
            tag::SECRET_DATA
        ),
        value
    );
}

#[test]
fn keyring_okv_writes_the_index_before_the_value_and_a_storage_mask_as_attribute() {
    let mut client = server::shared().connect();
    let key_name = unique("okv");
    let indexed = |name: &str, value: Value<'static>| {
        structure(
            tag::ATTRIBUTE,
            vec![
                text(tag::ATTRIBUTE_NAME, name),
                integer(tag::ATTRIBUTE_INDEX, 0),
                Node::new(tag::ATTRIBUTE_VALUE, value),
            ],
        )
    };
    let attributes = vec![
        indexed(
            "Cryptographic Algorithm",
            Value::Enumeration(CryptographicAlgorithm::AES.0),
        ),
        indexed("Cryptographic Length", Value::Integer(256)),
        indexed("Cryptographic Usage Mask", Value::Integer(ENCRYPT_DECRYPT)),
        indexed("Storage Status Mask", Value::Integer(1)),
        indexed("Name", name_value(&key_name)),
    ];
    let create = Request::new(V1_1)
        .header(integer(tag::MAXIMUM_RESPONSE_SIZE, 280_000))
        .item(
            Operation::CREATE,
            None,
            vec![
                number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
                template(attributes),
            ],
        );
    let key = identifier(&client.send(&create).answers.remove(0).ok());
    client.ask(V1_1, Operation::ACTIVATE, vec![uid(&key)]).ok();
    assert_eq!(
        material(
            &client.ask(V1_1, Operation::GET, vec![uid(&key)]).ok(),
            tag::SYMMETRIC_KEY
        )
        .len(),
        32
    );
    assert_eq!(
        client.locate(V1_1, vec![indexed("Name", name_value(&key_name))]),
        [key.as_str()]
    );
    client.ask(V1_1, Operation::REVOKE, revoke(&key)).ok();
    client.ask(V1_1, Operation::DESTROY, vec![uid(&key)]).ok();
}

#[test]
fn edbs_thales_variant_joins_vector_and_ciphertext() {
    let server = server::shared();
    let edb = server.identity(&unique("edb"), &["--profile", "edb"]);
    let mut edb = server.connect_with(&edb);
    let mut plain = server.connect();
    let key = edb.made(V1_2, Operation::CREATE, aes(Vec::new()));
    edb.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]).ok();
    let payload = |data: &[u8], iv: Option<&[u8]>| {
        let fields = vec![
            number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::CBC.0),
            number(tag::PADDING_METHOD, PaddingMethod::PKCS5.0),
            number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        ];
        let mut payload = vec![
            uid(&key),
            structure(tag::CRYPTOGRAPHIC_PARAMETERS, fields),
            bytes(tag::DATA, data),
        ];
        payload.extend(iv.map(|iv| bytes(tag::IV_COUNTER_NONCE, iv)));
        payload
    };
    let data = |payload: &Item| byte_string(payload.child(tag::DATA).unwrap());
    let clear = b"the key of a database's data";
    let sealed = edb.ask(V1_2, Operation::ENCRYPT, payload(clear, None)).ok();
    assert!(sealed.child(tag::IV_COUNTER_NONCE).is_none());
    let joined = data(&sealed);
    assert_eq!(joined.len(), 16 + 32);
    let opened = edb.ask(V1_2, Operation::DECRYPT, payload(&joined, None));
    assert_eq!(data(&opened.ok()), clear);
    // What stands before is the vector indeed, and without the profile it has its field.
    let (iv, rest) = joined.split_at(16);
    let opened = plain.ask(V1_2, Operation::DECRYPT, payload(rest, Some(iv)));
    assert_eq!(data(&opened.ok()), clear);
    let answer = plain.ask(V1_2, Operation::DECRYPT, payload(&joined, None));
    assert_eq!(answer.fails(), ResultReason::INVALID_MESSAGE);
    let short = edb.ask(V1_2, Operation::DECRYPT, payload(&joined[..15], None));
    assert_eq!(short.fails(), ResultReason::INVALID_MESSAGE);
    // A vector that the client gives stays in its field.
    let own = edb
        .ask(V1_2, Operation::ENCRYPT, payload(clear, Some(iv)))
        .ok();
    assert_eq!(data(&own), rest);
}

#[test]
fn kmipclient_registers_and_activates_and_revokes_and_destroys_in_batches() {
    let mut client = server::shared().connect();
    let key_name = unique("kmipclient");
    let attributes = vec![mask(ENCRYPT_DECRYPT), name(&key_name)];
    let made = Request::new(V1_4)
        .item(
            Operation::REGISTER,
            Some(b"1"),
            raw_aes(&[8; 32], attributes),
        )
        .item(Operation::ACTIVATE, Some(b"2"), Vec::new());
    let mut answers = client.send(&made).answers;
    assert_eq!(answers.len(), 2);
    answers.remove(1).ok();
    let key = identifier(&answers.remove(0).ok());
    for page in [256, 64, 16] {
        let filter = vec![
            integer(tag::MAXIMUM_ITEMS, page),
            integer(tag::OFFSET_ITEMS, 0),
            name(&key_name),
        ];
        assert_eq!(client.locate(V1_4, filter), [key.as_str()]);
    }
    let gone = Request::new(V1_4)
        .item(Operation::REVOKE, Some(b"1"), revoke(&key))
        .item(Operation::DESTROY, Some(b"2"), vec![uid(&key)]);
    let answers = client.send(&gone).answers;
    assert_eq!(answers.len(), 2);
    answers.into_iter().for_each(|answer| drop(answer.ok()));
    assert_eq!(client.locate(V1_4, vec![name(&key_name)]), [""; 0]);
}

#[test]
fn iris_locates_gets_and_destroys() {
    let mut client = server::shared().connect();
    let key_name = unique("iris");
    for version in [V1_0, V1_1, V1_2, V1_4] {
        let key = client.made(version, Operation::CREATE, aes(vec![name(&key_name)]));
        assert_eq!(
            client.locate(version, vec![name(&key_name)]),
            [key.as_str()]
        );
        let got = client.ask(version, Operation::GET, vec![uid(&key)]).ok();
        assert_eq!(material(&got, tag::SYMMETRIC_KEY).len(), 32);
        client
            .ask(version, Operation::DESTROY, vec![uid(&key)])
            .ok();
        assert_eq!(client.locate(version, vec![name(&key_name)]), [""; 0]);
    }
}
