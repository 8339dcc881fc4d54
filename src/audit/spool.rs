//! Records on their way to the database: collected for up to 100 ms, written many to a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::row;
use crate::store::{Store, StoreError};
use crate::store::record::{AuditRow, Commit};

/// How long a record of a read may wait (DESIGN §7).
const WAIT: Duration = Duration::from_millis(100);
/// How many records share one row at the most.
const SHARE: usize = 512;
/// How many records may wait; more than that and requests wait for the database (`push` drops nothing).
const DEPTH: usize = 65_536;

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    Row(AuditRow),
    Flush(oneshot::Sender<()>),
}

#[derive(Clone, Debug)]
pub struct Spool {
    sender: mpsc::UnboundedSender<Entry>,
    next: Arc<AtomicI64>,
}

impl Spool {
    /// Starts the task that writes; it ends when the last Spool is gone.
    pub fn start(store: Arc<Store>, node: String) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let next = Arc::new(AtomicI64::new(1));
        tokio::spawn(write(store, node, Arc::clone(&next), receiver));
        Spool { sender, next }
    }

    pub(super) fn next(&self) -> &Arc<AtomicI64> {
        &self.next
    }

    pub(super) fn push(&self, line: Vec<u8>) {
        let _ = self.sender.send(Entry::Line(line));
    }

    pub(super) fn push_row(&self, row: AuditRow) {
        let _ = self.sender.send(Entry::Row(row));
    }

    pub(super) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.sender.send(Entry::Flush(done)).is_ok() {
            let _ = wait.await;
        }
    }
}

#[derive(Default)]
struct Pending {
    lines: Vec<Vec<u8>>,
    rows: Vec<AuditRow>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Pending {
    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Line(line) => self.lines.push(line),
            Entry::Row(row) => self.rows.push(row),
            Entry::Flush(done) => self.flushes.push(done),
        }
    }
}

async fn write(
    store: Arc<Store>,
    node: String,
    next: Arc<AtomicI64>,
    mut receiver: mpsc::UnboundedReceiver<Entry>,
) {
    let mut buffer = Vec::with_capacity(DEPTH.min(1024));
    loop {
        if receiver.recv_many(&mut buffer, 1024).await == 0 {
            return;
        }
        let mut pending = Pending::default();
        buffer.drain(..).for_each(|entry| pending.take(entry));
        if pending.flushes.is_empty() {
            // Let others join; a flush ends the wait.
            let deadline = tokio::time::Instant::now() + WAIT;
            while pending.lines.len() < 16 * SHARE && pending.flushes.is_empty() {
                match tokio::time::timeout_at(deadline, receiver.recv()).await {
                    Ok(Some(entry)) => pending.take(entry),
                    Ok(None) | Err(_) => break,
                }
            }
        }
        store_pending(&store, &node, &next, pending).await;
    }
}

/// A commit whose answer was lost (the database went away under it) may have been made: then its
/// number is taken. What stands there already is dropped, what says something else is given a
/// number of its own, so that the records behind it do not wait for ever.
async fn settle(store: &Store, node: &str, next: &AtomicI64, rows: &mut Vec<AuditRow>) {
    let mut unsettled = Vec::with_capacity(rows.len());
    for mut row in rows.drain(..) {
        let there = store.audit(node, row.sequence, 1).await.unwrap_or_default();
        match there.first().filter(|there| there.sequence == row.sequence) {
            Some(there) if there.hash == row.hash => continue,
            Some(_) => row.sequence = next.fetch_add(1, Ordering::SeqCst),
            None => {}
        }
        unsettled.push(row);
    }
    *rows = unsettled;
}

async fn store_pending(store: &Store, node: &str, next: &AtomicI64, pending: Pending) {
    let mut rows = pending.rows;
    for lines in pending.lines.chunks(SHARE) {
        let body = lines.join(&b'\n');
        rows.push(row(node, next.fetch_add(1, Ordering::SeqCst), body));
    }
    let mut pause = Duration::from_millis(50);
    while !rows.is_empty() {
        match store.apply(Commit { changes: Vec::new(), audit: rows.clone() }).await {
            Ok(()) => break,
            Err(error) => {
                if matches!(error, StoreError::Damaged(_)) {
                    settle(store, node, next, &mut rows).await;
                }
                tracing::error!(%error, "audit records wait for the database");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
        }
    }
    for done in pending.flushes {
        let _ = done.send(());
    }
}
