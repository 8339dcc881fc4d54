//! Derive Key (KMIP 1.4 §4.6, 2.1 §6.1.14, §7.12): the methods over clear material, and the lengths and
//! counts that a request may ask for. SP 800-108 is `hsm::Kdf108`, agreement is `agreement`.

use zeroize::Zeroizing;

use crate::library::{self, LibraryError};
use crate::mechanism::{self, hash::HashRow};
use crate::protocol::enumeration::HashingAlgorithm;

/// The longest derived object, in bytes: room for any key, and no way to ask for much memory.
pub const MAX_OUTPUT: usize = 65_536;

/// The most rounds of PBKDF2 for one request, those of all its output's blocks together: seconds of one
/// core. OWASP asks for 1.3 million with SHA-1.
pub const MAX_ITERATIONS: u32 = 10_000_000;

/// The most bytes that the blocks of one SP 800-108 derivation may feed to their function, together.
pub const MAX_INPUT: usize = 16 << 20;

/// Why nothing was derived. Each is an error of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerivationError {
    /// KMIP 2.1 §6.1.14: a length beyond the method's output is an error.
    #[error(
        "{asked} bytes were asked for and the derivation method gives at most {available}; ask for less or use another method"
    )]
    TooLong { asked: usize, available: usize },
    #[error(
        "the Cryptographic Length of a derived object must be a positive number of whole bytes"
    )]
    Length,
    #[error(
        "the Iteration Count of PBKDF2, times the hashes that the output is long, must be between 1 and {MAX_ITERATIONS}"
    )]
    Iterations,
    #[error(
        "the derivation data, times the blocks of the output, must not exceed {MAX_INPUT} bytes"
    )]
    Input,
    /// KMIP 2.1 §7.12: HASH takes either a derivation key or derivation data.
    #[error("the HASH method takes either a derivation key or Derivation Data: give one of them")]
    OneInput,
    #[error("nothing can be derived from this; look at the lengths of key and salt")]
    Library,
}

impl From<LibraryError> for DerivationError {
    fn from(_: LibraryError) -> Self {
        DerivationError::Library
    }
}

/// Output length in bytes from a Cryptographic Length in bits.
pub fn output_len(bits: i32) -> Result<usize, DerivationError> {
    let bits = usize::try_from(bits).map_err(|_| DerivationError::Length)?;
    if bits == 0 || !bits.is_multiple_of(8) {
        return Err(DerivationError::Length);
    }
    within(bits / 8, MAX_OUTPUT)
}

/// The first bytes of what a method gave: of a hash, of an HMAC, of a ciphertext without IV and tag.
pub fn truncated(output: &[u8], output_len: usize) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    within(output_len, output.len())?;
    let part = output.get(..output_len).unwrap_or(output);
    Ok(Zeroizing::new(part.to_vec()))
}

/// The last bytes of an agreed secret: whose first ones go is what PKCS#11 has tokens do
/// (CKM_ECDH1_DERIVE, v3.0 §2.3.10), and KMIP does not say.
pub fn shortened(secret: &[u8], output_len: usize) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    within(output_len, secret.len())?;
    let part = secret.get(secret.len() - output_len..).unwrap_or(secret);
    Ok(Zeroizing::new(part.to_vec()))
}

/// AWS Signature Version 4: date, region and service, in this order, after the secret access key.
pub fn aws_signature(
    secret: &[u8],
    [date, region, service]: [&[u8]; 3],
    output_len: usize,
) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    let row = mechanism::hmac(HashingAlgorithm::SHA_256).ok_or(DerivationError::Library)?;
    let mut key = Zeroizing::new([b"AWS4", secret].concat());
    for part in [date, region, service, b"aws4_request"] {
        key = library::mac::mac(row, &key, &[], part)?;
    }
    truncated(&key, output_len)
}

/// HASH: the hash of the derivation key, or of the derivation data where there is no key, cut to length.
pub fn hash_key(
    hash: &'static HashRow,
    key: Option<&[u8]>,
    data: Option<&[u8]>,
    output_len: usize,
) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    let input = match (key, data) {
        (Some(input), None) | (None, Some(input)) => input,
        (Some(_), Some(_)) | (None, None) => return Err(DerivationError::OneInput),
    };
    truncated(
        &Zeroizing::new(library::digest::hash(hash, input)?),
        output_len,
    )
}

/// PBKDF2 with HMAC; HMAC-SHA-1 is what PKCS#5 and so KMIP mean without a Hashing Algorithm. Costs two hash blocks per
/// round and output block: not for an async worker's own thread.
pub fn pbkdf2(
    hash: &'static HashRow,
    password: &[u8],
    salt: &[u8],
    iterations: i32,
    output_len: usize,
) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    let output_len = within(output_len, MAX_OUTPUT)?;
    let blocks = u32::try_from(output_len.div_ceil(hash.length)).ok();
    let rounds = u32::try_from(iterations).ok().filter(|rounds| {
        let all = blocks.and_then(|blocks| rounds.checked_mul(blocks));
        all.is_some_and(|all| (1..=MAX_ITERATIONS).contains(&all))
    });
    let rounds = rounds.and_then(|rounds| usize::try_from(rounds).ok());
    let rounds = rounds.ok_or(DerivationError::Iterations)?;
    let mut output = Zeroizing::new(vec![0; output_len]);
    library::kdf::pbkdf2(hash, password, salt, rounds, &mut output)?;
    Ok(output)
}

/// HKDF (RFC 5869), the 2.1 method of that name; SHA-256 without a Hashing Algorithm. PyKMIP also means it by HMAC with
/// a Salt, a field that the standard's HMAC method does not have.
pub fn hkdf(
    hash: &'static HashRow,
    key: &[u8],
    salt: &[u8],
    info: &[u8],
    output_len: usize,
) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    let available = MAX_OUTPUT.min(255 * hash.length);
    let mut output = Zeroizing::new(vec![0; within(output_len, available)?]);
    library::kdf::hkdf(hash, key, salt, info, &mut output)?;
    Ok(output)
}

/// Whether so many blocks over so much data are computed for one request.
pub fn affordable(data: &[u8], blocks: usize) -> Result<(), DerivationError> {
    match data.len().checked_mul(blocks) {
        Some(all) if all <= MAX_INPUT => Ok(()),
        _ => Err(DerivationError::Input),
    }
}

/// What was asked for, if there is as much.
pub fn within(asked: usize, available: usize) -> Result<usize, DerivationError> {
    match asked {
        0 => Err(DerivationError::Length),
        _ if asked > available => Err(DerivationError::TooLong { asked, available }),
        _ => Ok(asked),
    }
}

#[cfg(test)]
#[path = "derivation_tests.rs"]
mod tests;
