//! SQLite's rows and errors as the store's.

use rusqlite::{ErrorCode, Row, types::Type};

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

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let blob = match row.get::<_, Option<i64>>(11)? {
        None => None,
        Some(kind) => Some(Blob {
            kind: known(11, kind, BlobKind::from_number(kind))?,
            key_version: row.get(12)?,
            length: row.get(13)?,
            bytes: row.get(14)?,
        }),
    };
    let class: i64 = row.get(5)?;
    Ok(Record {
        tenant: TenantId(row.get(0)?),
        unique_identifier: row.get(1)?,
        owner: row.get(2)?,
        version: row.get(3)?,
        object_type: row.get(4)?,
        class: known(5, class, Class::from_number(class))?,
        state: row.get(6)?,
        activation_date: row.get(7)?,
        deactivation_date: row.get(8)?,
        archived: row.get(9)?,
        attributes: row.get(10)?,
        blob,
        mac_version: row.get(15)?,
        mac: row.get(16)?,
        index_rules: row.get(17)?,
    })
}

/// kind, tenant, key, version, body, `mac_version`, mac
pub(super) fn entity(row: &Row<'_>) -> rusqlite::Result<Entity> {
    let kind: i64 = row.get(0)?;
    Ok(Entity {
        kind: known(0, kind, EntityKind::from_number(kind))?,
        tenant: TenantId(row.get(1)?),
        key: row.get(2)?,
        version: row.get(3)?,
        body: row.get(4)?,
        mac_version: row.get(5)?,
        mac: row.get(6)?,
    })
}

/// position, kind, tenant, key, version
pub(super) fn journal_entry(row: &Row<'_>) -> rusqlite::Result<JournalEntry> {
    Ok(JournalEntry {
        position: row.get(0)?,
        kind: row.get(1)?,
        tenant: TenantId(row.get(2)?),
        key: row.get(3)?,
        version: row.get(4)?,
    })
}

/// node, sequence, hash, body
pub(super) fn audit_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        node: row.get(0)?,
        sequence: row.get(1)?,
        hash: row.get(2)?,
        body: row.get(3)?,
    })
}

pub(super) fn known<T>(column: usize, number: i64, value: Option<T>) -> rusqlite::Result<T> {
    value.ok_or(rusqlite::Error::FromSqlConversionFailure(
        column,
        Type::Integer,
        format!("{number} is not a number this server knows").into(),
    ))
}

/// A failure that is not a constraint's: the disk, a lock, or a damaged file.
pub(super) fn fault(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted,
        ) => StoreError::Unavailable(text),
        _ => StoreError::Damaged(text),
    }
}

/// A row that is there already is `taken`; anything else is a fault.
pub(super) fn taken(error: rusqlite::Error, taken: StoreError) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => taken,
        _ => fault(error),
    }
}
