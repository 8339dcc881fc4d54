//! Rows turned into columns: a statement takes any number of rows, as one array for each column.

use std::borrow::Cow;
use std::collections::HashSet;

use tokio_postgres::types::ToSql;

use super::sets::Of;
use crate::store::alike;
use crate::store::limit;
use crate::store::plan;
use crate::store::record::{AuditRow, INDEX_RULES, IndexEntry, Record, UniqueName};

/// A parameter of a statement.
pub(super) type Param<'a> = &'a (dyn ToSql + Sync);

/// Each line is a column: its name, its type in SQL and here, and its value in a row.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident<$life:lifetime>($($from:ident: $of:ty),+):
        $($column:ident: $sql:literal, $rust:ty = $value:expr;)+) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<$life> {
            $($column: Vec<$rust>,)+
        }

        impl<$life> $name<$life> {
            /// Names and types.
            pub(super) const COLUMNS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($column), $sql)),+];

            pub(super) fn push(&mut self, $($from: $of),+) {
                $(self.$column.push($value);)+
            }

            /// In the order of `COLUMNS`.
            pub(super) fn params(&self) -> Vec<Param<'_>> {
                vec![$(&self.$column),+]
            }
        }
    };
}

columns! {
    /// Statements name the first three by their numbers.
    Objects<'a>(record: &'a Record, sets: Of):
    tenant: "int8", i64 = record.tenant.0;
    unique_identifier: "bytea", &'a [u8] = record.unique_identifier.as_bytes();
    version: "int8", i64 = record.version;
    owner: "bytea", &'a [u8] = record.owner.as_bytes();
    object_type: "int8", i64 = i64::from(record.object_type);
    class: "int8", i64 = record.class as i64;
    state: "int8", i64 = i64::from(record.state);
    activation_date: "int8", Option<i64> = record.activation_date;
    deactivation_date: "int8", Option<i64> = record.deactivation_date;
    archived: "bool", bool = record.archived;
    mac_version: "int8", i64 = i64::from(record.mac_version);
    mac: "bytea", &'a [u8] = &record.mac;
    blob_kind: "int8", Option<i64> = record.blob.as_ref().map(|blob| blob.kind as i64);
    blob_key_version: "int8", Option<i64> = record.blob.as_ref().map(|blob| i64::from(blob.key_version));
    blob_length: "int8", Option<i64> = record.blob.as_ref().map(|blob| i64::from(blob.length));
    attributes: "bytea", &'a [u8] = &record.attributes;
    blob: "bytea", Option<&'a [u8]> = record.blob.as_ref().map(|blob| blob.bytes.as_slice());
    alike: "int8", i64 = sets.alike;
    dated: "int8", i64 = sets.dated;
    index_rules: "int4", i32 = INDEX_RULES.cast_signed();
}

columns! {
    /// `place` is that of the object among those of the statement, from 1.
    Entries<'a>(at: i32, entry: &'a IndexEntry, value: (i64, Vec<u8>)):
    place: "int4", i32 = at;
    attribute: "int4", i32 = entry.attribute.cast_signed();
    name: "bytea", Cow<'a, [u8]> = octets(limit::text(&entry.name));
    instance: "int4", i32 = entry.instance.cast_signed();
    field: "int4", i32 = entry.field.cast_signed();
    number: "int8", i64 = value.0;
    bytes: "bytea", Vec<u8> = value.1;
}

columns! {
    /// `place` as that of [`Entries`].
    Names<'a>(at: i32, held: Cow<'a, str>, by: Cow<'a, str>):
    place: "int4", i32 = at;
    name: "bytea", Cow<'a, [u8]> = octets(held);
    distinguisher: "bytea", Cow<'a, [u8]> = octets(by);
}

columns! {
    Audit<'a>(row: &'a AuditRow):
    node: "bytea", &'a [u8] = row.node.as_bytes();
    sequence: "int8", i64 = row.sequence;
    hash: "bytea", &'a [u8] = &row.hash;
    body: "bytea", &'a [u8] = &row.body;
}

fn octets(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl<'a> Entries<'a> {
    /// Adds an object's entries, each once.
    pub(super) fn extend(&mut self, place: i32, index: &[&'a IndexEntry]) {
        let mut seen = HashSet::with_capacity(index.len());
        for entry in index {
            if seen.insert(limit::entry(entry)) {
                self.push(place, entry, plan::postgres(&entry.value));
            }
        }
    }
}

impl<'a> Audit<'a> {
    pub(super) fn extend(&mut self, rows: &'a [AuditRow]) {
        rows.iter().for_each(|row| self.push(row));
    }

    pub(super) fn of(rows: &'a [AuditRow]) -> Audit<'a> {
        let mut audit = Audit::default();
        audit.extend(rows);
        audit
    }
}

/// What a statement writes: objects, what is their own, and audit rows.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    objects: Objects<'a>,
    entries: Entries<'a>,
    /// Tenant, name and distinguisher, and the place of who is to hold it.
    held: Vec<(i64, Cow<'a, str>, Cow<'a, str>, i32)>,
    names: Names<'a>,
    audit: Audit<'a>,
}

impl<'a> Rows<'a> {
    pub(super) fn object(&mut self, record: &'a Record, sets: Of) {
        self.objects.push(record, sets);
    }

    /// Of the object that was added last.
    pub(super) fn own(
        &mut self,
        record: &Record,
        index: &'a [IndexEntry],
        names: &'a [UniqueName],
    ) {
        let place = i32::try_from(self.objects.tenant.len()).unwrap_or(i32::MAX);
        self.entries.extend(place, &alike::split(index).own);
        // A destroyed object holds no names (verbs: `NameTaken`).
        let names = if record.is_destroyed() { &[] } else { names };
        self.held.extend(names.iter().map(|name| {
            let (held, by) = (limit::text(&name.name), limit::text(&name.distinguisher));
            (record.tenant.0, held, by, place)
        }));
    }

    pub(super) fn audit(&mut self, rows: &'a [AuditRow]) {
        self.audit.extend(rows);
    }

    /// As `statements` number them: objects, where they have some entries and names, audit rows.
    pub(super) fn params(&mut self, own: bool) -> Vec<Param<'_>> {
        let mut held = std::mem::take(&mut self.held);
        // All writers take names in one order, so that no two of them wait for each other.
        held.sort_unstable();
        held.dedup();
        for (_, name, by, place) in held {
            self.names.push(place, name, by);
        }
        let mut params = self.objects.params();
        if own {
            params.extend(self.entries.params());
            params.extend(self.names.params());
        }
        params.extend(self.audit.params());
        params
    }
}
