//! Changes of objects, by the statement that writes them.

use deadpool_postgres::Object;
use tokio_postgres::{Error, Statement};

use super::columns::{Param, Rows};
use super::fault::{Refused, fault};
use super::sets::{Of, Sets};
use super::statements::{INSERT, UPDATE, UPDATE_ROWS};
use crate::store::alike;
use crate::store::record::{Change, Commit};
use crate::store::verbs::StoreError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// New objects, any number.
    Insert,
    /// Rows of objects that keep what is their own in the index, any number.
    UpdateRows,
    /// One object.
    Update,
}

impl Form {
    /// None: it is no object.
    pub(super) fn of(change: &Change) -> Option<Form> {
        match change {
            Change::Insert { .. } => Some(Form::Insert),
            Change::Update { .. } if alike::leaves_own(change) => Some(Form::UpdateRows),
            Change::Update { .. } => Some(Form::Update),
            Change::Put(_) => None,
        }
    }

    /// Of a commit that may be written together with others of its form.
    pub(super) fn of_all(commit: &Commit) -> Option<Form> {
        let mut forms = commit.changes.iter().map(Form::of);
        let first = forms.next()??;
        match first {
            Form::Insert => forms.all(|form| form == Some(first)).then_some(first),
            // It may change a row twice.
            Form::UpdateRows => forms.next().is_none().then_some(first),
            Form::Update => None,
        }
    }

    pub(super) async fn prepare(self, connection: &Object) -> Result<Statement, StoreError> {
        let text = match self {
            Form::Insert => &INSERT,
            Form::UpdateRows => &UPDATE_ROWS,
            Form::Update => &UPDATE,
        };
        connection.prepare_cached(text).await.map_err(fault)
    }

    pub(super) fn add<'a>(self, rows: &mut Rows<'a>, change: &'a Change, sets: Of) {
        let (Change::Insert {
            record,
            index,
            names,
        }
        | Change::Update {
            record,
            index,
            names,
            ..
        }) = change
        else {
            return;
        };
        rows.object(record, sets);
        if self != Form::UpdateRows {
            rows.own(record, index, names);
        }
    }

    /// `place` is that of the first change in its transaction.
    pub(super) async fn write(
        self,
        connection: &Object,
        statement: Statement,
        mut rows: Rows<'_>,
        place: i64,
    ) -> Result<u64, Error> {
        let mut params: Vec<Param<'_>> = rows.params(self != Form::UpdateRows);
        params.push(&place);
        connection.execute(&statement, &params).await
    }
}

/// Writes commits of one form in one statement. Rows are changed in an order that all writers keep,
/// so that no two of them wait for each other.
pub(super) async fn together(
    connection: &Object,
    sets: &Sets,
    form: Form,
    commits: &[&Commit],
) -> Result<(), Refused> {
    let mut rows = Rows::default();
    let mut changes = Vec::with_capacity(commits.len());
    for commit in commits {
        let sets = sets.of(connection, commit).await?;
        changes.extend(commit.changes.iter().zip(sets));
        rows.audit(&commit.audit);
    }
    if form == Form::UpdateRows {
        changes.sort_unstable_by_key(|(change, _)| key(change));
    }
    for (change, of) in changes {
        form.add(&mut rows, change, of);
    }
    let statement = form.prepare(connection).await?;
    form.write(connection, statement, rows, 0).await?;
    Ok(())
}

fn key(change: &Change) -> Option<(i64, &str)> {
    match change {
        Change::Insert { record, .. } | Change::Update { record, .. } => {
            Some((record.tenant.0, &record.unique_identifier))
        }
        Change::Put(_) => None,
    }
}
