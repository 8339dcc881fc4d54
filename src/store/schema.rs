//! Is this database ours, and of our version? Asked before anything is read or migrated, in our
//! own words: refinery itself stops the process on a history it cannot parse.

use refinery::Migration;

use super::verbs::StoreError;

/// A line of refinery's history table.
#[derive(Debug)]
pub(super) struct Applied {
    pub version: i32,
    pub name: String,
    pub checksum: String,
}

/// Reads the history; the same text for both databases.
pub(super) const HISTORY: &str =
    "SELECT version, name, checksum FROM refinery_schema_history ORDER BY version";

/// Whether migrations are outstanding.
///
/// # Errors
/// `Damaged` when the database is of a newer server, or was migrated by another text than ours.
pub(super) fn outstanding(applied: &[Applied], ours: &[Migration]) -> Result<bool, StoreError> {
    let newest = ours
        .iter()
        .map(Migration::version)
        .max()
        .unwrap_or_default();
    for row in applied {
        let Some(known) = ours
            .iter()
            .find(|migration| migration.version() == row.version)
        else {
            return Err(StoreError::Damaged(format!(
                "its schema has version {}, this server knows up to {newest}: start the newer server",
                row.version
            )));
        };
        if known.name() != row.name || known.checksum().to_string() != row.checksum {
            return Err(StoreError::Damaged(format!(
                "migration {} ({}) is not the one this server knows: it was made by another build",
                row.version, row.name
            )));
        }
    }
    Ok(ours
        .iter()
        .any(|migration| applied.iter().all(|row| row.version != migration.version())))
}
