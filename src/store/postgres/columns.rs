//! Rows turned into columns: a statement takes any number of rows, as one array for each column.

use std::borrow::Cow;
use std::collections::HashSet;

use tokio_postgres::types::ToSql;

use crate::store::alike;
use crate::store::limit;
use crate::store::plan;
use crate::store::record::{AuditRow, IndexEntry, Record, UniqueName};

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
    Objects<'a>(record: &'a Record, set: i64):
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
    alike: "int8", i64 = set;
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
    Names<'a>(at: i32, unique: &'a UniqueName):
    place: "int4", i32 = at;
    name: "bytea", Cow<'a, [u8]> = octets(limit::text(&unique.name));
    distinguisher: "bytea", Cow<'a, [u8]> = octets(limit::text(&unique.distinguisher));
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

impl<'a> Names<'a> {
    /// Adds the names an object is to hold, each once.
    pub(super) fn extend(&mut self, place: i32, record: &Record, names: &'a [UniqueName]) {
        // A destroyed object holds no names (verbs: `NameTaken`).
        let held = if record.is_destroyed() { &[] } else { names };
        let mut seen = HashSet::with_capacity(held.len());
        for name in held {
            if seen.insert(limit::name(name)) {
                self.push(place, name);
            }
        }
    }
}

impl<'a> Audit<'a> {
    pub(super) fn of(rows: &'a [AuditRow]) -> Audit<'a> {
        let mut audit = Audit::default();
        rows.iter().for_each(|row| audit.push(row));
        audit
    }
}

/// What a statement writes: objects with their entries and names, and audit rows.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    objects: Objects<'a>,
    entries: Entries<'a>,
    names: Names<'a>,
    audit: Audit<'a>,
}

impl<'a> Rows<'a> {
    /// `set` stands in `objects.alike`.
    pub(super) fn object(
        &mut self,
        record: &'a Record,
        set: i64,
        index: &'a [IndexEntry],
        names: &'a [UniqueName],
    ) {
        self.objects.push(record, set);
        let place = i32::try_from(self.objects.tenant.len()).unwrap_or(i32::MAX);
        self.entries.extend(place, &alike::split(index).own);
        self.names.extend(place, record, names);
    }

    pub(super) fn audit(&mut self, rows: &'a [AuditRow]) {
        rows.iter().for_each(|row| self.audit.push(row));
    }

    /// In the order of `statements::INSERT`.
    pub(super) fn params(&self) -> Vec<Param<'_>> {
        let mut params = self.objects.params();
        params.extend(self.entries.params());
        params.extend(self.names.params());
        params.extend(self.audit.params());
        params
    }
}
