//! Messages of an input, and what stands in them for what only the server knows.
//!
//! An input cannot name an object: identifiers are random. In a text string `#7` stands for the
//! seventh identifier that the server has given (those of the standing objects first), in a byte
//! string for the seventh correlation value or ticket.

use keyward::protocol::tag;
use ttlv::{Node, Tag, Value};

/// Messages of one input at the most: what grows quadratically is found with these.
pub const MOST: usize = 16;

/// Messages one after another, as on a connection. The last one may be cut short.
pub fn split(input: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut found) = (input, Vec::new());
    while !rest.is_empty() && found.len() < MOST {
        let header = rest.first_chunk::<8>();
        let length =
            header.map(|header| u32::from_be_bytes([header[4], header[5], header[6], header[7]]));
        let whole = length.map_or(rest.len(), |length| length as usize + 8);
        let (message, behind) = rest.split_at(whole.min(rest.len()));
        found.push(message);
        rest = behind;
    }
    found
}

/// Text between zero bytes, as many as [`split`] gives.
pub fn split_text(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|byte| *byte == 0).take(MOST)
}

/// What the server has named so far.
#[derive(Clone, Debug, Default)]
pub struct Named {
    pub identifiers: Vec<String>,
    pub handles: Vec<Vec<u8>>,
}

/// Where an answer names objects.
const IDENTIFIERS: [Tag; 3] = [
    tag::UNIQUE_IDENTIFIER,
    tag::PRIVATE_KEY_UNIQUE_IDENTIFIER,
    tag::PUBLIC_KEY_UNIQUE_IDENTIFIER,
];

/// Byte strings that the server chooses and wants to see again.
const HANDLES: [Tag; 3] = [
    tag::CORRELATION_VALUE,
    tag::ASYNCHRONOUS_CORRELATION_VALUE,
    tag::TICKET_VALUE,
];

impl Named {
    /// Remembers what an answer names.
    pub fn learn(&mut self, answer: &Node<'_>) {
        match &answer.value {
            Value::Structure(items) => items.iter().for_each(|item| self.learn(item)),
            Value::TextString(text)
                if IDENTIFIERS.contains(&answer.tag)
                    && !self.identifiers.iter().any(|known| *known == **text) =>
            {
                self.identifiers.push(text.to_string());
            }
            Value::ByteString(bytes)
                if HANDLES.contains(&answer.tag)
                    && !self.handles.iter().any(|known| *known == **bytes) =>
            {
                self.handles.push(bytes.to_vec());
            }
            _ => {}
        }
    }

    /// Puts names where `#N` stands for them.
    pub fn fill<'a>(&'a self, node: &mut Node<'a>) {
        match &mut node.value {
            Value::Structure(items) => items.iter_mut().for_each(|item| self.fill(item)),
            Value::TextString(text) => {
                if let Some(name) = number(text.as_bytes()).and_then(|n| self.identifiers.get(n)) {
                    *text = name.as_str().into();
                }
            }
            Value::ByteString(bytes) => {
                if let Some(handle) = number(bytes).and_then(|n| self.handles.get(n)) {
                    *bytes = handle.as_slice().into();
                }
            }
            _ => {}
        }
    }

    /// The same in a text, for identifiers.
    pub fn fill_text(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + 256);
        for (index, part) in text.split(|byte| *byte == b'"').enumerate() {
            if index > 0 {
                out.push(b'"');
            }
            match number(part).and_then(|n| self.identifiers.get(n)) {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => out.extend_from_slice(part),
            }
        }
        out
    }
}

fn number(text: &[u8]) -> Option<usize> {
    let digits = text.strip_prefix(b"#")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Takes out of a request what is known to be slow and is bounded by the server: more rounds and
/// longer keys find nothing new.
pub fn hasten(node: &mut Node<'_>) {
    const ROUNDS: i32 = 1000;
    const BITS: i32 = 2048;
    let of_length = matches!(
        node.items().first().map(|first| (first.tag, &first.value)),
        Some((tag::ATTRIBUTE_NAME, Value::TextString(name))) if name == "Cryptographic Length"
    );
    if let Value::Structure(items) = &mut node.value {
        for item in items {
            let limit = match item.tag {
                tag::ITERATION_COUNT => ROUNDS,
                tag::CRYPTOGRAPHIC_LENGTH => BITS,
                tag::ATTRIBUTE_VALUE if of_length => BITS,
                _ => i32::MAX,
            };
            match &mut item.value {
                Value::Integer(number) => *number = (*number).min(limit),
                _ => hasten(item),
            }
        }
    }
}
