//! The store in PostgreSQL, for many nodes.
//!
//! A commit of one change, with its index entries, names, journal entry and audit rows, is one
//! statement: one round trip, atomic by itself. Several changes are a transaction whose statements
//! are sent at once. Statements are prepared once per connection. The database does its own group
//! commit. A connection that fails is dropped by the pool and made anew.
//!
//! The journal ends before the oldest write transaction in flight anywhere in the cluster (see
//! `migrations/postgres`): it may lag behind an answered commit, but never skips one.

mod columns;
mod fault;
mod form;
mod group;
mod open;
mod read;
mod rows;
mod search;
mod sets;
mod statements;
mod tally;
mod tls;
mod verify;
mod write;

use std::sync::Arc;

use deadpool_postgres::{Object, Pool};

use super::Options;
use super::ahead::{Applied, Line};
use super::filter::{Filter, Located};
use super::limit;
use super::record::{AuditRow, Commit, Entity, EntityKind, JournalEntry, Record, TenantId};
use super::tally::{Behind, Place, Tally};
use super::verbs::StoreError;
use fault::fault;
use form::Form;
use group::{Groups, joins};
use sets::Sets;

mod migrations {
    #![allow(clippy::all, unreachable_pub, reason = "generated")]
    refinery::embed_migrations!("migrations/postgres");
}

pub struct Postgres {
    pool: Pool,
    sets: Arc<Sets>,
    groups: Groups,
}

impl std::fmt::Debug for Postgres {
    /// The pool's own text would show the configuration.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    /// # Errors
    /// `Unavailable` when no connection can be made, `Damaged` when it is not a store of our version.
    pub async fn open(options: &Options) -> Result<Postgres, StoreError> {
        let sets = Arc::default();
        let pool = open::open(options, &sets).await?;
        Ok(Postgres {
            groups: Groups::new(pool.clone(), Arc::clone(&sets)),
            pool,
            sets,
        })
    }

    pub fn close(self) {
        self.pool.close();
    }

    async fn connection(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(fault::pool)
    }

    pub async fn apply(&self, commit: Commit) -> Result<(), StoreError> {
        limit::check(&commit)?;
        if let Some(form) = joins(&commit) {
            return self.groups.write(form, commit).await;
        }
        let connection = self.connection().await?;
        // A caller that goes away must not leave half a transaction in a connection of the pool.
        let sets = Arc::clone(&self.sets);
        let apply = async move { write::apply(connection, &sets, &commit).await };
        let applied = tokio::spawn(apply).await;
        applied.map_err(|_| StoreError::Unavailable("the commit was interrupted".to_owned()))?
    }

    /// What cannot be refused is kept back until the line has no more; everything else is durable,
    /// and seen by others, when it is answered.
    pub async fn apply_ahead(
        &self,
        line: &Line,
        commit: Commit,
        more: bool,
    ) -> Result<Applied, StoreError> {
        limit::check(&commit)?;
        line.check()?;
        if joins(&commit) == Some(Form::Insert) {
            return self.groups.ahead(line, commit, more).await;
        }
        self.groups.flush(line).await;
        line.landed().await;
        line.check()?;
        self.apply(commit).await.map(|()| Applied::durable())
    }

    pub async fn settle(&self, line: &Line, applied: Applied) -> Result<(), StoreError> {
        self.groups.flush(line).await;
        self.groups.settled(applied).await
    }

    pub async fn put_checkpoint(
        &self,
        node: &str,
        size: i64,
        text: &str,
    ) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let insert = "INSERT INTO checkpoints (node, size, text) VALUES ($1, $2, $3)";
        let statement = connection.prepare_cached(insert).await.map_err(fault)?;
        connection
            .execute(&statement, &[&node.as_bytes(), &size, &text.as_bytes()])
            .await
            .map(drop)
            .map_err(fault)
    }

    pub async fn fetch(
        &self,
        tenant: TenantId,
        unique_identifier: &str,
    ) -> Result<Option<Record>, StoreError> {
        read::fetch(&self.connection().await?, tenant, unique_identifier).await
    }

    pub async fn entity(
        &self,
        kind: EntityKind,
        tenant: TenantId,
        key: &str,
    ) -> Result<Option<Entity>, StoreError> {
        read::entity(&self.connection().await?, kind, tenant, key).await
    }

    pub async fn entities(
        &self,
        kind: EntityKind,
        tenant: Option<TenantId>,
    ) -> Result<Vec<Entity>, StoreError> {
        read::entities(&self.connection().await?, kind, tenant).await
    }

    pub async fn journal(
        &self,
        position: i64,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        read::journal(&self.connection().await?, position, limit).await
    }

    pub async fn journal_ahead(
        &self,
        position: i64,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        read::journal_ahead(&self.connection().await?, position, limit).await
    }

    pub async fn journal_head(&self) -> Result<i64, StoreError> {
        read::journal_head(&self.connection().await?).await
    }

    pub async fn audit(
        &self,
        node: &str,
        from: i64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        read::audit(&self.connection().await?, node, from, limit).await
    }

    pub async fn audit_leaves(
        &self,
        node: &str,
        from: i64,
        limit: u32,
    ) -> Result<Vec<(i64, [u8; 32])>, StoreError> {
        read::audit_leaves(&self.connection().await?, node, from, limit).await
    }

    pub async fn audit_nodes(&self) -> Result<Vec<String>, StoreError> {
        read::audit_nodes(&self.connection().await?).await
    }

    pub async fn checkpoints(
        &self,
        node: &str,
        above: i64,
        limit: u32,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        read::checkpoints(&self.connection().await?, node, above, limit).await
    }

    pub async fn audit_head(&self, node: &str) -> Result<i64, StoreError> {
        read::audit_head(&self.connection().await?, node).await
    }

    pub async fn checkpoint(&self, node: &str) -> Result<Option<(i64, String)>, StoreError> {
        read::checkpoint(&self.connection().await?, node).await
    }

    pub async fn scan(
        &self,
        tenant: TenantId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        read::scan(&self.connection().await?, tenant, after, limit).await
    }

    pub async fn behind(
        &self,
        tenant: TenantId,
        after: &str,
        than: &Behind,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        tally::behind(&self.connection().await?, tenant, after, *than, limit).await
    }

    pub async fn entities_behind(
        &self,
        after: &Place,
        mac_version: u32,
        limit: u32,
    ) -> Result<Vec<Entity>, StoreError> {
        tally::entities_behind(&self.connection().await?, after, mac_version, limit).await
    }

    pub async fn tally(&self) -> Result<Tally, StoreError> {
        tally::tally(&self.connection().await?).await
    }

    pub async fn locate(&self, filter: &Filter) -> Result<Located, StoreError> {
        limit::check_filter(filter)?;
        search::locate(&self.connection().await?, filter).await
    }

    pub(super) async fn explain(&self, filter: &Filter) -> Result<String, StoreError> {
        limit::check_filter(filter)?;
        search::explain(&self.connection().await?, filter).await
    }

    pub async fn ping(&self) -> Result<(), StoreError> {
        read::journal_head(&self.connection().await?)
            .await
            .map(drop)
    }
}
