//! The newest version of each row that this node has seen: an older valid one is refused.

use crate::store::record::{Change, Commit, TenantId};

/// How many rows are remembered; what falls out is found by the sweep over the journal.
const REMEMBERED: usize = 200_000;

#[derive(Debug)]
pub struct Freshness(quick_cache::sync::Cache<(TenantId, Box<str>), i64>);

impl Default for Freshness {
    fn default() -> Self {
        Freshness(quick_cache::sync::Cache::new(REMEMBERED))
    }
}

impl Freshness {
    pub fn seen(&self, tenant: TenantId, identifier: &str) -> Option<i64> {
        self.0.get(&(tenant, Box::from(identifier)))
    }

    pub fn note(&self, tenant: TenantId, identifier: &str, version: i64) {
        let place = (tenant, Box::from(identifier));
        if self.0.get(&place).is_none_or(|seen| seen < version) {
            self.0.insert(place, version);
        }
    }
}

/// What a commit makes the newest versions.
pub fn versions(commit: &Commit) -> Vec<(TenantId, String, i64)> {
    commit
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Insert { record, .. } | Change::Update { record, .. } => {
                Some((record.tenant, record.unique_identifier.clone(), record.version))
            }
            Change::Put(_) => None,
        })
        .collect()
}
