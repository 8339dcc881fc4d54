//! The writer: groups of commits, each whole or not at all.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::change::{insert, journal, update};
use super::lock;
use super::rows::{fault, taken};
use super::sets::Sets;
use crate::store::ahead::Line;
use crate::store::record::{AuditRow, Change, Commit, Entity};
use crate::store::verbs::StoreError;

pub(super) type Answer = oneshot::Sender<Result<(), StoreError>>;

#[derive(Debug)]
pub(super) enum Job {
    Apply(Box<Commit>, Answer),
    /// Answered twice: when it is applied, and when it is durable.
    Ahead {
        commit: Box<Commit>,
        line: Line,
        applied: oneshot::Sender<()>,
        answer: Answer,
    },
    Checkpoint {
        node: String,
        size: i64,
        text: String,
        answer: Answer,
    },
    /// A line waits for what it has sent: look whether the group is still to be held open.
    Hurry,
}

/// Commits that share one fsync at most: bounds how long the first of them waits for the last.
const GROUP: usize = 256;
/// How long a group stays open for the next commit of a line, and for all of them together.
const HELD: Duration = Duration::from_millis(1);
const HELD_IN_ALL: Duration = Duration::from_millis(5);

/// Until all senders are gone.
pub(super) fn run(connection: &Mutex<Connection>, jobs: &flume::Receiver<Job>) {
    let sets = Sets::default();
    while let Ok(first) = jobs.recv() {
        if matches!(first, Job::Hurry) {
            continue;
        }
        let connection = lock(connection);
        Group::of(&sets).run(&connection, first, jobs);
    }
    let connection = lock(connection);
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        // Nothing is lost: the log is read at the next start.
        tracing::warn!(%error, "the log could not be folded into the database");
    }
}

/// Commits on their way to one COMMIT.
struct Group<'a> {
    sets: &'a Sets,
    answers: Vec<(Answer, Result<(), StoreError>)>,
    /// Whose commits are among them.
    lines: Vec<Line>,
    /// Why none of them stands.
    failed: Option<StoreError>,
}

impl Group<'_> {
    fn of(sets: &Sets) -> Group<'_> {
        Group {
            sets,
            answers: Vec::new(),
            lines: Vec::new(),
            failed: None,
        }
    }

    fn run(mut self, connection: &Connection, first: Job, jobs: &flume::Receiver<Job>) {
        self.failed = run_cached(connection, "BEGIN IMMEDIATE").err();
        let begun = Instant::now();
        let mut next = Some(first);
        while let Some(job) = next {
            self.take(connection, job);
            let more = self.failed.is_none() && self.answers.len() < GROUP;
            next = if more { self.next(jobs, begun) } else { None };
        }
        if self.failed.is_none() {
            self.failed = run_cached(connection, "COMMIT").err();
        }
        if self.failed.is_some() && !connection.is_autocommit() {
            drop(connection.execute_batch("ROLLBACK"));
        }
        if self.failed.is_some() {
            // Before anybody is answered: what follows in a line may build on what is lost.
            self.lines.iter().for_each(Line::break_off);
        }
        for (answer, result) in self.answers {
            let result = match (&self.failed, result) {
                (Some(error), Ok(())) => Err(StoreError::Unavailable(error.to_string())),
                (_, result) => result,
            };
            // Who does not wait any more needs no answer; the commit stands.
            drop(answer.send(result));
        }
    }

    /// What waits, or comes soon from a line that has more.
    fn next(&self, jobs: &flume::Receiver<Job>, begun: Instant) -> Option<Job> {
        if let Ok(job) = jobs.try_recv() {
            return Some(job);
        }
        if !self.lines.iter().any(Line::goes_on) {
            return None;
        }
        let until = (Instant::now() + HELD).min(begun + HELD_IN_ALL);
        jobs.recv_deadline(until).ok()
    }

    fn take(&mut self, connection: &Connection, job: Job) {
        let (answer, result) = match job {
            Job::Hurry => return,
            _ if self.failed.is_some() => {
                let (Job::Apply(_, answer)
                | Job::Ahead { answer, .. }
                | Job::Checkpoint { answer, .. }) = job
                else {
                    return;
                };
                (answer, Ok(()))
            }
            Job::Apply(commit, answer) => (
                answer,
                whole(connection, || apply(connection, self.sets, &commit)),
            ),
            Job::Ahead {
                commit,
                line,
                applied,
                answer,
            } => {
                let result = line
                    .check()
                    .and_then(|()| whole(connection, || apply(connection, self.sets, &commit)));
                if result.is_ok() && !connection.is_autocommit() {
                    let _ = applied.send(());
                } else {
                    // It learns that at the end of the group, and sends nothing before.
                    line.expect_more(false);
                }
                if !self.lines.contains(&line) {
                    self.lines.push(line);
                }
                (answer, result)
            }
            Job::Checkpoint {
                node,
                size,
                text,
                answer,
            } => (
                answer,
                whole(connection, || checkpoint(connection, &node, size, &text)),
            ),
        };
        self.answers.push((answer, result));
        // A full disk and the like end the whole transaction, savepoints and all.
        if self.failed.is_none() && connection.is_autocommit() {
            self.failed = Some(StoreError::Unavailable(
                "the transaction was rolled back".to_owned(),
            ));
        }
    }
}

/// All of `write` or nothing of it.
fn whole(
    connection: &Connection,
    write: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    run_cached(connection, "SAVEPOINT one")?;
    let result = write();
    if result.is_err() && !connection.is_autocommit() {
        run_cached(connection, "ROLLBACK TO one")?;
    }
    if !connection.is_autocommit() {
        run_cached(connection, "RELEASE one")?;
    }
    result
}

fn checkpoint(
    connection: &Connection,
    node: &str,
    size: i64,
    text: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO checkpoints (node, size, text) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute(params![node, size, text]))
        .map(drop)
        .map_err(fault)
}

fn run_cached(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(fault)
}

fn apply(connection: &Connection, sets: &Sets, commit: &Commit) -> Result<(), StoreError> {
    for change in &commit.changes {
        match change {
            Change::Insert {
                record,
                index,
                names,
            } => insert(connection, sets, record, index, names)?,
            Change::Update {
                record,
                index,
                names,
                before,
            } => update(connection, sets, record, index, names, before.as_ref())?,
            Change::Put(entity) => put(connection, entity)?,
        }
    }
    commit
        .audit
        .iter()
        .try_for_each(|row| audit(connection, row))
}

fn put(connection: &Connection, entity: &Entity) -> Result<(), StoreError> {
    let sql = if entity.version == 1 {
        "INSERT INTO entities (kind, tenant, key, version, body, mac_version, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    } else {
        "UPDATE entities SET version = ?4, body = ?5, mac_version = ?6, mac = ?7 \
         WHERE kind = ?1 AND tenant = ?2 AND key = ?3 AND version = ?4 - 1"
    };
    let Entity {
        kind,
        tenant,
        key,
        version,
        body,
        mac_version,
        mac,
    } = entity;
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let rows = statement
        .execute(params![
            *kind as u8,
            tenant.0,
            key,
            version,
            body,
            mac_version,
            mac
        ])
        .map_err(|error| taken(error, StoreError::Exists))?;
    if rows == 0 {
        return Err(StoreError::Conflict);
    }
    journal(connection, *kind as u8, tenant.0, key, *version)
}

fn audit(connection: &Connection, row: &AuditRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (node, sequence, hash, body) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let twice = |error| {
        taken(
            error,
            StoreError::Damaged(format!("audit sequence {} is taken", row.sequence)),
        )
    };
    statement
        .execute(params![row.node, row.sequence, row.hash, row.body])
        .map(drop)
        .map_err(twice)
}
