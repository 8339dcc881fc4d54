//! Keys of class *cached* (DESIGN §4.3): in clear in locked memory, so that using one asks no token.
//! Bounded by count and age. A key is the row's of one version; it leaves at once when this node
//! changes the row, and with the next look at the journal when another does; without a live lease
//! none is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;
use token::LockedBytes;

use super::Engine;
use super::row::{Row, RowRef};
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
    keys: Cache<Row, Arc<Kept>>,
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
        let kept = self.keys.get(&RowRef::of(key))?;
        let fits = kept.version == key.version()
            && kept.format == format
            && kept.since.elapsed() < self.age;
        fits.then(|| Arc::clone(&kept.bytes))
    }

    /// Locked memory or none: where the system grants no more, the key's seal is opened at every use.
    fn keep(&self, key: &Sealed, format: KeyFormatType, bytes: &[u8]) {
        match LockedBytes::new(bytes) {
            Ok(bytes) => {
                let kept = Kept {
                    version: key.version(),
                    format,
                    since: Instant::now(),
                    bytes: Arc::new(bytes),
                };
                self.keys.insert(RowRef::of(key).owned(), Arc::new(kept));
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

    /// The key's row has this version now, or the key is gone. What is known of that version stays:
    /// the journal tells of a change again after it was made.
    fn forget(&self, tenant: TenantId, unique_identifier: &str, version: i64) {
        let row = RowRef {
            tenant,
            unique_identifier,
        };
        self.keys.remove_if(&row, |kept| kept.version < version);
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
        let identifier = &key.unique_identifier;
        if let Some(seen) = self.freshness.seen(key.tenant, identifier) {
            self.cached.forget(key.tenant, identifier, seen);
        }
    }

    /// A row has this version now: what was made ready of the one before leaves memory and token.
    pub(super) async fn forget_key(&self, tenant: TenantId, identifier: &str, version: i64) {
        if version <= 1 {
            return;
        }
        self.cached.forget(tenant, identifier, version);
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
            let shown = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            let metrics = &engine.metrics;
            metrics.cached_keys.set(shown(engine.cached.len()));
            metrics.loaded_keys.set(shown(engine.hsm.loaded_keys()));
            if let Err(error) = engine.hsm.bury().await {
                tracing::debug!(%error, "keys that are not used any more stay in the token for now");
            }
            drop(engine);
            tokio::time::sleep(STEP).await;
        }
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use ttlv::Value;

    use super::*;
    use crate::clock::Clock;
    use crate::engine::context::Context;
    use crate::engine::fixture::{context, nodes};
    use crate::engine::founding::FIRST_TENANT;
    use crate::object::service::place::{self, Clear};
    use crate::object::{creation, generation};
    use crate::protocol::attributes::Attributes;
    use crate::protocol::enumeration::CryptographicAlgorithm;
    use crate::protocol::tag;
    use crate::store::record::{Class, Commit};

    async fn written(engine: &Engine, context: &mut Context) {
        let commit = Commit {
            changes: context.take_changes(),
            audit: Vec::new(),
        };
        engine.commit(commit).await.unwrap();
    }

    async fn made(engine: &Arc<Engine>, class: Class) -> String {
        let mut context = context(engine).await;
        let identifier = creation::new_identifier();
        let mut attributes = Attributes::default();
        let algorithm = Value::Enumeration(CryptographicAlgorithm::AES.0);
        attributes.set(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
        attributes.set(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256));
        let draft = generation::symmetric(&mut context, &identifier, class, &mut attributes).await;
        context.insert(draft.unwrap()).await.unwrap();
        written(engine, &mut context).await;
        identifier
    }

    async fn sealed(engine: &Engine, identifier: &str) -> Sealed {
        let found = engine.fetch(FIRST_TENANT, identifier).await;
        found.unwrap().unwrap()
    }

    /// Uses the key; whether it came from the cache.
    async fn used(engine: &Arc<Engine>, key: &Sealed) -> bool {
        let mut context = context(engine).await;
        let clear = place::material(&mut context, key, KeyFormatType::RAW).await;
        matches!(clear.unwrap(), Clear::Kept(_))
    }

    async fn leased(engine: &Engine) {
        while !engine.lease.is_live() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_changed_row_is_another_key_and_takes_the_old_one_from_every_node() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::set(1_800_000_000);
        let nodes = nodes(directory.path(), &clock, &["here", "there"]).await;
        let [here, there] = nodes.as_slice() else {
            unreachable!()
        };
        leased(here).await;
        leased(there).await;
        let identifier = made(here, Class::Cached).await;
        let key = sealed(here, &identifier).await;
        for node in [here, there] {
            assert!(!used(node, &key).await, "nobody has used it");
            assert!(used(node, &key).await);
            assert_eq!(node.cached.len(), 1);
        }
        // Only class cached is kept.
        let served = made(here, Class::Served).await;
        let served = sealed(here, &served).await;
        assert!(!used(here, &served).await && !used(here, &served).await);

        let mut context = context(here).await;
        let mut draft = key.edit();
        draft
            .attributes
            .set(tag::CONTACT_INFORMATION, Value::TextString("new".into()));
        context.update(draft).await.unwrap();
        written(here, &mut context).await;
        assert!(here.cached.is_empty(), "at once where it was changed");
        let begun = Instant::now();
        while !there.cached.is_empty() {
            assert!(begun.elapsed() < crate::engine::lease::LENGTH);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let changed = sealed(there, &identifier).await;
        assert!(!used(there, &changed).await, "it is another key");
        assert!(used(there, &changed).await);
        // Who still holds the old row puts nothing back.
        assert!(!used(here, &key).await);
        assert!(here.cached.is_empty());
    }

    #[test]
    fn age_and_number_are_bounded() {
        let bounds = Bounds {
            keys: 16,
            age: Duration::from_millis(50),
        };
        let cache = KeyCache::new(bounds);
        for number in 0..1000 {
            let row = RowRef {
                tenant: FIRST_TENANT,
                unique_identifier: &number.to_string(),
            }
            .owned();
            let kept = Kept {
                version: 1,
                format: KeyFormatType::RAW,
                since: Instant::now(),
                bytes: Arc::new(LockedBytes::new(b"key").unwrap()),
            };
            cache.keys.insert(row, Arc::new(kept));
        }
        assert!((1..=16).contains(&cache.len()), "{}", cache.len());
        std::thread::sleep(bounds.age);
        cache.sweep();
        assert!(cache.is_empty());
    }
}
