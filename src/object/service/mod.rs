//! Cryptographic services with managed keys: what is asked, resolved to a row of the mechanism
//! table; where it is computed; the computation. Operations, wrapping and derivation all come here.

pub mod cipher;
pub mod encipherment;
pub mod gcm_uses;
pub mod mac;
pub mod place;
pub mod signature;
pub mod stream;

use crate::engine::error::{Fault, Reason};
use crate::library::LibraryError;
use crate::mechanism::hash::{self, HashRow};
use crate::protocol::enumeration::HashingAlgorithm;

/// Parameters that no row has.
pub fn unsupported(what: impl std::fmt::Display) -> Fault {
    Fault::new(
        Reason::UnsupportedCryptographicParameters,
        format!("{what} is not supported"),
    )
}

/// Parameters that are missing or contradict the key.
pub fn bad(what: impl std::fmt::Display) -> Fault {
    Fault::new(Reason::BadCryptographicParameters, what.to_string())
}

/// The row of a Hashing Algorithm, or a refusal.
pub fn hash_row(algorithm: HashingAlgorithm) -> Result<&'static HashRow, Fault> {
    hash::find(algorithm).ok_or_else(|| unsupported(format!("the hash {algorithm}")))
}

/// Wrong tag, wrong padding, wrong length: all look the same, or the answer becomes an oracle.
pub fn not_decrypted() -> Fault {
    Fault::new(
        Reason::CryptographicFailure,
        "the data could not be decrypted with this key and these parameters",
    )
}

impl From<LibraryError> for Fault {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::Integrity => not_decrypted(),
            LibraryError::BadInput(what) => Fault::new(Reason::CryptographicFailure, what),
            LibraryError::BadKey(what) => bad(what),
            LibraryError::Refused(what) => unsupported(what),
            LibraryError::Failed(cause) => {
                tracing::error!(cause, "library");
                Fault::new(Reason::CryptographicFailure, "the computation failed")
            }
        }
    }
}
