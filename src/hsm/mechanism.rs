//! KMIP cryptographic parameters ⇄ PKCS#11 mechanisms, one row each. A new mechanism is a row.
//!
//! The numbers on the left are the standard's enumerations (KMIP 2.1 §11.6 Block Cipher Mode,
//! §11.12 Cryptographic Algorithm, §11.24 Hashing Algorithm, §11.34 Padding Method).

use token::Mechanism;
use token::raw::{
    CK_MECHANISM_TYPE, CK_ULONG, CKG_MGF1_SHA1, CKG_MGF1_SHA224, CKG_MGF1_SHA256, CKG_MGF1_SHA384,
    CKG_MGF1_SHA512, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CCM, CKM_AES_CFB128, CKM_AES_CTR,
    CKM_AES_ECB, CKM_AES_GCM, CKM_AES_OFB, CKM_DES3_CBC, CKM_DES3_CBC_PAD, CKM_DES3_ECB, CKM_SHA_1,
    CKM_SHA_1_HMAC, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_SHA224, CKM_SHA224_HMAC,
    CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKM_SHA256, CKM_SHA256_HMAC, CKM_SHA256_RSA_PKCS,
    CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384, CKM_SHA384_HMAC, CKM_SHA384_RSA_PKCS,
    CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512, CKM_SHA512_HMAC, CKM_SHA512_RSA_PKCS,
    CKM_SHA512_RSA_PKCS_PSS,
};

use super::HsmError;

/// How parameters and padding reach the mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// No parameter.
    Plain,
    /// No parameter; PKCS#5 padding (RFC 8018 §6.1.1) is laid around it here, no token has it.
    PlainPadded,
    /// The initialisation vector, one block long.
    Iv,
    /// The counter block; its last 32 bits count unless the caller says otherwise.
    Counter,
    /// Authenticated: 12-byte vector recommended, any length allowed; a tag follows.
    Gcm,
    /// Authenticated, nonce of 7 to 13 bytes.
    Ccm,
}

#[derive(Debug)]
pub(super) struct CipherRow {
    pub name: &'static str,
    pub algorithm: u32,
    pub mode: u32,
    pub padding: u32,
    pub mechanism: CK_MECHANISM_TYPE,
    pub shape: Shape,
    /// In bytes.
    pub block: usize,
}

/// Cryptographic Algorithm values whose keys enter the token as block cipher keys.
pub const TRIPLE_DES: u32 = 2;
pub const AES: u32 = 3;

macro_rules! ciphers {
    ($($algorithm:ident $mode:literal $padding:literal => $mechanism:ident $shape:ident $block:literal;)*) => {
        pub(super) static CIPHERS: &[CipherRow] = &[$(CipherRow {
            name: stringify!($mechanism),
            algorithm: $algorithm,
            mode: $mode,
            padding: $padding,
            mechanism: $mechanism,
            shape: Shape::$shape,
            block: $block,
        }),*];
    };
}

// Modes: CBC 1, ECB 2, CFB 4, OFB 5, CTR 6, CCM 8, GCM 9. Paddings: None 1, PKCS5 3.
ciphers! {
    AES 1 1 => CKM_AES_CBC Iv 16;
    AES 1 3 => CKM_AES_CBC_PAD Iv 16;
    AES 2 1 => CKM_AES_ECB Plain 16;
    AES 2 3 => CKM_AES_ECB PlainPadded 16;
    AES 4 1 => CKM_AES_CFB128 Iv 16;
    AES 5 1 => CKM_AES_OFB Iv 16;
    AES 6 1 => CKM_AES_CTR Counter 16;
    AES 8 1 => CKM_AES_CCM Ccm 16;
    AES 9 1 => CKM_AES_GCM Gcm 16;
    TRIPLE_DES 1 1 => CKM_DES3_CBC Iv 8;
    TRIPLE_DES 1 3 => CKM_DES3_CBC_PAD Iv 8;
    TRIPLE_DES 2 1 => CKM_DES3_ECB Plain 8;
    TRIPLE_DES 2 3 => CKM_DES3_ECB PlainPadded 8;
}

/// What a client asks of a cipher, in the standard's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherParameters {
    /// Cryptographic Algorithm.
    pub algorithm: u32,
    /// Block Cipher Mode.
    pub mode: u32,
    /// Padding Method; 0 (absent) is None.
    pub padding: u32,
    /// Of authenticated modes, in bytes: 4 to 16.
    pub tag_length: u32,
    /// Of the counter mode, in bits; 0 (absent) is 32.
    pub counter_bits: u32,
}

impl CipherParameters {
    pub(super) fn row(&self) -> Result<&'static CipherRow, HsmError> {
        let padding = self.padding.max(1);
        CIPHERS
            .iter()
            .find(|row| {
                row.algorithm == self.algorithm && row.mode == self.mode && row.padding == padding
            })
            .ok_or_else(|| {
                HsmError::Refused(format!(
                    "algorithm {:#x} in block cipher mode {:#x} with padding {:#x}",
                    self.algorithm, self.mode, padding
                ))
            })
    }

    /// Length of the tag that this mode appends, in bytes.
    pub(super) fn tag(&self, row: &CipherRow) -> Result<usize, HsmError> {
        match (row.shape, self.tag_length) {
            (Shape::Gcm, 4 | 8 | 12..=16) | (Shape::Ccm, 4 | 6 | 8 | 10 | 12 | 14 | 16) => {
                Ok(self.tag_length as usize)
            }
            (Shape::Gcm | Shape::Ccm, length) => Err(HsmError::BadInput(format!(
                "{} has no tag of {length} bytes",
                row.name
            ))),
            _ => Ok(0),
        }
    }

    pub(super) fn mechanism<'a>(
        &self,
        row: &CipherRow,
        iv: &'a [u8],
        aad: &'a [u8],
        data_length: usize,
    ) -> Result<Mechanism<'a>, HsmError> {
        let bad = |what: &str| HsmError::BadInput(format!("{} takes {what}", row.name));
        if !aad.is_empty() && !matches!(row.shape, Shape::Gcm | Shape::Ccm) {
            return Err(bad("no additional authenticated data"));
        }
        Ok(match row.shape {
            Shape::Plain | Shape::PlainPadded if iv.is_empty() => Mechanism::Plain(row.mechanism),
            Shape::Plain | Shape::PlainPadded => return Err(bad("no initialisation vector")),
            Shape::Iv if iv.len() == row.block => Mechanism::Iv(row.mechanism, iv),
            Shape::Iv => return Err(bad("an initialisation vector of one block")),
            Shape::Counter => Mechanism::Ctr {
                block: iv
                    .try_into()
                    .map_err(|_| bad("a counter block of 16 bytes"))?,
                bits: if self.counter_bits == 0 {
                    32
                } else {
                    self.counter_bits
                },
            },
            Shape::Gcm if (1..=128).contains(&iv.len()) => Mechanism::Gcm {
                iv,
                aad,
                tag_bits: 8 * self.tag_length,
            },
            Shape::Gcm => return Err(bad("an initialisation vector of 1 to 128 bytes")),
            Shape::Ccm if (7..=13).contains(&iv.len()) => Mechanism::Ccm {
                nonce: iv,
                aad,
                tag_length: self.tag_length,
                data_length,
            },
            Shape::Ccm => return Err(bad("a nonce of 7 to 13 bytes")),
        })
    }
}

/// A hash and the mechanisms built on it.
#[derive(Debug)]
pub(super) struct HashRow {
    pub hashing_algorithm: u32,
    /// Of the digest, in bytes.
    pub length: usize,
    pub hash: CK_MECHANISM_TYPE,
    pub hmac: CK_MECHANISM_TYPE,
    pub rsa_pkcs1: CK_MECHANISM_TYPE,
    pub rsa_pss: CK_MECHANISM_TYPE,
    pub mask_generation: CK_ULONG,
}

macro_rules! hashes {
    ($($number:literal $length:literal $hash:ident $hmac:ident $pkcs1:ident $pss:ident $mgf:ident;)*) => {
        pub(super) static HASHES: &[HashRow] = &[$(HashRow {
            hashing_algorithm: $number,
            length: $length,
            hash: $hash,
            hmac: $hmac,
            rsa_pkcs1: $pkcs1,
            rsa_pss: $pss,
            mask_generation: $mgf as CK_ULONG,
        }),*];
    };
}

hashes! {
    4 20 CKM_SHA_1 CKM_SHA_1_HMAC CKM_SHA1_RSA_PKCS CKM_SHA1_RSA_PKCS_PSS CKG_MGF1_SHA1;
    5 28 CKM_SHA224 CKM_SHA224_HMAC CKM_SHA224_RSA_PKCS CKM_SHA224_RSA_PKCS_PSS CKG_MGF1_SHA224;
    6 32 CKM_SHA256 CKM_SHA256_HMAC CKM_SHA256_RSA_PKCS CKM_SHA256_RSA_PKCS_PSS CKG_MGF1_SHA256;
    7 48 CKM_SHA384 CKM_SHA384_HMAC CKM_SHA384_RSA_PKCS CKM_SHA384_RSA_PKCS_PSS CKG_MGF1_SHA384;
    8 64 CKM_SHA512 CKM_SHA512_HMAC CKM_SHA512_RSA_PKCS CKM_SHA512_RSA_PKCS_PSS CKG_MGF1_SHA512;
}

pub(super) fn hash(hashing_algorithm: u32) -> Result<&'static HashRow, HsmError> {
    HASHES
        .iter()
        .find(|row| row.hashing_algorithm == hashing_algorithm)
        .ok_or_else(|| HsmError::Refused(format!("hashing algorithm {hashing_algorithm:#x}")))
}

/// What a client asks of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Over a digest that the caller made; r ‖ s, each of the curve's length.
    EcdsaDigest,
    /// RSASSA-PKCS1-v1_5 with a Hashing Algorithm, over the message.
    RsaPkcs1 { hash: u32 },
    /// RSASSA-PSS, mask generation with the same hash; salt in bytes.
    RsaPss { hash: u32, salt_length: u32 },
}

/// How arbitrary bytes are wrapped with a managed AES key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrapMethod {
    /// NIST Key Wrap, RFC 3394: multiples of 8 bytes, from 16 on.
    NistKeyWrap,
    /// AES Key Wrap with Padding, RFC 5649: any length from 1 on.
    NistKeyWrapPadded,
}
