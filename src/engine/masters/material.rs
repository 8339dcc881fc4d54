//! One row to the newest versions: its material and its MAC.

use super::sweep::{Moved, write};
use super::{Ground, MastersError};
use crate::engine::asynchronous;
use crate::engine::entity;
use crate::engine::session::user::User;
use crate::hsm::{KeyKind, TenantKeys};
use crate::object::managed::{Sealed, Unsound};
use crate::object::{material, usage};
use crate::protocol::enumeration::ObjectType;
use crate::store::archive::Holder;
use crate::store::record::{Blob, BlobKind, Change, EntityKind, Record, TenantId};
use crate::store::tally::Behind;

/// A row to be written, and what it frees in the archive.
#[derive(Debug)]
pub(super) struct Object {
    pub change: Change,
    pub freed: Option<String>,
}

fn is_behind(blob: &Blob, than: &Behind) -> bool {
    match blob.kind {
        BlobKind::Wrapped => blob.key_version < than.wrap,
        BlobKind::Sealed => blob.key_version < than.seal,
        BlobKind::Anchored => false,
    }
}

/// What a wrapped key is to the token; secrets are their bytes.
fn kind(object: &Sealed) -> Option<KeyKind> {
    match object.object_type() {
        ObjectType::PRIVATE_KEY => usage::private_kind(object),
        _ => Some(KeyKind::Generic),
    }
}

/// The next version of an object's row. Nothing that a client sees is another. None: nothing of it is
/// under an older version.
pub(super) async fn moved(
    ground: Ground<'_>,
    keys: &TenantKeys,
    distinguish: bool,
    than: &Behind,
    record: Record,
) -> Result<Option<Object>, MastersError> {
    let (hsm, old_mac) = (ground.hsm, record.mac_version < than.mac);
    let object = Sealed::verify(hsm, record).await?;
    let mut draft = object.edit();
    let (mut changed, mut freed) = (old_mac, None);
    let binding = material::binding(ground.deployment, &object);
    if let Some(blob) = object.blob.as_ref().filter(|blob| is_behind(blob, than)) {
        draft.blob = Some(hsm.rewrap_blob(keys, kind(&object), &binding, blob).await?);
        changed = true;
    }
    if let Some(receipt) = object.archive.as_ref().filter(|_| than.archived) {
        let holder = Holder {
            tenant: object.tenant,
            unique_identifier: object.unique_identifier.clone(),
        };
        let lost = |error| MastersError::Refused(format!("the archive: {error}"));
        let blob = ground.archive.get(receipt, &holder).await.map_err(lost)?;
        if is_behind(&blob, than) {
            let blob = hsm
                .rewrap_blob(keys, kind(&object), &binding, &blob)
                .await?;
            let written = ground.archive.put(&holder, &blob).await.map_err(lost)?;
            draft.archive = Some(written);
            freed = Some(receipt.name.clone());
            changed = true;
        }
    }
    if !changed {
        return Ok(None);
    }
    let row = draft.seal(hsm, distinguish).await?;
    Ok(Some(Object {
        change: row.change(),
        freed,
    }))
}

/// What else is under a tenant's seal key: secrets of users, and what is kept of jobs.
pub(super) async fn secrets(
    ground: Ground<'_>,
    tenant: TenantId,
    (keys, seal): (&TenantKeys, u32),
) -> Result<Moved, MastersError> {
    let mut moved = Moved::default();
    for kind in [EntityKind::User, EntityKind::Job] {
        for row in ground.store.entities(kind, Some(tenant)).await? {
            let what = format!("{kind:?} {}", row.key);
            let change = match kind {
                EntityKind::User => user(ground, keys, seal, row).await,
                _ => job(ground, keys, seal, row).await,
            };
            match change {
                Ok(Some(change)) => moved.add(write(ground, vec![change]).await?),
                Ok(None) => {}
                Err(error) => moved.fail(&what, &error),
            }
        }
    }
    Ok(moved)
}

async fn user(
    ground: Ground<'_>,
    keys: &TenantKeys,
    seal: u32,
    row: crate::store::record::Entity,
) -> Result<Option<Change>, MastersError> {
    let mut row = entity::verify::<User>(ground.hsm, row).await?;
    let rewrapped = row.body.rewrap_secrets(ground.hsm, keys, seal).await;
    let changed = rewrapped.map_err(|error| Unsound::Damaged(error.to_string()))?;
    if !changed {
        return Ok(None);
    }
    let put = row
        .body
        .put(ground.hsm, row.tenant, row.version + 1)
        .await?;
    Ok(Some(put))
}

async fn job(
    ground: Ground<'_>,
    keys: &TenantKeys,
    seal: u32,
    row: crate::store::record::Entity,
) -> Result<Option<Change>, MastersError> {
    let hsm = ground.hsm;
    let mut row = entity::verify::<asynchronous::job::Job>(hsm, row).await?;
    let place = (row.tenant, row.key.as_str());
    let changed = row
        .body
        .rewrap(hsm, ground.deployment, place, (keys, seal))
        .await?;
    if !changed {
        return Ok(None);
    }
    let (kind, next) = (EntityKind::Job, row.version + 1);
    let put = entity::put(hsm, kind, row.tenant, &row.key, next, &row.body).await?;
    Ok(Some(put))
}
