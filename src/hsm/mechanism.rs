//! Rows of the mechanism table as the token wants them: PKCS#11 parameters around what is asked.

use token::Mechanism;
use token::raw::{CK_MECHANISM_TYPE, CK_ULONG, CKM_AES_KEY_WRAP};

use super::HsmError;
use crate::mechanism::hash::{self, HashRow};
use crate::mechanism::padding::{self, Padding};
use crate::mechanism::{self, Row, Service, Shape};
use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod,
};

/// Cryptographic Algorithm values whose keys enter the token as block cipher keys.
pub const TRIPLE_DES: u32 = CryptographicAlgorithm::DES3.0;
pub const AES: u32 = CryptographicAlgorithm::AES.0;

/// What a client asks of a cipher, in the standard's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherParameters {
    /// Cryptographic Algorithm.
    pub algorithm: u32,
    /// Block Cipher Mode; 0: the algorithm has none.
    pub mode: u32,
    /// Padding Method; 0 (absent) is None.
    pub padding: u32,
    /// Of authenticated modes, in bytes: 4 to 16.
    pub tag_length: u32,
    /// Of the counter mode, in bits; 0 (absent) is 32.
    pub counter_bits: u32,
}

impl CipherParameters {
    /// The row, and the padding that is laid around it.
    ///
    /// # Errors
    /// [`HsmError::Refused`] where there is no such mechanism.
    pub fn row(&self) -> Result<(&'static Row, Padding), HsmError> {
        let mode = (self.mode != 0).then_some(BlockCipherMode(self.mode));
        let algorithm = CryptographicAlgorithm(self.algorithm);
        let found = mechanism::find(Service::Cipher, algorithm, mode, None);
        let padding = padding::find(PaddingMethod(self.padding.max(1)));
        match (found, padding) {
            (Some(row), Some(padding)) if padding.is_none() || row.shape.pads().is_some() => {
                Ok((row, padding))
            }
            _ => Err(HsmError::Refused(format!(
                "{algorithm} in block cipher mode {:#x} with padding {:#x}",
                self.mode, self.padding
            ))),
        }
    }

    /// Length of the tag that this mode appends, in bytes.
    pub(super) fn tag(&self, row: &Row) -> Result<usize, HsmError> {
        let length = self.tag_length as usize;
        match row.shape.is_authenticated() {
            false => Ok(0),
            // PKCS#11 v3.0 §2.51.4: the tag has 16 bytes.
            true if row.shape == Shape::ChaCha20Poly1305 && length != 16 => Err(HsmError::Refused(
                format!("{} with a tag of {length} bytes", row.name),
            )),
            true if row.shape.takes_tag(length) => Ok(length),
            true => Err(HsmError::BadInput(format!(
                "{} has no tag of {length} bytes",
                row.name
            ))),
        }
    }

    /// `padded_wrap`: the number under which this token has RFC 5649.
    pub(super) fn mechanism<'a>(
        &self,
        row: &Row,
        iv: &'a [u8],
        aad: &'a [u8],
        data_length: usize,
        padded_wrap: u64,
    ) -> Result<Mechanism<'a>, HsmError> {
        let number = number(row)?;
        let bad = |what: &str| HsmError::BadInput(format!("{} takes {what}", row.name));
        if !aad.is_empty() && !row.shape.is_authenticated() {
            return Err(bad("no additional authenticated data"));
        }
        if !row.shape.takes_iv(iv.len()) {
            return Err(bad("another length of initialisation vector or nonce"));
        }
        Ok(match row.shape {
            Shape::Codebook { .. } => Mechanism::Plain(number),
            Shape::KeyWrap => Mechanism::Plain(CKM_AES_KEY_WRAP),
            Shape::KeyWrapPadded => Mechanism::Plain(padded_wrap),
            Shape::Counter => {
                let bits = match self.counter_bits {
                    0 => 32,
                    bits => bits,
                };
                if !mechanism::counter_suffices(iv, bits, data_length) {
                    return Err(bad("less data with a counter as short as this"));
                }
                // Tokens count differently where a shorter counter ends (kryoptic 1.5 stops one block
                // early): that it does not come round is seen to here.
                Mechanism::Ctr {
                    block: iv
                        .try_into()
                        .map_err(|_| bad("a counter block of 16 bytes"))?,
                    bits: 128,
                }
            }
            Shape::Gcm => Mechanism::Gcm {
                iv,
                aad,
                tag_bits: 8 * self.tag_length,
            },
            Shape::Ccm => Mechanism::Ccm {
                nonce: iv,
                aad,
                tag_length: self.tag_length,
                data_length,
            },
            Shape::ChaCha20 => chacha20(iv)?,
            Shape::ChaCha20Poly1305 => Mechanism::ChaCha20Poly1305 { nonce: iv, aad },
            _ => Mechanism::Iv(number, iv),
        })
    }
}

/// The whole 16 bytes as [`Shape::vector`] gives them: a block number, then the nonce.
fn chacha20(vector: &[u8]) -> Result<Mechanism<'_>, HsmError> {
    match vector.split_first_chunk::<4>() {
        Some((counter, nonce)) if nonce.len() == 12 => Ok(Mechanism::ChaCha20 {
            counter: u32::from_le_bytes(*counter),
            nonce,
        }),
        _ => Err(HsmError::BadInput(
            "ChaCha20 takes a nonce of 8 or 12 bytes".into(),
        )),
    }
}

pub(super) fn number(row: &Row) -> Result<CK_MECHANISM_TYPE, HsmError> {
    row.token
        .ok_or_else(|| HsmError::Refused(row.name.to_owned()))
}

pub(super) fn hash(hashing_algorithm: u32) -> Result<&'static HashRow, HsmError> {
    hash::find(HashingAlgorithm(hashing_algorithm))
        .ok_or_else(|| HsmError::Refused(format!("hashing algorithm {hashing_algorithm:#x}")))
}

/// What the token calls a hash and its mask generation function.
pub(super) fn token_hash(row: &HashRow) -> Result<(CK_MECHANISM_TYPE, CK_ULONG), HsmError> {
    row.token
        .ok_or_else(|| HsmError::Refused(row.name.to_owned()))
}

/// The HMAC of a hash.
pub(super) fn hmac(hashing_algorithm: u32) -> Result<(CK_MECHANISM_TYPE, usize), HsmError> {
    let hash = hash(hashing_algorithm)?;
    let row = mechanism::hmac(hash.algorithm)
        .ok_or_else(|| HsmError::Refused(format!("HMAC with {}", hash.name)))?;
    Ok((number(row)?, hash.length))
}

/// What a client asks of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Over a digest that the caller made; r ‖ s, each of the curve's length.
    EcdsaDigest,
    /// RSASSA-PKCS1-v1_5 over the DigestInfo that the caller made (RFC 8017 §9.2).
    RsaPkcs1Info,
    /// RSASSA-PSS over a digest that the caller made; salt in bytes.
    RsaPssDigest {
        hash: HashingAlgorithm,
        mask: HashingAlgorithm,
        salt_length: u32,
    },
    /// The whole message, by the row's mechanism: EdDSA, ML-DSA, SLH-DSA.
    Message { row: &'static Row },
}

/// How data is put under an RSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encipherment<'a> {
    /// RSAES-PKCS1-v1_5.
    Pkcs1,
    /// RSAES-OAEP.
    Oaep {
        hash: HashingAlgorithm,
        mask: HashingAlgorithm,
        label: &'a [u8],
    },
}

/// How arbitrary bytes are wrapped with a managed AES key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrapMethod {
    /// NIST Key Wrap, RFC 3394: multiples of 8 bytes, from 16 on.
    NistKeyWrap,
    /// AES Key Wrap with Padding, RFC 5649: any length from 1 on.
    NistKeyWrapPadded,
}
