//! How often a tenant's seal key is used: GCM with random vectors allows 2^32 times (SP 800-38D §8.3).
//! Uses are set aside in the database in blocks before they are made, so that neither a crash nor
//! another process makes more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::{Hsm, HsmError, TenantKeys};
use crate::store::record::TenantId;

/// Uses of one key.
pub const SEALS: u64 = 1 << 32;
/// From here on the tenant gets another one.
pub const WORN: u64 = 1 << 30;
/// A block grows with the use of the key; what is set aside and not used before a stop is lost.
const FIRST_BLOCK: u64 = 1 << 10;
const LARGEST_BLOCK: u64 = 1 << 20;

/// What this process has set aside and not used yet.
#[derive(Debug, Default)]
pub(super) struct Seals {
    blocks: RwLock<HashMap<(TenantId, u32), Arc<Block>>>,
}

#[derive(Debug, Default)]
struct Block {
    left: AtomicU64,
    /// Of what was set aside last.
    size: AtomicU64,
    /// Held by the one of many callers that sets the next uses aside for all of them.
    refill: tokio::sync::Mutex<()>,
}

impl Block {
    fn take(&self) -> bool {
        let one = |left: u64| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one);
        taken.is_ok()
    }
}

impl Seals {
    fn block(&self, place: (TenantId, u32)) -> Arc<Block> {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = blocks.get(&place) {
            return Arc::clone(block);
        }
        drop(blocks);
        let mut blocks = self.blocks.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(blocks.entry(place).or_default())
    }
}

impl Hsm {
    /// Counts one use of a seal key; without a database nothing is counted.
    ///
    /// # Errors
    /// [`HsmError::UsedUp`] when the key has no use left.
    pub(super) async fn count_seal(&self, keys: &TenantKeys, version: u32) -> Result<(), HsmError> {
        let place = (keys.tenant(), version);
        let block = self.seals.block(place);
        if block.take() {
            return Ok(());
        }
        let Some(rows) = self.source.rows() else {
            return Ok(());
        };
        let _refill = block.refill.lock().await;
        if block.take() {
            return Ok(());
        }
        let before = block.size.load(Ordering::Relaxed);
        let size = (before * 4).clamp(FIRST_BLOCK, LARGEST_BLOCK);
        let taken = rows.take_seals(place.0, version, size, SEALS).await?;
        let taken = taken.ok_or_else(|| {
            HsmError::UsedUp(format!(
                "2^32 uses of seal-v{version} of tenant {}; `keyward tenant rotate` makes the next version", keys.tenant().0
            ))
        })?;
        block.size.store(size, Ordering::Relaxed);
        block
            .left
            .fetch_add(taken.saturating_sub(1), Ordering::AcqRel);
        Ok(())
    }
}
