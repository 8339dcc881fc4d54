//! Message authentication codes.

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::md_ctx::MdCtx;
use openssl::pkey::{Id, PKey};
use openssl::symm;
use zeroize::Zeroizing;

use super::cipher::stretched;
use super::{LibraryError, digest};
use crate::mechanism::{Row, Shape, hash};

/// The MAC of `data`, full length. `iv` is GMAC's nonce; other MACs have none.
pub fn mac(
    row: &'static Row,
    key: &[u8],
    iv: &[u8],
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
    if !row.takes_key(key.len()) {
        return Err(LibraryError::BadKey(format!(
            "{} with {} bytes",
            row.name,
            key.len()
        )));
    }
    match row.shape {
        Shape::Hmac { hash } => {
            let row = hash::find(hash).ok_or(LibraryError::Refused("this hash"))?;
            let key = PKey::hmac(key)?;
            let md = digest::fetch(row)?;
            let mut context = MdCtx::new()?;
            context.digest_sign_init(Some(&md), &key)?;
            signed(&mut context, data)
        }
        Shape::Cmac => {
            let key = stretched(row, key);
            let cipher = match (key.len(), row.keys.contains(&32)) {
                (16, true) => symm::Cipher::aes_128_cbc(),
                (24, true) => symm::Cipher::aes_192_cbc(),
                (32, true) => symm::Cipher::aes_256_cbc(),
                _ => symm::Cipher::des_ede3_cbc(),
            };
            let key = PKey::cmac(&cipher, &key)?;
            let mut context = MdCtx::new()?;
            context.digest_sign_init(None, &key)?;
            signed(&mut context, data)
        }
        Shape::Poly1305 => {
            let key = PKey::private_key_from_raw_bytes(key, Id::POLY1305)?;
            let mut context = MdCtx::new()?;
            context.digest_sign_init(None, &key)?;
            signed(&mut context, data)
        }
        Shape::Gmac => gmac(row, key, iv, data),
        _ => Err(LibraryError::Refused("this MAC")),
    }
}

fn signed(context: &mut MdCtx, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
    let mut out = Zeroizing::new(Vec::with_capacity(64));
    context.digest_sign_update(data)?;
    context.digest_sign_final_to_vec(&mut out)?;
    Ok(out)
}

/// SP 800-38D §3: the tag of GCM over additional data alone.
fn gmac(row: &Row, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
    if !row.shape.takes_iv(iv.len()) {
        return Err(LibraryError::BadInput(
            "GMAC needs a nonce of 1 to 128 bytes".into(),
        ));
    }
    let name = row
        .library_name(key.len())
        .ok_or(LibraryError::Refused("GMAC"))?;
    let cipher = Cipher::fetch(None, &name, None)?;
    let mut context = CipherCtx::new()?;
    context.encrypt_init(Some(&cipher), None, None)?;
    context.set_iv_length(iv.len())?;
    context.encrypt_init(None, Some(key), Some(iv))?;
    context.cipher_update(data, None)?;
    context.cipher_final(&mut [])?;
    let mut tag = Zeroizing::new(vec![0; 16]);
    context.tag(&mut tag)?;
    Ok(tag)
}
