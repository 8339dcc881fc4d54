//! Rows that are no managed objects: read, verified and remembered for as long as the node's
//! lease lasts; written with their MAC.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::freshness::Freshness;
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
pub async fn verify<T: DeserializeOwned>(
    hsm: &Hsm,
    entity: Entity,
) -> Result<Verified<T>, EntityError> {
    let message = mac::of_entity(&entity);
    hsm.verify_row_mac(entity.mac_version, &message, &entity.mac)
        .await
        .map_err(Unsound::from)?;
    let body = serde_json::from_slice(&entity.body)
        .map_err(|error| Unsound::Damaged(format!("{:?} {}: {error}", entity.kind, entity.key)))?;
    Ok(Verified {
        key: entity.key,
        tenant: entity.tenant,
        version: entity.version,
        body,
    })
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

/// Where a running server reads these rows: each verified, and none older than what this node has seen.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub store: &'a Store,
    pub hsm: &'a Hsm,
    pub freshness: &'a Freshness,
}

impl Rows<'_> {
    pub async fn read<T: DeserializeOwned>(
        &self,
        kind: EntityKind,
        tenant: TenantId,
        key: &str,
    ) -> Result<Option<Verified<T>>, EntityError> {
        let seen = self.freshness.seen_entity(kind, tenant, key);
        match self.store.entity(kind, tenant, key).await? {
            Some(entity) => self.take(entity, seen).await.map(Some),
            None if seen.is_some() => Err(Unsound::Gone.into()),
            None => Ok(None),
        }
    }

    /// All of a kind in a tenant.
    pub async fn all<T: DeserializeOwned>(
        &self,
        kind: EntityKind,
        tenant: TenantId,
    ) -> Result<Vec<Verified<T>>, EntityError> {
        let mut all = Vec::new();
        for entity in self.store.entities(kind, Some(tenant)).await? {
            // Keys of tenants do not change: that one was seen after it was read is no matter here.
            let seen = self.freshness.seen_entity(kind, tenant, &entity.key);
            all.push(self.take(entity, seen).await?);
        }
        Ok(all)
    }

    async fn take<T: DeserializeOwned>(
        &self,
        entity: Entity,
        seen: Option<i64>,
    ) -> Result<Verified<T>, EntityError> {
        if seen.is_some_and(|seen| seen > entity.version) {
            return Err(Unsound::Stale.into());
        }
        let kind = entity.kind as u8;
        let verified = verify(self.hsm, entity).await?;
        self.freshness
            .note(kind, verified.tenant, &verified.key, verified.version);
        Ok(verified)
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
        mac_version: hsm.row_mac_version().await.map_err(Unsound::from)?,
        mac: [0; 32],
    };
    let message = mac::of_entity(&entity);
    entity.mac = hsm
        .row_mac(entity.mac_version, &message)
        .await
        .map_err(Unsound::from)?;
    Ok(Change::Put(entity))
}

/// Remembered entities of one kind, by tenant and key, with the directory's generation in which
/// they were read.
pub type Remembered<T> = quick_cache::sync::Cache<(TenantId, String), (u64, Arc<T>)>;
