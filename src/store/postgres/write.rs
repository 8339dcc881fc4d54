//! Commits.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use deadpool_postgres::Object;
use tokio_postgres::{Error, Statement};

use super::columns::{Audit, Entries, Names, Param, Rows};
use super::fault::{Refused, fault};
use super::sets::Sets;
use super::statements::{AUDIT, INSERT, PUT_FIRST, PUT_NEXT, UPDATE};
use crate::store::alike;
use crate::store::record::{AuditRow, Change, Commit, Entity, IndexEntry, Record, UniqueName};
use crate::store::verbs::StoreError;

/// A statement that is under way once it was polled.
type Sent<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send + 'a>>;

/// Whether [`insert`] takes it.
pub(super) fn only_inserts(commit: &Commit) -> bool {
    let insert = |change: &Change| matches!(change, Change::Insert { .. });
    !commit.changes.is_empty() && commit.changes.iter().all(insert)
}

/// Commits that make objects and nothing else, in one statement.
pub(super) async fn insert<'a>(
    connection: &Object,
    sets: &Sets,
    commits: impl Iterator<Item = &'a Commit>,
) -> Result<(), Refused> {
    let mut rows = Rows::default();
    for commit in commits {
        let sets = sets.of(connection, commit).await?;
        for (change, set) in commit.changes.iter().zip(sets) {
            if let Change::Insert {
                record,
                index,
                names,
            } = change
            {
                rows.object(record, set, index, names);
            }
        }
        rows.audit(&commit.audit);
    }
    let statement = connection.prepare_cached(&INSERT).await.map_err(fault)?;
    inserted(connection, statement, rows, 0)
        .await
        .map(drop)
        .map_err(Refused::from)
}

pub(super) async fn apply(
    connection: Object,
    sets: &Sets,
    commit: &Commit,
) -> Result<(), StoreError> {
    let sets = sets.of(&connection, commit).await?;
    match commit.changes.len() {
        0 if commit.audit.is_empty() => Ok(()),
        0 => {
            let statement = connection.prepare_cached(AUDIT).await.map_err(fault)?;
            let audit = Audit::of(&commit.audit);
            let written = connection.execute(&statement, &audit.params()).await;
            written.map(drop).map_err(fault)
        }
        1 => {
            for sent in send(&connection, commit, &sets).await? {
                sent.await.map_err(fault)?;
            }
            Ok(())
        }
        _ => transact(connection, commit, &sets).await,
    }
}

async fn transact(connection: Object, commit: &Commit, sets: &[i64]) -> Result<(), StoreError> {
    let statements = send(&connection, commit, sets).await?;
    // Awaited before anything else is sent: were it refused, each statement would be its own transaction.
    connection.batch_execute("BEGIN").await.map_err(fault)?;
    let result = match in_order(statements).await.map_err(fault) {
        Ok(()) => connection.batch_execute("COMMIT").await.map_err(fault),
        Err(error) => Err(error),
    };
    if result.is_err() && connection.batch_execute("ROLLBACK").await.is_err() {
        // Whatever state it is in, nobody shall get it again.
        drop(Object::take(connection));
    }
    result
}

/// Sends each before the first has answered, in order, then takes the answers. The first error is
/// the one that counts: those after it only say that the transaction is aborted.
async fn in_order(mut statements: Vec<Sent<'_>>) -> Result<(), Error> {
    let mut early = Vec::with_capacity(statements.len());
    poll_fn(|context| {
        early.extend(
            statements
                .iter_mut()
                .map(|statement| statement.as_mut().poll(context)),
        );
        Poll::Ready(())
    })
    .await;
    let mut first = Ok(());
    for (statement, early) in statements.into_iter().zip(early) {
        let answer = match early {
            Poll::Ready(answer) => answer,
            Poll::Pending => statement.await,
        };
        if first.is_ok() {
            first = answer.map(drop);
        }
    }
    first
}

/// One statement for each change; the last brings the audit rows.
async fn send<'a>(
    connection: &'a Object,
    commit: &'a Commit,
    sets: &[i64],
) -> Result<Vec<Sent<'a>>, StoreError> {
    let mut statements: Vec<Sent<'a>> = Vec::with_capacity(commit.changes.len());
    for ((place, change), set) in (0_i64..).zip(&commit.changes).zip(sets.iter().copied()) {
        let last = statements.len() + 1 == commit.changes.len();
        let audit: &[_] = if last { &commit.audit } else { &[] };
        let text = match change {
            Change::Insert { .. } => INSERT.as_str(),
            Change::Update { .. } => UPDATE,
            Change::Put(entity) if entity.version == 1 => PUT_FIRST,
            Change::Put(_) => PUT_NEXT,
        };
        let statement = connection.prepare_cached(text).await.map_err(fault)?;
        statements.push(match change {
            Change::Insert {
                record,
                index,
                names,
            } => {
                let mut rows = Rows::default();
                rows.object(record, set, index, names);
                rows.audit(audit);
                Box::pin(inserted(connection, statement, rows, place))
            }
            Change::Update {
                record,
                index,
                names,
            } => Box::pin(object(
                connection,
                statement,
                (place, set),
                record,
                index,
                names,
                audit,
            )),
            Change::Put(entity) => Box::pin(put(connection, statement, place, entity, audit)),
        });
    }
    Ok(statements)
}

async fn inserted(
    connection: &Object,
    statement: Statement,
    rows: Rows<'_>,
    place: i64,
) -> Result<u64, Error> {
    let mut params = rows.params();
    params.push(&place);
    connection.execute(&statement, &params).await
}

async fn object(
    connection: &Object,
    statement: Statement,
    (place, set): (i64, i64),
    record: &Record,
    index: &[IndexEntry],
    names: &[UniqueName],
    audit: &[AuditRow],
) -> Result<u64, Error> {
    let blob = record.blob.as_ref();
    let (mut entries, mut held) = (Entries::default(), Names::default());
    entries.extend(1, &alike::split(index).own);
    held.extend(1, record, names);
    let audit = Audit::of(audit);
    let (key, owner) = (record.unique_identifier.as_bytes(), record.owner.as_bytes());
    let (object_type, class) = (i64::from(record.object_type), record.class as i64);
    let (state, mac_version) = (i64::from(record.state), i64::from(record.mac_version));
    let (mac, bytes) = (
        record.mac.as_slice(),
        blob.map(|blob| blob.bytes.as_slice()),
    );
    let kind = blob.map(|blob| blob.kind as i64);
    let key_version = blob.map(|blob| i64::from(blob.key_version));
    let length = blob.map(|blob| i64::from(blob.length));
    let mut params: Vec<Param<'_>> = vec![
        &record.tenant.0,
        &key,
        &owner,
        &record.version,
        &object_type,
        &class,
        &state,
        &record.activation_date,
        &record.deactivation_date,
        &record.archived,
        &mac_version,
        &mac,
        &kind,
        &key_version,
        &length,
        &record.attributes,
        &bytes,
    ];
    params.extend(entries.params().into_iter().skip(1));
    params.extend(held.params().into_iter().skip(1));
    params.push(&place);
    params.extend(audit.params());
    params.push(&set);
    connection.execute(&statement, &params).await
}

async fn put(
    connection: &Object,
    statement: Statement,
    place: i64,
    entity: &Entity,
    audit: &[AuditRow],
) -> Result<u64, Error> {
    let audit = Audit::of(audit);
    let (kind, key) = (entity.kind as i64, entity.key.as_bytes());
    let (mac_version, mac) = (i64::from(entity.mac_version), entity.mac.as_slice());
    let mut params: Vec<Param<'_>> = vec![
        &kind,
        &entity.tenant.0,
        &key,
        &entity.version,
        &entity.body,
        &mac_version,
        &mac,
        &place,
    ];
    params.extend(audit.params());
    connection.execute(&statement, &params).await
}
