//! One audit record: a line of JSON. A row's body is one or several of them, each ended by a newline.

use std::fmt::Display;

use serde::{Deserialize, Serialize, Serializer};

use crate::protocol::version::Version;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure(crate::engine::error::Reason),
    /// It succeeded, but a later item of a batch with Undo did not; or another node of the cluster was
    /// first with what the servers do by themselves.
    Undone,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure(reason) => reason.name(),
            Outcome::Undone => "undone",
        }
    }
}

/// A record as it is written: borrowed, so that it is built once, in the block that is stored.
#[derive(Serialize)]
pub(super) struct Line<'a, O: Display> {
    pub phase: &'a str,
    /// Seconds since 1970: the message's one moment.
    pub time: i64,
    pub tenant: i64,
    /// Empty for a client that no identity is mapped to.
    pub identity: &'a str,
    pub address: &'a str,
    /// The answer's Server Correlation Value; with `item` it ties an intent to its outcome.
    pub request: &'a str,
    pub item: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<u32>,
    #[serde(serialize_with = "shown")]
    pub operation: O,
    pub objects: &'a [String],
    /// The message's protocol version; None where there was no message.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "version")]
    pub version: Option<Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub credentials: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<u64>,
    pub result: &'a str,
}

fn shown<O: Display, S: Serializer>(operation: &O, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(operation)
}

fn version<S: Serializer>(version: &Option<Version>, serializer: S) -> Result<S::Ok, S::Error> {
    match version {
        Some(version) => serializer.collect_str(version),
        None => serializer.serialize_none(),
    }
}

impl<O: Display> Line<'_, O> {
    pub(super) fn append(&self, body: &mut Vec<u8>) {
        // Writing to memory does not fail, and no field of a line refuses to be JSON.
        let _ = serde_json::to_writer(&mut *body, self);
        body.push(b'\n');
    }
}

/// Stands for a number that was taken and never written: its transaction failed or its server died.
pub const VOID: &[u8] = b"{\"phase\":\"void\"}\n";

/// A record as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    pub phase: String,
    pub time: i64,
    pub tenant: i64,
    pub identity: String,
    pub address: String,
    pub request: String,
    pub item: u32,
    /// So many items of the message from that one on, of which this is the record; None: that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<u32>,
    pub operation: String,
    pub objects: Vec<String>,
    /// The message's protocol version, such as `1.4`; None where there was no message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Of cryptographic operations: the mechanism, and who computed it (`token` or `library`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Of PKCS#11: the function that was called; the result is what it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Credentials that were proven beside the certificate: `user:NAME`, `device:NAME`, `ticket:KEY`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<String>,
    /// Log: what the client said, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Of a message that could not be read: what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// So many messages that could not be read have no record of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<u64>,
    pub result: String,
}

impl Record {
    /// Where a record stands among others: those of one second by the number of their message, for
    /// outcomes that changed nothing reach the log later than those that did.
    pub fn order(&self) -> (i64, u64, u32) {
        let number = self.request.rsplit('-').next().unwrap_or_default();
        (self.time, number.parse().unwrap_or(0), self.item)
    }
}

/// The records of a row; None for a line that is none.
pub fn records(body: &[u8]) -> impl Iterator<Item = Option<Record>> {
    body.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).ok())
}
