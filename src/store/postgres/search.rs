//! Locate in PostgreSQL. The statements are not kept: they come in as many shapes as clients think
//! of, and the database plans better when it sees the values.

use deadpool_postgres::Object;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::fault::fault;
use super::rows::{get, text};
use crate::store::filter::{Filter, Located};
use crate::store::plan::{self, Dialect, Driver, Param, Query};
use crate::store::verbs::StoreError;

pub(super) async fn locate(connection: &Object, filter: &Filter) -> Result<Located, StoreError> {
    let driver = driver(connection, filter).await?;
    let page = plan::page(Dialect::Postgres, filter, driver);
    if !filter.count {
        return Ok(Located {
            unique_identifiers: identifiers(&run(connection, &page).await?)?,
            total: None,
        });
    }
    let total = plan::total(Dialect::Postgres, filter, driver);
    let (rows, total) = tokio::try_join!(run(connection, &page), run(connection, &total))?;
    let total = total.first().map(|row| get::<i64>(row, 0)).transpose()?;
    Ok(Located {
        unique_identifiers: identifiers(&rows)?,
        total: total.and_then(|total| u64::try_from(total).ok()),
    })
}

async fn driver(connection: &Object, filter: &Filter) -> Result<Driver, StoreError> {
    let candidates = plan::candidates(filter);
    match candidates.as_slice() {
        [] => return Ok(Driver::Objects),
        // Nothing to choose from; ranges are weighed against the objects.
        [only @ Driver::Field { .. }] if !only.is_mixed(filter) => return Ok(*only),
        _ => {}
    }
    let mut counts = vec![i64::MAX; candidates.len()];
    for row in &run(
        connection,
        &plan::probe(Dialect::Postgres, filter, &candidates),
    )
    .await?
    {
        let at = usize::try_from(get::<i32>(row, 0)?).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(at) {
            *count = get(row, 1)?;
        }
    }
    Ok(plan::choose(filter, &candidates, &counts).0)
}

pub(super) async fn explain(connection: &Object, filter: &Filter) -> Result<String, StoreError> {
    let mut query = plan::page(Dialect::Postgres, filter, driver(connection, filter).await?);
    query.sql.insert_str(0, "EXPLAIN ");
    let steps = run(connection, &query).await?;
    let steps: Vec<String> = steps
        .iter()
        .map(|row| get(row, 0))
        .collect::<Result<_, _>>()?;
    Ok(steps.join("\n"))
}

fn identifiers(rows: &[Row]) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| text(row, 0)).collect()
}

async fn run(connection: &Object, query: &Query) -> Result<Vec<Row>, StoreError> {
    let params: Vec<Bound<'_>> = query.params.iter().map(Bound::new).collect();
    let params: Vec<(&(dyn ToSql + Sync), Type)> = params.iter().map(Bound::typed).collect();
    connection
        .query_typed(&query.sql, &params)
        .await
        .map_err(fault)
}

enum Bound<'a> {
    Number(i64),
    /// The bits of an unsigned number, as in `entries`.
    Tag(i32),
    Bytes(&'a [u8]),
}

impl Bound<'_> {
    fn new(param: &Param) -> Bound<'_> {
        match param {
            Param::Number(number) => Bound::Number(*number),
            Param::Tag(tag) => Bound::Tag(tag.cast_signed()),
            Param::Text(text) => Bound::Bytes(text.as_bytes()),
            Param::Bytes(bytes) => Bound::Bytes(bytes),
        }
    }

    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Bound::Number(number) => (number, Type::INT8),
            Bound::Tag(tag) => (tag, Type::INT4),
            Bound::Bytes(bytes) => (bytes, Type::BYTEA),
        }
    }
}
