//! Messages: header, batch items and how an answer is put together (2.1 §8 and §9, 1.4 §6 and §7).

use ttlv::{Kind, Node, Tag, Value};

use super::credential::Authentication;
use super::enumeration::{BatchErrorContinuationOption, Operation, ResultReason, ResultStatus};
use super::structure::{Bytes, DateTime, Inexpressible, Item, Malformed, Structure, wrong_type};
use super::tag;
use super::version::Version;
use crate::structure;

structure! {
    /// 2.1 §9.16.
    pub struct ProtocolVersion {
        major: i32 = PROTOCOL_VERSION_MAJOR;
        minor: i32 = PROTOCOL_VERSION_MINOR;
    }

    /// 2.1 §8.2, 1.4 §7.2. Asynchronous Indicator is a Boolean before 2.0 and an enumeration after.
    pub struct RequestHeader {
        protocol_version: ProtocolVersion = PROTOCOL_VERSION;
        maximum_response_size: Option<i32> = MAXIMUM_RESPONSE_SIZE;
        client_correlation_value: Option<String> = CLIENT_CORRELATION_VALUE, since V1_4;
        server_correlation_value: Option<String> = SERVER_CORRELATION_VALUE, since V1_4;
        asynchronous_indicator: Option<Value<'static>> = ASYNCHRONOUS_INDICATOR;
        authentication: Option<Authentication> = AUTHENTICATION;
        batch_error_continuation_option: Option<BatchErrorContinuationOption> = BATCH_ERROR_CONTINUATION_OPTION;
        batch_order_option: Option<bool> = BATCH_ORDER_OPTION;
        time_stamp: Option<DateTime> = TIME_STAMP;
        batch_count: Option<i32> = BATCH_COUNT;
    }

    /// 2.1 §8.5.
    pub struct ResponseHeader {
        protocol_version: ProtocolVersion = PROTOCOL_VERSION;
        time_stamp: DateTime = TIME_STAMP;
        server_hashed_password: Option<Bytes> = SERVER_HASHED_PASSWORD, since V2_0;
        client_correlation_value: Option<String> = CLIENT_CORRELATION_VALUE, since V1_4;
        server_correlation_value: Option<String> = SERVER_CORRELATION_VALUE, since V1_4;
        batch_count: i32 = BATCH_COUNT;
    }

    /// 2.1 §9.13 Message Extension.
    pub struct MessageExtension {
        vendor_identification: String = VENDOR_IDENTIFICATION;
        criticality_indicator: bool = CRITICALITY_INDICATOR;
    }
}

/// One item of a request. The payload stays a tree until the operation is known.
#[derive(Clone, Debug)]
pub struct RequestItem<'a> {
    pub operation: Operation,
    pub unique_batch_item_id: Option<Bytes>,
    pub message_extension: Option<MessageExtension>,
    pub ephemeral: bool,
    pub payload: Vec<Node<'a>>,
}

impl<'a> RequestItem<'a> {
    pub fn read(node: Node<'a>) -> Result<Self, Malformed> {
        let Value::Structure(items) = node.value else {
            return Err(wrong_type(&node, Kind::Structure));
        };
        let mut operation = None;
        let mut item = RequestItem {
            operation: Operation(0),
            unique_batch_item_id: None,
            message_extension: None,
            ephemeral: false,
            payload: Vec::new(),
        };
        for field in items {
            match field.tag {
                tag::OPERATION => operation = Some(Operation::read(&field)?),
                tag::UNIQUE_BATCH_ITEM_ID => item.unique_batch_item_id = Some(Bytes::read(&field)?),
                tag::MESSAGE_EXTENSION => {
                    item.message_extension = Some(MessageExtension::read(&field)?)
                }
                tag::EPHEMERAL => item.ephemeral = bool::read(&field)?,
                tag::REQUEST_PAYLOAD => match field.value {
                    Value::Structure(payload) => item.payload = payload,
                    _ => return Err(wrong_type(&field, Kind::Structure)),
                },
                _ => {}
            }
        }
        item.operation = operation.ok_or_else(|| Malformed::Missing("Operation".to_owned()))?;
        Ok(item)
    }
}

/// The outcome of one batch item, payload already in its encoded form.
#[derive(Clone, Debug)]
pub struct ResponseItem {
    pub operation: Option<Operation>,
    pub unique_batch_item_id: Option<Bytes>,
    pub status: ResultStatus,
    pub reason: Option<ResultReason>,
    pub message: Option<String>,
    /// Where the answer is pending: by which it is polled.
    pub asynchronous_correlation_value: Option<Bytes>,
    /// TTLV of the Response Payload structure; cleared when dropped.
    pub payload: Option<Bytes>,
}

impl ResponseItem {
    fn fields(&self, version: Version) -> Result<Vec<Node<'_>>, Inexpressible> {
        let mut out = Vec::with_capacity(6);
        if let Some(operation) = &self.operation {
            out.push(Node::new(tag::OPERATION, operation.write(version)?));
        }
        if let Some(id) = &self.unique_batch_item_id {
            out.push(Node::bytes(tag::UNIQUE_BATCH_ITEM_ID, id.as_slice()));
        }
        out.push(Node::new(tag::RESULT_STATUS, self.status.write(version)?));
        if let Some(reason) = &self.reason {
            out.push(Node::new(tag::RESULT_REASON, reason.write(version)?));
        }
        if let Some(message) = &self.message {
            out.push(Node::text(tag::RESULT_MESSAGE, message.as_str()));
        }
        if let Some(value) = &self.asynchronous_correlation_value {
            out.push(Node::bytes(
                tag::ASYNCHRONOUS_CORRELATION_VALUE,
                value.as_slice(),
            ));
        }
        Ok(out)
    }

    /// The item that [`ResponseItem::encode`] wrote; None for anything else.
    pub fn decode(encoded: &[u8]) -> Option<ResponseItem> {
        let node = ttlv::binary::decode(encoded, &ttlv::Limits::default()).ok()?;
        let number = |tag| match node.child(tag)?.value {
            Value::Enumeration(number) => Some(number),
            _ => None,
        };
        Some(ResponseItem {
            operation: number(tag::OPERATION).map(Operation),
            unique_batch_item_id: None,
            status: ResultStatus(number(tag::RESULT_STATUS)?),
            reason: number(tag::RESULT_REASON).map(ResultReason),
            message: match node.child(tag::RESULT_MESSAGE).map(|item| &item.value) {
                Some(Value::TextString(text)) => Some(text.to_string()),
                _ => None,
            },
            asynchronous_correlation_value: None,
            payload: node
                .child(tag::RESPONSE_PAYLOAD)
                .map(|payload| encode_payload(payload.items())),
        })
    }

    /// Appends the item as TTLV.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let fields = self.fields(version).unwrap_or_default();
        let start = open(tag::BATCH_ITEM, out);
        for field in &fields {
            ttlv::binary::encode(field, out);
        }
        if let Some(payload) = &self.payload {
            out.extend_from_slice(payload);
        }
        close(start, out);
    }

    /// Bytes that the item takes in a message.
    pub fn encoded_len(&self, version: Version) -> usize {
        let fields: usize = self
            .fields(version)
            .unwrap_or_default()
            .iter()
            .map(ttlv::binary::encoded_len)
            .sum();
        8 + fields + self.payload.as_ref().map_or(0, |payload| payload.len())
    }
}

/// Appends a structure's header with length 0; `close` puts the length in.
pub fn open(tag: Tag, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let [_, a, b, c] = tag.0.to_be_bytes();
    out.extend_from_slice(&[a, b, c, Kind::Structure as u8, 0, 0, 0, 0]);
    start
}

pub fn close(start: usize, out: &mut [u8]) {
    let length = out.len().saturating_sub(start + 8);
    if let Some(slot) = out.get_mut(start + 4..start + 8) {
        slot.copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

/// TTLV of a payload, after the seam has given it the shape of the message's version.
pub fn encode_payload(items: &[Node<'_>]) -> Bytes {
    let length: usize = items.iter().map(ttlv::binary::encoded_len).sum();
    let mut out = Bytes::new(Vec::with_capacity(length + 8));
    let start = open(tag::RESPONSE_PAYLOAD, &mut out);
    for item in items {
        ttlv::binary::encode(item, &mut out);
    }
    close(start, &mut out);
    out
}

/// A whole response as TTLV, appended to `out`.
pub fn encode_response(
    header: &ResponseHeader,
    items: &[ResponseItem],
    version: Version,
    out: &mut Vec<u8>,
) {
    let fields = header.to_items(version).unwrap_or_default();
    let start = open(tag::RESPONSE_MESSAGE, out);
    ttlv::binary::encode(&Node::structure(tag::RESPONSE_HEADER, fields), out);
    for item in items {
        item.encode(version, out);
    }
    close(start, out);
}
