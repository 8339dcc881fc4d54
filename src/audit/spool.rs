//! Records on their way to the database: written into a shared block, stored at most 100 ms later.
//!
//! A block takes its number when its first line is written, so that an intent always stands before
//! the outcome of its operation. What was taken is written: by the block's writer, by the
//! transaction of a change, or as a void row.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::merkle::leaf_hash;
use super::record::VOID;
use crate::store::record::{AuditRow, Commit};
use crate::store::{Store, StoreError};

/// How long a record of a read may wait (DESIGN §7).
const WAIT: Duration = Duration::from_millis(100);
/// Bytes of a block beyond which the next record begins another.
const BLOCK: usize = 128 << 10;
/// Bytes of blocks that are stored in one transaction.
const TOGETHER: usize = 4 << 20;
/// Bytes that may wait for the database, about 300 000 records. Beyond that requests wait.
const DEPTH: usize = 64 << 20;
/// How long a request waits for room before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database is away for so long that no more records can be kept for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("audit records wait for the database and there is no room for more")]
pub struct Full;

#[derive(Debug)]
struct Block {
    sequence: i64,
    body: Vec<u8>,
    /// A void: counts only where nothing stands yet.
    yields: bool,
}

#[derive(Debug, Default)]
struct Desk {
    open: Option<Block>,
    ready: Vec<Block>,
    flushes: Vec<oneshot::Sender<()>>,
    closed: bool,
}

impl Desk {
    fn take(&mut self) -> (Vec<Block>, Vec<oneshot::Sender<()>>) {
        let mut blocks = std::mem::take(&mut self.ready);
        blocks.extend(self.open.take());
        (blocks, std::mem::take(&mut self.flushes))
    }
}

#[derive(Debug)]
struct Shared {
    node: String,
    desk: Mutex<Desk>,
    next: AtomicI64,
    /// Bytes not yet in the database.
    waiting: AtomicUsize,
    depth: usize,
    /// There is something to write.
    wake: Notify,
    /// And it does not wait for more.
    hurry: Notify,
    room: Notify,
}

/// Of one node; the task that writes ends after the last record when it is dropped.
#[derive(Debug)]
pub struct Spool(Arc<Shared>);

/// A number that was taken. Dropped before it was used (a request was cut off in its
/// transaction), it becomes a void row, unless the transaction was committed after all.
#[derive(Debug)]
pub(super) struct Ticket {
    spool: Arc<Shared>,
    sequence: i64,
    used: bool,
}

impl Ticket {
    pub(super) fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Its row is committed.
    pub(super) fn used(mut self) {
        self.used = true;
    }

    /// Its transaction did not happen: another row takes the number.
    pub(super) fn write(mut self, body: Vec<u8>) {
        self.used = true;
        self.spool.put(Block {
            sequence: self.sequence,
            body,
            yields: false,
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.used {
            self.spool.put(Block {
                sequence: self.sequence,
                body: VOID.to_vec(),
                yields: true,
            });
        }
    }
}

impl Spool {
    /// Starts the task that writes. `next` is the first number to be taken.
    pub(super) fn start(store: Arc<Store>, node: String, next: i64) -> Spool {
        Spool::with_depth(store, node, next, DEPTH)
    }

    fn with_depth(store: Arc<Store>, node: String, next: i64, depth: usize) -> Spool {
        let shared = Arc::new(Shared {
            node,
            desk: Mutex::default(),
            next: AtomicI64::new(next),
            waiting: AtomicUsize::new(0),
            depth,
            wake: Notify::new(),
            hurry: Notify::new(),
            room: Notify::new(),
        });
        tokio::spawn(run(store, Arc::clone(&shared)));
        Spool(shared)
    }

    /// The highest number taken.
    pub(super) fn head(&self) -> i64 {
        self.0.next.load(Ordering::SeqCst) - 1
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket {
            sequence: self.0.take_number(),
            spool: Arc::clone(&self.0),
            used: false,
        }
    }

    /// Lets `line` write one record.
    pub(super) fn write(&self, line: impl FnOnce(&mut Vec<u8>)) {
        self.0.line(line);
    }

    /// Waits until there is room for the records of one more request.
    pub(super) async fn admit(&self) -> Result<(), Full> {
        if self.0.has_room() {
            return Ok(());
        }
        let room = async {
            loop {
                let mut freed = std::pin::pin!(self.0.room.notified());
                freed.as_mut().enable();
                if self.0.has_room() {
                    return;
                }
                freed.await;
            }
        };
        tokio::time::timeout(PATIENCE, room).await.map_err(|_| Full)
    }

    /// Waits until all that was written before is in the database.
    pub(super) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        self.0.desk().flushes.push(done);
        self.0.wake.notify_one();
        self.0.hurry.notify_one();
        let _ = wait.await;
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.0.desk().closed = true;
        self.0.wake.notify_one();
        self.0.hurry.notify_one();
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_number(&self) -> i64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < self.depth
    }

    fn line(&self, line: impl FnOnce(&mut Vec<u8>)) {
        let mut desk = self.desk();
        let mut block = match desk.open.take() {
            Some(block) => block,
            None => {
                self.wake.notify_one();
                let body = Vec::with_capacity(512);
                Block {
                    sequence: self.take_number(),
                    body,
                    yields: false,
                }
            }
        };
        let before = block.body.len();
        line(&mut block.body);
        self.waiting
            .fetch_add(block.body.len() - before, Ordering::Relaxed);
        if block.body.len() < BLOCK {
            desk.open = Some(block);
            return;
        }
        desk.ready.push(block);
        self.hurry.notify_one();
    }

    fn put(&self, block: Block) {
        self.waiting.fetch_add(block.body.len(), Ordering::Relaxed);
        self.desk().ready.push(block);
        self.wake.notify_one();
    }
}

async fn run(store: Arc<Store>, shared: Arc<Shared>) {
    loop {
        shared.wake.notified().await;
        let urgent = {
            let desk = shared.desk();
            desk.closed || !desk.flushes.is_empty()
        };
        if !urgent {
            // Let others join; whoever waits for the database ends the wait.
            let _ = tokio::time::timeout(WAIT, shared.hurry.notified()).await;
        }
        let (blocks, flushes, closed) = {
            let mut desk = shared.desk();
            let (blocks, flushes) = desk.take();
            (blocks, flushes, desk.closed)
        };
        let bytes = blocks.iter().map(|block| block.body.len()).sum();
        let mut blocks = blocks.into_iter().peekable();
        while blocks.peek().is_some() {
            let (mut part, mut size) = (Vec::new(), 0);
            while let Some(block) = blocks.next_if(|_| size < TOGETHER) {
                size += block.body.len();
                part.push(block);
            }
            store_all(&store, &shared, part).await;
        }
        shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
        shared.room.notify_waiters();
        for done in flushes {
            let _ = done.send(());
        }
        if closed {
            return;
        }
    }
}

/// Tries until every block is in the database: nothing is dropped.
async fn store_all(store: &Store, shared: &Shared, mut blocks: Vec<Block>) {
    let mut pause = Duration::from_millis(50);
    while !blocks.is_empty() {
        let rows = blocks
            .iter()
            .map(|block| row(&shared.node, block.sequence, &block.body))
            .collect();
        let error = match store
            .apply(Commit {
                changes: Vec::new(),
                audit: rows,
            })
            .await
        {
            Ok(()) => return,
            Err(error) => error,
        };
        // A number may stand there already: a transaction of unknown end did happen, or this one did.
        let settled = match error {
            StoreError::Unavailable(_) => false,
            _ => settle(store, shared, &mut blocks).await.unwrap_or(false),
        };
        if !settled {
            tracing::error!(%error, "audit records wait for the database");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

/// Takes out what stands in the database and gives new numbers to what finds its own taken by
/// something else. Whether that changed anything.
async fn settle(
    store: &Store,
    shared: &Shared,
    blocks: &mut Vec<Block>,
) -> Result<bool, StoreError> {
    let mut changed = false;
    let mut left = Vec::with_capacity(blocks.len());
    // Nothing may be lost when the database goes away in the middle.
    for block in blocks.iter_mut() {
        let standing = store.audit_leaves(&shared.node, block.sequence, 1).await?;
        let taken = standing
            .first()
            .filter(|(sequence, _)| *sequence == block.sequence);
        match taken {
            None => left.push(true),
            Some((_, hash)) if block.yields || *hash == leaf_hash(&block.body) => {
                changed = true;
                left.push(false);
            }
            Some(_) => {
                changed = true;
                block.sequence = shared.take_number();
                left.push(true);
            }
        }
    }
    let mut left = left.into_iter();
    blocks.retain(|_| left.next().unwrap_or(true));
    Ok(changed)
}

pub(super) fn row(node: &str, sequence: i64, body: &[u8]) -> AuditRow {
    AuditRow {
        node: node.to_owned(),
        sequence,
        hash: leaf_hash(body),
        body: body.to_vec(),
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
