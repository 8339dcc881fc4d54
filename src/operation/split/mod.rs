pub mod create_split_key;
pub mod join_split_key;

use crate::engine::error::{Fault, Reason};
use crate::object::split::SplitError;

impl From<SplitError> for Fault {
    fn from(error: SplitError) -> Self {
        let reason = match error {
            // 1.4 §11.39, §11.40: Split Key Method not supported.
            SplitError::Method(_)
            | SplitError::Counts { .. }
            | SplitError::XorThreshold
            | SplitError::Prime
            | SplitError::NeedlessPrime => Reason::InvalidField,
            SplitError::TooMany(_) => Reason::ServerLimitExceeded,
            SplitError::Odd(_) | SplitError::Length(_) => Reason::BadCryptographicParameters,
            // 1.4 §11.40 asks "Cryptographic Failure?" for too few parts; TC-SJ-1 answers it.
            SplitError::TooFew { .. }
            | SplitError::Foreign(_)
            | SplitError::Twice(_)
            | SplitError::Unsound(_)
            | SplitError::Inconsistent => Reason::CryptographicFailure,
            SplitError::Library => Reason::Internal,
        };
        Fault::new(reason, error.to_string())
    }
}
