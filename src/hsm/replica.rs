//! Several tokens that hold one set of masters. Requests go to the first that serves; one that
//! does not is left within the request, and taken back by a thread that looks once a second.
//!
//! With one token none of this runs: it is found anew by whoever asks next (`pool`).

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::known::Held;
use super::line::{Line, Seat};
use super::pool::{Inner, RETRY, Start, lock, write};
use super::{Config, HsmError, Source};

/// How often a token that stands is asked whether it still does.
const LOOK: Duration = Duration::from_secs(1);
/// A module that several tokens share is initialised anew for a token that is away after this time,
/// and each further time after twice as long: all calls in it wait meanwhile.
const RENEW: Duration = Duration::from_secs(10);
const RENEW_AT_MOST: Duration = Duration::from_secs(600);

/// What every token of the set answers, from those that were reached.
pub(super) type Reference = Arc<Mutex<Held>>;

/// Whether a token serves, for administrators and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenState {
    /// Position in the configuration, from 1.
    pub number: usize,
    /// Label of a module's token, directory of an embedded one.
    pub name: String,
    /// Why it does not serve; None: it does.
    pub away: Option<String>,
}

/// All tokens of the process in the order of the configuration, which is that of preference.
#[derive(Debug)]
pub(super) struct Tokens {
    pub all: Box<[Arc<Inner>]>,
    /// One connection is made at a time: a module is not initialised anew under another's feet.
    renewing: Mutex<()>,
}

/// Refuses a token that holds other masters than the set, or lacks one that is used. What is not
/// used yet may be on its way.
pub(super) fn agree(reference: &Reference, config: &Config, held: Held) -> Result<(), HsmError> {
    lacking(config, &held)?;
    let admitted = &config.replicas.admitted;
    let mut known = lock(reference);
    let differing: Vec<&str> = held
        .iter()
        .filter(|(name, answer)| {
            admitted.uses(name) && known.get(*name).is_some_and(|other| other != *answer)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if !differing.is_empty() {
        return Err(HsmError::Damaged(format!(
            "it does not hold the masters of the other tokens ({} differ): make them in one ceremony, \
             see `keyward token check`",
            differing.join(", ")
        )));
    }
    known.extend(held.into_iter().filter(|(name, _)| admitted.uses(name)));
    Ok(())
}

/// Refuses a token that lacks a version which the others have and use.
pub(super) fn lacking(config: &Config, held: &Held) -> Result<(), HsmError> {
    let required = config.replicas.admitted.required();
    let missing = required.into_iter().filter(|name| !held.contains_key(name));
    let missing: Vec<String> = missing.collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(HsmError::Lost(format!(
            "it lacks {}, which the other tokens have: it missed a rotation, and no later one brings what \
             it lacks. Clone the masters of another token into it with the vendor's tool; or take it out \
             of the configuration, then `keyward token forget` (docs/tokens.md)",
            missing.join(", ")
        ))),
    }
}

impl Tokens {
    pub fn new(all: impl Iterator<Item = Inner>) -> Tokens {
        Tokens {
            all: all.map(Arc::new).collect(),
            renewing: Mutex::new(()),
        }
    }

    pub fn first(&self) -> Result<&Arc<Inner>, HsmError> {
        self.all
            .first()
            .ok_or_else(|| HsmError::Unavailable("there is no token".into()))
    }

    /// Whether every token answers short calls on the caller's thread.
    pub fn inline(&self) -> bool {
        self.all.iter().all(|token| token.inline)
    }

    /// Runs a job on the first token that serves.
    pub fn attend<T>(
        &self,
        job: &impl Fn(&Seat<'_>) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        let mut first = None;
        for token in &self.all {
            match token.once(job) {
                (Err(error), epoch) if token.is_lost(&error, epoch) => {
                    first.get_or_insert(error);
                }
                (other, _) => return other,
            }
        }
        // Nobody serves: as with one token, who asks finds out whether one is back.
        for token in &self.all {
            if self.take_back(token).is_err() {
                continue;
            }
            match token.once(job) {
                (Err(error), epoch) if token.is_lost(&error, epoch) => {}
                (other, _) => return other,
            }
        }
        Err(HsmError::Unavailable(
            first.map_or_else(String::new, |error| error.to_string()),
        ))
    }

    /// Connects all of them; those that are away now are looked for later.
    pub fn open(&self) -> Result<(), HsmError> {
        let mut first = None;
        let mut serving = 0;
        for token in &self.all {
            match token.connect(Start::Open) {
                Ok(line) => {
                    *write(&token.line) = Some(line);
                    serving += 1;
                }
                Err(error) => {
                    tracing::error!(token = %token.name(), %error, "a token does not serve");
                    token.note(Some(error.to_string()));
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if serving == 0 => Err(error),
            _ => Ok(()),
        }
    }

    /// Starts the thread that looks after the tokens; it ends with them.
    pub fn watch(self: &Arc<Tokens>) -> Result<(), HsmError> {
        let tokens = Arc::downgrade(self);
        let look = move || {
            while let Some(tokens) = Weak::upgrade(&tokens) {
                tokens.look();
                drop(tokens);
                std::thread::sleep(LOOK);
            }
        };
        std::thread::Builder::new()
            .name("tokens".into())
            .spawn(look)
            .map_err(|error| HsmError::Unavailable(format!("no thread: {error}")))?;
        Ok(())
    }

    fn look(&self) {
        for token in &self.all {
            match token.stands() {
                Some((Ok(()), _)) => {}
                Some((Err(error), epoch)) => token.leave(epoch, &error.to_string()),
                None => drop(self.take_back(token)),
            }
        }
    }

    /// Connects a token anew, at most once a second however many ask.
    fn take_back(&self, token: &Inner) -> Result<(), HsmError> {
        let mut last = lock(&token.last_attempt);
        if read_is_some(token) {
            return Ok(());
        }
        if last.is_some_and(|last| last.elapsed() < RETRY) {
            return Err(HsmError::Unavailable(token.away().unwrap_or_default()));
        }
        *last = Some(Instant::now());
        let renewing = lock(&self.renewing);
        let found = self.renew(token);
        drop(renewing);
        token.note(found.as_ref().err().map(ToString::to_string));
        *write(&token.line) = Some(found?);
        *last = None;
        *lock(&token.last_renewal) = None;
        tracing::info!(token = %token.name(), "a token is back");
        Ok(())
    }

    /// Ends what is left of the old connection and makes another one. Sessions of a module end
    /// only while no call of ours is under way in it, whichever of its tokens it is for.
    fn renew(&self, token: &Inner) -> Result<Line, HsmError> {
        let Source::Module { path, .. } = &token.config.source else {
            if let Some(old) = lock(&token.gone).take() {
                drop(old.module.close_all(old.slot));
            }
            return token.connect(Start::Open);
        };
        let siblings = self.all.iter().filter(|other| {
            !std::ptr::eq(Arc::as_ptr(other), token)
                && matches!(&other.config.source, Source::Module { path: shared, .. } if shared == path)
        });
        let siblings: Vec<&Arc<Inner>> = siblings.collect();
        if let Some(old) = lock(&token.gone).take() {
            let _alone: Vec<_> = siblings.iter().map(|other| write(&other.line)).collect();
            drop(old.module.close_all(old.slot));
        }
        match token.connect(Start::Open) {
            Err(HsmError::Unavailable(reason)) if token.may_renew() => {
                tracing::debug!(reason, "the module is initialised anew");
                let mut lines: Vec<_> = siblings.iter().map(|other| write(&other.line)).collect();
                for line in lines.iter_mut().filter_map(|line| line.take()) {
                    drop(line.module.close_all(line.slot));
                }
                token::Module::load(path)?.reinitialise()?;
                for (other, line) in siblings.iter().zip(&mut lines) {
                    let found = other.connect(Start::Open);
                    other.note(found.as_ref().err().map(ToString::to_string));
                    **line = found.ok();
                }
                token.connect(Start::Open)
            }
            other => other,
        }
    }

    pub fn states(&self) -> Vec<TokenState> {
        let state = |(position, token): (usize, &Arc<Inner>)| TokenState {
            number: position + 1,
            name: token.name(),
            away: token.away(),
        };
        self.all.iter().enumerate().map(state).collect()
    }
}

fn read_is_some(token: &Inner) -> bool {
    token
        .line
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .is_some()
}

impl Inner {
    /// How administrators know it.
    pub fn name(&self) -> String {
        match &self.config.source {
            Source::Embedded { dir } => dir.display().to_string(),
            Source::Module { label, .. } => label.clone(),
        }
    }

    fn note(&self, away: Option<String>) {
        *lock(&self.why_away) = away;
    }

    pub fn away(&self) -> Option<String> {
        lock(&self.why_away).clone()
    }

    fn may_renew(&self) -> bool {
        let mut last = lock(&self.last_renewal);
        let (when, rest) = *last.get_or_insert_with(|| (Instant::now(), RENEW));
        let may = when.elapsed() >= rest;
        if may {
            *last = Some((Instant::now(), RENEW_AT_MOST.min(2 * rest)));
        }
        may
    }

    /// Whether the connection still serves, with its epoch; None without one. Buries, too.
    fn stands(&self) -> Option<(Result<(), HsmError>, u64)> {
        let guard = self.line.read().unwrap_or_else(PoisonError::into_inner);
        let line = guard.as_ref()?;
        if self.database().is_some_and(|database| !database.exists()) {
            let gone = HsmError::Unavailable("its directory is gone".into());
            return Some((Err(gone), line.epoch));
        }
        let session = match line.seat() {
            Ok(session) => session,
            Err(error) => return Some((Err(error.into()), line.epoch)),
        };
        let seat = Seat {
            line,
            session: &session,
            inner: self,
        };
        // What nobody uses any more leaves also a token that no request goes to.
        let stands = line.stands(&session);
        if stands.is_ok()
            && let Err(error) = seat.bury()
        {
            tracing::debug!(%error, "a key stays until its session ends");
        }
        lock(&line.idle).push(session);
        Some((stands, line.epoch))
    }

    /// Whether a job failed because the token does not serve, which is then left. A token that goes
    /// away says so in many ways: that it does not know its own masters is one.
    pub fn is_lost(&self, error: &HsmError, epoch: u64) -> bool {
        match error {
            HsmError::Refused(_)
            | HsmError::BadInput(_)
            | HsmError::UsedUp(_)
            | HsmError::AlreadyInitialised => false,
            HsmError::Unavailable(reason) => {
                self.leave(epoch, reason);
                true
            }
            HsmError::BadKey(_)
            | HsmError::Integrity(_)
            | HsmError::Lost(_)
            | HsmError::Damaged(_)
            | HsmError::Stale => match self.stands() {
                Some((Ok(()), _)) => false,
                Some((Err(reason), epoch)) => {
                    self.leave(epoch, &reason.to_string());
                    true
                }
                None => true,
            },
        }
    }

    /// Gives up the present connection.
    pub fn leave_now(&self, reason: &str) {
        let line = self.line.read().unwrap_or_else(PoisonError::into_inner);
        let epoch = line.as_ref().map(|line| line.epoch);
        drop(line);
        if let Some(epoch) = epoch {
            self.leave(epoch, reason);
        }
    }

    /// Gives up a connection that does not serve; `u64::MAX` says that it does, and only one call failed.
    fn leave(&self, epoch: u64, reason: &str) {
        // Calls that still hang in it must not stop those that would go to another token.
        let Ok(mut line) = self.line.try_write() else {
            return;
        };
        if line.as_ref().is_none_or(|line| line.epoch != epoch) {
            return;
        }
        tracing::error!(token = %self.name(), reason, "a token is left; the others serve");
        self.note(Some(reason.to_owned()));
        *lock(&self.gone) = line.take();
    }
}
