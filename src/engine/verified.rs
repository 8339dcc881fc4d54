//! Rows that this node has verified and read: the same bytes need not be verified a second time.
//!
//! The row is fetched for each use all the same, so an edited, older or deleted one is refused at its
//! next use (DESIGN §1.2). What is saved is the MAC and the reading, which give the same for the same
//! bytes. Nothing in clear is kept: material stays sealed or wrapped.

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use crate::object::managed::Sealed;
use crate::store::record::{Record, TenantId};

/// How many bytes of rows are remembered; the objects read from them take a few times as much.
const BYTES: u64 = 4 << 20;
/// A typical row, to lay out the memory.
const ROW: u64 = 1 << 10;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    tenant: TenantId,
    unique_identifier: Box<str>,
}

/// The same without a copy of the identifier; must hash alike.
#[derive(Hash)]
struct PlaceRef<'a> {
    tenant: TenantId,
    unique_identifier: &'a str,
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.tenant == place.tenant && *self.unique_identifier == *place.unique_identifier
    }
}

#[derive(Clone, Debug)]
struct Known {
    record: std::sync::Arc<Record>,
    object: Sealed,
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<Place, Known> for Bytes {
    fn weight(&self, _: &Place, known: &Known) -> u64 {
        let record = &known.record;
        let blob = record.blob.as_ref().map_or(0, |blob| blob.bytes.len());
        (record.attributes.len() + blob) as u64 + 256
    }
}

/// Verified rows, bounded; the one not used for longest is forgotten.
#[derive(Debug)]
pub struct Verified {
    known: Cache<Place, Known, Bytes>,
}

impl Default for Verified {
    fn default() -> Self {
        let items = usize::try_from(BYTES / ROW).unwrap_or(0);
        Verified {
            known: Cache::with_weighter(items, BYTES, Bytes),
        }
    }
}

impl Verified {
    /// The object of a row that was verified before, if every byte of it is the same.
    pub fn same(&self, record: &Record) -> Option<Sealed> {
        let known = self.known.get(&PlaceRef {
            tenant: record.tenant,
            unique_identifier: &record.unique_identifier,
        })?;
        (*known.record == *record).then_some(known.object)
    }

    /// Remembers a row and what was read from it after its MAC was verified.
    pub fn remember(&self, record: Record, object: &Sealed) {
        let place = Place {
            tenant: record.tenant,
            unique_identifier: record.unique_identifier.as_str().into(),
        };
        let known = Known {
            record: record.into(),
            object: object.clone(),
        };
        self.known.insert(place, known);
    }

    /// After a change: what was sealed in the old row is not kept.
    pub fn forget(&self, tenant: TenantId, unique_identifier: &str) {
        self.known.remove(&PlaceRef {
            tenant,
            unique_identifier,
        });
    }
}
