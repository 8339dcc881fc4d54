//! Requests as bytes, answers as their fields.

use keyward::mechanism::Row;
use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::{Limits, Node, Tag, Value};

pub type Item = Node<'static>;

pub fn message(operation: Operation, payload: Vec<Item>) -> Vec<u8> {
    let version = vec![
        integer(tag::PROTOCOL_VERSION_MAJOR, 2),
        integer(tag::PROTOCOL_VERSION_MINOR, 1),
    ];
    let header = vec![
        structure(tag::PROTOCOL_VERSION, version),
        integer(tag::BATCH_COUNT, 1),
    ];
    let item = vec![
        number(tag::OPERATION, operation.0),
        structure(tag::REQUEST_PAYLOAD, payload),
    ];
    ttlv::binary::to_vec(&structure(
        tag::REQUEST_MESSAGE,
        vec![
            structure(tag::REQUEST_HEADER, header),
            structure(tag::BATCH_ITEM, item),
        ],
    ))
}

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub reason: Option<u32>,
    pub message: String,
    payload: Option<Item>,
}

impl Answer {
    pub fn read(bytes: &[u8]) -> Answer {
        let node = ttlv::binary::decode(bytes, &Limits::default())
            .unwrap()
            .into_owned();
        let item = node.child(tag::BATCH_ITEM).unwrap();
        Answer {
            reason: item.child(tag::RESULT_REASON).map(|node| match node.value {
                Value::Enumeration(reason) => reason,
                _ => panic!("{node:?}"),
            }),
            message: item
                .child(tag::RESULT_MESSAGE)
                .map(text_of)
                .unwrap_or_default(),
            payload: item.child(tag::RESPONSE_PAYLOAD).cloned(),
        }
    }

    #[track_caller]
    pub fn ok(self) -> Answer {
        let reason = self.reason.map(ResultReason);
        assert_eq!(reason, None, "{}", self.message);
        self
    }

    #[track_caller]
    pub fn fails(&self, reason: ResultReason) {
        let found = self.reason.map(ResultReason);
        assert_eq!(found, Some(reason), "{}", self.message);
        assert!(self.payload.is_none());
    }

    pub fn id(&self) -> String {
        text_of(self.field(tag::UNIQUE_IDENTIFIER).unwrap())
    }

    pub fn field(&self, tag: Tag) -> Option<&Item> {
        self.payload.as_ref()?.child(tag)
    }

    /// Bytes of a field; empty where there is none.
    pub fn bytes(&self, tag: Tag) -> Vec<u8> {
        match self.field(tag).map(|node| &node.value) {
            None => Vec::new(),
            Some(Value::ByteString(bytes)) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    pub fn text(&self, tag: Tag) -> String {
        text_of(self.field(tag).unwrap())
    }

    pub fn number(&self, tag: Tag) -> u32 {
        match self.field(tag).map(|node| &node.value) {
            Some(Value::Enumeration(number)) => *number,
            other => panic!("{other:?}"),
        }
    }
}

fn text_of(node: &Item) -> String {
    match &node.value {
        Value::TextString(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

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

pub fn bytes(tag: Tag, value: &[u8]) -> Item {
    Node::bytes(tag, value.to_vec())
}

pub fn uid(id: &str) -> Item {
    Node::text(tag::UNIQUE_IDENTIFIER, id.to_owned())
}

pub fn parameters(fields: Vec<Item>) -> Item {
    structure(tag::CRYPTOGRAPHIC_PARAMETERS, fields)
}

/// The class of a key, as Keyward's attribute.
pub fn class(name: &'static str) -> Item {
    structure(
        tag::ATTRIBUTE,
        vec![
            Node::text(tag::VENDOR_IDENTIFICATION, "x"),
            Node::text(tag::ATTRIBUTE_NAME, "keyward-class"),
            Node::text(tag::ATTRIBUTE_VALUE, name),
        ],
    )
}

/// What a request asks of a row, with more parameters.
pub fn of_row(row: &Row, more: Vec<Item>) -> Item {
    let mut fields = Vec::new();
    fields.extend(row.mode.map(|mode| number(tag::BLOCK_CIPHER_MODE, mode.0)));
    fields.extend(more);
    parameters(fields)
}
