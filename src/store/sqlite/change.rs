//! An object's rows: itself, its index entries and its names.

use std::collections::HashSet;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{fault, taken};
use crate::store::alike::{self, Split};
use crate::store::limit;
use crate::store::record::{IndexEntry, IndexValue, Record, UniqueName};
use crate::store::verbs::StoreError;

pub(super) fn insert(
    connection: &Connection,
    record: &Record,
    index: &[IndexEntry],
    names: &[UniqueName],
) -> Result<(), StoreError> {
    let blob = record.blob.as_ref();
    let Split { alike, own } = alike::split(index);
    let set = set(connection, record, &alike)?;
    let sql = "INSERT INTO objects (tenant, unique_identifier, owner, version, object_type, class, state, \
               activation_date, deactivation_date, archived, mac_version, mac, blob_kind, blob_key_version, \
               blob_length, attributes, blob, alike) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    statement
        .execute(params![
            record.tenant.0,
            record.unique_identifier,
            record.owner,
            record.version,
            record.object_type,
            record.class as u8,
            record.state,
            record.activation_date,
            record.deactivation_date,
            record.archived,
            record.mac_version,
            record.mac,
            blob.map(|blob| blob.kind as u8),
            blob.map(|blob| blob.key_version),
            blob.map(|blob| blob.length),
            record.attributes,
            blob.map(|blob| &blob.bytes),
            set,
        ])
        .map_err(|error| taken(error, StoreError::Exists))?;
    let object = connection.last_insert_rowid();
    own.into_iter()
        .try_for_each(|entry| enter(connection, record, object, entry))?;
    let names: HashSet<_> = held(record, names).iter().map(limit::name).collect();
    names
        .iter()
        .try_for_each(|name| name_object(connection, record, object, name))?;
    journal(
        connection,
        0,
        record.tenant.0,
        &record.unique_identifier,
        record.version,
    )
}

pub(super) fn update(
    connection: &Connection,
    record: &Record,
    index: &[IndexEntry],
    names: &[UniqueName],
) -> Result<(), StoreError> {
    let blob = record.blob.as_ref();
    let Split { alike, own } = alike::split(index);
    let set = set(connection, record, &alike)?;
    let sql = "UPDATE objects SET owner = ?3, version = ?4, object_type = ?5, class = ?6, state = ?7, \
               activation_date = ?8, deactivation_date = ?9, archived = ?10, mac_version = ?11, mac = ?12, \
               blob_kind = ?13, blob_key_version = ?14, blob_length = ?15, attributes = ?16, blob = ?17, alike = ?18 \
               WHERE tenant = ?1 AND unique_identifier = ?2 AND version = ?4 - 1 RETURNING sequence";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let changed = statement.query_row(
        params![
            record.tenant.0,
            record.unique_identifier,
            record.owner,
            record.version,
            record.object_type,
            record.class as u8,
            record.state,
            record.activation_date,
            record.deactivation_date,
            record.archived,
            record.mac_version,
            record.mac,
            blob.map(|blob| blob.kind as u8),
            blob.map(|blob| blob.key_version),
            blob.map(|blob| blob.length),
            record.attributes,
            blob.map(|blob| &blob.bytes),
            set,
        ],
        |row| row.get(0),
    );
    let object: i64 = match changed {
        Ok(object) => object,
        Err(rusqlite::Error::QueryReturnedNoRows) => return Err(StoreError::Conflict),
        Err(error) => return Err(fault(error)),
    };
    reindex(connection, record, object, &own)?;
    rename(connection, record, object, held(record, names))?;
    journal(
        connection,
        0,
        record.tenant.0,
        &record.unique_identifier,
        record.version,
    )
}

/// What stands in `objects.alike` for this set: minus its number, 0 for the empty one.
fn set(connection: &Connection, record: &Record, alike: &[&IndexEntry]) -> Result<i64, StoreError> {
    let Some(digest) = alike::digest(alike) else {
        return Ok(0);
    };
    let known: Option<i64> = connection
        .prepare_cached("SELECT number FROM alike WHERE tenant = ?1 AND digest = ?2")
        .and_then(|mut statement| {
            statement
                .query_row(params![record.tenant.0, digest], |row| row.get(0))
                .optional()
        })
        .map_err(fault)?;
    if let Some(number) = known {
        return Ok(-number);
    }
    connection
        .prepare_cached("INSERT INTO alike (tenant, digest) VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(params![record.tenant.0, digest]))
        .map_err(fault)?;
    let set = -connection.last_insert_rowid();
    alike
        .iter()
        .try_for_each(|entry| enter(connection, record, set, entry))?;
    Ok(set)
}

/// A destroyed object holds no names (verbs: `NameTaken`).
fn held<'a>(record: &Record, names: &'a [UniqueName]) -> &'a [UniqueName] {
    if record.is_destroyed() { &[] } else { names }
}

/// Writes what is new and deletes what is gone; most updates touch a few of an object's entries.
fn reindex(
    connection: &Connection,
    record: &Record,
    object: i64,
    index: &[&IndexEntry],
) -> Result<(), StoreError> {
    let mut old: HashSet<IndexEntry> = {
        let sql = "SELECT attribute, name, instance, field, value FROM entries WHERE object = ?1";
        let mut statement = connection.prepare_cached(sql).map_err(fault)?;
        statement
            .query_map([object], entry)
            .and_then(Iterator::collect)
            .map_err(fault)?
    };
    for entry in index {
        if !old.remove(limit::entry(entry).as_ref()) {
            enter(connection, record, object, entry)?;
        }
    }
    let kept: HashSet<_> = if old.is_empty() {
        HashSet::new()
    } else {
        index.iter().map(|entry| limit::entry(entry)).collect()
    };
    let sql = "DELETE FROM entries WHERE object = ?1 AND attribute = ?2 AND name = ?3 AND instance = ?4 \
               AND field = ?5 AND value = ?6";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    for IndexEntry {
        attribute,
        name,
        instance,
        field,
        value,
    } in old.iter().filter(|entry| !kept.contains(*entry))
    {
        statement
            .execute(params![object, attribute, name, instance, field, value])
            .map_err(fault)?;
    }
    Ok(())
}

fn enter(
    connection: &Connection,
    record: &Record,
    object: i64,
    entry: &IndexEntry,
) -> Result<(), StoreError> {
    // The same entry twice is one entry.
    let sql = "INSERT OR IGNORE INTO entries (object, attribute, name, instance, field, value, tenant) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let entry = limit::entry(entry);
    let IndexEntry {
        attribute,
        name,
        instance,
        field,
        value,
    } = entry.as_ref();
    statement
        .execute(params![
            object,
            attribute,
            name,
            instance,
            field,
            value,
            record.tenant.0
        ])
        .map(drop)
        .map_err(fault)
}

fn rename(
    connection: &Connection,
    record: &Record,
    object: i64,
    names: &[UniqueName],
) -> Result<(), StoreError> {
    let old: HashSet<UniqueName> = {
        let mut statement = connection
            .prepare_cached("SELECT name, distinguisher FROM names WHERE object = ?1")
            .map_err(fault)?;
        let name = |row: &Row<'_>| {
            Ok(UniqueName {
                name: row.get(0)?,
                distinguisher: row.get(1)?,
            })
        };
        statement
            .query_map([object], name)
            .and_then(Iterator::collect)
            .map_err(fault)?
    };
    let new: HashSet<_> = names.iter().map(limit::name).collect();
    for UniqueName {
        name,
        distinguisher,
    } in old.iter().filter(|name| !new.contains(*name))
    {
        connection
            .prepare_cached(
                "DELETE FROM names WHERE tenant = ?1 AND name = ?2 AND distinguisher = ?3",
            )
            .and_then(|mut statement| {
                statement.execute(params![record.tenant.0, name, distinguisher])
            })
            .map_err(fault)?;
    }
    new.iter()
        .filter(|name| !old.contains(name.as_ref()))
        .try_for_each(|name| name_object(connection, record, object, name))
}

fn name_object(
    connection: &Connection,
    record: &Record,
    object: i64,
    name: &UniqueName,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO names (tenant, name, distinguisher, object) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    statement
        .execute(params![
            record.tenant.0,
            name.name,
            name.distinguisher,
            object
        ])
        .map(drop)
        .map_err(|error| taken(error, StoreError::NameTaken))
}

/// Kind 0 is a managed object, else the number of an `EntityKind`.
pub(super) fn journal(
    connection: &Connection,
    kind: u8,
    tenant: i64,
    key: &str,
    version: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO journal (kind, tenant, key, version) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    statement
        .execute(params![kind, tenant, key, version])
        .map(drop)
        .map_err(fault)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<IndexEntry> {
    let value = match row.get_ref(4)? {
        ValueRef::Integer(number) => IndexValue::Number(number),
        other => IndexValue::Bytes(other.as_blob()?.to_vec()),
    };
    Ok(IndexEntry {
        attribute: row.get(0)?,
        name: row.get(1)?,
        instance: row.get(2)?,
        field: row.get(3)?,
        value,
    })
}

impl ToSql for IndexValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            IndexValue::Number(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            IndexValue::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}
