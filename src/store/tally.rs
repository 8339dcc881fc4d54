//! Which rows are under which version of a key: what rotation looks for and counts.

use super::record::{BlobKind, TenantId};

/// Rows are behind when something of them is of a version before these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Of the key that wraps.
    pub wrap: u32,
    /// Of the key that seals.
    pub seal: u32,
    pub mac: u32,
    /// All archived objects, too: the version of their key stands in the archive.
    pub archived: bool,
}

/// Where a row that is no object stands. The first place is before all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub kind: u8,
    pub tenant: i64,
    pub key: String,
}

/// Objects of a tenant that have the same versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objects {
    pub tenant: TenantId,
    /// How the material is protected, and by which version; None without material in the row.
    pub blob: Option<(BlobKind, u32)>,
    pub archived: bool,
    pub mac_version: u32,
    pub rows: u64,
}

/// Rows that are no objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entities {
    pub kind: u8,
    pub mac_version: u32,
    pub rows: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub objects: Vec<Objects>,
    pub entities: Vec<Entities>,
}
