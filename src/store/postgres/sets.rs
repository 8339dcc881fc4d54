//! Sets of entries (`alike`) that this node knows: they never change, so it asks for each once in a
//! while.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use deadpool_postgres::Object;
use quick_cache::sync::Cache;

use super::columns::{Entries, Param};
use super::fault::fault;
use super::rows::get;
use super::statements::SET;
use crate::store::alike::{self, LOOKED_AT};
use crate::store::record::{Change, Commit, IndexEntry, TenantId};
use crate::store::verbs::StoreError;

/// How many are remembered.
const KNOWN: usize = 10_000;
/// How long a set is named without asking whether it is there: what nobody has is deleted.
const FRESH: Duration = Duration::from_secs(600);
/// How often a set is asked for that another transaction makes or deletes at the same time.
const ATTEMPTS: u32 = 8;

/// Before the first set is made: the look begins anywhere then, or after many short runs what comes
/// late would still wait for its turn.
const UNKNOWN: i64 = -1;

#[derive(Debug)]
pub(super) struct Sets {
    known: Cache<(i64, [u8; 32]), (i64, Instant)>,
    /// Up to which set was looked whether an object has it.
    looked: AtomicI64,
}

impl Default for Sets {
    fn default() -> Self {
        Sets {
            known: Cache::new(KNOWN),
            looked: AtomicI64::new(UNKNOWN),
        }
    }
}

/// What stands in an object's row: minus the numbers of its sets, 0 for the empty one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Of {
    pub(super) alike: i64,
    pub(super) dated: i64,
}

impl Sets {
    /// A new connection may be one to a database that crashed, was put back, or gave its place to a
    /// copy that was behind: what the old ones were told may not be there.
    pub(super) fn forget(&self) {
        self.known.clear();
    }

    /// For each change of an object its sets, else none. A set that is new is made by itself, before
    /// the commit that names it: should that fail, nothing names it yet.
    pub(super) async fn of(
        &self,
        connection: &Object,
        commit: &Commit,
    ) -> Result<Vec<Of>, StoreError> {
        let mut sets = Vec::with_capacity(commit.changes.len());
        for change in &commit.changes {
            let (Change::Insert { record, index, .. } | Change::Update { record, index, .. }) =
                change
            else {
                sets.push(Of::default());
                continue;
            };
            let split = alike::split(index);
            sets.push(Of {
                alike: self.one(connection, record.tenant, &split.alike).await?,
                dated: self.one(connection, record.tenant, &split.dated).await?,
            });
        }
        Ok(sets)
    }

    async fn one(
        &self,
        connection: &Object,
        tenant: TenantId,
        set: &[&IndexEntry],
    ) -> Result<i64, StoreError> {
        let Some(digest) = alike::digest(set) else {
            return Ok(0);
        };
        let key = (tenant.0, digest);
        if let Some((number, asked)) = self.known.get(&key)
            && asked.elapsed() < FRESH
        {
            return Ok(-number);
        }
        let asked = Instant::now();
        let number = self.made(connection, key, set).await?;
        self.known.insert(key, (number, asked));
        Ok(-number)
    }

    async fn made(
        &self,
        connection: &Object,
        (tenant, digest): (i64, [u8; 32]),
        set: &[&IndexEntry],
    ) -> Result<i64, StoreError> {
        let statement = connection.prepare_cached(SET).await.map_err(fault)?;
        let asked = SystemTime::now().duration_since(UNIX_EPOCH);
        let asked = asked.unwrap_or_default();
        let mut entries = Entries::default();
        entries.extend(1, set);
        let digest = digest.as_slice();
        for _ in 0..ATTEMPTS {
            let before = self.looked.load(Ordering::Relaxed);
            let mut params: Vec<Param<'_>> = vec![&tenant, &digest];
            // All are of one set.
            params.extend(entries.params().into_iter().skip(1));
            params.extend([&before as Param<'_>, &LOOKED_AT]);
            let row = connection
                .query_opt(&statement, &params)
                .await
                .map_err(fault)?;
            if let Some(row) = row {
                let (number, looked): (i64, i64) = (get(&row, 0)?, get(&row, 1)?);
                let anywhere = i64::from(asked.subsec_nanos()) % number.max(1);
                let next = if before == UNKNOWN { anywhere } else { looked };
                self.looked.store(next, Ordering::Relaxed);
                return Ok(number);
            }
        }
        Err(StoreError::Conflict)
    }
}
