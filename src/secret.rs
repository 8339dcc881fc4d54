//! Care for what must not leak: memory of this process and files of this host.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

pub use zeroize::{Zeroize, Zeroizing};

/// Forbids core dumps and debuggers of the same user: both would put keys on disk.
pub fn forbid_dumps() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// Whether this host has swap space in use.
pub fn swaps() -> bool {
    // A heading, and a line for each device or file.
    fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().nth(1).is_some())
}

/// Keeps the whole process out of swap, now and for memory still to come. Needs the right to lock
/// without bound (systemd: `LimitMEMLOCK=infinity`): under a bound, some later allocation would
/// fail and end the process.
pub fn lock_memory() -> io::Result<()> {
    let (bound, _) = getrlimit(Resource::RLIMIT_MEMLOCK)?;
    if bound != RLIM_INFINITY && !nix::unistd::geteuid().is_root() {
        let text =
            format!("only {bound} bytes may be locked (RLIMIT_MEMLOCK); unlimited is needed");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    let flags = MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE;
    // As they come into use: stacks and arenas are mostly never touched.
    #[cfg(target_os = "linux")]
    let flags = flags | MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    Ok(mlockall(flags)?)
}

/// Makes a directory, and those above it, for its owner only. One that exists and that others may
/// enter is narrowed.
pub fn private_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// Writes a file that only its owner reads: whole or not at all, and durable when it returns.
/// An older one of the name is replaced.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    // The mode above counts only for a file that was not there.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    let directory = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn dumps_are_forbidden_and_stay_so() {
        forbid_dumps().unwrap();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    }

    #[test]
    fn private_files_are_for_their_owner_also_where_others_could_read_before() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("a/b");
        private_directory(&home).unwrap();
        assert_eq!(
            fs::metadata(&home).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let path = home.join("key");
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::read_dir(&home).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }
}
