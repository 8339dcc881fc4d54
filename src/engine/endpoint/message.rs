//! What goes over a turned connection: requests of this server, and the client's answers
//! (1.4 §5: the form of a Request Message; 2.1 §8).

use ttlv::{Node, Tag, Value};

use super::super::error::Fault;
use crate::protocol::enumeration::{Operation, ResultReason, ResultStatus};
use crate::protocol::message::{ProtocolVersion, RequestHeader, close, open};
use crate::protocol::seam;
use crate::protocol::structure::{Bytes, DateTime, Item, Structure};
use crate::protocol::tag;
use crate::protocol::version::Version;

/// Bytes of a client's message: its answers have no payload but those of Query.
pub(super) const LONGEST: usize = 64 * 1024;

/// A client's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: ResultStatus,
    pub(super) reason: Option<ResultReason>,
    pub(super) payload: Vec<Node<'static>>,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        self.status == ResultStatus::SUCCESS
    }

    /// The client does not know the operation.
    pub(super) fn is_unsupported(&self) -> bool {
        self.reason == Some(ResultReason::OPERATION_NOT_SUPPORTED)
    }
}

/// TTLV of a payload in the form of `version`.
pub(super) fn payload(
    operation: Operation,
    version: Version,
    payload: &impl Structure,
) -> Result<Bytes, Fault> {
    let items = seam::response(operation, version, payload.to_items(version)?);
    let node = Node::structure(tag::REQUEST_PAYLOAD, items);
    let mut out = Bytes::new(Vec::with_capacity(ttlv::binary::encoded_len(&node)));
    ttlv::binary::encode(&node, &mut out);
    Ok(out)
}

/// A Request Message with one item. Without the fields that 1.4 §5.1 and §5.2 do not allow.
pub(super) fn request(
    (operation, version): (Operation, Version),
    now: i64,
    correlation: &str,
    payload: &[u8],
) -> Result<Bytes, Fault> {
    let header = RequestHeader {
        protocol_version: ProtocolVersion {
            major: version.major.into(),
            minor: version.minor.into(),
        },
        maximum_response_size: None,
        client_correlation_value: Some(correlation.to_owned()),
        server_correlation_value: None,
        asynchronous_indicator: None,
        authentication: None,
        batch_error_continuation_option: None,
        batch_order_option: None,
        time_stamp: Some(DateTime(now)),
        batch_count: Some(1),
    };
    let header = Node::structure(tag::REQUEST_HEADER, header.to_items(version)?);
    let operation = Node::new(tag::OPERATION, operation.write(version)?);
    let length = ttlv::binary::encoded_len(&header) + payload.len() + 64;
    let mut out = Bytes::new(Vec::with_capacity(length));
    let start = open(tag::REQUEST_MESSAGE, &mut out);
    ttlv::binary::encode(&header, &mut out);
    let item = open(tag::BATCH_ITEM, &mut out);
    ttlv::binary::encode(&operation, &mut out);
    out.extend_from_slice(payload);
    close(item, &mut out);
    close(start, &mut out);
    Ok(out)
}

/// Whether a message asks; else it answers (the network side lets nothing else through).
pub(super) fn asks(message: &[u8]) -> bool {
    message.get(2) == tag::REQUEST_MESSAGE.0.to_be_bytes().last()
}

/// Reads the answer to one request.
///
/// # Errors
/// What is wrong with it.
pub(super) fn answer(message: &[u8], asked: Operation) -> Result<Answer, String> {
    let limits = ttlv::Limits {
        bytes: LONGEST,
        items: 4096,
        ..ttlv::Limits::default()
    };
    let message = ttlv::binary::decode(message, &limits).map_err(|error| error.to_string())?;
    let header = child(&message, tag::RESPONSE_HEADER)?;
    ProtocolVersion::read(child(header, tag::PROTOCOL_VERSION)?)
        .map_err(|error| error.to_string())?;
    let mut items = message
        .items()
        .iter()
        .filter(|item| item.tag == tag::BATCH_ITEM);
    let (Some(item), None) = (items.next(), items.next()) else {
        return Err("it does not have one batch item, as the request has".to_owned());
    };
    let number = |wanted: Tag| match item.child(wanted).map(|field| &field.value) {
        Some(Value::Enumeration(number)) => Ok(Some(*number)),
        None => Ok(None),
        Some(_) => Err(format!("{wanted:?} is no enumeration")),
    };
    // 2.1 §8.6: required, unless the request could not be read.
    let status = number(tag::RESULT_STATUS)?.ok_or("it has no Result Status")?;
    if let Some(operation) = number(tag::OPERATION)?
        && operation != asked.0
    {
        return Err(format!(
            "it answers {}; {asked} was asked",
            Operation(operation)
        ));
    }
    let payload = item.child(tag::RESPONSE_PAYLOAD);
    Ok(Answer {
        status: ResultStatus(status),
        reason: number(tag::RESULT_REASON)?.map(ResultReason),
        payload: payload
            .map(|payload| payload.items().iter().cloned().map(Node::into_owned))
            .into_iter()
            .flatten()
            .collect(),
    })
}

fn child<'n, 'b>(node: &'n Node<'b>, wanted: Tag) -> Result<&'n Node<'b>, String> {
    node.child(wanted)
        .ok_or_else(|| format!("it has no {}", crate::protocol::structure::spoken(wanted)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::protocol::message::{ResponseHeader, ResponseItem, encode_response};

    fn reply(operation: Operation, items: usize) -> Vec<u8> {
        let header = ResponseHeader {
            protocol_version: ProtocolVersion { major: 2, minor: 1 },
            time_stamp: DateTime(0),
            server_hashed_password: None,
            client_correlation_value: None,
            server_correlation_value: None,
            batch_count: 1,
        };
        let item = ResponseItem {
            operation: Some(operation),
            unique_batch_item_id: None,
            status: ResultStatus::OPERATION_FAILED,
            reason: Some(ResultReason::OPERATION_NOT_SUPPORTED),
            asynchronous_correlation_value: None,
            message: None,
            payload: None,
        };
        let mut out = Vec::new();
        encode_response(&header, &vec![item; items], Version::V2_1, &mut out);
        out
    }

    #[test]
    fn answers_are_read_only_in_their_form() {
        let read = answer(&reply(Operation::PUT, 1), Operation::PUT).unwrap();
        assert!(read.is_unsupported() && !read.is_success());
        for wrong in [
            reply(Operation::NOTIFY, 1),
            reply(Operation::PUT, 0),
            reply(Operation::PUT, 2),
            Vec::new(),
        ] {
            assert!(answer(&wrong, Operation::PUT).is_err());
        }
        let whole = reply(Operation::PUT, 1);
        for end in 0..whole.len() {
            assert!(answer(whole.get(..end).unwrap(), Operation::PUT).is_err());
        }
        assert!(!asks(&whole));
    }

    #[test]
    fn requests_say_what_they_ask_and_nothing_that_is_not_allowed() {
        let asked = (Operation::NOTIFY, Version::V1_4);
        let empty = payload(
            Operation::NOTIFY,
            Version::V1_4,
            &crate::protocol::structure::Empty,
        );
        let bytes = request(asked, 7, "main-1", &empty.unwrap()).unwrap();
        assert!(asks(&bytes));
        let node = ttlv::binary::decode(&bytes, &ttlv::Limits::default()).unwrap();
        let header: Vec<Tag> = node
            .items()
            .first()
            .unwrap()
            .items()
            .iter()
            .map(|i| i.tag)
            .collect();
        assert_eq!(
            header,
            [
                tag::PROTOCOL_VERSION,
                tag::CLIENT_CORRELATION_VALUE,
                tag::TIME_STAMP,
                tag::BATCH_COUNT
            ]
        );
    }
}
