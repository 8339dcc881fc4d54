//! A batch that does the same many times (a hundred derivations, a thousand encryptions) leaves one
//! record that says so, not a hundred that differ in a number.

use std::time::{Duration, Instant};

use super::{Audit, Outcome, Trace};

/// Successes of a message that changed nothing, on their way to the log: those that follow each
/// other and differ only in the number of their item become one record. What it holds is written
/// when something else is recorded here, when it is older than 50 ms, and when it is dropped: also of
/// a message that is cut off.
#[derive(Debug)]
pub struct Alike<'r> {
    audit: &'r Audit,
    /// The first of them, how many there are, and since when.
    held: Option<(Trace<'r>, u32, Instant)>,
}

const HELD_FOR: Duration = Duration::from_millis(50);

impl<'r> Alike<'r> {
    pub fn new(audit: &'r Audit) -> Alike<'r> {
        Alike { audit, held: None }
    }

    /// As [`Audit::done`] for a success; when strict, every item has its record before the next begins.
    pub async fn done(&mut self, trace: Trace<'r>) {
        if self.audit.strict {
            return self.audit.done(trace, Outcome::Success).await;
        }
        if let Some((first, times, since)) = &mut self.held
            && since.elapsed() < HELD_FOR
            && first.is_followed_by(&trace, *times)
        {
            *times += 1;
            return;
        }
        self.write();
        self.held = Some((trace, 1, Instant::now()));
    }

    /// Writes what is held.
    pub fn write(&mut self) {
        if let Some((mut trace, times, _)) = self.held.take() {
            trace.items = (times > 1).then_some(times);
            self.audit.later([trace], Outcome::Success);
        }
    }
}

impl Drop for Alike<'_> {
    fn drop(&mut self) {
        self.write();
    }
}

impl Trace<'_> {
    /// Whether `other` says what this and `times - 1` items after it say, of the next item.
    fn is_followed_by(&self, other: &Trace<'_>, times: u32) -> bool {
        self.item.checked_add(times) == Some(other.item)
            && self.operation == other.operation
            && self.touched == other.touched
            && self.computed == other.computed
            && self.function == other.function
            && self.words == other.words
            && self.version == other.version
            // The same message: the rest is the same.
            && std::ptr::eq(self.request, other.request)
            && self.ticket.is_none()
            && other.ticket.is_none()
    }
}
