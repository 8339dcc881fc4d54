//! Keys of class *token* from one key to another: out under a managed key, in from under one. They
//! are session objects of one job on the way, and in clear nowhere outside of the token.

use token::Value::Flag;
use token::raw::{CKA_EXTRACTABLE, CKA_UNWRAP, CKA_VALUE_LEN, CKA_WRAP};
use token::{Attribute, Mechanism};

use super::line::Seat;
use super::mechanism::WrapMethod;
use super::tenant::unwrapping;
use super::use_key::{KeyKind, Role, UseKey};
use super::{Hsm, HsmError, Purpose, TenantKeys};
use crate::store::record::{Blob, BlobKind};

/// What key wrap adds, in bytes: its integrity check value.
const CHECK: usize = 8;

/// The key on its way: sensitive, extractable for the moment, of no use. Secrets are their bytes,
/// whatever they are for.
pub(super) fn passing(kind: KeyKind, seat: &Seat<'_>) -> Vec<Attribute<'static>> {
    let kind = match kind.is_secret() {
        true => KeyKind::Generic,
        false => kind,
    };
    let template = kind.template(Role::Rewrap, seat.line.probe.wraps_bytes);
    let other = |(name, value)| match name {
        CKA_EXTRACTABLE => (name, Flag(true)),
        CKA_WRAP | CKA_UNWRAP => (name, Flag(false)),
        _ => (name, value),
    };
    template.into_iter().map(other).collect()
}

/// Whether a secret of that many bytes is one of the kind.
fn check_kind(kind: KeyKind, length: usize) -> Result<(), HsmError> {
    let fits = match kind {
        KeyKind::Aes => matches!(length, 16 | 24 | 32),
        KeyKind::TripleDes => matches!(length, 16 | 24),
        KeyKind::ChaCha20 => length == 32,
        _ => length > 0,
    };
    match fits {
        true => Ok(()),
        false => Err(HsmError::BadKey(format!(
            "no key of kind {kind:?} has {length} bytes"
        ))),
    }
}

/// Key wrap without padding takes multiples of 8 bytes from 16 on (RFC 3394).
fn check_method(method: WrapMethod, kind: KeyKind, length: usize) -> Result<(), HsmError> {
    let padded = method == WrapMethod::NistKeyWrapPadded;
    if padded || (kind.is_secret() && length >= 16 && length.is_multiple_of(8)) {
        return Ok(());
    }
    Err(HsmError::BadInput(
        "NIST Key Wrap takes multiples of 8 bytes from 16 on; take AES Key Wrap Padding".into(),
    ))
}

/// Some tokens lay zeros behind what is no multiple of 8 bytes, and would pass them on.
fn check_exact(seat: &Seat<'_>, kind: KeyKind, length: usize) -> Result<(), HsmError> {
    let exact = seat.line.probe.exact_lengths || (kind.is_secret() && length.is_multiple_of(8));
    match exact {
        true => Ok(()),
        false => Err(HsmError::Refused(
            "key wrap with padding of what may be no multiple of 8 bytes".into(),
        )),
    }
}

impl Hsm {
    /// A key of class *token* under a managed AES key: secrets as their bytes, private keys as
    /// PKCS#8 (DER), wrapped by the token.
    ///
    /// # Errors
    /// [`HsmError::Refused`] where the token cannot do it without changing the key,
    /// [`HsmError::BadInput`] where the method does not take a key of that length.
    pub async fn rewrap_out(
        &self,
        keys: &TenantKeys,
        (kind, blob): (KeyKind, &Blob),
        wrapping: &UseKey<'_>,
        method: WrapMethod,
    ) -> Result<Vec<u8>, HsmError> {
        if blob.kind != BlobKind::Wrapped {
            return Err(HsmError::BadKey(
                "the blob is not wrapped by its tenant's key".into(),
            ));
        }
        let length = blob.length as usize;
        check_method(method, kind, length)?;
        let inputs = [blob.bytes.as_slice()];
        let job = move |seat: &Seat<'_>, wrapping, tenant, [wrapped]: [&[u8]; 1]| {
            check_exact(seat, kind, length)?;
            let padded = seat.line.probe.key_wrap_padded;
            let template = passing(kind, seat);
            let key = seat
                .session
                .unwrap(Mechanism::Plain(padded), tenant, wrapped, &template)
                .map_err(unwrapping)?;
            let key = seat.temporary(key);
            Ok(seat
                .session
                .wrap(method.mechanism(padded), wrapping, key.handle)?)
        };
        let tenant = (keys, blob.key_version);
        self.with_wrap_key(wrapping, Role::Rewrap, tenant, inputs, job)
            .await
    }

    /// A key that a managed AES key wrapped, as [`Hsm::rewrap_out`] gives it, becomes one of class
    /// *token*. `length`: of a secret in bytes, where it is known.
    ///
    /// # Errors
    /// [`HsmError::Integrity`] when another key, or nothing, wrapped it; [`HsmError::BadKey`] when
    /// it is not of the kind or length that it is said to be.
    pub async fn rewrap_in(
        &self,
        keys: &TenantKeys,
        (kind, length): (KeyKind, Option<usize>),
        wrapped: &[u8],
        wrapping: &UseKey<'_>,
        method: WrapMethod,
    ) -> Result<Blob, HsmError> {
        if wrapped.len() < 16 || !wrapped.len().is_multiple_of(8) {
            return Err(HsmError::Integrity(
                "wrapped bytes come in multiples of 8, from 16 on",
            ));
        }
        let version = keys.newest(Purpose::Wrap)?;
        let job = move |seat: &Seat<'_>, wrapping, tenant, [wrapped]: [&[u8]; 1]| {
            let padded = seat.line.probe.key_wrap_padded;
            let template = passing(kind, seat);
            let key = seat
                .session
                .unwrap(method.mechanism(padded), wrapping, wrapped, &template)
                .map_err(unwrapping)?;
            let key = seat.temporary(key);
            let own = match kind.is_secret() {
                true => Some(secret_length(seat, key.handle, wrapped, method, length)?),
                false => None,
            };
            if let Some(own) = own {
                check_kind(kind, own)?;
                check_exact(seat, kind, own)?;
            }
            let bytes = seat
                .session
                .wrap(Mechanism::Plain(padded), tenant, key.handle)?;
            // Of a private key an upper bound: DER knows its own.
            let length = own.unwrap_or(bytes.len() - CHECK) as u32;
            Ok(Blob {
                kind: BlobKind::Wrapped,
                key_version: version,
                length,
                bytes,
            })
        };
        let tenant = (keys, version);
        self.with_wrap_key(wrapping, Role::Rewrap, tenant, [wrapped], job)
            .await
    }
}

/// The length of an unwrapped secret. Tokens that lay zeros behind it, or do not tell it, are
/// believed only where the method or the caller leaves no choice.
fn secret_length(
    seat: &Seat<'_>,
    key: token::Handle,
    wrapped: &[u8],
    method: WrapMethod,
    stated: Option<usize>,
) -> Result<usize, HsmError> {
    let room = wrapped.len() - CHECK;
    let told = seat.session.number(key, CKA_VALUE_LEN)? as usize;
    let own = match (method, seat.line.probe.exact_lengths, told) {
        (WrapMethod::NistKeyWrap, _, _) => room,
        (_, true, told) if told > 0 => told,
        _ => stated.unwrap_or(room),
    };
    if stated.is_some_and(|stated| stated != own) {
        return Err(HsmError::BadKey(
            "the unwrapped key has another length than was said".into(),
        ));
    }
    Ok(own)
}
