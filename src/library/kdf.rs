//! Key derivation over clear material.

use openssl::hash::MessageDigest;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::Id;
use openssl::pkey_ctx::PkeyCtx;

use super::{LibraryError, digest};
use crate::mechanism::hash::HashRow;

/// PBKDF2 (RFC 8018 §5.2) with HMAC, filling `output`.
///
/// # Errors
/// `Refused` where the library has no such hash, `Failed` for 0 rounds.
pub fn pbkdf2(
    row: &HashRow,
    password: &[u8],
    salt: &[u8],
    rounds: usize,
    output: &mut [u8],
) -> Result<(), LibraryError> {
    let digest = MessageDigest::from_name(row.name).ok_or(LibraryError::Refused("this hash"))?;
    Ok(pbkdf2_hmac(password, salt, rounds, digest, output)?)
}

/// HKDF (RFC 5869), filling `output`.
///
/// # Errors
/// `Failed` for more than 255 hashes, and for an empty key.
pub fn hkdf(
    row: &HashRow,
    key: &[u8],
    salt: &[u8],
    info: &[u8],
    output: &mut [u8],
) -> Result<(), LibraryError> {
    let mut context = PkeyCtx::new_id(Id::HKDF)?;
    context.derive_init()?;
    context.set_hkdf_md(&*digest::fetch(row)?)?;
    context.set_hkdf_key(key)?;
    context.set_hkdf_salt(salt)?;
    context.add_hkdf_info(info)?;
    context.derive(Some(output))?;
    Ok(())
}
