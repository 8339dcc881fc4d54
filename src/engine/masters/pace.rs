//! How fast rows are moved, and how far that is.

use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;

/// Counts rows; shared with whoever shows it.
#[derive(Debug, Default)]
pub struct Pace {
    /// Rows per second; 0 is without bound.
    rate: u64,
    done: Gauge,
    left: Gauge,
}

impl Pace {
    /// `done` and `left`: gauges that follow.
    pub fn new(rate: u64, done: Gauge, left: Gauge) -> Pace {
        Pace { rate, done, left }
    }

    /// Rows that were moved in this turn.
    pub fn done(&self) -> u64 {
        u64::try_from(self.done.get()).unwrap_or(0)
    }

    /// Rows that were to be moved when the turn began, and are not yet.
    pub fn left(&self) -> u64 {
        u64::try_from(self.left.get()).unwrap_or(0)
    }

    pub(super) fn begin(&self, all: u64) {
        self.done.set(0);
        self.left.set(i64::try_from(all).unwrap_or(i64::MAX));
    }

    /// Nothing is left but what is stuck.
    pub(super) fn end(&self, stuck: u64) {
        self.left.set(i64::try_from(stuck).unwrap_or(i64::MAX));
    }

    /// Notes rows that took since `begun`, and rests for as long as they came too fast.
    pub(super) async fn went(&self, rows: u64, begun: Instant) {
        let more = i64::try_from(rows).unwrap_or(0);
        self.done.inc_by(more);
        // Clients go on making rows.
        self.left.set(self.left.get().saturating_sub(more).max(0));
        if self.rate == 0 {
            return;
        }
        let due = Duration::from_micros(rows.saturating_mul(1_000_000) / self.rate);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
    }
}
