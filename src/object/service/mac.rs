//! Message authentication codes.

use subtle::ConstantTimeEq;

use super::place::{self, Place};
use super::{bad, cipher, gcm_uses, unsupported};
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::hsm::KeyKind;
use crate::library;
use crate::mechanism::{self, Row, Service, Shape};
use crate::object::managed::Sealed;
use crate::object::usage;
use crate::protocol::enumeration::{BlockCipherMode, CryptographicAlgorithm, KeyFormatType};
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;

fn by_algorithm(algorithm: CryptographicAlgorithm) -> Option<&'static Row> {
    mechanism::find(Service::Mac, algorithm, None, None)
}

fn by_mode(algorithm: CryptographicAlgorithm, mode: BlockCipherMode) -> Option<&'static Row> {
    mechanism::find(Service::Mac, algorithm, Some(mode), None)
}

/// The MAC that is asked for: by its algorithm (HMAC-SHA256, Poly1305), by the Block Cipher Mode
/// (CMAC; GCM for GMAC), by the hash of an HMAC, or by what the key is for.
pub fn asked(key: &Sealed, asked: &CryptographicParameters) -> Result<&'static Row, Fault> {
    let own = usage::algorithm(key);
    let algorithm = asked.cryptographic_algorithm;
    if let Some(mode) = asked.block_cipher_mode {
        let algorithm = cipher::own_algorithm(key, algorithm)?;
        return by_mode(algorithm, mode)
            .ok_or_else(|| unsupported(format!("a MAC in block cipher mode {mode}")));
    }
    match (algorithm, asked.hashing_algorithm) {
        (Some(algorithm), None) => by_algorithm(algorithm)
            .ok_or_else(|| unsupported(format!("a MAC with {algorithm}"))),
        (Some(algorithm), Some(hash)) => by_algorithm(algorithm)
            .or_else(|| mechanism::hmac(hash))
            .ok_or_else(|| unsupported(format!("a MAC with {algorithm} and {hash}"))),
        (None, Some(hash)) => mechanism::hmac(hash)
            .ok_or_else(|| unsupported(format!("HMAC with {hash}"))),
        (None, None) => own.and_then(by_algorithm).ok_or_else(|| {
            bad(
                "neither the request nor the key says which MAC; give a Cryptographic Algorithm such as HMAC-SHA256",
            )
        }),
    }
}

/// The MAC of `data`, full length. GMAC's begins with the nonce that the server made for it: the
/// operation has no field for one (`docs/decisions/cryptography.md`).
pub async fn compute(
    context: &mut Context,
    key: &Sealed,
    row: &'static Row,
    data: &[u8],
) -> Result<Bytes, Fault> {
    if row.shape == Shape::Gmac {
        gcm_uses::count(context, key).await?;
    }
    let iv = match row.shape.iv() {
        0 => Bytes::default(),
        length => place::vector(context, key, length).await?,
    };
    let tag = with_iv(context, key, row, &iv, data).await?;
    if iv.is_empty() {
        return Ok(tag);
    }
    Ok(Bytes::new([iv.as_slice(), &tag].concat()))
}

/// Whether a MAC holds; one of another length does not.
pub async fn verify(
    context: &mut Context,
    key: &Sealed,
    row: &'static Row,
    data: &[u8],
    mac: &[u8],
) -> Result<bool, Fault> {
    let Some((iv, mac)) = mac.split_at_checked(row.shape.iv()) else {
        return Ok(false);
    };
    let expected = with_iv(context, key, row, iv, data).await?;
    Ok(bool::from(expected.as_slice().ct_eq(mac)))
}

async fn with_iv(
    context: &mut Context,
    key: &Sealed,
    row: &'static Row,
    iv: &[u8],
    data: &[u8],
) -> Result<Bytes, Fault> {
    if place::of(context, key, row)? == Place::Token {
        let kind = match (row.shape, row.algorithm) {
            (Shape::Cmac | Shape::Gmac, CryptographicAlgorithm::AES) => KeyKind::Aes,
            (Shape::Cmac, CryptographicAlgorithm::DES3) => KeyKind::TripleDes,
            _ => KeyKind::Generic,
        };
        let ready = usage::ready(context, key, kind).await?;
        let using = ready.key(context, key)?;
        match context.engine.hsm.mac(&using, row, iv, data).await {
            Ok(mac) => return Ok(mac),
            Err(error) if place::falls_back(context, key, row, &error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let secret = place::material(context, key, KeyFormatType::RAW).await?;
    Ok(library::mac::mac(row, &secret, iv, data)?)
}
