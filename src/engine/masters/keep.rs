//! Servers look for what is under older versions, and move it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::seals::renew_worn;
use super::{Ground, Pace, Turn, admit, complete, turn};
use crate::audit::administration::SERVER;
use crate::engine::Engine;
use crate::hsm::HsmError;
use crate::store::StoreError;
use crate::store::record::{Change, Commit, EntityKind, TenantId};

/// For how long rows that cannot be moved are left alone, unless there are new versions.
const REST: Duration = Duration::from_secs(3600);
/// How soon it is looked again whether another process, which was at it, still is.
const LAPSE: Duration = Duration::from_secs(5);

/// Wakes the keeper when the journal tells of new versions.
#[derive(Debug, Default)]
pub struct Look {
    told: Notify,
    /// The token has other masters than this process knows.
    masters: AtomicBool,
    /// Tenants whose keys are to leave the token.
    shredded: Mutex<Vec<TenantId>>,
}

impl Look {
    /// Takes up what the journal tells.
    pub fn learn(&self, kind: u8, tenant: TenantId) {
        if kind == EntityKind::Shredding as u8 || kind == EntityKind::ShreddedMaster as u8 {
            self.shredded().push(tenant);
        }
        if kind == EntityKind::MasterVersion as u8 {
            self.masters.store(true, Ordering::Release);
        }
        if [
            EntityKind::MasterVersion,
            EntityKind::TenantKey,
            EntityKind::Holder,
        ]
        .iter()
        .any(|known| *known as u8 == kind)
        {
            self.told.notify_one();
        }
    }

    fn shredded(&self) -> MutexGuard<'_, Vec<TenantId>> {
        self.shredded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Knows the masters that the journal told of.
    ///
    /// # Errors
    /// When the token does not answer; the next call tries again.
    pub(in crate::engine) async fn follow_masters(&self) -> Result<(), HsmError> {
        let shredded = std::mem::take(&mut *self.masters.shredded());
        for tenant in shredded {
            self.hsm.forget_tenant(tenant).await?;
        }
        if !self.masters.masters.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        // What is used is known before it is met.
        let looked = match admit(&self.store, &self.hsm).await {
            Ok(()) => self.hsm.look_for_masters().await,
            Err(error) => Err(HsmError::Unavailable(error.to_string())),
        };
        if looked.is_err() {
            self.masters.masters.store(true, Ordering::Release);
        }
        looked
    }

    /// A batch may have made rows before a new version of the MAC master was known, and the old one may
    /// be destroyed before they are written: they are made again.
    ///
    /// # Errors
    /// `Conflict` then.
    pub(in crate::engine) async fn refuse_old_macs(
        &self,
        commit: &Commit,
    ) -> Result<(), StoreError> {
        if commit.changes.is_empty() {
            return Ok(());
        }
        let newest = self.hsm.row_mac_version().await;
        let newest = newest.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let old = commit.changes.iter().any(|change| match change {
            Change::Insert { record, .. } | Change::Update { record, .. } => {
                record.mac_version < newest
            }
            Change::Put(entity) => entity.mac_version < newest,
        });
        match old {
            true => Err(StoreError::Conflict),
            false => Ok(()),
        }
    }

    pub(in crate::engine) fn ground(&self) -> Ground<'_> {
        Ground {
            store: &self.store,
            hsm: &self.hsm,
            clock: &self.clock,
            deployment: &self.deployment,
            archive: &self.archive,
            by: SERVER,
        }
    }
}

/// Looks for as long as the engine lives.
pub fn keep(engine: &Arc<Engine>) {
    let (weak, period) = (Arc::downgrade(engine), engine.settings.rotation);
    let look = Arc::clone(&engine.masters);
    let metrics = &engine.metrics;
    let pace = Pace::new(
        engine.settings.rewrap_rate,
        metrics.rewrapped.clone(),
        metrics.unwrapped.clone(),
    );
    tokio::spawn(async move {
        loop {
            let Some(engine) = weak.upgrade() else { return };
            let mut rest = period;
            if let Err(error) = complete(engine.ground()).await {
                tracing::warn!(%error, "it cannot be said which masters are in this node's tokens; it is tried again");
            }
            if let Err(error) = renew_worn(engine.ground()).await {
                tracing::warn!(%error, "seal keys that were used too often cannot be renewed; it is tried again");
            }
            match turn(engine.ground(), &engine.settings.node, &pace).await {
                Ok(Turn::Done { moved, stuck }) => {
                    // What is stuck needs an administrator; it is no news every minute.
                    rest = if stuck > 0 { REST } else { period };
                    tracing::info!(
                        moved,
                        stuck,
                        "rows were moved to the newest versions of their keys"
                    );
                }
                Ok(Turn::Nothing) => {}
                // It may be killed there.
                Ok(Turn::Elsewhere) => rest = period.min(LAPSE),
                Err(error) => {
                    tracing::warn!(%error, "rows under older versions of keys cannot be moved; it is tried again");
                }
            }
            drop(engine);
            // Told or not: a version made while nobody listened is found as well.
            drop(tokio::time::timeout(rest, look.told.notified()).await);
        }
    });
}
