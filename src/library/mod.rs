//! What is computed in the server's own memory: with public keys, which are no secret, and with
//! keys of class *served* where the token lacks the mechanism. The audit record says so.
//!
//! The library is OpenSSL, the same build that the embedded token links (`docs/decisions/cryptography.md`):
//! one body of code to keep current, and every row of [`crate::mechanism`] has one name in it.
//! Keys come as bytes of their standard form: secrets raw, private keys PKCS#8 (DER), public keys
//! SubjectPublicKeyInfo (DER).

pub mod cipher;
pub mod digest;
pub mod kdf;
pub mod mac;
pub mod pair;
pub mod public_key;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

/// Bytes of the library's generator (SP 800-90A CTR_DRBG with AES-256).
pub fn random(length: usize) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    openssl::rand::rand_bytes(&mut bytes)?;
    Ok(bytes)
}

/// Why the library did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// A tag, padding or ciphertext does not hold. Nothing more is ever said.
    #[error("the data does not hold under this key")]
    Integrity,
    #[error("{0}")]
    BadInput(String),
    #[error("the key does not fit: {0}")]
    BadKey(String),
    #[error("the library does not have {0}")]
    Refused(&'static str),
    #[error("the library failed: {0}")]
    Failed(String),
}

impl From<openssl::error::ErrorStack> for LibraryError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        LibraryError::Failed(error.to_string())
    }
}
