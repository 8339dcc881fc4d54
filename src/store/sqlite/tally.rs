//! Rows by the versions of their keys.

use rusqlite::{Connection, Row, params};

use super::read::many;
use super::rows::{self, known, record_columns};
use crate::store::record::{BlobKind, Entity, Record, TenantId};
use crate::store::tally::{Behind, Entities, Objects, Place, Tally};
use crate::store::verbs::StoreError;

const BEHIND: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM objects WHERE tenant = ?1 AND unique_identifier > ?2 AND (mac_version < ?3 \
     OR (blob_kind = 1 AND blob_key_version < ?4) OR (blob_kind = 2 AND blob_key_version < ?5) \
     OR (archived AND ?6)) ORDER BY unique_identifier LIMIT ?7"
);

pub(super) fn behind(
    connection: &Connection,
    tenant: TenantId,
    after: &str,
    than: Behind,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    let params = params![
        tenant.0,
        after,
        than.mac,
        than.wrap,
        than.seal,
        than.archived,
        limit
    ];
    many(connection, BEHIND, params, rows::record)
}

pub(super) fn entities_behind(
    connection: &Connection,
    after: &Place,
    mac_version: u32,
    limit: u32,
) -> Result<Vec<Entity>, StoreError> {
    let query = "SELECT kind, tenant, key, version, body, mac_version, mac FROM entities \
                 WHERE (kind, tenant, key) > (?1, ?2, ?3) AND mac_version < ?4 \
                 ORDER BY kind, tenant, key LIMIT ?5";
    let params = params![after.kind, after.tenant, after.key, mac_version, limit];
    many(connection, query, params, rows::entity)
}

pub(super) fn tally(connection: &Connection) -> Result<Tally, StoreError> {
    let objects = "SELECT tenant, blob_kind, blob_key_version, archived, mac_version, count(*) FROM objects \
                   GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5";
    let entities = "SELECT kind, mac_version, count(*) FROM entities GROUP BY 1, 2 ORDER BY 1, 2";
    Ok(Tally {
        objects: many(connection, objects, [], object)?,
        entities: many(connection, entities, [], |row| {
            Ok(Entities {
                kind: row.get(0)?,
                mac_version: row.get(1)?,
                rows: count(row, 2)?,
            })
        })?,
    })
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    known(column, number, u64::try_from(number).ok())
}

fn object(row: &Row<'_>) -> rusqlite::Result<Objects> {
    let blob = match row.get::<_, Option<i64>>(1)? {
        None => None,
        Some(kind) => Some((known(1, kind, BlobKind::from_number(kind))?, row.get(2)?)),
    };
    Ok(Objects {
        tenant: TenantId(row.get(0)?),
        blob,
        archived: row.get(3)?,
        mac_version: row.get(4)?,
        rows: count(row, 5)?,
    })
}
