//! The server as client, on connections whose roles a client has turned (Set Endpoint Role, 2.1
//! §6.1.54): what changes is told by Notify, new objects are given by Put (1.4 §5.1 and §5.2,
//! 2.1 §6.2.2 and §6.2.3), to whom an administrator subscribed (`docs/decisions/endpoint.md`).
//!
//! What there is to tell comes from the journal, which is written with each change: so it is
//! committed, and it does not matter which node wrote it. One task looks it through (`feed`), from
//! where each subscriber was told last (`mark`), and queues what concerns whom; the turned connection
//! that tells an identity works on its own queue.

mod asker;
mod feed;
mod mark;
mod message;
mod notify;
mod put;
mod queue;
pub mod subscription;
mod teller;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;

pub use self::asker::Asker;
pub use self::feed::keep;
use self::queue::Queue;
use self::subscription::Subscription;
use super::directory::Caller;
use super::entity::{EntityError, Remembered};
use super::error::{Fault, Reason};
use super::{Engine, entity};
use crate::protocol::enumeration::Operation;
use crate::protocol::version::Version;
use crate::store::record::{EntityKind, JournalEntry, TenantId};

/// Turned connections of one identity on a node, and of all.
const MOST_OF_ONE: usize = 4;
const MOST: usize = 1024;

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
    /// It is the one of its identity's connections that tells; the others wait until it ends.
    stands: AtomicBool,
    queue: Queue,
}

/// The turned connections of a node.
#[derive(Debug)]
pub struct Endpoints {
    subscribers: Mutex<HashMap<TenantId, Vec<Arc<Subscriber>>>>,
    heard: Notify,
    subscriptions: Remembered<Option<Subscription>>,
}

impl Default for Endpoints {
    fn default() -> Self {
        Endpoints {
            subscribers: Mutex::default(),
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
            stands: AtomicBool::new(false),
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

    fn all(&self) -> Vec<Arc<Subscriber>> {
        let subscribers = locked(&self.subscribers);
        subscribers.values().flatten().cloned().collect()
    }

    /// Hears of what the journal has now: there may be something to tell.
    pub fn hear(&self, entries: &[JournalEntry]) {
        if entries.is_empty() {
            return;
        }
        let subscribers = locked(&self.subscribers);
        let concerns =
            |entry: &JournalEntry| entry.kind == 0 && subscribers.contains_key(&entry.tenant);
        if !subscribers.is_empty() && entries.iter().any(concerns) {
            self.heard.notify_one();
        }
    }
}

impl Entered {
    /// Makes this connection the one of its node that may tell its identity; false while another is.
    fn stand(&self) -> bool {
        let subscribers = locked(&self.endpoints.subscribers);
        let own = &self.subscriber;
        let mut of_tenant = subscribers.get(&own.tenant).into_iter().flatten();
        let taken = of_tenant
            .any(|other| other.identity == own.identity && other.stands.load(Ordering::Acquire));
        if !taken {
            own.stands.store(true, Ordering::Release);
        }
        !taken
    }

    fn begin(&self, position: i64) {
        self.subscriber.queue.begin(Some(position));
        self.endpoints.heard.notify_one();
    }

    fn end(&self) {
        self.subscriber.queue.begin(None);
        self.subscriber.stands.store(false, Ordering::Release);
    }
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
