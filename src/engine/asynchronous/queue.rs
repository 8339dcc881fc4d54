//! What waits, and who works on it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Notify, Semaphore};

use super::job::{Job, Place, Stage};
use super::run::execute;
use crate::engine::Engine;
use crate::engine::entity::{self, EntityError};
use crate::store::record::{EntityKind, TenantId};

/// Jobs that run at the same time on a node.
const RUNNING: usize = 4;

/// What waits, by identity.
#[derive(Debug)]
pub struct Jobs {
    queues: Mutex<HashMap<(TenantId, String), VecDeque<Place>>>,
    running: Arc<Semaphore>,
    /// Told after each job.
    pub(super) finished: Notify,
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

pub(super) fn enqueue(engine: &Arc<Engine>, place: Place, identity: &str) {
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
