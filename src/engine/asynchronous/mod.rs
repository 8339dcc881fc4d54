//! Operations that are answered later (1.4 §6.7, 2.1 §9.2): accepted with a row of their own,
//! run by this node in the order in which an identity asked, and kept until they are polled.
//!
//! A job's result is written in the transaction of its changes, so that it survives whatever
//! happens to the server, and is done once: whoever else had the job meanwhile (another node,
//! Cancel) made the row another version, and the changes are dropped. Request and result are
//! sealed: both may hold keys.

pub(in crate::engine) mod job;
mod queue;
mod run;

use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq;
use ttlv::{Node, Value};
use zeroize::Zeroizing;

pub use self::job::{Job, Stage};
use self::job::{Place, Sealed, key, open, put, row, seal, unknown};
use self::queue::enqueue;
pub use self::queue::{Jobs, resume};
use super::Engine;
use super::directory::Caller;
use super::entity::Verified;
use super::error::{Fault, Reason};
use super::session::Admitted;
use crate::protocol::enumeration::{Operation, ResultStatus};
use crate::protocol::message::ResponseItem;
use crate::protocol::structure::{Bytes, borrow};
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::StoreError;
use crate::store::record::Commit;

/// Jobs of one identity that may be open, or done and not polled.
const SLOTS: u16 = 64;
/// How long Process waits for a job.
const PATIENCE: Duration = Duration::from_secs(60);

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
