//! Usage Limits in use: charges that are exact whoever else charges, and that outlive an Undo.

use super::Context;
use super::entities;
use crate::engine::entity::{self, EntityError};
use crate::engine::error::{Fault, Reason};
use crate::object::managed::{Draft, Managed, Unsound};
use crate::object::usage_limits::{self, Usage};
use crate::operation::attribute::get_attributes::as_of;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::UsageLimitsUnit;
use crate::protocol::tag;
use crate::store::StoreError;
use crate::store::record::{Commit, EntityKind};

const KIND: EntityKind = EntityKind::UsageLimits;
/// How often a charge is tried when other nodes charge the same key.
const ATTEMPTS: u32 = 64;

/// What one use costs in each unit.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub objects: i64,
    pub bytes: usize,
}

impl Cost {
    /// `units`, in whatever unit the limits count.
    pub fn units(units: i64) -> Cost {
        Cost {
            objects: units,
            bytes: usize::try_from(units).unwrap_or(usize::MAX),
        }
    }

    fn in_unit(self, unit: UsageLimitsUnit) -> i64 {
        match unit {
            UsageLimitsUnit::BYTE => i64::try_from(self.bytes).unwrap_or(i64::MAX),
            _ => self.objects,
        }
    }
}

/// What the item has paid: an item that is run again, because another request changed a row
/// under it, does not pay twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Credit {
    paid: Vec<(String, i64)>,
    open: Vec<(String, i64)>,
}

impl Credit {
    fn take(&mut self, id: &str, cost: i64) -> bool {
        let found = self
            .open
            .iter()
            .position(|(paid_for, paid)| paid_for == id && *paid == cost);
        found.map(|place| self.open.swap_remove(place)).is_some()
    }
}

fn exceeded(reason: Reason, usage: &Usage, cost: i64) -> Fault {
    Fault::new(
        reason,
        format!(
            "the key's usage limit leaves {}; this costs {cost}; use another key or re-key it",
            usage.left()
        ),
    )
}

impl Context {
    /// What the object's Usage Limits leave; None without limits.
    ///
    /// # Errors
    /// Where the row that counts is gone or not what a server wrote.
    pub async fn usage(&self, object: &Managed) -> Result<Option<Usage>, Fault> {
        if !object.attributes.has(tag::USAGE_LIMITS) {
            return Ok(None);
        }
        let id = object.unique_identifier.as_str();
        match self.entity::<Usage>(KIND, id).await? {
            Some(usage) => Ok(Some(usage)),
            None => Err(super::unsound(id, &Unsound::Gone)),
        }
    }

    /// The same by identifier; None where nothing is counted.
    ///
    /// # Errors
    /// Where the row cannot be read or is not what a server wrote.
    pub async fn usage_of(&self, identifier: &str) -> Result<Option<Usage>, Fault> {
        self.entity(KIND, identifier).await
    }

    /// The attributes as a client sees them at this moment: the State follows the dates, Usage
    /// Limits say what is left.
    ///
    /// # Errors
    /// As [`Context::usage`].
    pub async fn shown(&self, object: &Managed) -> Result<Attributes, Fault> {
        let mut attributes = as_of(object, self.now);
        if let Some(usage) = self.usage(object).await? {
            usage_limits::show(&mut attributes, &usage);
        }
        Ok(attributes)
    }

    /// Takes the cost of a use out of the key's Usage Limits, at once and for good: neither a
    /// failure of the item nor an Undo of the batch gives it back.
    ///
    /// # Errors
    /// `reason` where less is left.
    pub async fn allocate(
        &mut self,
        key: &Managed,
        cost: Cost,
        reason: Reason,
    ) -> Result<(), Fault> {
        let Some(unit) = usage_limits::unit(&key.attributes) else {
            return Ok(());
        };
        let cost = cost.in_unit(unit);
        if cost == 0 {
            return Ok(());
        }
        let id = key.unique_identifier.clone();
        if !self.credit.take(&id, cost) {
            self.charge(key, cost, reason).await?;
        }
        self.credit.paid.push((id, cost));
        Ok(())
    }

    /// The item begins, or begins once more.
    pub(in crate::engine) fn begin(&mut self, again: bool) {
        let paid = std::mem::take(&mut self.credit.paid);
        self.credit.open = if again { paid } else { Vec::new() };
    }

    async fn charge(&mut self, key: &Managed, cost: i64, reason: Reason) -> Result<(), Fault> {
        let place = (KIND, key.unique_identifier.clone());
        let staged = match self.entities.get(&place).map(|staged| staged.base) {
            None => None,
            // The key itself waits for its commit: should it be undone, there is nothing to count.
            Some(0) => return self.charge_staged(key, cost, 0, reason).await,
            Some(base) => Some(base),
        };
        let version = self.charge_stored(key, cost, reason).await?;
        match staged {
            Some(_) => self.charge_staged(key, cost, version, reason).await,
            None => Ok(()),
        }
    }

    /// Charges limits that this batch has set and not committed.
    async fn charge_staged(
        &mut self,
        key: &Managed,
        cost: i64,
        base: i64,
        reason: Reason,
    ) -> Result<(), Fault> {
        let Some(usage) = self.usage(key).await? else {
            return Ok(());
        };
        let charged = usage
            .after(cost, self.now)
            .ok_or_else(|| exceeded(reason, &usage, cost))?;
        self.stage_entity(KIND, &key.unique_identifier, base, &charged)
            .await
    }

    /// Answers the version that the row has now.
    async fn charge_stored(&self, key: &Managed, cost: i64, reason: Reason) -> Result<i64, Fault> {
        let (engine, id) = (&self.engine, key.unique_identifier.as_str());
        let _turn = engine.turns.take(key.tenant, id).await;
        for attempt in 0..ATTEMPTS {
            let rows = engine.rows();
            let row = match rows.read::<Usage>(KIND, key.tenant, id).await {
                Ok(row) => row,
                // Another node charged it between two looks of this one.
                Err(EntityError::Unsound(Unsound::Stale)) => continue,
                Err(error) => return Err(entities::fault(id, error)),
            };
            let row = row.ok_or_else(|| super::unsound(id, &Unsound::Gone))?;
            let charged = row
                .body
                .after(cost, self.now)
                .ok_or_else(|| exceeded(reason, &row.body, cost))?;
            let version = row.version + 1;
            let change = entity::put(&engine.hsm, KIND, key.tenant, id, version, &charged)
                .await
                .map_err(|error| entities::fault(id, error))?;
            let commit = Commit {
                changes: vec![change],
                audit: Vec::new(),
            };
            match engine.commit(commit).await {
                Ok(()) => return Ok(version),
                Err(StoreError::Conflict) => {
                    // Nodes that lose step aside for longer and longer, each at its own pace.
                    let pause = u64::from(attempt.min(16)) * (1 + u64::from(jitter()));
                    tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Begins to count for a new object, or for one whose limits a client has set anew.
    pub(super) async fn count_from(&mut self, draft: &mut Draft) -> Result<(), Fault> {
        let Some(limit) = usage_limits::settle(&mut draft.attributes)? else {
            return Ok(());
        };
        let usage = Usage {
            limit,
            used: 0,
            changed: self.now,
        };
        let id = draft.unique_identifier.clone();
        self.put_entity(KIND, &id, &usage).await
    }

    /// What a changed attribute means for the count: limits that were used cannot be changed or
    /// deleted (1.4 §3.21, 2.1 §4.59: "as long as Get Usage Allocation has not been performed").
    ///
    /// # Errors
    /// `read_only` where they were used.
    pub async fn recount(
        &mut self,
        before: &Managed,
        draft: &mut Draft,
        read_only: Reason,
    ) -> Result<(), Fault> {
        if let Some(attribute) = draft
            .attributes
            .0
            .iter_mut()
            .find(|attribute| attribute.is(tag::USAGE_LIMITS))
        {
            usage_limits::without_count(&mut attribute.value);
        }
        let now = draft.attributes.get(tag::USAGE_LIMITS);
        if now == before.attributes.get(tag::USAGE_LIMITS) {
            return Ok(());
        }
        if let Some(usage) = self.usage(before).await?
            && usage.used != 0
        {
            return Err(Fault::new(
                read_only,
                "the object's Usage Limits have been used: they cannot be changed any more",
            ));
        }
        if draft.attributes.has(tag::USAGE_LIMITS) {
            return self.count_from(draft).await;
        }
        // The row stays, and a charge that goes on meanwhile conflicts with this.
        let nothing = Usage {
            limit: 0,
            used: 0,
            changed: self.now,
        };
        self.put_entity(KIND, &before.unique_identifier, &nothing)
            .await
    }
}

/// 0 to 7.
fn jitter() -> u8 {
    uuid::Uuid::now_v7()
        .as_bytes()
        .last()
        .map_or(0, |byte| byte & 7)
}

#[cfg(test)]
#[path = "allocation_tests.rs"]
mod tests;
