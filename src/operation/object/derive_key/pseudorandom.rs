//! Methods that are made of a pseudorandom function: HMAC, SP 800-108, HKDF. In the token where it
//! has the function; a key that the server may see is used by library where the token does not.

use super::method::{Inputs, library_hash};
use super::{Derived, apart};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{HsmError, Kdf108, KeyKind, Mode108, TokenKdf};
use crate::mechanism::Shape;
use crate::object::managed::Sealed;
use crate::object::service::mac;
use crate::object::{derivation, format, usage};
use crate::protocol::enumeration::{BlockCipherMode, HashingAlgorithm};
use crate::protocol::structure::Bytes;
use crate::store::record::Class;

/// Width of the counter where the parameters name none, in bytes: what PyKMIP, OpenSSL and Botan use.
const COUNTER: u8 = 4;

/// The hash of the HMAC: the parameters', else the one that the base's algorithm names (2.1 §7.12),
/// else SHA-256.
fn hash(inputs: &Inputs<'_>) -> Result<HashingAlgorithm, Fault> {
    // CMAC is a function of SP 800-108, too, and would have its row here.
    if inputs.asked.block_cipher_mode == Some(BlockCipherMode::CMAC) {
        return Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            "derivation with CMAC is not supported; name a Hashing Algorithm for HMAC",
        ));
    }
    match inputs.asked.hashing_algorithm {
        Some(hash) => Ok(hash),
        None => {
            let row = mac::asked(inputs.base, &inputs.asked).ok();
            Ok(match row.map(|row| row.shape) {
                Some(Shape::Hmac { hash }) => hash,
                _ => HashingAlgorithm::SHA_256,
            })
        }
    }
}

/// Whether a key may be used by the library after the token said that it does not have something.
fn by_library(base: &Sealed, error: &HsmError) -> bool {
    base.class != Class::Token && matches!(error, HsmError::Refused(_))
}

/// One HMAC over the data, cut to length: the standard forms no second block.
pub(super) async fn hmac(context: &mut Context, inputs: &Inputs<'_>) -> Result<Derived, Fault> {
    let hash = hash(inputs)?;
    derivation::within(inputs.length, library_hash(hash)?.output_len())?;
    let ready = usage::ready(context, inputs.base, KeyKind::Generic).await?;
    let using = ready.key(context, inputs.base)?;
    let mac = match context.engine.hsm.hmac(&using, hash.0, inputs.data()).await {
        Err(error) if by_library(inputs.base, &error) => {
            let key = usage::raw_bytes(context, inputs.base).await?;
            format::hmac(library_hash(hash)?, &key, inputs.data())?
        }
        other => other?,
    };
    let derived = derivation::truncated(&mac, inputs.length)?;
    Ok(Derived::Clear(derived))
}

/// NIST SP 800-108r1. The Derivation Data is the whole fixed data: Label ‖ 00 ‖ Context ‖ L as far as
/// the client wants them (2.1 §7.12). Counter Length, in bits, is the counter's width; 0 leaves it out.
pub(super) async fn kdf108(
    context: &mut Context,
    inputs: &Inputs<'_>,
    mode: Mode108,
    iv: &Bytes,
) -> Result<Derived, Fault> {
    let hash = hash(inputs)?;
    let algorithm = library_hash(hash)?;
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
    let kdf = kdf
        .filter(|kdf| kdf.is_possible(algorithm.output_len()))
        .ok_or_else(|| {
            Fault::new(
                Reason::BadCryptographicParameters,
                "the Counter Length must be 8, 16, 24 or 32 bits (or 0 but in counter mode) and count all blocks",
            )
        })?;
    if mode != Mode108::Feedback && !iv.is_empty() {
        return Err(Fault::new(
            Reason::InvalidField,
            "only the feedback mode has an Initialization Vector",
        ));
    }
    derivation::affordable(inputs.data(), kdf.blocks(algorithm.output_len()))?;
    let base = inputs.base;
    let ready = usage::ready(context, base, KeyKind::Generic).await?;
    let using = ready.key(context, base)?;
    let hsm = &context.engine.hsm;
    if base.class == Class::Token && mode == Mode108::Counter && kdf.counter == COUNTER {
        let native = TokenKdf::Counter { hash: hash.0 };
        let data = [inputs.data(), b""];
        match hsm.derive_wrapped(&using, native, data, kdf.length).await {
            Ok(blob) => return Ok(Derived::InToken(blob)),
            // Not every token has it; the HMACs give the same bytes (DESIGN §4.4).
            Err(HsmError::Refused(_) | HsmError::BadKey(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    let derived = match hsm.kdf108(&using, hash.0, kdf, iv, inputs.data()).await {
        Err(error) if by_library(base, &error) => {
            let key = usage::raw_bytes(context, base).await?;
            let (iv, data) = (iv.clone(), Bytes::new(inputs.data().to_vec()));
            let prf = move |input: &[u8]| format::hmac(algorithm, &key, input);
            apart::run(move || kdf.run(&iv, &data, prf)).await??
        }
        other => other?,
    };
    let derived = derivation::truncated(&derived, inputs.length)?;
    Ok(Derived::Clear(derived))
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
    derivation::within(inputs.length, 255 * algorithm.output_len())?;
    if inputs.base.class == Class::Token {
        let ready = usage::ready(context, inputs.base, KeyKind::Generic).await?;
        let using = ready.key(context, inputs.base)?;
        let kdf = TokenKdf::Hkdf { hash: hash.0 };
        let given = [salt.as_slice(), inputs.data()];
        let hsm = &context.engine.hsm;
        let blob = hsm
            .derive_wrapped(&using, kdf, given, inputs.length)
            .await?;
        return Ok(Derived::InToken(blob));
    }
    let key = usage::raw_bytes(context, inputs.base).await?;
    let derived = derivation::hkdf(algorithm, &key, salt, inputs.data(), inputs.length)?;
    Ok(Derived::Clear(derived))
}
