//! An object's rows: itself, its index entries and its names.

use std::collections::HashSet;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row, params};

use super::rows::{fault, taken};
use super::sets::Sets;
use crate::store::alike::{self, Split};
use crate::store::limit;
use crate::store::record::{
    Before, INDEX_RULES, IndexEntry, IndexValue, Record, TenantId, UniqueName,
};
use crate::store::verbs::StoreError;

pub(super) fn insert(
    connection: &Connection,
    sets: &Sets,
    record: &Record,
    index: &[IndexEntry],
    names: &[UniqueName],
) -> Result<(), StoreError> {
    let blob = record.blob.as_ref();
    let split = alike::split(index);
    let alike = sets.of(connection, record.tenant, &split.alike)?;
    let dated = sets.of(connection, record.tenant, &split.dated)?;
    let sql = "INSERT INTO objects (tenant, unique_identifier, owner, version, object_type, class, state, \
               activation_date, deactivation_date, archived, mac_version, mac, blob_kind, blob_key_version, \
               blob_length, attributes, blob, alike, dated, index_rules) VALUES \
               (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";
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
            alike,
            dated,
            INDEX_RULES,
        ])
        .map_err(|error| taken(error, StoreError::Exists))?;
    let object = connection.last_insert_rowid();
    split
        .own
        .into_iter()
        .try_for_each(|entry| enter(connection, record.tenant, object, entry))?;
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

/// SQLite writes the entries of every index whose columns a statement names, changed or not: so
/// there is one for each lot of them.
macro_rules! update {
    ($more:literal) => {
        concat!(
            "UPDATE objects SET version = ?3, object_type = ?4, class = ?5, state = ?6, activation_date = ?7, \
             deactivation_date = ?8, archived = ?9, mac_version = ?10, mac = ?11, blob_kind = ?12, \
             blob_key_version = ?13, blob_length = ?14, attributes = ?15, blob = ?16",
            $more,
            " WHERE tenant = ?1 AND unique_identifier = ?2 AND version = ?3 - 1 RETURNING sequence"
        )
    };
}
const UPDATE: &str = update!("");
const UPDATE_DATED: &str = update!(", dated = ?17");
const UPDATE_ALL: &str = update!(", dated = ?17, alike = ?18, owner = ?19, index_rules = ?20");

pub(super) fn update(
    connection: &Connection,
    sets: &Sets,
    record: &Record,
    index: &[IndexEntry],
    names: &[UniqueName],
    before: Option<&Before>,
) -> Result<(), StoreError> {
    let split = alike::split(index);
    let was = before.map(|before| alike::split(&before.index));
    let was = was.as_ref();
    let object = replace(connection, sets, record, &split, was)?;
    if was.is_none_or(|was| was.own != split.own) {
        reindex(connection, record, object, &split.own)?;
    }
    let names = held(record, names);
    if before.is_none_or(|before| before.names != names) {
        rename(connection, record, object, names)?;
    }
    journal(
        connection,
        0,
        record.tenant.0,
        &record.unique_identifier,
        record.version,
    )
}

/// Writes the object's own row; its sequence.
fn replace(
    connection: &Connection,
    sets: &Sets,
    record: &Record,
    split: &Split<'_>,
    was: Option<&Split<'_>>,
) -> Result<i64, StoreError> {
    let blob = record.blob.as_ref();
    let set = |of: &[&IndexEntry]| sets.of(connection, record.tenant, of);
    let sets = match was {
        Some(was) if was.alike == split.alike && was.dated == split.dated => (None, None),
        Some(was) if was.alike == split.alike => (Some(set(&split.dated)?), None),
        _ => (Some(set(&split.dated)?), Some(set(&split.alike)?)),
    };
    let (class, kind) = (record.class as u8, blob.map(|blob| blob.kind as u8));
    let (key_version, length) = (
        blob.map(|blob| blob.key_version),
        blob.map(|blob| blob.length),
    );
    let bytes = blob.map(|blob| &blob.bytes);
    let mut params: Vec<&dyn ToSql> = vec![
        &record.tenant.0,
        &record.unique_identifier,
        &record.version,
        &record.object_type,
        &class,
        &record.state,
        &record.activation_date,
        &record.deactivation_date,
        &record.archived,
        &record.mac_version,
        &record.mac,
        &kind,
        &key_version,
        &length,
        &record.attributes,
        &bytes,
    ];
    let sql = match &sets {
        (None, _) => UPDATE,
        (Some(dated), None) => {
            params.push(dated);
            UPDATE_DATED
        }
        (Some(dated), Some(alike)) => {
            let all: [&dyn ToSql; 4] = [dated, alike, &record.owner, &INDEX_RULES];
            params.extend(all);
            UPDATE_ALL
        }
    };
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    match statement.query_row(params.as_slice(), |row| row.get(0)) {
        Ok(object) => Ok(object),
        Err(rusqlite::Error::QueryReturnedNoRows) => Err(StoreError::Conflict),
        Err(error) => Err(fault(error)),
    }
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
            enter(connection, record.tenant, object, entry)?;
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

pub(super) fn enter(
    connection: &Connection,
    tenant: TenantId,
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
            object, attribute, name, instance, field, value, tenant.0
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
