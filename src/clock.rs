//! The time, which tests can set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from. Cloning is cheap; clones of a set clock show the same time.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// Stands still until it is set. For tests.
    Set(Arc<AtomicI64>),
}

impl Clock {
    pub fn set(seconds: i64) -> Clock {
        Clock::Set(Arc::new(AtomicI64::new(seconds)))
    }

    /// Seconds since 1970-01-01T00:00:00Z; KMIP's Date-Time.
    pub fn now(&self) -> i64 {
        match self {
            Clock::System => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                Err(before) => {
                    i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds)
                }
            },
            Clock::Set(seconds) => seconds.load(Ordering::Acquire),
        }
    }

    /// Moves a set clock; the system's does not move for anybody.
    pub fn advance(&self, seconds: i64) {
        if let Clock::Set(now) = self {
            now.fetch_add(seconds, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_clock_moves_only_when_told_and_for_all_its_clones() {
        let clock = Clock::set(100);
        let other = clock.clone();
        assert_eq!(other.now(), 100);
        clock.advance(25);
        assert_eq!(other.now(), 125);
    }

    #[test]
    fn the_system_clock_is_past_the_writing_of_this_test() {
        assert!(Clock::System.now() > 1_750_000_000);
    }
}
