//! A connection to the token, and what a job finds there.

use std::sync::{Arc, Mutex, MutexGuard};

use token::{Handle, Module, Session, Slot, raw};

use super::HsmError;
use super::decipher::Shown;
use super::masters::Masters;
use super::pool::{Inner, lock};
use super::probe::Probe;

/// What a job works with: the token's present connection and one session of its own.
pub(super) struct Seat<'a> {
    pub line: &'a Line,
    pub session: &'a Session,
    pub inner: &'a Inner,
}

/// One connection to the token, from login until it goes away.
#[derive(Debug)]
pub(super) struct Line {
    pub epoch: u64,
    pub module: Module,
    pub slot: Slot,
    pub masters: Masters,
    pub probe: Probe,
    /// What its RSA decryption was seen to do.
    pub deciphering: Shown,
    /// Of an embedded token: where slow keys are made, because kryoptic keeps its whole token to
    /// itself while it generates, and an RSA key takes long enough for every lease to run out.
    pub forge: Option<Mutex<Session>>,
    pub anchor: Mutex<Session>,
    pub idle: Mutex<Vec<Session>>,
}

impl Line {
    /// The session that owns session objects.
    pub fn anchor(&self) -> MutexGuard<'_, Session> {
        lock(&self.anchor)
    }

    /// Whether this connection still serves: session, login, and the masters where they were.
    pub fn stands(&self, session: &Session) -> Result<(), HsmError> {
        session.alive()?;
        let missing = || HsmError::Damaged("a master is missing".into());
        let kek = self.masters.any().ok_or_else(missing)?;
        let anchor = self.anchor();
        anchor.alive()?;
        anchor.number(kek, raw::CKA_KEY_TYPE)?;
        Ok(())
    }

    /// A session for one job; given back to `idle` after it.
    pub fn seat(&self) -> Result<Session, token::Error> {
        match lock(&self.idle).pop() {
            Some(session) => Ok(session),
            None => self.module.open_session(self.slot),
        }
    }
}

/// Objects that nobody uses any more, each with the connection that it belongs to.
pub(super) type Graveyard = Mutex<Vec<(u64, Handle)>>;

/// A session object in use. Destroyed on the token after its last user let go of it, so a handle
/// is never given to another key while somebody still uses it.
#[derive(Debug)]
pub(super) struct Loaded {
    handle: Handle,
    epoch: u64,
    /// None: an object that was there before and stays.
    graveyard: Option<Arc<Graveyard>>,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if let Some(graveyard) = &self.graveyard {
            lock(graveyard).push((self.epoch, self.handle));
        }
    }
}

impl Seat<'_> {
    /// The handle, if it belongs to this connection.
    pub fn handle(&self, loaded: &Loaded) -> Result<Handle, HsmError> {
        if loaded.epoch == self.line.epoch {
            Ok(loaded.handle)
        } else {
            Err(HsmError::Stale)
        }
    }

    /// Makes a session object that outlives this job; destroys those nobody uses any more.
    pub fn load(
        &self,
        make: impl FnOnce(&Session) -> Result<Handle, HsmError>,
    ) -> Result<Arc<Loaded>, HsmError> {
        self.bury()?;
        let anchor = self.line.anchor();
        let handle = make(&anchor)?;
        Ok(Arc::new(Loaded {
            handle,
            epoch: self.line.epoch,
            graveyard: Some(Arc::clone(&self.inner.graveyard)),
        }))
    }

    /// An object of the token, which stays when its last user let go of it.
    pub fn borrow(
        &self,
        find: impl FnOnce(&Session) -> Result<Handle, HsmError>,
    ) -> Result<Arc<Loaded>, HsmError> {
        let handle = find(&self.line.anchor())?;
        Ok(Arc::new(Loaded {
            handle,
            epoch: self.line.epoch,
            graveyard: None,
        }))
    }

    /// Destroys the objects that nobody uses any more.
    pub fn bury(&self) -> Result<(), HsmError> {
        let anchor = self.line.anchor();
        let dead = std::mem::take(&mut *lock(&self.inner.graveyard));
        for (epoch, handle) in dead {
            if epoch == self.line.epoch {
                anchor.destroy(handle)?;
            }
        }
        Ok(())
    }

    /// A session object of this job alone.
    pub fn temporary(&self, handle: Handle) -> Temporary<'_> {
        Temporary {
            session: self.session,
            handle,
        }
    }
}

/// Destroyed at the end of the job.
pub(super) struct Temporary<'a> {
    session: &'a Session,
    pub handle: Handle,
}

impl<'a> Temporary<'a> {
    pub fn new(session: &'a Session, handle: Handle) -> Temporary<'a> {
        Temporary { session, handle }
    }

    /// Destroys it now, so that a failure is seen.
    pub fn destroy(self) -> Result<(), HsmError> {
        let (session, handle) = (self.session, self.handle);
        std::mem::forget(self);
        Ok(session.destroy(handle)?)
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.session.destroy(self.handle) {
            tracing::debug!(%error, "a temporary key stays until its session ends");
        }
    }
}
