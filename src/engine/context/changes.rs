//! What an item writes, until it is committed or rolled back.

use std::collections::HashMap;

use super::entities::StagedEntity;
use super::files::Files;
use super::{Context, Mark};
use crate::engine::error::Fault;
use crate::object::managed::{Draft, Row};
use crate::protocol::tag;
use crate::store::StoreError;
use crate::store::record::{Change, EntityKind};

/// A change that waits for its commit.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    pub(super) row: Row,
    /// The row's version in the store, 0 when it is new.
    base: i64,
}

/// Undoes, in the node's memory, what an item did there.
pub(super) struct Restore(Box<dyn FnOnce() + Send + Sync>);

impl std::fmt::Debug for Restore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Restore")
    }
}

/// The batch's memory before an item.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    produced: Mark,
    staged: HashMap<String, Staged>,
    rows: Vec<Change>,
    restores: usize,
    entities: HashMap<(EntityKind, String), StagedEntity>,
    files: Files,
}

impl Context {
    /// Runs `restore` should this item be rolled back: what is kept in memory follows what is written.
    pub fn on_roll_back(&mut self, restore: impl FnOnce() + Send + Sync + 'static) {
        self.restores.push(Restore(Box::new(restore)));
    }

    fn restore(&mut self, from: usize) {
        for Restore(restore) in self.restores.drain(from.min(self.restores.len())..).rev() {
            restore();
        }
    }

    /// Writes a new object with the commit of this item (or of the batch, with Undo).
    pub async fn insert(&mut self, mut draft: Draft) -> Result<(), Fault> {
        self.rules().await?.check(&draft)?;
        self.count_from(&mut draft).await?;
        self.stage(draft, 0).await
    }

    /// Writes the next version of an object. Last Change Date follows (1.4 §3.38, 2.1 §4.29).
    pub async fn update(&mut self, mut draft: Draft) -> Result<(), Fault> {
        let now = self.now;
        draft
            .attributes
            .set(tag::LAST_CHANGE_DATE, ttlv::Value::DateTime(now));
        let base = match self.staged.get(&draft.unique_identifier) {
            Some(staged) => staged.base,
            None => draft.version() - 1,
        };
        self.stage(draft, base).await
    }

    /// Puts an imported object in the place of one that is there; its dates are what it brings.
    pub async fn replace(&mut self, mut draft: Draft, version: i64) -> Result<(), Fault> {
        self.rules().await?.check(&draft)?;
        self.count_from(&mut draft).await?;
        self.stage(draft, version).await
    }

    /// Writes a row that is no object (`entity::put`) with the commit of this item.
    pub fn put(&mut self, row: Change) {
        self.rows.push(row);
    }

    async fn stage(&mut self, mut draft: Draft, base: i64) -> Result<(), Fault> {
        // Several changes of one batch become one version.
        draft.set_version(base + 1);
        let distinguish = self.caller.tenant.settings.duplicate_names;
        let row = draft.seal(&self.engine.hsm, distinguish).await?;
        self.touch(&row.record.unique_identifier);
        for name in row
            .names
            .iter()
            .filter(|name| name.distinguisher.is_empty())
        {
            let taken = self.staged.values().any(|other| {
                other.row.record.unique_identifier != row.record.unique_identifier
                    && other.row.names.contains(name)
            });
            if taken {
                return Err(StoreError::NameTaken.into());
            }
        }
        self.staged
            .insert(row.record.unique_identifier.clone(), Staged { row, base });
        Ok(())
    }

    /// Whether the batch already writes this row that is no object.
    pub(crate) fn puts(&self, kind: EntityKind, key: &str) -> bool {
        self.rows.iter().any(|change| {
            matches!(change, Change::Put(entity) if entity.kind == kind && entity.key == key)
        })
    }

    /// What is to be committed; the context is clean afterwards.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        // Updates first: one of them may give up a Name that an insert takes (Re-key).
        let (new, mut changed): (Vec<_>, Vec<_>) = self
            .staged
            .drain()
            .map(|(_, staged)| staged)
            .partition(|staged| staged.base == 0);
        // Everywhere in one order, or two writers wait for each other's rows.
        changed.sort_by(|one, other| {
            let (one, other) = (&one.row.record, &other.row.record);
            one.unique_identifier.cmp(&other.unique_identifier)
        });
        let objects = changed.into_iter().chain(new);
        let objects = objects.map(|staged| staged.row.change());
        let entities = self.entities.drain().map(|(_, staged)| staged.change);
        objects.chain(self.rows.drain(..)).chain(entities).collect()
    }

    pub(crate) fn drop_changes(&mut self) {
        self.staged.clear();
        self.rows.clear();
        self.restore(0);
        self.entities.clear();
        self.roll_back_files(Files::default());
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            produced: self.produced.mark(),
            staged: self.staged.clone(),
            rows: self.rows.clone(),
            restores: self.restores.len(),
            entities: self.entities.clone(),
            files: self.files.clone(),
        }
    }

    pub(crate) fn roll_back(&mut self, snapshot: Snapshot) {
        self.last = None;
        self.produced.back_to(snapshot.produced);
        self.staged = snapshot.staged;
        self.rows = snapshot.rows;
        self.restore(snapshot.restores);
        self.entities = snapshot.entities;
        self.roll_back_files(snapshot.files);
    }
}
