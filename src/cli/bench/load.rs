//! The load itself: a thread for each connection, one request in flight on each.
//!
//! Threads and blocking sockets, not tasks: an answer wakes its thread without a turn through
//! `epoll`, and a paced request leaves to the microsecond, not to the millisecond of a timer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::line::{Line, Target};
use super::request::{self, Trouble};
use crate::protocol::tag;

/// From one prepared message to the next: a prime, so that all of them come in an order that no
/// cache foresees.
const STRIDE: usize = 7919;
/// Nothing is counted beyond: a minute is more than the patience of a connection.
const LONGEST_NANOSECONDS: u64 = 60_000_000_000;
/// After a lost connection: the next one is not tried at once.
const PAUSE: Duration = Duration::from_millis(10);

/// What every connection does again and again.
#[derive(Debug)]
pub(super) enum Act {
    /// Sends one of these.
    Ask(Vec<Message>),
    /// Creates a key, activates, gets, revokes and destroys it.
    Live,
    /// Connects, asks once, and closes.
    Connect { resumed: bool },
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    /// Where 12 bytes stand that must be new in each request.
    pub(super) nonce: Option<usize>,
}

/// An operation that is ready to be measured.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) act: Act,
    /// Batch items of a message.
    pub(super) items: usize,
    /// Each item makes an object.
    pub(super) makes: bool,
    /// How it was asked, where servers differ in what they take.
    pub(super) form: &'static str,
    /// What the server answered when it was tried, in order: what an echo gives back.
    pub(super) answers: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) connections: usize,
    pub(super) warm_up: Duration,
    pub(super) seconds: Duration,
    /// Iterations per second of all connections together; none: as fast as answers come.
    pub(super) rate: Option<f64>,
}

/// What was seen in the measured time.
#[derive(Debug)]
pub(super) struct Tally {
    /// Nanoseconds of each iteration that went well.
    pub(super) latency: Histogram<u64>,
    pub(super) iterations: u64,
    pub(super) messages: u64,
    pub(super) errors: BTreeMap<String, u64>,
    /// Objects that were made, also while it warmed up.
    pub(super) made: Vec<String>,
    /// How long it was, in seconds.
    pub(super) seconds: f64,
}

impl Tally {
    fn new() -> Result<Tally, Trouble> {
        let latency = Histogram::new_with_max(LONGEST_NANOSECONDS, 3)
            .map_err(|error| Trouble::Wrong(error.to_string()))?;
        Ok(Tally {
            latency,
            iterations: 0,
            messages: 0,
            errors: BTreeMap::new(),
            made: Vec::new(),
            seconds: 0.0,
        })
    }

    fn add(&mut self, other: Tally) {
        // Both have the same bounds.
        let _ = self.latency.add(other.latency);
        self.iterations += other.iterations;
        self.messages += other.messages;
        for (text, count) in other.errors {
            *self.errors.entry(text).or_default() += count;
        }
        self.made.extend(other.made);
    }

    pub(super) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Messages that were answered well, per second.
    pub(super) fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds.max(1e-9)
    }

    /// Microseconds below which this part of the iterations took.
    pub(super) fn quantile(&self, part: f64) -> Option<f64> {
        let some = !self.latency.is_empty();
        some.then(|| self.latency.value_at_quantile(part) as f64 / 1e3)
    }
}

/// When a window of time begins to count and when it ends.
#[derive(Clone, Copy)]
struct Window {
    begin: Instant,
    count: Instant,
    end: Instant,
}

/// Runs a plan. `seen` is told now and then how many requests have been answered in all.
pub(super) fn run(
    target: &Target,
    plan: &Plan,
    settings: &Settings,
    mut seen: impl FnMut(u64, Duration),
) -> Result<Tally, Trouble> {
    let begin = Instant::now() + Duration::from_millis(20 + settings.connections as u64);
    let count = begin + settings.warm_up;
    let window = Window {
        begin,
        count,
        end: count + settings.seconds,
    };
    let answered = AtomicU64::new(0);
    let mut tally = Tally::new()?;
    let workers = (0..settings.connections)
        .map(|number| Worker::new(target, plan, settings, number, &answered))
        .collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        let workers: Vec<_> = workers
            .into_iter()
            .map(|worker| scope.spawn(move || worker.run(window)))
            .collect();
        while let Some(left) = window.end.checked_duration_since(Instant::now()) {
            std::thread::sleep(left.min(Duration::from_millis(250)));
            seen(
                answered.load(Ordering::Relaxed),
                Instant::now().saturating_duration_since(begin),
            );
        }
        for worker in workers {
            match worker.join() {
                Ok(part) => tally.add(part),
                Err(_) => *tally.errors.entry("a thread ended".to_owned()).or_default() += 1,
            }
        }
    });
    tally.seconds = settings.seconds.as_secs_f64();
    Ok(tally)
}

struct Worker<'a> {
    target: Target,
    plan: &'a Plan,
    line: Option<Line>,
    next: usize,
    /// Whether there is a session to take up.
    known: bool,
    nonce: u64,
    /// When the first request of the own is due after the begin, and from one to the next.
    pace: Option<(Duration, Duration)>,
    answered: &'a AtomicU64,
    tally: Tally,
}

impl<'a> Worker<'a> {
    fn new(
        target: &Target,
        plan: &'a Plan,
        settings: &Settings,
        number: usize,
        answered: &'a AtomicU64,
    ) -> Result<Worker<'a>, Trouble> {
        let pace = settings.rate.map(|rate| {
            let all = Duration::from_secs_f64(1.0 / rate.max(1e-3));
            let connections = u32::try_from(settings.connections).unwrap_or(u32::MAX);
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            (all * number, all * connections)
        });
        // Only where sessions are to be resumed does anything remember them.
        let target = match plan.act {
            Act::Connect { resumed: true } => target.resuming(),
            _ => target.clone(),
        };
        Ok(Worker {
            target,
            plan,
            line: None,
            next: number * STRIDE,
            known: false,
            nonce: number as u64,
            pace,
            answered,
            tally: Tally::new()?,
        })
    }

    fn run(mut self, window: Window) -> Tally {
        if !matches!(self.plan.act, Act::Connect { .. }) {
            // Before the time counts.
            self.line = self.target.open().ok();
        }
        std::thread::sleep(window.begin.saturating_duration_since(Instant::now()));
        let mut due = self.pace.map(|(first, _)| window.begin + first);
        loop {
            let mut start = Instant::now();
            if let (Some(at), Some((_, period))) = (due, self.pace) {
                if at >= window.end {
                    break;
                }
                if at > start {
                    std::thread::sleep(at - start);
                    // What the sleep was too long by is not the server's.
                    start = Instant::now();
                } else {
                    // It could not leave in time, because answers came late: that counts.
                    start = at;
                }
                due = Some(at + period);
            }
            if Instant::now() >= window.end {
                break;
            }
            let done = self.once();
            let end = Instant::now();
            let counts = (window.count..=window.end).contains(&end);
            self.note(done, end - start, counts);
        }
        if let Some(line) = self.line.take() {
            line.close();
        }
        self.tally
    }

    fn note(&mut self, done: Result<u64, Trouble>, took: Duration, counts: bool) {
        match done {
            Ok(messages) => {
                self.answered.fetch_add(messages, Ordering::Relaxed);
                if counts {
                    let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                    self.tally.latency.saturating_record(nanoseconds);
                    self.tally.iterations += 1;
                    self.tally.messages += messages;
                }
            }
            // Also those of the warm-up: nothing that goes wrong is left out.
            Err(trouble) => {
                *self.tally.errors.entry(trouble.to_string()).or_default() += 1;
                if matches!(trouble, Trouble::Lost(_)) {
                    self.line = None;
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// One iteration; how many messages it was.
    fn once(&mut self) -> Result<u64, Trouble> {
        match &self.plan.act {
            Act::Ask(messages) => self.ask(messages),
            Act::Live => self.live(),
            Act::Connect { resumed } => self.connect(*resumed),
        }
    }

    fn ask(&mut self, messages: &[Message]) -> Result<u64, Trouble> {
        self.next = (self.next + STRIDE) % messages.len().max(1);
        let Some(message) = messages.get(self.next) else {
            return Ok(0);
        };
        let line = opened(&mut self.line, &self.target)?;
        let fresh = message.nonce.and_then(|place| {
            let mut bytes = message.bytes.clone();
            // Of this run, this connection and this request.
            self.nonce += 1 << 16;
            bytes
                .get_mut(place..place + 8)?
                .copy_from_slice(&self.nonce.to_be_bytes());
            Some(bytes)
        });
        let answer = line.ask(fresh.as_ref().unwrap_or(&message.bytes))?;
        let payloads = request::payloads(answer, self.plan.items)?;
        if self.plan.makes {
            for payload in &payloads {
                let id = request::text(payload, tag::UNIQUE_IDENTIFIER)?;
                self.tally.made.push(id);
            }
        }
        Ok(1)
    }

    fn live(&mut self) -> Result<u64, Trouble> {
        let line = opened(&mut self.line, &self.target)?;
        let (operation, payload) = request::create_aes(None);
        let answer = line.ask(&request::one(operation, payload))?;
        let id = created(answer)?;
        self.tally.made.push(id);
        let id = self.tally.made.last().cloned().unwrap_or_default();
        for step in LIFE {
            let (operation, payload) = step(&id);
            request::payloads(line.ask(&request::one(operation, payload))?, 1)?;
        }
        // It is destroyed.
        self.tally.made.pop();
        Ok(1 + LIFE.len() as u64)
    }

    fn connect(&mut self, resumed: bool) -> Result<u64, Trouble> {
        let mut line = self.target.open()?;
        request::payloads(line.ask(&request::discover_versions())?, 1)?;
        let known = std::mem::replace(&mut self.known, true);
        if resumed && known && !line.is_resumed() {
            return Err(Trouble::Wrong(
                "the session was not resumed; the server gave no ticket or did not take it"
                    .to_owned(),
            ));
        }
        line.close();
        Ok(1)
    }
}

type Step = fn(&str) -> (crate::protocol::enumeration::Operation, request::Payload);

/// What happens to a key after Create.
pub(super) const LIFE: [Step; 4] = [
    request::activate,
    request::get,
    request::revoke,
    request::destroy,
];

/// The identifier of the one object that was made.
pub(super) fn created(answer: &[u8]) -> Result<String, Trouble> {
    let payloads = request::payloads(answer, 1)?;
    let first = payloads
        .first()
        .ok_or_else(|| Trouble::Wrong("nothing was made".to_owned()))?;
    request::text(first, tag::UNIQUE_IDENTIFIER)
}

fn opened<'l>(line: &'l mut Option<Line>, target: &Target) -> Result<&'l mut Line, Trouble> {
    match line {
        Some(line) => Ok(line),
        None => Ok(line.insert(target.open()?)),
    }
}
