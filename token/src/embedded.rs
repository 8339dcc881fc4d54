//! The embedded token's files and its start.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::calls::{Slot, User};
use crate::direct::{Module, Session};
use crate::error::Error;

/// The token's database in its directory; kryoptic recognises a database by this ending.
pub const TOKEN_FILE: &str = "token.sql";
/// The PINs, one hexadecimal line each: security officer, user.
pub const PINS_FILE: &str = "token.pins";

/// How long others' use of the database is waited for.
const BUSY: Duration = Duration::from_secs(10);

impl Module {
    pub(crate) fn create_embedded(
        &'static self,
        directory: &Path,
        label: &str,
    ) -> Result<Slot, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| files(directory, "cannot be made", &error))?;
        let pins = directory.join(PINS_FILE);
        let database = directory.join(TOKEN_FILE);
        // PINs first, and on disk: a token whose PINs are lost is lost.
        if !pins.exists() {
            if database.exists() {
                return Err(Error::Files(format!(
                    "{} exists without its PINs {}: put the PINs back, or start with an empty directory",
                    database.display(),
                    pins.display()
                )));
            }
            write_pins(&pins)?;
        }
        prepare_database(&database)?;
        sync_directory(directory)?;
        let [so_pin, user_pin] = read_pins(&pins)?;
        let slot = slot_of(self, &database)?;
        let info = self.token_info(slot)?;
        if !info.initialised {
            self.initialise_token(slot, &so_pin, label)?;
        }
        if !info.user_pin_set {
            set_user_pin(self, slot, &so_pin, &user_pin)?;
        }
        index_database(&database)?;
        Ok(slot)
    }

    pub(crate) fn open_embedded(&'static self, directory: &Path) -> Result<Slot, Error> {
        let database = directory.join(TOKEN_FILE);
        if !database.exists() {
            return Err(Error::Files(format!(
                "there is no token in {}: initialise one, or give the directory that holds it",
                directory.display()
            )));
        }
        slot_of(self, &database)
    }
}

impl Session {
    pub(crate) fn login_embedded(&self, directory: &Path) -> Result<(), Error> {
        let [_, user_pin] = read_pins(&directory.join(PINS_FILE))?;
        self.login(User::User, &user_pin)
    }
}

/// Overwrites what was deleted: SQLite leaves it in its file and its log until the room is used
/// again. Other processes may use the token meanwhile.
///
/// # Errors
/// When the database cannot be rewritten, or others keep the log in use.
pub fn wipe_deleted(directory: &Path) -> Result<(), Error> {
    let path = directory.join(TOKEN_FILE);
    let refuse = |error: &dyn std::fmt::Display| {
        Error::Files(format!(
            "what was deleted in {} is not overwritten yet: {error}",
            path.display()
        ))
    };
    let database = rusqlite::Connection::open(&path).map_err(|error| refuse(&error))?;
    database
        .busy_timeout(BUSY)
        .and_then(|()| database.pragma_update(None, "secure_delete", "ON"))
        .and_then(|()| database.execute_batch("VACUUM"))
        .map_err(|error| refuse(&error))?;
    let busy: i64 = database
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(|error| refuse(&error))?;
    match busy {
        0 => Ok(()),
        _ => Err(refuse(&"the token's log is in use; try again")),
    }
}

/// kryoptic makes one slot per database of the process; its number is the one that was not there before.
fn slot_of(module: &'static Module, database: &Path) -> Result<Slot, Error> {
    static SLOTS: Mutex<Option<HashMap<PathBuf, Slot>>> = Mutex::new(None);
    let database = database
        .canonicalize()
        .map_err(|error| files(database, "cannot be found", &error))?;
    let mut known = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(slot) = known.get(&database) {
        return Ok(*slot);
    }
    let name = database
        .to_str()
        .and_then(|path| CString::new(path).ok())
        .ok_or_else(|| Error::Files("the token's directory has a name that is not UTF-8".into()))?;
    module.initialise(Some(&name))?;
    let slot = module
        .slots()?
        .into_iter()
        .find(|slot| !known.values().any(|used| used == slot))
        .ok_or_else(|| Error::Files(format!("{} gave no slot", database.display())))?;
    known.insert(database, slot);
    Ok(slot)
}

fn set_user_pin(
    module: &'static Module,
    slot: Slot,
    so_pin: &[u8],
    user_pin: &[u8],
) -> Result<(), Error> {
    let session = module.open_session(slot)?;
    // The storage starts with an empty PIN for the security officer; ours must have replaced it.
    // Tried here only: a failed login counts against the PIN until the next that succeeds.
    if session.login(User::SecurityOfficer, b"").is_ok() {
        return Err(Error::Files(
            "the token accepts an empty security officer PIN".into(),
        ));
    }
    session.login(User::SecurityOfficer, so_pin)?;
    session.initialise_pin(user_pin)?;
    session.logout()?;
    session.close()
}

/// WAL, because the server reads the token while it writes; the files are nobody else's.
fn prepare_database(path: &Path) -> Result<(), Error> {
    if !path.exists() {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| files(path, "cannot be made", &error))?;
    }
    let refuse = |error: rusqlite::Error| {
        Error::Files(format!(
            "{} is not a usable token database: {error}",
            path.display()
        ))
    };
    let database = rusqlite::Connection::open(path).map_err(refuse)?;
    database
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(refuse)
}

/// kryoptic looks objects up by attribute and makes no index for it.
fn index_database(path: &Path) -> Result<(), Error> {
    let refuse = |error: rusqlite::Error| {
        Error::Files(format!("{} cannot be indexed: {error}", path.display()))
    };
    let database = rusqlite::Connection::open(path).map_err(refuse)?;
    database
        .execute_batch("CREATE INDEX IF NOT EXISTS objects_by_attribute ON objects (attr, val)")
        .map_err(refuse)
}

/// Random and never chosen: they wrap the storage key with 1000 rounds of PBKDF2 only.
fn write_pins(path: &Path) -> Result<(), Error> {
    let mut text = Zeroizing::new(String::with_capacity(132));
    for _ in 0..2 {
        let mut pin = Zeroizing::new([0_u8; 32]);
        getrandom::fill(pin.as_mut_slice())
            .map_err(|error| Error::Files(format!("the system gives no random bytes: {error}")))?;
        text.push_str(&Zeroizing::new(hex::encode(pin.as_slice())));
        text.push('\n');
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| files(path, "cannot be made", &error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| files(path, "cannot be written", &error))
}

fn read_pins(path: &Path) -> Result<[Zeroizing<Vec<u8>>; 2], Error> {
    let mut file = File::open(path).map_err(|error| files(path, "cannot be read", &error))?;
    let mode = file
        .metadata()
        .map_err(|error| files(path, "cannot be read", &error))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(Error::Files(format!(
            "{} can be read by others than its owner (mode {:o}): set it to 600 and consider its PINs known",
            path.display(),
            mode & 0o777
        )));
    }
    let mut text = Zeroizing::new(String::with_capacity(256));
    file.read_to_string(&mut text)
        .map_err(|error| files(path, "cannot be read", &error))?;
    let mut pins = text
        .lines()
        .filter(|line| line.len() == 64)
        .map(|line| Zeroizing::new(line.as_bytes().to_vec()));
    match (pins.next(), pins.next()) {
        (Some(so_pin), Some(user_pin)) => Ok([so_pin, user_pin]),
        _ => Err(Error::Files(format!(
            "{} does not hold two PINs of 64 hexadecimal digits",
            path.display()
        ))),
    }
}

fn sync_directory(directory: &Path) -> Result<(), Error> {
    std::fs::set_permissions(directory, Permissions::from_mode(0o700))
        .and_then(|()| File::open(directory))
        .and_then(|directory| directory.sync_all())
        .map_err(|error| files(directory, "cannot be written", &error))
}

fn files(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::Files(format!("{} {what}: {error}", path.display()))
}
