//! What the load client puts into the store before it measures, and takes out of it after.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::line::{Line, Target};
use super::request::{self, Payload, Trouble};
use crate::protocol::enumeration::Operation;
use crate::protocol::tag;

/// Objects that one message makes or destroys; servers limit their batches.
const BATCH: usize = 50;

/// An object of the load client's.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) id: String,
    /// Only what is revoked can be destroyed then (KMIP 1.4 §4.21).
    pub(super) active: bool,
}

/// Makes `count` keys with the names `{prefix}0`, `{prefix}1` and so on over several connections;
/// their identifiers, each with its name. `seen` is told how many there are.
pub(super) fn create(
    target: &Target,
    prefix: &str,
    count: usize,
    connections: usize,
    seen: impl Fn(u64) + Sync,
) -> Result<Vec<(String, String)>, Trouble> {
    let names: Vec<String> = (0..count).map(|at| format!("{prefix}{at}")).collect();
    let made = spread(target, &names, connections, &seen, |line, names| {
        let items = names.iter().map(|name| request::create_aes(Some(name)));
        let answers = batch(line, items.collect())?;
        Ok(answers.into_iter().zip(names.iter().cloned()).collect())
    })?;
    Ok(made)
}

/// Destroys objects.
///
/// # Errors
/// The first reason why one could not be destroyed; the others are, where they can be.
pub(super) fn destroy(
    target: &Target,
    made: &[Made],
    connections: usize,
    seen: impl Fn(u64) + Sync,
) -> Result<(), Trouble> {
    let first = Mutex::new(None);
    spread(target, made, connections, &seen, |line, made| {
        let active: Vec<_> = made.iter().filter(|made| made.active).collect();
        let revoke = active.iter().map(|made| request::revoke(&made.id));
        let destroy = made.iter().map(|made| request::destroy(&made.id));
        let done = batch(line, revoke.collect()).and_then(|_| batch(line, destroy.collect()));
        match done {
            Err(trouble @ Trouble::Lost(_)) => Err(trouble),
            Err(trouble) => {
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(trouble);
                Ok(Vec::<()>::new())
            }
            Ok(_) => Ok(Vec::new()),
        }
    })?;
    match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(trouble) => Err(trouble),
        None => Ok(()),
    }
}

/// Runs a job on batches of things over several connections.
fn spread<T: Sync, R: Send>(
    target: &Target,
    things: &[T],
    connections: usize,
    seen: &(impl Fn(u64) + Sync),
    job: impl Fn(&mut Line, &[T]) -> Result<Vec<R>, Trouble> + Sync,
) -> Result<Vec<R>, Trouble> {
    let batches = Mutex::new(things.chunks(BATCH));
    let done = AtomicU64::new(0);
    let one = || {
        let mut line = target.open()?;
        let mut results = Vec::new();
        loop {
            let next = batches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next();
            let Some(things) = next else {
                line.close();
                return Ok(results);
            };
            results.extend(job(&mut line, things)?);
            let things = things.len() as u64;
            seen(done.fetch_add(things, Ordering::Relaxed) + things);
        }
    };
    std::thread::scope(|scope| {
        let connections = connections.min(things.len().div_ceil(BATCH)).max(1);
        let workers: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let mut results = Vec::with_capacity(things.len());
        for worker in workers {
            let ended = || Trouble::Wrong("a thread ended".to_owned());
            results.extend(worker.join().map_err(|_| ended())??);
        }
        Ok(results)
    })
}

/// Sends all items in one message, or, where the server does not want that, one by one; the
/// identifiers of the answers.
fn batch(line: &mut Line, items: Vec<(Operation, Payload)>) -> Result<Vec<String>, Trouble> {
    let count = items.len();
    if count == 0 {
        return Ok(Vec::new());
    }
    let identifiers = |answer: &[u8], count| {
        let payloads = request::payloads(answer, count)?;
        let ids = payloads
            .iter()
            .map(|payload| request::text(payload, tag::UNIQUE_IDENTIFIER));
        ids.collect::<Result<Vec<_>, _>>()
    };
    let whole = line.ask(&request::message(items.clone()))?;
    match identifiers(whole, count) {
        Err(Trouble::Refused(_)) if count > 1 => {}
        other => return other,
    }
    let mut ids = Vec::with_capacity(count);
    let mut refused = None;
    for (operation, payload) in items {
        match identifiers(line.ask(&request::one(operation, payload))?, 1) {
            Ok(id) => ids.extend(id),
            Err(trouble) => refused = Some(trouble),
        }
    }
    match refused {
        Some(trouble) => Err(trouble),
        None => Ok(ids),
    }
}
