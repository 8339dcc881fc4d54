//! The store's domain verbs. Two implementations, one contract (`contract.rs`).
//!
//! Each MUST:
//! * apply a [`Commit`] whole or not at all, and answer `Ok` only when it is durable
//!   (survives `kill -9` and power loss); ahead of that only where it is asked to (`apply_ahead`);
//! * append one journal entry per changed row in the same transaction;
//! * give reads that see every commit answered before them;
//! * order Locate newest first, by creation, stable.
//!
//! Each MUST NOT interpret attributes or blobs, retry a conflict, or log what rows hold.

use super::ahead::{Applied, Line};
use super::filter::{Filter, Located};
use super::record::{AuditRow, Commit, Entity, EntityKind, JournalEntry, Record, TenantId};
use super::tally::{Behind, Place, Tally};

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The row has another version than the change was based on: read again, decide again.
    #[error("the row changed meanwhile")]
    Conflict,
    /// Tenant and identifier (or kind, tenant and key) are taken.
    #[error("it exists already")]
    Exists,
    /// Another object of the tenant that is not destroyed has this Name.
    #[error("the name is taken")]
    NameTaken,
    /// The database cannot be reached or refuses work; may pass.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The database is there but not what it should be (schema, values out of range).
    #[error("the database is damaged or of another version: {0}")]
    Damaged(String),
    /// The caller asks for what the store never keeps (see `limit`); nothing was changed.
    #[error("the store does not take this: {0}")]
    Unfit(String),
}

impl StoreError {
    /// Whether what was to be written may be there all the same.
    pub fn is_unsure(&self) -> bool {
        matches!(self, StoreError::Unavailable(_) | StoreError::Damaged(_))
    }
}

#[derive(Debug)]
pub enum Store {
    Sqlite(super::sqlite::Sqlite),
    Postgres(super::postgres::Postgres),
}

macro_rules! forward {
    ($($(#[$doc:meta])* fn $name:ident(&self $(, $arg:ident : $ty:ty)*) -> $ret:ty;)*) => {
        impl Store {
            $($(#[$doc])*
            pub async fn $name(&self $(, $arg: $ty)*) -> Result<$ret, StoreError> {
                match self {
                    Store::Sqlite(store) => store.$name($($arg),*).await,
                    Store::Postgres(store) => store.$name($($arg),*).await,
                }
            })*
        }
    };
}

forward! {
    fn fetch(&self, tenant: TenantId, unique_identifier: &str) -> Option<Record>;
    fn locate(&self, filter: &Filter) -> Located;
    fn apply(&self, commit: Commit) -> ();
    /// As `apply`, but answers when the commit is applied: later commits build on it, reads and
    /// other callers may not see it before it is durable (`settle`). `more`: another one of the line
    /// follows soon.
    fn apply_ahead(&self, line: &Line, commit: Commit, more: bool) -> Applied;
    /// Answers when a commit of the line is durable; the line waits for all it has sent.
    fn settle(&self, line: &Line, applied: Applied) -> ();
    fn entity(&self, kind: EntityKind, tenant: TenantId, key: &str) -> Option<Entity>;
    /// All of a kind, of one tenant or of all, ordered by tenant and key.
    fn entities(&self, kind: EntityKind, tenant: Option<TenantId>) -> Vec<Entity>;
    /// Entries after `position`, oldest first, at most `limit`.
    fn journal(&self, position: i64, limit: u32) -> Vec<JournalEntry>;
    /// All entries after `position` that are visible now, at most `limit`: also such that `journal`
    /// still holds back, because a transaction that began before them may yet add one below them.
    /// For caches: what was answered before the call is among them. Not to be continued from.
    fn journal_ahead(&self, position: i64, limit: u32) -> Vec<JournalEntry>;
    fn journal_head(&self) -> i64;
    /// The highest audit sequence of a node; 0 when it has none.
    fn audit_head(&self, node: &str) -> i64;
    /// A node's audit rows from a sequence on, in order, at most `limit`.
    fn audit(&self, node: &str, from: i64, limit: u32) -> Vec<AuditRow>;
    /// Sequence and leaf hash of a node's audit rows from a sequence on, in order, at most `limit`.
    fn audit_leaves(&self, node: &str, from: i64, limit: u32) -> Vec<(i64, [u8; 32])>;
    /// The nodes that have audit rows or checkpoints, in order.
    fn audit_nodes(&self) -> Vec<String>;
    /// A node's checkpoints larger than `above`, smallest first, at most `limit`: size and text.
    fn checkpoints(&self, node: &str, above: i64, limit: u32) -> Vec<(i64, String)>;
    /// Stores a signed checkpoint (tlog text) over the first `size` rows of a node's log.
    fn put_checkpoint(&self, node: &str, size: i64, text: &str) -> ();
    /// The newest checkpoint of a node: size and text.
    fn checkpoint(&self, node: &str) -> Option<(i64, String)>;
    /// All rows of a tenant from an identifier on (exclusive), for sweeps and rotation.
    fn scan(&self, tenant: TenantId, after: &str, limit: u32) -> Vec<Record>;
    /// A tenant's rows from an identifier on (exclusive) that are under an older version of a key, in
    /// order; at most `limit`.
    fn behind(&self, tenant: TenantId, after: &str, than: &Behind, limit: u32) -> Vec<Record>;
    /// Rows that are no objects, from a place on (exclusive), whose MAC is of a version before
    /// `mac_version`, by kind, tenant and key; at most `limit`.
    fn entities_behind(&self, after: &Place, mac_version: u32, limit: u32) -> Vec<Entity>;
    /// How many rows are under which versions. Reads everything: for administrators.
    fn tally(&self) -> Tally;
    /// A cheap question that only a working database answers.
    fn ping(&self) -> ();
}
