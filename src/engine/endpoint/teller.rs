//! Which of an identity's connections tells it, and what it was told: kept in the identity's mark, so
//! that the next connection goes on from there, on this node or another, after whatever end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::Engine;
use super::super::entity::EntityError;
use super::Entered;
use super::mark::Mark;
use super::queue::{Item, Queue};
use crate::store::Store;
use crate::store::record::TenantId;

/// How often the mark is written while one thing after the other is told.
const OFTEN: Duration = Duration::from_secs(1);
/// How often a node writes a mark to show that it is there, or because the journal went on without
/// anything for this client.
const RENEW: Duration = Duration::from_secs(10);
/// A node that has not written the mark for so long tells nobody any more.
const SILENCE: Duration = Duration::from_secs(30);
/// How often is asked whether another node still tells.
const LOOK: Duration = Duration::from_secs(2);

/// The mark as this connection wrote it.
#[derive(Debug)]
struct Held {
    version: i64,
    position: i64,
    written: Instant,
    /// Something was told that the mark may not have passed.
    owed: bool,
}

/// One connection's part in telling its identity.
#[derive(Debug)]
pub(super) struct Teller {
    engine: Arc<Engine>,
    entered: Entered,
    /// None while another connection tells.
    held: Option<Held>,
    /// The version of another node's mark, and since when it is that.
    other: Option<(i64, Instant)>,
    /// When this was asked last.
    asked: Option<Instant>,
}

impl Teller {
    pub(super) fn new(engine: &Arc<Engine>, entered: Entered) -> Teller {
        Teller {
            engine: Arc::clone(engine),
            entered,
            held: None,
            other: None,
            asked: None,
        }
    }

    /// What waits to be told; empty where another connection tells it.
    pub(super) fn queue(&self) -> &Queue {
        &self.entered.subscriber.queue
    }

    fn place(&self) -> (TenantId, &str) {
        let subscriber = &self.entered.subscriber;
        (subscriber.tenant, &subscriber.identity)
    }

    /// Becomes the one who tells where nobody does, or stays it.
    pub(super) async fn keep(&mut self) -> Result<(), EntityError> {
        if let Some(held) = &self.held {
            // One node alone has nobody to show that it is there.
            let others = matches!(*self.engine.store, Store::Postgres(_));
            let moved = self.queue().mark() != Some(held.position);
            let since = held.written.elapsed();
            if since > RENEW && (moved || others) || since > OFTEN && moved && held.owed {
                self.write(true).await?;
            }
            return Ok(());
        }
        if self.asked.is_some_and(|asked| asked.elapsed() < LOOK) {
            return Ok(());
        }
        self.asked = Some(Instant::now());
        if !self.entered.stand() {
            return Ok(());
        }
        let claimed = self.claim().await;
        if !matches!(claimed, Ok(true)) {
            self.entered.end();
        }
        claimed.map(drop)
    }

    async fn claim(&mut self) -> Result<bool, EntityError> {
        let subscriber = Arc::clone(&self.entered.subscriber);
        let (tenant, identity) = (subscriber.tenant, subscriber.identity.as_str());
        let known = self.engine.mark(tenant, identity).await?;
        let own = self.engine.settings.node.as_str();
        let (version, position, node) = match known {
            Some(row) => (row.version, row.body.position, row.body.node),
            // Subscribed before marks were kept.
            None => (0, self.engine.store.journal_head().await?, None),
        };
        if node.is_some_and(|node| node != own) {
            let now = Instant::now();
            let since = match self.other {
                Some((seen, since)) if seen == version => since,
                _ => now,
            };
            self.other = Some((version, since));
            if now.duration_since(since) < SILENCE {
                return Ok(false);
            }
        }
        let mark = Mark {
            position,
            node: Some(own.to_owned()),
        };
        let claimed = self.engine.put_mark((tenant, identity), version, &mark);
        if !claimed.await? {
            return Ok(false);
        }
        self.held = Some(Held {
            version: version + 1,
            position,
            written: Instant::now(),
            owed: false,
        });
        self.entered.begin(position);
        Ok(true)
    }

    /// Something was told.
    pub(super) async fn note(&mut self) -> Result<(), EntityError> {
        let Some(held) = &mut self.held else {
            return Ok(());
        };
        held.owed = true;
        if held.written.elapsed() > OFTEN || self.queue().is_empty() {
            self.write(true).await?;
        }
        Ok(())
    }

    /// What a client refused is told again, or is lost.
    pub(super) fn refused(&self, item: Item) {
        let identifier = item.identifier.clone();
        if !self.queue().refused(item) {
            self.engine.metrics.untold.inc();
            tracing::warn!(
                identity = self.entered.subscriber.identity,
                identifier,
                "a client does not take what it is told; it is not told again"
            );
        }
    }

    /// Writes the mark. Where another node has written it, that one tells from now on.
    async fn write(&mut self, stays: bool) -> Result<(), EntityError> {
        let (Some(held), Some(position)) = (&self.held, self.queue().mark()) else {
            return Ok(());
        };
        let version = held.version;
        let node = stays.then(|| self.engine.settings.node.clone());
        let mark = Mark { position, node };
        let written = self.engine.put_mark(self.place(), version, &mark).await?;
        let owed = !self.queue().is_settled();
        self.held = written.then(|| Held {
            version: version + 1,
            position,
            written: Instant::now(),
            owed,
        });
        if !written {
            self.entered.end();
        }
        Ok(())
    }

    /// Lets another connection tell.
    pub(super) async fn release(mut self) {
        if let Err(error) = self.write(false).await {
            let identity = &self.entered.subscriber.identity;
            tracing::warn!(identity, %error, "what a client was told last is not written; it is told again");
        }
    }
}
