//! Tenants' keys move from an older KEK to the newest.

use std::time::Instant;

use super::claim::Claim;
use super::outstanding::tenant_keys;
use super::sweep::{Moved, write};
use super::{Ground, MastersError, Pace, refused};
use crate::engine::entity::{self, Verified};
use crate::engine::tenant::TenantKey;
use crate::store::record::{Change, EntityKind};

/// Keys of one commit.
const CHUNK: usize = 64;
/// Looks before somebody who keeps changing keys is reported.
const PASSES: u32 = 8;

/// Those that are under a KEK before `kek`.
pub(super) async fn behind(
    ground: Ground<'_>,
    kek: u32,
) -> Result<Vec<Verified<TenantKey>>, MastersError> {
    let keys = tenant_keys(ground).await?.into_iter();
    Ok(keys
        .filter(|row| !row.body.is_destroyed() && row.body.kek_version < kek)
        .collect())
}

pub(super) async fn rewrap(
    ground: Ground<'_>,
    kek: u32,
    (claim, pace): (&mut Claim, &Pace),
) -> Result<Moved, MastersError> {
    let mut moved = Moved::default();
    for chunk in behind(ground, kek).await?.chunks(CHUNK) {
        let begun = Instant::now();
        let mut changes = Vec::with_capacity(chunk.len());
        for row in chunk {
            match one(ground, row).await {
                Ok(change) => changes.push(change),
                Err(error) => {
                    moved.fail(&format!("{} of tenant {}", row.key, row.tenant.0), &error)
                }
            }
        }
        moved.add(write(ground, changes).await?);
        pace.went(chunk.len() as u64, begun).await;
        if !claim.holds(ground).await? {
            moved.cut = true;
            break;
        }
    }
    Ok(moved)
}

/// All of them at once, without a claim: a shredding does not wait for others. Answers how many.
pub(super) async fn rewrap_now(ground: Ground<'_>, kek: u32) -> Result<u64, MastersError> {
    let mut moved = 0;
    for _ in 0..PASSES {
        let keys = behind(ground, kek).await?;
        if keys.is_empty() {
            return Ok(moved);
        }
        for chunk in keys.chunks(CHUNK) {
            let mut changes = Vec::with_capacity(chunk.len());
            for row in chunk {
                changes.push(one(ground, row).await?);
            }
            moved += write(ground, changes).await?.rows;
        }
    }
    refused("others keep changing tenants' keys; try again")
}

async fn one(ground: Ground<'_>, row: &Verified<TenantKey>) -> Result<Change, MastersError> {
    let key = &row.body;
    let wrapped = ground
        .hsm
        .rewrap_tenant_key(key.purpose(), &key.wrapped())
        .await?;
    let body = TenantKey {
        kek_version: wrapped.kek_version,
        wrapped: wrapped.bytes,
        ..key.clone()
    };
    let (hsm, kind, next) = (ground.hsm, EntityKind::TenantKey, row.version + 1);
    Ok(entity::put(hsm, kind, row.tenant, &row.key, next, &body).await?)
}
