//! Messages that are refused before an operation is known: who sent them and what is wrong with them
//! is recorded, a few of each source in a minute; of the rest, how many there were.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Engine;
use super::batch::Sender;
use super::error::{Fault, Reason};
use crate::audit::Unreadable;
use crate::protocol::version::Version;

/// Messages of one source that are recorded in one [`SPAN`].
const RECORDED: u32 = 5;
const SPAN: Duration = Duration::from_secs(60);
/// Sources that are told apart, about 200 bytes each; what more there are count as one.
const SOURCES: usize = 1024;
/// What stands for the address of those.
const OTHERS: &str = "others";
/// Letters of a reason that are recorded: it may quote the message.
const LONGEST: usize = 300;
/// How often it is looked for sources whose time is over.
const LOOK: Duration = Duration::from_secs(10);

/// A client as far as it is known: tenant and name, empty where none is, and address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    tenant: i64,
    identity: String,
    address: String,
}

#[derive(Debug)]
struct Span {
    begun: Instant,
    recorded: u32,
    suppressed: u64,
    /// What was wrong with the last one that was suppressed.
    last: Option<Reason>,
}

/// What each source sent in its last minute.
#[derive(Debug, Default)]
pub struct Unread(Mutex<HashMap<Source, Span>>);

impl Unread {
    /// Counts a message; whether it is recorded.
    fn take(&self, source: Source, reason: Reason, now: Instant) -> Option<Source> {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let source = match sources.len() < SOURCES || sources.contains_key(&source) {
            true => source,
            false => Source {
                tenant: 0,
                identity: String::new(),
                address: OTHERS.to_owned(),
            },
        };
        let span = sources.entry(source.clone()).or_insert(Span {
            begun: now,
            recorded: 0,
            suppressed: 0,
            last: None,
        });
        if span.recorded < RECORDED {
            span.recorded += 1;
            return Some(source);
        }
        span.suppressed += 1;
        span.last = Some(reason);
        None
    }

    /// Takes out those whose time is over, and gives what was suppressed of them.
    fn over(&self, now: Instant, span: Duration) -> Vec<(Source, u64, Reason)> {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |_: &Source, known: &mut Span| now.duration_since(known.begun) >= span;
        sources
            .extract_if(over)
            .filter_map(|(source, span)| Some((source, span.suppressed, span.last?)))
            .collect()
    }
}

impl Engine {
    /// Records that a message was refused before any operation of it was known.
    pub(super) fn unread(&self, sender: &Sender, version: Version, fault: &Fault) {
        let (tenant, identity) = sender.named();
        let source = Source {
            tenant,
            identity: identity.to_owned(),
            address: sender.address.clone(),
        };
        let why: String = fault.message.chars().take(LONGEST).collect();
        tracing::debug!(identity, address = sender.address, why, "unreadable");
        let Some(source) = self.unread.take(source, fault.reason, Instant::now()) else {
            return;
        };
        self.audit.unreadable(Unreadable {
            time: self.clock.now(),
            tenant: source.tenant,
            identity: &source.identity,
            address: &source.address,
            request: &self.correlation_value(),
            version: Some(version),
            reason: fault.reason,
            why: Some(&why),
            suppressed: None,
        });
    }

    /// Records how many of a source's messages were not, once `span` is over.
    pub(super) fn unread_over(&self, span: Duration) {
        for (source, suppressed, reason) in self.unread.over(Instant::now(), span) {
            self.audit.unreadable(Unreadable {
                time: self.clock.now(),
                tenant: source.tenant,
                identity: &source.identity,
                address: &source.address,
                request: &self.correlation_value(),
                version: None,
                reason,
                why: None,
                suppressed: Some(suppressed),
            });
        }
    }
}

/// Records what was suppressed for as long as the engine lives.
pub fn keep(engine: &Arc<Engine>) {
    let weak = Arc::downgrade(engine);
    tokio::spawn(async move {
        while let Some(engine) = weak.upgrade() {
            engine.unread_over(SPAN);
            drop(engine);
            tokio::time::sleep(LOOK).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: usize) -> Source {
        Source {
            tenant: 1,
            identity: "array".to_owned(),
            address: address.to_string(),
        }
    }

    #[test]
    fn of_a_flood_a_few_are_recorded_and_the_rest_are_counted() {
        let (unread, now) = (Unread::default(), Instant::now());
        let take = |which| unread.take(source(which), Reason::InvalidMessage, now);
        let recorded = (0..1000).filter(|_| take(1).is_some()).count();
        assert_eq!(recorded, RECORDED as usize);
        assert_eq!(take(2), Some(source(2)), "another source");
        assert_eq!(unread.over(now, SPAN), []);
        let suppressed = (
            source(1),
            1000 - u64::from(RECORDED),
            Reason::InvalidMessage,
        );
        assert_eq!(unread.over(now + SPAN, SPAN), [suppressed]);
        assert!(take(1).is_some(), "a new minute");
    }

    #[test]
    fn too_many_sources_count_as_one() {
        let (unread, now) = (Unread::default(), Instant::now());
        let take = |which| unread.take(source(which), Reason::InvalidMessage, now);
        let taken: Vec<_> = (0..SOURCES + 100).filter_map(take).collect();
        assert_eq!(taken.len(), SOURCES + RECORDED as usize);
        assert!(
            taken
                .iter()
                .skip(SOURCES)
                .all(|source| source.address == OTHERS)
        );
        assert!(
            unread
                .0
                .lock()
                .is_ok_and(|sources| sources.len() == SOURCES + 1)
        );
        let over = unread.over(now + SPAN, SPAN);
        assert!(matches!(over.as_slice(), [(_, 95, _)]), "{over:?}");
    }
}
