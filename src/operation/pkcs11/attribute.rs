//! CK_ATTRIBUTE: how it is written, and what each type says of a KMIP object.

use token::raw::{
    CK_ATTRIBUTE_TYPE, CKA_ALLOWED_MECHANISMS, CKA_ALWAYS_AUTHENTICATE, CKA_ALWAYS_SENSITIVE,
    CKA_CERTIFICATE_CATEGORY, CKA_CERTIFICATE_TYPE, CKA_CLASS, CKA_COEFFICIENT, CKA_COPYABLE,
    CKA_DECRYPT, CKA_DERIVE, CKA_DESTROYABLE, CKA_ENCRYPT, CKA_END_DATE, CKA_EXPONENT_1,
    CKA_EXPONENT_2, CKA_EXTRACTABLE, CKA_ID, CKA_KEY_GEN_MECHANISM, CKA_KEY_TYPE, CKA_LABEL,
    CKA_LOCAL, CKA_MODIFIABLE, CKA_MODULUS_BITS, CKA_NEVER_EXTRACTABLE, CKA_PRIME_1, CKA_PRIME_2,
    CKA_PRIVATE, CKA_PRIVATE_EXPONENT, CKA_SENSITIVE, CKA_SIGN, CKA_SIGN_RECOVER, CKA_START_DATE,
    CKA_TOKEN, CKA_TRUSTED, CKA_UNIQUE_ID, CKA_UNWRAP, CKA_VALUE, CKA_VALUE_LEN, CKA_VERIFY,
    CKA_VERIFY_RECOVER, CKA_WRAP, CKA_WRAP_WITH_TRUSTED, CKC_X_509, CKK_AES, CKK_CHACHA20,
    CKK_DES3, CKK_DSA, CKK_EC, CKK_EC_EDWARDS, CKK_GENERIC_SECRET, CKK_ML_DSA, CKK_POLY1305,
    CKK_RSA, CKK_SHA_1_HMAC, CKK_SHA3_224_HMAC, CKK_SHA3_256_HMAC, CKK_SHA3_384_HMAC,
    CKK_SHA3_512_HMAC, CKK_SHA224_HMAC, CKK_SHA256_HMAC, CKK_SHA384_HMAC, CKK_SHA512_HMAC,
    CKO_CERTIFICATE, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY,
};
use ttlv::{Node, Value};

use super::parameters::{Malformed, Reader, Writer};
use crate::object::pair_algorithm;
use crate::protocol::attributes::{Attribute, Attributes};
use crate::protocol::enumeration::{
    CryptographicAlgorithm, LinkType, ObjectType, Pkcs11ReturnCode as Code,
};
use crate::protocol::mask::CryptographicUsageMask as Mask;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Bool,
    Long,
    Date,
    Bytes,
    /// CK_ULONGs after their count.
    Longs,
}

/// What is told of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Value(Vec<u8>),
    /// It is never told.
    Sensitive,
    /// This object has none.
    Unknown,
}

/// An object as far as its attributes go.
struct Facts<'a> {
    name: &'a str,
    attributes: &'a Attributes,
}

struct Row {
    kind: CK_ATTRIBUTE_TYPE,
    shape: Shape,
    tell: fn(&Facts<'_>) -> Told,
}

macro_rules! attributes {
    ($($kind:ident $shape:ident = $tell:expr;)*) => {
        static ROWS: &[Row] = &[$(Row {
            kind: $kind,
            shape: Shape::$shape,
            tell: $tell,
        },)*];
    };
}

attributes! {
    CKA_CLASS Long = |facts| long(facts.class());
    CKA_TOKEN Bool = |_| bool(true);
    CKA_PRIVATE Bool = |_| bool(true);
    CKA_LABEL Bytes = |facts| Told::Value(facts.label().unwrap_or_default().as_bytes().to_vec());
    CKA_UNIQUE_ID Bytes = |facts| Told::Value(facts.name.as_bytes().to_vec());
    CKA_ID Bytes = |facts| Told::Value(facts.id().as_bytes().to_vec());
    CKA_KEY_TYPE Long = |facts| long(facts.key_type());
    CKA_CERTIFICATE_TYPE Long = |facts| facts.only(CKO_CERTIFICATE, || long(Some(CKC_X_509)));
    CKA_SENSITIVE Bool = |facts| facts.secret(|| bool(facts.sensitive()));
    // KMIP keeps no history of the two.
    CKA_ALWAYS_SENSITIVE Bool = |facts| facts.secret(|| bool(false));
    CKA_EXTRACTABLE Bool = |facts| facts.secret(|| bool(facts.extractable()));
    CKA_NEVER_EXTRACTABLE Bool = |facts| facts.secret(|| bool(false));
    CKA_ENCRYPT Bool = |facts| bool(facts.may(Mask::ENCRYPT));
    CKA_DECRYPT Bool = |facts| bool(facts.may(Mask::DECRYPT));
    CKA_SIGN Bool = |facts| bool(facts.may(Mask::SIGN | Mask::MAC_GENERATE));
    CKA_VERIFY Bool = |facts| bool(facts.may(Mask::VERIFY | Mask::MAC_VERIFY));
    CKA_WRAP Bool = |_| bool(false);
    CKA_UNWRAP Bool = |_| bool(false);
    CKA_DERIVE Bool = |_| bool(false);
    CKA_SIGN_RECOVER Bool = |_| bool(false);
    CKA_VERIFY_RECOVER Bool = |_| bool(false);
    CKA_MODIFIABLE Bool = |_| bool(false);
    CKA_COPYABLE Bool = |_| bool(false);
    CKA_DESTROYABLE Bool = |_| bool(false);
    CKA_ALWAYS_AUTHENTICATE Bool = |facts| facts.only(CKO_PRIVATE_KEY, || bool(false));
    CKA_WRAP_WITH_TRUSTED Bool = |facts| facts.secret(|| bool(false));
    CKA_VALUE_LEN Long = |facts| facts.only(CKO_SECRET_KEY, || long(facts.bits().map(|bits| bits / 8)));
    CKA_MODULUS_BITS Long = |facts| match facts.key_type() {
        Some(CKK_RSA) => facts.only(CKO_PUBLIC_KEY, || long(facts.bits())),
        _ => Told::Unknown,
    };
    CKA_VALUE Bytes = |facts| facts.secret(|| Told::Sensitive);
    CKA_PRIVATE_EXPONENT Bytes = |facts| facts.secret(|| Told::Sensitive);
    CKA_PRIME_1 Bytes = |facts| facts.secret(|| Told::Sensitive);
    CKA_PRIME_2 Bytes = |facts| facts.secret(|| Told::Sensitive);
    CKA_EXPONENT_1 Bytes = |facts| facts.secret(|| Told::Sensitive);
    CKA_EXPONENT_2 Bytes = |facts| facts.secret(|| Told::Sensitive);
    CKA_COEFFICIENT Bytes = |facts| facts.secret(|| Told::Sensitive);
    // Known for how they are written only.
    CKA_TRUSTED Bool = |_| Told::Unknown;
    CKA_LOCAL Bool = |_| Told::Unknown;
    CKA_CERTIFICATE_CATEGORY Long = |_| Told::Unknown;
    CKA_KEY_GEN_MECHANISM Long = |_| Told::Unknown;
    CKA_START_DATE Date = |_| Told::Unknown;
    CKA_END_DATE Date = |_| Told::Unknown;
    CKA_ALLOWED_MECHANISMS Longs = |_| Told::Unknown;
}

macro_rules! key_types {
    ($($number:ident = $($algorithm:ident)+;)*) => {
        /// CK_KEY_TYPE of an algorithm.
        static KEY_TYPES: &[(u64, &[CryptographicAlgorithm])] =
            &[$(($number, &[$(CryptographicAlgorithm::$algorithm),+]),)*];
    };
}

key_types! {
    CKK_RSA = RSA;
    CKK_DSA = DSA;
    CKK_EC = EC ECDSA ECDH;
    CKK_EC_EDWARDS = ED25519 ED448;
    CKK_ML_DSA = ML_DSA_44 ML_DSA_65 ML_DSA_87;
    CKK_AES = AES;
    CKK_DES3 = DES3;
    CKK_CHACHA20 = CHACHA20 CHACHA20POLY1305;
    CKK_POLY1305 = POLY1305;
    CKK_SHA_1_HMAC = HMAC_SHA1;
    CKK_SHA224_HMAC = HMAC_SHA224;
    CKK_SHA256_HMAC = HMAC_SHA256;
    CKK_SHA384_HMAC = HMAC_SHA384;
    CKK_SHA512_HMAC = HMAC_SHA512;
    CKK_SHA3_224_HMAC = HMAC_SHA3_224;
    CKK_SHA3_256_HMAC = HMAC_SHA3_256;
    CKK_SHA3_384_HMAC = HMAC_SHA3_384;
    CKK_SHA3_512_HMAC = HMAC_SHA3_512;
}

/// CK_OBJECT_CLASS of an Object Type.
static CLASSES: &[(u64, ObjectType)] = &[
    (CKO_CERTIFICATE, ObjectType::CERTIFICATE),
    (CKO_PUBLIC_KEY, ObjectType::PUBLIC_KEY),
    (CKO_PRIVATE_KEY, ObjectType::PRIVATE_KEY),
    (CKO_SECRET_KEY, ObjectType::SYMMETRIC_KEY),
];

fn long(value: Option<u64>) -> Told {
    value.map_or(Told::Unknown, |value| {
        Told::Value(value.to_be_bytes().to_vec())
    })
}

fn bool(value: bool) -> Told {
    Told::Value(vec![u8::from(value)])
}

impl<'a> Facts<'a> {
    fn class(&self) -> Option<u64> {
        let own = self.attributes.enumeration(tag::OBJECT_TYPE)?;
        let found = CLASSES.iter().find(|(_, object_type)| object_type.0 == own);
        found.map(|(class, _)| *class)
    }

    /// What objects of one class have.
    fn only(&self, class: u64, told: impl Fn() -> Told) -> Told {
        match self.class() == Some(class) {
            true => told(),
            false => Told::Unknown,
        }
    }

    /// What secret and private keys have.
    fn secret(&self, told: impl Fn() -> Told) -> Told {
        match self.class() {
            Some(CKO_SECRET_KEY | CKO_PRIVATE_KEY) => told(),
            _ => Told::Unknown,
        }
    }

    fn text(&self, attribute: ttlv::Tag, field: ttlv::Tag) -> Option<&'a str> {
        match self.attributes.get(attribute)? {
            Value::Structure(fields) => field_text(fields, field),
            _ => None,
        }
    }

    fn label(&self) -> Option<&'a str> {
        self.text(tag::NAME, tag::NAME_VALUE)
    }

    /// The identifier of the private key where it is a half of a pair, so that both halves share it.
    fn id(&self) -> &'a str {
        let links = self.attributes.values(tag::LINK);
        let to_private = links.filter_map(|link| match link {
            Value::Structure(fields) => {
                let own = Value::Enumeration(LinkType::PRIVATE_KEY_LINK.0);
                let kind = fields.iter().find(|field| field.tag == tag::LINK_TYPE)?;
                (kind.value == own).then(|| field_text(fields, tag::LINKED_OBJECT_IDENTIFIER))?
            }
            _ => None,
        });
        to_private.last().unwrap_or(self.name)
    }

    fn key_type(&self) -> Option<u64> {
        let class = self.class().filter(|class| *class != CKO_CERTIFICATE)?;
        let own = self.attributes.enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)?;
        let own = pair_algorithm::current(CryptographicAlgorithm(own));
        let found = KEY_TYPES.iter().find(|(_, of)| of.contains(&own));
        match (found, class) {
            (Some((number, _)), _) => Some(*number),
            (None, CKO_SECRET_KEY) => Some(CKK_GENERIC_SECRET),
            (None, _) => None,
        }
    }

    fn bits(&self) -> Option<u64> {
        let bits = self.attributes.integer(tag::CRYPTOGRAPHIC_LENGTH)?;
        u64::try_from(bits).ok()
    }

    fn sensitive(&self) -> bool {
        self.attributes.boolean(tag::SENSITIVE) == Some(true)
    }

    fn extractable(&self) -> bool {
        self.attributes.boolean(tag::EXTRACTABLE) != Some(false)
    }

    fn may(&self, mask: Mask) -> bool {
        let own = self.attributes.integer(tag::CRYPTOGRAPHIC_USAGE_MASK);
        Mask::from(own.unwrap_or(0).cast_unsigned()).intersects(mask)
    }
}

fn field_text<'a>(fields: &'a [Node<'static>], wanted: ttlv::Tag) -> Option<&'a str> {
    let field = fields.iter().find(|field| field.tag == wanted)?;
    match &field.value {
        Value::TextString(text) => Some(text.as_ref()),
        _ => None,
    }
}

fn row(kind: u64) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.kind == kind)
}

fn shape(kind: u64) -> Shape {
    row(kind).map_or(Shape::Bytes, |row| row.shape)
}

/// What an attribute of an object is.
pub fn tell(kind: u64, name: &str, attributes: &Attributes) -> Told {
    let facts = Facts { name, attributes };
    row(kind).map_or(Told::Unknown, |row| (row.tell)(&facts))
}

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

    fn number(&self, kind: u64) -> Option<Option<u64>> {
        let value = self.bytes(kind)?;
        Some(value.try_into().ok().map(u64::from_be_bytes))
    }
}

/// What Locate can look for of a template; None when nothing can match.
pub fn located_by(template: &Template) -> Option<Vec<Attribute>> {
    let mut wanted = Vec::new();
    match template.number(CKA_CLASS) {
        Some(class) => {
            let (_, own) = CLASSES.iter().find(|(number, _)| Some(*number) == class)?;
            let value = Value::Enumeration(own.0);
            wanted.push(Attribute::standard(tag::OBJECT_TYPE, value));
        }
        None => {}
    }
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
    use super::*;
    use proptest::prelude::*;

    fn key(object_type: ObjectType) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.set(tag::OBJECT_TYPE, Value::Enumeration(object_type.0));
        let algorithm = Value::Enumeration(CryptographicAlgorithm::AES.0);
        attributes.set(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
        attributes.set(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256));
        attributes.set(tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(4));
        attributes
    }

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
        let (answer, code) = sensitive.answer(bool(true));
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
    fn what_a_key_says_of_itself() {
        let (secret, public) = (key(ObjectType::SYMMETRIC_KEY), key(ObjectType::PUBLIC_KEY));
        assert_eq!(tell(CKA_KEY_TYPE, "x", &secret), long(Some(CKK_AES)));
        assert_eq!(tell(CKA_VALUE_LEN, "x", &secret), long(Some(32)));
        assert_eq!(tell(CKA_ENCRYPT, "x", &secret), bool(true));
        assert_eq!(tell(CKA_SIGN, "x", &secret), bool(false));
        assert_eq!(tell(CKA_VALUE, "x", &secret), Told::Sensitive);
        assert_eq!(tell(CKA_VALUE, "x", &public), Told::Unknown);
        assert_eq!(tell(CKA_ID, "x", &public), Told::Value(b"x".to_vec()));
    }

    #[test]
    fn no_row_twice() {
        for row in ROWS {
            assert_eq!(
                ROWS.iter().filter(|other| other.kind == row.kind).count(),
                1
            );
        }
    }

    proptest! {
        #[test]
        fn templates_are_read_or_refused(input: Vec<u8>) {
            let mut reader = Reader::new(&input);
            if let Ok(template) = Template::read(&mut reader) {
                prop_assert!(template.len() <= MOST);
                let _ = located_by(&template);
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
