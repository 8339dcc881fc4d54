//! The message under a row's MAC: a canonical encoding of everything that matters (DESIGN §4.2).
//! Fields are numbered and length-prefixed, and absent differs from empty, so that no two rows
//! have the same message.

use sha2::{Digest, Sha256};

use crate::store::record::{Entity, Record};

struct Canonical(Sha256);

impl Canonical {
    fn new(what: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"keyward row 1\0");
        hash.update(what.as_bytes());
        hash.update([0]);
        Canonical(hash)
    }

    fn bytes(mut self, number: u8, value: Option<&[u8]>) -> Self {
        self.0.update([number, u8::from(value.is_some())]);
        if let Some(value) = value {
            self.0.update((value.len() as u64).to_be_bytes());
            self.0.update(value);
        }
        self
    }

    fn number(self, number: u8, value: Option<i64>) -> Self {
        let bytes = value.map(i64::to_be_bytes);
        self.bytes(number, bytes.as_ref().map(|bytes| bytes.as_slice()))
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// SHA-256 of the canonical encoding of an object's row, but for the MAC itself.
pub fn of_record(record: &Record) -> [u8; 32] {
    let blob = record.blob.as_ref();
    Canonical::new("object")
        .number(1, Some(record.tenant.0))
        .bytes(2, Some(record.unique_identifier.as_bytes()))
        .bytes(3, Some(record.owner.as_bytes()))
        .number(4, Some(record.version))
        .number(5, Some(i64::from(record.object_type)))
        .number(6, Some(record.class as i64))
        .number(7, Some(i64::from(record.state)))
        .number(8, record.activation_date)
        .number(9, record.deactivation_date)
        .number(10, Some(i64::from(record.archived)))
        .bytes(11, Some(&record.attributes))
        .number(12, blob.map(|blob| blob.kind as i64))
        .number(13, blob.map(|blob| i64::from(blob.key_version)))
        .number(14, blob.map(|blob| i64::from(blob.length)))
        .bytes(15, blob.map(|blob| blob.bytes.as_slice()))
        .number(16, Some(i64::from(record.mac_version)))
        .finish()
}

/// SHA-256 of the canonical encoding of an entity's row, but for the MAC itself.
pub fn of_entity(entity: &Entity) -> [u8; 32] {
    Canonical::new("entity")
        .number(1, Some(entity.kind as i64))
        .number(2, Some(entity.tenant.0))
        .bytes(3, Some(entity.key.as_bytes()))
        .number(4, Some(entity.version))
        .bytes(5, Some(&entity.body))
        .number(6, Some(i64::from(entity.mac_version)))
        .finish()
}
