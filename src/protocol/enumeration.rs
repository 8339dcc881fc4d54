//! Enumerations (KMIP 1.4 §9.1.3.2, 2.1 §11): open newtypes, so that a value that is unknown, a
//! vendor's or newer than the message travels through unharmed. Whoever uses it decides whether
//! it is supported.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use ttlv::Tag;

use super::version::{Range, Version};

mod cryptography;
mod message;
mod object;
mod pkcs11;
mod profile_name;
mod server;

pub use cryptography::*;
pub use message::*;
pub use object::*;
pub use pkcs11::*;
pub use profile_name::*;
pub use server::*;

/// One value of an enumeration under one name. A value that was renamed has two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumerationRow {
    pub value: u32,
    /// The name of the constant.
    pub constant: &'static str,
    /// The name in XML and JSON (Additional Message Encodings 1.0 §6.1.3).
    pub name: &'static str,
    /// Other spellings that are read but never written.
    pub aliases: &'static [&'static str],
    pub versions: Range,
}

/// One enumeration: its values by number, of equal ones the newest name first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumerationTable {
    /// The name in the standard's prose, without the word Enumeration.
    pub spoken: &'static str,
    /// The tags whose items hold a value of it.
    pub tags: &'static [Tag],
    pub rows: &'static [EnumerationRow],
}

impl EnumerationTable {
    /// The row of a value, with the newest of its names.
    pub fn by_value(&self, value: u32) -> Option<&'static EnumerationRow> {
        let place = self.rows.partition_point(|row| row.value < value);
        self.rows.get(place).filter(|row| row.value == value)
    }

    pub fn by_name(&self, name: &str) -> Option<&'static EnumerationRow> {
        self.rows
            .iter()
            .find(|row| row.name == name || row.aliases.contains(&name))
    }

    /// The name of a value as `version` writes it; its newest name if that version has none.
    pub fn name_in(&self, value: u32, version: Version) -> Option<&'static str> {
        let named = |row: &&EnumerationRow| row.value == value && row.versions.contains(version);
        self.rows
            .iter()
            .find(named)
            .or_else(|| self.by_value(value))
            .map(|row| row.name)
    }

    pub fn is_in(&self, value: u32, version: Version) -> bool {
        self.rows
            .iter()
            .any(|row| row.value == value && row.versions.contains(version))
    }
}

/// A type that holds a value of one enumeration.
pub trait Enumeration: Copy + Eq + From<u32> + Into<u32> + 'static {
    const TABLE: &'static EnumerationTable;
}

/// The enumeration whose values items with this tag hold. Attribute Reference (values are tags)
/// has none; see [`super::names`].
pub fn of_tag(tag: Tag) -> Option<&'static EnumerationTable> {
    static BY_TAG: LazyLock<HashMap<Tag, &EnumerationTable>> = LazyLock::new(|| {
        let pairs =
            |table: &'static EnumerationTable| table.tags.iter().map(move |tag| (*tag, table));
        ENUMERATIONS.iter().copied().flat_map(pairs).collect()
    });
    BY_TAG.get(&tag).copied()
}

/// Shows the name, or the number of a value that has none.
fn show(table: &EnumerationTable, value: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match table.by_value(value) {
        Some(row) => f.write_str(row.name),
        None => write!(f, "0x{value:08X}"),
    }
}

macro_rules! enumeration {
    (
        $(#[$doc:meta])*
        $type:ident, $spoken:literal, [$($tag:ident),*] {
            $($constant:ident = $value:literal, $name:literal $(| $alias:literal)*, $since:tt $(to $until:tt)?;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u32);

        impl $type {
            $(pub const $constant: $type = $type($value);)*

            /// The newest name of the value in XML and JSON; none for extensions and unknown ones.
            pub fn name(self) -> Option<&'static str> {
                <$type as super::Enumeration>::TABLE.by_value(self.0).map(|row| row.name)
            }

            /// Whether the standard lists the value in this version.
            pub fn is_in(self, version: $crate::protocol::version::Version) -> bool {
                <$type as super::Enumeration>::TABLE.is_in(self.0, version)
            }
        }

        impl super::Enumeration for $type {
            const TABLE: &'static super::EnumerationTable = &super::EnumerationTable {
                spoken: $spoken,
                tags: &[$($crate::protocol::tag::$tag),*],
                rows: &[$(super::EnumerationRow {
                    value: $value,
                    constant: stringify!($constant),
                    name: $name,
                    aliases: &[$($alias),*],
                    versions: $crate::protocol::version::range!($since $(to $until)?),
                }),*],
            };
        }

        impl From<u32> for $type {
            fn from(value: u32) -> $type {
                $type(value)
            }
        }

        impl From<$type> for u32 {
            fn from(value: $type) -> u32 {
                value.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                super::show(<$type as super::Enumeration>::TABLE, self.0, f)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
use enumeration;

macro_rules! registry {
    ($($type:ident),* $(,)?) => {
        /// All enumerations.
        pub static ENUMERATIONS: &[&EnumerationTable] = &[$(<$type as Enumeration>::TABLE),*];
    };
}

registry! {
    AdjustmentType, AlternativeNameType, AsynchronousIndicator, AttestationType,
    BatchErrorContinuationOption, BlockCipherMode, CancellationResult, CertificateRequestType,
    CertificateType, ClientRegistrationMethod, CredentialType, CryptographicAlgorithm,
    DRBGAlgorithm, Data, DeactivationReasonCode, DerivationMethod, DestroyAction,
    DigitalSignatureAlgorithm, EncodingOption, EndpointRole, Ephemeral, FIPS186Variation,
    HashingAlgorithm, InteropFunction, ItemType, KeyCompressionType, KeyFormatType,
    KeyRoleType, KeyValueLocationType, KeyWrapType, LinkType, MaskGenerator, NISTKeyType,
    NameType, OTPAlgorithm, ObjectClass, ObjectGroupMember, ObjectType, OpaqueDataType,
    Operation, PaddingMethod, Pkcs11Function, Pkcs11ReturnCode, ProcessingStage, ProfileName,
    ProtectionLevel, PutFunction, QueryFunction, RNGAlgorithm, RNGMode, RecommendedCurve,
    ResultReason, ResultStatus, RevocationReasonCode, RotateNameType, SecretDataType,
    ShreddingAlgorithm, SplitKeyMethod, SplitKeyPolynomial, State, TicketType,
    UniqueIdentifier, UnwrapMode, UsageLimitsUnit, ValidationAuthorityType, ValidationType,
    ValidityIndicator, WrappingMethod,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_value_and_then_newest_first() {
        for table in ENUMERATIONS {
            let order = |a: &EnumerationRow, b: &EnumerationRow| {
                a.value < b.value || (a.value == b.value && a.versions.since > b.versions.since)
            };
            assert!(table.rows.is_sorted_by(order), "{}", table.spoken);
        }
    }

    #[test]
    fn one_tag_holds_one_enumeration() {
        for table in ENUMERATIONS {
            for tag in table.tags {
                assert_eq!(of_tag(*tag), Some(*table), "{}", table.spoken);
            }
        }
    }

    #[test]
    fn a_renamed_value_is_written_as_the_version_names_it() {
        let table = HashingAlgorithm::TABLE;
        assert_eq!(table.name_in(0x0E, Version::V1_4), Some("SHA_3_224"));
        assert_eq!(table.name_in(0x0E, Version::V2_1), Some("SHA3_224"));
        assert_eq!(table.by_name("SHA_3_224").map(|row| row.value), Some(0x0E));
    }

    #[test]
    fn unknown_values_show_as_numbers() {
        assert_eq!(ObjectType(0x8000_0001).to_string(), "0x80000001");
        assert_eq!(ObjectType(0x8000_0001).name(), None);
        assert_eq!(format!("{:?}", ObjectType::SYMMETRIC_KEY), "SymmetricKey");
    }
}
