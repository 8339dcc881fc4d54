//! Derive Key (KMIP 2.1 §6.1.14, §7.12): each method cut into what goes into the pseudorandom function and what is
//! made of its answers, so that the function itself may run in the token.
//!
//! PRF methods: `counter_inputs` or `hmac_inputs`, one PRF call for each input, `assemble`.
//! Methods over clear material: `hash_key`, `pbkdf2`, `hkdf`. ENCRYPT: encrypt the derivation data, `truncated`.

use zeroize::Zeroizing;

use super::format::{HashAlgorithm, fill_hkdf, fill_pbkdf2, hash};

/// The longest derived object, in bytes: room for any key, and no way to ask for much memory.
pub const MAX_OUTPUT: usize = 65_536;

/// The most rounds of PBKDF2 for one request: seconds of one core. OWASP asks for 1.3 million with SHA-1.
pub const MAX_ITERATIONS: u32 = 10_000_000;

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
    #[error("the Iteration Count of PBKDF2 must be between 1 and {MAX_ITERATIONS}")]
    Iterations,
    /// KMIP 2.1 §7.12: HASH takes either a derivation key or derivation data.
    #[error("the HASH method takes either a derivation key or Derivation Data: give one of them")]
    OneInput,
}

/// Output length in bytes from a Cryptographic Length in bits.
pub fn output_len(bits: i32) -> Result<usize, DerivationError> {
    let bits = usize::try_from(bits).map_err(|_| DerivationError::Length)?;
    if bits == 0 || !bits.is_multiple_of(8) {
        return Err(DerivationError::Length);
    }
    within(bits / 8, MAX_OUTPUT)
}

/// NIST SP 800-108 in counter mode as KMIP gives it: PRF input i is i as 32 bits big-endian, from 1, then the Derivation
/// Data exactly as sent (KMIP 2.1 §7.12 makes label, zero byte and context its business). `prf_len` in bytes.
pub fn counter_inputs(
    data: &[u8],
    output_len: usize,
    prf_len: usize,
) -> Result<Vec<Vec<u8>>, DerivationError> {
    within(output_len, MAX_OUTPUT)?;
    let blocks = output_len
        .checked_div(prf_len)
        .map_or(0, |_| output_len.div_ceil(prf_len));
    Ok((1u32..)
        .take(blocks)
        .map(|counter| [&counter.to_be_bytes(), data].concat())
        .collect())
}

/// The HMAC method: one HMAC with the base key over the Derivation Data, cut to length. The standard forms no second
/// block, so a length beyond the PRF's output is refused.
pub fn hmac_inputs(
    data: &[u8],
    output_len: usize,
    prf_len: usize,
) -> Result<Vec<Vec<u8>>, DerivationError> {
    within(output_len, prf_len)?;
    Ok(vec![data.to_vec()])
}

/// The derived bytes: the PRF's answers in order, cut to length. Fewer bytes than that is `TooLong`.
pub fn assemble<B: AsRef<[u8]>>(
    blocks: &[B],
    output_len: usize,
) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    let available = blocks.iter().map(|block| block.as_ref().len()).sum();
    let mut missing = within(output_len, available)?;
    let mut output = Zeroizing::new(Vec::with_capacity(output_len));
    for block in blocks.iter().map(AsRef::as_ref) {
        let part = block.get(..missing).unwrap_or(block);
        output.extend_from_slice(part);
        missing -= part.len();
    }
    Ok(output)
}

/// The first bytes of what a method gave: HASH, and ENCRYPT's ciphertext without IV and tag.
pub fn truncated(output: &[u8], output_len: usize) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    assemble(&[output], output_len)
}

/// HASH: the hash of the derivation key, or of the derivation data where there is no key, cut to length.
pub fn hash_key(
    algorithm: HashAlgorithm,
    key: Option<&[u8]>,
    data: Option<&[u8]>,
    output_len: usize,
) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    let input = match (key, data) {
        (Some(input), None) | (None, Some(input)) => input,
        (Some(_), Some(_)) | (None, None) => return Err(DerivationError::OneInput),
    };
    truncated(&Zeroizing::new(hash(algorithm, input)), output_len)
}

/// PBKDF2 with HMAC; HMAC-SHA-1 is what PKCS#5 and so KMIP mean without a Hashing Algorithm. Costs two hash blocks per
/// round and output block: not for an async worker's own thread.
pub fn pbkdf2(
    algorithm: HashAlgorithm,
    password: &[u8],
    salt: &[u8],
    iterations: i32,
    output_len: usize,
) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    let rounds = u32::try_from(iterations)
        .ok()
        .filter(|rounds| (1..=MAX_ITERATIONS).contains(rounds))
        .ok_or(DerivationError::Iterations)?;
    let mut output = Zeroizing::new(vec![0; within(output_len, MAX_OUTPUT)?]);
    match fill_pbkdf2(algorithm, password, salt, rounds, &mut output) {
        true => Ok(output),
        false => Err(DerivationError::Length),
    }
}

/// HKDF (RFC 5869), the 2.1 method of that name; SHA-256 without a Hashing Algorithm. PyKMIP also means it by HMAC with
/// a Salt, a field that the standard's HMAC method does not have.
pub fn hkdf(
    algorithm: HashAlgorithm,
    key: &[u8],
    salt: &[u8],
    info: &[u8],
    output_len: usize,
) -> Result<Zeroizing<Vec<u8>>, DerivationError> {
    let available = MAX_OUTPUT.min(255 * algorithm.output_len());
    let mut output = Zeroizing::new(vec![0; within(output_len, available)?]);
    match fill_hkdf(algorithm, key, salt, info, &mut output) {
        true => Ok(output),
        false => Err(DerivationError::TooLong {
            asked: output_len,
            available,
        }),
    }
}

fn within(asked: usize, available: usize) -> Result<usize, DerivationError> {
    match asked {
        0 => Err(DerivationError::Length),
        _ if asked > available => Err(DerivationError::TooLong { asked, available }),
        _ => Ok(asked),
    }
}

#[cfg(test)]
#[path = "derivation_tests.rs"]
mod tests;
