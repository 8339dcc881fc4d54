//! NetApp ONTAP, HPE Ezmeral, TrueNAS, and what speaks nothing newer than CBC.

use std::io::{Read, Write};
use std::net::TcpStream;

use keyward::protocol::enumeration::{
    KeyFormatType, ObjectType, Operation, QueryFunction, ResultReason, SecretDataType, State,
};
use keyward::protocol::tag;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use ttlv::{Limits, Value};

use crate::appliances::revoke;
use crate::credentials::{authentication, password};
use crate::message::*;
use crate::server::{self, Client};

fn state(client: &mut Client, version: (i32, i32), key: &str) -> Value<'static> {
    client.attributes(version, key, &["State"]).remove(0).2
}

/// A storage machine has a certificate and, where its administrator wants it, a user besides; it looks
/// for its key again at each start, on whichever of its key servers answers first.
#[test]
fn ontap_shows_a_certificate_and_perhaps_a_password() {
    let server = server::shared();
    let svm = unique("svm");
    let configuration = server.identity(&svm, &[]);
    server.keyward(&["user", "add", &svm, "--password-stdin"], "of the array");
    let key_name = unique("ontap-volume");
    for (version, shown) in [
        (V1_0, None),
        (V1_2, Some("of the array")),
        (V1_4, Some("of the array")),
    ] {
        let ask = |operation, payload| {
            let request = Request::new(version);
            let request = match shown {
                Some(shown) => request.header(authentication(vec![password(&svm, shown)])),
                None => request,
            };
            let request = request.item(operation, Some(b"1"), payload);
            let mut client = server.connect_with(&configuration);
            client.send(&request).answers.remove(0)
        };
        let functions = [
            QueryFunction::QUERY_OPERATIONS,
            QueryFunction::QUERY_OBJECTS,
        ];
        let functions = functions.map(|function| number(tag::QUERY_FUNCTION, function.0));
        let served = ask(Operation::QUERY, functions.to_vec()).ok();
        for operation in [Operation::CREATE, Operation::LOCATE, Operation::GET] {
            assert!(
                served
                    .items()
                    .contains(&number(tag::OPERATION, operation.0))
            );
        }
        let found = identifiers(&ask(Operation::LOCATE, vec![name(&key_name)]).ok());
        let key = match found.first() {
            Some(key) => key.clone(),
            None => {
                let key = identifier(&ask(Operation::CREATE, aes(vec![name(&key_name)])).ok());
                ask(Operation::ACTIVATE, vec![uid(&key)]).ok();
                key
            }
        };
        assert_eq!(found.is_empty(), shown.is_none(), "made once, found again");
        let got = ask(Operation::GET, vec![uid(&key)]).ok();
        assert_eq!(material(&got, tag::SYMMETRIC_KEY).len(), 32);
        if version == V1_4 {
            ask(Operation::REVOKE, revoke(&key)).ok();
            ask(Operation::DESTROY, vec![uid(&key)]).ok();
        }
    }
    let wrong = Request::new(V1_2)
        .header(authentication(vec![password(&svm, "of another")]))
        .item(Operation::LOCATE, None, vec![name(&key_name)]);
    let answer = server.connect_with(&configuration).send(&wrong);
    let reason = answer.answers[0].clone().fails();
    assert_eq!(reason, ResultReason::AUTHENTICATION_NOT_SUCCESSFUL);
}

/// A cluster's master keys begin Pre-Active and are activated when they are first needed.
#[test]
fn ezmeral_takes_a_master_key_through_its_life_at_every_version() {
    let mut client = server::shared().connect();
    for version in [V1_0, V1_1, V1_2, (1, 3), V1_4] {
        let key_name = unique("ezmeral");
        let key = client.made(version, Operation::CREATE, aes(vec![name(&key_name)]));
        let state_is = |client: &mut Client, wanted: State| {
            let found = state(client, version, &key);
            assert_eq!(found, Value::Enumeration(wanted.0), "{version:?}");
        };
        state_is(&mut client, State::PRE_ACTIVE);
        client
            .ask(version, Operation::ACTIVATE, vec![uid(&key)])
            .ok();
        state_is(&mut client, State::ACTIVE);
        let got = client.ask(version, Operation::GET, vec![uid(&key)]).ok();
        assert_eq!(material(&got, tag::SYMMETRIC_KEY).len(), 32);
        let found = client.locate(version, vec![name(&key_name)]);
        assert_eq!(found, [key.as_str()]);
        client.ask(version, Operation::REVOKE, revoke(&key)).ok();
        state_is(&mut client, State::DEACTIVATED);
        client
            .ask(version, Operation::DESTROY, vec![uid(&key)])
            .ok();
        let gone = client.locate(version, vec![name(&key_name)]);
        assert_eq!(gone, [""; 0]);
    }
}

/// Passwords of drives and keys of datasets: registered and activated as PyKMIP does it, read back by a
/// job that compares them with its own copy, and replaced when they change.
#[test]
fn truenas_registers_compares_and_replaces_its_secrets() {
    let mut client = server::shared().connect();
    let dataset = unique("tank/secure");
    let mut kept: Option<(String, &[u8])> = None;
    for value in [&b"passphrase of a drive"[..], &[b'f'; 64]] {
        if let Some((old, was)) = kept.take() {
            let got = client.ask(V1_2, Operation::GET, vec![uid(&old)]).ok();
            assert_eq!(material(&got, tag::SECRET_DATA), was);
            client.ask(V1_2, Operation::REVOKE, revoke(&old)).ok();
            client.ask(V1_2, Operation::DESTROY, vec![uid(&old)]).ok();
            let gone = client.ask(V1_2, Operation::GET, vec![uid(&old)]);
            assert_eq!(gone.fails(), ResultReason::ITEM_NOT_FOUND);
        }
        // PyKMIP's client: format Opaque, the mask of its own choice, a Name.
        let register = secret(
            SecretDataType::PASSWORD,
            KeyFormatType::OPAQUE,
            value,
            vec![mask(ENCRYPT_DECRYPT), name(&dataset)],
        );
        let key = client.made(V1_2, Operation::REGISTER, register);
        client.ask(V1_2, Operation::ACTIVATE, vec![uid(&key)]).ok();
        let got = client.ask(V1_2, Operation::GET, vec![uid(&key)]).ok();
        assert_eq!(material(&got, tag::SECRET_DATA), value);
        let kind = enumeration(path(&got, &[tag::OBJECT_TYPE]));
        assert_eq!(kind, ObjectType::SECRET_DATA.0);
        let found = client.locate(V1_2, vec![name(&dataset)]);
        assert_eq!(found, [key.as_str()]);
        kept = Some((key, value));
    }
}

/// An appliance whose TLS is from before AEAD: the same identity, the same keys, on the port that an
/// administrator opened for it.
#[test]
fn an_old_appliance_has_a_port_of_its_own() {
    let server = server::shared();
    let key = server
        .connect()
        .made(V1_0, Operation::CREATE, aes(Vec::new()));
    let connect = |port| {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.set_verify(SslVerifyMode::NONE);
        builder
            .set_max_proto_version(Some(SslVersion::TLS1_2))
            .unwrap();
        builder
            .set_cipher_list("ECDHE-ECDSA-AES128-SHA256")
            .unwrap();
        let [certificate, key] = server.first_client();
        let pem = SslFiletype::PEM;
        builder.set_certificate_file(certificate, pem).unwrap();
        builder.set_private_key_file(key, pem).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        builder.build().connect("localhost", socket)
    };
    assert!(
        connect(server.port).is_err(),
        "not on the port for everybody"
    );
    let mut stream = connect(server.legacy).unwrap();
    let get = Request::one(V1_0, Operation::GET, vec![uid(&key)]);
    stream.write_all(&get.encode()).unwrap();
    let mut bytes = vec![0; 8];
    stream.read_exact(&mut bytes).unwrap();
    let length = u32::from_be_bytes(bytes[4..8].try_into().unwrap());
    bytes.resize(8 + length as usize, 0);
    stream.read_exact(&mut bytes[8..]).unwrap();
    let answer = ttlv::binary::decode(&bytes, &Limits::default()).unwrap();
    let payload = path(
        &answer.into_owned(),
        &[tag::BATCH_ITEM, tag::RESPONSE_PAYLOAD],
    )
    .clone();
    assert_eq!(identifier(&payload), key);
    assert_eq!(material(&payload, tag::SYMMETRIC_KEY).len(), 32);
}
