//! Structures are tables: the `structure!` macro makes of each a type, its decoder and its encoder.
//!
//! A row is a field: its tag, its type (which also says how often it may stand: `T` once, `Option<T>`
//! at most once, `Vec<T>` any number of times) and the versions that have it. Input is lenient about
//! versions and unknown fields (real clients send newer fields in older messages); output never
//! holds a field that the message's version does not have.

use std::borrow::Cow;

use ttlv::{Kind, Node, Tag, Value};
use zeroize::Zeroizing;

use super::enumeration::Enumeration;
use super::version::Version;

/// What is wrong with a request that could be parsed as TTLV.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("{0} is missing: the field is required here")]
    Missing(String),
    #[error("{tag} is of type {found}; expected {expected}")]
    Type {
        tag: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("{0} occurs more than once; expected at most one")]
    Repeated(String),
    #[error("{tag}: {what}")]
    Invalid { tag: String, what: String },
}

/// A required field does not exist in the version of the message to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inexpressible(pub Tag);

/// The name of a tag for error texts.
pub fn spoken(tag: Tag) -> String {
    super::tag::by_tag(tag).map_or_else(|| format!("{tag:?}"), |row| row.spoken.to_owned())
}

pub fn wrong_type(node: &Node<'_>, expected: Kind) -> Malformed {
    Malformed::Type {
        tag: spoken(node.tag),
        expected: expected.name(),
        found: node.kind().name(),
    }
}

/// One value: a leaf or a structure.
pub trait Item: Sized {
    fn read(node: &Node<'_>) -> Result<Self, Malformed>;
    fn write(&self, version: Version) -> Result<Value<'_>, Inexpressible>;
}

/// How often an item stands in a structure.
pub trait Field: Sized {
    const REQUIRED: bool;
    fn take(tag: Tag, items: &[Node<'_>]) -> Result<Self, Malformed>;
    fn put<'a>(
        &'a self,
        tag: Tag,
        version: Version,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), Inexpressible>;
    fn is_absent(&self) -> bool;
}

impl<T: Item> Field for T {
    const REQUIRED: bool = true;

    fn take(tag: Tag, items: &[Node<'_>]) -> Result<Self, Malformed> {
        match <Option<T> as Field>::take(tag, items)? {
            Some(value) => Ok(value),
            None => Err(Malformed::Missing(spoken(tag))),
        }
    }

    fn put<'a>(
        &'a self,
        tag: Tag,
        version: Version,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), Inexpressible> {
        out.push(Node::new(tag, self.write(version)?));
        Ok(())
    }

    fn is_absent(&self) -> bool {
        false
    }
}

impl<T: Item> Field for Option<T> {
    const REQUIRED: bool = false;

    fn take(tag: Tag, items: &[Node<'_>]) -> Result<Self, Malformed> {
        let mut found = items.iter().filter(|item| item.tag == tag);
        let Some(node) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            return Err(Malformed::Repeated(spoken(tag)));
        }
        T::read(node).map(Some)
    }

    fn put<'a>(
        &'a self,
        tag: Tag,
        version: Version,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), Inexpressible> {
        match self {
            Some(value) => value.put(tag, version, out),
            None => Ok(()),
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Item> Field for Vec<T> {
    const REQUIRED: bool = false;

    fn take(tag: Tag, items: &[Node<'_>]) -> Result<Self, Malformed> {
        items
            .iter()
            .filter(|item| item.tag == tag)
            .map(T::read)
            .collect()
    }

    fn put<'a>(
        &'a self,
        tag: Tag,
        version: Version,
        out: &mut Vec<Node<'a>>,
    ) -> Result<(), Inexpressible> {
        self.iter()
            .try_for_each(|value| value.put(tag, version, out))
    }

    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

macro_rules! leaf {
    ($($type:ty, $kind:ident, $read:pat => $make:expr, $self:ident => $write:expr;)*) => {$(
        impl Item for $type {
            fn read(node: &Node<'_>) -> Result<Self, Malformed> {
                match &node.value {
                    Value::$kind($read) => Ok($make),
                    _ => Err(wrong_type(node, Kind::$kind)),
                }
            }

            fn write(&$self, _: Version) -> Result<Value<'_>, Inexpressible> {
                Ok(Value::$kind($write))
            }
        }
    )*};
}

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime(pub i64);

/// Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(pub u32);

/// A byte string; cleared when dropped, since most that travel here are keys or data under keys.
pub type Bytes = Zeroizing<Vec<u8>>;

/// A Big Integer in minimal two's complement, cleared when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct BigInteger(pub Bytes);

impl std::fmt::Debug for BigInteger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BigInteger[{}]", self.0.len())
    }
}

leaf! {
    i32, Integer, v => *v, self => *self;
    i64, LongInteger, v => *v, self => *self;
    bool, Boolean, v => *v, self => *self;
    String, TextString, v => v.clone().into_owned(), self => Cow::Borrowed(self.as_str());
    Bytes, ByteString, v => Zeroizing::new(v.to_vec()), self => Cow::Borrowed(self.as_slice());
    BigInteger, BigInteger, v => BigInteger(Zeroizing::new(v.to_vec())), self => Cow::Borrowed(self.0.as_slice());
    DateTime, DateTime, v => DateTime(*v), self => self.0;
    Interval, Interval, v => Interval(*v), self => self.0;
}

macro_rules! masks {
    ($($type:ty;)*) => {$(
        impl Item for $type {
            fn read(node: &Node<'_>) -> Result<Self, Malformed> {
                i32::read(node).map(<$type>::from_integer)
            }

            fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
                Ok(Value::Integer(self.to_integer()))
            }
        }
    )*};
}

masks! {
    super::mask::CryptographicUsageMask;
    super::mask::StorageStatusMask;
    super::mask::ProtectionStorageMask;
}

impl<T: Enumeration> Item for T {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match &node.value {
            Value::Enumeration(number) => Ok(T::from(*number)),
            _ => Err(wrong_type(node, Kind::Enumeration)),
        }
    }

    fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(Value::Enumeration((*self).into()))
    }
}

/// A value that is passed on as it came.
impl Item for Value<'static> {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        Ok(node.value.clone().into_owned())
    }

    fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(borrow(self))
    }
}

/// The same value, borrowing its strings.
pub fn borrow<'a>(value: &'a Value<'_>) -> Value<'a> {
    match value {
        Value::Structure(items) => Value::Structure(
            items
                .iter()
                .map(|item| Node::new(item.tag, borrow(&item.value)))
                .collect(),
        ),
        Value::BigInteger(v) => Value::BigInteger(Cow::Borrowed(v)),
        Value::TextString(v) => Value::TextString(Cow::Borrowed(v)),
        Value::ByteString(v) => Value::ByteString(Cow::Borrowed(v)),
        Value::Integer(v) => Value::Integer(*v),
        Value::LongInteger(v) => Value::LongInteger(*v),
        Value::Enumeration(v) => Value::Enumeration(*v),
        Value::Boolean(v) => Value::Boolean(*v),
        Value::DateTime(v) => Value::DateTime(*v),
        Value::Interval(v) => Value::Interval(*v),
        Value::DateTimeExtended(v) => Value::DateTimeExtended(*v),
    }
}

/// A structure whose fields are read one tag at a time. Implemented by `structure!`.
pub trait Structure: Sized {
    fn from_items(items: &[Node<'_>]) -> Result<Self, Malformed>;
    fn to_items(&self, version: Version) -> Result<Vec<Node<'_>>, Inexpressible>;
}

/// Nothing: the payload of operations that have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Empty;

impl Structure for Empty {
    fn from_items(_: &[Node<'_>]) -> Result<Self, Malformed> {
        Ok(Empty)
    }

    fn to_items(&self, _: Version) -> Result<Vec<Node<'_>>, Inexpressible> {
        Ok(Vec::new())
    }
}

/// Makes a structure of rows `field: Type = TAG, since ..= until;` (versions may be left out).
/// A field outside its versions is left out of output; if it is required, the answer cannot be
/// expressed in that version.
#[macro_export]
macro_rules! structure {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$fmeta:meta])* $field:ident : $type:ty = $tag:ident $(, since $since:ident)? $(, until $until:ident)?;)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $($(#[$fmeta])* pub $field: $type,)*
        }

        impl $crate::protocol::structure::Structure for $name {
            fn from_items(
                items: &[::ttlv::Node<'_>],
            ) -> Result<Self, $crate::protocol::structure::Malformed> {
                Ok($name {
                    $($field: <$type as $crate::protocol::structure::Field>::take(
                        $crate::protocol::tag::$tag, items,
                    )?,)*
                })
            }

            fn to_items(
                &self,
                version: $crate::protocol::version::Version,
            ) -> Result<Vec<::ttlv::Node<'_>>, $crate::protocol::structure::Inexpressible> {
                #[allow(unused_imports, reason = "a structure may have no field with a version")]
                use $crate::protocol::{structure::Field, version::Version};
                #[allow(unused_mut, reason = "a structure may have no fields")]
                let mut out = Vec::with_capacity(8);
                $({
                    let here = true $(&& version >= Version::$since)? $(&& version <= Version::$until)?;
                    if here {
                        self.$field.put($crate::protocol::tag::$tag, version, &mut out)?;
                    } else if <$type as Field>::REQUIRED {
                        return Err($crate::protocol::structure::Inexpressible($crate::protocol::tag::$tag));
                    }
                })*
                Ok(out)
            }
        }

        impl $crate::protocol::structure::Item for $name {
            fn read(node: &::ttlv::Node<'_>) -> Result<Self, $crate::protocol::structure::Malformed> {
                match &node.value {
                    ::ttlv::Value::Structure(items) => {
                        <$name as $crate::protocol::structure::Structure>::from_items(items)
                    }
                    _ => Err($crate::protocol::structure::wrong_type(node, ::ttlv::Kind::Structure)),
                }
            }

            fn write(
                &self,
                version: $crate::protocol::version::Version,
            ) -> Result<::ttlv::Value<'_>, $crate::protocol::structure::Inexpressible> {
                Ok(::ttlv::Value::Structure(
                    <$name as $crate::protocol::structure::Structure>::to_items(self, version)?,
                ))
            }
        }
    )*};
}
