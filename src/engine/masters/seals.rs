//! Uses of tenants' seal keys, and those that are used up.

use serde::{Deserialize, Serialize};

use super::outstanding::tenant_keys;
use super::{Ground, MastersError, rotate_tenant};
use crate::engine::entity::{self, EntityError};
use crate::hsm::{Hsm, Purpose, WORN};
use crate::store::record::{Commit, EntityKind, TenantId};
use crate::store::{Store, StoreError};

/// Body of a SealUses row; the row's key is `seal-v1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Uses {
    pub uses: u64,
}

pub(super) fn key(version: u32) -> String {
    format!("seal-v{version}")
}

pub(super) enum Taken {
    /// None: there are none left.
    Uses(Option<u64>),
    Again,
}

pub(super) async fn take(
    store: &Store,
    hsm: &Hsm,
    (tenant, version): (TenantId, u32),
    size: u64,
    limit: u64,
) -> Result<Taken, EntityError> {
    let (kind, key) = (EntityKind::SealUses, key(version));
    let row = entity::read::<Uses>(store, hsm, kind, tenant, &key).await?;
    let (uses, row) = row.map_or((0, 0), |row| (row.body.uses, row.version));
    let taken = size.min(limit.saturating_sub(uses));
    if taken == 0 {
        return Ok(Taken::Uses(None));
    }
    let body = Uses { uses: uses + taken };
    let put = entity::put(hsm, kind, tenant, &key, row + 1, &body).await?;
    let commit = Commit {
        changes: vec![put],
        audit: Vec::new(),
    };
    match store.apply(commit).await {
        Ok(()) => Ok(Taken::Uses(Some(taken))),
        Err(StoreError::Conflict | StoreError::Exists) => Ok(Taken::Again),
        Err(error) => Err(error.into()),
    }
}

/// Makes the next version of every seal key that was used 2^30 times; how many there were.
///
/// # Errors
/// When rows cannot be read or written.
pub(super) async fn renew_worn(ground: Ground<'_>) -> Result<u64, MastersError> {
    let mut worn = Vec::new();
    for row in ground.store.entities(EntityKind::SealUses, None).await? {
        let row = entity::verify::<Uses>(ground.hsm, row).await?;
        if row.body.uses >= WORN {
            worn.push((row.tenant, row.key));
        }
    }
    if worn.is_empty() {
        return Ok(0);
    }
    let keys = tenant_keys(ground).await?;
    let mut renewed = 0;
    for (tenant, key) in worn {
        let newest = keys
            .iter()
            .filter(|row| row.tenant == tenant && row.body.purpose() == Purpose::Seal)
            .filter(|row| !row.body.is_destroyed())
            .max_by_key(|row| row.body.version);
        if newest.is_some_and(|row| row.key == key) {
            match rotate_tenant(ground, tenant, &[Purpose::Seal], "tenant rotate").await {
                Ok(_) => renewed += 1,
                // Another server was first.
                Err(MastersError::Store(StoreError::Exists)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(renewed)
}
