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
    /// Answered twice: when it is applied, if somebody waits for that, and when it is durable.
    Ahead {
        commit: Box<Commit>,
        line: Line,
        applied: Option<oneshot::Sender<()>>,
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
        Group::of(&connection, &sets).run(first, jobs);
    }
    let connection = lock(connection);
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        // Nothing is lost: the log is read at the next start.
        tracing::warn!(%error, "the log could not be folded into the database");
    }
}

/// What a job writes.
#[derive(Debug)]
enum Work {
    Commit(Box<Commit>),
    Checkpoint {
        node: String,
        size: i64,
        text: String,
    },
}

impl Work {
    fn write(&self, connection: &Connection, sets: &Sets) -> Result<(), StoreError> {
        match self {
            Work::Commit(commit) => apply(connection, sets, commit),
            Work::Checkpoint { node, size, text } => checkpoint(connection, node, *size, text),
        }
    }

    /// All of it or nothing.
    fn write_whole(&self, connection: &Connection, sets: &Sets) -> Result<(), StoreError> {
        run_cached(connection, "SAVEPOINT one")?;
        let result = self.write(connection, sets);
        if result.is_err() && !connection.is_autocommit() {
            run_cached(connection, "ROLLBACK TO one")?;
        }
        if !connection.is_autocommit() {
            run_cached(connection, "RELEASE one")?;
        }
        result
    }
}

/// A job of the group, and how it went.
struct Taken {
    work: Work,
    /// Whose it is, where that line was told that it is applied.
    line: Option<Line>,
    answer: Answer,
    result: Result<(), StoreError>,
}

/// Commits on their way to one COMMIT.
///
/// A savepoint for each costs a copy of every page that the commit changes, and nearly all of them
/// go well: so there is none until one does not. Then the group begins anew, and all of it is
/// written again under savepoints.
struct Group<'a> {
    connection: &'a Connection,
    sets: &'a Sets,
    taken: Vec<Taken>,
    /// Whose commits are among them.
    lines: Vec<Line>,
    /// Each under a savepoint from now on.
    careful: bool,
    /// Why none of them stands.
    failed: Option<StoreError>,
}

impl Group<'_> {
    fn of<'a>(connection: &'a Connection, sets: &'a Sets) -> Group<'a> {
        Group {
            connection,
            sets,
            taken: Vec::new(),
            lines: Vec::new(),
            careful: false,
            failed: None,
        }
    }

    fn run(mut self, first: Job, jobs: &flume::Receiver<Job>) {
        let connection = self.connection;
        self.failed = run_cached(connection, "BEGIN IMMEDIATE").err();
        let begun = Instant::now();
        let mut next = Some(first);
        while let Some(job) = next {
            self.take(job);
            let more = self.failed.is_none() && self.taken.len() < GROUP;
            next = if more { self.next(jobs, begun) } else { None };
        }
        if self.failed.is_none() {
            let swept = self.sets.sweep(connection);
            self.failed = swept.and_then(|()| run_cached(connection, "COMMIT")).err();
        }
        if self.failed.is_some() && !connection.is_autocommit() {
            drop(connection.execute_batch("ROLLBACK"));
        }
        if self.failed.is_some() {
            // Before anybody is answered: what follows in a line may build on what is lost.
            self.lines.iter().for_each(Line::break_off);
        }
        for Taken { answer, result, .. } in self.taken {
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

    fn take(&mut self, job: Job) {
        let (work, ahead, answer) = match job {
            Job::Hurry => return,
            Job::Apply(commit, answer) => (Work::Commit(commit), None, answer),
            Job::Ahead {
                commit,
                line,
                applied,
                answer,
            } => (Work::Commit(commit), Some((line, applied)), answer),
            Job::Checkpoint {
                node,
                size,
                text,
                answer,
            } => (Work::Checkpoint { node, size, text }, None, answer),
        };
        let mut result = Ok(());
        if self.failed.is_none() {
            let broken = ahead.as_ref().map_or(Ok(()), |(line, _)| line.check());
            result = broken.and_then(|()| self.write(&work));
        }
        let line = ahead.and_then(|(line, applied)| {
            let told = self.failed.is_none() && result.is_ok();
            if told {
                let _ = applied.map(|applied| applied.send(()));
            } else {
                // It learns that at the end of the group, and sends nothing before.
                line.expect_more(false);
            }
            if !self.lines.contains(&line) {
                self.lines.push(line.clone());
            }
            told.then_some(line)
        });
        self.taken.push(Taken {
            work,
            line,
            answer,
            result,
        });
    }

    fn write(&mut self, work: &Work) -> Result<(), StoreError> {
        let written = self.connection.total_changes();
        let mut result = if self.careful {
            work.write_whole(self.connection, self.sets)
        } else {
            work.write(self.connection, self.sets)
        };
        // What was refused before it wrote a row (most conflicts are) leaves nothing to undo.
        let undo = self.connection.total_changes() != written && !self.connection.is_autocommit();
        if result.is_err() && !self.careful && undo {
            self.careful = true;
            result = self
                .begin_anew()
                .and_then(|()| work.write_whole(self.connection, self.sets));
        }
        // A full disk and the like end the whole transaction, savepoints and all.
        if self.failed.is_none() && self.connection.is_autocommit() {
            self.failed = Some(StoreError::Unavailable(
                "the transaction was rolled back".to_owned(),
            ));
        }
        result
    }

    /// Writes again what went well before, without what did not.
    fn begin_anew(&mut self) -> Result<(), StoreError> {
        run_cached(self.connection, "ROLLBACK")?;
        run_cached(self.connection, "BEGIN IMMEDIATE")?;
        for taken in self.taken.iter_mut().filter(|taken| taken.result.is_ok()) {
            let line = taken.line.as_ref();
            taken.result = line
                .map_or(Ok(()), Line::check)
                .and_then(|()| taken.work.write_whole(self.connection, self.sets));
            // Another process may have come in between.
            if let (Err(_), Some(line)) = (&taken.result, line) {
                line.break_off();
            }
            if self.connection.is_autocommit() {
                return Err(StoreError::Unavailable(
                    "the transaction was rolled back".to_owned(),
                ));
            }
        }
        Ok(())
    }
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
