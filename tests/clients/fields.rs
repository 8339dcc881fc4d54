//! Fields of messages: written as clients write them, read as they read them.

use keyward::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, NameType, ObjectType, SecretDataType,
};
use keyward::protocol::tag;
use ttlv::{Node, Tag, Value};

pub type Item = Node<'static>;

/// Encrypt and Decrypt.
pub const ENCRYPT_DECRYPT: i32 = 12;

pub fn structure(tag: Tag, items: Vec<Item>) -> Item {
    Node::structure(tag, items)
}

pub fn integer(tag: Tag, value: i32) -> Item {
    Node::new(tag, Value::Integer(value))
}

pub fn number(tag: Tag, value: u32) -> Item {
    Node::new(tag, Value::Enumeration(value))
}

pub fn boolean(tag: Tag, value: bool) -> Item {
    Node::new(tag, Value::Boolean(value))
}

pub fn text(tag: Tag, value: &str) -> Item {
    Node::text(tag, value.to_owned())
}

pub fn bytes(tag: Tag, value: &[u8]) -> Item {
    Node::bytes(tag, value.to_vec())
}

pub fn date(tag: Tag, value: i64) -> Item {
    Node::new(tag, Value::DateTime(value))
}

pub fn uid(value: &str) -> Item {
    text(tag::UNIQUE_IDENTIFIER, value)
}

/// Attribute of 1.x.
pub fn attribute(name: &str, value: Value<'static>) -> Item {
    structure(
        tag::ATTRIBUTE,
        vec![
            text(tag::ATTRIBUTE_NAME, name),
            Node::new(tag::ATTRIBUTE_VALUE, value),
        ],
    )
}

pub fn text_attribute(name: &str, value: &str) -> Item {
    attribute(name, Value::TextString(value.to_owned().into()))
}

pub fn name_value(value: &str) -> Value<'static> {
    Value::Structure(vec![
        text(tag::NAME_VALUE, value),
        number(tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING.0),
    ])
}

pub fn name(value: &str) -> Item {
    attribute("Name", name_value(value))
}

pub fn mask(value: i32) -> Item {
    attribute("Cryptographic Usage Mask", Value::Integer(value))
}

pub fn template(attributes: Vec<Item>) -> Item {
    structure(tag::TEMPLATE_ATTRIBUTE, attributes)
}

/// Payload of a Create for AES-256 that encrypts and decrypts, with more attributes.
pub fn aes(more: Vec<Item>) -> Vec<Item> {
    let mut attributes = vec![
        attribute(
            "Cryptographic Algorithm",
            Value::Enumeration(CryptographicAlgorithm::AES.0),
        ),
        attribute("Cryptographic Length", Value::Integer(256)),
        mask(ENCRYPT_DECRYPT),
    ];
    attributes.extend(more);
    vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        template(attributes),
    ]
}

/// Payload of a Register for Secret Data.
pub fn secret(
    kind: SecretDataType,
    format: KeyFormatType,
    value: &[u8],
    attributes: Vec<Item>,
) -> Vec<Item> {
    let block = vec![
        number(tag::KEY_FORMAT_TYPE, format.0),
        structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, value)]),
    ];
    vec![
        number(tag::OBJECT_TYPE, ObjectType::SECRET_DATA.0),
        template(attributes),
        structure(
            tag::SECRET_DATA,
            vec![
                number(tag::SECRET_DATA_TYPE, kind.0),
                structure(tag::KEY_BLOCK, block),
            ],
        ),
    ]
}

/// Payload of a Register for a raw AES key.
pub fn raw_aes(value: &[u8], attributes: Vec<Item>) -> Vec<Item> {
    let block = vec![
        number(tag::KEY_FORMAT_TYPE, KeyFormatType::RAW.0),
        structure(tag::KEY_VALUE, vec![bytes(tag::KEY_MATERIAL, value)]),
        number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
        integer(
            tag::CRYPTOGRAPHIC_LENGTH,
            i32::try_from(value.len() * 8).unwrap(),
        ),
    ];
    vec![
        number(tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY.0),
        template(attributes),
        structure(tag::SYMMETRIC_KEY, vec![structure(tag::KEY_BLOCK, block)]),
    ]
}

/// A name that no other test has.
pub fn unique(stem: &str) -> String {
    format!("{stem}-{}", uuid::Uuid::new_v4())
}

/// The Attribute structures of a payload of 1.x.
pub fn named(payload: &Item) -> Vec<(String, i32, Value<'static>)> {
    let attributes = payload
        .items()
        .iter()
        .filter(|item| item.tag == tag::ATTRIBUTE);
    attributes
        .map(|attribute| {
            (
                text_string(attribute.child(tag::ATTRIBUTE_NAME).expect("a name")),
                attribute.child(tag::ATTRIBUTE_INDEX).map_or(0, integer_of),
                attribute
                    .child(tag::ATTRIBUTE_VALUE)
                    .expect("a value")
                    .value
                    .clone(),
            )
        })
        .collect()
}

pub fn identifier(payload: &Item) -> String {
    text_string(
        payload
            .child(tag::UNIQUE_IDENTIFIER)
            .expect("a Unique Identifier"),
    )
}

pub fn identifiers(payload: &Item) -> Vec<String> {
    payload
        .items()
        .iter()
        .filter(|item| item.tag == tag::UNIQUE_IDENTIFIER)
        .map(text_string)
        .collect()
}

pub fn path<'a>(from: &'a Item, tags: &[Tag]) -> &'a Item {
    tags.iter().fold(from, |item, tag| {
        item.child(*tag)
            .unwrap_or_else(|| panic!("no {tag:?} in {item:?}"))
    })
}

pub fn enumeration(item: &Item) -> u32 {
    let Value::Enumeration(value) = item.value else {
        panic!("{item:?} is no Enumeration")
    };
    value
}

pub fn integer_of(item: &Item) -> i32 {
    let Value::Integer(value) = item.value else {
        panic!("{item:?} is no Integer")
    };
    value
}

pub fn text_string(item: &Item) -> String {
    let Value::TextString(value) = &item.value else {
        panic!("{item:?} is no Text String")
    };
    value.to_string()
}

pub fn byte_string(item: &Item) -> Vec<u8> {
    let Value::ByteString(value) = &item.value else {
        panic!("{item:?} is no Byte String")
    };
    value.to_vec()
}

/// Key Material of a Get's payload.
pub fn material(payload: &Item, object: Tag) -> Vec<u8> {
    byte_string(path(
        payload,
        &[object, tag::KEY_BLOCK, tag::KEY_VALUE, tag::KEY_MATERIAL],
    ))
}
