//! Commits that are asked for at the same time share a transaction: one sync, one end, one look at
//! the clock of transactions for all of them. None is answered before it is durable. When one of
//! them is refused the transaction is undone and its halves are tried, so that it fails by itself.

use std::sync::Arc;

use deadpool_postgres::Pool;
use tokio::sync::oneshot;

use super::fault;
use super::sets::Sets;
use super::write::{self, Failed};
use crate::store::record::Commit;
use crate::store::verbs::StoreError;

/// Commits of one transaction at most: bounds how long the first of them waits for the last.
const GROUP: usize = 64;
/// Changes of one transaction, beyond which no other commit joins it.
const CHANGES: usize = 1024;
/// Transactions at a time. One that waits for a row that somebody holds does not stop the others.
const WRITERS: usize = 4;
/// Commits that may wait; more wait for a place in the queue.
const QUEUE: usize = 256;

struct Job {
    commit: Commit,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// Sends commits to the tasks that write them; those end when it is dropped.
pub(super) struct Writers(flume::Sender<Job>);

fn gone() -> StoreError {
    StoreError::Unavailable("the commit was interrupted".to_owned())
}

impl Writers {
    pub(super) fn start(pool: &Pool) -> Writers {
        let (jobs, waiting) = flume::bounded(QUEUE);
        let sets = Arc::new(Sets::default());
        for _ in 0..WRITERS {
            tokio::spawn(run(pool.clone(), Arc::clone(&sets), waiting.clone()));
        }
        Writers(jobs)
    }

    /// A caller that goes away leaves its commit to the writers: it is whole all the same.
    pub(super) async fn apply(&self, commit: Commit) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { commit, answer };
        self.0.send_async(job).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

async fn run(pool: Pool, sets: Arc<Sets>, jobs: flume::Receiver<Job>) {
    while let Ok(first) = jobs.recv_async().await {
        let mut changes = first.commit.changes.len();
        let mut group = vec![first];
        while group.len() < GROUP
            && changes < CHANGES
            && let Ok(job) = jobs.try_recv()
        {
            changes += job.commit.changes.len();
            group.push(job);
        }
        write_all(&pool, &sets, group).await;
    }
}

async fn write_all(pool: &Pool, sets: &Sets, group: Vec<Job>) {
    let (commits, answers): (Vec<_>, Vec<_>) = group
        .into_iter()
        .map(|job| (job.commit, job.answer))
        .unzip();
    let mut parts = vec![(commits, answers)];
    while let Some((mut commits, mut answers)) = parts.pop() {
        let connection = pool.get().await.map_err(fault::pool);
        let done = match (connection, commits.as_slice()) {
            (Err(error), _) => Err(error),
            (Ok(connection), [commit]) => write::apply(connection, sets, commit).await,
            (Ok(connection), all) => match write::together(connection, sets, all).await {
                Ok(()) => Ok(()),
                Err(Failed::Lost(error)) => Err(error),
                Err(Failed::Refused(_)) => {
                    let half = commits.len() / 2;
                    parts.push((commits.split_off(half), answers.split_off(half)));
                    parts.push((commits, answers));
                    continue;
                }
            },
        };
        answer(answers, done);
    }
}

fn answer(answers: Vec<oneshot::Sender<Result<(), StoreError>>>, done: Result<(), StoreError>) {
    let many = answers.len() > 1;
    let mut done = Some(done);
    for answer in answers {
        let result = match &done {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) if many => Err(StoreError::Unavailable(error.to_string())),
            _ => done.take().unwrap_or(Ok(())),
        };
        // Who does not wait any more needs no answer; the commit stands.
        drop(answer.send(result));
    }
}
