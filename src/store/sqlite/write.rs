//! The writer: groups of commits, each whole or not at all.

use std::sync::Mutex;

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::change::{insert, journal, update};
use super::lock;
use super::rows::{fault, taken};
use crate::store::record::{AuditRow, Change, Commit, Entity};
use crate::store::verbs::StoreError;

pub(super) type Answer = oneshot::Sender<Result<(), StoreError>>;

#[derive(Debug)]
pub(super) enum Job {
    Apply(Box<Commit>, Answer),
    Checkpoint {
        node: String,
        size: i64,
        text: String,
        answer: Answer,
    },
}

/// Commits that share one fsync at most: bounds how long the first of them waits for the last.
const GROUP: usize = 128;

/// Until all senders are gone.
pub(super) fn run(connection: &Mutex<Connection>, jobs: &flume::Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let connection = lock(connection);
        group(&connection, first, jobs);
    }
    let connection = lock(connection);
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        // Nothing is lost: the log is read at the next start.
        tracing::warn!(%error, "the log could not be folded into the database");
    }
}

fn group(connection: &Connection, first: Job, jobs: &flume::Receiver<Job>) {
    let mut answers: Vec<(Answer, Result<(), StoreError>)> = Vec::new();
    let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(fault);
    let mut failed = begun.err();
    let mut next = Some(first);
    while let Some(job) = next {
        if failed.is_none() {
            answers.push(one(connection, job));
            // A full disk and the like end the whole transaction, savepoints and all.
            if connection.is_autocommit() {
                failed = Some(StoreError::Unavailable(
                    "the transaction was rolled back".to_owned(),
                ));
            }
        } else {
            let (Job::Apply(_, answer) | Job::Checkpoint { answer, .. }) = job;
            answers.push((answer, Ok(())));
        }
        let more = failed.is_none() && answers.len() < GROUP;
        next = if more { jobs.try_recv().ok() } else { None };
    }
    if failed.is_none() {
        failed = connection.execute_batch("COMMIT").map_err(fault).err();
    }
    if failed.is_some() && !connection.is_autocommit() {
        drop(connection.execute_batch("ROLLBACK"));
    }
    for (answer, result) in answers {
        let result = match (&failed, result) {
            (Some(error), Ok(())) => Err(StoreError::Unavailable(error.to_string())),
            (_, result) => result,
        };
        // Who does not wait any more needs no answer; the commit stands.
        drop(answer.send(result));
    }
}

fn one(connection: &Connection, job: Job) -> (Answer, Result<(), StoreError>) {
    let done = |write: &dyn Fn() -> Result<(), StoreError>| {
        run_cached(connection, "SAVEPOINT one")?;
        let result = write();
        if result.is_err() && !connection.is_autocommit() {
            run_cached(connection, "ROLLBACK TO one")?;
        }
        if !connection.is_autocommit() {
            run_cached(connection, "RELEASE one")?;
        }
        result
    };
    match job {
        Job::Apply(commit, answer) => (answer, done(&|| apply(connection, &commit))),
        Job::Checkpoint {
            node,
            size,
            text,
            answer,
        } => {
            let insert = || {
                let mut statement = connection
                    .prepare_cached(
                        "INSERT INTO checkpoints (node, size, text) VALUES (?1, ?2, ?3)",
                    )
                    .map_err(fault)?;
                statement
                    .execute(params![node, size, text])
                    .map(drop)
                    .map_err(fault)
            };
            (answer, done(&insert))
        }
    }
}

fn run_cached(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(fault)
}

fn apply(connection: &Connection, commit: &Commit) -> Result<(), StoreError> {
    for change in &commit.changes {
        match change {
            Change::Insert {
                record,
                index,
                names,
            } => insert(connection, record, index, names)?,
            Change::Update {
                record,
                index,
                names,
            } => update(connection, record, index, names)?,
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
