//! The second store: material of archived objects, a file each (1.4 §4.22, 2.1 §6.1.4).
//!
//! A file holds what the object's row held, wrapped or sealed as it was; the row keeps the file's
//! name and SHA-256 under its MAC. The file is on disk before the row gives up its material, and
//! goes after the row has it back, so a crash leaves at the worst a file that no row names: the
//! sweep (`engine::archive`) removes it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use ttlv::{Limits, Node, Tag, Value};

use super::record::{Blob, BlobKind, TenantId};

/// Tags of our own that no message carries.
const ARCHIVED: Tag = Tag(0x54_0010);
const TENANT: Tag = Tag(0x54_0011);
const IDENTIFIER: Tag = Tag(0x54_0012);
const KIND: Tag = Tag(0x54_0013);
const KEY_VERSION: Tag = Tag(0x54_0014);
const LENGTH: Tag = Tag(0x54_0015);
const BYTES: Tag = Tag(0x54_0016);

/// What ends the name of a file that is being written.
const UNFINISHED: &str = ".part";

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("no archive is configured")]
    NotConfigured,
    #[error("the file {0} is not in the archive")]
    Lost(String),
    #[error("the file {0} is not what was archived")]
    Damaged(String),
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
}

/// Where an object's material is, as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Name of the file: 32 hexadecimal digits.
    pub name: String,
    /// SHA-256 of the file.
    pub hash: [u8; 32],
}

/// Whose material a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub tenant: TenantId,
    pub unique_identifier: String,
}

/// A directory of files, mode 0600; made at its first use. Several nodes share it.
#[derive(Clone, Debug)]
pub struct Archive {
    directory: Option<PathBuf>,
}

impl Archive {
    pub fn new(directory: Option<PathBuf>) -> Archive {
        Archive { directory }
    }

    fn directory(&self) -> Result<&Path, ArchiveError> {
        self.directory.as_deref().ok_or(ArchiveError::NotConfigured)
    }

    /// Writes a file; on disk when it returns.
    ///
    /// # Errors
    /// Where there is no archive or it cannot be written.
    pub async fn put(&self, holder: &Holder, blob: &Blob) -> Result<Receipt, ArchiveError> {
        let directory = self.directory()?.to_owned();
        let bytes = encode(holder, blob);
        let name = uuid::Uuid::now_v7().simple().to_string();
        off_the_runtime(move || {
            write(&directory, &name, &bytes)?;
            let hash = Sha256::digest(&bytes).into();
            Ok(Receipt { name, hash })
        })
        .await
    }

    /// The material of a file.
    ///
    /// # Errors
    /// `Lost` where there is no such file, `Damaged` where it is another one's or was changed.
    pub async fn get(&self, receipt: &Receipt, holder: &Holder) -> Result<Blob, ArchiveError> {
        let path = self.directory()?.join(&receipt.name);
        let (receipt, holder) = (receipt.clone(), holder.clone());
        off_the_runtime(move || {
            let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => ArchiveError::Lost(receipt.name.clone()),
                _ => ArchiveError::Io(path, error),
            })?;
            let damaged = || ArchiveError::Damaged(receipt.name.clone());
            if <[u8; 32]>::from(Sha256::digest(&bytes)) != receipt.hash {
                return Err(damaged());
            }
            match decode(&bytes) {
                Some((whose, blob)) if whose == holder => Ok(blob),
                _ => Err(damaged()),
            }
        })
        .await
    }

    /// Removes files that no row names any more. What stays, because the disk does not let go of it,
    /// the sweep finds.
    pub fn remove(&self, names: &[String]) {
        for name in names {
            if let Ok(directory) = self.directory()
                && let Err(error) = std::fs::remove_file(directory.join(name))
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(name, %error, "a file of the archive is not removed yet");
            }
        }
    }

    /// The files older than `age`, with whose material they hold; None for what is no whole file.
    ///
    /// # Errors
    /// Where the directory cannot be read.
    pub async fn older_than(
        &self,
        age: Duration,
    ) -> Result<Vec<(String, Option<Holder>)>, ArchiveError> {
        let Some(directory) = self.directory.clone() else {
            return Ok(Vec::new());
        };
        off_the_runtime(move || list(&directory, age)).await
    }
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ArchiveError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            let broken = std::io::Error::other(error.to_string());
            Err(ArchiveError::Io(PathBuf::new(), broken))
        })
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
    let failed = |error| ArchiveError::Io(directory.to_owned(), error);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed)?;
    let part = directory.join(format!("{name}{UNFINISHED}"));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&part, directory.join(name)).map_err(failed)?;
    // Until its directory is on disk, a new file may be gone after a power loss.
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}

fn list(directory: &Path, age: Duration) -> Result<Vec<(String, Option<Holder>)>, ArchiveError> {
    let failed = |error| ArchiveError::Io(directory.to_owned(), error);
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // Only what this server names so: an administrator's own files are left alone.
        let stem = name.strip_suffix(UNFINISHED).unwrap_or(&name);
        if stem.len() != 32 || !stem.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            continue;
        }
        let Ok(changed) = entry.metadata().and_then(|data| data.modified()) else {
            continue;
        };
        let old = SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|since| since >= age);
        if old {
            let holder = std::fs::read(entry.path())
                .ok()
                .filter(|_| stem.len() == name.len())
                .and_then(|bytes| decode(&bytes))
                .map(|(holder, _)| holder);
            found.push((name, holder));
        }
    }
    Ok(found)
}

fn encode(holder: &Holder, blob: &Blob) -> Vec<u8> {
    let integer = |tag, value: u32| Node::new(tag, Value::LongInteger(i64::from(value)));
    ttlv::binary::to_vec(&Node::structure(
        ARCHIVED,
        vec![
            Node::new(TENANT, Value::LongInteger(holder.tenant.0)),
            Node::text(IDENTIFIER, holder.unique_identifier.as_str()),
            integer(KIND, blob.kind as u32),
            integer(KEY_VERSION, blob.key_version),
            integer(LENGTH, blob.length),
            Node::bytes(BYTES, blob.bytes.as_slice()),
        ],
    ))
}

fn decode(bytes: &[u8]) -> Option<(Holder, Blob)> {
    let limits = Limits {
        bytes: 128 << 20,
        ..Limits::default()
    };
    let node = ttlv::binary::decode(bytes, &limits).ok()?;
    if node.tag != ARCHIVED {
        return None;
    }
    let number = |tag| match node.child(tag)?.value {
        Value::LongInteger(number) => Some(number),
        _ => None,
    };
    let unique_identifier = match &node.child(IDENTIFIER)?.value {
        Value::TextString(text) => text.to_string(),
        _ => return None,
    };
    let bytes = match &node.child(BYTES)?.value {
        Value::ByteString(bytes) => bytes.to_vec(),
        _ => return None,
    };
    let holder = Holder {
        tenant: TenantId(number(TENANT)?),
        unique_identifier,
    };
    let blob = Blob {
        kind: BlobKind::from_number(number(KIND)?)?,
        key_version: u32::try_from(number(KEY_VERSION)?).ok()?,
        length: u32::try_from(number(LENGTH)?).ok()?,
        bytes,
    };
    Some((holder, blob))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn holder(name: &str) -> Holder {
        Holder {
            tenant: TenantId(1),
            unique_identifier: name.to_owned(),
        }
    }

    fn blob() -> Blob {
        Blob {
            kind: BlobKind::Sealed,
            key_version: 3,
            length: 16,
            bytes: vec![9; 44],
        }
    }

    #[tokio::test]
    async fn what_is_archived_comes_back_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let archive = Archive::new(Some(home.path().join("archive")));
        let receipt = archive.put(&holder("a"), &blob()).await.unwrap();
        let path = home.path().join("archive").join(&receipt.name);
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(archive.get(&receipt, &holder("a")).await.unwrap(), blob());
        let other = archive.get(&receipt, &holder("b")).await;
        assert!(matches!(other, Err(ArchiveError::Damaged(_))));
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.last_mut().unwrap();
        *last ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let damaged = archive.get(&receipt, &holder("a")).await;
        assert!(matches!(damaged, Err(ArchiveError::Damaged(_))));
        archive.remove(std::slice::from_ref(&receipt.name));
        let lost = archive.get(&receipt, &holder("a")).await;
        assert!(matches!(lost, Err(ArchiveError::Lost(_))));
    }

    #[tokio::test]
    async fn only_own_files_are_listed() {
        let home = tempfile::tempdir().unwrap();
        let archive = Archive::new(Some(home.path().to_owned()));
        let receipt = archive.put(&holder("a"), &blob()).await.unwrap();
        let part = format!("{}{UNFINISHED}", "0".repeat(32));
        std::fs::write(home.path().join(&part), "half").unwrap();
        std::fs::write(home.path().join("README"), "mine").unwrap();
        let mut all = archive.older_than(Duration::ZERO).await.unwrap();
        all.sort_by_key(|(name, _)| name.clone());
        assert_eq!(all, [(part, None), (receipt.name, Some(holder("a")))]);
        let old = archive.older_than(Duration::from_secs(60)).await.unwrap();
        assert!(old.is_empty());
        let none = Archive::new(None);
        assert!(matches!(
            none.put(&holder("a"), &blob()).await,
            Err(ArchiveError::NotConfigured)
        ));
    }
}
