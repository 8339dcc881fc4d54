//! Requests as clients send them, and answers as they read them.

use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::Value;

pub use crate::fields::*;
use crate::server::Client;

pub const V1_0: (i32, i32) = (1, 0);
pub const V1_1: (i32, i32) = (1, 1);
pub const V1_2: (i32, i32) = (1, 2);
pub const V1_4: (i32, i32) = (1, 4);
pub const V2_1: (i32, i32) = (2, 1);

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
    /// Of an answer that is pending: by which it is polled.
    pub pending: Option<Vec<u8>>,
    pub payload: Item,
    message: String,
}

impl Answer {
    fn of(item: &Item) -> Answer {
        let status = enumeration(item.child(tag::RESULT_STATUS).expect("a Result Status"));
        let reason = item.child(tag::RESULT_REASON).map(enumeration);
        let pending = item
            .child(tag::ASYNCHRONOUS_CORRELATION_VALUE)
            .map(byte_string);
        assert_eq!(
            status == 2,
            pending.is_some(),
            "pending is what can be polled"
        );
        assert_eq!(
            status == 1 || status == 3,
            reason.is_some(),
            "a reason goes with a failure, and only with one"
        );
        Answer {
            operation: item.child(tag::OPERATION).map(enumeration),
            id: item.child(tag::UNIQUE_BATCH_ITEM_ID).map(byte_string),
            reason,
            pending,
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

    /// The Result Message; empty where there is none.
    pub fn words(&self) -> &str {
        &self.message
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
