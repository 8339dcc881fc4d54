//! What waits goes together. As long as a writer is free, a commit is written at once and alone.
//! Those that come while all writers are busy wait for the first that is not, which takes what
//! waits and writes it in one statement: parsing, planning, starting and committing are paid once.
//!
//! Nobody is bound to anybody: where the database refuses a group for what one of it says (a name
//! is taken), each is written alone and gets its own answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fault::{self, Refused};
use super::form::{Form, together};
use super::sets::Sets;
use crate::store::ahead::{Answer, Applied, Line, is_sure};
use crate::store::record::{Change, Commit};
use crate::store::verbs::StoreError;

/// Groups under way at once: more of them would be smaller.
const WRITERS: usize = 4;
/// Commits in one group at most, and about how many bytes.
const COMMITS: usize = 64;
const BYTES: usize = 256 << 10;
/// Of a group that was refused, so many at once.
const APART: usize = 2;
/// How long a commit waits for a writer before it is given up, unwritten.
const PATIENCE: Duration = Duration::from_secs(5);

/// Commits of one form that stay together, in order.
#[derive(Debug)]
struct Bundle {
    form: Form,
    commits: Vec<(Commit, Answer)>,
    /// Whose they are, where one that is lost takes those after it along.
    line: Option<Line>,
    /// Dropped when all are answered.
    _landing: Option<oneshot::Sender<()>>,
    bytes: usize,
    since: Instant,
}

impl Bundle {
    fn is_given_up(&self) -> bool {
        let mut answers = self.commits.iter().map(|(_, answer)| answer);
        answers.all(|answer| answer.is_closed())
    }
}

#[derive(Debug, Default)]
struct Desk {
    /// By form: what makes objects, and what changes them.
    waiting: [VecDeque<Bundle>; 2],
    writers: usize,
}

impl Desk {
    /// Those of a form, or those that wait longest.
    fn queue(&mut self, form: Option<Form>) -> &mut VecDeque<Bundle> {
        let [inserts, updates] = &mut self.waiting;
        let since = |queue: &VecDeque<Bundle>| queue.front().map(|bundle| bundle.since);
        let updates_wait = match (form, since(inserts), since(updates)) {
            (Some(form), ..) => form == Form::UpdateRows,
            (None, Some(insert), Some(update)) => update < insert,
            (None, insert, _) => insert.is_none(),
        };
        if updates_wait { updates } else { inserts }
    }
}

#[derive(Debug)]
struct Shared {
    pool: Pool,
    sets: Arc<Sets>,
    desk: Mutex<Desk>,
}

#[derive(Clone, Debug)]
pub(super) struct Groups(Arc<Shared>);

/// About how many bytes a commit is.
fn bytes(commit: &Commit) -> usize {
    let change = |change: &Change| match change {
        Change::Insert { record, index, .. } | Change::Update { record, index, .. } => {
            let blob = record.blob.as_ref().map_or(0, |blob| blob.bytes.len());
            record.attributes.len() + blob + 64 * index.len()
        }
        Change::Put(entity) => entity.body.len(),
    };
    let audit = commit.audit.iter().map(|row| row.body.len());
    commit.changes.iter().map(change).chain(audit).sum()
}

/// In which form a commit may share a statement with others.
pub(super) fn joins(commit: &Commit) -> Option<Form> {
    let small = commit.changes.len() <= COMMITS && bytes(commit) <= BYTES;
    Form::of_all(commit).filter(|_| small)
}

impl Groups {
    pub(super) fn new(pool: Pool, sets: Arc<Sets>) -> Groups {
        Groups(Arc::new(Shared {
            pool,
            sets,
            desk: Mutex::default(),
        }))
    }

    /// Writes a commit that [`joins`].
    pub(super) async fn write(&self, form: Form, commit: Commit) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.submit(Bundle {
            form,
            bytes: bytes(&commit),
            commits: vec![(commit, answer)],
            line: None,
            _landing: None,
            since: Instant::now(),
        });
        self.settled(Applied::waiting(answered)).await
    }

    /// Keeps a commit of new objects until its line has no more, or one comes that may be refused:
    /// who sent that one has to know before the next.
    pub(super) async fn ahead(
        &self,
        line: &Line,
        commit: Commit,
        more: bool,
    ) -> Result<Applied, StoreError> {
        let sure = is_sure(&commit);
        let (answer, answered) = oneshot::channel();
        let room = line.hold(commit, answer);
        let applied = Applied::waiting(answered);
        if sure && more && room {
            return Ok(applied);
        }
        self.flush(line).await;
        if sure {
            return Ok(applied);
        }
        self.settled(applied).await.map(|()| Applied::durable())
    }

    /// Waits for the answer, but not for ever for somebody to begin.
    pub(super) async fn settled(&self, applied: Applied) -> Result<(), StoreError> {
        let mut settled = std::pin::pin!(applied.settled());
        if let Ok(result) = tokio::time::timeout(PATIENCE, &mut settled).await {
            return result;
        }
        let is_late = |bundle: &&Bundle| bundle.since.elapsed() >= PATIENCE;
        let mut late = Vec::new();
        for waiting in &mut self.desk().waiting {
            let count = waiting.iter().take_while(is_late).count();
            late.extend(waiting.drain(..count));
        }
        let busy = "no connection became free in time".to_owned();
        lost(late, &StoreError::Unavailable(busy));
        settled.await
    }

    /// Sends what a line holds, after what it sent before.
    pub(super) async fn flush(&self, line: &Line) {
        line.landed().await;
        let commits = line.release();
        if commits.is_empty() {
            return;
        }
        if let Err(error) = line.check() {
            for (_, answer) in commits {
                let _ = answer.send(Err(error.clone()));
            }
            return;
        }
        self.submit(Bundle {
            form: Form::Insert,
            bytes: commits.iter().map(|(commit, _)| bytes(commit)).sum(),
            commits,
            line: Some(line.clone()),
            _landing: Some(line.lands()),
            since: Instant::now(),
        });
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, bundle: Bundle) {
        let mut desk = self.desk();
        desk.queue(Some(bundle.form)).push_back(bundle);
        if desk.writers < WRITERS {
            desk.writers += 1;
            drop(desk);
            tokio::spawn(self.clone().run());
        }
    }

    async fn run(self) {
        while let Some(group) = self.take() {
            // By itself, so that a panic ends no writer; who waits learns that nobody answers.
            let _ = tokio::spawn(self.clone().group(group)).await;
        }
    }

    /// What waits, oldest first; with nothing left the writer is gone.
    fn take(&self) -> Option<Vec<Bundle>> {
        let mut desk = self.desk();
        let waiting = desk.queue(None);
        let (mut group, mut commits, mut bytes) = (Vec::new(), 0, 0);
        while let Some(next) = waiting.front() {
            commits += next.commits.len();
            bytes += next.bytes;
            if !group.is_empty() && (commits > COMMITS || bytes > BYTES) {
                break;
            }
            let next = waiting.pop_front();
            // Nobody waits any more for one that was cut off, and its audit numbers went to others.
            group.extend(next.filter(|next| !next.is_given_up()));
        }
        if group.is_empty() {
            desk.writers -= 1;
            return None;
        }
        Some(group)
    }

    async fn group(self, group: Vec<Bundle>) {
        let Some(form) = group.first().map(|bundle| bundle.form) else {
            return;
        };
        let commits = group.iter().flat_map(|bundle| &bundle.commits);
        let commits: Vec<_> = commits.map(|(commit, _)| commit).collect();
        let alone = commits.len() == 1;
        let Err(refused) = self.written(form, &commits).await else {
            return answer(group);
        };
        if alone || !refused.one {
            return lost(group, &refused.error);
        }
        // This writer is busy until all are answered, or refusals would take every connection.
        let mut apart = JoinSet::new();
        for bundle in group {
            if apart.len() >= APART {
                apart.join_next().await;
            }
            apart.spawn(self.clone().apart(bundle));
        }
        apart.join_all().await;
    }

    /// Each commit by itself.
    async fn apart(self, bundle: Bundle) {
        for (commit, answer) in bundle.commits {
            let broken = bundle.line.as_ref().map_or(Ok(()), Line::check);
            let result = match broken {
                Ok(()) => self.written(bundle.form, &[&commit]).await,
                Err(error) => Err(error.into()),
            };
            let result = result.map_err(|refused| refused.error);
            if let (Some(line), Err(StoreError::Unavailable(_))) = (&bundle.line, &result) {
                line.break_off();
            }
            let _ = answer.send(result);
        }
    }

    async fn written(&self, form: Form, commits: &[&Commit]) -> Result<(), Refused> {
        let connection = self.0.pool.get().await.map_err(fault::pool)?;
        together(&connection, &self.0.sets, form, commits).await
    }
}

/// Who does not wait any more needs no answer; the commit stands.
fn answer(group: Vec<Bundle>) {
    for (_, answer) in group.into_iter().flat_map(|bundle| bundle.commits) {
        let _ = answer.send(Ok(()));
    }
}

fn lost(group: Vec<Bundle>, error: &StoreError) {
    for bundle in group {
        // Before anybody is answered: what follows in a line may build on what is lost.
        if let Some(line) = &bundle.line
            && error.is_unsure()
        {
            line.break_off();
        }
        for (_, answer) in bundle.commits {
            let _ = answer.send(Err(error.clone()));
        }
    }
}
