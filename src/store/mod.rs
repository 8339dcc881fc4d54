//! The store: where objects, entities, the audit log and the journal of changes are kept.
//!
//! `verbs` says what a store does, `record` what it keeps, `filter` what Locate asks. Two databases
//! do it: `sqlite` (one node, one file) and `postgres` (many nodes). Nothing else knows SQL.

pub mod ahead;
mod alike;
pub mod archive;
mod evaluate;
pub mod filter;
pub mod limit;
mod plan;
pub mod postgres;
pub mod record;
mod schema;
pub mod sqlite;
pub mod tally;
pub mod verbs;

pub use ahead::{Applied, Line};
pub use filter::{Filter, Located, Term};
pub use record::{
    AuditRow, Before, Blob, BlobKind, Change, Class, Commit, Entity, EntityKind, INDEX_RULES,
    IndexEntry, IndexValue, JournalEntry, Record, TenantId, UniqueName,
};
pub use verbs::{Store, StoreError};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// `sqlite:PATH`, a path, `sqlite::memory:` (lost at the end), or `postgres://…`.
    pub url: String,
    /// PostgreSQL: who may change the schema, when that is not the server's own role.
    pub migrate_url: Option<String>,
    /// PostgreSQL: connections of this node at most.
    pub connections: usize,
}

impl Options {
    pub fn new(url: &str) -> Options {
        Options {
            url: url.to_owned(),
            migrate_url: None,
            connections: 16,
        }
    }
}

impl Store {
    /// Opens what `url` names, creates and migrates it where needed.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached; `Damaged` when it is of a newer server or not a store.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Store::open_with(&Options::new(url)).await
    }

    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(options: &Options) -> Result<Store, StoreError> {
        let url = options.url.as_str();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Store::Postgres(postgres::Postgres::open(options).await?));
        }
        let path = url.strip_prefix("sqlite:").unwrap_or(url).to_owned();
        let opened = tokio::task::spawn_blocking(move || sqlite::Sqlite::open(&path)).await;
        Ok(Store::Sqlite(opened.map_err(|_| {
            StoreError::Unavailable("opening was interrupted".to_owned())
        })??))
    }

    /// How the database would search: for an administrator who asks why a Locate is slow.
    ///
    /// # Errors
    /// As Locate itself.
    pub async fn explain(&self, filter: &Filter) -> Result<String, StoreError> {
        match self {
            Store::Sqlite(store) => store.explain(filter),
            Store::Postgres(store) => store.explain(filter).await,
        }
    }

    /// Ends work in order: what was sent is answered, SQLite's log is folded into its file.
    pub async fn close(self) {
        match self {
            // Waits for the writer, which may have to synchronise a disk.
            Store::Sqlite(store) => drop(tokio::task::spawn_blocking(move || drop(store)).await),
            Store::Postgres(store) => store.close(),
        }
    }
}
