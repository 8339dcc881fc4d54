//! What a client is told of the token's errors.

use super::error::{Fault, Reason};
use crate::hsm::HsmError;

pub fn fault(error: &HsmError) -> Fault {
    tracing::warn!(%error, "token");
    let _ = error;
    Fault::new(Reason::CryptographicFailure, "the token could not do that")
}
