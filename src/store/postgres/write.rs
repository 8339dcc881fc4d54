//! Commits.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use deadpool_postgres::Object;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};

use super::columns::{Audit, Entries};
use super::fault::fault;
use super::sets::{Of, Sets};
use super::statements::{AUDIT, INSERT, PUT_FIRST, PUT_NEXT, UPDATE, UPDATE_ROW};
use crate::store::alike;
use crate::store::limit;
use crate::store::record::{Change, Commit, Entity, INDEX_RULES, IndexEntry, Record, UniqueName};
use crate::store::verbs::StoreError;

/// A statement that is under way once it was polled.
type Sent<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send + 'a>>;

pub(super) async fn apply(
    connection: Object,
    sets: &Sets,
    commit: Commit,
) -> Result<(), StoreError> {
    let sets = sets.of(&connection, &commit).await?;
    match commit.changes.len() {
        0 if commit.audit.is_empty() => Ok(()),
        0 => {
            let statement = connection.prepare_cached(AUDIT).await.map_err(fault)?;
            let Audit {
                nodes,
                sequences,
                hashes,
                bodies,
            } = Audit::new(&commit.audit);
            let params: Params<'_> = &[&nodes, &sequences, &hashes, &bodies];
            connection
                .execute(&statement, params)
                .await
                .map(drop)
                .map_err(fault)
        }
        1 => {
            for sent in send(&connection, &commit, &sets).await? {
                sent.await.map_err(fault)?;
            }
            Ok(())
        }
        _ => transact(connection, &commit, &sets).await,
    }
}

async fn transact(connection: Object, commit: &Commit, sets: &[Of]) -> Result<(), StoreError> {
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
    sets: &[Of],
) -> Result<Vec<Sent<'a>>, StoreError> {
    let mut statements: Vec<Sent<'a>> = Vec::with_capacity(commit.changes.len());
    for ((place, change), set) in (0_i64..).zip(&commit.changes).zip(sets.iter().copied()) {
        let last = statements.len() + 1 == commit.changes.len();
        let audit = Audit::new(if last { &commit.audit } else { &[] });
        let text = match change {
            Change::Insert { .. } => INSERT,
            Change::Update { .. } if alike::leaves_own(change) => UPDATE_ROW,
            Change::Update { .. } => UPDATE,
            Change::Put(entity) if entity.version == 1 => PUT_FIRST,
            Change::Put(_) => PUT_NEXT,
        };
        let statement = connection.prepare_cached(text).await.map_err(fault)?;
        statements.push(match change {
            Change::Update { record, .. } if text == UPDATE_ROW => {
                Box::pin(row(connection, statement, (place, set), record, audit))
            }
            Change::Insert {
                record,
                index,
                names,
            }
            | Change::Update {
                record,
                index,
                names,
                ..
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

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

async fn object(
    connection: &Object,
    statement: Statement,
    (place, sets): (i64, Of),
    record: &Record,
    index: &[IndexEntry],
    names: &[UniqueName],
    audit: Audit<'_>,
) -> Result<u64, Error> {
    let blob = record.blob.as_ref();
    let entries = Entries::new(&alike::split(index).own);
    // A destroyed object holds no names (verbs: `NameTaken`).
    let held: Vec<_> = if record.is_destroyed() { &[] } else { names }
        .iter()
        .map(limit::name)
        .collect();
    let (names, distinguishers): (Vec<_>, Vec<_>) = held
        .iter()
        .map(|name| (name.name.as_bytes(), name.distinguisher.as_bytes()))
        .unzip();
    let params: Params<'_> = &[
        &record.tenant.0,
        &record.unique_identifier.as_bytes(),
        &record.owner.as_bytes(),
        &record.version,
        &i64::from(record.object_type),
        &(record.class as i64),
        &i64::from(record.state),
        &record.activation_date,
        &record.deactivation_date,
        &record.archived,
        &i64::from(record.mac_version),
        &record.mac.as_slice(),
        &blob.map(|blob| blob.kind as i64),
        &blob.map(|blob| i64::from(blob.key_version)),
        &blob.map(|blob| i64::from(blob.length)),
        &record.attributes,
        &blob.map(|blob| blob.bytes.as_slice()),
        &entries.attributes,
        &entries.names,
        &entries.instances,
        &entries.fields,
        &entries.numbers,
        &entries.bytes,
        &names,
        &distinguishers,
        &place,
        &audit.nodes,
        &audit.sequences,
        &audit.hashes,
        &audit.bodies,
        &sets.alike,
        &sets.dated,
        &INDEX_RULES.cast_signed(),
    ];
    connection.execute(&statement, params).await
}

/// An object's row, and nothing of its own besides.
async fn row(
    connection: &Object,
    statement: Statement,
    (place, sets): (i64, Of),
    record: &Record,
    audit: Audit<'_>,
) -> Result<u64, Error> {
    let blob = record.blob.as_ref();
    let params: Params<'_> = &[
        &record.tenant.0,
        &record.unique_identifier.as_bytes(),
        &record.version,
        &i64::from(record.object_type),
        &(record.class as i64),
        &i64::from(record.state),
        &record.activation_date,
        &record.deactivation_date,
        &record.archived,
        &i64::from(record.mac_version),
        &record.mac.as_slice(),
        &blob.map(|blob| blob.kind as i64),
        &blob.map(|blob| i64::from(blob.key_version)),
        &blob.map(|blob| i64::from(blob.length)),
        &record.attributes,
        &blob.map(|blob| blob.bytes.as_slice()),
        &sets.alike,
        &sets.dated,
        &place,
        &audit.nodes,
        &audit.sequences,
        &audit.hashes,
        &audit.bodies,
    ];
    connection.execute(&statement, params).await
}

async fn put(
    connection: &Object,
    statement: Statement,
    place: i64,
    entity: &Entity,
    audit: Audit<'_>,
) -> Result<u64, Error> {
    let params: Params<'_> = &[
        &(entity.kind as i64),
        &entity.tenant.0,
        &entity.key.as_bytes(),
        &entity.version,
        &entity.body,
        &i64::from(entity.mac_version),
        &entity.mac.as_slice(),
        &place,
        &audit.nodes,
        &audit.sequences,
        &audit.hashes,
        &audit.bodies,
    ];
    connection.execute(&statement, params).await
}
