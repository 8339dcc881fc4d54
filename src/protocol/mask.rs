//! Bit masks (KMIP 1.4 §9.1.3.3, 2.1 §12): open newtypes, like the enumerations.

use std::fmt;

use ttlv::Tag;

use super::version::{Range, Version};

/// One bit of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskRow {
    pub bit: u32,
    /// The name of the constant.
    pub constant: &'static str,
    /// The name in XML and JSON (Additional Message Encodings 1.0 §6.1.3).
    pub name: &'static str,
    /// Other spellings that are read but never written.
    pub aliases: &'static [&'static str],
    pub versions: Range,
}

/// One mask and its bits, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskTable {
    /// The name in the standard's prose.
    pub spoken: &'static str,
    pub tag: Tag,
    pub rows: &'static [MaskRow],
}

impl MaskTable {
    pub fn by_name(&self, name: &str) -> Option<&'static MaskRow> {
        self.rows
            .iter()
            .find(|row| row.name == name || row.aliases.contains(&name))
    }

    /// All bits that this version lists.
    pub fn bits_in(&self, version: Version) -> u32 {
        let listed = self
            .rows
            .iter()
            .filter(|row| row.versions.contains(version));
        listed.fold(0, |bits, row| bits | row.bit)
    }
}

/// A type that holds one kind of mask.
pub trait Mask: Copy + Eq + From<u32> + Into<u32> + 'static {
    const TABLE: &'static MaskTable;
}

/// The mask that items with this tag hold.
pub fn of_tag(tag: Tag) -> Option<&'static MaskTable> {
    MASKS.iter().copied().find(|table| table.tag == tag)
}

/// Shows the names of the bits with `|` between them, and what is left over as a number.
fn show(table: &MaskTable, bits: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = bits;
    let mut between = "";
    for row in table.rows.iter().filter(|row| bits & row.bit != 0) {
        write!(f, "{between}{}", row.name)?;
        between = "|";
        rest &= !row.bit;
    }
    if rest != 0 || bits == 0 {
        write!(f, "{between}0x{rest:08X}")?;
    }
    Ok(())
}

macro_rules! masks {
    ($(
        $(#[$doc:meta])*
        $type:ident, $spoken:literal, $tag:ident {
            $($constant:ident = $bit:literal, $name:literal $(| $alias:literal)*, $since:tt $(to $until:tt)?;)*
        }
    )*) => {
        $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $type(pub u32);

        impl $type {
            $(pub const $constant: $type = $type($bit);)*

            /// Whether all bits of `other` are set.
            pub const fn contains(self, other: $type) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is set.
            pub const fn intersects(self, other: $type) -> bool {
                self.0 & other.0 != 0
            }

            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The item's value: masks are Integers on the wire.
            pub const fn to_integer(self) -> i32 {
                self.0.cast_signed()
            }

            pub const fn from_integer(integer: i32) -> $type {
                $type(integer.cast_unsigned())
            }
        }

        impl Mask for $type {
            const TABLE: &'static MaskTable = &MaskTable {
                spoken: $spoken,
                tag: super::tag::$tag,
                rows: &[$(MaskRow {
                    bit: $bit,
                    constant: stringify!($constant),
                    name: $name,
                    aliases: &[$($alias),*],
                    versions: super::version::range!($since $(to $until)?),
                }),*],
            };
        }

        impl std::ops::BitOr for $type {
            type Output = $type;
            fn bitor(self, other: $type) -> $type {
                $type(self.0 | other.0)
            }
        }

        impl std::ops::BitAnd for $type {
            type Output = $type;
            fn bitand(self, other: $type) -> $type {
                $type(self.0 & other.0)
            }
        }

        impl From<u32> for $type {
            fn from(bits: u32) -> $type {
                $type(bits)
            }
        }

        impl From<$type> for u32 {
            fn from(mask: $type) -> u32 {
                mask.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                show(<$type as Mask>::TABLE, self.0, f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        )*

        /// All masks.
        pub static MASKS: &[&MaskTable] = &[$(<$type as Mask>::TABLE),*];
    };
}

masks! {
    /// KMIP 2.1 §12.1. The table of 1.x prints "Content Commitment (Non Repudiation)"; the OASIS test
    /// cases write ContentCommitment, in 2.0 too, where the bit is reserved.
    CryptographicUsageMask, "Cryptographic Usage Mask", CRYPTOGRAPHIC_USAGE_MASK {
        SIGN = 0x000001, "Sign", 1.0;
        VERIFY = 0x000002, "Verify", 1.0;
        ENCRYPT = 0x000004, "Encrypt", 1.0;
        DECRYPT = 0x000008, "Decrypt", 1.0;
        WRAP_KEY = 0x000010, "WrapKey", 1.0;
        UNWRAP_KEY = 0x000020, "UnwrapKey", 1.0;
        EXPORT = 0x000040, "Export", 1.0 to 1.4;
        MAC_GENERATE = 0x000080, "MACGenerate", 1.0;
        MAC_VERIFY = 0x000100, "MACVerify", 1.0;
        DERIVE_KEY = 0x000200, "DeriveKey", 1.0;
        CONTENT_COMMITMENT = 0x000400, "ContentCommitment" | "ContentCommitmentNonRepudiation", 1.0 to 1.4;
        KEY_AGREEMENT = 0x000800, "KeyAgreement", 1.0;
        CERTIFICATE_SIGN = 0x001000, "CertificateSign", 1.0;
        CRL_SIGN = 0x002000, "CRLSign", 1.0;
        GENERATE_CRYPTOGRAM = 0x004000, "GenerateCryptogram", 1.0 to 1.4;
        VALIDATE_CRYPTOGRAM = 0x008000, "ValidateCryptogram", 1.0 to 1.4;
        TRANSLATE_ENCRYPT = 0x010000, "TranslateEncrypt", 1.0 to 1.4;
        TRANSLATE_DECRYPT = 0x020000, "TranslateDecrypt", 1.0 to 1.4;
        TRANSLATE_WRAP = 0x040000, "TranslateWrap", 1.0 to 1.4;
        TRANSLATE_UNWRAP = 0x080000, "TranslateUnwrap", 1.0 to 1.4;
        AUTHENTICATE = 0x100000, "Authenticate", 2.0;
        UNRESTRICTED = 0x200000, "Unrestricted", 2.0;
        FPE_ENCRYPT = 0x400000, "FPEEncrypt", 2.0;
        FPE_DECRYPT = 0x800000, "FPEDecrypt", 2.0;
    }
    /// KMIP 2.1 §12.2.
    ProtectionStorageMask, "Protection Storage Mask", PROTECTION_STORAGE_MASK {
        SOFTWARE = 0x000001, "Software", 2.0;
        HARDWARE = 0x000002, "Hardware", 2.0;
        ON_PROCESSOR = 0x000004, "OnProcessor", 2.0;
        ON_SYSTEM = 0x000008, "OnSystem", 2.0;
        OFF_SYSTEM = 0x000010, "OffSystem", 2.0;
        HYPERVISOR = 0x000020, "Hypervisor", 2.0;
        OPERATING_SYSTEM = 0x000040, "OperatingSystem", 2.0;
        CONTAINER = 0x000080, "Container", 2.0;
        ON_PREMISES = 0x000100, "OnPremises", 2.0;
        OFF_PREMISES = 0x000200, "OffPremises", 2.0;
        SELF_MANAGED = 0x000400, "SelfManaged", 2.0;
        OUTSOURCED = 0x000800, "Outsourced", 2.0;
        VALIDATED = 0x001000, "Validated", 2.0;
        SAME_JURISDICTION = 0x002000, "SameJurisdiction", 2.0;
    }
    /// KMIP 2.1 §12.3.
    StorageStatusMask, "Storage Status Mask", STORAGE_STATUS_MASK {
        ON_LINE_STORAGE = 0x000001, "OnLineStorage", 1.0;
        ARCHIVAL_STORAGE = 0x000002, "ArchivalStorage", 1.0;
        DESTROYED_STORAGE = 0x000004, "DestroyedStorage", 2.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_names_and_what_has_none() {
        let mask = CryptographicUsageMask::ENCRYPT | CryptographicUsageMask(0x4000_0000);
        assert_eq!(mask.to_string(), "Encrypt|0x40000000");
        assert_eq!(CryptographicUsageMask::default().to_string(), "0x00000000");
    }

    #[test]
    fn bits_of_a_version() {
        let bits = StorageStatusMask::TABLE.bits_in(Version::V1_4);
        assert_eq!(bits, 3);
        assert!(StorageStatusMask(bits).contains(StorageStatusMask::ARCHIVAL_STORAGE));
        assert!(!StorageStatusMask(bits).intersects(StorageStatusMask::DESTROYED_STORAGE));
    }
}
