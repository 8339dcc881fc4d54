//! Methods that are made of a pseudorandom function: HMAC, SP 800-108, HKDF. In the token where it
//! has the function; a key that the server may see is used by library where the token does not.

use super::method::{Inputs, library_hash};
use super::{Derived, apart};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{HsmError, Kdf108, KeyKind, Mode108, TokenKdf, prf_length};
use crate::library;
use crate::mechanism::{self, Row, Service, Shape};
use crate::object::service::place::{self, Place};
use crate::object::service::{mac, unsupported};
use crate::object::{derivation, usage};
use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, KeyFormatType,
};
use crate::protocol::structure::Bytes;
use crate::store::record::Class;

/// Width of the counter where the parameters name none, in bytes: what PyKMIP, OpenSSL and Botan use.
const COUNTER: u8 = 4;

fn hmac_row(hash: HashingAlgorithm) -> Result<&'static Row, Fault> {
    mechanism::hmac(hash).ok_or_else(|| unsupported(format!("derivation with {hash}")))
}

/// The function: CMAC by its mode, HMAC by the hash or by the algorithm that the parameters or the
/// base name (2.1 §7.12), else HMAC with SHA-256.
fn function(inputs: &Inputs<'_>) -> Result<&'static Row, Fault> {
    let own = usage::algorithm(inputs.base);
    let named = inputs.asked.cryptographic_algorithm;
    let of = |algorithm, mode| mechanism::find(Service::Mac, algorithm, mode, None);
    let hmac = |algorithm: Option<CryptographicAlgorithm>| {
        of(algorithm?, None).filter(|row| matches!(row.shape, Shape::Hmac { .. }))
    };
    if let Some(mode) = inputs.asked.block_cipher_mode {
        let cmac = Some(BlockCipherMode::CMAC).filter(|cmac| *cmac == mode);
        let row = named
            .or(own)
            .and_then(|algorithm| of(algorithm, Some(cmac?)));
        return row.ok_or_else(|| unsupported(format!("derivation in block cipher mode {mode}")));
    }
    match (inputs.asked.hashing_algorithm, hmac(named)) {
        (Some(hash), _) => hmac_row(hash),
        (None, Some(row)) => Ok(row),
        // What only says what the base is says nothing of a function.
        (None, None) if named.is_none() || named == own => match hmac(own) {
            Some(row) => Ok(row),
            None => hmac_row(HashingAlgorithm::SHA_256),
        },
        (None, None) => Err(unsupported("derivation with this Cryptographic Algorithm")),
    }
}

/// What a base is to the token in this function.
fn kind(row: &Row) -> KeyKind {
    match (row.shape, row.algorithm) {
        (Shape::Cmac, CryptographicAlgorithm::AES) => KeyKind::Aes,
        (Shape::Cmac, CryptographicAlgorithm::DES3) => KeyKind::TripleDes,
        _ => KeyKind::Generic,
    }
}

/// One HMAC over the data, cut to length: the standard forms no second block.
pub(super) async fn hmac(context: &mut Context, inputs: &Inputs<'_>) -> Result<Derived, Fault> {
    let row = function(inputs)?;
    let length = prf_length(row).filter(|_| matches!(row.shape, Shape::Hmac { .. }));
    let length = length.ok_or_else(|| unsupported(format!("HMAC with {}", row.name)))?;
    derivation::within(inputs.length, length)?;
    let mac = mac::compute(context, inputs.base, row, inputs.data()).await?;
    let derived = derivation::truncated(&mac, inputs.length)?;
    Ok(Derived::Clear(derived))
}

/// The Counter Length, in bits, is the counter's width; 0 leaves it out.
fn arranged(inputs: &Inputs<'_>, mode: Mode108, block: usize) -> Result<Kdf108, Fault> {
    let counter = match inputs.asked.counter_length {
        None => Some(COUNTER),
        Some(bits) => u8::try_from(bits)
            .ok()
            .filter(|bits| bits % 8 == 0)
            .map(|bits| bits / 8),
    };
    let kdf = counter.map(|counter| Kdf108 {
        mode,
        counter,
        length: inputs.length,
    });
    kdf.filter(|kdf| kdf.is_possible(block)).ok_or_else(|| {
        Fault::new(
            Reason::BadCryptographicParameters,
            "the Counter Length must be 8, 16, 24 or 32 bits (or 0 but in counter mode) and count all blocks",
        )
    })
}

/// NIST SP 800-108r1. The Derivation Data is the whole fixed data: Label ‖ 00 ‖ Context ‖ L as far as
/// the client wants them (2.1 §7.12).
pub(super) async fn kdf108(
    context: &mut Context,
    inputs: &Inputs<'_>,
    mode: Mode108,
    iv: &Bytes,
) -> Result<Derived, Fault> {
    let prf = function(inputs)?;
    let block = prf_length(prf).ok_or_else(|| unsupported(prf.name))?;
    let kdf = arranged(inputs, mode, block)?;
    if mode != Mode108::Feedback && !iv.is_empty() {
        return Err(Fault::new(
            Reason::InvalidField,
            "only the feedback mode has an Initialization Vector",
        ));
    }
    derivation::affordable(inputs.data(), kdf.blocks(block))?;
    let base = inputs.base;
    if place::of(context, base, prf)? == Place::Token {
        match in_token(context, inputs, (prf, kdf), iv).await? {
            Ok(derived) => return Ok(derived),
            Err(error) if place::falls_back(context, base, prf, &error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let key = place::material(context, base, KeyFormatType::RAW).await?;
    let (iv, data) = (iv.clone(), Bytes::new(inputs.data().to_vec()));
    let function = move |input: &[u8]| library::mac::mac(prf, &key, b"", input);
    let derived = apart::run(move || kdf.run(&iv, &data, function)).await??;
    let derived = derivation::truncated(&derived, inputs.length)?;
    Ok(Derived::Clear(derived))
}

/// A key of class *token* gets the token's own derivation, whose result stays there, where it has it.
async fn in_token(
    context: &mut Context,
    inputs: &Inputs<'_>,
    (prf, kdf): (&'static Row, Kdf108),
    iv: &Bytes,
) -> Result<Result<Derived, HsmError>, Fault> {
    let base = inputs.base;
    let ready = usage::ready(context, base, kind(prf)).await?;
    let using = ready.key(context, base)?;
    let hsm = &context.engine.hsm;
    if base.class == Class::Token && kdf.mode == Mode108::Counter && kdf.counter == COUNTER {
        let native = TokenKdf::Counter { prf };
        let data = [inputs.data(), b""];
        match hsm.derive_wrapped(&using, native, data, kdf.length).await {
            Ok(blob) => return Ok(Ok(Derived::InToken(blob))),
            // Not every token has it; the function itself gives the same bytes (DESIGN §4.4).
            Err(HsmError::Refused(_) | HsmError::BadKey(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(hsm
        .kdf108(&using, prf, kdf, iv, inputs.data())
        .await
        .map(Derived::Clear))
}

/// RFC 5869. Its first step has the base as data and not as key, so that HMACs in the token do not
/// make it: a key of class *token* needs a token that derives this way.
pub(super) async fn hkdf(
    context: &mut Context,
    inputs: &Inputs<'_>,
    salt: &Bytes,
) -> Result<Derived, Fault> {
    let number = inputs.asked.hashing_algorithm;
    let hash = number.unwrap_or(HashingAlgorithm::SHA_256);
    let algorithm = library_hash(hash)?;
    derivation::within(inputs.length, 255 * algorithm.length)?;
    if inputs.base.class == Class::Token {
        let ready = usage::ready(context, inputs.base, KeyKind::Generic).await?;
        let using = ready.key(context, inputs.base)?;
        let kdf = TokenKdf::Hkdf { hash: hash.0 };
        let given = [salt.as_slice(), inputs.data()];
        let hsm = &context.engine.hsm;
        let blob = hsm
            .derive_wrapped(&using, kdf, given, inputs.length)
            .await?;
        context.computed("HKDF", "token");
        return Ok(Derived::InToken(blob));
    }
    let key = usage::raw_bytes(context, inputs.base).await?;
    context.computed("HKDF", "library");
    let derived = derivation::hkdf(algorithm, &key, salt, inputs.data(), inputs.length)?;
    Ok(Derived::Clear(derived))
}
