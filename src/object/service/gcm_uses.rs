//! How often a key is used with GCM under random vectors. The count is kept in rows of its own.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::row::{Row, RowRef};
use crate::hsm::uses::{Block, LIMIT};
use crate::object::managed::Sealed;
use crate::store::StoreError;

/// Keys whose blocks are remembered; what falls out is lost like at a stop.
const REMEMBERED: usize = 50_000;

/// Body of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    pub uses: u64,
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
    let block = known.unwrap_or_default();
    let size = block.next();
    for _ in 0..16 {
        match engine.take_gcm_uses(key, size, LIMIT).await {
            Ok(None) => {
                return Err(Fault::new(
                    Reason::UsageLimitExceeded,
                    "the key was used 2^32 times with random vectors, which is as often as GCM allows; re-key it",
                ));
            }
            Ok(Some(taken)) => {
                block.refill(size, taken);
                engine.gcm_uses.blocks.insert(row.owned(), block);
                return Ok(());
            }
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}
