//! The envelope of a message: its header and version, and the answer to one that cannot be processed.

use ttlv::{Limits, Node, Value};

use super::error::{Fault, Reason};
use crate::protocol::enumeration::{Operation, ResultStatus};
use crate::protocol::message::{
    ProtocolVersion, RequestHeader, ResponseHeader, ResponseItem, encode_response,
};
use crate::protocol::structure::{Bytes, DateTime, Item, Malformed};
use crate::protocol::tag;
use crate::protocol::version::Version;

/// A message whose items can be looked at one by one.
#[derive(Debug)]
pub(super) struct Message<'m> {
    pub(super) header: RequestHeader,
    pub(super) items: Vec<Node<'m>>,
    /// In which it is answered.
    pub(super) version: Version,
}

/// Why a message is refused as a whole, and the version in which it is said.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) version: Version,
    pub(super) fault: Fault,
}

/// Reads the envelope of a message with up to `most` items.
pub(super) fn read<'m>(
    request: &'m [u8],
    limits: &Limits,
    most: usize,
) -> Result<Message<'m>, Unread> {
    let unread = |version, fault| Err(Unread { version, fault });
    let node = match ttlv::binary::decode(request, limits) {
        Ok(node) => node,
        Err(error) => {
            let why = format!("the message is not well formed: {error}");
            let fault = Fault::new(Reason::InvalidMessage, why);
            return unread(salvage_version(request), fault);
        }
    };
    let (header, items) = match split(node) {
        Ok(parts) => parts,
        Err(error) => return unread(salvage_version(request), error.into()),
    };
    let asked = version_of(&header.protocol_version);
    let Some(version) = serve_as(asked, &items) else {
        let why =
            format!("protocol version {asked} is not served; Discover Versions tells which are");
        let fault = Fault::new(Reason::UnsupportedProtocolVersion, why);
        return unread(nearest(asked), fault);
    };
    if items.is_empty() || items.len() > most {
        let why = format!("the batch has {} items; expected 1 to {most}", items.len());
        return unread(version, Fault::new(Reason::InvalidMessage, why));
    }
    Ok(Message {
        header,
        items,
        version,
    })
}

fn split(node: Node<'_>) -> Result<(RequestHeader, Vec<Node<'_>>), Malformed> {
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

fn version_of(version: &ProtocolVersion) -> Version {
    let part = |number: i32| u16::try_from(number).unwrap_or(u16::MAX);
    Version::new(part(version.major), part(version.minor))
}

/// The version to answer in: the one asked for; Discover Versions is answered whatever the header says.
fn serve_as(asked: Version, items: &[Node<'_>]) -> Option<Version> {
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
fn nearest(asked: Version) -> Version {
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
