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

use token::{Module, Session, Slot};
use zeroize::Zeroizing;

use super::decipher::Shown;
use super::line::{Graveyard, Line, Seat};
use super::master::prefix;
use super::masters::Masters;
use super::probe::Probe;
use super::reach::{self, Found};
use super::replica::{Reference, Tokens, agree};
use super::{Config, HsmError, Source, known};

/// Waiting jobs beyond this make callers wait: back-pressure instead of memory.
const QUEUE: usize = 1024;
/// A token that is away is asked again at most this often.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// How often a job is given handles anew: tokens may go and come while it is on its way.
pub(super) const TRIES: u32 = 4;

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

type Task = Box<dyn FnOnce(&Inner, Option<&Tokens>) + Send>;

/// One token.
#[derive(Debug)]
pub(super) struct Inner {
    pub config: Config,
    pub inline: bool,
    pub line: RwLock<Option<Line>>,
    /// Session objects that nobody uses any more, with the epoch of their connection.
    pub graveyard: Arc<Graveyard>,
    epochs: AtomicU64,
    pub last_attempt: Mutex<Option<Instant>>,
    /// A wrong PIN may lock the token: after one refusal nobody logs in until the process starts anew.
    pin_refused: AtomicBool,
    /// One of several: what all of them answer.
    pub reference: Option<Reference>,
    /// One of several: the connection that was given up, until its sessions are ended.
    pub gone: Mutex<Option<Line>>,
    pub why_away: Mutex<Option<String>>,
    /// When its module was initialised anew for it, and what is to pass until the next time.
    pub last_renewal: Mutex<Option<(Instant, Duration)>>,
}

pub(super) struct Pool {
    /// The first token; with only one, the one.
    pub inner: Arc<Inner>,
    /// None with one token.
    pub tokens: Option<Arc<Tokens>>,
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
    /// What the token lists; of several, what all of them do.
    pub fn mechanisms(&self) -> std::collections::HashSet<u64> {
        let tokens = self.tokens.iter().flat_map(|tokens| tokens.all.iter());
        let all = tokens.chain([&self.inner]).filter_map(|token| {
            let line = token.line.read().unwrap_or_else(PoisonError::into_inner);
            let listed = &line.as_ref()?.probe.mechanisms;
            Some(listed.iter().copied().collect())
        });
        let common = |one: std::collections::HashSet<u64>, other| &one & &other;
        all.reduce(common).unwrap_or_default()
    }

    pub fn start(config: Config, start: Start) -> Result<Pool, HsmError> {
        let workers = config.workers.max(1);
        let (inner, tokens) = if config.replicas.sources.is_empty() {
            let inner = Inner::new(config, 0, None);
            let line = inner.connect(start)?;
            *write(&inner.line) = Some(line);
            (Arc::new(inner), None)
        } else {
            let tokens = several(&config, start)?;
            (Arc::clone(tokens.first()?), Some(tokens))
        };
        let (queue, tasks) = flume::bounded::<Task>(QUEUE);
        for number in 0..workers {
            let (inner, tokens, tasks) = (Arc::clone(&inner), tokens.clone(), tasks.clone());
            std::thread::Builder::new()
                .name(format!("token-{number}"))
                .spawn(move || {
                    for task in &tasks {
                        task(&inner, tokens.as_deref());
                    }
                })
                .map_err(|error| HsmError::Unavailable(format!("no worker thread: {error}")))?;
        }
        Ok(Pool {
            inner,
            tokens,
            queue,
        })
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
            let job = |seat: &Seat<'_>| job(seat, inputs);
            let (result, epoch) = self.inner.once(&job);
            let error = match result {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match (error, self.tokens.as_deref()) {
                (HsmError::Unavailable(reason), None) => {
                    return self.inner.again(epoch, reason, &job);
                }
                (error, Some(tokens)) if self.inner.is_lost(&error, epoch) => {
                    if tokens.inline() {
                        return tokens.attend(&job);
                    }
                    // Another token serves, whose calls are not for this thread.
                }
                (error, _) => return Err(error),
            }
        }
        let owned = inputs.map(|input| Zeroizing::new(input.to_vec()));
        self.send(move |inner, tokens| {
            let job = |seat: &Seat<'_>| job(seat, owned.each_ref().map(|input| input.as_slice()));
            match tokens {
                None => inner.attend(&job),
                Some(tokens) => tokens.attend(&job),
            }
        })
        .await
    }

    /// Runs a task on a worker thread.
    pub async fn send<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Inner, Option<&Tokens>) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let task: Task = Box::new(move |inner, tokens| {
            let result = task(inner, tokens);
            // The caller may have gone; its answer is nobody's then.
            drop(reply.send(result));
        });
        let away = || HsmError::Unavailable("the token's workers have ended".into());
        self.queue.send_async(task).await.map_err(|_| away())?;
        answer.await.map_err(|_| away())?
    }
}

/// The tokens of a set, connected.
fn several(config: &Config, start: Start) -> Result<Arc<Tokens>, HsmError> {
    if start == Start::Create {
        return Err(HsmError::Refused(
            "masters of several tokens that are made outside of a ceremony; see `keyward token init --help`"
                .into(),
        ));
    }
    let reference = Reference::default();
    let sources = [&config.source].into_iter().chain(&config.replicas.sources);
    let all = sources.zip(0..).map(|(source, number)| {
        let reference = Some(Arc::clone(&reference));
        Inner::new(config.of(source), number, reference)
    });
    let tokens = Arc::new(Tokens::new(all));
    if start == Start::Join {
        drop(tokens.first()?.connect(Start::Join)?);
    }
    tokens.open()?;
    tokens.watch()?;
    Ok(tokens)
}

impl Inner {
    fn new(config: Config, number: u64, reference: Option<Reference>) -> Inner {
        Inner {
            inline: matches!(config.source, Source::Embedded { .. }),
            config,
            line: RwLock::new(None),
            graveyard: Arc::default(),
            // No two tokens have an epoch in common: a handle tells by it whose it is.
            epochs: AtomicU64::new((number << 48) + 1),
            last_attempt: Mutex::new(None),
            pin_refused: AtomicBool::new(false),
            reference,
            gone: Mutex::new(None),
            why_away: Mutex::new(None),
            last_renewal: Mutex::new(None),
        }
    }

    /// Runs a job; after a dead session or device connects anew and tries once more.
    fn attend<T>(&self, job: &impl Fn(&Seat<'_>) -> Result<T, HsmError>) -> Result<T, HsmError> {
        match self.once(job) {
            (Err(HsmError::Unavailable(reason)), epoch) => self.again(epoch, reason, job),
            (other, _) => other,
        }
    }

    fn again<T>(
        &self,
        epoch: u64,
        reason: String,
        job: &impl Fn(&Seat<'_>) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        self.reconnect(epoch, reason)?;
        self.once(job).0
    }

    /// The job's result, and of which connection; `u64::MAX` when that one still stands though
    /// the token did not do it.
    pub fn once<T>(
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

    pub fn connect(&self, start: Start) -> Result<Line, HsmError> {
        if self.pin_refused.load(Ordering::Acquire) {
            return Err(HsmError::Unavailable(
                "the token refused the PIN; correct it and start the server anew".into(),
            ));
        }
        let label = format!("keyward {}", self.config.deployment);
        let label = (start == Start::Create).then_some(label.as_str());
        let program = self.config.isolation.as_ref();
        let found = reach::find(&self.config.source, label, program)?;
        let anchor = self.log_in(&found)?;
        let (module, slot) = (found.module, found.slot);
        if let Some(process) = module.process() {
            tracing::info!(process, "the token is in a process of its own");
        }
        let probe = Probe::run(&anchor, module.mechanisms(slot)?)?;
        let masters = match start {
            Start::Create => Masters::create(&anchor, &self.config, &probe)?,
            Start::Join => Masters::join(&anchor, &self.config)?,
            Start::Open => Masters::open(&anchor, &self.config)?,
        };
        if let Some(reference) = &self.reference {
            let held = known::held(&anchor, &probe, &prefix(&self.config))?;
            agree(reference, &self.config, held)?;
        }
        let forge = reach::forge(&self.config.source, &module)?
            .map(|forge| self.log_in(&forge))
            .transpose()?;
        Ok(Line {
            epoch: self.epochs.fetch_add(1, Ordering::Relaxed),
            masters,
            probe,
            deciphering: Shown::default(),
            forge: forge.map(Mutex::new),
            anchor: Mutex::new(anchor),
            idle: Mutex::new(self.open_sessions(&module, slot)?),
            module,
            slot,
        })
    }

    /// Opened now: a session opened later would wait for, and be waited for by, every call.
    fn open_sessions(&self, module: &Module, slot: Slot) -> Result<Vec<Session>, HsmError> {
        let threads = std::thread::available_parallelism().map_or(4, usize::from);
        let inline = if self.inline { 2 * threads } else { 0 };
        let count = self.config.workers.max(1) + inline;
        Ok((0..count)
            .map(|_| module.open_session(slot))
            .collect::<Result<_, _>>()?)
    }

    fn log_in(&self, found: &Found) -> Result<Session, HsmError> {
        found.log_in().map_err(|error| {
            if reach::refuses_pin(&error) {
                self.pin_refused.store(true, Ordering::Release);
            }
            error.into()
        })
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

pub(super) fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
