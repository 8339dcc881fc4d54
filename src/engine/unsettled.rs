//! What a message has written and not seen on disk yet: its items are applied as they come, each by
//! itself and in order, and the answer waits once for all of them (`docs/decisions/store.md`).

use super::Engine;
use super::error::Fault;
use super::freshness::{self, Versions};
use crate::protocol::enumeration::Operation;
use crate::store::record::{Change, Commit};
use crate::store::{Applied, Line, StoreError};

/// What only makes objects and reads nothing that an earlier item may have written, but through the
/// context, which waits. Every other operation begins when all before it is durable.
static AHEAD: &[Operation] = &[
    Operation::CREATE,
    Operation::CREATE_KEY_PAIR,
    Operation::REGISTER,
];

pub fn goes_ahead(operation: Operation) -> bool {
    AHEAD.contains(&operation)
}

#[derive(Debug)]
struct Waiting {
    /// Place in the batch.
    place: usize,
    versions: Versions,
    applied: Applied,
}

#[derive(Debug, Default)]
struct Desk {
    waiting: Vec<Waiting>,
    /// Place in the batch, and what became of the item's commit.
    ended: Vec<(usize, Result<(), Fault>)>,
}

/// Of one message.
#[derive(Debug, Default)]
pub struct Unsettled {
    line: Line,
    desk: tokio::sync::Mutex<Desk>,
    /// Place in the batch of the item that runs, and how many the batch has.
    place: usize,
    count: usize,
}

impl Unsettled {
    pub fn of(count: usize) -> Unsettled {
        Unsettled {
            count,
            ..Unsettled::default()
        }
    }

    pub fn begin(&mut self, place: usize) {
        self.place = place;
    }

    /// Whether this item's commit needs not be durable before the next item begins.
    pub fn takes(&self, operation: Operation, changes: &[Change]) -> bool {
        self.count > 1
            && goes_ahead(operation)
            && changes
                .iter()
                .all(|change| matches!(change, Change::Insert { .. }))
    }

    /// Writes an item's changes without waiting for the disk.
    ///
    /// # Errors
    /// As [`Engine::commit`].
    pub async fn commit(&mut self, engine: &Engine, commit: Commit) -> Result<(), StoreError> {
        let versions = freshness::versions(&commit);
        engine.refuse_old_macs(&commit).await?;
        let more = self.place + 1 < self.count;
        let applied = engine.store.apply_ahead(&self.line, commit, more).await?;
        self.desk.get_mut().waiting.push(Waiting {
            place: self.place,
            versions,
            applied,
        });
        Ok(())
    }

    /// Waits until all that was written is durable.
    ///
    /// # Errors
    /// Where some of it was lost.
    pub async fn settle(&self, engine: &Engine) -> Result<(), Fault> {
        let mut desk = self.desk.lock().await;
        for Waiting {
            place,
            versions,
            applied,
        } in std::mem::take(&mut desk.waiting)
        {
            let settled = engine.store.settle(&self.line, applied).await;
            if settled.is_ok() {
                engine.note(versions).await;
            }
            desk.ended.push((place, settled.map_err(Fault::from)));
        }
        let lost = desk
            .ended
            .iter()
            .find_map(|(_, ended)| ended.as_ref().err());
        lost.cloned().map_or(Ok(()), Err)
    }

    /// What became of each commit; all are durable or lost.
    pub async fn end(&self, engine: &Engine) -> Vec<(usize, Result<(), Fault>)> {
        drop(self.settle(engine).await);
        std::mem::take(&mut self.desk.lock().await.ended)
    }
}
