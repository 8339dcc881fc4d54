//! Binary TTLV (KMIP 1.x §9.1, 2.1 §10.1).
//!
//! Strict on lengths and Booleans. Padding is skipped without a look: the standard does not ask
//! a receiver to check it, and clients exist that leave it uninitialised.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::node::{Kind, Node, Tag, Value, minimal_twos_complement};

/// Tag, type and length.
pub const HEADER_LEN: usize = 8;

/// The length in bytes of a whole message, header and padding included, from its first eight
/// bytes; for framing a stream.
///
/// # Errors
/// When the type byte is not that of a structure, which every KMIP message is: whatever this
/// peer speaks, it is not KMIP.
pub fn message_length(header: &[u8; HEADER_LEN]) -> Result<usize, Error> {
    let [t0, t1, t2, kind, length @ ..] = *header;
    let tag = Tag(u32::from_be_bytes([0, t0, t1, t2]));
    if kind != Kind::Structure as u8 {
        return Err(Error::from(ErrorKind::UnknownType(kind)).within(tag));
    }
    let length = u32::from_be_bytes(length);
    if !length.is_multiple_of(8) {
        return Err(wrong_length(Kind::Structure, length).within(tag));
    }
    Ok(HEADER_LEN + length as usize)
}

/// Exactly one item. Strings borrow from `message`.
pub fn decode<'a>(message: &'a [u8], limits: &Limits) -> Result<Node<'a>, Error> {
    let (node, rest) = decode_prefix(message, limits)?;
    if rest.is_empty() {
        Ok(node)
    } else {
        Err(ErrorKind::TrailingBytes(rest.len()).into())
    }
}

/// One item and the bytes behind it.
pub fn decode_prefix<'a>(
    message: &'a [u8],
    limits: &Limits,
) -> Result<(Node<'a>, &'a [u8]), Error> {
    if message.len() > limits.bytes {
        return Err(ErrorKind::TooLong {
            length: message.len(),
            limit: limits.bytes,
        }
        .into());
    }
    let mut decoder = Decoder {
        rest: message,
        items: limits.items,
        limits,
    };
    let node = decoder.item(limits.depth())?;
    Ok((node, decoder.rest))
}

struct Decoder<'a, 'l> {
    rest: &'a [u8],
    /// How many more items this message may have.
    items: usize,
    limits: &'l Limits,
}

impl<'a> Decoder<'a, '_> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ErrorKind> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ErrorKind::Truncated {
                needed: length,
                available: self.rest.len(),
            })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ErrorKind> {
        let available = self.rest.len();
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(ErrorKind::Truncated {
                needed: N,
                available,
            })?;
        self.rest = rest;
        Ok(*taken)
    }

    fn item(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        self.items = self
            .items
            .checked_sub(1)
            .ok_or(ErrorKind::TooManyItems(self.limits.items))?;
        let [t0, t1, t2, kind, length @ ..] = self.array::<HEADER_LEN>()?;
        let tag = Tag(u32::from_be_bytes([0, t0, t1, t2]));
        let length = u32::from_be_bytes(length);
        let value = match Kind::from_byte(kind) {
            None => Err(ErrorKind::UnknownType(kind).into()),
            Some(Kind::Structure) => self.structure(length, depth),
            Some(kind) => self.primitive(kind, length).map_err(Error::from),
        };
        match value {
            Ok(value) => Ok(Node { tag, value }),
            Err(error) => Err(error.within(tag)),
        }
    }

    fn structure(&mut self, length: u32, depth: usize) -> Result<Value<'a>, Error> {
        if !length.is_multiple_of(8) {
            return Err(wrong_length(Kind::Structure, length));
        }
        let depth = depth
            .checked_sub(1)
            .ok_or(ErrorKind::TooDeep(self.limits.depth()))?;
        let mut inner = Decoder {
            rest: self.take(length as usize)?,
            items: self.items,
            limits: self.limits,
        };
        let mut items = Vec::new();
        while !inner.rest.is_empty() {
            items.push(inner.item(depth)?);
        }
        self.items = inner.items;
        Ok(Value::Structure(items))
    }

    fn primitive(&mut self, kind: Kind, length: u32) -> Result<Value<'a>, ErrorKind> {
        if fixed_length(kind).is_some_and(|fixed| fixed != length) {
            return Err(ErrorKind::WrongLength { kind, length });
        }
        Ok(match kind {
            Kind::Integer => Value::Integer(i32::from_be_bytes(self.padded_word()?)),
            Kind::Enumeration => Value::Enumeration(u32::from_be_bytes(self.padded_word()?)),
            Kind::Interval => Value::Interval(u32::from_be_bytes(self.padded_word()?)),
            Kind::LongInteger => Value::LongInteger(i64::from_be_bytes(self.array()?)),
            Kind::DateTime => Value::DateTime(i64::from_be_bytes(self.array()?)),
            Kind::DateTimeExtended => Value::DateTimeExtended(i64::from_be_bytes(self.array()?)),
            Kind::Boolean => match u64::from_be_bytes(self.array()?) {
                0 => Value::Boolean(false),
                1 => Value::Boolean(true),
                _ => return Err(ErrorKind::BadBoolean),
            },
            Kind::BigInteger => {
                if length == 0 || !length.is_multiple_of(8) {
                    return Err(ErrorKind::WrongLength { kind, length });
                }
                let bytes = self.take(length as usize)?;
                Value::BigInteger(Cow::Borrowed(minimal_twos_complement(bytes)))
            }
            Kind::TextString => {
                let text = std::str::from_utf8(self.padded(length as usize)?);
                Value::TextString(Cow::Borrowed(text.map_err(|_| ErrorKind::BadUtf8)?))
            }
            Kind::ByteString => Value::ByteString(Cow::Borrowed(self.padded(length as usize)?)),
            Kind::Structure => return Err(ErrorKind::WrongLength { kind, length }),
        })
    }

    fn padded_word(&mut self) -> Result<[u8; 4], ErrorKind> {
        let [a, b, c, d, ..] = self.array::<8>()?;
        Ok([a, b, c, d])
    }

    fn padded(&mut self, length: usize) -> Result<&'a [u8], ErrorKind> {
        let padded = length.next_multiple_of(8);
        let whole = self.take(padded)?;
        whole.get(..length).ok_or(ErrorKind::Truncated {
            needed: length,
            available: padded,
        })
    }
}

fn wrong_length(kind: Kind, length: u32) -> Error {
    ErrorKind::WrongLength { kind, length }.into()
}

/// The Item Length that a type always has (KMIP 2.1 §10.1.3).
fn fixed_length(kind: Kind) -> Option<u32> {
    match kind {
        Kind::Integer | Kind::Enumeration | Kind::Interval => Some(4),
        Kind::LongInteger | Kind::Boolean | Kind::DateTime | Kind::DateTimeExtended => Some(8),
        Kind::Structure | Kind::BigInteger | Kind::TextString | Kind::ByteString => None,
    }
}

/// Bytes that [`encode`] appends for this item.
pub fn encoded_len(node: &Node<'_>) -> usize {
    HEADER_LEN
        + match &node.value {
            Value::Structure(items) => items.iter().map(encoded_len).sum(),
            Value::BigInteger(bytes) => bytes.len().max(1).next_multiple_of(8),
            Value::TextString(text) => text.len().next_multiple_of(8),
            Value::ByteString(bytes) => bytes.len().next_multiple_of(8),
            _ => 8,
        }
}

/// Appends the item. The length field has 32 bits: a value of 4 GiB or more, which no caller
/// within its own limits has, comes out with a length that no decoder accepts.
pub fn encode(node: &Node<'_>, out: &mut Vec<u8>) {
    let [_, t0, t1, t2] = node.tag.0.to_be_bytes();
    let kind = node.kind();
    let length = fixed_length(kind).unwrap_or(0);
    out.extend_from_slice(&[t0, t1, t2, kind as u8]);
    out.extend_from_slice(&length.to_be_bytes());
    let start = out.len();
    match &node.value {
        Value::Structure(items) => items.iter().for_each(|item| encode(item, out)),
        Value::Integer(v) => push_word(v.to_be_bytes(), out),
        Value::Enumeration(v) | Value::Interval(v) => push_word(v.to_be_bytes(), out),
        Value::LongInteger(v) | Value::DateTime(v) | Value::DateTimeExtended(v) => {
            out.extend_from_slice(&v.to_be_bytes());
        }
        Value::Boolean(v) => out.extend_from_slice(&u64::from(*v).to_be_bytes()),
        Value::BigInteger(bytes) => push_big_integer(bytes, out),
        Value::TextString(text) => out.extend_from_slice(text.as_bytes()),
        Value::ByteString(bytes) => out.extend_from_slice(bytes),
    }
    if fixed_length(kind).is_none() {
        let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
        if let Some(field) = out.get_mut(start - 4..start) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        let padded = start + (out.len() - start).next_multiple_of(8);
        out.resize(padded, 0);
    }
}

/// The item alone, in a vector of exactly its size.
pub fn to_vec(node: &Node<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded_len(node));
    encode(node, &mut out);
    out
}

fn push_word(word: [u8; 4], out: &mut Vec<u8>) {
    let [a, b, c, d] = word;
    out.extend_from_slice(&[a, b, c, d, 0, 0, 0, 0]);
}

/// Sign-extended at the front to a multiple of eight (KMIP 2.1 §10.1.2).
fn push_big_integer(bytes: &[u8], out: &mut Vec<u8>) {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let fill = bytes.len().max(1).next_multiple_of(8) - bytes.len();
    out.resize(out.len() + fill, if negative { 0xFF } else { 0 });
    out.extend_from_slice(bytes);
}
