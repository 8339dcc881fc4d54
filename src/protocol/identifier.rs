//! Unique Identifier as requests give it (2.1 §4.66): a text, or since 2.0 a reference to an
//! identifier that this batch produced.

use ttlv::{Kind, Node, Value};

use super::structure::{Inexpressible, Item, Malformed, wrong_type};
use super::version::Version;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    Text(String),
    /// Unique Identifier Enumeration (2.1 §11.58).
    Reference(u32),
    /// Position of a batch item: from 0, or back from this one when negative.
    Position(i32),
}

impl Item for Identifier {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match &node.value {
            Value::TextString(text) => Ok(Identifier::Text(text.clone().into_owned())),
            Value::Enumeration(number) => Ok(Identifier::Reference(*number)),
            Value::Integer(number) => Ok(Identifier::Position(*number)),
            _ => Err(wrong_type(node, Kind::TextString)),
        }
    }

    fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(match self {
            Identifier::Text(text) => Value::TextString(text.as_str().into()),
            Identifier::Reference(number) => Value::Enumeration(*number),
            Identifier::Position(number) => Value::Integer(*number),
        })
    }
}
