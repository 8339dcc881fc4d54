//! New keys out of managed ones. As much as can be happens in the token: a chain of HMACs, or a
//! derivation whose result is wrapped there and never leaves it.

use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_ULONG, CKA_CLASS, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_PRIVATE, CKA_SENSITIVE, CKA_TOKEN,
    CKA_VALUE, CKA_VALUE_LEN, CKK_GENERIC_SECRET, CKO_SECRET_KEY,
};
use token::{Attribute, Handle, Mechanism};
use zeroize::Zeroizing;

use super::line::Seat;
use super::mechanism::{hash, number, token_hash};
use super::pool::Cost;
use super::use_key::{Role, UseKey};
use super::{Hsm, HsmError, Kdf108, Purpose, TenantKeys};
use crate::mechanism::{Row, Shape, hash as hashes};
use crate::protocol::enumeration::CryptographicAlgorithm;
use crate::store::record::{Blob, BlobKind};

/// HMACs that one job may compute on the caller's own thread: some hundred microseconds.
const INLINE: usize = 128;

/// What a token derives by itself (C_DeriveKey).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKdf {
    /// The shared secret with a point (SEC 1; RFC 7748's bytes); what is longer than asked loses its
    /// first bytes (PKCS#11 v3.0 §2.3.10).
    Ecdh,
    /// RFC 5869 with a salt and an info; the number is a Hashing Algorithm's (KMIP 2.1 §11.21).
    Hkdf { hash: u32 },
    /// SP 800-108 in counter mode over fixed data, with this function and a counter of 32 bits.
    Counter { prf: &'static Row },
}

impl TokenKdf {
    fn mechanism<'a>(self, first: &'a [u8], second: &'a [u8]) -> Result<Mechanism<'a>, HsmError> {
        Ok(match self {
            TokenKdf::Ecdh => Mechanism::Ecdh { point: first },
            TokenKdf::Hkdf { hash: number } => Mechanism::Hkdf {
                hash: token_hash(hash(number)?)?.0,
                salt: first,
                info: second,
            },
            TokenKdf::Counter { prf } => Mechanism::CounterKdf {
                prf: number(prf)?,
                fixed: first,
            },
        })
    }
}

/// Bytes that a pseudorandom function gives: HMAC and CMAC; None for what is none.
pub fn prf_length(row: &Row) -> Option<usize> {
    match (row.shape, row.algorithm) {
        (Shape::Hmac { hash }, _) => hashes::find(hash).map(|hash| hash.length),
        (Shape::Cmac, CryptographicAlgorithm::AES) => Some(16),
        (Shape::Cmac, CryptographicAlgorithm::DES3) => Some(8),
        _ => None,
    }
}

/// A secret of this job that is only there to be wrapped.
fn passing(length: usize) -> Vec<Attribute<'static>> {
    vec![
        (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET as CK_ULONG)),
        (CKA_TOKEN, Flag(false)),
        (CKA_PRIVATE, Flag(true)),
        (CKA_SENSITIVE, Flag(true)),
        (CKA_EXTRACTABLE, Flag(true)),
        (CKA_VALUE_LEN, Number(length as CK_ULONG)),
    ]
}

/// A token that pads what it unwraps keeps even lengths only, and HMAC keys of up to a block.
fn keeps(seat: &Seat<'_>, length: usize) -> Result<(), HsmError> {
    if seat.line.probe.exact_lengths || length.is_multiple_of(8) || length <= 64 {
        return Ok(());
    }
    Err(HsmError::Refused(format!(
        "keys of {length} bytes in the token: it keeps multiples of 8 only"
    )))
}

fn wrap(seat: &Seat<'_>, wrapping_key: Handle, key: Handle) -> Result<Vec<u8>, HsmError> {
    let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
    Ok(seat.session.wrap(wrapping, wrapping_key, key)?)
}

impl Hsm {
    /// SP 800-108 in the token with HMAC or CMAC: every block in one job. `iv` is the feedback mode's.
    ///
    /// # Errors
    /// [`HsmError::BadInput`] when the counter cannot count that far; [`HsmError::Refused`] for a
    /// function that is none, or that the token does not have.
    pub async fn kdf108(
        &self,
        key: &UseKey<'_>,
        prf: &'static Row,
        kdf: Kdf108,
        iv: &[u8],
        fixed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let length = prf_length(prf).ok_or_else(|| HsmError::Refused(prf.name.to_owned()))?;
        let number = number(prf)?;
        let role = match prf.shape {
            Shape::Hmac { .. } => Role::Mac,
            _ => Role::BlockMac,
        };
        if !kdf.is_possible(length) {
            return Err(HsmError::BadInput(format!(
                "{} derived bytes with a counter of {} bytes",
                kdf.length, kdf.counter
            )));
        }
        let cost = match 2 * kdf.blocks(length) > INLINE {
            true => Cost::Long,
            false => Cost::Short,
        };
        self.with_key(
            key,
            role,
            cost,
            [iv, fixed],
            move |seat, key, [iv, fixed]| {
                kdf.run(iv, fixed, |input| {
                    let prf = Mechanism::Plain(number);
                    Ok(seat.session.sign(prf, key, input, length)?)
                })
            },
        )
        .await
    }

    /// Derives in the token and wraps the result there: a key of class *token* that nobody has seen.
    /// `inputs` are the point; salt and info; fixed data.
    ///
    /// # Errors
    /// [`HsmError::Refused`] or [`HsmError::BadKey`] when this token does not derive that way.
    pub async fn derive_wrapped(
        &self,
        base: &UseKey<'_>,
        kdf: TokenKdf,
        inputs: [&[u8]; 2],
        length: usize,
    ) -> Result<Blob, HsmError> {
        let version = base.keys.newest(Purpose::Wrap)?;
        let bytes = self
            .with_wrap_key(
                base,
                Role::Derive,
                (base.keys, version),
                inputs,
                move |seat, base, wrapping_key, [first, second]| {
                    keeps(seat, length)?;
                    let mechanism = kdf.mechanism(first, second)?;
                    if !seat.line.probe.mechanisms.contains(&mechanism.number()) {
                        return Err(HsmError::Refused(format!("{kdf:?}")));
                    }
                    let derived = seat.session.derive(mechanism, base, &passing(length))?;
                    let derived = seat.temporary(derived);
                    wrap(seat, wrapping_key, derived.handle)
                },
            )
            .await?;
        Ok(wrapped(version, length, bytes))
    }

    /// Derived bytes that are to stay in the token from now on, as a key of class *token*.
    pub async fn wrap_derived(&self, keys: &TenantKeys, derived: &[u8]) -> Result<Blob, HsmError> {
        let version = keys.newest(Purpose::Wrap)?;
        let bytes = self
            .with_tenant_key(
                keys,
                Purpose::Wrap,
                version,
                [derived],
                |seat, wrapping_key, [derived]| {
                    keeps(seat, derived.len())?;
                    let mut template: Vec<Attribute<'_>> = passing(derived.len());
                    // C_CreateObject takes the length from the value.
                    template.retain(|(kind, _)| *kind != CKA_VALUE_LEN);
                    template.push((CKA_VALUE, Bytes(derived)));
                    let derived = seat.temporary(seat.session.create(&template)?);
                    wrap(seat, wrapping_key, derived.handle)
                },
            )
            .await?;
        Ok(wrapped(version, derived.len(), bytes))
    }
}

fn wrapped(key_version: u32, length: usize, bytes: Vec<u8>) -> Blob {
    Blob {
        kind: BlobKind::Wrapped,
        key_version,
        length: length as u32,
        bytes,
    }
}
