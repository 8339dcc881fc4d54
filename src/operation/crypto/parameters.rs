//! What a request for a cryptographic operation brings besides its data: initialisation vectors,
//! and the charge against Usage Limits.

use crate::engine::context::Context;
use crate::engine::context::allocation::Cost;
use crate::engine::error::{Fault, Reason};
use crate::mechanism::Shape;
use crate::object::managed::Sealed;
use crate::object::service::bad;
use crate::object::service::cipher::Cipher;
use crate::object::service::place;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;

/// Charges Usage Limits of a key (1.4 §3.21, 2.1 §4.59) for one use, which protects `bytes`.
///
/// # Errors
/// Permission Denied where less is left (CS-BC-M-7 answers it in every version).
pub async fn charge(context: &mut Context, key: &Sealed, bytes: usize) -> Result<(), Fault> {
    charge_part(context, key, true, bytes).await
}

/// The same for an operation in parts: it is one use of the key, however many its parts are; its
/// bytes count as they come.
///
/// # Errors
/// As [`charge`].
pub async fn charge_part(
    context: &mut Context,
    key: &Sealed,
    begins: bool,
    bytes: usize,
) -> Result<(), Fault> {
    let cost = Cost {
        objects: i64::from(begins),
        bytes,
    };
    context.allocate(key, cost, Reason::PermissionDenied).await
}

/// The initialisation vector to use, and whether the server made it.
pub async fn iv_to_encrypt(
    context: &Context,
    key: &Sealed,
    cipher: &Cipher,
    asked: &CryptographicParameters,
    given: Option<&Bytes>,
) -> Result<(Bytes, bool), Fault> {
    let shape = cipher.row.shape;
    match given {
        Some(iv) if asked.random_iv != Some(true) => Ok((counter_block(cipher, asked, iv)?, false)),
        _ if shape.iv() == 0 => Ok((Bytes::default(), false)),
        _ => {
            let length = vector_length(cipher, asked)?;
            let mut iv = place::vector(context, key, length).await?;
            if shape == Shape::Counter {
                first_count(cipher, asked, &mut iv)?;
            }
            Ok((iv, true))
        }
    }
}

/// Bytes of a vector that the server makes.
///
/// # Errors
/// Bad Cryptographic Parameters where IV Length does not fit the mode.
pub fn vector_length(cipher: &Cipher, asked: &CryptographicParameters) -> Result<usize, Fault> {
    let shape = cipher.row.shape;
    // In bits (2.1 §4.16).
    match asked.iv_length {
        None => Ok(shape.iv()),
        // SP 800-38D §8.2.2: a random vector of an authenticated mode has 96 bits at least;
        // shorter ones come again too soon.
        Some(bits) => usize::try_from(bits)
            .ok()
            .filter(|bits| bits.is_multiple_of(8) && shape.takes_iv(bits / 8))
            .filter(|bits| !shape.is_authenticated() || *bits >= 96)
            .map(|bits| bits / 8)
            .ok_or_else(|| {
                bad(format!(
                    "{} takes no random vector of {bits} bits (IV Length counts bits)",
                    cipher.row.name
                ))
            }),
    }
}

/// A counter shorter than the block begins where it is to: a random one could be near its end.
fn first_count(
    cipher: &Cipher,
    asked: &CryptographicParameters,
    block: &mut Bytes,
) -> Result<(), Fault> {
    let Some(mask) = 1_u128
        .checked_shl(cipher.counter_bits)
        .map(|limit| limit - 1)
    else {
        return Ok(());
    };
    let first = initial(asked)?;
    let random = block
        .first_chunk::<16>()
        .map_or(0, |block| u128::from_be_bytes(*block));
    *block = Bytes::new(
        (random & !mask | u128::from(first) & mask)
            .to_be_bytes()
            .to_vec(),
    );
    Ok(())
}

fn initial(asked: &CryptographicParameters) -> Result<u32, Fault> {
    u32::try_from(asked.initial_counter_value.unwrap_or(0))
        .map_err(|_| bad("a negative Initial Counter Value"))
}

/// The counter mode's first block: as given, or, where it is shorter, followed by a counter that
/// begins with Initial Counter Value (RFC 3686 §4).
pub fn counter_block(
    cipher: &Cipher,
    asked: &CryptographicParameters,
    iv: &Bytes,
) -> Result<Bytes, Fault> {
    let length = cipher.counter_bits as usize / 8;
    if cipher.row.shape != Shape::Counter || iv.len() == 16 || iv.len() + length != 16 {
        return Ok(iv.clone());
    }
    let first = initial(asked)?;
    let counter = u128::from(first).to_be_bytes();
    let mut block = iv.clone();
    block.extend_from_slice(counter.get(16 - length..).unwrap_or_default());
    Ok(block)
}
