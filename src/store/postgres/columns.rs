//! Rows turned into columns: a statement takes any number of them as arrays.

use crate::store::limit;
use crate::store::plan;
use crate::store::record::{AuditRow, IndexEntry};

#[derive(Debug, Default)]
pub(super) struct Entries {
    pub attributes: Vec<i32>,
    pub names: Vec<Vec<u8>>,
    pub instances: Vec<i32>,
    pub fields: Vec<i32>,
    pub numbers: Vec<i64>,
    pub bytes: Vec<Vec<u8>>,
}

impl Entries {
    pub(super) fn new(index: &[&IndexEntry]) -> Entries {
        let mut entries = Entries::default();
        for entry in index {
            let (number, bytes) = plan::postgres(&entry.value);
            entries.attributes.push(entry.attribute.cast_signed());
            entries
                .names
                .push(limit::text(&entry.name).as_bytes().to_vec());
            entries.instances.push(entry.instance.cast_signed());
            entries.fields.push(entry.field.cast_signed());
            entries.numbers.push(number);
            entries.bytes.push(bytes);
        }
        entries
    }
}

#[derive(Debug, Default)]
pub(super) struct Audit<'a> {
    pub nodes: Vec<&'a [u8]>,
    pub sequences: Vec<i64>,
    pub hashes: Vec<&'a [u8]>,
    pub bodies: Vec<&'a [u8]>,
}

impl<'a> Audit<'a> {
    pub(super) fn new(rows: &'a [AuditRow]) -> Audit<'a> {
        let mut audit = Audit::default();
        for row in rows {
            audit.nodes.push(row.node.as_bytes());
            audit.sequences.push(row.sequence);
            audit.hashes.push(&row.hash);
            audit.bodies.push(&row.body);
        }
        audit
    }
}
