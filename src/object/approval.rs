//! Approved wrapping keys (DESIGN §4.3): the only keys under which sensitive ones leave the server.

use ttlv::Value;

use super::managed::{Managed, Sealed, Unsound};
use crate::audit::administration::{self, Deed};
use crate::engine::founding;
use crate::hsm::{Hsm, HsmError};
use crate::protocol::attributes::{Attribute, AttributeReference, VendorName};
use crate::protocol::enumeration::ObjectType;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::tag;
use crate::store::record::TenantId;
use crate::store::{Store, StoreError};

/// The server's own attribute on an approved key, `y-…` in 1.x: no client can write it.
const NAME: &str = "keyward-approved-wrapping-key";

#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    #[error("the tenant has no object {0:?}")]
    Absent(String),
    #[error("the key cannot be approved: {0}")]
    Unfit(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unsound(#[from] Unsound),
    #[error(transparent)]
    Token(#[from] HsmError),
    #[error(transparent)]
    Founding(#[from] founding::FoundingError),
}

fn reference() -> AttributeReference {
    AttributeReference::Vendor(VendorName {
        vendor: "y".to_owned(),
        name: NAME.to_owned(),
    })
}

pub fn is_approved(key: &Managed) -> bool {
    key.attributes.all(&reference()).next().is_some()
}

/// Made here, never extractable, for wrapping only for its whole life.
fn fit(key: &Managed) -> Result<(), ApprovalError> {
    let mask = key
        .attributes
        .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
        .unwrap_or(0);
    let wrapping = CryptographicUsageMask::WRAP_KEY | CryptographicUsageMask::UNWRAP_KEY;
    let only_wrapping = mask != 0 && wrapping.contains(CryptographicUsageMask::from_integer(mask));
    if key.object_type() != ObjectType::SYMMETRIC_KEY {
        return Err(ApprovalError::Unfit("it is no symmetric key"));
    }
    if !key.made_here {
        return Err(ApprovalError::Unfit("this server did not make it"));
    }
    if key.attributes.boolean(tag::NEVER_EXTRACTABLE) != Some(true) {
        return Err(ApprovalError::Unfit(
            "it is or was extractable; create one with Extractable false",
        ));
    }
    if !only_wrapping {
        return Err(ApprovalError::Unfit(
            "it is for more than Wrap Key and Unwrap Key",
        ));
    }
    Ok(())
}

/// Approves a key, in a new version of its row.
///
/// # Errors
/// `Unfit` when the key is not one that can be trusted to stay here.
pub async fn approve(
    store: &Store,
    hsm: &Hsm,
    tenant: TenantId,
    identifier: &str,
    now: i64,
) -> Result<(), ApprovalError> {
    let record = store
        .fetch(tenant, identifier)
        .await?
        .ok_or_else(|| ApprovalError::Absent(identifier.to_owned()))?;
    let key = Sealed::verify(hsm, record).await?;
    fit(&key)?;
    if is_approved(&key) {
        return Ok(());
    }
    let mut draft = key.edit();
    draft.attributes.add(Attribute {
        reference: reference(),
        index: None,
        value: Value::Boolean(true),
    });
    draft
        .attributes
        .set(tag::LAST_CHANGE_DATE, Value::DateTime(now));
    let tenants = founding::tenants(store, hsm).await?;
    let distinguish = tenants
        .iter()
        .any(|(id, settings)| *id == tenant && settings.duplicate_names);
    let row = draft.seal(hsm, distinguish).await?;
    let deed = Deed {
        command: "key approve",
        tenant,
        object: identifier,
        time: now,
    };
    administration::write(store, vec![row.change()], deed).await?;
    Ok(())
}
