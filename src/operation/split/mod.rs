pub mod create_split_key;
pub mod join_split_key;

use ttlv::Value;

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::managed::Sealed;
use crate::object::split::SplitError;
use crate::object::wrapping;
use crate::protocol::attributes::Attributes;
use crate::protocol::tag;

/// What is made of an object is no less protected than it (DESIGN §4.3), also where the wrapping by
/// a closed key is all that protects it.
async fn protect(
    context: &mut Context,
    base: &Sealed,
    attributes: &mut Attributes,
) -> Result<(), Fault> {
    let sensitive = base.attributes.boolean(tag::SENSITIVE) == Some(true);
    if sensitive || wrapping::is_guarded(context, base).await? {
        attributes.set(tag::SENSITIVE, Value::Boolean(true));
    }
    if base.attributes.boolean(tag::EXTRACTABLE) == Some(false) {
        attributes.set(tag::EXTRACTABLE, Value::Boolean(false));
    }
    Ok(())
}

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
