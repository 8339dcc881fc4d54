//! Ceph's gateway, Ceph-CSI, OpenStack Barbican, OpenBao.

use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, KeyFormatType, ObjectType, Operation, PaddingMethod,
    ResultReason, SecretDataType,
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

/// It asks once which version is the newest of both and looks at the key, which its administrator made;
/// then it seals and opens the root key with vectors of its own, each time on a new connection.
#[test]
fn openbao_seals_with_aes_gcm_and_its_own_vectors() {
    let server = server::shared();
    let mut administrator = server.connect();
    let openbao = server.identity(&unique("openbao"), &["--profile", "openbao"]);
    let plain = server.identity(&unique("no-openbao"), &[]);
    let connect = || server.connect_with(&openbao);
    let versions = [(1, 4), (1, 3), (1, 2)].map(|(major, minor)| {
        structure(
            tag::PROTOCOL_VERSION,
            vec![
                integer(tag::PROTOCOL_VERSION_MAJOR, major),
                integer(tag::PROTOCOL_VERSION_MINOR, minor),
            ],
        )
    });
    let served = connect().ask(V1_4, Operation::DISCOVER_VERSIONS, versions.to_vec());
    assert_eq!(served.ok().items(), versions);
    let key = administrator.made(
        V1_4,
        Operation::CREATE,
        aes(vec![name(&unique("openbao-root"))]),
    );
    administrator
        .ask(V1_4, Operation::ACTIVATE, vec![uid(&key)])
        .ok();
    let names = [
        "Object Type",
        "Cryptographic Algorithm",
        "Cryptographic Usage Mask",
        "Link",
    ];
    assert_eq!(connect().attributes(V1_4, &key, &names).len(), 3);
    let parameters = structure(
        tag::CRYPTOGRAPHIC_PARAMETERS,
        vec![
            number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM.0),
            number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
            // In bytes, where the standard has bits; the vector is there, so nobody asks.
            integer(tag::IV_LENGTH, 12),
            integer(tag::TAG_LENGTH, 16),
        ],
    );
    let root = b"the key that opens all barriers.";
    for (version, digit) in [(V1_2, 2), ((1, 3), 3), (V1_4, 4)] {
        let payload = |data: &[u8]| {
            vec![
                uid(&key),
                parameters.clone(),
                bytes(tag::DATA, data),
                bytes(tag::IV_COUNTER_NONCE, &[digit; 12]),
            ]
        };
        let sealed = connect().ask(version, Operation::ENCRYPT, payload(root));
        let sealed = sealed.ok();
        let field = |tag| sealed.child(tag).map(byte_string);
        let apart = field(tag::AUTHENTICATED_ENCRYPTION_TAG);
        assert_eq!(apart.is_some(), version == V1_4);
        let mut payload = payload(&field(tag::DATA).unwrap());
        payload.extend(apart.map(|value| bytes(tag::AUTHENTICATED_ENCRYPTION_TAG, &value)));
        let opened = connect().ask(version, Operation::DECRYPT, payload);
        assert_eq!(byte_string(path(&opened.ok(), &[tag::DATA])), root);
    }
    let payload = vec![
        uid(&key),
        parameters,
        bytes(tag::DATA, root),
        bytes(tag::IV_COUNTER_NONCE, &[9; 12]),
    ];
    let refused = server.connect_with(&plain);
    let refused = { refused }.ask(V1_4, Operation::ENCRYPT, payload);
    assert_eq!(refused.fails(), ResultReason::PERMISSION_DENIED);
}
