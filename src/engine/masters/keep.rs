//! Servers look for what is under older versions, and move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Ground, Pace, Turn, turn};
use crate::audit::administration::SERVER;
use crate::engine::Engine;
use crate::hsm::HsmError;
use crate::store::record::EntityKind;

/// For how long rows that cannot be moved are left alone, unless there are new versions.
const REST: Duration = Duration::from_secs(3600);

/// Wakes the keeper when the journal tells of new versions.
#[derive(Debug, Default)]
pub struct Look {
    told: Notify,
    /// The token has other masters than this process knows.
    masters: AtomicBool,
}

impl Look {
    /// Takes up what the journal tells.
    pub fn learn(&self, kind: u8) {
        if kind == EntityKind::MasterVersion as u8 {
            self.masters.store(true, Ordering::Release);
        }
        if kind == EntityKind::MasterVersion as u8 || kind == EntityKind::TenantKey as u8 {
            self.told.notify_one();
        }
    }
}

impl Engine {
    /// Knows the masters that the journal told of.
    ///
    /// # Errors
    /// When the token does not answer; the next call tries again.
    pub(in crate::engine) async fn follow_masters(&self) -> Result<(), HsmError> {
        if !self.masters.masters.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let looked = self.hsm.look_for_masters().await;
        if looked.is_err() {
            self.masters.masters.store(true, Ordering::Release);
        }
        looked
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
                Ok(Turn::Nothing | Turn::Elsewhere) => {}
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
