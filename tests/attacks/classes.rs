//! Keys of class *token* (DESIGN §4.3), and tokens that go away.

use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::Node;

use crate::process::{Client, Server, Setup, SoftHsm, aes, enumeration, on};

fn class(value: &'static str) -> Node<'static> {
    Node::structure(
        tag::ATTRIBUTE,
        vec![
            Node::text(tag::VENDOR_IDENTIFICATION, "x"),
            Node::text(tag::ATTRIBUTE_NAME, "keyward-class"),
            Node::text(tag::ATTRIBUTE_VALUE, value),
        ],
    )
}

/// Encrypts and decrypts with a key, by its own parameters (GCM).
fn round_trip(client: &mut Client, id: &str) {
    let parameters = || {
        Node::structure(
            tag::CRYPTOGRAPHIC_PARAMETERS,
            vec![
                enumeration(tag::BLOCK_CIPHER_MODE, 1),
                enumeration(tag::PADDING_METHOD, 3),
                enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
            ],
        )
    };
    let iv = || Node::bytes(tag::IV_COUNTER_NONCE, vec![9; 16]);
    let payload = |data: Vec<u8>| {
        let mut payload = on(id);
        payload.extend([parameters(), Node::bytes(tag::DATA, data), iv()]);
        payload
    };
    let encrypted = client.ask(Operation::ENCRYPT, payload(b"plain text".to_vec())).ok().bytes(tag::DATA);
    assert_ne!(encrypted, b"plain text");
    assert_eq!(client.ask(Operation::DECRYPT, payload(encrypted)).ok().bytes(tag::DATA), b"plain text");
}

fn a_token_key_is_used_and_never_read(server: &Server) -> String {
    let mut client = server.client();
    let id = client.ask(Operation::CREATE, aes(vec![class("token")])).ok().id();
    client.on(Operation::ACTIVATE, &id).ok();
    round_trip(&mut client, &id);
    client.on(Operation::GET, &id).fails(ResultReason::SENSITIVE);
    client.on(Operation::EXPORT, &id).fails(ResultReason::SENSITIVE);
    client.ask(Operation::CREATE, aes(vec![class("anything")])).fails(ResultReason::INVALID_ATTRIBUTE_VALUE);
    // A key of class served may be read.
    let served = client.ask(Operation::CREATE, aes(vec![class("served")])).ok().id();
    client.on(Operation::GET, &served).ok();
    id
}

/// The directory of a token goes away under a running server and comes back.
fn goes_and_comes(server: &mut Server, directory: &std::path::Path, id: &str) {
    let away = directory.with_extension("away");
    server.wait_for("/readyz", 200);
    std::fs::rename(directory, &away).unwrap();
    server.wait_for("/readyz", 503);
    assert_eq!(server.page("/healthz"), 200);
    assert!(server.is_alive());
    std::fs::rename(&away, directory).unwrap();
    server.wait_for("/readyz", 200);
    let mut client = server.client();
    round_trip(&mut client, id);
    client.create("after the token came back");
}

#[test]
fn on_the_embedded_token() {
    let mut server = Server::start(Setup::default());
    let id = a_token_key_is_used_and_never_read(&server);
    let directory = server.directory().join("token");
    goes_and_comes(&mut server, &directory, &id);
}

#[test]
fn on_softhsm() {
    let home = tempfile::Builder::new().prefix("keyward-attacks-").tempdir().unwrap();
    let Some(softhsm) = SoftHsm::make(home.path()) else { return };
    let tokens = softhsm.tokens.clone();
    let mut server = Server::start_in(home, Setup { softhsm: Some(softhsm), ..Setup::default() });
    let id = a_token_key_is_used_and_never_read(&server);
    server.kill();
    server.run();
    round_trip(&mut server.client(), &id);
    goes_and_comes(&mut server, &tokens, &id);
}
