//! Virtual PKCS#11 libraries (KMIP 2.1 §6.1.37): what lies between the calls of a client that uses
//! this server as its Cryptoki. A library is found by a random Correlation Value and only by whom
//! it belongs to; sessions and object handles are numbers of that library. Nothing here is a handle
//! of the real token.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::mechanism::hash::HashRow;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;
use crate::store::record::TenantId;

/// Libraries of the whole server, and of one identity.
const MOST: usize = 4096;
const MOST_OF_ONE: usize = 64;
/// Sessions of a library.
pub const SESSIONS: usize = 64;
/// How long a library lives without a call.
const AGE: Duration = Duration::from_secs(3600);
/// Bytes that all libraries together may hold, and those of one identity.
const MEMORY: usize = 128 << 20;
const MEMORY_OF_ONE: usize = 8 << 20;
/// Bytes that a library, a session, an operation and a handle count besides what they hold.
const WEIGHT: usize = 512;
const HANDLE: usize = 96;

/// Whom a library belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub tenant: TenantId,
    pub identity: String,
}

/// The operations that a session can be in the middle of, one of each at a time (PKCS#11 3.0 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Encrypt,
    Decrypt,
    Sign,
    Verify,
    Digest,
}

/// How data reaches the KMIP operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In as many parts as it comes.
    Parts,
    /// Short and in one part: what RSA encrypts, or a digest that the client made.
    Gathered,
    /// The same, as the DigestInfo of PKCS#1 v1.5.
    DigestInfo,
}

/// How long a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// This many bytes.
    Exactly(usize),
    /// Up to this many.
    UpTo(usize),
    /// What a cipher makes of its data: blocks that are filled up, and a tag.
    Cipher {
        /// Bytes of a block that padding fills; 0 without padding.
        padded: usize,
        /// Bytes that authentication adds.
        tag: usize,
        /// Nothing comes out before the end.
        last: bool,
    },
}

/// An operation between its Init and its end.
#[derive(Clone, Debug)]
pub struct Active {
    /// Unique Identifier of the key; empty for digests.
    pub key: String,
    pub parameters: CryptographicParameters,
    pub iv: Option<Bytes>,
    pub aad: Option<Bytes>,
    pub way: Way,
    /// A MAC, where the same functions also sign.
    pub mac: bool,
    /// Bytes of r and of s, where PKCS#11 writes both without DER.
    pub halves: Option<usize>,
    /// Of digests.
    pub hash: Option<&'static HashRow>,
    pub size: Size,
    /// Correlation Value of the KMIP operation in parts, once there is one.
    pub stream: Option<Bytes>,
    /// Bytes that came in and went out.
    pub fed: usize,
    pub given: usize,
    /// What was gathered.
    pub held: Bytes,
}

impl Active {
    fn memory(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.len());
        WEIGHT
            + self.key.len()
            + length(&self.iv)
            + length(&self.aad)
            + length(&self.parameters.p_source)
            + self.held.capacity()
    }
}

/// A session.
#[derive(Debug, Default)]
pub struct Session {
    /// CKF_RW_SESSION and CKF_SERIAL_SESSION as they were given.
    pub flags: u64,
    /// What a search has not given yet.
    pub found: Option<VecDeque<u64>>,
    pub active: BTreeMap<Kind, Active>,
}

impl Session {
    fn memory(&self) -> usize {
        let found = self.found.as_ref().map_or(0, VecDeque::capacity) * 8;
        WEIGHT + found + self.active.values().map(Active::memory).sum::<usize>()
    }
}

/// A library: sessions and object handles count from 1 and are never used again.
#[derive(Debug, Default)]
pub struct Library {
    sessions: BTreeMap<u64, Session>,
    last_session: u64,
    objects: Vec<Arc<str>>,
    handles: HashMap<Arc<str>, u64>,
    names: usize,
}

impl Library {
    fn memory(&self) -> usize {
        let sessions = self.sessions.values().map(Session::memory);
        WEIGHT + self.names + sessions.sum::<usize>()
    }

    /// None when it has all the sessions that it can have.
    pub fn open_session(&mut self, flags: u64) -> Option<u64> {
        if self.sessions.len() >= SESSIONS {
            return None;
        }
        self.last_session += 1;
        let session = Session {
            flags,
            ..Session::default()
        };
        self.sessions.insert(self.last_session, session);
        Some(self.last_session)
    }

    pub fn session(&mut self, handle: u64) -> Option<&mut Session> {
        self.sessions.get_mut(&handle)
    }

    /// How many are open, and how many of them for reading and writing.
    pub fn count(&self, read_write: u64) -> (usize, usize) {
        let sessions = self.sessions.values();
        let writing = sessions.filter(|session| session.flags & read_write != 0);
        (self.sessions.len(), writing.count())
    }

    pub fn close_session(&mut self, handle: u64) -> bool {
        self.sessions.remove(&handle).is_some()
    }

    pub fn close_all(&mut self) {
        self.sessions.clear();
    }

    /// The handle of an object, the same each time.
    pub fn handle(&mut self, identifier: &str) -> u64 {
        if let Some(handle) = self.handles.get(identifier) {
            return *handle;
        }
        let name: Arc<str> = identifier.into();
        self.objects.push(Arc::clone(&name));
        self.names += HANDLE + name.len();
        let handle = self.objects.len() as u64;
        self.handles.insert(name, handle);
        handle
    }

    /// Unique Identifier of an object.
    pub fn object(&self, handle: u64) -> Option<Arc<str>> {
        let place = usize::try_from(handle).ok()?.checked_sub(1)?;
        self.objects.get(place).cloned()
    }
}

#[derive(Debug)]
struct Entry {
    owner: Owner,
    library: Library,
    memory: usize,
    used: Instant,
}

/// Why a library is not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// None of this name, or a stranger's.
    Unknown,
    /// It would hold too much.
    Full,
}

#[derive(Debug, Default)]
pub struct Libraries {
    open: Mutex<HashMap<[u8; 16], Entry>>,
}

impl Libraries {
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 16], Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new library under a random name.
    ///
    /// # Errors
    /// [`Away::Full`] when the server or the identity has all that it can have.
    pub fn open(&self, value: [u8; 16], owner: Owner) -> Result<(), Away> {
        let mut open = self.lock();
        if open.len() >= MOST / 2 {
            open.retain(|_, entry| entry.used.elapsed() < AGE);
        }
        let mut count = 0;
        open.retain(|_, entry| {
            let own = entry.owner == owner;
            let live = !own || entry.used.elapsed() < AGE;
            count += usize::from(own && live);
            live
        });
        if open.len() >= MOST || count >= MOST_OF_ONE || !has_room(&open, &owner, WEIGHT) {
            return Err(Away::Full);
        }
        let library = Library::default();
        let entry = Entry {
            owner,
            memory: library.memory(),
            library,
            used: Instant::now(),
        };
        open.insert(value, entry);
        Ok(())
    }

    /// Uses a library, which grows by up to `room` bytes.
    pub fn with<R>(
        &self,
        value: &[u8],
        owner: &Owner,
        room: usize,
        f: impl FnOnce(&mut Library) -> R,
    ) -> Result<R, Away> {
        let value: [u8; 16] = value.try_into().map_err(|_| Away::Unknown)?;
        let mut open = self.lock();
        let known = open
            .get(&value)
            .is_some_and(|entry| entry.owner == *owner && entry.used.elapsed() < AGE);
        if !known {
            return Err(Away::Unknown);
        }
        if room > 0 && !has_room(&open, owner, room) {
            return Err(Away::Full);
        }
        let entry = open.get_mut(&value).ok_or(Away::Unknown)?;
        let result = f(&mut entry.library);
        entry.memory = entry.library.memory();
        entry.used = Instant::now();
        Ok(result)
    }

    /// Ends a library.
    pub fn close(&self, value: &[u8], owner: &Owner) -> Result<(), Away> {
        self.with(value, owner, 0, |_| ())?;
        let value: [u8; 16] = value.try_into().map_err(|_| Away::Unknown)?;
        self.lock().remove(&value);
        Ok(())
    }
}

fn has_room(open: &HashMap<[u8; 16], Entry>, owner: &Owner, room: usize) -> bool {
    let (mut all, mut own) = (room, room);
    for entry in open.values() {
        all += entry.memory;
        if entry.owner == *owner {
            own += entry.memory;
        }
    }
    all <= MEMORY && own <= MEMORY_OF_ONE
}

/// Bytes that objects of these names take at the most, twice: with a handle, and as a search's result.
pub fn room_for<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    names.map(|name| HANDLE + name.len() + 16).sum()
}

/// Bytes that an operation takes at the most.
pub fn room_of(active: &Active) -> usize {
    active.memory()
}

/// Bytes that a session takes.
pub const SESSION: usize = WEIGHT;

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    fn owner(identity: &str) -> Owner {
        Owner {
            tenant: TenantId(1),
            identity: identity.to_owned(),
        }
    }

    #[test]
    fn a_library_is_its_owners() {
        let libraries = Libraries::default();
        libraries.open([1; 16], owner("a")).unwrap();
        let count = |library: &mut Library| library.count(2);
        assert_eq!(libraries.with(&[1; 16], &owner("a"), 0, count), Ok((0, 0)));
        for (value, who) in [(&[1; 16][..], "b"), (&[2; 16], "a"), (&[1; 15], "a")] {
            let found = libraries.with(value, &owner(who), 0, count);
            assert_eq!(found, Err(Away::Unknown));
        }
        assert_eq!(
            libraries.close(&[1; 16], &owner("b")),
            Err(Away::Unknown),
            "a stranger closes nothing"
        );
        assert_eq!(libraries.close(&[1; 16], &owner("a")), Ok(()));
        assert_eq!(
            libraries.with(&[1; 16], &owner("a"), 0, count),
            Err(Away::Unknown)
        );
    }

    #[test]
    fn handles_are_stable_and_never_used_again() {
        let mut library = Library::default();
        assert_eq!((library.handle("x"), library.handle("y")), (1, 2));
        assert_eq!(library.handle("x"), 1);
        assert_eq!(library.object(2).as_deref(), Some("y"));
        assert_eq!((library.object(0), library.object(3)), (None, None));
        assert_eq!(library.object(u64::MAX), None);
        assert_eq!(library.open_session(4), Some(1));
        assert!(library.close_session(1));
        assert!(!library.close_session(1));
        assert_eq!(library.open_session(6), Some(2));
        assert_eq!(library.count(2), (1, 1));
    }

    #[test]
    fn one_identity_cannot_take_everything() {
        let libraries = Libraries::default();
        for number in 0..MOST_OF_ONE {
            let mut value = [0; 16];
            value[0] = u8::try_from(number).unwrap();
            libraries.open(value, owner("a")).unwrap();
        }
        assert_eq!(libraries.open([255; 16], owner("a")), Err(Away::Full));
        libraries.open([255; 16], owner("b")).unwrap();
        let mut library = Library::default();
        for _ in 0..SESSIONS {
            assert!(library.open_session(4).is_some());
        }
        assert_eq!(library.open_session(4), None);
    }

    #[test]
    fn memory_is_bounded() {
        let libraries = Libraries::default();
        libraries.open([1; 16], owner("a")).unwrap();
        let long = "x".repeat(1 << 20);
        let mut taken = 0;
        loop {
            let name = format!("{taken}{long}");
            let room = room_for(std::iter::once(name.as_str()));
            let added = libraries.with(&[1; 16], &owner("a"), room, |library| {
                library.handle(&name);
            });
            match added {
                Ok(()) => taken += 1,
                Err(away) => break assert_eq!(away, Away::Full),
            }
            assert!(taken < 100, "no bound");
        }
        assert_eq!(taken, 7);
        libraries.close(&[1; 16], &owner("a")).unwrap();
        libraries.open([2; 16], owner("a")).unwrap();
    }
}
