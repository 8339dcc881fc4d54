//! Rows that this node has verified and read: the same bytes need not be verified a second time.
//!
//! The row is fetched for each use all the same, so an edited, older or deleted one is refused at its
//! next use (DESIGN §1.2). What is saved is the MAC and the reading, which give the same for the same
//! bytes. Nothing in clear is kept: material stays sealed or wrapped.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::row::{Row, RowRef};
use crate::object::managed::Sealed;
use crate::store::record::{Record, TenantId};

/// How many bytes of rows are remembered; the objects read from them take a few times as much.
const BYTES: u64 = 4 << 20;
/// A typical row, to lay out the memory.
const TYPICAL: u64 = 1 << 10;

#[derive(Clone, Debug)]
struct Known {
    record: std::sync::Arc<Record>,
    object: Sealed,
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<Row, Known> for Bytes {
    fn weight(&self, _: &Row, known: &Known) -> u64 {
        let record = &known.record;
        let blob = record.blob.as_ref().map_or(0, |blob| blob.bytes.len());
        (record.attributes.len() + blob) as u64 + 256
    }
}

/// Verified rows, bounded; the one not used for longest is forgotten.
#[derive(Debug)]
pub struct Verified {
    known: Cache<Row, Known, Bytes>,
}

impl Default for Verified {
    fn default() -> Self {
        let items = usize::try_from(BYTES / TYPICAL).unwrap_or(0);
        Verified {
            known: Cache::with_weighter(items, BYTES, Bytes),
        }
    }
}

impl Verified {
    /// The object of a row that was verified before, if every byte of it is the same.
    pub fn same(&self, record: &Record) -> Option<Sealed> {
        let known = self.known.get(&RowRef {
            tenant: record.tenant,
            unique_identifier: &record.unique_identifier,
        })?;
        (*known.record == *record).then_some(known.object)
    }

    /// Remembers a row and what was read from it after its MAC was verified.
    pub fn remember(&self, record: Record, object: &Sealed) {
        let row = RowRef::of(object).owned();
        let known = Known {
            record: record.into(),
            object: object.clone(),
        };
        self.known.insert(row, known);
    }

    /// After a change: what was sealed in the old row is not kept.
    pub fn forget(&self, tenant: TenantId, unique_identifier: &str) {
        self.known.remove(&RowRef {
            tenant,
            unique_identifier,
        });
    }
}
