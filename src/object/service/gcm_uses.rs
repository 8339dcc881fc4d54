//! How often GCM may run with one key under random vectors: 2^32 times (SP 800-38D §8.3). The
//! count is kept in rows of its own, taken in blocks before they are used, so that neither a crash
//! nor another node lets a key be used more often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::row::{Row, RowRef};
use crate::object::managed::Sealed;
use crate::store::StoreError;

/// Uses of one key.
const LIMIT: u64 = 1 << 32;
/// A block's size grows with the use of the key: most keys see few uses, and what is taken and not
/// used before a stop is lost.
const FIRST_BLOCK: u64 = 1 << 10;
const LARGEST_BLOCK: u64 = 1 << 20;
/// Keys whose blocks are remembered; what falls out is lost like at a stop.
const REMEMBERED: usize = 50_000;

/// Body of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    pub uses: u64,
}

#[derive(Debug)]
struct Block {
    left: AtomicU64,
    size: u64,
}

/// What this node has taken and not yet used.
#[derive(Debug)]
pub struct GcmUses {
    blocks: Cache<Row, Arc<Block>>,
}

impl Default for GcmUses {
    fn default() -> Self {
        GcmUses {
            blocks: Cache::new(REMEMBERED),
        }
    }
}

impl Block {
    fn take(&self) -> bool {
        self.left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}

/// Counts one use.
///
/// # Errors
/// When the key has none left.
pub async fn count(context: &Context, key: &Sealed) -> Result<(), Fault> {
    let engine = &context.engine;
    let row = RowRef::of(key);
    let taken = |block: &Option<Arc<Block>>| block.as_ref().is_some_and(|block| block.take());
    if taken(&engine.gcm_uses.blocks.get(&row)) {
        return Ok(());
    }
    // One of many that find none left takes the next block for all of them.
    let _turn = engine.turns.take(key.tenant, &key.unique_identifier).await;
    let known = engine.gcm_uses.blocks.get(&row);
    if taken(&known) {
        return Ok(());
    }
    let size = known.map_or(FIRST_BLOCK, |block| (block.size * 4).min(LARGEST_BLOCK));
    for _ in 0..16 {
        match engine.take_gcm_uses(key, size, LIMIT).await {
            Ok(None) => {
                return Err(Fault::new(
                    Reason::UsageLimitExceeded,
                    "the key was used 2^32 times with random vectors, which is as often as GCM allows; re-key it",
                ));
            }
            Ok(Some(taken)) => {
                let block = Block {
                    left: AtomicU64::new(taken - 1),
                    size,
                };
                engine.gcm_uses.blocks.insert(row.owned(), Arc::new(block));
                return Ok(());
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}
