//! The next version of a tenant's keys.

use super::outstanding::tenant_keys;
use super::{Ground, MastersError, refused};
use crate::audit::administration::{self, Deed};
use crate::engine::entity;
use crate::engine::tenant::TenantKey;
use crate::hsm::Purpose;
use crate::store::record::{EntityKind, TenantId};

/// Makes the next version of a tenant's keys of these purposes; everything new is under it. Answers
/// the versions, `wrap-v2`. What is under older ones is [`super::turn`]'s to move.
///
/// # Errors
/// Refused when the tenant has no keys (any more); `Exists` of the store when somebody else makes the
/// same version at the moment.
pub async fn rotate_tenant(
    ground: Ground<'_>,
    tenant: TenantId,
    purposes: &[Purpose],
    command: &str,
) -> Result<Vec<String>, MastersError> {
    ground.hsm.look_for_masters().await?;
    let keys = tenant_keys(ground).await?;
    let (mut changes, mut made) = (Vec::new(), Vec::new());
    for purpose in purposes {
        let newest = keys
            .iter()
            .filter(|row| row.tenant == tenant && row.body.purpose() == *purpose)
            .filter(|row| !row.body.is_destroyed())
            .map(|row| row.body.version)
            .max();
        let Some(newest) = newest else {
            return refused("the tenant has no keys: it was shredded");
        };
        let wrapped = ground.hsm.new_tenant_key(*purpose).await?;
        let body = TenantKey {
            purpose: *purpose as u8,
            version: newest.saturating_add(1),
            kek_version: wrapped.kek_version,
            wrapped: wrapped.bytes,
        };
        let (hsm, kind, key) = (ground.hsm, EntityKind::TenantKey, body.key());
        changes.push(entity::put(hsm, kind, tenant, &key, 1, &body).await?);
        made.push(key);
    }
    let deed = Deed {
        command,
        tenant,
        object: &made.join(" "),
        time: ground.clock.now(),
    };
    administration::write_by(ground.store, changes, deed, ground.by).await?;
    Ok(made)
}
