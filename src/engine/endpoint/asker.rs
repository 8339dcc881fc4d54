//! The work on one turned connection: ask, read the answer, record it; give the connection back when
//! the client wants it or nothing is left to tell.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::super::Engine;
use super::super::batch::{self, Sender};
use super::super::context::Context;
use super::super::directory::Caller;
use super::super::entity::EntityError;
use super::super::error::{Fault, Reason};
use super::message::{self, Answer};
use super::queue::Item;
use super::subscription::Subscription;
use super::teller::Teller;
use super::{Roles, notify, put};
use crate::audit::Outcome;
use crate::net::{Broken, Channel, Peer};
use crate::operation::server::discover_versions::{
    DiscoverVersionsRequest, DiscoverVersionsResponse,
};
use crate::operation::server::query::{QueryRequest, QueryResponse};
use crate::operation::server::set_endpoint_role::SetEndpointRoleRequest;
use crate::protocol::enumeration::{EndpointRole, Operation, QueryFunction};
use crate::protocol::message::ProtocolVersion;
use crate::protocol::structure::{Bytes, Structure};
use crate::protocol::version::Version;

/// How long a client may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked who the client is, and whether it is still subscribed.
const LOOK: Duration = Duration::from_secs(2);
/// A client that was not asked anything for this long is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(60);

/// Why a turned connection ends.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error("the connection is gone")]
    Gone,
    #[error("the client did not answer in {} seconds", PATIENCE.as_secs())]
    Silent,
    #[error("the client's message is not what was expected: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Refused(Fault),
    #[error("the client keeps the server's role, and nothing is left to tell it")]
    Kept,
}

impl From<Broken> for Ended {
    fn from(_: Broken) -> Self {
        Ended::Gone
    }
}

/// What a client made of a request that it could read.
enum Reply {
    Taken,
    /// It does not know the operation.
    Unknown,
    Refused,
    /// It was not asked.
    Unsent,
}

/// What became of telling of an object.
enum Told {
    Done,
    Refused,
    /// It could not be told, for a reason of this server.
    Later,
}

#[derive(Debug)]
pub struct Asker<'a, C> {
    engine: &'a Arc<Engine>,
    peer: &'a Peer,
    version: Version,
    channel: &'a mut C,
    /// A request of the client that came instead of an answer: served once that is there.
    parked: Option<Zeroizing<Vec<u8>>>,
    /// What the client says it takes.
    puts: bool,
    notifies: bool,
    /// When the client answered last.
    heard: Instant,
}

impl<'a, C: Channel> Asker<'a, C> {
    /// `version`: in which the client turned the roles.
    pub fn new(
        engine: &'a Arc<Engine>,
        peer: &'a Peer,
        version: Version,
        channel: &'a mut C,
    ) -> Self {
        Asker {
            engine,
            peer,
            version,
            channel,
            parked: None,
            puts: true,
            notifies: true,
            heard: Instant::now(),
        }
    }

    /// Asks until the roles are turned back.
    ///
    /// # Errors
    /// When the connection is to be closed instead.
    pub async fn run(mut self) -> Result<(), Ended> {
        let (_, caller) = sender(self.engine, self.peer).await?;
        let open = self.engine.metrics.turned.clone();
        let entered = self.engine.endpoints.enter(&caller, open);
        let mut teller = Teller::new(self.engine, entered.map_err(Ended::Refused)?);
        let end = self.work(&mut teller).await;
        teller.release().await;
        end
    }

    async fn work(&mut self, teller: &mut Teller) -> Result<(), Ended> {
        self.introduce().await?;
        loop {
            if self.serve_parked().await? {
                return Ok(());
            }
            match self.turn(teller).await {
                Ok(true) => {}
                Ok(false) => return self.turn_back().await,
                // The database or the token is away: what is queued stays.
                Err(Ended::Refused(fault)) if fault.reason == Reason::Unavailable => {
                    self.listen(teller, LOOK).await?;
                }
                Err(end) => return Err(end),
            }
        }
    }

    /// One round; false when there is no subscription any more.
    async fn turn(&mut self, teller: &mut Teller) -> Result<bool, Ended> {
        let (sender, caller) = sender(self.engine, self.peer).await?;
        let name = caller.identity.name.as_str();
        let subscription = self.engine.subscription(caller.tenant_id, name).await;
        let unread = |error: EntityError| {
            tracing::warn!(identity = name, %error, "a subscription cannot be read");
            Ended::Refused(Fault::new(
                Reason::Unavailable,
                "the subscription cannot be read",
            ))
        };
        let Some(subscription) = subscription.map_err(unread)? else {
            return Ok(false);
        };
        teller.keep().await.map_err(unread)?;
        match teller.queue().take(Instant::now()) {
            Some(item) => {
                let told = self.tell(&sender, &caller, &subscription, &item);
                match told.await {
                    Ok(Told::Done) => {}
                    Ok(Told::Refused) => teller.refused(item),
                    Ok(Told::Later) => teller.queue().put_back(item),
                    Err(end) => {
                        // It does not count as told.
                        teller.queue().put_back(item);
                        return Err(end);
                    }
                }
                teller.note().await.map_err(unread)?;
            }
            None => {
                let longest = teller.queue().wait(Instant::now(), LOOK);
                self.listen(teller, longest).await?;
            }
        }
        if self.heard.elapsed() > SILENCE {
            self.discover().await?;
        }
        Ok(true)
    }

    /// Waits for something to tell, or for the client to say something.
    async fn listen(&mut self, teller: &Teller, longest: Duration) -> Result<(), Ended> {
        let received = tokio::select! {
            () = teller.queue().told() => return Ok(()),
            received = self.channel.receive(longest, message::LONGEST) => received?,
        };
        match received {
            None => Ok(()),
            Some(message) if message::asks(&message) => self.park(message),
            Some(_) => Err(Ended::Unreadable("nothing was asked".to_owned())),
        }
    }

    fn park(&mut self, message: Zeroizing<Vec<u8>>) -> Result<(), Ended> {
        if self.parked.is_some() {
            return Err(Ended::Unreadable(
                "it asks again before it was answered, and does not answer".to_owned(),
            ));
        }
        self.parked = Some(message);
        Ok(())
    }

    /// Answers what the client asks for; whether it has turned the roles back.
    async fn serve_parked(&mut self) -> Result<bool, Ended> {
        let Some(request) = self.parked.take() else {
            return Ok(false);
        };
        let (sender, _) = sender(self.engine, self.peer).await?;
        let mut answer = Zeroizing::new(Vec::new());
        let served = Box::pin(batch::answer(self.engine, &sender, &request, &mut answer));
        let (roles, _) = served.await;
        self.channel.send(&answer).await?;
        Ok(roles == Roles::Server)
    }

    /// Sends a request and reads its answer. The client may take [`PATIENCE`].
    async fn ask(
        &mut self,
        operation: Operation,
        correlation: &str,
        payload: &[u8],
    ) -> Result<Answer, Ended> {
        let now = self.engine.clock.now();
        let asked = (operation, self.version);
        let request = message::request(asked, now, correlation, payload).map_err(Ended::Refused)?;
        self.channel.send(&request).await?;
        drop(request);
        let due = Instant::now() + PATIENCE;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            let received = self.channel.receive(left, message::LONGEST).await?;
            match received.ok_or(Ended::Silent)? {
                request if message::asks(&request) => self.park(request)?,
                answer => {
                    self.heard = Instant::now();
                    return message::answer(&answer, operation).map_err(Ended::Unreadable);
                }
            }
        }
    }

    /// The same for what tells nothing and is not recorded.
    async fn inquire(
        &mut self,
        operation: Operation,
        payload: &impl Structure,
    ) -> Result<Answer, Ended> {
        let payload = message::payload(operation, self.version, payload);
        let payload = payload.map_err(Ended::Refused)?;
        let correlation = self.engine.correlation_value();
        self.ask(operation, &correlation, &payload).await
    }

    /// Which versions and operations the client has (2.1 §6.2.1, §6.2.4). A client that does not tell
    /// gets all, in the version in which it turned the roles.
    async fn introduce(&mut self) -> Result<(), Ended> {
        self.discover().await?;
        let request = QueryRequest {
            query_function: vec![QueryFunction::QUERY_OPERATIONS],
            object_groups: None,
        };
        let answer = self.inquire(Operation::QUERY, &request).await?;
        let known = QueryResponse::from_items(&answer.payload)
            .map_err(|error| Ended::Unreadable(error.to_string()))?
            .operation;
        if answer.is_success() && !known.is_empty() {
            self.puts = known.contains(&Operation::PUT);
            self.notifies = known.contains(&Operation::NOTIFY);
        }
        Ok(())
    }

    /// Asks for the client's versions, and takes the one that it likes best.
    async fn discover(&mut self) -> Result<(), Ended> {
        let written = |version: &Version| ProtocolVersion {
            major: version.major.into(),
            minor: version.minor.into(),
        };
        let request = DiscoverVersionsRequest {
            protocol_version: Version::SUPPORTED.iter().map(written).collect(),
        };
        let answer = self.inquire(Operation::DISCOVER_VERSIONS, &request).await?;
        if !answer.is_success() {
            return Ok(());
        }
        let versions = DiscoverVersionsResponse::from_items(&answer.payload)
            .map_err(|error| Ended::Unreadable(error.to_string()))?
            .protocol_version;
        let served = |asked: &ProtocolVersion| {
            let mut served = Version::SUPPORTED.iter();
            served.find(|version| written(version) == *asked).copied()
        };
        match versions.iter().find_map(served) {
            Some(version) => self.version = version,
            None if versions.is_empty() => {}
            None => return Err(Ended::Unreadable("no version is common".to_owned())),
        }
        Ok(())
    }

    /// Asks the client to take its role again (2.1 §6.2.5).
    async fn turn_back(&mut self) -> Result<(), Ended> {
        let request = SetEndpointRoleRequest {
            endpoint_role: EndpointRole::CLIENT,
        };
        let answer = self.inquire(Operation::SET_ENDPOINT_ROLE, &request).await?;
        // What the client asked meanwhile asked for the same.
        if self.serve_parked().await? || answer.is_success() {
            return Ok(());
        }
        Err(Ended::Kept)
    }

    /// Tells of one object: by Put where it is new and the client is to have it, else by Notify.
    async fn tell(
        &mut self,
        sender: &Sender,
        caller: &Arc<Caller>,
        subscription: &Subscription,
        item: &Item,
    ) -> Result<Told, Ended> {
        let mut reply = Ok(Reply::Unknown);
        if subscription.put && item.first == 1 && self.puts {
            let mut context = self.context(caller);
            reply = match put::make(&mut context, subscription, item).await {
                Ok(payload) => {
                    let reply = self.deliver(Operation::PUT, sender, context, &payload);
                    Ok(reply.await?)
                }
                Err(fault) => Err(fault),
            };
            self.puts &= !matches!(reply, Ok(Reply::Unknown));
        }
        // What may not be put, for example because it is sensitive, is notified.
        let unavailable = |fault: &Fault| fault.reason == Reason::Unavailable;
        let untold = match &reply {
            Ok(reply) => matches!(reply, Reply::Unknown),
            Err(fault) => !unavailable(fault),
        };
        if untold && self.notifies {
            let mut context = self.context(caller);
            reply = match notify::make(&mut context, item).await {
                Ok(Some(payload)) => {
                    let reply = self.deliver(Operation::NOTIFY, sender, context, &payload);
                    Ok(reply.await?)
                }
                Ok(None) => Ok(Reply::Taken),
                Err(fault) => Err(fault),
            };
            self.notifies &= !matches!(reply, Ok(Reply::Unknown));
        }
        Ok(match &reply {
            Ok(Reply::Taken | Reply::Unknown) => Told::Done,
            Ok(Reply::Refused) => Told::Refused,
            Ok(Reply::Unsent) => Told::Later,
            // Not there, or no longer for this client: nothing to tell. Else the database was away.
            Err(fault) if unavailable(fault) => Told::Later,
            Err(_) => Told::Done,
        })
    }

    fn context(&self, caller: &Arc<Caller>) -> Context {
        let (engine, caller) = (Arc::clone(self.engine), Arc::clone(caller));
        Context::new(engine, caller, self.version, self.engine.clock.now())
    }

    /// Sends what tells a client something; its answer is recorded as the outcome.
    async fn deliver(
        &mut self,
        operation: Operation,
        sender: &Sender,
        mut context: Context,
        payload: &Bytes,
    ) -> Result<Reply, Ended> {
        let engine = Arc::clone(self.engine);
        if engine.audit.admit().await.is_err() {
            // What cannot be recorded is not done; it is told later.
            return Ok(Reply::Unsent);
        }
        let correlation = engine.correlation_value();
        let now = engine.clock.now();
        let mut trace = engine
            .audit
            .begin(operation, sender, now, (&correlation, 0));
        trace.touched.append(&mut context.touched);
        trace.computed = context.computed;
        // What leaves is recorded before it leaves.
        engine.audit.intend(&trace).await;
        let answer = self.ask(operation, &correlation, payload).await;
        let taken = answer.as_ref().is_ok_and(Answer::is_success);
        let failure = (!taken).then_some(Reason::NotTaken);
        engine.metrics.operation(operation, failure);
        let outcome = failure.map_or(Outcome::Success, Outcome::Failure);
        engine.audit.done(trace, outcome).await;
        let answer = answer?;
        Ok(match (taken, answer.is_unsupported()) {
            (true, _) => Reply::Taken,
            (false, true) => Reply::Unknown,
            (false, false) => Reply::Refused,
        })
    }
}

/// Who the client is now: what was revoked is not told anything more.
async fn sender(engine: &Engine, peer: &Peer) -> Result<(Sender, Arc<Caller>), Ended> {
    let address = peer.address.ip().to_string();
    let Some(certificate) = &peer.certificate else {
        return Err(Ended::Gone);
    };
    let sender = engine.sender(certificate, &peer.fingerprint, address);
    let mut sender = sender.await;
    sender.roles = Roles::Client;
    match &sender.caller {
        Ok(caller) => {
            let caller = Arc::clone(caller);
            Ok((sender, caller))
        }
        Err(fault) => Err(Ended::Refused(fault.clone())),
    }
}
