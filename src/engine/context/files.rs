//! Files of the archive that a batch writes or frees: they follow what becomes of its changes.

use super::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::managed::Managed;
use crate::store::StoreError;
use crate::store::archive::{ArchiveError, Holder, Receipt};
use crate::store::record::Blob;

/// Names of files.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// Written for rows that are not committed yet.
    written: Vec<String>,
    /// Of rows that give them up with the commit.
    freed: Vec<String>,
}

fn holder(object: &Managed) -> Holder {
    Holder {
        tenant: object.tenant,
        unique_identifier: object.unique_identifier.clone(),
    }
}

fn fault(object: &Managed, error: ArchiveError) -> Fault {
    let identifier = object.unique_identifier.as_str();
    tracing::error!(identifier, %error, "archive");
    match error {
        ArchiveError::NotConfigured => Fault::new(
            Reason::FeatureNotSupported,
            "this server has no archive; an administrator can set archive.directory",
        ),
        ArchiveError::Lost(_) => Fault::new(
            Reason::Internal,
            "the archived material is not where it was put; tell the administrator, who may have it in a backup of the archive",
        ),
        ArchiveError::Damaged(_) => Fault::new(
            Reason::Internal,
            "the archived material failed its integrity check and is not used; tell the administrator",
        ),
        ArchiveError::Io(..) => Fault::new(
            Reason::Unavailable,
            "the archive cannot be reached; try again later",
        ),
    }
}

impl Context {
    /// Writes an object's material into the archive, for a row that will name it.
    ///
    /// # Errors
    /// Where there is no archive or it cannot be written.
    pub async fn to_archive(&mut self, object: &Managed, blob: &Blob) -> Result<Receipt, Fault> {
        let written = self.engine.archive.put(&holder(object), blob).await;
        let receipt = written.map_err(|error| fault(object, error))?;
        self.files.written.push(receipt.name.clone());
        Ok(receipt)
    }

    /// Reads an object's material back; its file goes once the row has it.
    ///
    /// # Errors
    /// Where the file is lost, damaged or out of reach.
    pub async fn from_archive(
        &mut self,
        object: &Managed,
        receipt: &Receipt,
    ) -> Result<Blob, Fault> {
        let read = self.engine.archive.get(receipt, &holder(object)).await;
        let blob = read.map_err(|error| fault(object, error))?;
        self.free_archived(receipt);
        Ok(blob)
    }

    /// The file goes once the row does not name it any more.
    pub fn free_archived(&mut self, receipt: &Receipt) {
        self.files.freed.push(receipt.name.clone());
    }

    /// What became of the changes that were taken (`take_changes`).
    pub(in crate::engine) fn committed(&mut self, done: &Result<(), StoreError>) {
        let files = std::mem::take(&mut self.files);
        match done {
            Ok(()) => self.engine.archive.remove(&files.freed),
            // They may be there all the same: the sweep decides by the rows.
            Err(error) if error.is_unsure() => {}
            Err(_) => self.engine.archive.remove(&files.written),
        }
    }

    /// The changes since `before` are dropped.
    pub(super) fn roll_back_files(&mut self, before: Files) {
        let after = std::mem::replace(&mut self.files, before);
        let dropped: Vec<String> = after
            .written
            .into_iter()
            .filter(|name| !self.files.written.contains(name))
            .collect();
        self.engine.archive.remove(&dropped);
    }
}
