//! PostgreSQL's rows as the store's. What does not fit is damage, not a panic.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::fault::fault;
use crate::store::record::{
    AuditRow, Blob, BlobKind, Class, Entity, EntityKind, JournalEntry, Record, TenantId,
};
use crate::store::verbs::StoreError;

/// The columns of [`record`], in its order.
macro_rules! record_columns {
    () => {
        "tenant, unique_identifier, owner, version, object_type, class, state, activation_date, deactivation_date, \
         archived, attributes, blob_kind, blob_key_version, blob_length, blob, mac_version, mac, index_rules"
    };
}
pub(super) use record_columns;

pub(super) fn record(row: &Row) -> Result<Record, StoreError> {
    let blob = match get::<Option<i64>>(row, 11)? {
        None => None,
        Some(kind) => Some(Blob {
            kind: known("kind of blob", kind, BlobKind::from_number(kind))?,
            key_version: unsigned(row, 12)?,
            length: unsigned(row, 13)?,
            bytes: get(row, 14)?,
        }),
    };
    let class = get(row, 5)?;
    Ok(Record {
        tenant: TenantId(get(row, 0)?),
        unique_identifier: text(row, 1)?,
        owner: text(row, 2)?,
        version: get(row, 3)?,
        object_type: unsigned(row, 4)?,
        class: known("class", class, Class::from_number(class))?,
        state: unsigned(row, 6)?,
        activation_date: get(row, 7)?,
        deactivation_date: get(row, 8)?,
        archived: get(row, 9)?,
        attributes: get(row, 10)?,
        blob,
        mac_version: unsigned(row, 15)?,
        mac: digest(row, 16)?,
        index_rules: get::<i32>(row, 17)?.cast_unsigned(),
    })
}

/// kind, tenant, key, version, body, `mac_version`, mac
pub(super) fn entity(row: &Row) -> Result<Entity, StoreError> {
    let kind = get(row, 0)?;
    Ok(Entity {
        kind: known("kind of entity", kind, EntityKind::from_number(kind))?,
        tenant: TenantId(get(row, 1)?),
        key: text(row, 2)?,
        version: get(row, 3)?,
        body: get(row, 4)?,
        mac_version: unsigned(row, 5)?,
        mac: digest(row, 6)?,
    })
}

/// position, kind, tenant, key, version
pub(super) fn journal_entry(row: &Row) -> Result<JournalEntry, StoreError> {
    let kind: i64 = get(row, 1)?;
    Ok(JournalEntry {
        position: get(row, 0)?,
        kind: known("kind of row", kind, u8::try_from(kind).ok())?,
        tenant: TenantId(get(row, 2)?),
        key: text(row, 3)?,
        version: get(row, 4)?,
    })
}

/// node, sequence, hash, body
pub(super) fn audit_row(row: &Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        node: text(row, 0)?,
        sequence: get(row, 1)?,
        hash: digest(row, 2)?,
        body: get(row, 3)?,
    })
}

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(fault)
}

pub(super) fn text(row: &Row, column: usize) -> Result<String, StoreError> {
    String::from_utf8(get(row, column)?)
        .map_err(|_| StoreError::Damaged("a text is not UTF-8".to_owned()))
}

pub(super) fn unsigned(row: &Row, column: usize) -> Result<u32, StoreError> {
    let number: i64 = get(row, column)?;
    known("unsigned 32-bit number", number, u32::try_from(number).ok())
}

pub(super) fn digest(row: &Row, column: usize) -> Result<[u8; 32], StoreError> {
    let bytes: &[u8] = get(row, column)?;
    bytes
        .try_into()
        .map_err(|_| StoreError::Damaged(format!("a digest of {} bytes, not 32", bytes.len())))
}

pub(super) fn known<T>(what: &str, number: i64, value: Option<T>) -> Result<T, StoreError> {
    value
        .ok_or_else(|| StoreError::Damaged(format!("{number} is no {what} that this server knows")))
}
