//! The pivot of every encoding: one small tree, borrowed from the message where that is possible.

use std::borrow::Cow;
use std::fmt;

/// The type byte of an item (KMIP 2.1 §10.1.2; the same in every version, `DateTimeExtended` since 2.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    Structure = 1,
    Integer = 2,
    LongInteger = 3,
    BigInteger = 4,
    Enumeration = 5,
    Boolean = 6,
    TextString = 7,
    ByteString = 8,
    DateTime = 9,
    Interval = 10,
    DateTimeExtended = 11,
}

impl Kind {
    pub fn from_byte(byte: u8) -> Option<Kind> {
        Some(match byte {
            1 => Kind::Structure,
            2 => Kind::Integer,
            3 => Kind::LongInteger,
            4 => Kind::BigInteger,
            5 => Kind::Enumeration,
            6 => Kind::Boolean,
            7 => Kind::TextString,
            8 => Kind::ByteString,
            9 => Kind::DateTime,
            10 => Kind::Interval,
            11 => Kind::DateTimeExtended,
            _ => return None,
        })
    }

    /// From the name as XML and JSON write it, or 0x and the type byte in hex.
    pub fn from_name(name: &str) -> Option<Kind> {
        let byte = name
            .strip_prefix("0x")
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        (1..=11)
            .filter_map(Kind::from_byte)
            .find(|kind| kind.name() == name || byte == Some(*kind as u8))
    }

    /// The name as XML and JSON write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Structure => "Structure",
            Kind::Integer => "Integer",
            Kind::LongInteger => "LongInteger",
            Kind::BigInteger => "BigInteger",
            Kind::Enumeration => "Enumeration",
            Kind::Boolean => "Boolean",
            Kind::TextString => "TextString",
            Kind::ByteString => "ByteString",
            Kind::DateTime => "DateTime",
            Kind::Interval => "Interval",
            Kind::DateTimeExtended => "DateTimeExtended",
        }
    }
}

/// A three-byte tag. Standard ones are 0x42XXXX, extensions 0x54XXXX.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u32);

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:06X}", self.0)
    }
}

/// What an item holds. Strings borrow from the message they were decoded from.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'a> {
    Structure(Vec<Node<'a>>),
    Integer(i32),
    LongInteger(i64),
    /// Two's complement, big-endian, without the padding to a multiple of eight bytes that
    /// binary TTLV adds; zero is one byte.
    BigInteger(Cow<'a, [u8]>),
    Enumeration(u32),
    Boolean(bool),
    TextString(Cow<'a, str>),
    ByteString(Cow<'a, [u8]>),
    /// Seconds since 1970-01-01T00:00:00Z.
    DateTime(i64),
    /// Seconds.
    Interval(u32),
    /// Microseconds since 1970-01-01T00:00:00Z.
    DateTimeExtended(i64),
}

/// The same number without redundant sign bytes; of nothing, zero.
pub fn minimal_twos_complement(mut bytes: &[u8]) -> &[u8] {
    while let [first @ (0 | 0xFF), rest @ ..] = bytes
        && rest
            .first()
            .is_some_and(|second| (first ^ second) & 0x80 == 0)
    {
        bytes = rest;
    }
    if bytes.is_empty() { &[0] } else { bytes }
}

impl<'a> Value<'a> {
    /// A number in two's complement, big-endian, of any width.
    pub fn big_integer(bytes: &'a [u8]) -> Self {
        Value::BigInteger(Cow::Borrowed(minimal_twos_complement(bytes)))
    }
}

impl Value<'_> {
    pub fn kind(&self) -> Kind {
        match self {
            Value::Structure(_) => Kind::Structure,
            Value::Integer(_) => Kind::Integer,
            Value::LongInteger(_) => Kind::LongInteger,
            Value::BigInteger(_) => Kind::BigInteger,
            Value::Enumeration(_) => Kind::Enumeration,
            Value::Boolean(_) => Kind::Boolean,
            Value::TextString(_) => Kind::TextString,
            Value::ByteString(_) => Kind::ByteString,
            Value::DateTime(_) => Kind::DateTime,
            Value::Interval(_) => Kind::Interval,
            Value::DateTimeExtended(_) => Kind::DateTimeExtended,
        }
    }

    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Structure(items) => {
                Value::Structure(items.into_iter().map(Node::into_owned).collect())
            }
            Value::Integer(v) => Value::Integer(v),
            Value::LongInteger(v) => Value::LongInteger(v),
            Value::BigInteger(v) => Value::BigInteger(Cow::Owned(v.into_owned())),
            Value::Enumeration(v) => Value::Enumeration(v),
            Value::Boolean(v) => Value::Boolean(v),
            Value::TextString(v) => Value::TextString(Cow::Owned(v.into_owned())),
            Value::ByteString(v) => Value::ByteString(Cow::Owned(v.into_owned())),
            Value::DateTime(v) => Value::DateTime(v),
            Value::Interval(v) => Value::Interval(v),
            Value::DateTimeExtended(v) => Value::DateTimeExtended(v),
        }
    }
}

/// Shows kinds and sizes, never contents: a tree may hold key material and end in a log.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Structure(items) => f.debug_list().entries(items).finish(),
            Value::BigInteger(v) => write!(f, "BigInteger[{}]", v.len()),
            Value::TextString(v) => write!(f, "TextString[{}]", v.len()),
            Value::ByteString(v) => write!(f, "ByteString[{}]", v.len()),
            other => write!(f, "{}", other.kind().name()),
        }
    }
}

/// One item: a tag and its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Node<'a> {
    pub tag: Tag,
    pub value: Value<'a>,
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}={:?}", self.tag, self.value)
    }
}

impl<'a> Node<'a> {
    pub fn new(tag: Tag, value: Value<'a>) -> Self {
        Node { tag, value }
    }

    pub fn structure(tag: Tag, items: Vec<Node<'a>>) -> Self {
        Node::new(tag, Value::Structure(items))
    }

    pub fn text(tag: Tag, text: impl Into<Cow<'a, str>>) -> Self {
        Node::new(tag, Value::TextString(text.into()))
    }

    pub fn bytes(tag: Tag, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Node::new(tag, Value::ByteString(bytes.into()))
    }

    pub fn kind(&self) -> Kind {
        self.value.kind()
    }

    /// The items of a structure; none for any other kind.
    pub fn items(&self) -> &[Node<'a>] {
        match &self.value {
            Value::Structure(items) => items,
            _ => &[],
        }
    }

    /// The first item of a structure with this tag.
    pub fn child(&self, tag: Tag) -> Option<&Node<'a>> {
        self.items().iter().find(|item| item.tag == tag)
    }

    pub fn into_owned(self) -> Node<'static> {
        Node {
            tag: self.tag,
            value: self.value.into_owned(),
        }
    }
}
