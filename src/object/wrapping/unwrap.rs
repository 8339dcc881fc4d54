//! In: Key Value of an object that came wrapped.

use super::authenticate;
use super::door;
use super::encoding;
use super::method::{self, Over, Plan};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::protocol::key_block::{KeyValue, KeyWrappingData};
use crate::protocol::object::Object;

pub(super) fn plan(data: &KeyWrappingData) -> Result<Plan<'_>, Fault> {
    Plan::new(
        data.wrapping_method,
        data.encryption_key_information.as_ref(),
        data.mac_signature_key_information.as_ref(),
    )
}

/// Unwraps an object with the managed keys that its Key Wrapping Data names; answers whether one of
/// them is a key that nobody can read, so that what it wrapped is to be as protected.
///
/// # Errors
/// Cryptographic Failure where a key did not wrap it, or MAC or signature do not hold: one answer
/// for both, so that nobody learns which.
pub async fn unwrap(context: &mut Context, whole: &mut Object) -> Result<bool, Fault> {
    let Some(data) = whole
        .key_block()
        .and_then(|block| block.key_wrapping_data.clone())
    else {
        return Ok(false);
    };
    let plan = plan(&data)?;
    let Some(block) = whole.key_block() else {
        return Ok(false);
    };
    let wrapped = encoding::wrapped_bytes(block)?;
    let mac = data.mac_signature.as_ref();
    if let Some(information) = plan.over(Over::Wrapped) {
        authenticate::check(context, information, &wrapped, mac).await?;
    }
    let (clear, guarded) = match plan.encryption {
        None => (wrapped, false),
        Some(information) => {
            let (key, parameters) =
                door::encryption_key(context, information, Permission::UnwrapWith).await?;
            let iv = data.iv_counter_nonce.as_ref();
            let opened = method::open(context, &key, &parameters, &wrapped, iv).await;
            (opened.map_err(alike)?, door::guards(&key))
        }
    };
    if let Some(information) = plan.over(Over::Clear) {
        authenticate::check(context, information, &clear, mac).await?;
    }
    let mut value = encoding::decode(clear, encoding::option(data.encoding_option))?;
    if let KeyValue::Plain { attributes, .. } = &mut value {
        // What somebody else wrapped with it says nothing here (DESIGN §4.3).
        *attributes = None;
    }
    if let Some(block) = whole.key_block_mut() {
        block.key_value = Some(value);
        block.key_wrapping_data = None;
    }
    Ok(guarded)
}

fn alike(fault: Fault) -> Fault {
    match fault.reason {
        Reason::CryptographicFailure => authenticate::does_not_hold(),
        _ => fault,
    }
}
