//! Ceph's gateway, Ceph-CSI, OpenStack Barbican.

use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, KeyFormatType, ObjectType, Operation, PaddingMethod,
    SecretDataType,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::appliances::credential;
use crate::message::*;
use crate::server;

#[test]
fn ceph_rgw_creates_locates_and_gets() {
    let mut client = server::shared().connect();
    let key_name = unique("rgw");
    let sized = |request: Request| {
        request
            .header(integer(tag::MAXIMUM_RESPONSE_SIZE, 65536))
            .header(date(tag::TIME_STAMP, 1_700_000_000))
    };
    let create =
        sized(Request::new(V1_0)).item(Operation::CREATE, None, aes(vec![name(&key_name)]));
    let key = identifier(&client.send(&create).answers.remove(0).ok());
    let locate = sized(Request::new(V1_0)).item(Operation::LOCATE, None, vec![name(&key_name)]);
    assert_eq!(
        identifiers(&client.send(&locate).answers.remove(0).ok()),
        [key.as_str()]
    );
    // It never activates its keys.
    let get = sized(Request::new(V1_0)).item(Operation::GET, None, vec![uid(&key)]);
    let response = client.send(&get);
    assert_eq!(
        integer_of(response.header.child(tag::BATCH_COUNT).unwrap()),
        1
    );
    assert_eq!(
        material(&response.answers[0].payload, tag::SYMMETRIC_KEY).len(),
        32
    );
}

#[test]
fn ceph_csi_asks_for_one_version_and_encrypts_with_its_own_iv() {
    let server = server::shared();
    let id = *uuid::Uuid::new_v4().as_bytes();
    let ask = |operation, payload| {
        let answer = server
            .connect()
            .send(&Request::new(V1_4).item(operation, Some(&id), payload))
            .answers
            .remove(0);
        assert_eq!(answer.id.as_deref(), Some(&id[..]), "16 arbitrary bytes");
        answer.ok()
    };
    let version = structure(
        tag::PROTOCOL_VERSION,
        vec![
            integer(tag::PROTOCOL_VERSION_MAJOR, 1),
            integer(tag::PROTOCOL_VERSION_MINOR, 4),
        ],
    );
    let answer = ask(Operation::DISCOVER_VERSIONS, vec![version.clone()]);
    assert_eq!(answer.items(), [version]);
    let key = identifier(&ask(Operation::CREATE, aes(Vec::new())));
    ask(Operation::ACTIVATE, vec![uid(&key)]);
    let parameters = structure(
        tag::CRYPTOGRAPHIC_PARAMETERS,
        vec![
            number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::CBC.0),
            number(tag::PADDING_METHOD, PaddingMethod::PKCS5.0),
            number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        ],
    );
    let payload = |data: &[u8]| -> Vec<Item> {
        vec![
            uid(&key),
            parameters.clone(),
            bytes(tag::DATA, data),
            bytes(tag::IV_COUNTER_NONCE, &[9; 16]),
        ]
    };
    let sealed = byte_string(
        ask(Operation::ENCRYPT, payload(b"a passphrase of a volume"))
            .child(tag::DATA)
            .unwrap(),
    );
    assert_eq!(sealed.len(), 32);
    let opened = ask(Operation::DECRYPT, payload(&sealed));
    assert_eq!(
        opened.child(tag::DATA).map(Node::to_owned),
        Some(bytes(tag::DATA, b"a passphrase of a volume"))
    );
}

#[test]
fn barbican_sends_its_password_with_everything_and_keeps_triple_des() {
    let server = server::shared();
    let ask = |operation, payload| {
        let request = Request::new(V1_2)
            .header(credential())
            .item(operation, None, payload);
        server.connect().send(&request).answers.remove(0).ok()
    };
    let attributes = vec![
        attribute(
            "Cryptographic Algorithm",
            Value::Enumeration(CryptographicAlgorithm::DES3.0),
        ),
        attribute("Cryptographic Length", Value::Integer(168)),
        mask(ENCRYPT_DECRYPT),
    ];
    let payload = vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        template(attributes),
    ];
    let made = identifier(&ask(Operation::CREATE, payload));
    let secret = secret(
        SecretDataType::PASSWORD,
        KeyFormatType::OPAQUE,
        b"correct horse",
        vec![mask(2)],
    );
    let kept = identifier(&ask(Operation::REGISTER, secret));
    assert_eq!(
        material(&ask(Operation::GET, vec![uid(&kept)]), tag::SECRET_DATA),
        b"correct horse"
    );
    assert_eq!(
        material(&ask(Operation::GET, vec![uid(&made)]), tag::SYMMETRIC_KEY).len(),
        24
    );
    for key in [made, kept] {
        ask(Operation::DESTROY, vec![uid(&key)]);
    }
}
