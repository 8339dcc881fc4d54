//! MAC/Signature of Key Wrapping Data (1.4 §2.1.5, 2.1 §3.3): made when a key leaves, and checked
//! before anything that came with one is used.

use super::door;
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::managed::Sealed;
use crate::object::service::mac;
use crate::object::service::signature::{self, Signed};
use crate::object::usage::{self, Purpose};
use crate::operation::crypto::parameters;
use crate::protocol::enumeration::{LinkType, ObjectType};
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
    let door = Permission::WrapWith;
    let mut key = door::named(context, &information.unique_identifier, door).await?;
    // 1.4 §2.1.5: the private key, "or its corresponding Public Key", names the signature.
    if key.object_type() == ObjectType::PUBLIC_KEY {
        key = door::half(context, key, LinkType::PRIVATE_KEY_LINK, door).await?;
    }
    let (permission, mask) = match macs(&key) {
        true => (Permission::Mac, CryptographicUsageMask::MAC_GENERATE),
        false => (Permission::Sign, CryptographicUsageMask::SIGN),
    };
    context.permit_with(&key, permission)?;
    usage::allowed(context, &key, mask, Purpose::Protect)?;
    let asked = usage::parameters(&key, information.cryptographic_parameters.as_ref())?;
    parameters::charge(context, &key, data.len()).await?;
    if macs(&key) {
        let row = mac::asked(&key, &asked)?;
        return mac::compute(context, &key, row, data).await;
    }
    let scheme = signature::asked(&key, &asked)?;
    scheme.sign(context, &key, Signed::Data(data)).await
}

/// # Errors
/// [`does_not_hold`] when the MAC or signature is not that of `data`, or is missing.
pub(super) async fn check(
    context: &mut Context,
    information: &MacSignatureKeyInformation,
    data: &[u8],
    given: Option<&Bytes>,
) -> Result<(), Fault> {
    let door = Permission::UnwrapWith;
    let mut key = door::named(context, &information.unique_identifier, door).await?;
    if key.object_type() == ObjectType::PRIVATE_KEY {
        key = door::half(context, key, LinkType::PUBLIC_KEY_LINK, door).await?;
    }
    // As with Wrap Key and Unwrap Key: who may make MACs may see whether they hold.
    let (permission, mask) = match macs(&key) {
        true => (
            Permission::MacVerify,
            CryptographicUsageMask::MAC_VERIFY | CryptographicUsageMask::MAC_GENERATE,
        ),
        false => (Permission::SignatureVerify, CryptographicUsageMask::VERIFY),
    };
    context.permit_with(&key, permission)?;
    usage::allowed(context, &key, mask, Purpose::Process)?;
    let asked = usage::parameters(&key, information.cryptographic_parameters.as_ref())?;
    let given = given.ok_or_else(does_not_hold)?;
    // Boxed: a key that itself came wrapped is opened in here.
    match Box::pin(verify(context, &key, &asked, data, given)).await? {
        true => Ok(()),
        false => Err(does_not_hold()),
    }
}

async fn verify(
    context: &mut Context,
    key: &Sealed,
    asked: &CryptographicParameters,
    data: &[u8],
    given: &[u8],
) -> Result<bool, Fault> {
    if macs(key) {
        let row = mac::asked(key, asked)?;
        return mac::verify(context, key, row, data, given).await;
    }
    let scheme = signature::asked(key, asked)?;
    scheme.verify(context, key, Signed::Data(data), given).await
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
