//! Servers, keys and requests of these tests.

use keyward::protocol::enumeration::{
    CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, KeyFormatType, ObjectType,
    Operation, SecretDataType,
};
use keyward::protocol::tag;
use ttlv::{Node, Tag, Value};

use crate::process::{Answer, Client, Server, Setup, SoftHsm, enumeration, integer, on};

pub const DERIVE_KEY: i32 = 0x200;

/// A server on the embedded token, and one on SoftHSM2.
pub fn servers() -> Vec<Server> {
    let mut servers = vec![Server::start(Setup::default())];
    let home = tempfile::Builder::new()
        .prefix("keyward-derivation-")
        .tempdir()
        .unwrap();
    if let Some(softhsm) = SoftHsm::make(home.path()) {
        let setup = Setup {
            softhsm: Some(softhsm),
            ..Setup::default()
        };
        servers.push(Server::start_in(home, setup));
    }
    servers
}

/// A connection as a client that `client add` made.
pub fn connect(server: &Server, name: &str) -> Client {
    let file = |end: &str| {
        server
            .directory()
            .join("clients")
            .join(format!("{name}.{end}"))
    };
    server.client_with(&file("pem"), &file("key")).unwrap()
}

pub fn bytes(tag: Tag, value: &[u8]) -> Node<'static> {
    Node::bytes(tag, value.to_vec())
}

pub fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// x-keyward-class.
pub fn class(value: &'static str) -> Node<'static> {
    Node::structure(
        tag::ATTRIBUTE,
        vec![
            Node::text(tag::VENDOR_IDENTIFICATION, "x"),
            Node::text(tag::ATTRIBUTE_NAME, "keyward-class"),
            Node::text(tag::ATTRIBUTE_VALUE, value),
        ],
    )
}

/// A key that is there to be derived from, made in the token and active.
pub fn token_key(client: &mut Client, algorithm: CryptographicAlgorithm, mask: i32) -> String {
    let attributes = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, mask),
        class("token"),
        Node::new(tag::ACTIVATION_DATE, Value::DateTime(1_000_000)),
    ];
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        Node::structure(tag::ATTRIBUTES, attributes),
    ];
    client.ask(Operation::CREATE, payload).ok().id()
}

/// A known key or secret, active and derivable; more attributes.
pub fn known(
    client: &mut Client,
    object_type: ObjectType,
    value: &[u8],
    more: Vec<Node<'static>>,
) -> String {
    known_of(
        client,
        object_type,
        CryptographicAlgorithm::AES,
        value,
        more,
    )
}

fn known_of(
    client: &mut Client,
    object_type: ObjectType,
    algorithm: CryptographicAlgorithm,
    value: &[u8],
    more: Vec<Node<'static>>,
) -> String {
    let key = object_type == ObjectType::SYMMETRIC_KEY;
    let mut block = vec![
        enumeration(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0),
        Node::structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, value)]),
    ];
    let mut object = Vec::new();
    if key {
        let bits = i32::try_from(8 * value.len()).unwrap();
        block.push(enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.0));
        block.push(integer(tag::CRYPTOGRAPHIC_LENGTH, bits));
    } else {
        object.push(enumeration(tag::SECRET_DATA_TYPE, SecretDataType::SEED.0));
    }
    object.push(Node::structure(tag::KEY_BLOCK, block));
    let mut attributes = vec![
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, DERIVE_KEY),
        Node::new(tag::ACTIVATION_DATE, Value::DateTime(1_000_000)),
    ];
    attributes.extend(more);
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, object_type.0),
        Node::structure(tag::ATTRIBUTES, attributes),
        Node::structure(
            if key {
                tag::SYMMETRIC_KEY
            } else {
                tag::SECRET_DATA
            },
            object,
        ),
    ];
    client.ask(Operation::REGISTER, payload).ok().id()
}

pub fn key(client: &mut Client, value: &[u8]) -> String {
    known(client, ObjectType::SYMMETRIC_KEY, value, Vec::new())
}

/// A key of another algorithm than AES.
pub fn key_of(client: &mut Client, algorithm: CryptographicAlgorithm, value: &[u8]) -> String {
    known_of(
        client,
        ObjectType::SYMMETRIC_KEY,
        algorithm,
        value,
        Vec::new(),
    )
}

/// An asymmetric key of a format with these bytes.
pub fn half(client: &mut Client, private: bool, value: &[u8]) -> String {
    let (object_type, tag, format) = match private {
        true => (
            ObjectType::PRIVATE_KEY,
            tag::PRIVATE_KEY,
            KeyFormatType::PKCS_8,
        ),
        false => (
            ObjectType::PUBLIC_KEY,
            tag::PUBLIC_KEY,
            KeyFormatType::X_509,
        ),
    };
    let block = vec![
        enumeration(tag::KEY_FORMAT_TYPE, format.0),
        Node::structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, value)]),
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::ECDH.0),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
    ];
    let attributes = vec![
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, DERIVE_KEY),
        Node::new(tag::ACTIVATION_DATE, Value::DateTime(1_000_000)),
    ];
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, object_type.0),
        Node::structure(tag::ATTRIBUTES, attributes),
        Node::structure(tag, vec![Node::structure(tag::KEY_BLOCK, block)]),
    ];
    client.ask(Operation::REGISTER, payload).ok().id()
}

pub fn hashing(hash: HashingAlgorithm) -> Node<'static> {
    enumeration(tag::HASHING_ALGORITHM, hash.0)
}

pub fn parameters(fields: Vec<Node<'static>>) -> Node<'static> {
    Node::structure(tag::CRYPTOGRAPHIC_PARAMETERS, fields)
}

/// A Derive Key for secret data of so many bytes.
pub struct Derivation {
    pub method: DerivationMethod,
    pub bases: Vec<String>,
    pub given: Vec<Node<'static>>,
    pub length: usize,
    pub attributes: Vec<Node<'static>>,
}

impl Derivation {
    pub fn new(method: DerivationMethod, base: &str, given: Vec<Node<'static>>) -> Derivation {
        Derivation {
            method,
            bases: vec![base.to_owned()],
            given,
            length: 32,
            attributes: Vec::new(),
        }
    }

    pub fn and(mut self, base: &str) -> Derivation {
        self.bases.push(base.to_owned());
        self
    }

    pub fn length(mut self, length: usize) -> Derivation {
        self.length = length;
        self
    }

    pub fn with(mut self, attribute: Node<'static>) -> Derivation {
        self.attributes.push(attribute);
        self
    }

    fn payload(self, object_type: ObjectType) -> Vec<Node<'static>> {
        let bits = i32::try_from(8 * self.length).unwrap();
        let mut attributes = vec![
            enumeration(
                tag::CRYPTOGRAPHIC_ALGORITHM,
                CryptographicAlgorithm::HMAC_SHA256.0,
            ),
            integer(tag::CRYPTOGRAPHIC_LENGTH, bits),
            integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x80),
            Node::new(tag::ACTIVATION_DATE, Value::DateTime(1_000_000)),
        ];
        attributes.extend(self.attributes);
        let mut payload = vec![enumeration(tag::OBJECT_TYPE, object_type.0)];
        payload.extend(self.bases.iter().flat_map(|base| on(base)));
        payload.push(enumeration(tag::DERIVATION_METHOD, self.method.0));
        payload.push(Node::structure(tag::DERIVATION_PARAMETERS, self.given));
        payload.push(Node::structure(tag::ATTRIBUTES, attributes));
        payload
    }

    pub fn ask(self, client: &mut Client) -> Answer {
        let payload = self.payload(ObjectType::SYMMETRIC_KEY);
        client.ask(Operation::DERIVE_KEY, payload)
    }

    /// The derived bytes, of what may be read.
    pub fn read(self, client: &mut Client) -> String {
        let id = self.ask(client).ok().id();
        hex::encode(material(client, &id))
    }
}

/// Key Material of a symmetric key.
pub fn material(client: &mut Client, id: &str) -> Vec<u8> {
    let got = client.on(Operation::GET, id).ok();
    let tags = [
        tag::SYMMETRIC_KEY,
        tag::KEY_BLOCK,
        tag::KEY_VALUE,
        tag::KEY_MATERIAL,
    ];
    let node = tags
        .iter()
        .fold(&got.payload, |node, tag| node.child(*tag).unwrap());
    match &node.value {
        Value::ByteString(bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// HMAC-SHA-256 of `data` with a key of the server.
pub fn mac(client: &mut Client, id: &str, data: &[u8]) -> Answer {
    let mut payload = on(id);
    payload.push(parameters(vec![hashing(HashingAlgorithm::SHA_256)]));
    payload.push(bytes(tag::DATA, data));
    client.ask(Operation::MAC, payload)
}

/// Attributes of an object as one structure.
pub fn attributes(client: &mut Client, id: &str) -> Node<'static> {
    let answer = client.on(Operation::GET_ATTRIBUTES, id).ok();
    answer.payload.child(tag::ATTRIBUTES).unwrap().clone()
}

pub fn flag(attributes: &Node<'_>, tag: Tag) -> bool {
    attributes.child(tag).map(|node| &node.value) == Some(&Value::Boolean(true))
}

/// Objects that links of a type lead to.
pub fn links(attributes: &Node<'_>, link_type: u32) -> Vec<String> {
    let links = attributes
        .items()
        .iter()
        .filter(|node| node.tag == tag::LINK);
    links
        .filter(|link| {
            link.child(tag::LINK_TYPE).map(|node| &node.value)
                == Some(&Value::Enumeration(link_type))
        })
        .filter_map(
            |link| match &link.child(tag::LINKED_OBJECT_IDENTIFIER)?.value {
                Value::TextString(text) => Some(text.to_string()),
                _ => None,
            },
        )
        .collect()
}

/// HMAC that the server does not compute with, to compare.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}
