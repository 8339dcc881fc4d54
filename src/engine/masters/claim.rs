//! One process re-wraps at a time: more would only meet each other's conflicts. A claim that is not
//! renewed lapses, and whoever ignores it does no harm.

use std::time::{Duration, Instant};

use super::row::{SWEEP, Sweep};
use super::{Ground, MastersError};
use crate::engine::entity;
use crate::store::StoreError;
use crate::store::record::{Commit, EntityKind, TenantId};

/// For how long it holds, in seconds.
const HOLDS: i64 = 15;
const RENEW: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub(super) struct Claim {
    worker: String,
    version: i64,
    renewed: Instant,
}

impl Claim {
    /// None while another worker's holds.
    pub async fn take(ground: Ground<'_>, worker: &str) -> Result<Option<Claim>, MastersError> {
        let row = entity::read::<Sweep>(
            ground.store,
            ground.hsm,
            EntityKind::Sweep,
            TenantId(0),
            SWEEP,
        )
        .await?;
        let version = match row {
            Some(row) if row.body.worker != worker && row.body.until > ground.clock.now() => {
                return Ok(None);
            }
            Some(row) => row.version,
            None => 0,
        };
        let mut claim = Claim {
            worker: worker.to_owned(),
            version,
            renewed: Instant::now(),
        };
        Ok(claim.put(ground, HOLDS).await?.then_some(claim))
    }

    /// Whether it is still this worker's; renewed now and then.
    pub async fn holds(&mut self, ground: Ground<'_>) -> Result<bool, MastersError> {
        if self.renewed.elapsed() < RENEW {
            return Ok(true);
        }
        self.put(ground, HOLDS).await
    }

    pub async fn give_up(mut self, ground: Ground<'_>) -> Result<(), MastersError> {
        self.put(ground, 0).await.map(drop)
    }

    async fn put(&mut self, ground: Ground<'_>, holds: i64) -> Result<bool, MastersError> {
        let body = Sweep {
            worker: self.worker.clone(),
            until: ground.clock.now().saturating_add(holds),
        };
        let version = self.version + 1;
        let kind = EntityKind::Sweep;
        let put = entity::put(ground.hsm, kind, TenantId(0), SWEEP, version, &body).await?;
        let commit = Commit {
            changes: vec![put],
            audit: Vec::new(),
        };
        match ground.store.apply(commit).await {
            Ok(()) => {
                self.version = version;
                self.renewed = Instant::now();
                Ok(true)
            }
            Err(StoreError::Conflict | StoreError::Exists) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
