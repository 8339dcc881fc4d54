//! What a request for a cryptographic operation brings besides its data: initialisation vectors,
//! and the charge against Usage Limits.

use ttlv::Value;

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::mechanism::Shape;
use crate::object::managed::{Draft, Sealed};
use crate::object::service::bad;
use crate::object::service::cipher::Cipher;
use crate::protocol::enumeration::UsageLimitsUnit;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;

/// Charges Usage Limits of a key (1.4 §3.21, 2.1 §4.59) for one use of `bytes`: exact under
/// concurrency, because the charge is a new version of the row.
pub async fn charge(context: &mut Context, key: &Sealed, bytes: usize) -> Result<(), Fault> {
    let Some(Value::Structure(fields)) = key.attributes.get(tag::USAGE_LIMITS) else {
        return Ok(());
    };
    let number = |wanted| {
        fields
            .iter()
            .find(|field| field.tag == wanted)
            .and_then(|field| match field.value {
                Value::LongInteger(number) => Some(number),
                _ => None,
            })
    };
    let unit = fields
        .iter()
        .find(|field| field.tag == tag::USAGE_LIMITS_UNIT)
        .map(|field| &field.value);
    let cost = match unit {
        Some(Value::Enumeration(unit)) if *unit == UsageLimitsUnit::BYTE.0 => {
            i64::try_from(bytes).unwrap_or(i64::MAX)
        }
        _ => 1,
    };
    let left = number(tag::USAGE_LIMITS_COUNT)
        .or_else(|| number(tag::USAGE_LIMITS_TOTAL))
        .unwrap_or(0);
    if cost > left {
        // CS-BC-M-7 answers Permission Denied in every version.
        return Err(Fault::new(
            Reason::PermissionDenied,
            format!("the key's usage limit leaves {left}; this use costs {cost}"),
        ));
    }
    let mut draft: Draft = key.edit();
    let mut charged: Vec<_> = fields
        .iter()
        .filter(|field| field.tag != tag::USAGE_LIMITS_COUNT)
        .cloned()
        .collect();
    // Total, Count, Unit: the standard's order.
    charged.insert(
        1.min(charged.len()),
        ttlv::Node::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(left - cost)),
    );
    draft
        .attributes
        .set(tag::USAGE_LIMITS, Value::Structure(charged));
    context.update(draft).await
}

/// The initialisation vector to use, and whether the token's generator made it.
pub async fn iv_to_encrypt(
    context: &Context,
    cipher: &Cipher,
    asked: &CryptographicParameters,
    given: Option<&Bytes>,
) -> Result<(Bytes, bool), Fault> {
    let shape = cipher.row.shape;
    match given {
        Some(iv) if asked.random_iv != Some(true) => Ok((counter_block(cipher, asked, iv)?, false)),
        _ if shape.iv() == 0 => Ok((Bytes::default(), false)),
        _ => {
            // In bits (2.1 §4.16).
            let length = match asked.iv_length {
                None => shape.iv(),
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
                    })?,
            };
            let mut iv = context.engine.hsm.random(length).await?;
            if shape == Shape::Counter {
                first_count(cipher, asked, &mut iv)?;
            }
            Ok((iv, true))
        }
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
