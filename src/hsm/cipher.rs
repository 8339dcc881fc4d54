//! What managed keys do: encrypt, authenticate, sign, wrap.

use subtle::ConstantTimeEq;
use token::Mechanism;
use token::raw::{CKM_AES_KEY_WRAP, CKM_ECDSA};
use zeroize::Zeroizing;

use super::mechanism::{CipherParameters, Shape, Signature, WrapMethod, hash};
use super::passage::{unwrap_clear, wrap_clear};
use super::pool::Cost;
use super::tenant::decrypting;
use super::use_key::{Role, UseKey};
use super::{Hsm, HsmError};

/// The longest signature: RSA with 16384 bits, in bytes.
const SIGNATURE: usize = 2048;

/// What Encrypt answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    pub data: Vec<u8>,
    /// Authenticated modes; else empty.
    pub tag: Vec<u8>,
}

impl Hsm {
    /// `iv` is the caller's (see [`Hsm::random`]); it must never be used twice with GCM, CCM, CTR.
    pub async fn encrypt(
        &self,
        key: &UseKey<'_>,
        parameters: CipherParameters,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Ciphertext, HsmError> {
        let row = parameters.row()?;
        let tag = parameters.tag(row)?;
        let padded = (row.shape == Shape::PlainPadded).then(|| pad(data, row.block));
        let data = padded.as_ref().map_or(data, |padded| padded.as_slice());
        self.with_key(
            key,
            Role::Cipher,
            Cost::Short,
            [iv, aad, data],
            move |seat, key, [iv, aad, data]| {
                let mechanism = parameters.mechanism(row, iv, aad, data.len())?;
                let mut out = seat
                    .session
                    .encrypt(mechanism, key, data, row.block + tag)?;
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
        let row = parameters.row()?;
        if tag.len() != parameters.tag(row)? {
            return Err(HsmError::BadInput(format!(
                "{} with a tag of {} bytes",
                row.name,
                tag.len()
            )));
        }
        // PKCS#11 takes the tag behind the data.
        let joined = (!tag.is_empty()).then(|| [data, tag].concat());
        let data = joined.as_deref().unwrap_or(data);
        let tag = tag.len();
        self.with_key(
            key,
            Role::Cipher,
            Cost::Short,
            [iv, aad, data],
            move |seat, key, [iv, aad, data]| {
                let mechanism =
                    parameters.mechanism(row, iv, aad, data.len().saturating_sub(tag))?;
                let clear = seat
                    .session
                    .decrypt(mechanism, key, data)
                    .map_err(|error| {
                        decrypting(
                            error,
                            HsmError::Integrity("the ciphertext, its tag or padding do not hold"),
                        )
                    })?;
                if row.shape == Shape::PlainPadded {
                    unpad(clear, row.block)
                } else {
                    Ok(clear)
                }
            },
        )
        .await
    }

    /// HMAC with a Hashing Algorithm (KMIP 2.1 §11.24), full length.
    pub async fn hmac(
        &self,
        key: &UseKey<'_>,
        hashing_algorithm: u32,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let row = hash(hashing_algorithm)?;
        self.with_key(
            key,
            Role::Mac,
            Cost::Short,
            [data],
            move |seat, key, [data]| {
                Ok(seat
                    .session
                    .sign(Mechanism::Plain(row.hmac), key, data, row.length)?)
            },
        )
        .await
    }

    /// Computes and compares in constant time; a MAC of another length is not valid.
    pub async fn hmac_verify(
        &self,
        key: &UseKey<'_>,
        hashing_algorithm: u32,
        data: &[u8],
        mac: &[u8],
    ) -> Result<bool, HsmError> {
        let expected = self.hmac(key, hashing_algorithm, data).await?;
        Ok(bool::from(expected.as_slice().ct_eq(mac)))
    }

    /// NIST SP 800-108 §4.1 counter mode, HMAC as its function, 32-bit counter from 1:
    /// `K(i) = HMAC(key, i ‖ fixed)`, as many blocks as `length` bytes take.
    pub async fn derive_counter(
        &self,
        key: &UseKey<'_>,
        hashing_algorithm: u32,
        fixed: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let row = hash(hashing_algorithm)?;
        if length > 255 * row.length {
            return Err(HsmError::BadInput(format!(
                "{length} derived bytes: at most {}",
                255 * row.length
            )));
        }
        self.with_key(
            key,
            Role::Mac,
            Cost::Short,
            [fixed],
            move |seat, key, [fixed]| {
                let mut derived =
                    Zeroizing::new(Vec::with_capacity(length.next_multiple_of(row.length)));
                let mut input = Zeroizing::new([&[0; 4], fixed].concat());
                for counter in 1_u32.. {
                    if derived.len() >= length {
                        break;
                    }
                    for (to, from) in input.iter_mut().zip(counter.to_be_bytes()) {
                        *to = from;
                    }
                    let block =
                        seat.session
                            .sign(Mechanism::Plain(row.hmac), key, &input, row.length)?;
                    derived.extend_from_slice(&block);
                }
                derived.truncate(length);
                Ok(derived)
            },
        )
        .await
    }

    pub async fn sign(
        &self,
        key: &UseKey<'_>,
        scheme: Signature,
        data: &[u8],
    ) -> Result<Vec<u8>, HsmError> {
        // Parsed first: a wrong number must not reach the token.
        let rows = match scheme {
            Signature::EcdsaDigest => None,
            Signature::RsaPkcs1 { hash: number } | Signature::RsaPss { hash: number, .. } => {
                Some(hash(number)?)
            }
        };
        let cost = if rows.is_some() {
            Cost::Long
        } else {
            Cost::Short
        };
        self.with_key(key, Role::Sign, cost, [data], move |seat, key, [data]| {
            let mechanism = match (scheme, rows) {
                (Signature::RsaPkcs1 { .. }, Some(row)) => Mechanism::Plain(row.rsa_pkcs1),
                (Signature::RsaPss { salt_length, .. }, Some(row)) => Mechanism::Pss {
                    mechanism: row.rsa_pss,
                    hash: row.hash,
                    mask_generation: row.mask_generation,
                    salt_length,
                },
                _ => Mechanism::Plain(CKM_ECDSA),
            };
            Ok(seat.session.sign(mechanism, key, data, SIGNATURE)?.to_vec())
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

/// RFC 8018 §6.1.1: 1 to `block` bytes, each their number.
fn pad(data: &[u8], block: usize) -> Zeroizing<Vec<u8>> {
    let count = block - data.len() % block;
    let mut padded = Zeroizing::new(Vec::with_capacity(data.len() + count));
    padded.extend_from_slice(data);
    padded.resize(data.len() + count, count as u8);
    padded
}

fn unpad(mut clear: Zeroizing<Vec<u8>>, block: usize) -> Result<Zeroizing<Vec<u8>>, HsmError> {
    const FAILED: HsmError = HsmError::Integrity("the ciphertext, its tag or padding do not hold");
    let count = usize::from(*clear.last().ok_or(FAILED)?);
    let start = clear.len().checked_sub(count).ok_or(FAILED)?;
    let padding = clear.get(start..).ok_or(FAILED)?;
    if count == 0 || count > block || padding.iter().any(|byte| usize::from(*byte) != count) {
        return Err(FAILED);
    }
    clear.truncate(start);
    Ok(clear)
}
