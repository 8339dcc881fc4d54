//! Requests as clients write them, and answers as they read them.

use keyward::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, NameType, ObjectType, Operation, ResultReason,
    SecretDataType,
};
use keyward::protocol::tag;
use ttlv::{Node, Tag, Value};

use crate::server::Client;

pub type Item = Node<'static>;

pub const V1_0: (i32, i32) = (1, 0);
pub const V1_1: (i32, i32) = (1, 1);
pub const V1_2: (i32, i32) = (1, 2);
pub const V1_4: (i32, i32) = (1, 4);
pub const V2_1: (i32, i32) = (2, 1);

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

#[derive(Clone, Debug)]
pub struct Request {
    version: (i32, i32),
    header: Vec<Item>,
    items: Vec<Item>,
    count: Option<i32>,
}

impl Request {
    pub fn new(version: (i32, i32)) -> Self {
        Request {
            version,
            header: Vec::new(),
            items: Vec::new(),
            count: None,
        }
    }

    pub fn one(version: (i32, i32), operation: Operation, payload: Vec<Item>) -> Self {
        Request::new(version).item(operation, None, payload)
    }

    /// A field of the header, between Protocol Version and Batch Count.
    pub fn header(mut self, field: Item) -> Self {
        self.header.push(field);
        self
    }

    pub fn item(mut self, operation: Operation, id: Option<&[u8]>, payload: Vec<Item>) -> Self {
        let mut fields = vec![number(tag::OPERATION, operation.0)];
        fields.extend(id.map(|id| bytes(tag::UNIQUE_BATCH_ITEM_ID, id)));
        fields.push(structure(tag::REQUEST_PAYLOAD, payload));
        self.items.push(structure(tag::BATCH_ITEM, fields));
        self
    }

    /// What Batch Count says, instead of the truth.
    pub fn counted(mut self, count: i32) -> Self {
        self.count = Some(count);
        self
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut header = vec![structure(
            tag::PROTOCOL_VERSION,
            vec![
                integer(tag::PROTOCOL_VERSION_MAJOR, self.version.0),
                integer(tag::PROTOCOL_VERSION_MINOR, self.version.1),
            ],
        )];
        header.extend(self.header.iter().cloned());
        let count = self
            .count
            .unwrap_or(i32::try_from(self.items.len()).unwrap());
        header.push(integer(tag::BATCH_COUNT, count));
        let mut fields = vec![structure(tag::REQUEST_HEADER, header)];
        fields.extend(self.items.iter().cloned());
        ttlv::binary::to_vec(&structure(tag::REQUEST_MESSAGE, fields))
    }
}

/// One item of an answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub operation: Option<u32>,
    pub id: Option<Vec<u8>>,
    pub reason: Option<u32>,
    pub payload: Item,
    message: String,
}

impl Answer {
    fn of(item: &Item) -> Answer {
        let status = enumeration(item.child(tag::RESULT_STATUS).expect("a Result Status"));
        let reason = item.child(tag::RESULT_REASON).map(enumeration);
        assert_eq!(
            status != 0,
            reason.is_some(),
            "a reason goes with a failure, and only with one"
        );
        Answer {
            operation: item.child(tag::OPERATION).map(enumeration),
            id: item.child(tag::UNIQUE_BATCH_ITEM_ID).map(byte_string),
            reason,
            message: item
                .child(tag::RESULT_MESSAGE)
                .map(text_string)
                .unwrap_or_default(),
            payload: item
                .child(tag::RESPONSE_PAYLOAD)
                .cloned()
                .unwrap_or_else(|| structure(tag::RESPONSE_PAYLOAD, Vec::new())),
        }
    }

    pub fn ok(self) -> Item {
        assert!(
            self.reason.is_none(),
            "{:?} {}",
            self.reason.map(ResultReason),
            self.message
        );
        self.payload
    }

    pub fn fails(self) -> ResultReason {
        ResultReason(self.reason.expect("a failure"))
    }
}

#[derive(Clone, Debug)]
pub struct Response {
    pub version: (i32, i32),
    pub header: Item,
    pub answers: Vec<Answer>,
}

impl Client {
    pub fn receive(&mut self) -> Response {
        let message = self.read();
        assert_eq!(message.tag, tag::RESPONSE_MESSAGE);
        let header = message
            .child(tag::RESPONSE_HEADER)
            .expect("a header")
            .clone();
        let version = header.child(tag::PROTOCOL_VERSION).expect("a version");
        let part = |tag| integer_of(version.child(tag).expect("a part of the version"));
        let answers: Vec<Answer> = message
            .items()
            .iter()
            .filter(|item| item.tag == tag::BATCH_ITEM)
            .map(Answer::of)
            .collect();
        let count = integer_of(header.child(tag::BATCH_COUNT).expect("a Batch Count"));
        assert_eq!(
            usize::try_from(count).unwrap(),
            answers.len(),
            "Batch Count tells the items returned"
        );
        Response {
            version: (
                part(tag::PROTOCOL_VERSION_MAJOR),
                part(tag::PROTOCOL_VERSION_MINOR),
            ),
            header,
            answers,
        }
    }

    /// Sends a message; its answer is of the same version.
    pub fn send(&mut self, request: &Request) -> Response {
        self.write(&request.encode());
        let response = self.receive();
        assert_eq!(
            response.version, request.version,
            "the answer has the version of the request"
        );
        response
    }

    pub fn ask(&mut self, version: (i32, i32), operation: Operation, payload: Vec<Item>) -> Answer {
        let mut answers = self
            .send(&Request::one(version, operation, payload))
            .answers;
        assert_eq!(answers.len(), 1);
        let answer = answers.remove(0);
        assert_eq!(
            answer.operation,
            Some(operation.0),
            "the operation is echoed, in errors too"
        );
        answer
    }

    /// The Unique Identifier of what an operation made or named.
    pub fn made(
        &mut self,
        version: (i32, i32),
        operation: Operation,
        payload: Vec<Item>,
    ) -> String {
        identifier(&self.ask(version, operation, payload).ok())
    }

    pub fn locate(&mut self, version: (i32, i32), payload: Vec<Item>) -> Vec<String> {
        identifiers(&self.ask(version, Operation::LOCATE, payload).ok())
    }

    /// Attributes of 1.x by name: (name, index, value).
    pub fn attributes(
        &mut self,
        version: (i32, i32),
        of: &str,
        names: &[&str],
    ) -> Vec<(String, i32, Value<'static>)> {
        let mut payload = vec![uid(of)];
        payload.extend(names.iter().map(|name| text(tag::ATTRIBUTE_NAME, name)));
        named(&self.ask(version, Operation::GET_ATTRIBUTES, payload).ok())
    }
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
