//! Operations that are answered later (1.4 §6.7, 2.1 §9.2): accepted with a row of their own,
//! run by this node in the order in which an identity asked, and kept until they are polled.
//!
//! A job's result is written in the transaction of its changes, so that it survives whatever
//! happens to the server, and is done once: whoever else had the job meanwhile (another node,
//! Cancel) made the row another version, and the changes are dropped. Request and result are
//! sealed: both may hold keys.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::sync::{Notify, Semaphore};
use ttlv::{Node, Value};
use zeroize::Zeroizing;

use super::Engine;
use super::batch::Sender;
use super::context::Context;
use super::directory::Caller;
use super::entity::{self, EntityError, Verified};
use super::error::{Fault, Reason};
use super::session::Admitted;
use super::session::rights::Narrowing;
use crate::audit::Outcome;
use crate::operation;
use crate::protocol::enumeration::{Operation, ProcessingStage, ResultStatus};
use crate::protocol::message::ResponseItem;
use crate::protocol::seam;
use crate::protocol::structure::{Bytes, borrow};
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::StoreError;
use crate::store::record::{Blob, BlobKind, Change, Commit, EntityKind, TenantId};

/// Jobs of one identity that may be open, or done and not polled.
const SLOTS: u16 = 64;
/// Jobs that run at the same time on a node.
const RUNNING: usize = 4;
/// Seconds that a result waits for its Poll.
const KEPT: i64 = 24 * 3600;
/// How long Process waits for a job.
const PATIENCE: Duration = Duration::from_secs(60);

/// Body of a Job's row; the row's key is the identity and a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The second half of the Asynchronous Correlation Value.
    #[serde(with = "hex::serde")]
    secret: [u8; 14],
    pub identity: String,
    pub operation: u32,
    major: u16,
    minor: u16,
    /// Seconds since 1970.
    pub submitted: i64,
    pub stage: Stage,
    /// What the request's credentials left to it, and what the audit record calls them.
    #[serde(default)]
    narrowing: Narrowing,
    #[serde(default)]
    credentials: Vec<String>,
    /// The request, then the answer.
    sealed: Sealed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sealed {
    key_version: u32,
    length: u32,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Submitted,
    Done,
    /// Polled or cancelled: the slot is free.
    Over,
}

impl Job {
    fn version(&self) -> Version {
        Version::new(self.major, self.minor)
    }

    fn is_free(&self, now: i64) -> bool {
        self.stage == Stage::Over || (self.stage == Stage::Done && self.submitted + KEPT < now)
    }

    pub fn processing_stage(&self) -> ProcessingStage {
        match self.stage {
            Stage::Submitted => ProcessingStage::SUBMITTED,
            Stage::Done | Stage::Over => ProcessingStage::COMPLETED,
        }
    }
}

/// Where a job is: its tenant and its row's key.
type Place = (TenantId, String);

/// What waits, by identity.
#[derive(Debug)]
pub struct Jobs {
    queues: Mutex<HashMap<(TenantId, String), VecDeque<Place>>>,
    running: Arc<Semaphore>,
    /// Told after each job.
    finished: Notify,
}

impl Default for Jobs {
    fn default() -> Self {
        Jobs {
            queues: Mutex::default(),
            running: Arc::new(Semaphore::new(RUNNING)),
            finished: Notify::new(),
        }
    }
}

fn key(identity: &str, slot: u16) -> String {
    format!("{identity}/{slot}")
}

fn unknown() -> Fault {
    Fault::new(
        Reason::InvalidAsynchronousCorrelationValue,
        "no operation of this identity goes by this Asynchronous Correlation Value",
    )
}

fn fault(error: EntityError) -> Fault {
    match error {
        EntityError::Store(error) => error.into(),
        EntityError::Unsound(error) => super::context::unsound("job", &error),
    }
}

/// What a job's secrets are bound to.
fn binding(engine: &Engine, tenant: TenantId, key: &str, stage: Stage) -> Vec<u8> {
    let stage = if stage == Stage::Submitted {
        "request"
    } else {
        "answer"
    };
    let mut out = Vec::with_capacity(96 + key.len());
    for part in [engine.deployment.as_str(), "job", stage, key] {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(&tenant.0.to_be_bytes());
    out
}

async fn seal(
    engine: &Engine,
    caller: &Caller,
    key: &str,
    stage: Stage,
    clear: &[u8],
) -> Result<Sealed, Fault> {
    let aad = binding(engine, caller.tenant_id, key, stage);
    let blob = engine.hsm.seal(&caller.tenant.keys, &aad, clear).await?;
    Ok(Sealed {
        key_version: blob.key_version,
        length: blob.length,
        bytes: blob.bytes,
    })
}

async fn open(
    engine: &Engine,
    caller: &Caller,
    key: &str,
    job: &Job,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let aad = binding(engine, caller.tenant_id, key, job.stage);
    let blob = Blob {
        kind: BlobKind::Sealed,
        key_version: job.sealed.key_version,
        length: job.sealed.length,
        bytes: job.sealed.bytes.clone(),
    };
    Ok(engine
        .hsm
        .open_sealed(&caller.tenant.keys, &aad, &blob)
        .await?)
}

async fn row(engine: &Engine, tenant: TenantId, key: &str) -> Result<Option<Verified<Job>>, Fault> {
    engine
        .rows()
        .read::<Job>(EntityKind::Job, tenant, key)
        .await
        .map_err(fault)
}

async fn put(engine: &Engine, place: &Place, version: i64, job: &Job) -> Result<Change, Fault> {
    let (tenant, key) = place;
    entity::put(&engine.hsm, EntityKind::Job, *tenant, key, version, job)
        .await
        .map_err(fault)
}

/// Accepts an operation; answers the Asynchronous Correlation Value.
pub async fn submit(
    engine: &Arc<Engine>,
    (caller, admitted): (&Caller, &Admitted),
    (operation, version): (Operation, Version),
    payload: &[Node<'_>],
) -> Result<Bytes, Fault> {
    let now = engine.clock.now();
    let random = engine.hsm.random(14).await?;
    let secret = random
        .first_chunk::<14>()
        .copied()
        .ok_or_else(|| Fault::new(Reason::Internal, "no correlation value could be made"))?;
    let items = payload
        .iter()
        .map(|item| Node::new(item.tag, borrow(&item.value)));
    let request = Node::structure(tag::REQUEST_PAYLOAD, items.collect());
    let mut clear = Zeroizing::new(Vec::with_capacity(ttlv::binary::encoded_len(&request)));
    ttlv::binary::encode(&request, &mut clear);
    let name = caller.identity.name.as_str();
    for slot in 0..SLOTS {
        let place = (caller.tenant_id, key(name, slot));
        let before = row(engine, place.0, &place.1).await?;
        let base = match &before {
            Some(before) if !before.body.is_free(now) => continue,
            Some(before) => before.version,
            None => 0,
        };
        let job = Job {
            secret,
            identity: name.to_owned(),
            operation: operation.0,
            major: version.major,
            minor: version.minor,
            submitted: now,
            stage: Stage::Submitted,
            narrowing: admitted.narrowing.clone(),
            credentials: admitted.labels.clone(),
            sealed: seal(engine, caller, &place.1, Stage::Submitted, &clear).await?,
        };
        let commit = Commit {
            changes: vec![put(engine, &place, base + 1, &job).await?],
            audit: Vec::new(),
        };
        match engine.commit(commit).await {
            Ok(()) => {
                enqueue(engine, place, name);
                return Ok(Zeroizing::new([&slot.to_be_bytes()[..], &secret].concat()));
            }
            Err(StoreError::Conflict | StoreError::Exists) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Fault::new(
        Reason::ServerLimitExceeded,
        format!("{SLOTS} asynchronous operations of this identity are open; poll or cancel some"),
    ))
}

/// A caller's job by its Asynchronous Correlation Value; a stranger's is unknown.
async fn find(
    engine: &Engine,
    caller: &Caller,
    value: &[u8],
) -> Result<(Place, Verified<Job>), Fault> {
    let (slot, secret) = value.split_first_chunk::<2>().ok_or_else(unknown)?;
    let slot = u16::from_be_bytes(*slot);
    let place = (caller.tenant_id, key(&caller.identity.name, slot));
    let found = match slot < SLOTS {
        true => row(engine, place.0, &place.1).await?,
        false => None,
    };
    found
        .filter(|job| bool::from(job.body.secret.as_slice().ct_eq(secret)))
        .filter(|job| !job.body.is_free(engine.clock.now()))
        .map(|job| (place, job))
        .ok_or_else(unknown)
}

/// The answer of a job that is done; None while it is not. Once given, the job is over.
pub async fn poll(
    engine: &Engine,
    caller: &Caller,
    value: &[u8],
) -> Result<Option<(ResponseItem, Version)>, Fault> {
    let (place, job) = find(engine, caller, value).await?;
    if job.body.stage != Stage::Done {
        return Ok(None);
    }
    let clear = open(engine, caller, &place.1, &job.body).await?;
    let version = job.body.version();
    let answer = ResponseItem::decode(&clear)
        .ok_or_else(|| Fault::new(Reason::Internal, "the stored answer cannot be read"))?;
    end(engine, &place, job).await?;
    Ok(Some((answer, version)))
}

/// Frees a job's slot.
async fn end(engine: &Engine, place: &Place, job: Verified<Job>) -> Result<bool, Fault> {
    let over = Job {
        stage: Stage::Over,
        sealed: Sealed {
            key_version: 0,
            length: 0,
            bytes: Vec::new(),
        },
        ..job.body
    };
    let commit = Commit {
        changes: vec![put(engine, place, job.version + 1, &over).await?],
        audit: Vec::new(),
    };
    match engine.commit(commit).await {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Ends a job that is not done; false where it was done before. One that runs is dropped with
/// all its changes, since its row is another version now.
pub async fn cancel(engine: &Engine, caller: &Caller, value: &[u8]) -> Result<bool, Fault> {
    let (place, job) = find(engine, caller, value).await?;
    if job.body.stage == Stage::Done {
        return Ok(false);
    }
    end(engine, &place, job).await
}

/// Waits until a job is done: the next Poll has its answer.
pub async fn process(engine: &Engine, caller: &Caller, value: &[u8]) -> Result<(), Fault> {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let finished = engine.jobs.finished.notified();
            let (_, job) = find(engine, caller, value).await?;
            if job.body.stage == Stage::Done {
                return Ok(());
            }
            // Another node may have it: then only a look tells.
            let _ = tokio::time::timeout(Duration::from_millis(250), finished).await;
        }
    })
    .await;
    waited.unwrap_or_else(|_| {
        Err(Fault::new(
            Reason::Unavailable,
            "the operation is not finished yet; poll it later",
        ))
    })
}

/// A caller's jobs whose answers were not obtained, with their Asynchronous Correlation Values.
pub async fn outstanding(engine: &Engine, caller: &Caller) -> Result<Vec<(Bytes, Job)>, Fault> {
    let now = engine.clock.now();
    let mut found = Vec::new();
    for slot in 0..SLOTS {
        let key = key(&caller.identity.name, slot);
        // Slots are taken from the first on: behind one that never was there is none.
        let Some(job) = row(engine, caller.tenant_id, &key).await? else {
            break;
        };
        if !job.body.is_free(now) {
            let value = [&slot.to_be_bytes()[..], &job.body.secret].concat();
            found.push((Zeroizing::new(value), job.body));
        }
    }
    Ok(found)
}

fn enqueue(engine: &Arc<Engine>, place: Place, identity: &str) {
    let queue = (place.0, identity.to_owned());
    let mut queues = engine
        .jobs
        .queues
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let waiting = queues.entry(queue.clone()).or_default();
    waiting.push_back(place);
    // The first one brings the task that works on the queue.
    if waiting.len() == 1 {
        drop(queues);
        tokio::spawn(work(Arc::downgrade(engine), queue));
    }
}

/// Works on an identity's jobs, one after the other, until there are none.
async fn work(engine: Weak<Engine>, queue: (TenantId, String)) {
    loop {
        let Some(engine) = engine.upgrade() else {
            return;
        };
        let next = {
            let queues = engine
                .jobs
                .queues
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            queues
                .get(&queue)
                .and_then(|waiting| waiting.front().cloned())
        };
        if let Some(place) = next {
            let _running = Arc::clone(&engine.jobs.running).acquire_owned().await;
            if let Err(fault) = execute(&engine, &place).await {
                tracing::warn!(job = place.1, reason = fault.reason.name(), message = %fault.message,
                    "an asynchronous operation could not be run; it is run at the next start");
            }
            engine.jobs.finished.notify_waiters();
        }
        let mut queues = engine
            .jobs
            .queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = queues.get_mut(&queue) else {
            return;
        };
        waiting.pop_front();
        if waiting.is_empty() {
            queues.remove(&queue);
            return;
        }
    }
}

/// Takes up what an earlier run of a server left: every job that is not done.
pub async fn resume(engine: &Arc<Engine>) -> Result<(), EntityError> {
    for row in engine.store.entities(EntityKind::Job, None).await? {
        let job = entity::verify::<Job>(&engine.hsm, row).await?;
        if job.body.stage == Stage::Submitted {
            enqueue(engine, (job.tenant, job.key), &job.body.identity);
        }
    }
    Ok(())
}

async fn execute(engine: &Arc<Engine>, place: &Place) -> Result<(), Fault> {
    for _ in 0..4 {
        let Some(job) = row(engine, place.0, &place.1).await? else {
            return Ok(());
        };
        if job.body.stage != Stage::Submitted {
            return Ok(());
        }
        let caller = engine.caller_named(place.0, &job.body.identity).await?;
        match attempt(engine, place, job, caller).await {
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(()),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Runs a job once. `Conflict`: the job, or an object of it, was changed meanwhile.
async fn attempt(
    engine: &Arc<Engine>,
    place: &Place,
    job: Verified<Job>,
    caller: Arc<Caller>,
) -> Result<(), StoreError> {
    let (operation, version) = (Operation(job.body.operation), job.body.version());
    let sender = Sender {
        caller: Ok(Arc::clone(&caller)),
        address: "server".to_owned(),
    };
    let now = engine.clock.now();
    let correlation = engine.correlation_value();
    let mut trace = engine
        .audit
        .begin(operation, &sender, now, (&correlation, 0));
    trace.version = Some(version);
    trace.credentials = &job.body.credentials;
    let mut context = Context::new(Arc::clone(engine), Arc::clone(&caller), version, now);
    context.admitted.narrowing = job.body.narrowing.clone();
    let result = run(&mut context, operation, place, &job.body).await;
    if result.is_err() {
        context.drop_changes();
    }
    let failed = result.as_ref().err().map(|fault| fault.reason);
    engine.metrics.operation(operation, failed);
    let answer = super::batch::result_item(operation, None, result, version);
    trace.touched.append(&mut context.touched);
    trace.computed = context.computed;
    trace.words = context.words.take();
    let finished = finish(engine, place, &job, &caller, (&answer, version)).await;
    let finished = finished.map_err(|fault| StoreError::Unavailable(fault.message.into_owned()))?;
    context.put(finished);
    let commit = Commit {
        changes: context.take_changes(),
        audit: match failed {
            None => vec![engine.audit.outcome(&mut trace)],
            Some(_) => Vec::new(),
        },
    };
    let done = engine.commit(commit).await;
    context.committed(&done);
    match done {
        Ok(()) if failed.is_none() => trace.commit(),
        Ok(()) => {
            let outcome = failed.map_or(Outcome::Success, Outcome::Failure);
            engine.audit.done(trace, outcome).await;
        }
        Err(error) => {
            engine.audit.done(trace, Outcome::Undone).await;
            return Err(error);
        }
    }
    Ok(())
}

async fn run(
    context: &mut Context,
    operation: Operation,
    place: &Place,
    job: &Job,
) -> Result<Bytes, Fault> {
    let engine = Arc::clone(&context.engine);
    let caller = Arc::clone(&context.caller);
    let clear = open(&engine, &caller, &place.1, job).await?;
    let node = ttlv::binary::decode(&clear, &engine.settings.limits.ttlv)
        .map_err(|_| Fault::new(Reason::Internal, "the stored request cannot be read"))?;
    let Value::Structure(items) = node.value else {
        return Err(Fault::new(Reason::Internal, "the stored request is none"));
    };
    let payload = seam::request(operation, context.version, items);
    let mut answered = Vec::new();
    context.admitted.narrowing.begin(operation)?;
    let bytes = Box::pin(operation::run(context, operation, &payload, &mut answered)).await?;
    context.settle().await?;
    Ok(bytes)
}

/// The job's row with its answer.
async fn finish(
    engine: &Engine,
    place: &Place,
    job: &Verified<Job>,
    caller: &Caller,
    (answer, version): (&ResponseItem, Version),
) -> Result<Change, Fault> {
    let mut clear = Zeroizing::new(Vec::with_capacity(answer.encoded_len(version)));
    answer.encode(version, &mut clear);
    let done = Job {
        stage: Stage::Done,
        sealed: seal(engine, caller, &place.1, Stage::Done, &clear).await?,
        ..job.body.clone()
    };
    put(engine, place, job.version + 1, &done).await
}

/// Whether a request is to be answered later: the client demands it, or allows it for what takes long.
pub fn is_wanted(indicator: Option<&Value<'static>>, long: bool) -> bool {
    use crate::protocol::enumeration::AsynchronousIndicator;
    match indicator.map(borrow) {
        Some(Value::Enumeration(number)) => match AsynchronousIndicator(number) {
            AsynchronousIndicator::MANDATORY => true,
            AsynchronousIndicator::OPTIONAL => long,
            _ => false,
        },
        // Before 2.0: whether the client can take such an answer.
        Some(Value::Boolean(able)) => able && long,
        _ => false,
    }
}

/// The answer to a request that is accepted.
pub fn pending(operation: Operation, value: Bytes) -> ResponseItem {
    ResponseItem {
        operation: Some(operation),
        unique_batch_item_id: None,
        status: ResultStatus::OPERATION_PENDING,
        reason: None,
        message: None,
        asynchronous_correlation_value: Some(value),
        payload: None,
    }
}
