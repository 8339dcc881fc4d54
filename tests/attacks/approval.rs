//! Sensitive keys leave the server under an approved wrapping key only (DESIGN §4.3).

use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::process::{Client, Server, Setup, aes, enumeration, integer, on};

fn flag(tag: ttlv::Tag, value: bool) -> Node<'static> {
    Node::new(tag, Value::Boolean(value))
}

/// An active key for wrapping only; Wrap Key is 16, Unwrap Key 32.
fn wrapping_key(client: &mut Client, extractable: bool) -> String {
    let attributes = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x30),
        flag(tag::EXTRACTABLE, extractable),
    ];
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, 2),
        Node::structure(tag::ATTRIBUTES, attributes),
    ];
    let id = client.ask(Operation::CREATE, payload).ok().id();
    client.on(Operation::ACTIVATE, &id).ok();
    id
}

/// Get of `id`, wrapped by `key` with NIST Key Wrap (RFC 3394).
fn wrapped(id: &str, key: &str) -> Vec<Node<'static>> {
    let mut payload = on(id);
    payload.push(Node::structure(
        tag::KEY_WRAPPING_SPECIFICATION,
        vec![
            enumeration(tag::WRAPPING_METHOD, 1),
            Node::structure(tag::ENCRYPTION_KEY_INFORMATION, on(key)),
        ],
    ));
    payload
}

#[test]
fn a_sensitive_key_leaves_under_an_approved_key_only() {
    let server = Server::start(Setup::default());
    server.told(&["client", "add", "plain"]);
    let mut client = server.client_named("plain");
    let sensitive = client
        .ask(Operation::CREATE, aes(vec![flag(tag::SENSITIVE, true)]))
        .ok()
        .id();
    let (key, loose) = (
        wrapping_key(&mut client, false),
        wrapping_key(&mut client, true),
    );
    client
        .on(Operation::GET, &sensitive)
        .fails(ResultReason::SENSITIVE);
    client
        .ask(Operation::GET, wrapped(&sensitive, &key))
        .fails(ResultReason::PERMISSION_DENIED);
    assert!(
        !server
            .cli(&["key", "approve", &loose, "--yes"])
            .status
            .success(),
        "an extractable key cannot be approved"
    );
    server.told(&["key", "approve", &key, "--yes"]);
    client.ask(Operation::GET, wrapped(&sensitive, &key)).ok();
    client
        .ask(Operation::GET, wrapped(&sensitive, &loose))
        .fails(ResultReason::PERMISSION_DENIED);
    // Nobody widens what it was approved as.
    let mut widen = on(&key);
    widen.push(Node::structure(
        tag::NEW_ATTRIBUTE,
        vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x3C)],
    ));
    client
        .ask(Operation::SET_ATTRIBUTE, widen)
        .fails(ResultReason::PERMISSION_DENIED);
}
