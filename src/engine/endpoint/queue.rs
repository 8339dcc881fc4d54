//! What a turned connection is to be told, object by object, oldest first.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::locked;

/// Objects that wait; each takes 100 bytes.
const MOST: usize = 1024;
/// Objects that wait to be put; of older ones a Notify tells.
const PUTS: usize = 256;
/// How often a client is asked to take what it refused.
const ATTEMPTS: u32 = 4;

/// Changes of one object that are told together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) identifier: String,
    /// The oldest version that was not told.
    pub(super) first: i64,
    /// The object is new and to be given.
    pub(super) put: bool,
    /// How often it was refused, and when it is tried again.
    refused: u32,
    due: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<VecDeque<Item>>,
    told: Notify,
}

impl Queue {
    /// Adds a change; answers how many objects fell out untold.
    pub(super) fn push(&self, identifier: &str, version: i64, put: bool) -> u64 {
        let lost = self.add(Item {
            identifier: identifier.to_owned(),
            first: version,
            put,
            refused: 0,
            due: Instant::now(),
        });
        self.told.notify_one();
        lost
    }

    fn add(&self, item: Item) -> u64 {
        let mut waiting = locked(&self.waiting);
        if let Some(known) = waiting
            .iter_mut()
            .find(|known| known.identifier == item.identifier)
        {
            known.first = known.first.min(item.first);
            known.put |= item.put;
            return 0;
        }
        waiting.push_back(item);
        if waiting.iter().filter(|item| item.put).count() > PUTS
            && let Some(oldest) = waiting.iter_mut().find(|item| item.put)
        {
            oldest.put = false;
        }
        let surplus = waiting.len().saturating_sub(MOST);
        waiting.drain(..surplus);
        u64::try_from(surplus).unwrap_or(u64::MAX)
    }

    /// The first one that is due.
    pub(super) fn take(&self, now: Instant) -> Option<Item> {
        let mut waiting = locked(&self.waiting);
        let place = waiting.iter().position(|item| item.due <= now)?;
        waiting.remove(place)
    }

    /// Puts back what was refused, to be tried again in 1, 4, 16 seconds. False: that was the last time.
    pub(super) fn put_back(&self, item: Item) -> bool {
        let refused = item.refused + 1;
        if refused >= ATTEMPTS {
            return false;
        }
        let due = Instant::now() + Duration::from_secs(4_u64.pow(item.refused));
        self.add(Item {
            refused,
            due,
            ..item
        });
        true
    }

    /// Completes when something was added since it completed last.
    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    /// How long until something is due, at most `longest`.
    pub(super) fn wait(&self, now: Instant, longest: Duration) -> Duration {
        let waiting = locked(&self.waiting);
        let next = waiting.iter().map(|item| item.due).min();
        next.map_or(longest, |due| {
            due.saturating_duration_since(now).min(longest)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn now() -> Instant {
        Instant::now() + Duration::from_millis(1)
    }

    #[test]
    fn changes_of_one_object_are_told_together_and_in_order() {
        let queue = Queue::default();
        queue.push("a", 3, false);
        queue.push("b", 1, true);
        queue.push("a", 2, false);
        queue.push("b", 2, false);
        let first = queue.take(now()).unwrap();
        assert_eq!((first.identifier.as_str(), first.first), ("a", 2));
        let second = queue.take(now()).unwrap();
        assert!(second.put && second.first == 1);
        assert_eq!(queue.take(now()), None);
    }

    #[test]
    fn the_queue_is_bounded_and_a_put_that_falls_out_is_still_notified() {
        let queue = Queue::default();
        let lost: u64 = (0..2000)
            .map(|number| queue.push(&format!("{number}"), 1, true))
            .sum();
        assert_eq!(lost, 2000 - MOST as u64);
        let mut left: Vec<Item> = std::iter::from_fn(|| queue.take(now())).collect();
        assert_eq!(left.len(), MOST);
        assert_eq!(left.iter().filter(|item| item.put).count(), PUTS);
        assert!(!left.first().unwrap().put, "the oldest is only notified");
        assert_eq!(left.pop().unwrap().identifier, "1999");
    }

    #[test]
    fn what_is_refused_comes_again_later_and_not_for_ever() {
        let queue = Queue::default();
        queue.push("a", 1, true);
        let mut item = queue.take(now()).unwrap();
        for seconds in [1, 4, 16] {
            assert!(queue.put_back(item));
            assert_eq!(queue.take(now()), None, "not at once");
            let wait = queue.wait(Instant::now(), Duration::from_secs(60));
            assert!(wait > Duration::from_millis(seconds * 1000 - 200));
            item = queue.take(now() + Duration::from_secs(seconds)).unwrap();
        }
        assert!(!queue.put_back(item));
    }
}
