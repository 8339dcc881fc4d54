//! Sets of entries (`alike`): made when first named, deleted some time after nobody names them.

use std::cell::Cell;

use rusqlite::{Connection, OptionalExtension, params};

use super::change::enter;
use super::read::many;
use super::rows::fault;
use crate::store::alike::{self, LOOKED_AT, YOUNG};
use crate::store::record::{IndexEntry, TenantId};
use crate::store::verbs::StoreError;

/// The writer's.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// Up to which set was looked whether an object has it.
    looked: Cell<Option<i64>>,
    /// Made and not looked around for yet: how many, and the newest.
    made: Cell<(i64, i64)>,
}

impl Sets {
    /// What stands in an object's row for this set: minus its number, 0 for the empty one.
    pub(super) fn of(
        &self,
        connection: &Connection,
        tenant: TenantId,
        entries: &[&IndexEntry],
    ) -> Result<i64, StoreError> {
        let Some(digest) = alike::digest(entries) else {
            return Ok(0);
        };
        let known: Option<i64> = connection
            .prepare_cached("SELECT number FROM alike WHERE tenant = ?1 AND digest = ?2")
            .and_then(|mut statement| {
                statement
                    .query_row(params![tenant.0, digest], |row| row.get(0))
                    .optional()
            })
            .map_err(fault)?;
        if let Some(number) = known {
            return Ok(-number);
        }
        connection
            .prepare_cached("INSERT INTO alike (tenant, digest) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute(params![tenant.0, digest]))
            .map_err(fault)?;
        let number = connection.last_insert_rowid();
        entries
            .iter()
            .try_for_each(|entry| enter(connection, tenant, -number, entry))?;
        let (count, _) = self.made.get();
        self.made.set((count + 1, number));
        Ok(-number)
    }

    /// Looks at the next few sets, round and round, and deletes those that no object has: as many
    /// for each set that was made, so that those left behind stay in proportion to those in use.
    /// At the end of a group, when every object that is to name a set does.
    pub(super) fn sweep(&self, connection: &Connection) -> Result<(), StoreError> {
        let (count, newest) = self.made.take();
        let (old, most) = (newest - YOUNG, LOOKED_AT * count);
        if old <= 1 {
            return Ok(());
        }
        // After a start anywhere, or what comes late would wait for its turn again and again.
        let looked = self.looked.get().unwrap_or_else(|| {
            let begun = std::time::SystemTime::now();
            let begun = begun.duration_since(std::time::UNIX_EPOCH);
            i64::from(begun.unwrap_or_default().subsec_nanos()) % old
        });
        let next: Vec<(i64, bool)> = many(
            connection,
            "SELECT number, EXISTS (SELECT 1 FROM objects WHERE dated = -number) \
             OR EXISTS (SELECT 1 FROM objects WHERE alike = -number) \
             FROM alike WHERE number > ?1 AND number < ?2 ORDER BY number LIMIT ?3",
            params![looked, old, most],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        // Fewer: those were the last.
        let last = next.last().filter(|_| next.len() as i64 == most);
        self.looked.set(Some(last.map_or(0, |(number, _)| *number)));
        for (number, _) in next.into_iter().filter(|(_, has)| !has) {
            for sql in [
                "DELETE FROM entries WHERE object = -?1",
                "DELETE FROM alike WHERE number = ?1",
            ] {
                connection
                    .prepare_cached(sql)
                    .and_then(|mut statement| statement.execute([number]))
                    .map_err(fault)?;
            }
        }
        Ok(())
    }
}
