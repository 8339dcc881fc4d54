//! Sets of entries (`alike`) that this node knows: they never change, so it asks for each once.

use deadpool_postgres::Object;
use quick_cache::sync::Cache;

use super::columns::{Entries, Param};
use super::fault::fault;
use super::rows::get;
use super::statements::SET;
use crate::store::alike::{self, Split};
use crate::store::record::{Change, Commit, IndexEntry};
use crate::store::verbs::StoreError;

/// How many are remembered.
const KNOWN: usize = 10_000;
/// How often a set is asked for that another transaction makes at the same time.
const ATTEMPTS: u32 = 8;

#[derive(Debug)]
pub(super) struct Sets(Cache<(i64, [u8; 32]), i64>);

impl Default for Sets {
    fn default() -> Self {
        Sets(Cache::new(KNOWN))
    }
}

impl Sets {
    /// What stands in `objects.alike`, for each change of an object, else 0. A set that is new is
    /// made by itself, before the commit that names it: should that fail, nothing names it yet.
    pub(super) async fn of(
        &self,
        connection: &Object,
        commit: &Commit,
    ) -> Result<Vec<i64>, StoreError> {
        let mut numbers = Vec::with_capacity(commit.changes.len());
        for change in &commit.changes {
            let (Change::Insert { record, index, .. } | Change::Update { record, index, .. }) =
                change
            else {
                numbers.push(0);
                continue;
            };
            let Split { alike, .. } = alike::split(index);
            let Some(digest) = alike::digest(&alike) else {
                numbers.push(0);
                continue;
            };
            let key = (record.tenant.0, digest);
            let number = match self.0.get(&key) {
                Some(number) => number,
                None => {
                    let number = made(connection, key, &alike).await?;
                    self.0.insert(key, number);
                    number
                }
            };
            numbers.push(-number);
        }
        Ok(numbers)
    }
}

async fn made(
    connection: &Object,
    (tenant, digest): (i64, [u8; 32]),
    alike: &[&IndexEntry],
) -> Result<i64, StoreError> {
    let statement = connection.prepare_cached(SET).await.map_err(fault)?;
    let mut entries = Entries::default();
    entries.extend(1, alike);
    let digest = digest.as_slice();
    let mut params: Vec<Param<'_>> = vec![&tenant, &digest];
    // All are of one set.
    params.extend(entries.params().into_iter().skip(1));
    for _ in 0..ATTEMPTS {
        let row = connection
            .query_opt(&statement, &params)
            .await
            .map_err(fault)?;
        if let Some(row) = row {
            return get(&row, 0);
        }
    }
    Err(StoreError::Conflict)
}
