//! Locate in SQLite.

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::read::many;
use super::rows::fault;
use crate::store::filter::{Filter, Located};
use crate::store::plan::{self, Dialect, Driver, Param, Query};
use crate::store::verbs::StoreError;

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Param::Number(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Param::Tag(tag) => ToSqlOutput::Owned(Value::Integer(i64::from(*tag))),
            Param::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Param::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// What drives the search, and whether that is short enough for the caller's own thread.
pub(super) fn driver(
    connection: &Connection,
    filter: &Filter,
) -> Result<(Driver, bool), StoreError> {
    let candidates = plan::candidates(filter);
    if candidates.is_empty() {
        let one = filter
            .terms
            .iter()
            .any(|term| matches!(term, crate::store::filter::Term::UniqueIdentifier(_)));
        return Ok((Driver::Objects, one));
    }
    let query = plan::probe(Dialect::Sqlite, filter, &candidates);
    let counts: Vec<i64> = many(
        connection,
        &query.sql,
        params_from_iter(&query.params),
        |row| row.get(1),
    )?;
    Ok(plan::choose(filter, &candidates, &counts))
}

pub(super) fn locate(
    connection: &Connection,
    filter: &Filter,
    driver: Driver,
) -> Result<Located, StoreError> {
    let Query { sql, params } = plan::page(Dialect::Sqlite, filter, driver);
    let unique_identifiers = many(connection, &sql, params_from_iter(&params), |row| {
        row.get(0)
    })?;
    let mut total = None;
    if filter.count {
        let Query { sql, params } = plan::total(Dialect::Sqlite, filter, driver);
        let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
        let count: i64 = statement
            .query_row(params_from_iter(&params), |row| row.get(0))
            .map_err(fault)?;
        total = u64::try_from(count).ok();
    }
    Ok(Located {
        unique_identifiers,
        total,
    })
}

pub(super) fn explain(connection: &Connection, filter: &Filter) -> Result<String, StoreError> {
    let (driver, _) = driver(connection, filter)?;
    let Query { sql, params } = plan::page(Dialect::Sqlite, filter, driver);
    let steps: Vec<String> = many(
        connection,
        &format!("EXPLAIN QUERY PLAN {sql}"),
        params_from_iter(&params),
        |row| row.get(3),
    )?;
    Ok(steps.join("\n"))
}
