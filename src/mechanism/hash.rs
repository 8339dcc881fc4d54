//! Hash functions (KMIP 2.1 §11.21): computed by the library, for they hold no secret; the token
//! is told of them where they are part of a mechanism.

use token::raw::{
    CK_MECHANISM_TYPE, CK_ULONG, CKG_MGF1_SHA1, CKG_MGF1_SHA3_224, CKG_MGF1_SHA3_256,
    CKG_MGF1_SHA3_384, CKG_MGF1_SHA3_512, CKG_MGF1_SHA224, CKG_MGF1_SHA256, CKG_MGF1_SHA384,
    CKG_MGF1_SHA512, CKM_SHA_1, CKM_SHA3_224, CKM_SHA3_256, CKM_SHA3_384, CKM_SHA3_512, CKM_SHA224,
    CKM_SHA256, CKM_SHA384, CKM_SHA512,
};

use crate::protocol::enumeration::HashingAlgorithm;

/// A hash function.
#[derive(Debug, PartialEq, Eq)]
pub struct HashRow {
    pub algorithm: HashingAlgorithm,
    /// In policies, audit records and documentation; OpenSSL knows it by this name, too.
    pub name: &'static str,
    /// Of the digest, in bytes.
    pub length: usize,
    /// Content of its OBJECT IDENTIFIER, for PKCS#1 v1.5 signatures (RFC 8017 §9.2); None: none are made.
    pub object_identifier: Option<&'static [u8]>,
    /// What the token calls it and its mask generation function (for PSS and OAEP).
    pub token: Option<(CK_MECHANISM_TYPE, CK_ULONG)>,
}

/// Arc of NIST's hash algorithms: 2.16.840.1.101.3.4.2, and the last number.
macro_rules! nist {
    ($last:literal) => {
        Some(&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, $last])
    };
}

macro_rules! hashes {
    ($($algorithm:ident $name:literal $length:literal $oid:expr, $token:expr;)*) => {
        pub static HASHES: &[HashRow] = &[$(HashRow {
            algorithm: HashingAlgorithm::$algorithm,
            name: $name,
            length: $length,
            object_identifier: $oid,
            token: $token,
        },)*];
    };
}

// MD2, MD4, Tiger and Whirlpool have no row: OpenSSL has them in its legacy provider, or not at all.
hashes! {
    MD5 "MD5" 16 None, None;
    SHA_1 "SHA1" 20 Some(&[0x2b, 0x0e, 0x03, 0x02, 0x1a]), Some((CKM_SHA_1, CKG_MGF1_SHA1 as CK_ULONG));
    SHA_224 "SHA224" 28 nist!(4), Some((CKM_SHA224, CKG_MGF1_SHA224 as CK_ULONG));
    SHA_256 "SHA256" 32 nist!(1), Some((CKM_SHA256, CKG_MGF1_SHA256 as CK_ULONG));
    SHA_384 "SHA384" 48 nist!(2), Some((CKM_SHA384, CKG_MGF1_SHA384 as CK_ULONG));
    SHA_512 "SHA512" 64 nist!(3), Some((CKM_SHA512, CKG_MGF1_SHA512 as CK_ULONG));
    RIPEMD_160 "RIPEMD160" 20 Some(&[0x2b, 0x24, 0x03, 0x02, 0x01]), None;
    SHA_512_224 "SHA512-224" 28 nist!(5), None;
    SHA_512_256 "SHA512-256" 32 nist!(6), None;
    SHA3_224 "SHA3-224" 28 nist!(7), Some((CKM_SHA3_224, CKG_MGF1_SHA3_224 as CK_ULONG));
    SHA3_256 "SHA3-256" 32 nist!(8), Some((CKM_SHA3_256, CKG_MGF1_SHA3_256 as CK_ULONG));
    SHA3_384 "SHA3-384" 48 nist!(9), Some((CKM_SHA3_384, CKG_MGF1_SHA3_384 as CK_ULONG));
    SHA3_512 "SHA3-512" 64 nist!(10), Some((CKM_SHA3_512, CKG_MGF1_SHA3_512 as CK_ULONG));
}

/// The row of a Hashing Algorithm; None where there is none.
pub fn find(algorithm: HashingAlgorithm) -> Option<&'static HashRow> {
    HASHES.iter().find(|row| row.algorithm == algorithm)
}

/// The hash whose digests have this many bytes: what a signature over digested data goes by when
/// the request names none. The SHA-2 family, before others of the same length.
pub fn of_length(length: usize) -> Option<&'static HashRow> {
    HASHES
        .iter()
        .find(|row| row.length == length && row.object_identifier.is_some())
}

impl HashRow {
    /// DigestInfo of RFC 8017 §9.2 (DER): what a PKCS#1 v1.5 signature is made over.
    pub fn digest_info(&self, digest: &[u8]) -> Option<Vec<u8>> {
        let oid = self.object_identifier?;
        // Every length below 128: one byte each.
        let short = |length: usize| u8::try_from(length).ok();
        let mut out = Vec::with_capacity(12 + oid.len() + digest.len());
        out.extend([0x30, short(8 + oid.len() + digest.len())?]);
        out.extend([0x30, short(4 + oid.len())?, 0x06, short(oid.len())?]);
        out.extend_from_slice(oid);
        out.extend([0x05, 0x00, 0x04, short(digest.len())?]);
        out.extend_from_slice(digest);
        Some(out)
    }
}
