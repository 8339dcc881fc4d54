//! Rows that are no managed objects: read, verified and remembered for as long as the node's
//! lease lasts; written with their MAC.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::hsm::Hsm;
use crate::object::mac;
use crate::object::managed::Unsound;
use crate::store::record::{Change, Entity, EntityKind, TenantId};
use crate::store::{Store, StoreError};

/// Why an entity is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum EntityError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unsound(#[from] Unsound),
}

/// A verified row with what it means.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    pub key: String,
    pub tenant: TenantId,
    pub version: i64,
    pub body: T,
}

/// Checks the MAC and reads the body.
pub async fn verify<T: DeserializeOwned>(hsm: &Hsm, entity: Entity) -> Result<Verified<T>, EntityError> {
    let message = mac::of_entity(&entity);
    let sound = hsm.verify_row_mac(entity.mac_version, &message, &entity.mac).await.map_err(Unsound::from)?;
    if !sound {
        return Err(Unsound::Mac.into());
    }
    let body = serde_json::from_slice(&entity.body)
        .map_err(|error| Unsound::Damaged(format!("{:?} {}: {error}", entity.kind, entity.key)))?;
    Ok(Verified { key: entity.key, tenant: entity.tenant, version: entity.version, body })
}

pub async fn read<T: DeserializeOwned>(
    store: &Store,
    hsm: &Hsm,
    kind: EntityKind,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Verified<T>>, EntityError> {
    match store.entity(kind, tenant, key).await? {
        Some(entity) => verify(hsm, entity).await.map(Some),
        None => Ok(None),
    }
}

/// A row with its MAC, ready to be committed.
pub async fn put<T: Serialize>(
    hsm: &Hsm,
    kind: EntityKind,
    tenant: TenantId,
    key: &str,
    version: i64,
    body: &T,
) -> Result<Change, EntityError> {
    let body = serde_json::to_vec(body).map_err(|error| Unsound::Damaged(error.to_string()))?;
    let mut entity = Entity {
        kind,
        tenant,
        key: key.to_owned(),
        version,
        body,
        mac_version: hsm.mac_version(),
        mac: [0; 32],
    };
    let message = mac::of_entity(&entity);
    entity.mac = hsm.row_mac(entity.mac_version, &message).await.map_err(Unsound::from)?;
    Ok(Change::Put(entity))
}

/// Remembered entities of one kind, by tenant and key.
pub type Remembered<T> = quick_cache::sync::Cache<(TenantId, String), Arc<T>>;
