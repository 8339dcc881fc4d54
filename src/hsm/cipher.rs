//! What managed keys do: encrypt, authenticate, sign, wrap.

use token::Mechanism;
use token::raw::{CKM_AES_KEY_WRAP, CKM_ECDSA, CKM_RSA_PKCS, CKM_RSA_PKCS_PSS};
use zeroize::Zeroizing;

use super::mechanism::{CipherParameters, Signature, WrapMethod, hash, hmac, number, token_hash};
use super::passage::{unwrap_clear, wrap_clear};
use super::pool::Cost;
use super::tenant::decrypting;
use super::use_key::{Role, UseKey};
use super::{Hsm, HsmError};
use crate::mechanism::{Row, Shape};
use crate::protocol::enumeration::CryptographicAlgorithm;

/// Room for a signature, in bytes: RSA with 16384 bits; SLH-DSA's longer ones get theirs on asking.
const SIGNATURE: usize = 2048;

pub(super) const NOT_HELD: HsmError =
    HsmError::Integrity("the ciphertext, its tag or padding do not hold");

fn wrap_method(row: &Row) -> WrapMethod {
    match row.shape {
        Shape::KeyWrap => WrapMethod::NistKeyWrap,
        _ => WrapMethod::NistKeyWrapPadded,
    }
}

/// What Encrypt answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    pub data: Vec<u8>,
    /// Authenticated modes; else empty.
    pub tag: Vec<u8>,
}

impl Hsm {
    /// Whether this token lists the mechanism of a row.
    pub fn has(&self, row: &Row) -> bool {
        match row.shape {
            // Proven at start; its number differs between tokens.
            Shape::KeyWrap | Shape::KeyWrapPadded => true,
            _ => row
                .token
                .is_some_and(|number| self.mechanisms.contains(&number)),
        }
    }

    /// `iv` is the caller's (see [`Hsm::random`]); it must never be used twice with GCM, CCM, CTR.
    pub async fn encrypt(
        &self,
        key: &UseKey<'_>,
        parameters: CipherParameters,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Ciphertext, HsmError> {
        let (row, padding) = parameters.row()?;
        let tag = parameters.tag(row)?;
        let iv = &*row.shape.vector(iv);
        let padded = row
            .shape
            .pads()
            .filter(|_| !padding.is_none())
            .map(|block| {
                let mut padded = Zeroizing::new(Vec::with_capacity(data.len() + block));
                padded.extend_from_slice(data);
                padding.lay(&mut padded, block);
                padded
            });
        let data = padded.as_ref().map_or(data, |padded| padded.as_slice());
        if matches!(row.shape, Shape::KeyWrap | Shape::KeyWrapPadded) {
            let data = self.wrap_bytes(key, wrap_method(row), data).await?;
            return Ok(Ciphertext {
                data,
                tag: Vec::new(),
            });
        }
        self.with_key(
            key,
            Role::Cipher,
            Cost::Short,
            [iv, aad, data],
            move |seat, key, [iv, aad, data]| {
                let wrap = seat.line.probe.key_wrap_padded;
                let mechanism = parameters.mechanism(row, iv, aad, data.len(), wrap)?;
                let room = row.shape.pads().unwrap_or(0) + tag;
                let mut out = seat.session.encrypt(mechanism, key, data, room)?;
                let mut data = std::mem::take(&mut *out);
                let tag = data.split_off(data.len().saturating_sub(tag));
                Ok(Ciphertext { data, tag })
            },
        )
        .await
    }

    /// # Errors
    /// [`HsmError::Integrity`] when tag or padding do not hold.
    pub async fn decrypt(
        &self,
        key: &UseKey<'_>,
        parameters: CipherParameters,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
        tag: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let (row, padding) = parameters.row()?;
        if tag.len() != parameters.tag(row)? {
            return Err(HsmError::BadInput(format!(
                "{} with a tag of {} bytes",
                row.name,
                tag.len()
            )));
        }
        if matches!(row.shape, Shape::KeyWrap | Shape::KeyWrapPadded) {
            return self.unwrap_bytes(key, wrap_method(row), data).await;
        }
        let iv = &*row.shape.vector(iv);
        // PKCS#11 takes the tag behind the data.
        let joined = (!tag.is_empty()).then(|| [data, tag].concat());
        let data = joined.as_deref().unwrap_or(data);
        let tag = tag.len();
        let clear = self
            .with_key(
                key,
                Role::Cipher,
                Cost::Short,
                [iv, aad, data],
                move |seat, key, [iv, aad, data]| {
                    let length = data.len().saturating_sub(tag);
                    let wrap = seat.line.probe.key_wrap_padded;
                    let mechanism = parameters.mechanism(row, iv, aad, length, wrap)?;
                    seat.session
                        .decrypt(mechanism, key, data)
                        .map_err(|error| decrypting(error, NOT_HELD))
                },
            )
            .await?;
        match row.shape.pads() {
            Some(block) => padding.take(clear, block).map_err(|_| NOT_HELD),
            None => Ok(clear),
        }
    }

    /// HMAC with a Hashing Algorithm (KMIP 2.1 §11.24), full length.
    pub async fn hmac(
        &self,
        key: &UseKey<'_>,
        hashing_algorithm: u32,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let (number, length) = hmac(hashing_algorithm)?;
        self.with_key(
            key,
            Role::Mac,
            Cost::Short,
            [data],
            move |seat, key, [data]| {
                Ok(seat
                    .session
                    .sign(Mechanism::Plain(number), key, data, length)?)
            },
        )
        .await
    }

    /// Any MAC of the table, full length. `iv` is GMAC's nonce.
    pub async fn mac(
        &self,
        key: &UseKey<'_>,
        row: &'static Row,
        iv: &[u8],
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let number = number(row)?;
        // A block cipher's key for CMAC and GMAC; HMAC takes any.
        let role = match row.shape {
            Shape::Hmac { .. } => Role::Mac,
            _ => Role::BlockMac,
        };
        let with_iv = row.shape.iv() > 0;
        self.with_key(
            key,
            role,
            Cost::Short,
            [iv, data],
            move |seat, key, [iv, data]| {
                let mechanism = match with_iv {
                    true => Mechanism::Iv(number, iv),
                    false => Mechanism::Plain(number),
                };
                Ok(seat.session.sign(mechanism, key, data, 64)?)
            },
        )
        .await
    }

    /// A signature with a private key; what is signed, `scheme` says.
    pub async fn sign(
        &self,
        key: &UseKey<'_>,
        scheme: Signature,
        data: &[u8],
    ) -> Result<Vec<u8>, HsmError> {
        // Parsed first: a wrong number must not reach the token.
        let (mechanism, cost) = match scheme {
            Signature::EcdsaDigest => (Mechanism::Plain(CKM_ECDSA), Cost::Short),
            Signature::RsaPkcs1Info => (Mechanism::Plain(CKM_RSA_PKCS), Cost::Long),
            Signature::RsaPssDigest {
                hash: digest,
                mask,
                salt_length,
            } => (
                Mechanism::Pss {
                    mechanism: CKM_RSA_PKCS_PSS,
                    hash: token_hash(hash(digest.0)?)?.0,
                    mask_generation: token_hash(hash(mask.0)?)?.1,
                    salt_length,
                },
                Cost::Long,
            ),
            // PKCS#11 v3.1 §6.3.15: without parameters CKM_EDDSA is Ed25519; Ed448 has them.
            Signature::Message { row } if row.algorithm == CryptographicAlgorithm::ED448 => {
                (Mechanism::EdDsaWithParameters, Cost::Short)
            }
            Signature::Message { row } => (Mechanism::Plain(number(row)?), Cost::Long),
        };
        self.with_key(key, Role::Sign, cost, [data], move |seat, key, [data]| {
            let mut out = seat.session.sign(mechanism, key, data, SIGNATURE)?;
            Ok(std::mem::take(&mut *out))
        })
        .await
    }

    /// Wraps bytes (a key value, or TTLV of one) with a managed AES key.
    pub async fn wrap_bytes(
        &self,
        key: &UseKey<'_>,
        method: WrapMethod,
        clear: &[u8],
    ) -> Result<Vec<u8>, HsmError> {
        if clear.is_empty()
            || (method == WrapMethod::NistKeyWrap
                && (clear.len() < 16 || !clear.len().is_multiple_of(8)))
        {
            return Err(HsmError::BadInput(format!(
                "{method:?} of {} bytes",
                clear.len()
            )));
        }
        self.with_key(
            key,
            Role::Wrap,
            Cost::Short,
            [clear],
            move |seat, key, [clear]| {
                if !clear.len().is_multiple_of(8) && !seat.line.probe.exact_lengths {
                    return Err(uneven());
                }
                wrap_clear(
                    seat,
                    method.mechanism(seat.line.probe.key_wrap_padded),
                    key,
                    clear,
                )
            },
        )
        .await
    }

    /// # Errors
    /// [`HsmError::Integrity`] when another key, or nothing, wrapped it.
    pub async fn unwrap_bytes(
        &self,
        key: &UseKey<'_>,
        method: WrapMethod,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        if wrapped.len() < 16 || !wrapped.len().is_multiple_of(8) {
            return Err(HsmError::Integrity(
                "wrapped bytes come in multiples of 8, from 16 on",
            ));
        }
        self.with_key(
            key,
            Role::Wrap,
            Cost::Short,
            [wrapped],
            move |seat, key, [wrapped]| {
                let mechanism = method.mechanism(seat.line.probe.key_wrap_padded);
                let clear = unwrap_clear(seat, mechanism, key, wrapped)?;
                let whole = method == WrapMethod::NistKeyWrap || seat.line.probe.exact_lengths;
                // Key wrap is deterministic: if it gives the same bytes, no length was lost.
                if whole || wrap_clear(seat, mechanism, key, &clear)? == wrapped {
                    return Ok(clear);
                }
                Err(uneven())
            },
        )
        .await
    }
}

impl WrapMethod {
    pub(super) fn mechanism(self, padded: u64) -> Mechanism<'static> {
        Mechanism::Plain(match self {
            WrapMethod::NistKeyWrap => CKM_AES_KEY_WRAP,
            WrapMethod::NistKeyWrapPadded => padded,
        })
    }
}

/// Encoded as TTLV (KMIP 2.1 §11.18, TTLV Encoding) a key value is always a multiple of 8 bytes.
fn uneven() -> HsmError {
    HsmError::Refused(
        "padded key wrap of what is no multiple of 8 bytes; wrap it TTLV-encoded".into(),
    )
}
