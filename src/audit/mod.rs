//! What happened, in order and for good (DESIGN §7). An intent goes to the spool before an
//! operation that changes something, its outcome stands in the transaction of the change; what
//! changes nothing is recorded through the spool, at most 100 ms later (at once when strict).
//!
//! Rows are numbered without gaps. Once a second a sealer signs the Merkle root over all of them
//! (`sealer`, `checkpoint`); `verify` finds what was changed since.

pub mod administration;
mod alike;
pub mod anchor;
pub mod checkpoint;
pub mod merkle;
pub mod record;
pub mod sealer;
mod spool;
pub mod verify;

use std::sync::Arc;

pub use alike::Alike;
pub use record::Outcome;
use record::{Line, VOID};
pub use spool::Full;
use spool::{Spool, Ticket, row};

use crate::engine::batch::Sender;
use crate::engine::error::Reason;
use crate::protocol::enumeration::Operation;
use crate::protocol::version::Version;
use crate::store::record::{AuditRow, Commit};
use crate::store::{Store, StoreError};

/// One operation from its intent to its outcome.
#[derive(Debug)]
pub struct Trace<'r> {
    operation: Operation,
    sender: &'r Sender,
    time: i64,
    /// Server Correlation Value and number of the item.
    request: &'r str,
    item: u32,
    /// So many items from that one on, of which the same is to be said.
    items: Option<u32>,
    /// Identifiers that the operation touched.
    pub touched: Vec<String>,
    /// The message's protocol version; None for what the server does by itself.
    pub version: Option<Version>,
    /// The mechanism that was used, and who computed it: the token, or the library in the server's memory.
    pub computed: Option<(&'static str, &'static str)>,
    /// Of PKCS#11: the function, and what it answered where that is not OK.
    pub function: Option<(&'static str, Option<&'static str>)>,
    /// Credentials that were proven beside the certificate.
    pub credentials: &'r [String],
    /// Log: what the client said.
    pub words: Option<String>,
    /// Set once a row was made for it: a row that was not committed is made again with the same number.
    ticket: Option<Ticket>,
    committed: bool,
}

impl Trace<'_> {
    /// Whether its outcome stands in the transaction of a change.
    pub fn is_committed(&self) -> bool {
        self.committed
    }

    /// Whether its outcome stands in a transaction whose end is not known yet.
    pub fn is_open(&self) -> bool {
        self.ticket.is_some() && !self.committed
    }

    /// Number of the item in its batch.
    pub fn place(&self) -> usize {
        usize::try_from(self.item).unwrap_or(usize::MAX)
    }

    /// The transaction that its row stands in is committed.
    pub fn commit(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.used();
            self.committed = true;
        }
    }

    fn line(&self, phase: &str, result: &str, body: &mut Vec<u8>) {
        let (tenant, identity) = self.sender.named();
        // A PKCS#11 function that refuses is an answer of KMIP that succeeds: the record says what the function said.
        let refused = self.function.and_then(|(_, code)| code);
        let result = match refused {
            Some(code) if result == Outcome::Success.name() => code,
            _ => result,
        };
        let line = Line {
            phase,
            time: self.time,
            tenant,
            identity,
            address: &self.sender.address,
            request: self.request,
            item: self.item,
            items: self.items,
            operation: self.operation,
            objects: &self.touched,
            version: self.version,
            mechanism: self.computed.map(|(mechanism, _)| mechanism),
            by: self.computed.map(|(_, by)| by),
            function: self.function.map(|(function, _)| function),
            credentials: self.credentials,
            words: self.words.as_deref(),
            why: None,
            suppressed: None,
            result,
        };
        line.append(body);
    }
}

/// What stands for the operation of a message that was refused before one was known.
pub const UNREADABLE: &str = "unreadable";

/// A message that was refused before any operation of it was known, or how many were.
#[derive(Debug)]
pub struct Unreadable<'r> {
    pub time: i64,
    /// 0 and an empty name for a client that no identity is mapped to.
    pub tenant: i64,
    pub identity: &'r str,
    pub address: &'r str,
    pub request: &'r str,
    pub version: Option<Version>,
    pub reason: Reason,
    /// What is wrong with it.
    pub why: Option<&'r str>,
    /// So many of this sender have no record of their own.
    pub suppressed: Option<u64>,
}

#[derive(Debug)]
pub struct Audit {
    node: String,
    spool: Spool,
    /// Answered only when the record is in the database.
    strict: bool,
}

/// Rows per look for holes.
const LOOK: u32 = 4096;
/// More holes than crashes make: somebody took rows out, or put one in far ahead.
const HOLES: i64 = 100_000;

impl Audit {
    /// Opens a node's log after its first `sealed` rows: numbers that a server took and did not
    /// live to write become void rows. None: what is sealed is in doubt, and nothing is filled.
    ///
    /// # Errors
    /// `Damaged` when more rows are missing than crashes explain.
    pub async fn open(
        store: Arc<Store>,
        node: String,
        sealed: Option<i64>,
        strict: bool,
    ) -> Result<Audit, StoreError> {
        let head = store.audit_head(&node).await?;
        let sealed = sealed.unwrap_or(head);
        fill(&store, &node, sealed, head).await?;
        let spool = Spool::start(store, node.clone(), head.max(sealed).saturating_add(1));
        Ok(Audit {
            node,
            spool,
            strict,
        })
    }

    pub fn node(&self) -> &str {
        &self.node
    }

    /// The highest sequence taken.
    pub fn head(&self) -> i64 {
        self.spool.head()
    }

    /// Waits, up to five seconds, while too many records wait for the database.
    ///
    /// # Errors
    /// [`Full`]: what cannot be recorded is not done.
    pub async fn admit(&self) -> Result<(), Full> {
        self.spool.admit().await
    }

    pub fn begin<'r>(
        &self,
        operation: Operation,
        sender: &'r Sender,
        now: i64,
        (request, item): (&'r str, usize),
    ) -> Trace<'r> {
        Trace {
            operation,
            sender,
            time: now,
            request,
            item: u32::try_from(item).unwrap_or(u32::MAX),
            items: None,
            touched: Vec::new(),
            version: None,
            computed: None,
            function: None,
            credentials: &[],
            words: None,
            ticket: None,
            committed: false,
        }
    }

    /// Records that an operation is about to change something; when strict, the record is in the
    /// database before the operation runs.
    pub async fn intend(&self, trace: &Trace<'_>) {
        self.spool
            .write(|body| trace.line("intent", "pending", body));
        if self.strict {
            self.spool.flush().await;
        }
    }

    /// The row that stands in the transaction of a change; `Trace::commit` says that it stands.
    pub fn outcome(&self, trace: &mut Trace<'_>) -> AuditRow {
        let sequence = trace
            .ticket
            .get_or_insert_with(|| self.spool.ticket())
            .sequence();
        row(&self.node, sequence, &body(trace, Outcome::Success))
    }

    /// Records outcomes that changed nothing.
    pub fn later<'r>(&self, traces: impl IntoIterator<Item = Trace<'r>>, outcome: Outcome) {
        for mut trace in traces {
            match trace.ticket.take() {
                // A row was made for it but not committed: its number may not stay empty.
                Some(ticket) => ticket.write(body(&trace, outcome)),
                None => self
                    .spool
                    .write(|body| trace.line("outcome", outcome.name(), body)),
            }
        }
    }

    /// Records an outcome that changed nothing; waits for the database only when strict.
    pub async fn done(&self, trace: Trace<'_>, outcome: Outcome) {
        self.later([trace], outcome);
        if self.strict {
            self.spool.flush().await;
        }
    }

    /// Records a message of which no operation is known. The caller sees to it that they are few.
    pub fn unreadable(&self, message: Unreadable<'_>) {
        let line = Line {
            phase: "outcome",
            time: message.time,
            tenant: message.tenant,
            identity: message.identity,
            address: message.address,
            request: message.request,
            item: 0,
            items: None,
            operation: UNREADABLE,
            objects: &[],
            version: message.version,
            mechanism: None,
            by: None,
            function: None,
            credentials: &[],
            words: None,
            why: message.why,
            suppressed: message.suppressed,
            result: message.reason.name(),
        };
        self.spool.write(|body| line.append(body));
    }

    /// Waits until all that was recorded is in the database.
    pub async fn flush(&self) {
        self.spool.flush().await;
    }
}

fn body(trace: &Trace<'_>, outcome: Outcome) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    trace.line("outcome", outcome.name(), &mut body);
    body
}

/// Writes a void row for every number between `sealed` and `head` that has no row.
async fn fill(store: &Store, node: &str, sealed: i64, head: i64) -> Result<(), StoreError> {
    let mut expected = sealed.saturating_add(1);
    let mut holes = 0;
    while expected <= head {
        let leaves = store.audit_leaves(node, expected, LOOK).await?;
        if leaves.is_empty() {
            break;
        }
        let mut voids = Vec::new();
        for (sequence, _) in leaves {
            holes += sequence - expected;
            if holes > HOLES {
                return Err(StoreError::Damaged(format!(
                    "the audit log of node {node} has no rows {expected} to {}: more than a server that \
                     dies leaves behind; see `keyward audit verify`",
                    sequence - 1
                )));
            }
            voids.extend((expected..sequence).map(|sequence| row(node, sequence, VOID)));
            expected = sequence.saturating_add(1);
        }
        if !voids.is_empty() {
            tracing::warn!(
                rows = voids.len(),
                "audit numbers that were taken and never written are void"
            );
            store
                .apply(Commit {
                    changes: Vec::new(),
                    audit: voids,
                })
                .await?;
        }
    }
    Ok(())
}
