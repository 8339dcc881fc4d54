//! A job is run, and its answer written with its changes.

use std::sync::Arc;

use ttlv::Value;
use zeroize::Zeroizing;

use super::job::{Job, Place, Stage, open, put, row, seal};
use crate::audit::Outcome;
use crate::engine::Engine;
use crate::engine::batch::Sender;
use crate::engine::context::Context;
use crate::engine::directory::Caller;
use crate::engine::endpoint::Roles;
use crate::engine::entity::Verified;
use crate::engine::error::{Fault, Reason};
use crate::operation;
use crate::protocol::enumeration::Operation;
use crate::protocol::message::ResponseItem;
use crate::protocol::seam;
use crate::protocol::structure::Bytes;
use crate::protocol::version::Version;
use crate::store::StoreError;
use crate::store::record::{Change, Commit};

pub(super) async fn execute(engine: &Arc<Engine>, place: &Place) -> Result<(), Fault> {
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
        roles: Roles::Fixed,
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
    let answer = crate::engine::batch::result_item(operation, None, result, version);
    trace.touched.append(&mut context.touched);
    trace.computed = context.computed;
    trace.function = context.function;
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
            context.drop_changes();
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
