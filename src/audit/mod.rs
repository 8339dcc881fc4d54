//! What happened, in order and for good (DESIGN §7). An intent goes to the spool before an
//! operation that changes something, its outcome stands in the transaction of the change; what
//! changes nothing is recorded through the spool, at most 100 ms later (at once when strict).

mod spool;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sha2::{Digest, Sha256};

pub use spool::Spool;

use crate::engine::batch::Sender;
use crate::engine::error::Reason;
use crate::protocol::enumeration::Operation;
use crate::store::record::AuditRow;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure(Reason),
    /// It succeeded, but a later item of a batch with Undo did not.
    Undone,
}

/// One operation from its intent to its outcome.
#[derive(Clone, Debug)]
pub struct Trace {
    operation: Operation,
    tenant: i64,
    identity: String,
    address: String,
    time: i64,
    /// Identifiers that the operation touched.
    pub touched: Vec<String>,
    /// Set once a row was made for it: a row that was not committed is made again with the same number.
    sequence: Option<i64>,
    committed: bool,
}

impl Trace {
    /// Whether its outcome stands in the transaction of a change.
    pub fn is_committed(&self) -> bool {
        self.committed
    }
}

#[derive(serde::Serialize)]
struct Line<'a> {
    phase: &'a str,
    time: i64,
    tenant: i64,
    identity: &'a str,
    address: &'a str,
    operation: String,
    objects: &'a [String],
    result: &'a str,
}

#[derive(Debug)]
pub struct Audit {
    node: String,
    next: Arc<AtomicI64>,
    spool: Spool,
    /// Reads are answered only when their record is in the database.
    strict: bool,
}

/// RFC 6962 §2.1: the hash of a leaf.
pub fn leaf_hash(body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}

pub(crate) fn row(node: &str, sequence: i64, body: Vec<u8>) -> AuditRow {
    AuditRow { node: node.to_owned(), sequence, hash: leaf_hash(&body), body }
}

impl Audit {
    /// `head`: the highest sequence that the store has of this node.
    pub fn new(node: String, head: i64, spool: Spool, strict: bool) -> Self {
        let next = Arc::clone(spool.next());
        next.store(head + 1, Ordering::SeqCst);
        Audit { node, next, spool, strict }
    }

    pub fn node(&self) -> &str {
        &self.node
    }

    pub fn begin(&self, operation: Operation, sender: &Sender, now: i64) -> Trace {
        let (tenant, identity) = match &sender.caller {
            Ok(caller) => (caller.tenant_id.0, caller.identity.name.clone()),
            Err(_) => (0, String::new()),
        };
        Trace {
            operation,
            tenant,
            identity,
            address: sender.address.clone(),
            time: now,
            touched: Vec::new(),
            sequence: None,
            committed: false,
        }
    }

    fn line(trace: &Trace, phase: &str, result: &str) -> Vec<u8> {
        serde_json::to_vec(&Line {
            phase,
            time: trace.time,
            tenant: trace.tenant,
            identity: &trace.identity,
            address: &trace.address,
            operation: trace.operation.to_string(),
            objects: &trace.touched,
            result,
        })
        .unwrap_or_default()
    }

    fn result(outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Success => "success",
            Outcome::Failure(reason) => reason.name(),
            Outcome::Undone => "undone",
        }
    }

    /// Records that an operation is about to change something.
    pub fn intend(&self, trace: &Trace) {
        self.spool.push(Self::line(trace, "intent", "pending"));
    }

    /// The row that stands in the transaction of a change.
    pub fn outcome(&self, trace: &mut Trace) -> Vec<AuditRow> {
        let sequence =
            *trace.sequence.get_or_insert_with(|| self.next.fetch_add(1, Ordering::SeqCst));
        trace.committed = true;
        vec![row(&self.node, sequence, Self::line(trace, "outcome", Self::result(Outcome::Success)))]
    }

    /// The rows of a whole batch, for its one transaction.
    pub fn outcomes(&self, traces: &mut [Trace], _: Outcome) -> Vec<AuditRow> {
        traces.iter_mut().flat_map(|trace| self.outcome(trace)).collect()
    }

    /// Records outcomes that changed nothing.
    pub fn later(&self, traces: &mut [Trace], outcome: Outcome) {
        for trace in traces {
            self.push(trace, outcome);
        }
    }

    fn push(&self, trace: &Trace, outcome: Outcome) {
        let line = Self::line(trace, "outcome", Self::result(outcome));
        match trace.sequence {
            // A row was made for it but not committed: its number may not stay empty.
            Some(sequence) => self.spool.push_row(row(&self.node, sequence, line)),
            None => self.spool.push(line),
        }
    }

    /// Records an outcome that changed nothing; waits for the database only when strict.
    pub async fn done(&self, trace: Trace, outcome: Outcome) {
        self.push(&trace, outcome);
        if self.strict {
            self.spool.flush().await;
        }
    }

    /// Waits until all that was recorded is in the database.
    pub async fn flush(&self) {
        self.spool.flush().await;
    }
}
