//! Bytes through the token's wall: wrapped under a managed key, or under a key of one moment.

use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_ULONG, CKA_CLASS, CKA_DECRYPT, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_SENSITIVE,
    CKA_TOKEN, CKA_UNWRAP, CKA_VALUE, CKA_VALUE_LEN, CKA_WRAP, CKK_AES, CKK_GENERIC_SECRET,
    CKM_AES_KEY_GEN, CKO_SECRET_KEY,
};
use token::{Attribute, Handle, Mechanism, Session};
use zeroize::Zeroizing;

use super::HsmError;
use super::line::Seat;
use super::tenant::{decrypting, unwrapping};

/// A PKCS#8 private key enters wrapped under a key of this moment: the token parses it itself.
pub(super) fn import_private(
    seat: &Seat<'_>,
    anchor: &Session,
    pkcs8: &[u8],
    template: &[Attribute<'_>],
) -> Result<Handle, HsmError> {
    let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
    let passage = passage_key(seat)?;
    let passage = seat.temporary(passage);
    let wrapped = wrap_clear(seat, wrapping, passage.handle, pkcs8)?;
    anchor
        .unwrap(wrapping, passage.handle, &wrapped, template)
        .map_err(|error| {
            HsmError::BadKey(format!("the token does not take this private key: {error}"))
        })
}

/// An AES key that lives for one job and carries material through the token's wall.
pub(super) fn passage_key(seat: &Seat<'_>) -> Result<Handle, HsmError> {
    let bytes = seat.line.probe.wraps_bytes;
    Ok(seat.session.generate_key(
        Mechanism::Plain(CKM_AES_KEY_GEN),
        &[
            (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
            (CKA_KEY_TYPE, Number(CKK_AES as CK_ULONG)),
            (CKA_TOKEN, Flag(false)),
            (CKA_SENSITIVE, Flag(true)),
            (CKA_EXTRACTABLE, Flag(false)),
            (CKA_VALUE_LEN, Number(32)),
            (CKA_WRAP, Flag(true)),
            (CKA_UNWRAP, Flag(true)),
            (CKA_ENCRYPT, Flag(bytes)),
            (CKA_DECRYPT, Flag(bytes)),
        ],
    )?)
}

/// Wraps bytes: as encryption where the token has it, else as a secret of the moment.
pub(super) fn wrap_clear(
    seat: &Seat<'_>,
    mechanism: Mechanism<'_>,
    key: Handle,
    clear: &[u8],
) -> Result<Vec<u8>, HsmError> {
    if seat.line.probe.wraps_bytes {
        return Ok(std::mem::take(
            &mut *seat.session.encrypt(mechanism, key, clear, 16)?,
        ));
    }
    let secret = seat
        .session
        .create(&readable_secret(&[(CKA_VALUE, Bytes(clear))]))?;
    let secret = seat.temporary(secret);
    Ok(seat.session.wrap(mechanism, key, secret.handle)?)
}

/// The reverse. Tokens without exact lengths return up to 7 zeros too many.
pub(super) fn unwrap_clear(
    seat: &Seat<'_>,
    mechanism: Mechanism<'_>,
    key: Handle,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HsmError> {
    const FAILED: HsmError = HsmError::Integrity("the wrapped bytes are not what this key wrapped");
    if seat.line.probe.wraps_bytes {
        return seat
            .session
            .decrypt(mechanism, key, wrapped)
            .map_err(|error| decrypting(error, FAILED));
    }
    let secret = seat
        .session
        .unwrap(mechanism, key, wrapped, &readable_secret(&[]))
        .map_err(unwrapping)?;
    let secret = seat.temporary(secret);
    Ok(seat.session.attribute(secret.handle, CKA_VALUE)?)
}

fn readable_secret<'a>(more: &[Attribute<'a>]) -> Vec<Attribute<'a>> {
    let mut template = vec![
        (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET as CK_ULONG)),
        (CKA_TOKEN, Flag(false)),
        (CKA_SENSITIVE, Flag(false)),
        (CKA_EXTRACTABLE, Flag(true)),
    ];
    template.extend_from_slice(more);
    template
}
