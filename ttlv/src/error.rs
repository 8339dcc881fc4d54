//! Why a message was refused, and where in it.

use std::fmt;

use crate::node::{Kind, Tag};

/// What is wrong. The text never holds a value of the message: values may be key material.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    #[error("the message ends early: {needed} bytes needed, {available} there")]
    Truncated { needed: usize, available: usize },
    #[error("{0} bytes follow the end of the message")]
    TrailingBytes(usize),
    #[error("more than {0} structures inside one another")]
    TooDeep(usize),
    #[error("more than {0} items")]
    TooManyItems(usize),
    #[error("{length} bytes are more than the limit of {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("unknown item type 0x{0:02X}")]
    UnknownType(u8),
    #[error("length {length} is not that of type {}", .kind.name())]
    WrongLength { kind: Kind, length: u32 },
    #[error("a Boolean is 0 or 1")]
    BadBoolean,
    #[error("text is not UTF-8")]
    BadUtf8,
    #[error("unknown {what} {name:?}")]
    UnknownName { what: &'static str, name: String },
    #[error("not a value of type {}: expected {expected}", .kind.name())]
    BadValue { kind: Kind, expected: &'static str },
    #[error("syntax: {0}")]
    Syntax(String),
    #[error("U+{0:04X} cannot be written in XML 1.0")]
    Unrepresentable(u32),
}

impl ErrorKind {
    /// Names come from the sender: what an error repeats of them is bounded.
    pub(crate) fn unknown(what: &'static str, name: &str) -> Self {
        ErrorKind::UnknownName {
            what,
            name: name.chars().take(64).collect(),
        }
    }
}

/// An [`ErrorKind`] and the tags from the message's root to the item that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    /// Innermost first: it is filled while the decoder returns.
    path: Vec<Tag>,
}

impl Error {
    pub(crate) fn within(mut self, tag: Tag) -> Self {
        self.path.push(tag);
        self
    }

    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// From the root to the item at fault; empty when the fault lies outside every item.
    pub fn path(&self) -> impl Iterator<Item = Tag> {
        self.path.iter().rev().copied()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Error {
            kind,
            path: Vec::new(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, tag) in self.path().enumerate() {
            write!(f, "{}{tag:?}", if level == 0 { "" } else { "/" })?;
        }
        write!(
            f,
            "{}{}",
            if self.path.is_empty() { "" } else { ": " },
            self.kind
        )
    }
}

impl std::error::Error for Error {}
