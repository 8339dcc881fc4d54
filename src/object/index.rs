//! What Locate can find an object by: every attribute it has, one entry per leaf (DESIGN §5).

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use ttlv::{Tag, Value};

use super::renewal;
use crate::protocol::attributes::{Attribute, AttributeReference, Attributes};
use crate::protocol::tag;
use crate::store::record::{IndexEntry, IndexValue, UniqueName};

/// Found through the row's own columns, or by nothing at all.
static NOT_INDEXED: &[Tag] = &[tag::STATE, tag::UNIQUE_IDENTIFIER, tag::OBJECT_TYPE];

/// Longest value that stands in the index as it is; of a longer one its SHA-256 does.
const LONGEST: usize = 256;

/// Name in the index under which Rotate Interval stands once more, as the time when a rotation is due.
/// Names of standard attributes are empty, so no client's search meets it.
pub const DUE: &str = "due";

/// Operation Policy Name of what has none.
const DEFAULT_POLICY: &str = "default";

fn bytes(value: &[u8]) -> IndexValue {
    if value.len() > LONGEST {
        IndexValue::Bytes(Sha256::digest(value).to_vec())
    } else {
        IndexValue::Bytes(value.to_vec())
    }
}

/// The searchable form of a leaf; None for a structure.
pub fn leaf(value: &Value<'_>) -> Option<IndexValue> {
    Some(match value {
        Value::Structure(_) => return None,
        Value::Integer(v) => IndexValue::Number(i64::from(*v)),
        Value::LongInteger(v) | Value::DateTime(v) | Value::DateTimeExtended(v) => {
            IndexValue::Number(*v)
        }
        Value::Enumeration(v) | Value::Interval(v) => IndexValue::Number(i64::from(*v)),
        Value::Boolean(v) => IndexValue::Number(i64::from(*v)),
        Value::TextString(v) => bytes(v.as_bytes()),
        Value::ByteString(v) | Value::BigInteger(v) => bytes(v),
    })
}

/// An attribute's fields with their searchable values: field 0 for a plain attribute.
pub fn fields(value: &Value<'_>) -> Vec<(u32, IndexValue)> {
    match value {
        Value::Structure(items) => items
            .iter()
            .filter_map(|item| {
                let leaf = match &item.value {
                    Value::ByteString(serial) if item.tag == tag::CERTIFICATE_SERIAL_NUMBER => {
                        bytes(serial_number(serial))
                    }
                    value => leaf(value)?,
                };
                Some((item.tag.0, leaf))
            })
            .collect(),
        plain => leaf(plain).map(|leaf| (0, leaf)).into_iter().collect(),
    }
}

/// A Certificate Serial Number is a DER INTEGER with or without its header: OASIS cases have both, TC-PKCS12-2 in one
/// case. Found by either.
fn serial_number(serial: &[u8]) -> &[u8] {
    match serial {
        [2, length, number @ ..] if usize::from(*length) == number.len() && !number.is_empty() => {
            number
        }
        other => other,
    }
}

/// Tag and name under which an attribute stands in the index.
pub fn key(reference: &AttributeReference) -> (u32, String) {
    match reference {
        AttributeReference::Standard(tag) => (tag.0, String::new()),
        AttributeReference::Vendor(name) => {
            (tag::ATTRIBUTE.0, format!("{}:{}", name.vendor, name.name))
        }
    }
}

fn push(attribute: &Attribute, instance: u32, out: &mut Vec<IndexEntry>) {
    let (tag, name) = key(&attribute.reference);
    for (field, value) in fields(&attribute.value) {
        out.push(IndexEntry {
            attribute: tag,
            name: name.clone(),
            instance,
            field,
            value,
        });
    }
}

pub fn entries(attributes: &Attributes) -> Vec<IndexEntry> {
    let mut out = Vec::with_capacity(attributes.0.len() * 2);
    // Counted for each attribute by itself, so that what one object has and another has not makes no
    // difference for all that follows: what they have alike is stored once (`store::alike`).
    let mut instances: HashMap<&AttributeReference, u32> = HashMap::new();
    for attribute in &attributes.0 {
        if NOT_INDEXED.iter().any(|tag| attribute.is(*tag)) {
            continue;
        }
        let instance = match attribute.value {
            Value::Structure(_) => {
                let next = instances.entry(&attribute.reference).or_default();
                *next += 1;
                *next - 1
            }
            // Of a plain value, which has no other fields beside it, nobody asks which one it is.
            _ => 0,
        };
        push(attribute, instance, &mut out);
    }
    if !attributes.has(tag::OPERATION_POLICY_NAME) {
        // 1.4 §3.18: set "via some default set by the server". It is no attribute of the object, so
        // that a client (VAST) can still add one; PyKMIP locates by it.
        let value = Value::TextString(DEFAULT_POLICY.into());
        push(
            &Attribute::standard(tag::OPERATION_POLICY_NAME, value),
            0,
            &mut out,
        );
    }
    if let Some(due) = renewal::due(attributes) {
        out.push(IndexEntry {
            attribute: tag::ROTATE_INTERVAL.0,
            name: DUE.to_owned(),
            instance: 0,
            field: 0,
            value: IndexValue::Number(due),
        });
    }
    out
}

/// The Names an object holds (1.4 §3.2, 2.1 §4.32: unique among objects not destroyed).
pub fn names(attributes: &Attributes, distinguisher: &str) -> Vec<UniqueName> {
    let mut names: Vec<String> = attributes
        .values(tag::NAME)
        .filter_map(|name| match name {
            Value::Structure(items) => items.iter().find(|item| item.tag == tag::NAME_VALUE),
            _ => None,
        })
        .filter_map(|value| match &value.value {
            Value::TextString(text) => Some(text.to_string()),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| UniqueName {
            name,
            distinguisher: distinguisher.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::store::record::INDEX_RULES;
    use ttlv::Node;

    /// An update does not look at the entries of a row whose rules are of today: whoever changes here
    /// what becomes of attributes raises `INDEX_RULES`, and writes the new digest.
    #[test]
    fn other_rules_have_another_number() {
        let text = |text: &'static str| Value::TextString(text.into());
        let name = |name| {
            Value::Structure(vec![
                Node::new(tag::NAME_VALUE, text(name)),
                Node::new(tag::NAME_TYPE, Value::Enumeration(1)),
            ])
        };
        let attributes = Attributes(vec![
            Attribute::standard(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
            Attribute::standard(tag::NAME, name("a")),
            Attribute::standard(tag::INITIAL_DATE, Value::DateTime(1_700_000_000)),
            Attribute::standard(tag::NAME, name("b")),
            Attribute::standard(tag::STATE, Value::Enumeration(1)),
        ]);
        let entries = entries(&attributes);
        let names: Vec<_> = entries
            .iter()
            .filter(|entry| entry.attribute == tag::NAME.0)
            .collect();
        let instances: Vec<_> = names.iter().map(|entry| entry.instance).collect();
        assert_eq!(instances, [0, 0, 1, 1]);
        let digest = hex::encode(Sha256::digest(format!("{entries:?}")));
        assert_eq!(
            (INDEX_RULES, digest.as_str()),
            (
                1,
                "ad85b8909f88ce0dccc5f6ff76a66a99350ae92095548781f5f0c2cfedcc1046"
            )
        );
    }

    #[test]
    fn serial_numbers_are_found_with_and_without_their_header() {
        let identifier = |serial: &[u8]| {
            fields(&Value::Structure(vec![Node::bytes(
                tag::CERTIFICATE_SERIAL_NUMBER,
                serial,
            )]))
        };
        let bare = [0, 0xd2, 0xf5];
        let der = [&[2, 3][..], &bare].concat();
        assert_eq!(identifier(&der), identifier(&bare));
        assert_ne!(identifier(&bare[1..]), identifier(&bare));
        assert_eq!(identifier(&[2, 0])[0].1, IndexValue::Bytes(vec![2, 0]));
    }
}
