//! Attribute types: how the value of each is written, and what it says of a KMIP object.

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

use crate::object::pair_algorithm;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CryptographicAlgorithm, LinkType, ObjectType};
use crate::protocol::mask::CryptographicUsageMask as Mask;
use crate::protocol::tag;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
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
pub struct Facts<'a> {
    name: &'a str,
    attributes: &'a Attributes,
}

pub struct Row {
    pub kind: CK_ATTRIBUTE_TYPE,
    pub shape: Shape,
    tell: fn(&Facts<'_>) -> Told,
}

macro_rules! attributes {
    ($($kind:ident $shape:ident = $tell:expr;)*) => {
        pub static ROWS: &[Row] = &[$(Row {
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
        pub static KEY_TYPES: &[(u64, &[CryptographicAlgorithm])] =
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
pub static CLASSES: &[(u64, ObjectType)] = &[
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

/// How a type's value is written; bytes where the type is not known.
pub fn shape(kind: u64) -> Shape {
    row(kind).map_or(Shape::Bytes, |row| row.shape)
}

/// What an attribute of an object is.
pub fn tell(kind: u64, name: &str, attributes: &Attributes) -> Told {
    let facts = Facts { name, attributes };
    row(kind).map_or(Told::Unknown, |row| (row.tell)(&facts))
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

    fn key(object_type: ObjectType) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.set(tag::OBJECT_TYPE, Value::Enumeration(object_type.0));
        let algorithm = Value::Enumeration(CryptographicAlgorithm::AES.0);
        attributes.set(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
        attributes.set(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256));
        attributes.set(tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(4));
        attributes
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
}
