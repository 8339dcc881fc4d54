//! The load client's messages, in KMIP 1.4: what nearly every server speaks.

use ttlv::{Limits, Node, Tag, Value};

use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, NameType, ObjectType, Operation,
    QueryFunction, ResultStatus, RevocationReasonCode,
};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::tag;
use crate::protocol::version::Version;

const VERSION: Version = Version::V1_4;

/// Answers of more bytes are not read on.
pub(super) const LONGEST: usize = 16 << 20;

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the connection is lost: {0}")]
    Lost(String),
    /// In the server's words.
    #[error("{0}")]
    Refused(String),
    #[error("a wrong answer: {0}")]
    Wrong(String),
}

pub(super) type Payload = Vec<Node<'static>>;

/// One message with these items.
pub(super) fn message(items: Vec<(Operation, Payload)>) -> Vec<u8> {
    let version = |tag, number: u16| integer(tag, number.into());
    let many = items.len() > 1;
    let mut parts = vec![Node::structure(
        tag::REQUEST_HEADER,
        vec![
            Node::structure(
                tag::PROTOCOL_VERSION,
                vec![
                    version(tag::PROTOCOL_VERSION_MAJOR, VERSION.major),
                    version(tag::PROTOCOL_VERSION_MINOR, VERSION.minor),
                ],
            ),
            integer(
                tag::BATCH_COUNT,
                i32::try_from(items.len()).unwrap_or(i32::MAX),
            ),
        ],
    )];
    for (number, (operation, payload)) in items.into_iter().enumerate() {
        let mut item = vec![enumeration(tag::OPERATION, operation.0)];
        if many {
            // KMIP 1.4 §6.4: required where there are several items.
            let number = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
            item.push(Node::bytes(tag::UNIQUE_BATCH_ITEM_ID, number.to_vec()));
        }
        item.push(Node::structure(tag::REQUEST_PAYLOAD, payload));
        parts.push(Node::structure(tag::BATCH_ITEM, item));
    }
    ttlv::binary::to_vec(&Node::structure(tag::REQUEST_MESSAGE, parts))
}

pub(super) fn one(operation: Operation, payload: Payload) -> Vec<u8> {
    message(vec![(operation, payload)])
}

pub(super) fn one_of((operation, payload): (Operation, Payload)) -> Vec<u8> {
    one(operation, payload)
}

/// The payloads of an answer in which all of `items` went well.
pub(super) fn payloads<'a>(answer: &'a [u8], items: usize) -> Result<Vec<Node<'a>>, Trouble> {
    let limits = Limits {
        bytes: LONGEST,
        ..Limits::default()
    };
    let message = ttlv::binary::decode(answer, &limits)
        .map_err(|error| Trouble::Wrong(format!("it is not well formed: {error}")))?;
    let Value::Structure(parts) = message.value else {
        return Err(Trouble::Wrong("it is no message".to_owned()));
    };
    let mut payloads = Vec::with_capacity(items);
    for part in parts {
        if part.tag != tag::BATCH_ITEM {
            continue;
        }
        let Value::Structure(fields) = part.value else {
            return Err(Trouble::Wrong("a batch item is no structure".to_owned()));
        };
        payloads.push(payload(fields)?);
    }
    match payloads.len() == items {
        true => Ok(payloads),
        false => Err(Trouble::Wrong(format!(
            "{} batch items; expected {items}",
            payloads.len()
        ))),
    }
}

fn payload<'a>(fields: Vec<Node<'a>>) -> Result<Node<'a>, Trouble> {
    let field = |tag: Tag| fields.iter().find(|field| field.tag == tag);
    let status = field(tag::RESULT_STATUS).map(|status| &status.value);
    if status == Some(&Value::Enumeration(ResultStatus::SUCCESS.0)) {
        let place = fields
            .iter()
            .position(|field| field.tag == tag::RESPONSE_PAYLOAD);
        let payload = place.and_then(|place| fields.into_iter().nth(place));
        return Ok(payload.unwrap_or_else(|| Node::structure(tag::RESPONSE_PAYLOAD, Vec::new())));
    }
    let reason = match field(tag::RESULT_REASON).map(|reason| &reason.value) {
        Some(Value::Enumeration(number)) => {
            crate::protocol::enumeration::ResultReason(*number).to_string()
        }
        _ => "no Result Reason".to_owned(),
    };
    Err(Trouble::Refused(
        match field(tag::RESULT_MESSAGE).map(|message| &message.value) {
            Some(Value::TextString(text)) => format!("{reason}: {}", text.escape_debug()),
            _ => reason,
        },
    ))
}

/// A text of the payload, such as its Unique Identifier.
pub(super) fn text(payload: &Node<'_>, tag: Tag) -> Result<String, Trouble> {
    match payload.child(tag).map(|node| &node.value) {
        Some(Value::TextString(text)) => Ok(text.clone().into_owned()),
        _ => Err(Trouble::Wrong(format!(
            "there is no {}",
            crate::protocol::structure::spoken(tag)
        ))),
    }
}

pub(super) fn integer(tag: Tag, value: i32) -> Node<'static> {
    Node::new(tag, Value::Integer(value))
}

pub(super) fn enumeration(tag: Tag, value: u32) -> Node<'static> {
    Node::new(tag, Value::Enumeration(value))
}

pub(super) fn identified(id: &str) -> Node<'static> {
    Node::text(tag::UNIQUE_IDENTIFIER, id.to_owned())
}

/// KMIP 1.4 §2.1.1: attributes are named.
pub(super) fn attribute(name: &'static str, value: Value<'static>) -> Node<'static> {
    Node::structure(
        tag::ATTRIBUTE,
        vec![
            Node::text(tag::ATTRIBUTE_NAME, name),
            Node::new(tag::ATTRIBUTE_VALUE, value),
        ],
    )
}

pub(super) fn name(name: &str) -> Node<'static> {
    attribute(
        "Name",
        Value::Structure(vec![
            Node::text(tag::NAME_VALUE, name.to_owned()),
            enumeration(tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING.0),
        ]),
    )
}

pub(super) fn mask(mask: CryptographicUsageMask) -> Node<'static> {
    attribute(
        "Cryptographic Usage Mask",
        Value::Integer(mask.to_integer()),
    )
}

pub(super) fn kind_of_key(algorithm: CryptographicAlgorithm, bits: i32) -> Vec<Node<'static>> {
    vec![
        attribute("Cryptographic Algorithm", Value::Enumeration(algorithm.0)),
        attribute("Cryptographic Length", Value::Integer(bits)),
    ]
}

/// Create of a 256-bit key.
pub(super) fn create(
    algorithm: CryptographicAlgorithm,
    usage: CryptographicUsageMask,
    called: Option<&str>,
) -> (Operation, Payload) {
    let mut attributes = kind_of_key(algorithm, 256);
    attributes.push(mask(usage));
    attributes.extend(called.map(name));
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        Node::structure(tag::TEMPLATE_ATTRIBUTE, attributes),
    ];
    (Operation::CREATE, payload)
}

/// Create of what most clients ask for: an AES key that encrypts and decrypts.
pub(super) fn create_aes(called: Option<&str>) -> (Operation, Payload) {
    let usage = CryptographicUsageMask::ENCRYPT | CryptographicUsageMask::DECRYPT;
    create(CryptographicAlgorithm::AES, usage, called)
}

pub(super) fn activate(id: &str) -> (Operation, Payload) {
    (Operation::ACTIVATE, vec![identified(id)])
}

pub(super) fn get(id: &str) -> (Operation, Payload) {
    (Operation::GET, vec![identified(id)])
}

pub(super) fn revoke(id: &str) -> (Operation, Payload) {
    let code = RevocationReasonCode::CESSATION_OF_OPERATION.0;
    let reason = vec![enumeration(tag::REVOCATION_REASON_CODE, code)];
    let reason = Node::structure(tag::REVOCATION_REASON, reason);
    (Operation::REVOKE, vec![identified(id), reason])
}

pub(super) fn destroy(id: &str) -> (Operation, Payload) {
    (Operation::DESTROY, vec![identified(id)])
}

pub(super) fn query() -> Vec<u8> {
    let functions = [
        QueryFunction::QUERY_OPERATIONS,
        QueryFunction::QUERY_OBJECTS,
    ];
    let payload = functions.map(|function| enumeration(tag::QUERY_FUNCTION, function.0));
    one(Operation::QUERY, payload.to_vec())
}

pub(super) fn discover_versions() -> Vec<u8> {
    one(Operation::DISCOVER_VERSIONS, Vec::new())
}

pub(super) fn get_attributes(id: &str, names: &[&'static str]) -> Vec<u8> {
    let names = names
        .iter()
        .map(|name| Node::text(tag::ATTRIBUTE_NAME, *name));
    let payload = std::iter::once(identified(id)).chain(names).collect();
    one(Operation::GET_ATTRIBUTES, payload)
}

pub(super) fn locate(called: &str) -> Vec<u8> {
    one(Operation::LOCATE, vec![name(called)])
}

/// AES-256-GCM with a tag of 16 bytes; the server chooses the nonce where none is given.
pub(super) fn encrypt(id: &str, data: &[u8], nonce: Option<&[u8]>) -> Vec<u8> {
    let mut parameters = vec![
        enumeration(tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM.0),
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
    ];
    if nonce.is_none() {
        parameters.push(Node::new(tag::RANDOM_IV, Value::Boolean(true)));
    }
    parameters.push(integer(tag::TAG_LENGTH, 16));
    let mut payload = vec![
        identified(id),
        Node::structure(tag::CRYPTOGRAPHIC_PARAMETERS, parameters),
        Node::bytes(tag::DATA, data.to_vec()),
    ];
    payload.extend(nonce.map(|nonce| Node::bytes(tag::IV_COUNTER_NONCE, nonce.to_vec())));
    one(Operation::ENCRYPT, payload)
}

/// HMAC-SHA-256.
pub(super) fn mac(id: &str, data: &[u8]) -> (Operation, Payload) {
    let parameters = vec![
        enumeration(tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256.0),
        enumeration(
            tag::CRYPTOGRAPHIC_ALGORITHM,
            CryptographicAlgorithm::HMAC_SHA256.0,
        ),
    ];
    let payload = vec![
        identified(id),
        Node::structure(tag::CRYPTOGRAPHIC_PARAMETERS, parameters),
        Node::bytes(tag::DATA, data.to_vec()),
    ];
    (Operation::MAC, payload)
}

pub(super) fn sign(id: &str, data: &[u8], parameters: Vec<Node<'static>>) -> Vec<u8> {
    let payload = vec![
        identified(id),
        Node::structure(tag::CRYPTOGRAPHIC_PARAMETERS, parameters),
        Node::bytes(tag::DATA, data.to_vec()),
    ];
    one(Operation::SIGN, payload)
}

/// A pair that signs and verifies.
pub(super) fn create_pair(common: Vec<Node<'static>>) -> Vec<u8> {
    let side = |tag, usage| Node::structure(tag, vec![mask(usage)]);
    let payload = vec![
        Node::structure(tag::COMMON_TEMPLATE_ATTRIBUTE, common),
        side(
            tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
            CryptographicUsageMask::SIGN,
        ),
        side(
            tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
            CryptographicUsageMask::VERIFY,
        ),
    ];
    one(Operation::CREATE_KEY_PAIR, payload)
}
