//! The server as client, on connections whose roles a client has turned (Set Endpoint Role, 2.1
//! §6.1.54): what changes is told by Notify, new objects are given by Put (1.4 §5.1 and §5.2,
//! 2.1 §6.2.2 and §6.2.3), to whom an administrator subscribed (`docs/decisions/endpoint.md`).
//!
//! What there is to tell comes from the journal, which every node reads (`engine/lease`): so it is
//! committed, and it does not matter which node wrote it. One task finds out whom a change concerns
//! and queues it; each turned connection works on its own queue.

mod asker;
mod message;
mod notify;
mod put;
mod queue;
pub mod subscription;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;
use tokio::time::timeout;

pub use self::asker::Asker;
use self::queue::Queue;
use self::subscription::Subscription;
use super::directory::Caller;
use super::entity::{EntityError, Remembered};
use super::error::{Fault, Reason};
use super::{Engine, FetchError, entity};
use crate::protocol::enumeration::Operation;
use crate::protocol::version::Version;
use crate::store::StoreError;
use crate::store::record::{EntityKind, JournalEntry, TenantId};

/// Turned connections of one identity on a node, and of all.
const MOST_OF_ONE: usize = 4;
const MOST: usize = 1024;
/// Changes that wait to be looked at; 100 bytes each.
const INBOX: usize = 16_384;
/// How long nothing is looked at while the database does not answer, and how often it is noticed
/// that the engine is gone.
const PAUSE: Duration = Duration::from_secs(1);

/// Who asks on a connection, and who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// The server answers, and it stays so.
    Fixed,
    /// The server answers, until the client turns the roles.
    Server,
    /// The server asks.
    Client,
}

impl Roles {
    /// What a peer may ask for. Who has the server's role asks for nothing but its own role back.
    ///
    /// # Errors
    /// Operation Not Supported.
    pub fn permit(self, operation: Operation) -> Result<(), Fault> {
        match self {
            Roles::Client if operation != Operation::SET_ENDPOINT_ROLE => Err(Fault::new(
                Reason::OperationNotSupported,
                "the roles of this connection are turned; send Set Endpoint Role with Server first",
            )),
            _ => Ok(()),
        }
    }
}

/// What the service remembers of a connection: the version in which its roles were turned.
#[derive(Debug, Default)]
pub struct Turning(Mutex<Option<Version>>);

impl Turning {
    pub fn note(&self, version: Version) {
        *locked(&self.0) = Some(version);
    }

    pub fn version(&self) -> Version {
        locked(&self.0).unwrap_or(Version::NEWEST)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A turned connection, as those see it who have something for it.
#[derive(Debug)]
struct Subscriber {
    tenant: TenantId,
    identity: String,
    queue: Queue,
}

/// A row that changed: tenant, Unique Identifier, version.
type Changed = (TenantId, String, i64);

#[derive(Debug, Default)]
struct Inbox {
    waiting: VecDeque<Changed>,
    /// Positions of the journal that were taken before they settled.
    ahead: HashSet<i64>,
}

/// The turned connections of a node, and what is to be looked at for them.
#[derive(Debug)]
pub struct Endpoints {
    subscribers: Mutex<HashMap<TenantId, Vec<Arc<Subscriber>>>>,
    inbox: Mutex<Inbox>,
    heard: Notify,
    subscriptions: Remembered<Option<Subscription>>,
}

impl Default for Endpoints {
    fn default() -> Self {
        Endpoints {
            subscribers: Mutex::default(),
            inbox: Mutex::default(),
            heard: Notify::new(),
            subscriptions: Remembered::new(4096),
        }
    }
}

/// A turned connection's place among them, for as long as it lasts.
#[derive(Debug)]
struct Entered {
    endpoints: Arc<Endpoints>,
    subscriber: Arc<Subscriber>,
    open: Gauge,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.open.dec();
        let tenant = self.subscriber.tenant;
        let mut subscribers = locked(&self.endpoints.subscribers);
        if let Some(of_tenant) = subscribers.get_mut(&tenant) {
            of_tenant.retain(|other| !Arc::ptr_eq(other, &self.subscriber));
            if of_tenant.is_empty() {
                subscribers.remove(&tenant);
            }
        }
    }
}

impl Endpoints {
    /// # Errors
    /// Server Limit Exceeded.
    fn room(
        subscribers: &HashMap<TenantId, Vec<Arc<Subscriber>>>,
        caller: &Caller,
    ) -> Result<(), Fault> {
        let of_tenant = subscribers.get(&caller.tenant_id).into_iter().flatten();
        let own = of_tenant.filter(|other| other.identity == caller.identity.name);
        if own.count() >= MOST_OF_ONE || subscribers.values().map(Vec::len).sum::<usize>() >= MOST {
            return Err(Fault::new(
                Reason::ServerLimitExceeded,
                format!(
                    "an identity may turn the roles of {MOST_OF_ONE} connections, all together of {MOST}; close one"
                ),
            ));
        }
        Ok(())
    }

    fn enter(self: &Arc<Self>, caller: &Caller, open: Gauge) -> Result<Entered, Fault> {
        let mut subscribers = locked(&self.subscribers);
        Endpoints::room(&subscribers, caller)?;
        let subscriber = Arc::new(Subscriber {
            tenant: caller.tenant_id,
            identity: caller.identity.name.clone(),
            queue: Queue::default(),
        });
        subscribers
            .entry(caller.tenant_id)
            .or_default()
            .push(Arc::clone(&subscriber));
        open.inc();
        Ok(Entered {
            endpoints: Arc::clone(self),
            subscriber,
            open,
        })
    }

    fn of_tenant(&self, tenant: TenantId) -> Vec<Arc<Subscriber>> {
        let subscribers = locked(&self.subscribers);
        subscribers.get(&tenant).cloned().unwrap_or_default()
    }

    /// Takes entries that the journal will not repeat; answers how many older ones had to go.
    pub fn settled(&self, entries: &[JournalEntry]) -> usize {
        self.take(entries, |inbox, position| !inbox.ahead.remove(&position))
    }

    /// Takes entries that the journal still holds back, and repeats until they settle.
    pub fn ahead(&self, entries: &[JournalEntry]) -> usize {
        self.take(entries, |inbox, position| inbox.ahead.insert(position))
    }

    fn take(&self, entries: &[JournalEntry], new: impl Fn(&mut Inbox, i64) -> bool) -> usize {
        let subscribers = locked(&self.subscribers);
        let mut inbox = locked(&self.inbox);
        if subscribers.is_empty() {
            *inbox = Inbox::default();
            return 0;
        }
        let mut lost = 0;
        for entry in entries {
            let concerns = entry.kind == 0 && subscribers.contains_key(&entry.tenant);
            if !new(&mut inbox, entry.position) || !concerns {
                continue;
            }
            if inbox.waiting.len() >= INBOX {
                inbox.waiting.pop_front();
                lost += 1;
            }
            let change = (entry.tenant, entry.key.clone(), entry.version);
            inbox.waiting.push_back(change);
            self.heard.notify_one();
        }
        lost
    }

    fn next(&self) -> Option<Changed> {
        locked(&self.inbox).waiting.pop_front()
    }

    fn put_back(&self, change: Changed) {
        locked(&self.inbox).waiting.push_front(change);
    }
}

/// Looks at what changed for as long as the engine lives.
pub fn keep(engine: &Arc<Engine>) {
    let (weak, endpoints) = (Arc::downgrade(engine), Arc::clone(&engine.endpoints));
    tokio::spawn(async move {
        loop {
            let _ = timeout(PAUSE, endpoints.heard.notified()).await;
            let Some(engine) = weak.upgrade() else { return };
            while let Some(change) = endpoints.next() {
                if let Err(error) = sift(&engine, &change).await {
                    tracing::warn!(%error, "what changed cannot be looked at; subscribers are told later");
                    endpoints.put_back(change);
                    tokio::time::sleep(PAUSE).await;
                    break;
                }
            }
        }
    });
}

/// Queues a change for those that it concerns.
async fn sift(engine: &Engine, (tenant, identifier, version): &Changed) -> Result<(), StoreError> {
    let subscribers = engine.endpoints.of_tenant(*tenant);
    if subscribers.is_empty() {
        return Ok(());
    }
    let object = match engine.fetch(*tenant, identifier).await {
        Ok(Some(object)) => object,
        Err(FetchError::Store(error)) => return Err(error),
        // Nobody is told of what is not ours.
        Ok(None) => return Ok(()),
        Err(FetchError::Unsound(error)) => {
            tracing::error!(identifier, %error, "a change of this object is not told: its row is not what a server wrote");
            return Ok(());
        }
    };
    for subscriber in subscribers {
        let identity = subscriber.identity.as_str();
        match engine.subscription(*tenant, identity).await {
            Ok(Some(subscription)) if subscription.concerns(identity, &object) => {
                let put = subscription.put && *version == 1;
                let lost = subscriber.queue.push(identifier, *version, put);
                engine.metrics.untold.inc_by(lost);
            }
            Ok(_) => {}
            Err(EntityError::Store(error)) => return Err(error),
            Err(EntityError::Unsound(error)) => {
                tracing::error!(identity, %error, "the subscription is not what an administrator wrote; it is not used");
            }
        }
    }
    Ok(())
}

impl Engine {
    /// An identity's subscription, remembered as long as the directory is.
    async fn subscription(
        &self,
        tenant: TenantId,
        identity: &str,
    ) -> Result<Option<Subscription>, EntityError> {
        let generation = self.directory.generation();
        let place = (tenant, identity.to_owned());
        let remembered = &self.endpoints.subscriptions;
        if self.lease.is_live()
            && let Some((read, subscription)) = remembered.get(&place)
            && read == generation
        {
            return Ok(Option::clone(&subscription));
        }
        let rows: entity::Rows<'_> = self.rows();
        let found = rows
            .read::<Subscription>(EntityKind::Subscription, tenant, identity)
            .await?
            .map(|row| row.body)
            .filter(|subscription| !subscription.is_empty());
        remembered.insert(place, (generation, Arc::new(found.clone())));
        Ok(found)
    }

    /// Whether a client may turn the roles of one more connection.
    ///
    /// # Errors
    /// Permission Denied without a subscription, Server Limit Exceeded with too many connections.
    pub async fn may_ask(&self, caller: &Caller) -> Result<(), Fault> {
        let found = self
            .subscription(caller.tenant_id, &caller.identity.name)
            .await;
        match found {
            Ok(Some(_)) => Endpoints::room(&locked(&self.endpoints.subscribers), caller),
            Ok(None) => Err(Fault::new(
                Reason::PermissionDenied,
                "this identity is subscribed to nothing, so the server has nothing to ask it; an administrator can change that with `keyward client subscribe`",
            )),
            Err(EntityError::Store(error)) => Err(error.into()),
            Err(EntityError::Unsound(error)) => {
                Err(super::context::unsound("subscription", &error))
            }
        }
    }
}
