//! What a client is told of the token's errors.

use super::error::{Fault, Reason};
use crate::hsm::HsmError;

/// Causes go to the log; the client learns what kind of thing went wrong.
pub fn fault(error: &HsmError) -> Fault {
    let (reason, message) = match error {
        HsmError::Refused(_) => (
            Reason::UnsupportedCryptographicParameters,
            "the token does not support this; `keyward token info` shows what it can do",
        ),
        HsmError::BadKey(_) => (
            Reason::BadCryptographicParameters,
            "the key does not fit the cryptographic parameters",
        ),
        HsmError::BadInput(_) => (
            Reason::BadCryptographicParameters,
            "the data does not fit the cryptographic parameters",
        ),
        HsmError::Integrity(_) => (
            Reason::CryptographicFailure,
            "the cryptographic operation failed",
        ),
        HsmError::Lost(_) => {
            tracing::error!(%error, "token");
            return Fault::new(
                Reason::Internal,
                "what protected this object's material is destroyed; nobody can read it any more",
            );
        }
        HsmError::UsedUp(_) => {
            tracing::error!(%error, "token");
            return Fault::new(
                Reason::UsageLimitExceeded,
                "the tenant's seal key is used up; an administrator makes the next with `keyward tenant rotate`",
            );
        }
        HsmError::Unavailable(_)
        | HsmError::Damaged(_)
        | HsmError::AlreadyInitialised
        | HsmError::Stale => {
            tracing::error!(%error, "token");
            return Fault::new(
                Reason::Unavailable,
                "the token does not answer at the moment; try again later",
            );
        }
    };
    tracing::debug!(%error, "token");
    Fault::new(reason, message)
}
