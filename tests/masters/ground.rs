//! Keys of every kind of protection, and whether they are all there.

use keyward::protocol::enumeration::Operation;
use keyward::protocol::tag;
use serde_json::Value as Json;
use ttlv::{Node, Value};

use crate::process::{Answer, Client, Server, Setup, SoftHsm, aes, enumeration, integer, name, on};

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

/// A key, and what it answered when it was made.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: String,
    kind: Kind,
    /// The material, or a MAC or signature by it.
    proof: Vec<u8>,
    changed: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Served,
    /// HMAC in the token; nobody reads the key.
    Token,
    /// RSA in the token.
    Private,
    Archived,
}

fn attributes(client: &mut Client, id: &str) -> Node<'static> {
    let answer = client.on(Operation::GET_ATTRIBUTES, id).ok();
    answer.payload.child(tag::ATTRIBUTES).unwrap().clone()
}

fn last_change(client: &mut Client, id: &str) -> i64 {
    match attributes(client, id)
        .child(tag::LAST_CHANGE_DATE)
        .unwrap()
        .value
    {
        Value::DateTime(date) => date,
        _ => panic!("Last Change Date"),
    }
}

fn material(client: &mut Client, id: &str) -> Vec<u8> {
    let answer = client.on(Operation::GET, id).ok();
    let key = answer.payload.child(tag::SYMMETRIC_KEY).unwrap();
    let block = key.child(tag::KEY_BLOCK).unwrap();
    let value = block.child(tag::KEY_VALUE).unwrap();
    match &value.child(tag::KEY_MATERIAL).unwrap().value {
        Value::ByteString(bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn mac(client: &mut Client, id: &str) -> Answer {
    let mut payload = on(id);
    payload.push(Node::structure(
        tag::CRYPTOGRAPHIC_PARAMETERS,
        vec![enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 0x9)],
    ));
    payload.push(Node::bytes(tag::DATA, b"what is authenticated".to_vec()));
    client.ask(Operation::MAC, payload)
}

fn signature(client: &mut Client, id: &str) -> Answer {
    let mut payload = on(id);
    payload.push(Node::structure(
        tag::CRYPTOGRAPHIC_PARAMETERS,
        vec![
            enumeration(tag::PADDING_METHOD, 8),
            enumeration(tag::HASHING_ALGORITHM, 6),
            enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 4),
        ],
    ));
    payload.push(Node::bytes(tag::DATA, b"what is signed".to_vec()));
    client.ask(Operation::SIGN, payload)
}

/// What a request answers that opens the key; None for what is archived.
pub fn opened(client: &mut Client, key: &Known) -> Option<Answer> {
    Some(match key.kind {
        Kind::Served => client.on(Operation::GET, &key.id),
        Kind::Token => mac(client, &key.id),
        Kind::Private => signature(client, &key.id),
        Kind::Archived => return None,
    })
}

impl Kind {
    fn make(self, client: &mut Client, called: &str) -> String {
        match self {
            Kind::Served | Kind::Archived => client.create(called),
            Kind::Token => {
                let attributes = vec![
                    enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 0x9),
                    integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
                    integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x80),
                    name(called),
                    class("token"),
                ];
                let payload = vec![
                    enumeration(tag::OBJECT_TYPE, 2),
                    Node::structure(tag::ATTRIBUTES, attributes),
                ];
                client.ask(Operation::CREATE, payload).ok().id()
            }
            Kind::Private => {
                let common = vec![
                    enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 4),
                    integer(tag::CRYPTOGRAPHIC_LENGTH, 2048),
                    class("token"),
                ];
                let private = vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 1)];
                let public = vec![integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 2)];
                let payload = vec![
                    Node::structure(tag::COMMON_ATTRIBUTES, common),
                    Node::structure(tag::PRIVATE_KEY_ATTRIBUTES, private),
                    Node::structure(tag::PUBLIC_KEY_ATTRIBUTES, public),
                ];
                let made = client.ask(Operation::CREATE_KEY_PAIR, payload).ok();
                match &made
                    .payload
                    .child(tag::PRIVATE_KEY_UNIQUE_IDENTIFIER)
                    .unwrap()
                    .value
                {
                    Value::TextString(id) => id.to_string(),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn proof(self, client: &mut Client, id: &str) -> Vec<u8> {
        match self {
            Kind::Served => material(client, id),
            Kind::Token => mac(client, id).ok().bytes(tag::MAC_DATA),
            Kind::Private => signature(client, id).ok().bytes(tag::SIGNATURE_DATA),
            Kind::Archived => {
                client.on(Operation::RECOVER, id).ok();
                let bytes = material(client, id);
                client.on(Operation::ARCHIVE, id).ok();
                bytes
            }
        }
    }
}

/// Keys of every kind, `count` of those that are quick to make.
pub fn keys(client: &mut Client, called: &str, count: usize) -> Vec<Known> {
    let quick = (0..count).flat_map(|_| [Kind::Served, Kind::Token]);
    let kinds = quick.chain([Kind::Private, Kind::Archived]);
    let mut known = Vec::new();
    for (number, kind) in kinds.enumerate() {
        let id = kind.make(client, &format!("{called} {number}"));
        client.on(Operation::ACTIVATE, &id).ok();
        if kind == Kind::Archived {
            client.on(Operation::ARCHIVE, &id).ok();
        }
        let proof = kind.proof(client, &id);
        let changed = last_change(client, &id);
        known.push(Known {
            id,
            kind,
            proof,
            changed,
        });
    }
    known
}

/// Every key is what it was, and nobody sees that it was touched.
pub fn check(client: &mut Client, known: &[Known]) {
    for key in known {
        assert_eq!(last_change(client, &key.id), key.changed, "{key:?}");
        if key.kind != Kind::Archived {
            assert_eq!(key.kind.proof(client, &key.id), key.proof, "{key:?}");
        }
    }
}

/// The same for what is archived, which changes it.
pub fn check_archive(client: &mut Client, known: &[Known]) {
    for key in known.iter().filter(|key| key.kind == Kind::Archived) {
        assert_eq!(key.kind.proof(client, &key.id), key.proof, "{key:?}");
    }
}

/// `token versions`: state and rows of a version.
pub fn version(server: &Server, called: &str) -> (String, u64) {
    let told: Json = serde_json::from_str(&server.told(&["token", "versions", "--json"])).unwrap();
    let found = told
        .as_array()
        .unwrap()
        .iter()
        .find(|version| version["name"] == called)
        .unwrap_or_else(|| panic!("{called} is not among {told}"));
    let state = found["state"].as_str().unwrap().to_owned();
    (state, found["under"].as_u64().unwrap())
}

/// What a command says that refuses.
pub fn refused(server: &Server, words: &[&str]) -> String {
    let done = server.cli(words);
    assert!(!done.status.success(), "{words:?} succeeded");
    String::from_utf8(done.stderr).unwrap()
}

/// A server on SQLite and the embedded token, one on PostgreSQL, one on SoftHSM2.
pub fn everywhere(test: impl Fn(&mut Server)) {
    let mut server = Server::start(Setup::default());
    test(&mut server);
    assert!(server.is_alive());
    if let Some(cluster) = crate::postgres::shared() {
        let mut server = Server::start(Setup {
            database: Some(cluster.database()),
            ..Setup::default()
        });
        test(&mut server);
        assert!(server.is_alive());
    }
    let home = tempfile::Builder::new()
        .prefix("keyward-masters-")
        .tempdir()
        .unwrap();
    if let Some(softhsm) = SoftHsm::make(home.path()) {
        let setup = Setup {
            softhsm: Some(softhsm),
            ..Setup::default()
        };
        let mut server = Server::start_in(home, setup);
        test(&mut server);
        assert!(server.is_alive());
    }
}

/// A key of the first client that encrypts: the shape of a request that a Create answers.
pub fn create(client: &mut Client, called: &str) -> std::io::Result<Answer> {
    client.try_ask(Operation::CREATE, aes(vec![name(called)]))
}
