//! MAC/Signature of Key Wrapping Data (1.4 §2.1.5, 2.1 §3.3): made when a key leaves, and checked
//! before anything that came with one is used.

use super::door;
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::managed::Sealed;
use crate::object::usage::{self, Purpose};
use crate::operation::crypto::{mac, parameters};
use crate::protocol::enumeration::ObjectType;
use crate::protocol::key_block::{CryptographicParameters, MacSignatureKeyInformation};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::Object;
use crate::protocol::structure::Bytes;

/// What a wrapped key that fails says, whatever failed.
pub(super) fn does_not_hold() -> Fault {
    Fault::new(
        Reason::CryptographicFailure,
        "the wrapped key is not what these keys wrapped: it was changed, or other keys wrapped it",
    )
}

/// Whether a key makes MACs; else signatures.
fn macs(key: &Sealed) -> bool {
    matches!(
        key.object_type(),
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA
    )
}

/// The MAC or signature of `data` with the key that a specification names.
pub(super) async fn make(
    context: &mut Context,
    information: &MacSignatureKeyInformation,
    data: &[u8],
) -> Result<Bytes, Fault> {
    let key = door::named(context, &information.unique_identifier, Permission::Mac).await?;
    let mask = match macs(&key) {
        true => CryptographicUsageMask::MAC_GENERATE,
        false => CryptographicUsageMask::SIGN,
    };
    usage::allowed(context, &key, mask, Purpose::Protect)?;
    let asked = usage::parameters(&key, information.cryptographic_parameters.as_ref())?;
    sign(context, &key, &asked, data).await
}

/// # Errors
/// [`does_not_hold`] when the MAC or signature is not that of `data`, or is missing.
pub(super) async fn check(
    context: &mut Context,
    information: &MacSignatureKeyInformation,
    data: &[u8],
    given: Option<&Bytes>,
) -> Result<(), Fault> {
    let permission = Permission::MacVerify;
    let key = door::named(context, &information.unique_identifier, permission).await?;
    // As with Wrap Key and Unwrap Key: who may make them may see whether they hold.
    let mask = match macs(&key) {
        true => CryptographicUsageMask::MAC_VERIFY | CryptographicUsageMask::MAC_GENERATE,
        false => CryptographicUsageMask::VERIFY | CryptographicUsageMask::SIGN,
    };
    usage::allowed(context, &key, mask, Purpose::Process)?;
    let asked = usage::parameters(&key, information.cryptographic_parameters.as_ref())?;
    let given = given.ok_or_else(does_not_hold)?;
    match verify(context, &key, &asked, data, given).await? {
        true => Ok(()),
        false => Err(does_not_hold()),
    }
}

async fn sign(
    context: &mut Context,
    key: &Sealed,
    asked: &CryptographicParameters,
    data: &[u8],
) -> Result<Bytes, Fault> {
    if !macs(key) {
        return Err(no_signatures());
    }
    let hash = parameters::hmac_hash(key, asked)?;
    mac::hmac(context, key, hash, data).await
}

async fn verify(
    context: &mut Context,
    key: &Sealed,
    asked: &CryptographicParameters,
    data: &[u8],
    signature: &[u8],
) -> Result<bool, Fault> {
    use subtle::ConstantTimeEq as _;
    if !macs(key) {
        return Err(no_signatures());
    }
    let hash = parameters::hmac_hash(key, asked)?;
    let expected = Box::pin(mac::hmac(context, key, hash, data)).await?;
    Ok(bool::from(expected.as_slice().ct_eq(signature)))
}

fn no_signatures() -> Fault {
    Fault::new(
        Reason::FeatureNotSupported,
        "wrapping by signature is not supported yet; name a symmetric key for a MAC",
    )
}

/// Checks what can be checked of an object that is registered wrapped: a MAC or signature over the
/// bytes as they are, by a key that is here. What was authenticated before it was encrypted shows
/// when it is unwrapped.
pub async fn check_registered(context: &mut Context, object: &Object) -> Result<(), Fault> {
    let Some(block) = object.key_block() else {
        return Ok(());
    };
    let Some(data) = &block.key_wrapping_data else {
        return Ok(());
    };
    // A method that this server does not do is kept and returned as it is.
    let Ok(plan) = super::unwrap::plan(data) else {
        return Ok(());
    };
    let (information, bare) = match plan.authentication {
        Some((information, super::method::Over::Wrapped)) => (information, true),
        Some((information, super::method::Over::Clear)) => (information, plan.encryption.is_none()),
        None => return Ok(()),
    };
    if !bare {
        return Ok(());
    }
    let wrapped = super::encoding::wrapped_bytes(block)?;
    let mac = data.mac_signature.as_ref();
    match check(context, information, &wrapped, mac).await {
        Err(fault) if door::is_absent(&fault) => Ok(()),
        other => other,
    }
}
