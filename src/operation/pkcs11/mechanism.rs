//! CK_MECHANISM: PKCS#11's numbers for the rows of the mechanism table (PKCS#11 Current Mechanisms 3.0).

mod parameter;

use std::sync::LazyLock;

use token::raw::{
    CKM_AES_CBC_PAD, CKM_DES3_CBC_PAD, CKM_ECDSA_SHA1, CKM_ECDSA_SHA3_224, CKM_ECDSA_SHA3_256,
    CKM_ECDSA_SHA3_384, CKM_ECDSA_SHA3_512, CKM_ECDSA_SHA224, CKM_ECDSA_SHA256, CKM_ECDSA_SHA384,
    CKM_ECDSA_SHA512, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_SHA3_224_RSA_PKCS_PSS,
    CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS, CKM_SHA3_384_RSA_PKCS,
    CKM_SHA3_384_RSA_PKCS_PSS, CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS,
    CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS,
    CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS,
};

pub use self::parameter::{Asked, BadParameter, Said};
use crate::engine::cryptoki::Kind;
use crate::mechanism::hash::{HASHES, HashRow};
use crate::mechanism::{self, MECHANISMS, Row, Service, Shape};
use crate::protocol::enumeration::{HashingAlgorithm, PaddingMethod};

/// What a mechanism does.
#[derive(Clone, Copy, Debug)]
pub enum Use {
    /// A row of the table; ciphers with padding, signatures of messages with their hash.
    Row {
        row: &'static Row,
        padding: PaddingMethod,
        hash: Option<&'static HashRow>,
    },
    Digest(&'static HashRow),
}

/// A mechanism that clients may name. One number can stand for several rows: CKM_RSA_PKCS encrypts
/// and signs, CKM_ML_DSA signs with keys of three sizes.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub number: u64,
    pub does: Use,
}

macro_rules! variants {
    ($($number:ident = $row:literal $padding:ident $hash:ident;)*) => {
        /// Numbers that join a row with a padding or a hash.
        static VARIANTS: &[(u64, &str, PaddingMethod, Option<HashingAlgorithm>)] = &[
            $(($number, $row, PaddingMethod::$padding, variants!(hash $hash)),)*
        ];
    };
    (hash none) => { None };
    (hash $hash:ident) => { Some(HashingAlgorithm::$hash) };
}

variants! {
    CKM_AES_CBC_PAD = "aes-cbc" PKCS5 none;
    CKM_DES3_CBC_PAD = "des3-cbc" PKCS5 none;
    CKM_SHA1_RSA_PKCS = "rsa-pkcs1-signature" NONE SHA_1;
    CKM_SHA224_RSA_PKCS = "rsa-pkcs1-signature" NONE SHA_224;
    CKM_SHA256_RSA_PKCS = "rsa-pkcs1-signature" NONE SHA_256;
    CKM_SHA384_RSA_PKCS = "rsa-pkcs1-signature" NONE SHA_384;
    CKM_SHA512_RSA_PKCS = "rsa-pkcs1-signature" NONE SHA_512;
    CKM_SHA3_256_RSA_PKCS = "rsa-pkcs1-signature" NONE SHA3_256;
    CKM_SHA3_384_RSA_PKCS = "rsa-pkcs1-signature" NONE SHA3_384;
    CKM_SHA3_512_RSA_PKCS = "rsa-pkcs1-signature" NONE SHA3_512;
    CKM_SHA1_RSA_PKCS_PSS = "rsa-pss" NONE SHA_1;
    CKM_SHA224_RSA_PKCS_PSS = "rsa-pss" NONE SHA_224;
    CKM_SHA256_RSA_PKCS_PSS = "rsa-pss" NONE SHA_256;
    CKM_SHA384_RSA_PKCS_PSS = "rsa-pss" NONE SHA_384;
    CKM_SHA512_RSA_PKCS_PSS = "rsa-pss" NONE SHA_512;
    CKM_SHA3_224_RSA_PKCS_PSS = "rsa-pss" NONE SHA3_224;
    CKM_SHA3_256_RSA_PKCS_PSS = "rsa-pss" NONE SHA3_256;
    CKM_SHA3_384_RSA_PKCS_PSS = "rsa-pss" NONE SHA3_384;
    CKM_SHA3_512_RSA_PKCS_PSS = "rsa-pss" NONE SHA3_512;
    CKM_ECDSA_SHA1 = "ecdsa" NONE SHA_1;
    CKM_ECDSA_SHA224 = "ecdsa" NONE SHA_224;
    CKM_ECDSA_SHA256 = "ecdsa" NONE SHA_256;
    CKM_ECDSA_SHA384 = "ecdsa" NONE SHA_384;
    CKM_ECDSA_SHA512 = "ecdsa" NONE SHA_512;
    CKM_ECDSA_SHA3_224 = "ecdsa" NONE SHA3_224;
    CKM_ECDSA_SHA3_256 = "ecdsa" NONE SHA3_256;
    CKM_ECDSA_SHA3_384 = "ecdsa" NONE SHA3_384;
    CKM_ECDSA_SHA3_512 = "ecdsa" NONE SHA3_512;
}

/// All of them: the rows that have a number, the variants, the hashes.
pub static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    // ChaCha20's block counter and GMAC's nonce have no place in the KMIP operations.
    let named = |row: &&Row| !matches!(row.shape, Shape::ChaCha20 | Shape::Gmac);
    let rows = MECHANISMS.iter().filter(named).filter_map(|row| {
        Some(Entry {
            number: row.token?,
            does: Use::Row {
                row,
                padding: PaddingMethod::NONE,
                hash: None,
            },
        })
    });
    let variants = VARIANTS.iter().filter_map(|(number, row, padding, hash)| {
        Some(Entry {
            number: *number,
            does: Use::Row {
                row: mechanism::named(row)?,
                padding: *padding,
                hash: hash.and_then(mechanism::hash::find),
            },
        })
    });
    let hashes = HASHES.iter().filter_map(|row| {
        Some(Entry {
            number: row.token?.0,
            does: Use::Digest(row),
        })
    });
    rows.chain(variants).chain(hashes).collect()
});

impl Use {
    /// Whether an operation of this kind can begin with it.
    pub fn is_for(&self, kind: Kind) -> bool {
        match (self, kind) {
            (Use::Digest(_), kind) => kind == Kind::Digest,
            (Use::Row { row, .. }, Kind::Encrypt | Kind::Decrypt) => {
                matches!(row.service, Service::Cipher | Service::Encipherment)
            }
            (Use::Row { row, .. }, Kind::Sign | Kind::Verify) => {
                matches!(row.service, Service::Mac | Service::Signature)
            }
            (Use::Row { .. }, Kind::Digest) => false,
        }
    }
}

/// The entries of a number that are for an operation.
pub fn find(number: u64, kind: Kind) -> impl Iterator<Item = &'static Entry> {
    ENTRIES
        .iter()
        .filter(move |entry| entry.number == number && entry.does.is_for(kind))
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
    use token::raw::{CKM_RSA_PKCS, CKM_SHA256};

    fn one(number: u64, kind: Kind) -> &'static Entry {
        find(number, kind).next().unwrap()
    }

    #[test]
    fn every_variant_has_its_row_and_its_hash() {
        for (number, _, _, hash) in VARIANTS {
            let found = ENTRIES.iter().find(|entry| entry.number == *number);
            match found.expect("an entry").does {
                Use::Row { hash: own, .. } => assert_eq!(own.is_some(), hash.is_some()),
                Use::Digest(_) => panic!("{number:#x} is no digest"),
            }
        }
    }

    #[test]
    fn one_number_encrypts_and_signs() {
        let row = |kind| match one(CKM_RSA_PKCS, kind).does {
            Use::Row { row, .. } => row.name,
            Use::Digest(row) => row.name,
        };
        assert_eq!(row(Kind::Encrypt), "rsa-pkcs1");
        assert_eq!(row(Kind::Sign), "rsa-pkcs1-signature");
        assert!(find(CKM_RSA_PKCS, Kind::Digest).next().is_none());
        assert!(find(CKM_SHA256, Kind::Digest).next().is_some());
        assert!(find(CKM_SHA256, Kind::Sign).next().is_none());
    }
}
