//! Commits.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use deadpool_postgres::Object;
use tokio_postgres::{Error, Statement};

use super::columns::{Audit, Param, Rows};
use super::fault::fault;
use super::form::Form;
use super::sets::{Of, Sets};
use super::statements::{AUDIT, PUT_FIRST, PUT_NEXT};
use crate::store::record::{AuditRow, Change, Commit, Entity};
use crate::store::verbs::StoreError;

/// A statement that is under way once it was polled.
type Sent<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send + 'a>>;

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
    for ((place, change), of) in (0_i64..).zip(&commit.changes).zip(sets.iter().copied()) {
        let last = statements.len() + 1 == commit.changes.len();
        let audit: &[_] = if last { &commit.audit } else { &[] };
        let form = Form::of(change);
        statements.push(match (form, change) {
            (None, Change::Put(entity)) => {
                let first = entity.version == 1;
                let text = if first { PUT_FIRST } else { PUT_NEXT };
                let statement = connection.prepare_cached(text).await.map_err(fault)?;
                Box::pin(put(connection, statement, place, entity, audit))
            }
            (form, _) => {
                let form = form.unwrap_or(Form::Update);
                let mut rows = Rows::default();
                form.add(&mut rows, change, of);
                rows.audit(audit);
                let statement = form.prepare(connection).await?;
                Box::pin(form.write(connection, statement, rows, place))
            }
        });
    }
    Ok(statements)
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
