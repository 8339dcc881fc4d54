//! CK_ATTRIBUTE and templates: how they are written, and what Locate can look for of one.

use token::raw::{CKA_CLASS, CKA_KEY_TYPE, CKA_LABEL, CKA_UNIQUE_ID};
use ttlv::{Node, Value};

use super::attribute::{CLASSES, KEY_TYPES, Shape, Told, shape};
use super::parameters::{Malformed, Reader, Writer};
use crate::protocol::attributes::Attribute;
use crate::protocol::enumeration::{ObjectType, Pkcs11ReturnCode as Code};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;

/// One attribute of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub kind: u64,
    /// As it is sent; None where a length came and no value.
    pub value: Option<Vec<u8>>,
    /// Bytes that the client has room for; None: it asks for the length.
    room: Option<usize>,
}

impl Shape {
    /// Bytes of a value, with its count read first where it has one.
    fn length(self, input: &mut Reader<'_>) -> Result<usize, Malformed> {
        match self {
            Shape::Bool => Ok(1),
            Shape::Long | Shape::Date => Ok(8),
            Shape::Bytes => input.count(),
            Shape::Longs => input.count().map(|count| count.saturating_mul(8)),
        }
    }
}

impl Entry {
    /// Type; whether there is a value; whether there is a length; the count of what has one; the value.
    fn read(input: &mut Reader<'_>) -> Result<Entry, Malformed> {
        let kind = input.long()?;
        let has_value = input.flag()?;
        let has_length = input.flag()?;
        let room = match has_length {
            true => Some(shape(kind).length(input)?),
            false => None,
        };
        let value = match (has_value, room) {
            (true, Some(length)) => Some(input.take(length)?.to_vec()),
            (_, None) => Some(Vec::new()),
            (false, Some(_)) => None,
        };
        Ok(Entry { kind, value, room })
    }

    /// The attribute in the answer, and what its absence is called.
    pub fn answer(&self, told: Told) -> (Bytes, Option<Code>) {
        let write = |value: Option<&[u8]>, length: Option<usize>| {
            let out = Writer::default()
                .long(self.kind)
                .byte(u8::from(value.is_some()))
                .byte(u8::from(length.is_some()));
            let out = match (length, shape(self.kind)) {
                (Some(length), Shape::Bytes) => out.count(length),
                (Some(length), Shape::Longs) => out.count(length / 8),
                _ => out,
            };
            out.raw(value.unwrap_or_default()).done()
        };
        match (told, self.room) {
            (Told::Value(value), None) => (write(None, Some(value.len())), None),
            (Told::Value(value), Some(room)) if room >= value.len() => {
                (write(Some(&value), Some(value.len())), None)
            }
            (Told::Value(_), Some(_)) => (write(None, None), Some(Code::BUFFER_TOO_SMALL)),
            (Told::Sensitive, _) => (write(None, None), Some(Code::ATTRIBUTE_SENSITIVE)),
            (Told::Unknown, _) => (write(None, None), Some(Code::ATTRIBUTE_TYPE_INVALID)),
        }
    }
}

/// Attributes of one template.
const MOST: usize = 64;

/// A template.
#[derive(Clone, Debug, Default)]
pub struct Template(Vec<Entry>);

impl Template {
    pub fn read(input: &mut Reader<'_>) -> Result<Template, Malformed> {
        let count = input.count()?;
        if count > MOST {
            return Err(Malformed::TEMPLATE);
        }
        let entries = (0..count).map(|_| Entry::read(input));
        entries.collect::<Result<_, _>>().map(Template)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of the first attribute of a type.
    pub fn bytes(&self, kind: u64) -> Option<&[u8]> {
        let found = self.0.iter().find(|entry| entry.kind == kind);
        found.and_then(|entry| entry.value.as_deref())
    }

    /// Whether it asks for more than a class.
    pub fn has_more_than_class(&self) -> bool {
        self.0.iter().any(|entry| entry.kind != CKA_CLASS)
    }

    fn number(&self, kind: u64) -> Option<Option<u64>> {
        let value = self.bytes(kind)?;
        Some(value.try_into().ok().map(u64::from_be_bytes))
    }
}

/// The Object Types that a template means; all that PKCS#11 has a class for where it does not say.
pub fn classes(template: &Template) -> impl Iterator<Item = ObjectType> {
    let class = template.number(CKA_CLASS);
    let meant = CLASSES
        .iter()
        .filter(move |(number, _)| class.is_none_or(|class| class == Some(*number)));
    meant.map(|(_, object_type)| *object_type)
}

/// What Locate can look for of a template besides its class; None when nothing can match.
pub fn located_by(template: &Template) -> Option<Vec<Attribute>> {
    let mut wanted = Vec::new();
    if let Some(key_type) = template.number(CKA_KEY_TYPE) {
        let of = KEY_TYPES
            .iter()
            .find(|(number, _)| Some(*number) == key_type);
        if let Some((_, [only])) = of {
            let value = Value::Enumeration(only.0);
            wanted.push(Attribute::standard(tag::CRYPTOGRAPHIC_ALGORITHM, value));
        }
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    if let Some(label) = template.bytes(CKA_LABEL)
        && !label.is_empty()
    {
        let value = Value::TextString(text(label)?.into());
        let name = Value::Structure(vec![Node::new(tag::NAME_VALUE, value)]);
        wanted.push(Attribute::standard(tag::NAME, name));
    }
    if let Some(id) = template.bytes(CKA_UNIQUE_ID) {
        let value = Value::TextString(text(id)?.into());
        wanted.push(Attribute::standard(tag::UNIQUE_IDENTIFIER, value));
    }
    Some(wanted)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]
    use super::super::attribute::ROWS;
    use super::*;
    use proptest::prelude::*;
    use token::raw::{CKA_SENSITIVE, CKO_SECRET_KEY};

    /// Profiles 2.1 §5.18.1: a boolean has no count, bytes have one; nothing is sent of a buffer.
    #[test]
    fn attributes_are_written_as_the_profile_says() {
        let read = |bytes: &[u8]| Entry::read(&mut Reader::new(bytes)).unwrap();
        let sensitive = read(&[0, 0, 0, 0, 0, 0, 1, 3, 0, 1]);
        assert_eq!((sensitive.kind, sensitive.room), (CKA_SENSITIVE, Some(1)));
        let check = read(&[0, 0, 0, 0, 0, 0, 0, 0x90, 0, 1, 0, 0, 0, 16]);
        assert_eq!(
            (check.kind, check.room, check.value),
            (0x90, Some(16), None)
        );
        let (answer, code) = sensitive.answer(Told::Value(vec![1]));
        assert_eq!(answer.as_slice(), [0, 0, 0, 0, 0, 0, 1, 3, 1, 1, 1]);
        assert_eq!(code, None);
        let label = read(&[0, 0, 0, 0, 0, 0, 0, 3, 0, 0]);
        let (answer, _) = label.answer(Told::Value(b"ab".to_vec()));
        assert_eq!(
            answer.as_slice(),
            [0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 0, 2]
        );
    }

    #[test]
    fn a_template_means_one_class_or_all() {
        let read = |bytes: &[u8]| Template::read(&mut Reader::new(bytes)).unwrap();
        let of = |template: &Template| classes(template).collect::<Vec<_>>();
        assert_eq!(of(&read(&[0; 4])).len(), CLASSES.len());
        let class = |class: u64| {
            let out = Writer::default().count(1).long(CKA_CLASS);
            read(&out.byte(1).byte(1).long(class).done())
        };
        assert_eq!(of(&class(CKO_SECRET_KEY)), [ObjectType::SYMMETRIC_KEY]);
        assert_eq!(of(&class(99)), []);
    }

    proptest! {
        #[test]
        fn templates_are_read_or_refused(input: Vec<u8>) {
            let mut reader = Reader::new(&input);
            if let Ok(template) = Template::read(&mut reader) {
                prop_assert!(template.len() <= MOST);
                let _ = (classes(&template).count(), located_by(&template));
            }
        }

        /// A value that is answered is read as it was.
        #[test]
        fn what_is_answered_is_read(row in 0..ROWS.len(), bytes in prop::collection::vec(any::<u8>(), 0..8)) {
            let row = &ROWS[row];
            let value = match row.shape {
                Shape::Bool => vec![1],
                Shape::Long | Shape::Date => vec![9; 8],
                Shape::Longs => vec![9; 16],
                Shape::Bytes => bytes,
            };
            let asked = Entry { kind: row.kind, value: None, room: Some(64) };
            let (answer, code) = asked.answer(Told::Value(value.clone()));
            prop_assert_eq!(code, None);
            let mut reader = Reader::new(&answer);
            prop_assert_eq!(Entry::read(&mut reader).unwrap().value, Some(value));
            prop_assert_eq!(reader.end(), Ok(()));
        }
    }
}
