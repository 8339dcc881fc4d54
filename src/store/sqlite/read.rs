//! Reads of known rows.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::rows::{self, fault, record_columns};
use crate::store::record::{AuditRow, Entity, EntityKind, JournalEntry, Record, TenantId};
use crate::store::verbs::StoreError;

const FETCH: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM objects WHERE tenant = ?1 AND unique_identifier = ?2"
);
const SCAN: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM objects WHERE tenant = ?1 AND unique_identifier > ?2 ORDER BY unique_identifier LIMIT ?3"
);

macro_rules! entity_query {
    ($rest:literal) => {
        concat!(
            "SELECT kind, tenant, key, version, body, mac_version, mac FROM entities ",
            $rest
        )
    };
}

pub(super) fn fetch(
    connection: &Connection,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Record>, StoreError> {
    one(connection, FETCH, params![tenant.0, key], rows::record)
}

pub(super) fn scan(
    connection: &Connection,
    tenant: TenantId,
    after: &str,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    many(
        connection,
        SCAN,
        params![tenant.0, after, limit],
        rows::record,
    )
}

pub(super) fn entity(
    connection: &Connection,
    kind: EntityKind,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Entity>, StoreError> {
    let query = entity_query!("WHERE kind = ?1 AND tenant = ?2 AND key = ?3");
    one(
        connection,
        query,
        params![kind as u8, tenant.0, key],
        rows::entity,
    )
}

pub(super) fn entities(
    connection: &Connection,
    kind: EntityKind,
    tenant: Option<TenantId>,
) -> Result<Vec<Entity>, StoreError> {
    match tenant {
        Some(tenant) => {
            let query = entity_query!("WHERE kind = ?1 AND tenant = ?2 ORDER BY key");
            many(
                connection,
                query,
                params![kind as u8, tenant.0],
                rows::entity,
            )
        }
        None => {
            let query = entity_query!("WHERE kind = ?1 ORDER BY tenant, key");
            many(connection, query, params![kind as u8], rows::entity)
        }
    }
}

pub(super) fn journal(
    connection: &Connection,
    position: i64,
    limit: u32,
) -> Result<Vec<JournalEntry>, StoreError> {
    let query = "SELECT position, kind, tenant, key, version FROM journal WHERE position > ?1 ORDER BY position LIMIT ?2";
    many(
        connection,
        query,
        params![position, limit],
        rows::journal_entry,
    )
}

pub(super) fn journal_head(connection: &Connection) -> Result<i64, StoreError> {
    first(
        connection,
        "SELECT coalesce(max(position), 0) FROM journal",
        [],
    )
}

pub(super) fn audit(
    connection: &Connection,
    node: &str,
    from: i64,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let query = "SELECT node, sequence, hash, body FROM audit \
                 WHERE node = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT ?3";
    many(
        connection,
        query,
        params![node, from, limit],
        rows::audit_row,
    )
}

pub(super) fn audit_leaves(
    connection: &Connection,
    node: &str,
    from: i64,
    limit: u32,
) -> Result<Vec<(i64, [u8; 32])>, StoreError> {
    let query = "SELECT sequence, hash FROM audit \
                 WHERE node = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT ?3";
    many(connection, query, params![node, from, limit], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

pub(super) fn audit_nodes(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let query = "SELECT node FROM audit UNION SELECT node FROM checkpoints ORDER BY node";
    many(connection, query, [], |row| row.get(0))
}

pub(super) fn checkpoints(
    connection: &Connection,
    node: &str,
    above: i64,
    limit: u32,
) -> Result<Vec<(i64, String)>, StoreError> {
    let query = "SELECT size, text FROM checkpoints \
                 WHERE node = ?1 AND size > ?2 ORDER BY size, ordinal LIMIT ?3";
    many(connection, query, params![node, above, limit], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

pub(super) fn audit_head(connection: &Connection, node: &str) -> Result<i64, StoreError> {
    first(
        connection,
        "SELECT coalesce(max(sequence), 0) FROM audit WHERE node = ?1",
        [node],
    )
}

pub(super) fn checkpoint(
    connection: &Connection,
    node: &str,
) -> Result<Option<(i64, String)>, StoreError> {
    let query = "SELECT size, text FROM checkpoints WHERE node = ?1 ORDER BY size DESC, ordinal DESC LIMIT 1";
    one(connection, query, [node], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

fn first(connection: &Connection, query: &str, params: impl Params) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached(query).map_err(fault)?;
    statement.query_row(params, |row| row.get(0)).map_err(fault)
}

fn one<T>(
    connection: &Connection,
    query: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(query).map_err(fault)?;
    statement.query_row(params, read).optional().map_err(fault)
}

pub(super) fn many<T>(
    connection: &Connection,
    query: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(query).map_err(fault)?;
    statement
        .query_map(params, read)
        .and_then(Iterator::collect)
        .map_err(fault)
}
