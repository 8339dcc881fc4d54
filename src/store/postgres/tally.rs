//! Rows by the versions of their keys.

use deadpool_postgres::Object;
use tokio_postgres::Row;

use super::read::many;
use super::rows::{self, get, known, record_columns, unsigned};
use crate::store::record::{BlobKind, Entity, Record, TenantId};
use crate::store::tally::{Behind, Entities, Objects, Place, Tally};
use crate::store::verbs::StoreError;

const BEHIND: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM objects WHERE tenant = $1 AND unique_identifier > $2 AND (mac_version < $3 \
     OR (blob_kind = 1 AND blob_key_version < $4) OR (blob_kind = 2 AND blob_key_version < $5) \
     OR (archived AND $6)) ORDER BY unique_identifier LIMIT $7"
);

pub(super) async fn behind(
    connection: &Object,
    tenant: TenantId,
    after: &str,
    than: Behind,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    many(
        connection,
        BEHIND,
        &[
            &tenant.0,
            &after.as_bytes(),
            &i64::from(than.mac),
            &i64::from(than.wrap),
            &i64::from(than.seal),
            &than.archived,
            &i64::from(limit),
        ],
        rows::record,
    )
    .await
}

pub(super) async fn entities_behind(
    connection: &Object,
    after: &Place,
    mac_version: u32,
    limit: u32,
) -> Result<Vec<Entity>, StoreError> {
    let query = "SELECT kind, tenant, key, version, body, mac_version, mac FROM entities \
                 WHERE (kind, tenant, key) > ($1, $2, $3) AND mac_version < $4 \
                 ORDER BY kind, tenant, key LIMIT $5";
    many(
        connection,
        query,
        &[
            &i64::from(after.kind),
            &after.tenant,
            &after.key.as_bytes(),
            &i64::from(mac_version),
            &i64::from(limit),
        ],
        rows::entity,
    )
    .await
}

pub(super) async fn tally(connection: &Object) -> Result<Tally, StoreError> {
    let objects = "SELECT tenant, blob_kind, blob_key_version, archived, mac_version, count(*) FROM objects \
                   GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5";
    let entities = "SELECT kind, mac_version, count(*) FROM entities GROUP BY 1, 2 ORDER BY 1, 2";
    Ok(Tally {
        objects: many(connection, objects, &[], object).await?,
        entities: many(connection, entities, &[], |row| {
            let kind: i64 = get(row, 0)?;
            Ok(Entities {
                kind: known("kind of row", kind, u8::try_from(kind).ok())?,
                mac_version: unsigned(row, 1)?,
                rows: count(row, 2)?,
            })
        })
        .await?,
    })
}

fn count(row: &Row, column: usize) -> Result<u64, StoreError> {
    let number: i64 = get(row, column)?;
    known("count", number, u64::try_from(number).ok())
}

fn object(row: &Row) -> Result<Objects, StoreError> {
    let blob = match get::<Option<i64>>(row, 1)? {
        None => None,
        Some(kind) => Some((
            known("kind of blob", kind, BlobKind::from_number(kind))?,
            unsigned(row, 2)?,
        )),
    };
    Ok(Objects {
        tenant: TenantId(get(row, 0)?),
        blob,
        archived: get(row, 3)?,
        mac_version: unsigned(row, 4)?,
        rows: count(row, 5)?,
    })
}
