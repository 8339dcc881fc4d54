//! Rows that are no objects, read and written by the items of a batch: they see what earlier items
//! wrote, and it is committed or undone with them.

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Context;
use super::unsound;
use crate::engine::entity::{self, EntityError};
use crate::engine::error::Fault;
use crate::object::managed::Unsound;
use crate::object::rules::{self, Kept, Rules};
use crate::store::record::{Change, EntityKind};

/// A row that waits for its commit.
#[derive(Clone, Debug)]
pub(super) struct StagedEntity {
    pub(super) change: Change,
    /// The row's version in the store, 0 when it is new.
    pub(super) base: i64,
}

pub(super) fn fault(key: &str, error: EntityError) -> Fault {
    match error {
        EntityError::Store(error) => error.into(),
        EntityError::Unsound(error) => unsound(key, &error),
    }
}

fn damaged(key: &str, error: &serde_json::Error) -> Fault {
    unsound(key, &Unsound::Damaged(error.to_string()))
}

impl Context {
    /// A row of the caller's tenant as this item has to see it; None where there is none.
    ///
    /// # Errors
    /// Where it cannot be read or is not what a server wrote.
    pub async fn entity<T: DeserializeOwned>(
        &self,
        kind: EntityKind,
        key: &str,
    ) -> Result<Option<T>, Fault> {
        if let Some(staged) = self.entities.get(&(kind, key.to_owned()))
            && let Change::Put(row) = &staged.change
        {
            let body = serde_json::from_slice(&row.body);
            return body.map(Some).map_err(|error| damaged(key, &error));
        }
        self.settled().await?;
        let rows = self.engine.rows();
        let row = rows.read::<T>(kind, self.tenant(), key).await;
        Ok(row.map_err(|error| fault(key, error))?.map(|row| row.body))
    }

    /// What the tenant demands of new objects, as this batch has to see it.
    ///
    /// # Errors
    /// Where what the batch wrote cannot be read back.
    pub async fn rules(&self) -> Result<Rules, Fault> {
        let (constraints, defaults) = (EntityKind::Constraints, EntityKind::Defaults);
        let mut rules = self.caller.tenant.rules.clone();
        for kind in [constraints, defaults] {
            if self.entities.contains_key(&(kind, rules::KEY.to_owned()))
                && let Some(kept) = self.entity::<Kept>(kind, rules::KEY).await?
            {
                let read = match kind == constraints {
                    true => rules.set_constraints(&kept),
                    false => rules.set_defaults(&kept),
                };
                read.map_err(|error| unsound(rules::KEY, &Unsound::Damaged(error.to_string())))?;
            }
        }
        Ok(rules)
    }

    /// Writes a row with the commit of this item (or of the batch, with Undo).
    ///
    /// # Errors
    /// Where what is there cannot be read, or the token makes no MAC.
    pub async fn put_entity<T: Serialize + Sync>(
        &mut self,
        kind: EntityKind,
        key: &str,
        body: &T,
    ) -> Result<(), Fault> {
        let place = (kind, key.to_owned());
        let base = match self.entities.get(&place) {
            Some(staged) => staged.base,
            None => {
                let rows = self.engine.rows();
                let row = rows.read::<IgnoredAny>(kind, self.tenant(), key).await;
                row.map_err(|error| fault(key, error))?
                    .map_or(0, |row| row.version)
            }
        };
        self.stage_entity(kind, key, base, body).await
    }

    pub(super) async fn stage_entity<T: Serialize + Sync>(
        &mut self,
        kind: EntityKind,
        key: &str,
        base: i64,
        body: &T,
    ) -> Result<(), Fault> {
        let (hsm, tenant) = (&self.engine.hsm, self.tenant());
        let change = entity::put(hsm, kind, tenant, key, base + 1, body)
            .await
            .map_err(|error| fault(key, error))?;
        self.entities
            .insert((kind, key.to_owned()), StagedEntity { change, base });
        Ok(())
    }
}
