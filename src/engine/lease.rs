//! The node's lease: what it remembers of others' rows is good only while the tail of the journal
//! has been read within the last second (DESIGN §5).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Engine;
use crate::store::StoreError;
use crate::store::record::{EntityKind, JournalEntry};

/// How often the tail is read.
const STEP: Duration = Duration::from_millis(200);
/// How long what was remembered holds after the tail was read.
pub const LENGTH: Duration = Duration::from_secs(1);
/// Journal entries per look.
const LOOK: u32 = 1000;

#[derive(Debug)]
pub struct Lease {
    start: Instant,
    /// Milliseconds after `start` at which it runs out.
    until: AtomicU64,
}

impl Default for Lease {
    fn default() -> Self {
        Lease {
            start: Instant::now(),
            until: AtomicU64::new(0),
        }
    }
}

impl Lease {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn is_live(&self) -> bool {
        self.now() < self.until.load(Ordering::Acquire)
    }

    fn renew(&self, asked_at: u64) {
        let length = u64::try_from(LENGTH.as_millis()).unwrap_or(0);
        self.until.store(asked_at + length, Ordering::Release);
    }
}

/// Reads the journal's tail for as long as the engine lives.
pub fn keep(engine: &Arc<Engine>, mut position: i64) {
    let weak = Arc::downgrade(engine);
    tokio::spawn(async move {
        while let Some(engine) = weak.upgrade() {
            let asked_at = engine.lease.now();
            match look(&engine, &mut position).await {
                Ok(Look::Whole) => engine.lease.renew(asked_at),
                Ok(Look::More) => continue,
                Ok(Look::Blind) => {}
                Ok(Look::TooMuch) => {
                    tracing::warn!(
                        "a transaction holds the journal back; nothing remembered is used"
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "the journal cannot be read; nothing remembered is used")
                }
            }
            drop(engine);
            tokio::time::sleep(STEP).await;
        }
    });
}

enum Look {
    /// All that was committed before the look is known.
    Whole,
    More,
    /// More is held back than a look takes in.
    TooMuch,
    /// The token's masters are others than this node knows.
    Blind,
}

async fn look(engine: &Engine, position: &mut i64) -> Result<Look, StoreError> {
    let settled = engine.store.journal(*position, LOOK).await?;
    *position = settled.last().map_or(*position, |entry| entry.position);
    learn(engine, &settled).await;
    engine.endpoints.hear(&settled);
    if settled.len() == LOOK as usize {
        return Ok(Look::More);
    }
    // Anybody's open transaction in the cluster holds the settled part back for as long as it
    // likes; a revocation must not wait for it. These entries are read again until they settle.
    let ahead = engine.store.journal_ahead(*position, LOOK).await?;
    learn(engine, &ahead).await;
    engine.endpoints.hear(&ahead);
    if let Err(error) = engine.follow_masters().await {
        tracing::warn!(%error, "new masters cannot be looked for in the token");
        return Ok(Look::Blind);
    }
    Ok(if ahead.len() == LOOK as usize {
        Look::TooMuch
    } else {
        Look::Whole
    })
}

async fn learn(engine: &Engine, entries: &[JournalEntry]) {
    for entry in entries {
        let known = EntityKind::from_number(i64::from(entry.kind))
            .and_then(|kind| engine.freshness.seen_entity(kind, entry.tenant, &entry.key));
        // Entries that do not settle are read again and again.
        if known.is_none_or(|version| version < entry.version) {
            engine.masters.learn(entry.kind, entry.tenant);
        }
        engine
            .freshness
            .note(entry.kind, entry.tenant, &entry.key, entry.version);
        if entry.kind == 0 {
            engine
                .forget_key(entry.tenant, &entry.key, entry.version)
                .await;
        }
    }
    if entries.iter().any(|entry| EntityKind::says_who(entry.kind)) {
        engine.directory.forget();
        engine.cached.clear();
    }
}
