//! The newest version of each row that this node has seen: an older valid one is refused.

use std::sync::{Mutex, PoisonError};

use quick_cache::Equivalent;

use crate::store::record::{Change, Commit, EntityKind, TenantId};

/// How many rows are remembered; what falls out is found by the sweep over the journal.
const REMEMBERED: usize = 200_000;

/// A row's place: managed objects are kind 0, as in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    kind: u8,
    tenant: TenantId,
    key: Box<str>,
}

/// The same without a copy of the key; must hash alike.
#[derive(Clone, Copy, Hash)]
struct PlaceRef<'a> {
    kind: u8,
    tenant: TenantId,
    key: &'a str,
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.kind == place.kind && self.tenant == place.tenant && *self.key == *place.key
    }
}

#[derive(Debug)]
pub struct Freshness {
    newest: quick_cache::sync::Cache<Place, i64>,
    /// Held to raise a version, or of two at once the lower might stay.
    raising: Mutex<()>,
}

impl Default for Freshness {
    fn default() -> Self {
        Freshness {
            newest: quick_cache::sync::Cache::new(REMEMBERED),
            raising: Mutex::default(),
        }
    }
}

impl Freshness {
    /// The newest version of an object that was seen. Ask *before* the row is read: a version
    /// that was seen while the row was on its way may rightly be newer than it.
    pub fn seen(&self, tenant: TenantId, identifier: &str) -> Option<i64> {
        self.newest.get(&PlaceRef {
            kind: 0,
            tenant,
            key: identifier,
        })
    }

    /// The same of a row that is no object.
    pub fn seen_entity(&self, kind: EntityKind, tenant: TenantId, key: &str) -> Option<i64> {
        self.newest.get(&PlaceRef {
            kind: kind as u8,
            tenant,
            key,
        })
    }

    /// `kind`: 0 for objects, else the `EntityKind`.
    pub fn note(&self, kind: u8, tenant: TenantId, key: &str, version: i64) {
        let place = PlaceRef { kind, tenant, key };
        let newer = || self.newest.get(&place).is_none_or(|seen| seen < version);
        if newer() {
            let _raising = self.raising.lock().unwrap_or_else(PoisonError::into_inner);
            if newer() {
                let key = Box::from(key);
                self.newest.insert(Place { kind, tenant, key }, version);
            }
        }
    }
}

/// Newest versions: kind (0 for objects), tenant, key and version.
pub type Versions = Vec<(u8, TenantId, String, i64)>;

/// What a commit makes the newest versions.
pub fn versions(commit: &Commit) -> Versions {
    commit
        .changes
        .iter()
        .map(|change| match change {
            Change::Insert { record, .. } | Change::Update { record, .. } => (
                0,
                record.tenant,
                record.unique_identifier.clone(),
                record.version,
            ),
            Change::Put(entity) => (
                entity.kind as u8,
                entity.tenant,
                entity.key.clone(),
                entity.version,
            ),
        })
        .collect()
}
