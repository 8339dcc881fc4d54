//! Every cryptographic mechanism, a row each: what a request asks for (KMIP 2.1 §4.15 Cryptographic
//! Parameters), what the token calls it (PKCS#11), what the library calls it, which keys it takes,
//! since which version of the standard, and its name in policies, audit records and documentation.
//! Hash functions, the second factor of many of them, have rows of their own in [`hash`].
//!
//! A new mechanism is a row of [`table`]. Nothing else in the program lists mechanisms.

pub mod hash;
pub mod padding;
mod table;

use std::borrow::Cow;

use token::raw::CK_MECHANISM_TYPE;

pub use table::MECHANISMS;

use crate::engine::access::Permission;
use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod,
};
use crate::protocol::version::Version;

/// What a mechanism is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Encrypt and Decrypt with a symmetric key.
    Cipher,
    /// Encrypt with a public, Decrypt with a private key.
    Encipherment,
    Mac,
    /// Sign with a private, Signature Verify with a public key.
    Signature,
}

/// How data and parameters reach the mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Whole blocks, no initialisation vector.
    Codebook {
        block: usize,
    },
    /// Whole blocks, each chained to the ciphertext before it.
    Chained {
        block: usize,
    },
    /// A stream made from the ciphertext before (CFB with segments of one block).
    CipherFeedback {
        block: usize,
    },
    /// A stream made from itself.
    OutputFeedback {
        block: usize,
    },
    /// A stream made from a counter block of 16 bytes.
    Counter,
    /// Authenticated; vector of 12 bytes recommended, any length allowed.
    Gcm,
    /// Authenticated, nonce of 7 to 13 bytes.
    Ccm,
    /// One data unit, its number as vector of 16 bytes; two keys in one.
    Xts,
    /// RFC 3394: multiples of 8 bytes, from 16 on.
    KeyWrap,
    /// RFC 5649: any length.
    KeyWrapPadded,
    /// ChaCha20: nonce of 8 or 12 bytes, or the whole 16 bytes with the counter before it.
    ChaCha20,
    /// RFC 8439: nonce of 12 bytes, tag of 16.
    ChaCha20Poly1305,
    /// RSAES-PKCS1-v1_5.
    RsaPkcs1,
    /// RSAES-OAEP.
    RsaOaep,
    Hmac {
        hash: HashingAlgorithm,
    },
    /// NIST SP 800-38B.
    Cmac,
    /// NIST SP 800-38D: GCM without plaintext; needs a nonce that is never used twice.
    Gmac,
    /// RFC 8439: a key for one message only.
    Poly1305,
    /// RSASSA-PKCS1-v1_5 over a digest.
    RsaPkcs1Signature,
    /// RSASSA-PSS over a digest.
    RsaPss,
    /// ECDSA or DSA over a digest; the signature is the DER of r and s (RFC 3279 §2.2.2).
    DigestSignature,
    /// The whole message is signed: EdDSA (RFC 8032), ML-DSA (FIPS 204), SLH-DSA (FIPS 205).
    MessageSignature,
}

/// A mechanism.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// In policies, audit records and documentation.
    pub name: &'static str,
    pub service: Service,
    pub algorithm: CryptographicAlgorithm,
    pub mode: Option<BlockCipherMode>,
    /// Of asymmetric mechanisms; block ciphers take every row of [`padding`].
    pub padding: Option<PaddingMethod>,
    pub shape: Shape,
    /// Lengths of its keys in bytes; empty: any, or told by the key's own structure.
    pub keys: &'static [usize],
    pub token: Option<CK_MECHANISM_TYPE>,
    /// The name of that number in PKCS#11; `none`.
    pub token_name: &'static str,
    /// What OpenSSL calls it; `*` stands for the key's bits.
    pub library: Option<&'static str>,
    /// Since which version its algorithm or mode has a number.
    pub since: Version,
    /// A permission of its own, beyond the operation's.
    pub needs: Option<Permission>,
}

impl Shape {
    /// Authenticated encryption.
    pub fn is_authenticated(self) -> bool {
        matches!(self, Shape::Gcm | Shape::Ccm | Shape::ChaCha20Poly1305)
    }

    /// Block length in bytes where data is taken in whole blocks, so that it can be padded.
    pub fn pads(self) -> Option<usize> {
        match self {
            Shape::Codebook { block } | Shape::Chained { block } => Some(block),
            _ => None,
        }
    }

    /// Whether key wrap takes data of this many bytes (RFC 3394 §2, RFC 5649 §3); other mechanisms
    /// answer for themselves.
    pub fn wraps(self, length: usize) -> bool {
        match self {
            Shape::KeyWrap => length >= 16 && length.is_multiple_of(8),
            Shape::KeyWrapPadded => length >= 1,
            _ => true,
        }
    }

    /// Whether wrapped data may be of this many bytes.
    pub fn unwraps(self, length: usize) -> bool {
        match self {
            Shape::KeyWrap => length >= 24 && length.is_multiple_of(8),
            Shape::KeyWrapPadded => length >= 16 && length.is_multiple_of(8),
            _ => true,
        }
    }

    /// Bytes of the initialisation vector, counter block or nonce that the server makes; 0: none.
    pub fn iv(self) -> usize {
        match self {
            Shape::Chained { block }
            | Shape::CipherFeedback { block }
            | Shape::OutputFeedback { block } => block,
            Shape::Counter | Shape::Xts => 16,
            Shape::Gcm | Shape::Ccm | Shape::ChaCha20 | Shape::ChaCha20Poly1305 | Shape::Gmac => 12,
            _ => 0,
        }
    }

    /// Whether a vector of this length is one.
    pub fn takes_iv(self, length: usize) -> bool {
        match self {
            Shape::Gcm | Shape::Gmac => (1..=128).contains(&length),
            Shape::Ccm => (7..=13).contains(&length),
            Shape::ChaCha20 => matches!(length, 8 | 12 | 16),
            other => other.iv() == length,
        }
    }

    /// The vector as token and library take it. ChaCha20's nonce of 8 bytes follows a block number
    /// of 64 bits, that of 12 bytes (RFC 8439 §2.3) one of 32, little-endian; both begin at zero.
    pub fn vector(self, iv: &[u8]) -> Cow<'_, [u8]> {
        match (self, iv.len()) {
            (Shape::ChaCha20, 8 | 12) => {
                let mut whole = vec![0; 16 - iv.len()];
                whole.extend_from_slice(iv);
                Cow::Owned(whole)
            }
            _ => Cow::Borrowed(iv),
        }
    }

    /// Whether a tag of this many bytes is one (SP 800-38D §5.2.1.2, SP 800-38C, RFC 8439).
    pub fn takes_tag(self, length: usize) -> bool {
        match self {
            Shape::Gcm => matches!(length, 4 | 8 | 12..=16),
            Shape::Ccm => matches!(length, 4 | 6 | 8 | 10 | 12 | 14 | 16),
            // RFC 8439 has 16 only; shortened ones are asked for (CS-BC-M-CHACHA20POLY1305-1).
            Shape::ChaCha20Poly1305 => matches!(length, 12..=16),
            _ => length == 0,
        }
    }
}

impl Row {
    /// OpenSSL's name for a key of this many bytes.
    pub fn library_name(&self, key: usize) -> Option<String> {
        // XTS names the strength; its keys are two.
        let bits = match self.shape {
            Shape::Xts => key * 4,
            _ => key * 8,
        };
        self.library
            .map(|name| name.replacen('*', &bits.to_string(), 1))
    }

    /// Whether a key of this many bytes fits.
    pub fn takes_key(&self, length: usize) -> bool {
        self.keys.is_empty() || self.keys.contains(&length)
    }
}

/// Whether a counter, the last `bits` of a block of 16 bytes, counts as many blocks as `length` bytes
/// take without coming round to its own stream again. One of the whole block may: it has 2^128 of them.
pub fn counter_suffices(block: &[u8], bits: u32, length: usize) -> bool {
    let first = block
        .first_chunk::<16>()
        .map_or(0, |block| u128::from_be_bytes(*block));
    1_u128
        .checked_shl(bits)
        .is_none_or(|limit| (first % limit) + length.div_ceil(16) as u128 <= limit)
}

/// The algorithm under which a mechanism stands: keys of EC, ECDSA and ECDH are of one kind.
fn family(algorithm: CryptographicAlgorithm) -> CryptographicAlgorithm {
    match algorithm {
        CryptographicAlgorithm::EC | CryptographicAlgorithm::ECDH => CryptographicAlgorithm::ECDSA,
        other => other,
    }
}

/// The row for what is asked; None where there is none.
pub fn find(
    service: Service,
    algorithm: CryptographicAlgorithm,
    mode: Option<BlockCipherMode>,
    padding: Option<PaddingMethod>,
) -> Option<&'static Row> {
    let algorithm = family(algorithm);
    MECHANISMS.iter().find(|row| {
        row.service == service
            && row.algorithm == algorithm
            && row.mode == mode
            && row.padding == padding
    })
}

/// The HMAC of a hash.
pub fn hmac(hash: HashingAlgorithm) -> Option<&'static Row> {
    MECHANISMS
        .iter()
        .find(|row| row.shape == Shape::Hmac { hash })
}

/// The row of that name.
pub fn named(name: &str) -> Option<&'static Row> {
    MECHANISMS.iter().find(|row| row.name == name)
}

#[cfg(test)]
mod tests;
