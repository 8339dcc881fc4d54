//! What a node remembers outside the database (DESIGN §5): a directory with one file per node,
//! `NODE.checkpoint`, its newest checkpoint as it was signed. Whoever puts an older database back
//! has to put the anchor back as well, and it is not among the database's backups.

use std::path::{Path, PathBuf};

use crate::secret::{private_directory, write_private};

#[derive(Clone, Debug)]
pub struct Anchor {
    file: PathBuf,
}

impl Anchor {
    pub fn new(directory: &Path, node: &str) -> Anchor {
        Anchor {
            file: directory.join(format!("{node}.checkpoint")),
        }
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// None before the first checkpoint.
    pub fn read(&self) -> std::io::Result<Option<String>> {
        match std::fs::read_to_string(&self.file) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces it, durably. Makes the directory where there is none.
    pub fn write(&self, note: &str) -> std::io::Result<()> {
        if let Some(directory) = self.file.parent().filter(|directory| !directory.is_dir()) {
            private_directory(directory)?;
        }
        write_private(&self.file, note.as_bytes())
    }
}
