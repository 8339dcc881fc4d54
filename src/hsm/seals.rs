//! How often a tenant's seal key is used.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Hsm, HsmError, TenantKeys, uses};
use crate::store::record::TenantId;

/// From here on the tenant gets another one.
pub const WORN: u64 = 1 << 30;
/// What this process has set aside and not used yet.
#[derive(Debug, Default)]
pub(super) struct Seals {
    blocks: RwLock<HashMap<(TenantId, u32), Arc<Block>>>,
}

#[derive(Debug, Default)]
struct Block {
    uses: uses::Block,
    /// Held by the one of many callers that sets the next uses aside for all of them.
    refill: tokio::sync::Mutex<()>,
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
        if block.uses.take() {
            return Ok(());
        }
        let Some(rows) = self.source.rows() else {
            return Ok(());
        };
        let _refill = block.refill.lock().await;
        if block.uses.take() {
            return Ok(());
        }
        let size = block.uses.next();
        let taken = rows.take_seals(place.0, version, size, uses::LIMIT).await?;
        let taken = taken.ok_or_else(|| {
            HsmError::UsedUp(format!(
                "2^32 uses of seal-v{version} of tenant {}; `keyward tenant rotate` makes the next version", keys.tenant().0
            ))
        })?;
        block.uses.refill(size, taken);
        Ok(())
    }
}
