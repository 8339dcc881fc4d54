//! Commits that go ahead of their durability: a caller that has several to make, one after the
//! other, learns at once that each is applied, and waits for the disk once for all of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::record::{Change, Commit};
use super::verbs::StoreError;

/// Commits that a line keeps back at most, and how long: the numbers of their audit records are taken,
/// and what has higher ones is not sealed before they are written.
const HELD: usize = 32;
const HELD_FOR: Duration = Duration::from_millis(50);

/// Whether only a database that fails could refuse a commit, for identifiers are drawn at random.
/// Who made it needs not wait for it before the next.
pub(super) fn is_sure(commit: &Commit) -> bool {
    let sure = |change: &Change| matches!(change, Change::Insert { names, .. } if names.is_empty());
    commit.changes.iter().all(sure)
}

/// Where the answer to a commit goes.
pub(super) type Answer = oneshot::Sender<Result<(), StoreError>>;

/// One caller's commits. When one of them is lost because the disk failed, those after it are
/// refused: they may have been decided on what is lost.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<Ends>);

#[derive(Debug, Default)]
struct Ends {
    broken: AtomicBool,
    /// More is on its way: worth holding a group of commits open for.
    goes_on: AtomicBool,
    held: Mutex<Held>,
}

/// What a line keeps back until more of it can be written at once.
#[derive(Debug, Default)]
struct Held {
    commits: Vec<(Commit, Answer)>,
    /// When the first of them came.
    since: Option<Instant>,
    /// Ends when what was sent last is answered.
    landing: Option<oneshot::Receiver<()>>,
}

impl PartialEq for Line {
    fn eq(&self, other: &Line) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Line {
    pub(super) fn expect_more(&self, more: bool) {
        self.0.goes_on.store(more, Ordering::Release);
    }

    pub(super) fn goes_on(&self) -> bool {
        self.0.goes_on.load(Ordering::Acquire)
    }

    pub(super) fn break_off(&self) {
        self.0.broken.store(true, Ordering::Release);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a commit back; whether there is room for more.
    pub(super) fn hold(&self, commit: Commit, answer: Answer) -> bool {
        let mut held = self.held();
        held.commits.push((commit, answer));
        let since = *held.since.get_or_insert_with(Instant::now);
        held.commits.len() < HELD && since.elapsed() < HELD_FOR
    }

    pub(super) fn release(&self) -> Vec<(Commit, Answer)> {
        let mut held = self.held();
        held.since = None;
        std::mem::take(&mut held.commits)
    }

    /// What is sent now is on its way until the sender is dropped.
    pub(super) fn lands(&self) -> oneshot::Sender<()> {
        let (under_way, landing) = oneshot::channel();
        self.held().landing = Some(landing);
        under_way
    }

    /// Waits for what was sent last.
    pub(super) async fn landed(&self) {
        let landing = self.held().landing.take();
        if let Some(landing) = landing {
            let _ = landing.await;
        }
    }

    /// # Errors
    /// `Unavailable` once a commit of the line was lost.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.0.broken.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable(
                "an earlier change of the same request was not written".to_owned(),
            ));
        }
        Ok(())
    }
}

/// An applied commit that may not be durable yet: others do not see it before it is.
#[derive(Debug)]
#[must_use = "what is applied may still be lost"]
pub struct Applied(Option<oneshot::Receiver<Result<(), StoreError>>>);

impl Applied {
    pub(super) fn durable() -> Applied {
        Applied(None)
    }

    pub(super) fn waiting(answered: oneshot::Receiver<Result<(), StoreError>>) -> Applied {
        Applied(Some(answered))
    }

    /// Answers when the commit is durable.
    ///
    /// # Errors
    /// `Unavailable` when it was lost.
    pub(super) async fn settled(self) -> Result<(), StoreError> {
        match self.0 {
            None => Ok(()),
            Some(answered) => answered
                .await
                .map_err(|_| StoreError::Unavailable("the store is closed".to_owned()))?,
        }
    }
}
