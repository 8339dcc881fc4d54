//! Finds out whom a change concerns: looks through the journal from where each connection that tells
//! has it, and queues what there is to tell.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::super::entity::EntityError;
use super::super::{Engine, FetchError};
use super::Subscriber;
use super::queue::Place;
use crate::object::managed::Sealed;
use crate::protocol::tag;
use crate::store::StoreError;
use crate::store::record::{JournalEntry, TenantId};

/// Journal entries per look.
const LOOK: u32 = 1000;
/// How long nothing is looked at while the database does not answer, and how often it is noticed
/// that the engine is gone.
const PAUSE: Duration = Duration::from_secs(1);
/// Seconds after which a change falls out that could not be told: 30 days.
const AGE: i64 = 30 * 86_400;

/// A subscriber, and how far the journal was looked through for it.
type Reached = (Arc<Subscriber>, Place);

/// Looks at what changed for as long as the engine lives.
pub fn keep(engine: &Arc<Engine>) {
    let (weak, endpoints) = (Arc::downgrade(engine), Arc::clone(&engine.endpoints));
    tokio::spawn(async move {
        loop {
            let _ = timeout(PAUSE, endpoints.heard.notified()).await;
            let Some(engine) = weak.upgrade() else { return };
            loop {
                match feed(&engine).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(%error, "what changed cannot be looked at; subscribers are told later");
                        tokio::time::sleep(PAUSE).await;
                        break;
                    }
                }
            }
        }
    });
}

/// One look for each place in the journal that somebody has reached; whether there is more.
async fn feed(engine: &Engine) -> Result<bool, StoreError> {
    let mut places: BTreeMap<i64, Vec<Reached>> = BTreeMap::new();
    for subscriber in engine.endpoints.all() {
        if let Some(place) = subscriber.queue.place() {
            let there = places.entry(place.position).or_default();
            there.push((subscriber, place));
        }
    }
    let mut more = false;
    for (position, subscribers) in places {
        let settled = engine.store.journal(position, LOOK).await?;
        sift(engine, &subscribers, &settled).await?;
        let position = settled.last().map_or(position, |entry| entry.position);
        let whole = settled.len() < LOOK as usize;
        more |= !whole;
        // Anybody's open transaction in the cluster may hold the settled part back for long.
        let ahead = match whole {
            true => engine.store.journal_ahead(position, LOOK).await?,
            false => Vec::new(),
        };
        sift(engine, &subscribers, &ahead).await?;
        for (subscriber, place) in &subscribers {
            let ahead = concerning(&ahead, subscriber.tenant).map(|entry| entry.position);
            subscriber.queue.read_to(*place, position, ahead);
        }
    }
    Ok(more)
}

/// Entries of a tenant's objects.
fn concerning(entries: &[JournalEntry], tenant: TenantId) -> impl Iterator<Item = &JournalEntry> {
    entries
        .iter()
        .filter(move |entry| entry.kind == 0 && entry.tenant == tenant)
}

/// Queues changes for those that they concern. Each object is read once, and not for those who will
/// be told of it anyway.
async fn sift(
    engine: &Engine,
    subscribers: &[Reached],
    entries: &[JournalEntry],
) -> Result<(), StoreError> {
    let mut tenants: BTreeMap<TenantId, Vec<&Arc<Subscriber>>> = BTreeMap::new();
    for (subscriber, _) in subscribers {
        tenants
            .entry(subscriber.tenant)
            .or_default()
            .push(subscriber);
    }
    let mut lost: HashMap<&str, u64> = HashMap::new();
    for (tenant, subscribers) in tenants {
        // What of this look concerns nobody is not read again for its later versions.
        let mut read: HashMap<&str, Option<Sealed>> = HashMap::new();
        for entry in concerning(entries, tenant) {
            let JournalEntry {
                key,
                version,
                position,
                ..
            } = entry;
            for subscriber in &subscribers {
                if subscriber.queue.knows(key, *version, *position) {
                    continue;
                }
                if !read.contains_key(key.as_str()) {
                    read.insert(key, object(engine, tenant, key).await?);
                }
                let Some(Some(object)) = read.get(key.as_str()) else {
                    continue;
                };
                let fell_out = queue(engine, subscriber, object, entry).await?;
                *lost.entry(&subscriber.identity).or_default() += fell_out;
            }
        }
    }
    for (identity, objects) in lost.into_iter().filter(|(_, lost)| *lost > 0) {
        engine.metrics.untold.inc_by(objects);
        tracing::warn!(
            identity,
            objects,
            "changes of so many objects are not told: too many wait for this client, or they are too old"
        );
    }
    Ok(())
}

/// An object as it is now; None where there is nothing to tell.
async fn object(
    engine: &Engine,
    tenant: TenantId,
    identifier: &str,
) -> Result<Option<Sealed>, StoreError> {
    match engine.fetch(tenant, identifier).await {
        Ok(object) => Ok(object),
        Err(FetchError::Store(error)) => Err(error),
        // Nobody is told of what is not ours.
        Err(FetchError::Unsound(error)) => {
            tracing::error!(identifier, %error, "a change of this object is not told: its row is not what a server wrote");
            Ok(None)
        }
    }
}

/// Queues a change for a subscriber whom it concerns; answers how many objects fell out.
async fn queue(
    engine: &Engine,
    subscriber: &Subscriber,
    object: &Sealed,
    entry: &JournalEntry,
) -> Result<u64, StoreError> {
    let identity = subscriber.identity.as_str();
    match engine.subscription(subscriber.tenant, identity).await {
        Ok(Some(subscription)) if subscription.concerns(identity, object) => {
            let changed = object.attributes.date(tag::LAST_CHANGE_DATE);
            let oldest = engine.clock.now().saturating_sub(AGE);
            if changed.is_some_and(|changed| changed < oldest) {
                return Ok(1);
            }
            let (key, version, position) = (&entry.key, entry.version, entry.position);
            Ok(subscriber.queue.push(key, version, position))
        }
        Ok(_) => Ok(0),
        Err(EntityError::Store(error)) => Err(error),
        Err(EntityError::Unsound(error)) => {
            tracing::error!(identity, %error, "the subscription is not what an administrator wrote; it is not used");
            Ok(0)
        }
    }
}
