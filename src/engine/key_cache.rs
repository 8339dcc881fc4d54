//! Keys of class *cached* (DESIGN §4.3): in clear in locked memory, so that using one asks no token.
//! Bounded by count and age. A key is the row's of one version; it leaves at once when this node
//! changes the row, and with the next look at the journal when another does; without a live lease
//! none is used.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use token::LockedBytes;

use super::Engine;
use crate::object::managed::Sealed;
use crate::protocol::enumeration::KeyFormatType;
use crate::store::record::TenantId;

/// How often what is too old is looked for.
const STEP: Duration = Duration::from_secs(1);

/// Bounds, from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub keys: usize,
    /// From when the seal was opened, however often the key is used.
    pub age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            keys: 1000,
            age: Duration::from_secs(60),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    tenant: TenantId,
    identifier: Box<str>,
}

/// The same without a copy of the identifier; must hash alike.
#[derive(Hash)]
struct PlaceRef<'a> {
    tenant: TenantId,
    identifier: &'a str,
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.tenant == place.tenant && *self.identifier == *place.identifier
    }
}

#[derive(Debug)]
struct Kept {
    version: i64,
    format: KeyFormatType,
    since: Instant,
    bytes: Arc<LockedBytes>,
}

#[derive(Debug)]
pub struct KeyCache {
    age: Duration,
    keys: Cache<Place, Arc<Kept>>,
    /// The log has said that the system locks no more memory.
    refused: AtomicBool,
}

impl KeyCache {
    pub fn new(bounds: Bounds) -> KeyCache {
        KeyCache {
            age: bounds.age,
            keys: Cache::new(bounds.keys),
            refused: AtomicBool::new(false),
        }
    }

    /// The key's bytes in this form, if its row is still the one that was opened.
    fn get(&self, key: &Sealed, format: KeyFormatType) -> Option<Arc<LockedBytes>> {
        let kept = self.keys.get(&PlaceRef {
            tenant: key.tenant,
            identifier: &key.unique_identifier,
        })?;
        let fits = kept.version == key.version()
            && kept.format == format
            && kept.since.elapsed() < self.age;
        fits.then(|| Arc::clone(&kept.bytes))
    }

    /// Locked memory or none: where the system grants no more, the key's seal is opened at every use.
    fn keep(&self, key: &Sealed, format: KeyFormatType, bytes: &[u8]) {
        match LockedBytes::new(bytes) {
            Ok(bytes) => {
                let place = Place {
                    tenant: key.tenant,
                    identifier: key.unique_identifier.as_str().into(),
                };
                let kept = Kept {
                    version: key.version(),
                    format,
                    since: Instant::now(),
                    bytes: Arc::new(bytes),
                };
                self.keys.insert(place, Arc::new(kept));
            }
            Err(error) if !self.refused.swap(true, Ordering::Relaxed) => {
                tracing::warn!(
                    %error,
                    "no more memory can be locked, so that keys of class cached are not cached; raise RLIMIT_MEMLOCK (systemd: LimitMEMLOCK)"
                );
            }
            Err(_) => {}
        }
    }

    /// The key is changed, or gone.
    pub fn forget(&self, tenant: TenantId, identifier: &str) {
        self.keys.remove(&PlaceRef { tenant, identifier });
    }

    /// Somebody's rights changed, or a tenant's settings.
    pub fn clear(&self) {
        self.keys.clear();
    }

    fn sweep(&self) {
        self.keys.retain(|_, kept| kept.since.elapsed() < self.age);
    }

    /// How many keys are in memory.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Engine {
    /// A cached key's bytes; none without a live lease.
    pub fn cached_key(&self, key: &Sealed, format: KeyFormatType) -> Option<Arc<LockedBytes>> {
        match self.lease.is_live() {
            true => self.cached.get(key, format),
            false => None,
        }
    }

    /// Keeps them for the next use.
    pub fn cache_key(&self, key: &Sealed, format: KeyFormatType, bytes: &[u8]) {
        if !self.lease.is_live() {
            return;
        }
        self.cached.keep(key, format, bytes);
        // Whoever changed the row meanwhile noted its version before forgetting the key.
        let seen = self.freshness.seen(key.tenant, &key.unique_identifier);
        if seen.is_some_and(|seen| seen > key.version()) {
            self.cached.forget(key.tenant, &key.unique_identifier);
        }
    }

    /// A row has this version now: what was made ready of the one before leaves memory and token.
    pub(super) async fn forget_key(&self, tenant: TenantId, identifier: &str, version: i64) {
        if version <= 1 {
            return;
        }
        self.cached.forget(tenant, identifier);
        if let Err(error) = self.hsm.forget(tenant, identifier, version - 1).await {
            tracing::debug!(%error, "keys that are not used any more stay in the token for now");
        }
    }
}

/// Takes out of memory and token what is too old, for as long as the engine lives.
pub fn keep(engine: &Arc<Engine>) {
    let weak = Arc::downgrade(engine);
    tokio::spawn(async move {
        while let Some(engine) = weak.upgrade() {
            engine.cached.sweep();
            if let Err(error) = engine.hsm.bury().await {
                tracing::debug!(%error, "keys that are not used any more stay in the token for now");
            }
            drop(engine);
            tokio::time::sleep(STEP).await;
        }
    });
}
