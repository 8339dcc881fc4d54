//! Managed objects as messages carry them (2.1 §2, 1.4 §2.2).

use ttlv::{Node, Tag};

use super::attributes::Attributes;
use super::enumeration::{
    CertificateRequestType, CertificateType, ObjectType, OpaqueDataType, SecretDataType,
    SplitKeyMethod,
};
use super::key_block::KeyBlock;
use super::structure::{BigInteger, Bytes, Inexpressible, Item, Malformed};
use super::tag;
use super::version::{Range, Version, range};
use crate::structure;

structure! {
    /// 2.1 §2.1.
    pub struct Certificate {
        certificate_type: CertificateType = CERTIFICATE_TYPE;
        certificate_value: Bytes = CERTIFICATE_VALUE;
    }
    /// 2.1 §2.2.
    pub struct CertificateRequest {
        certificate_request_type: CertificateRequestType = CERTIFICATE_REQUEST_TYPE;
        certificate_request_value: Bytes = CERTIFICATE_REQUEST_VALUE;
    }
    /// 2.1 §2.3.
    pub struct OpaqueObject {
        opaque_data_type: OpaqueDataType = OPAQUE_DATA_TYPE;
        opaque_data_value: Bytes = OPAQUE_DATA_VALUE;
    }
    /// 2.1 §2.4.
    pub struct PgpKey {
        pgp_key_version: i32 = PGP_KEY_VERSION;
        key_block: KeyBlock = KEY_BLOCK;
    }
    /// 2.1 §2.5.
    pub struct PrivateKey { key_block: KeyBlock = KEY_BLOCK; }
    /// 2.1 §2.6.
    pub struct PublicKey { key_block: KeyBlock = KEY_BLOCK; }
    /// 2.1 §2.7.
    pub struct SecretData {
        secret_data_type: SecretDataType = SECRET_DATA_TYPE;
        key_block: KeyBlock = KEY_BLOCK;
    }
    /// 2.1 §2.8.
    pub struct SplitKey {
        split_key_parts: i32 = SPLIT_KEY_PARTS;
        key_part_identifier: i32 = KEY_PART_IDENTIFIER;
        split_key_threshold: i32 = SPLIT_KEY_THRESHOLD;
        split_key_method: SplitKeyMethod = SPLIT_KEY_METHOD;
        prime_field_size: Option<BigInteger> = PRIME_FIELD_SIZE;
        key_block: KeyBlock = KEY_BLOCK;
    }
    /// 1.4 §2.2.6: attributes for new objects, in a request named by the Template's Name.
    pub struct Template { attributes: Attributes = ATTRIBUTES; }
    /// 2.1 §2.9.
    pub struct SymmetricKey { key_block: KeyBlock = KEY_BLOCK; }
}

macro_rules! objects {
    ($($name:ident = $object_type:ident, $tag:ident, $since:tt $(to $until:tt)?;)*) => {
        /// Any managed object.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $($name($name),)*
        }

        /// Object types that can be kept, the tag of their structure and the versions that have them.
        pub static OBJECTS: &[(ObjectType, Tag, Range)] =
            &[$((ObjectType::$object_type, tag::$tag, range!($since $(to $until)?)),)*];

        impl Object {
            pub fn object_type(&self) -> ObjectType {
                match self { $(Object::$name(_) => ObjectType::$object_type,)* }
            }

            /// The object among the fields of a payload; None when there is none.
            pub fn find(items: &[Node<'_>]) -> Result<Option<Object>, Malformed> {
                for item in items {
                    match item.tag {
                        $(tag::$tag => return $name::read(item).map(|object| Some(Object::$name(object))),)*
                        _ => {}
                    }
                }
                Ok(None)
            }

            pub fn to_node(&self, version: Version) -> Result<Node<'_>, Inexpressible> {
                match self {
                    $(Object::$name(_) if !range!($since $(to $until)?).contains(version) => {
                        Err(Inexpressible(tag::$tag))
                    })*
                    expressible => expressible.stored(version),
                }
            }

            /// The same whether the version has it or not: what a row keeps outlives versions.
            pub fn stored(&self, version: Version) -> Result<Node<'_>, Inexpressible> {
                match self { $(Object::$name(object) => {
                    Ok(Node::new(tag::$tag, object.write(version)?))
                })* }
            }
        }
    };
}

objects! {
    Certificate = CERTIFICATE, CERTIFICATE, 1.0;
    SymmetricKey = SYMMETRIC_KEY, SYMMETRIC_KEY, 1.0;
    PublicKey = PUBLIC_KEY, PUBLIC_KEY, 1.0;
    PrivateKey = PRIVATE_KEY, PRIVATE_KEY, 1.0;
    SplitKey = SPLIT_KEY, SPLIT_KEY, 1.0;
    Template = TEMPLATE, TEMPLATE, 1.0 to 1.4;
    SecretData = SECRET_DATA, SECRET_DATA, 1.0;
    OpaqueObject = OPAQUE_OBJECT, OPAQUE_OBJECT, 1.0;
    PgpKey = PGP_KEY, PGP_KEY, 1.2;
    CertificateRequest = CERTIFICATE_REQUEST, CERTIFICATE_REQUEST, 2.0;
}

impl Object {
    pub fn key_block(&self) -> Option<&KeyBlock> {
        match self {
            Object::SymmetricKey(o) => Some(&o.key_block),
            Object::PublicKey(o) => Some(&o.key_block),
            Object::PrivateKey(o) => Some(&o.key_block),
            Object::SplitKey(o) => Some(&o.key_block),
            Object::SecretData(o) => Some(&o.key_block),
            Object::PgpKey(o) => Some(&o.key_block),
            Object::Certificate(_)
            | Object::CertificateRequest(_)
            | Object::OpaqueObject(_)
            | Object::Template(_) => None,
        }
    }

    pub fn key_block_mut(&mut self) -> Option<&mut KeyBlock> {
        match self {
            Object::SymmetricKey(o) => Some(&mut o.key_block),
            Object::PublicKey(o) => Some(&mut o.key_block),
            Object::PrivateKey(o) => Some(&mut o.key_block),
            Object::SplitKey(o) => Some(&mut o.key_block),
            Object::SecretData(o) => Some(&mut o.key_block),
            Object::PgpKey(o) => Some(&mut o.key_block),
            Object::Certificate(_)
            | Object::CertificateRequest(_)
            | Object::OpaqueObject(_)
            | Object::Template(_) => None,
        }
    }

    /// The value of an object that has no key block.
    pub fn value_mut(&mut self) -> Option<&mut Bytes> {
        match self {
            Object::Certificate(o) => Some(&mut o.certificate_value),
            Object::CertificateRequest(o) => Some(&mut o.certificate_request_value),
            Object::OpaqueObject(o) => Some(&mut o.opaque_data_value),
            _ => None,
        }
    }
}

/// The object in a payload, whatever its tag ("Any Object" in the tables of the standard).
#[derive(Clone, Debug, PartialEq)]
pub struct AnyObject(pub Option<Object>);

impl super::structure::Field for AnyObject {
    const REQUIRED: bool = false;

    fn take(_: Tag, items: &[Node<'_>]) -> Result<Self, Malformed> {
        Object::find(items).map(AnyObject)
    }

    fn put<'a>(
        &'a self,
        _: Tag,
        version: Version,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), Inexpressible> {
        if let Some(object) = &self.0 {
            out.push(object.to_node(version)?);
        }
        Ok(())
    }

    fn is_absent(&self) -> bool {
        self.0.is_none()
    }
}
