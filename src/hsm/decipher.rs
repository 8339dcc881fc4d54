//! RSA decryption, and what a token must be seen to do before it is trusted with it.

use std::sync::OnceLock;

use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use token::raw::{CK_MECHANISM_TYPE, CK_ULONG, CKA_MODULUS, CKM_RSA_PKCS};
use token::{Handle, Mechanism};
use zeroize::Zeroizing;

use super::cipher::NOT_HELD;
use super::line::Seat;
use super::mechanism::{Encipherment, hash, token_hash};
use super::passage::import_private;
use super::pool::Cost;
use super::tenant::decrypting;
use super::use_key::{KeyKind, Role, UseKey};
use super::{Hsm, HsmError};
use crate::library::LibraryError;
use crate::library::public_key::{self, Oaep};
use crate::mechanism::hash::HashRow;

/// Found out once for a connection, when it is first of use; and in the job that relies on it, for
/// the next one may be another token's.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// PKCS#1 v1.5 with a wrong padding gives made-up data.
    implicit_rejection: OnceLock<bool>,
    /// OAEP takes its label into account.
    labels: OnceLock<bool>,
}

/// Bits of the key that a label is tried with.
const TRIED: u32 = 2048;

impl Hsm {
    /// RSA decryption with a private key.
    ///
    /// # Errors
    /// [`HsmError::Integrity`] when the padding does not hold: of OAEP, or a ciphertext of the
    /// wrong length. [`HsmError::Refused`] where the token would tell by its answer whether a
    /// PKCS#1 v1.5 padding holds (Bleichenbacher's oracle), or does not look at labels of OAEP.
    pub async fn decipher(
        &self,
        key: &UseKey<'_>,
        how: Encipherment<'_>,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let (oaep, label) = match how {
            Encipherment::Pkcs1 => (None, &[][..]),
            Encipherment::Oaep {
                hash: digest,
                mask,
                label,
            } => (Some((hash(digest.0)?, hash(mask.0)?)), label),
        };
        let numbers = oaep
            .map(|(digest, mask)| Ok::<_, HsmError>((token_hash(digest)?.0, token_hash(mask)?.1)))
            .transpose()?;
        self.with_key(
            key,
            Role::Decipher,
            Cost::Long,
            [label, data],
            move |seat, key, [label, data]| {
                match oaep {
                    None if !rejects_implicitly(seat, key)? => {
                        return Err(HsmError::Refused(
                            "PKCS#1 v1.5 decryption with implicit rejection".into(),
                        ));
                    }
                    Some((hash, mask))
                        if !label.is_empty() && !looks_at_labels(seat, hash, mask)? =>
                    {
                        return Err(HsmError::Refused("labels (P Source) of OAEP".into()));
                    }
                    _ => {}
                }
                // RFC 8017 §7.1.2 and §7.2.2. Tokens take a shorter one that stands for the same number.
                if data.len() != modulus(seat, key)? {
                    return Err(HsmError::Integrity(
                        "the ciphertext is not as long as the modulus",
                    ));
                }
                clear(seat, key, rsa(numbers, label), data)
            },
        )
        .await
    }
}

/// Bytes of a key's modulus.
fn modulus(seat: &Seat<'_>, key: Handle) -> Result<usize, HsmError> {
    let modulus = seat.session.attribute(key, CKA_MODULUS)?;
    Ok(modulus.iter().skip_while(|byte| **byte == 0).count())
}

/// Whether ciphertexts of nothing are decrypted to something, the same one always to the same.
/// It is the token's property, not the key's; the first key that comes shows it.
fn rejects_implicitly(seat: &Seat<'_>, key: Handle) -> Result<bool, HsmError> {
    let known = &seat.line.deciphering.implicit_rejection;
    if let Some(known) = known.get() {
        return Ok(*known);
    }
    let length = modulus(seat, key)?;
    let mut garbage = [const { Vec::new() }; 3];
    for one in &mut garbage {
        *one = vec![0; length];
        // Below the modulus, for the first byte stays zero.
        seat.session.random(one.get_mut(1..).unwrap_or_default())?;
    }
    let [one, two, three] = &garbage;
    let mut made = Vec::new();
    let mut rejects = true;
    for ciphertext in [one, one, two, three] {
        match clear(seat, key, rsa(None, &[]), ciphertext) {
            Ok(clear) => made.push(clear),
            Err(HsmError::Integrity(_)) => {
                rejects = false;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let repeats = made.first() == made.get(1);
    let shown = rejects && repeats && made.iter().any(|other| Some(other) != made.first());
    if !shown {
        tracing::warn!(
            "the token tells which PKCS#1 v1.5 paddings hold: it is not asked to decrypt them"
        );
    }
    Ok(*known.get_or_init(|| shown))
}

/// Whether a ciphertext under one label does not decrypt under another: some tokens take a
/// label and do nothing with it. Tried with a key of this moment, which the library makes.
fn looks_at_labels(
    seat: &Seat<'_>,
    hash: &'static HashRow,
    mask: &'static HashRow,
) -> Result<bool, HsmError> {
    const LABEL: &[u8] = b"label";
    let known = &seat.line.deciphering.labels;
    if let Some(known) = known.get() {
        return Ok(*known);
    }
    let oaep = (token_hash(hash)?.0, token_hash(mask)?.1);
    let (pkcs8, sealed) = labelled(Oaep {
        hash,
        mask,
        label: LABEL,
    })
    .map_err(|error| HsmError::Unavailable(format!("no key to try: {error}")))?;
    let template = KeyKind::RsaPrivate.template(Role::Decipher, seat.line.probe.wraps_bytes);
    let key = import_private(seat, seat.session, &pkcs8, &template)?;
    let key = seat.temporary(key);
    let opens = |label| match clear(seat, key.handle, rsa(Some(oaep), label), &sealed) {
        Ok(_) => Ok(true),
        Err(HsmError::Integrity(_)) => Ok(false),
        Err(error) => Err(error),
    };
    let shown = opens(LABEL)? && !opens(b"other")?;
    if !shown {
        tracing::warn!(
            "the token does nothing with labels of OAEP: it is not asked to decrypt with them"
        );
    }
    Ok(*known.get_or_init(|| shown))
}

fn rsa<'a>(oaep: Option<(CK_MECHANISM_TYPE, CK_ULONG)>, label: &'a [u8]) -> Mechanism<'a> {
    match oaep {
        None => Mechanism::Plain(CKM_RSA_PKCS),
        Some((hash, mask_generation)) => Mechanism::Oaep {
            hash,
            mask_generation,
            label,
        },
    }
}

fn clear(
    seat: &Seat<'_>,
    key: Handle,
    mechanism: Mechanism<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HsmError> {
    seat.session
        .decrypt(mechanism, key, sealed)
        .map_err(|error| decrypting(error, NOT_HELD))
}

/// A new private key, PKCS#8, and something encrypted for it.
fn labelled(oaep: Oaep<'_>) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), LibraryError> {
    let private = PKey::from_rsa(Rsa::generate(TRIED)?)?;
    let public = public_key::public(&private.public_key_to_der()?)?;
    let row = crate::mechanism::named("rsa-oaep").ok_or(LibraryError::Refused("rsa-oaep"))?;
    let sealed = public_key::encrypt(row, &public, Some(oaep), b"clear")?;
    Ok((Zeroizing::new(private.private_key_to_pkcs8()?), sealed))
}
