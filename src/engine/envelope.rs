//! The envelope of a message: its header and version, and the answer to one that cannot be processed.

use ttlv::{Node, Value};

use super::error::Fault;
use crate::protocol::enumeration::{Operation, ResultStatus};
use crate::protocol::message::{
    ProtocolVersion, RequestHeader, ResponseHeader, ResponseItem, encode_response,
};
use crate::protocol::structure::{Bytes, DateTime, Item, Malformed};
use crate::protocol::tag;
use crate::protocol::version::Version;

pub(super) fn split(node: Node<'_>) -> Result<(RequestHeader, Vec<Node<'_>>), Malformed> {
    if node.tag != tag::REQUEST_MESSAGE {
        return Err(Malformed::Missing("Request Message".to_owned()));
    }
    let Value::Structure(fields) = node.value else {
        return Err(Malformed::Missing("Request Header".to_owned()));
    };
    let mut header = None;
    let mut items = Vec::with_capacity(fields.len());
    for field in fields {
        match field.tag {
            tag::REQUEST_HEADER => header = Some(RequestHeader::read(&field)?),
            tag::BATCH_ITEM => items.push(field),
            _ => {}
        }
    }
    let header = header.ok_or_else(|| Malformed::Missing("Request Header".to_owned()))?;
    Ok((header, items))
}

pub(super) fn version_of(version: &ProtocolVersion) -> Version {
    let part = |number: i32| u16::try_from(number).unwrap_or(u16::MAX);
    Version::new(part(version.major), part(version.minor))
}

/// The version to answer in: the one asked for; Discover Versions is answered whatever the header says.
pub(super) fn serve_as(asked: Version, items: &[Node<'_>]) -> Option<Version> {
    if asked.is_supported() {
        return Some(asked);
    }
    let only_discovers = !items.is_empty()
        && items.iter().all(|item| {
            item.child(tag::OPERATION).map(|operation| &operation.value)
                == Some(&Value::Enumeration(Operation::DISCOVER_VERSIONS.0))
        });
    only_discovers.then(|| nearest(asked))
}

/// The newest served version that is not newer than `asked`, else the oldest.
pub(super) fn nearest(asked: Version) -> Version {
    Version::SUPPORTED
        .iter()
        .copied()
        .find(|version| *version <= asked)
        .unwrap_or(Version::V1_0)
}

/// The protocol version of a message that could not be read whole, so that the client understands the answer.
pub(super) fn salvage_version(request: &[u8]) -> Version {
    // Request Message, Request Header, Protocol Version: 24 bytes of headers, then two Integers.
    let integer = |at: usize| {
        request
            .get(at..at + 4)
            .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok())
    };
    let (Some(major), Some(minor)) = (integer(32), integer(48)) else {
        return Version::V1_0;
    };
    let part = |bytes| u16::try_from(u32::from_be_bytes(bytes)).unwrap_or(u16::MAX);
    nearest(Version::new(part(major), part(minor)))
}

/// Answers a message of which no item can be processed.
pub fn refuse(version: Version, now: i64, fault: &Fault, out: &mut Vec<u8>) {
    let header = ResponseHeader {
        protocol_version: ProtocolVersion {
            major: version.major.into(),
            minor: version.minor.into(),
        },
        time_stamp: DateTime(now),
        server_hashed_password: None,
        client_correlation_value: None,
        server_correlation_value: None,
        batch_count: 1,
    };
    let item = failure(None, None, fault, version);
    encode_response(&header, &[item], version, out);
}

/// Answers a message that never was one: too long, or not KMIP at all.
pub fn refuse_start(start: &[u8], now: i64, fault: &Fault, out: &mut Vec<u8>) {
    refuse(salvage_version(start), now, fault, out);
}

pub(super) fn failure(
    operation: Option<Operation>,
    id: Option<Bytes>,
    fault: &Fault,
    version: Version,
) -> ResponseItem {
    ResponseItem {
        operation,
        unique_batch_item_id: id,
        status: ResultStatus::OPERATION_FAILED,
        reason: Some(fault.reason.in_version(version)),
        asynchronous_correlation_value: None,
        message: Some(fault.message.clone().into_owned()),
        payload: None,
    }
}
