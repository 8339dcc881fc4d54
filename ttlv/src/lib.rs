//! KMIP's Tag-Type-Length-Value tree ([`Node`]) and its three encodings: binary TTLV
//! (KMIP 1.x §9.1, 2.1 §10), XML and JSON (Additional Message Encodings 1.0).
//!
//! Nothing here knows a KMIP operation. The names of tags and enumeration values, which XML
//! and JSON write and binary does not, come from whoever uses the crate, through [`Names`].

pub mod binary;
pub mod error;
pub mod json;
pub mod limits;
pub mod names;
pub mod node;
mod text;
pub mod xml;

pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use names::Names;
pub use node::{Kind, Node, Tag, Value};
