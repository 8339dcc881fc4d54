//! Sessions and who uses them.
//!
//! Facts this rests on (measured): login is per token, not per session; session objects are seen
//! by all sessions of the process and die with the session that made them; some modules must not
//! see a session closed while others work. So: one anchor session keeps the login and owns every
//! session object; working sessions are checked out one call at a time and never closed; when the
//! token goes away everything is torn down at once, alone, and built anew.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use token::{EmbeddedToken, Handle, Module, Session, Slot, User, raw};
use zeroize::Zeroizing;

use super::HsmError;
use super::line::{Line, Seat};
use super::master::Masters;
use super::probe::Probe;
use super::{Config, Source};

/// Waiting jobs beyond this make callers wait: back-pressure instead of memory.
const QUEUE: usize = 1024;
/// A token that is away is asked again at most this often.
const RETRY: Duration = Duration::from_secs(1);
/// Directory of the second embedded token, which keeps no keys.
const FORGE: &str = "forge";

/// How long a job takes on the embedded token: a hop to another thread costs more than a short one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// Microseconds: symmetric operations, MACs, elliptic curves on a loaded key.
    Short,
    /// Milliseconds: RSA, key pair generation.
    Long,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// First time: the token, where it is embedded, and the masters.
    Create,
    /// A further node of a deployment: its audit key.
    Join,
    Open,
}

type Task = Box<dyn FnOnce(&Inner) + Send>;

#[derive(Debug)]
pub(super) struct Inner {
    pub config: Config,
    pub inline: bool,
    line: RwLock<Option<Line>>,
    /// Session objects that nobody uses any more, with the epoch of their connection.
    pub graveyard: Arc<Mutex<Vec<(u64, Handle)>>>,
    epochs: AtomicU64,
    last_attempt: Mutex<Option<Instant>>,
    /// A wrong PIN may lock the token: after one refusal nobody logs in until the process starts anew.
    pin_refused: AtomicBool,
}

pub(super) struct Pool {
    pub inner: Arc<Inner>,
    queue: flume::Sender<Task>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// What the token lists.
    pub fn mechanisms(&self) -> std::collections::HashSet<u64> {
        let line = self
            .inner
            .line
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        line.iter()
            .flat_map(|line| line.probe.mechanisms.iter().copied())
            .collect()
    }

    pub fn start(config: Config, start: Start) -> Result<Pool, HsmError> {
        let inline = matches!(config.source, Source::Embedded { .. });
        let workers = config.workers.max(1);
        let inner = Arc::new(Inner {
            config,
            inline,
            line: RwLock::new(None),
            graveyard: Arc::default(),
            epochs: AtomicU64::new(1),
            last_attempt: Mutex::new(None),
            pin_refused: AtomicBool::new(false),
        });
        let line = inner.connect(start)?;
        *write(&inner.line) = Some(line);
        let (queue, tasks) = flume::bounded::<Task>(QUEUE);
        for number in 0..workers {
            let (inner, tasks) = (Arc::clone(&inner), tasks.clone());
            std::thread::Builder::new()
                .name(format!("token-{number}"))
                .spawn(move || {
                    for task in &tasks {
                        task(&inner);
                    }
                })
                .map_err(|error| HsmError::Unavailable(format!("no worker thread: {error}")))?;
        }
        Ok(Pool { inner, queue })
    }

    /// Runs a job on a session: here and now if it is short and the token is in this process,
    /// else on a worker thread (then the inputs are copied, and wiped after). A job may run twice:
    /// once more after the connection was built anew.
    pub async fn run<T, F, const N: usize>(
        &self,
        cost: Cost,
        inputs: [&[u8]; N],
        job: F,
    ) -> Result<T, HsmError>
    where
        T: Send + 'static,
        F: Fn(&Seat<'_>, [&[u8]; N]) -> Result<T, HsmError> + Send + 'static,
    {
        if self.inner.inline && cost == Cost::Short {
            return self.inner.attend(|seat| job(seat, inputs));
        }
        let owned = inputs.map(|input| Zeroizing::new(input.to_vec()));
        let (reply, answer) = tokio::sync::oneshot::channel();
        let task: Task = Box::new(move |inner| {
            let result =
                inner.attend(|seat| job(seat, owned.each_ref().map(|input| input.as_slice())));
            // The caller may have gone; its answer is nobody's then.
            drop(reply.send(result));
        });
        let away = || HsmError::Unavailable("the token's workers have ended".into());
        self.queue.send_async(task).await.map_err(|_| away())?;
        answer.await.map_err(|_| away())?
    }
}

impl Inner {
    /// Runs a job; after a dead session or device connects anew and tries once more.
    pub fn attend<T>(&self, job: impl Fn(&Seat<'_>) -> Result<T, HsmError>) -> Result<T, HsmError> {
        let (result, epoch) = self.once(&job);
        match result {
            Err(HsmError::Unavailable(reason)) => {
                self.reconnect(epoch, reason)?;
                self.once(&job).0
            }
            other => other,
        }
    }

    fn once<T>(
        &self,
        job: &impl Fn(&Seat<'_>) -> Result<T, HsmError>,
    ) -> (Result<T, HsmError>, u64) {
        let guard = self.line.read().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = guard.as_ref() else {
            return (Err(HsmError::Unavailable("not connected".into())), 0);
        };
        let session = match line.seat() {
            Ok(session) => session,
            Err(error) => return (Err(error.into()), line.epoch),
        };
        let result = job(&Seat {
            line,
            session: &session,
            inner: self,
        });
        if matches!(result, Err(HsmError::Unavailable(_))) {
            // Perhaps dead, perhaps only this call failed: ask before everything is torn down.
            if line.stands(&session).is_ok() {
                lock(&line.idle).push(session);
                return (result, u64::MAX);
            }
        } else {
            lock(&line.idle).push(session);
        }
        (result, line.epoch)
    }

    /// Builds the connection anew unless somebody did since `epoch`.
    fn reconnect(&self, epoch: u64, reason: String) -> Result<(), HsmError> {
        if epoch == u64::MAX {
            return Err(HsmError::Unavailable(reason));
        }
        let mut line = write(&self.line);
        if line.as_ref().is_some_and(|line| line.epoch != epoch) {
            return Ok(());
        }
        let mut last = lock(&self.last_attempt);
        if last.is_some_and(|last| last.elapsed() < RETRY) {
            return Err(HsmError::Unavailable(reason));
        }
        *last = Some(Instant::now());
        tracing::warn!(reason, "the token's sessions are gone, connecting anew");
        if let Some(old) = line.take() {
            // Alone here (write lock): no call of ours is under way while sessions end.
            drop(old.module.close_all(old.slot));
            if let Err(error) = old.module.reinitialise() {
                tracing::warn!(%error, "the token's module cannot be initialised anew");
            }
        } else if let Source::Module { path, .. } = &self.config.source {
            Module::load(path)?.reinitialise()?;
        }
        *line = Some(self.connect(Start::Open)?);
        *last = None;
        tracing::info!("the token is back");
        Ok(())
    }

    fn connect(&self, start: Start) -> Result<Line, HsmError> {
        if self.pin_refused.load(Ordering::Acquire) {
            return Err(HsmError::Unavailable(
                "the token refused the PIN; correct it and start the server anew".into(),
            ));
        }
        let (module, slot, pin) = self.find_token(start == Start::Create)?;
        let anchor = self.log_in(module, slot, &pin)?;
        let probe = Probe::run(&anchor, module.mechanisms(slot)?)?;
        let masters = match start {
            Start::Create => Masters::create(&anchor, &self.config, &probe)?,
            Start::Join => Masters::join(&anchor, &self.config)?,
            Start::Open => Masters::open(&anchor, &self.config)?,
        };
        Ok(Line {
            epoch: self.epochs.fetch_add(1, Ordering::Relaxed),
            module,
            slot,
            masters,
            probe,
            forge: self.open_forge()?.map(Mutex::new),
            anchor: Mutex::new(anchor),
            idle: Mutex::new(self.open_sessions(module, slot)?),
        })
    }

    /// Opened now: a session opened later would wait for, and be waited for by, every call.
    fn open_sessions(&self, module: &'static Module, slot: Slot) -> Result<Vec<Session>, HsmError> {
        let threads = std::thread::available_parallelism().map_or(4, usize::from);
        let inline = if self.inline { 2 * threads } else { 0 };
        let count = self.config.workers.max(1) + inline;
        Ok((0..count)
            .map(|_| module.open_session(slot))
            .collect::<Result<_, _>>()?)
    }

    fn open_forge(&self) -> Result<Option<Session>, HsmError> {
        let Source::Embedded { dir } = &self.config.source else {
            return Ok(None);
        };
        let forge = EmbeddedToken::create(&dir.join(FORGE), "keyward forge")?;
        self.log_in(forge.module, forge.slot, &forge.user_pin)
            .map(Some)
    }

    fn log_in(&self, module: &'static Module, slot: Slot, pin: &[u8]) -> Result<Session, HsmError> {
        let session = module.open_session(slot)?;
        let Err(error) = session.login(User::User, pin) else {
            return Ok(session);
        };
        match error.code() {
            Some(raw::CKR_USER_ALREADY_LOGGED_IN) => return Ok(session),
            Some(
                raw::CKR_PIN_INCORRECT
                | raw::CKR_PIN_LOCKED
                | raw::CKR_PIN_INVALID
                | raw::CKR_PIN_LEN_RANGE
                | raw::CKR_PIN_EXPIRED,
            ) => self.pin_refused.store(true, Ordering::Release),
            _ => {}
        }
        drop(session.close());
        Err(error.into())
    }

    fn find_token(
        &self,
        create: bool,
    ) -> Result<(&'static Module, Slot, Zeroizing<Vec<u8>>), HsmError> {
        match &self.config.source {
            Source::Embedded { dir } => {
                let token = if create {
                    EmbeddedToken::create(dir, &format!("keyward {}", self.config.deployment))?
                } else {
                    EmbeddedToken::open(dir)?
                };
                Ok((token.module, token.slot, token.user_pin))
            }
            Source::Module { path, label, pin } => {
                let module = Module::load(path)?;
                for slot in module.slots()? {
                    let info = module.token_info(slot)?;
                    if info.initialised && info.label == *label {
                        return Ok((module, slot, pin.0.clone()));
                    }
                }
                Err(HsmError::Unavailable(format!(
                    "the module {} has no token labelled {label:?}",
                    path.display()
                )))
            }
        }
    }

    /// The embedded token's database, whose absence the open connection would not notice.
    pub fn database(&self) -> Option<PathBuf> {
        match &self.config.source {
            Source::Embedded { dir } => Some(dir.join(token::TOKEN_FILE)),
            Source::Module { .. } => None,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let line = self.line.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Other modules must not see a session end while another user of the process works.
        if let (true, Some(line)) = (self.inline, line.take()) {
            let sessions = line
                .idle
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner);
            let anchor = line
                .anchor
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner);
            for session in sessions.into_iter().chain([anchor]) {
                if let Err(error) = session.close() {
                    tracing::debug!(%error, "a session ends with the process");
                }
            }
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
