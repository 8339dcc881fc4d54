//! Cryptographic Parameters of a request, as the token room wants them (2.1 §4.15).

use ttlv::Value;

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{CipherParameters, KeyKind};
use crate::object::managed::{Draft, Sealed};
use crate::object::usage;
use crate::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod, UsageLimitsUnit,
};
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;

/// A cipher as it will be run.
#[derive(Clone, Copy, Debug)]
pub struct Cipher {
    pub kind: KeyKind,
    pub parameters: CipherParameters,
    /// Bytes of initialisation vector; 0: the mode has none.
    pub iv: usize,
    /// GCM and CCM.
    pub authenticated: bool,
}

fn unsupported(what: impl std::fmt::Display) -> Fault {
    Fault::new(
        Reason::UnsupportedCryptographicParameters,
        format!("{what} is not supported"),
    )
}

/// What the request (or the key) asks for. Without any mode: GCM, the one that also protects integrity.
pub fn cipher(key: &Sealed, asked: &CryptographicParameters) -> Result<Cipher, Fault> {
    let algorithm = asked
        .cryptographic_algorithm
        .or_else(|| usage::algorithm(key))
        .ok_or_else(|| {
            Fault::new(
                Reason::BadCryptographicParameters,
                "the key has no Cryptographic Algorithm",
            )
        })?;
    let (kind, block) = match algorithm {
        CryptographicAlgorithm::AES => (KeyKind::Aes, 16),
        CryptographicAlgorithm::DES3 => (KeyKind::TripleDes, 8),
        other => return Err(unsupported(format!("encryption with {other}"))),
    };
    let mode = asked.block_cipher_mode.unwrap_or(BlockCipherMode::GCM);
    let authenticated = matches!(mode, BlockCipherMode::GCM | BlockCipherMode::CCM);
    let iv = match mode {
        BlockCipherMode::ECB => 0,
        BlockCipherMode::GCM | BlockCipherMode::CCM => 12,
        _ => block,
    };
    let tag_length = match (authenticated, asked.tag_length) {
        (false, _) => 0,
        (true, None) => 16,
        (true, Some(length)) => u32::try_from(length)
            .ok()
            .filter(|length| (4..=16).contains(length))
            .ok_or_else(|| {
                Fault::new(
                    Reason::InvalidTagLength,
                    format!("a tag of {length} bytes; expected 4 to 16"),
                )
            })?,
    };
    let counter_bits = asked
        .counter_length
        .map(|length| u32::try_from(length).map_err(|_| unsupported("a negative Counter Length")))
        .transpose()?
        .unwrap_or(0);
    Ok(Cipher {
        kind,
        parameters: CipherParameters {
            algorithm: algorithm.0,
            mode: mode.0,
            padding: asked.padding_method.unwrap_or(PaddingMethod::NONE).0,
            tag_length,
            // The whole block counts unless the client says otherwise.
            counter_bits: if mode == BlockCipherMode::CTR && counter_bits == 0 {
                128
            } else {
                counter_bits
            },
        },
        iv,
        authenticated,
    })
}

/// The hash of an HMAC: by the algorithm (HMAC-SHA256), else by the Hashing Algorithm.
static HMACS: &[(CryptographicAlgorithm, HashingAlgorithm)] = &[
    (CryptographicAlgorithm::HMAC_SHA1, HashingAlgorithm::SHA_1),
    (
        CryptographicAlgorithm::HMAC_SHA224,
        HashingAlgorithm::SHA_224,
    ),
    (
        CryptographicAlgorithm::HMAC_SHA256,
        HashingAlgorithm::SHA_256,
    ),
    (
        CryptographicAlgorithm::HMAC_SHA384,
        HashingAlgorithm::SHA_384,
    ),
    (
        CryptographicAlgorithm::HMAC_SHA512,
        HashingAlgorithm::SHA_512,
    ),
];

/// The hash of the HMAC that is asked for.
pub fn hmac_hash(key: &Sealed, asked: &CryptographicParameters) -> Result<HashingAlgorithm, Fault> {
    let by_algorithm = |algorithm| {
        HMACS
            .iter()
            .find(|(own, _)| *own == algorithm)
            .map(|(_, hash)| *hash)
    };
    match (asked.cryptographic_algorithm, asked.hashing_algorithm) {
        (Some(algorithm), _) if by_algorithm(algorithm).is_some() => {
            by_algorithm(algorithm).ok_or_else(|| unsupported("the MAC algorithm"))
        }
        (None, Some(hash)) => Ok(hash),
        (Some(algorithm), _) => Err(unsupported(format!("a MAC with {algorithm}"))),
        (None, None) => usage::algorithm(key).and_then(by_algorithm).ok_or_else(|| {
            Fault::new(
                Reason::BadCryptographicParameters,
                "neither the request nor the key says which MAC; give a Cryptographic Algorithm such as HMAC-SHA256",
            )
        }),
    }
}

/// Which hashes have an HMAC row.
pub fn is_hmac_hash(hash: HashingAlgorithm) -> bool {
    HMACS.iter().any(|(_, own)| *own == hash)
}

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

/// The initialisation vector to use: the client's, or one of the token's generator.
pub async fn iv_to_encrypt(
    context: &Context,
    cipher: &Cipher,
    asked: &CryptographicParameters,
    given: Option<&Bytes>,
) -> Result<(Bytes, bool), Fault> {
    match given {
        Some(iv) if asked.random_iv != Some(true) => Ok((iv.clone(), false)),
        _ if cipher.iv == 0 => Ok((Bytes::default(), false)),
        _ => Ok((context.engine.hsm.random(cipher.iv).await?, true)),
    }
}
