//! Reads of known rows, each one round trip.

use deadpool_postgres::Object;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::fault::fault;
use super::rows::{self, get, record_columns, text};
use crate::store::record::{AuditRow, Entity, EntityKind, JournalEntry, Record, TenantId};
use crate::store::verbs::StoreError;

const FETCH: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM objects WHERE tenant = $1 AND unique_identifier = $2"
);
const SCAN: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM objects WHERE tenant = $1 AND unique_identifier > $2 ORDER BY unique_identifier LIMIT $3"
);

macro_rules! entity_query {
    ($rest:literal) => {
        concat!(
            "SELECT kind, tenant, key, version, body, mac_version, mac FROM entities ",
            $rest
        )
    };
}

pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(super) async fn fetch(
    connection: &Object,
    tenant: TenantId,
    identifier: &str,
) -> Result<Option<Record>, StoreError> {
    one(
        connection,
        FETCH,
        &[&tenant.0, &identifier.as_bytes()],
        rows::record,
    )
    .await
}

pub(super) async fn scan(
    connection: &Object,
    tenant: TenantId,
    after: &str,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    many(
        connection,
        SCAN,
        &[&tenant.0, &after.as_bytes(), &i64::from(limit)],
        rows::record,
    )
    .await
}

pub(super) async fn entity(
    connection: &Object,
    kind: EntityKind,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Entity>, StoreError> {
    let query = entity_query!("WHERE kind = $1 AND tenant = $2 AND key = $3");
    one(
        connection,
        query,
        &[&(kind as i64), &tenant.0, &key.as_bytes()],
        rows::entity,
    )
    .await
}

pub(super) async fn entities(
    connection: &Object,
    kind: EntityKind,
    tenant: Option<TenantId>,
) -> Result<Vec<Entity>, StoreError> {
    match tenant {
        Some(tenant) => {
            let query = entity_query!("WHERE kind = $1 AND tenant = $2 ORDER BY key");
            many(
                connection,
                query,
                &[&(kind as i64), &tenant.0],
                rows::entity,
            )
            .await
        }
        None => {
            let query = entity_query!("WHERE kind = $1 ORDER BY tenant, key");
            many(connection, query, &[&(kind as i64)], rows::entity).await
        }
    }
}

pub(super) async fn journal(
    connection: &Object,
    position: i64,
    limit: u32,
) -> Result<Vec<JournalEntry>, StoreError> {
    let query = "SELECT position, kind, tenant, key, version FROM journal \
                 WHERE position > $1 AND position < (SELECT journal_horizon()) ORDER BY position LIMIT $2";
    many(
        connection,
        query,
        &[&position, &i64::from(limit)],
        rows::journal_entry,
    )
    .await
}

pub(super) async fn journal_ahead(
    connection: &Object,
    position: i64,
    limit: u32,
) -> Result<Vec<JournalEntry>, StoreError> {
    let query = "SELECT position, kind, tenant, key, version FROM journal \
                 WHERE position > $1 ORDER BY position LIMIT $2";
    many(
        connection,
        query,
        &[&position, &i64::from(limit)],
        rows::journal_entry,
    )
    .await
}

pub(super) async fn journal_head(connection: &Object) -> Result<i64, StoreError> {
    let query = "SELECT coalesce(max(position), 0) FROM journal WHERE position < (SELECT journal_horizon())";
    first(connection, query, &[]).await
}

pub(super) async fn audit(
    connection: &Object,
    node: &str,
    from: i64,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let query = "SELECT node, sequence, hash, body FROM audit \
                 WHERE node = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3";
    many(
        connection,
        query,
        &[&node.as_bytes(), &from, &i64::from(limit)],
        rows::audit_row,
    )
    .await
}

pub(super) async fn audit_leaves(
    connection: &Object,
    node: &str,
    from: i64,
    limit: u32,
) -> Result<Vec<(i64, [u8; 32])>, StoreError> {
    let query = "SELECT sequence, hash FROM audit \
                 WHERE node = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3";
    let params: Params<'_> = &[&node.as_bytes(), &from, &i64::from(limit)];
    many(connection, query, params, |row| {
        Ok((get(row, 0)?, rows::digest(row, 1)?))
    })
    .await
}

pub(super) async fn audit_nodes(connection: &Object) -> Result<Vec<String>, StoreError> {
    let query = "SELECT node FROM audit UNION SELECT node FROM checkpoints ORDER BY node";
    many(connection, query, &[], |row| text(row, 0)).await
}

pub(super) async fn checkpoints(
    connection: &Object,
    node: &str,
    above: i64,
    limit: u32,
) -> Result<Vec<(i64, String)>, StoreError> {
    let query = "SELECT size, text FROM checkpoints \
                 WHERE node = $1 AND size > $2 ORDER BY size, ordinal LIMIT $3";
    let params: Params<'_> = &[&node.as_bytes(), &above, &i64::from(limit)];
    many(connection, query, params, |row| {
        Ok((get(row, 0)?, text(row, 1)?))
    })
    .await
}

pub(super) async fn audit_head(connection: &Object, node: &str) -> Result<i64, StoreError> {
    let query = "SELECT coalesce(max(sequence), 0) FROM audit WHERE node = $1";
    first(connection, query, &[&node.as_bytes()]).await
}

pub(super) async fn checkpoint(
    connection: &Object,
    node: &str,
) -> Result<Option<(i64, String)>, StoreError> {
    let query = "SELECT size, text FROM checkpoints WHERE node = $1 ORDER BY size DESC, ordinal DESC LIMIT 1";
    one(connection, query, &[&node.as_bytes()], |row| {
        Ok((get(row, 0)?, text(row, 1)?))
    })
    .await
}

async fn first(connection: &Object, query: &str, params: Params<'_>) -> Result<i64, StoreError> {
    let statement = connection.prepare_cached(query).await.map_err(fault)?;
    get(
        &connection
            .query_one(&statement, params)
            .await
            .map_err(fault)?,
        0,
    )
}

async fn one<T>(
    connection: &Object,
    query: &str,
    params: Params<'_>,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let statement = connection.prepare_cached(query).await.map_err(fault)?;
    connection
        .query_opt(&statement, params)
        .await
        .map_err(fault)?
        .as_ref()
        .map(read)
        .transpose()
}

pub(super) async fn many<T>(
    connection: &Object,
    query: &str,
    params: Params<'_>,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let statement = connection.prepare_cached(query).await.map_err(fault)?;
    connection
        .query(&statement, params)
        .await
        .map_err(fault)?
        .iter()
        .map(read)
        .collect()
}
