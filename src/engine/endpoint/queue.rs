//! What an identity is to be told, object by object, oldest first, and how far in the journal that is.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::locked;

/// Objects that wait; each takes about 150 bytes.
const MOST: usize = 4096;
/// How often a client is asked to take what it refused.
const ATTEMPTS: u32 = 4;

/// Changes of one object that are told together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) identifier: String,
    /// The oldest version that was not told.
    pub(super) first: i64,
    /// Where the journal has the first of the changes.
    position: i64,
    /// How often it was refused, and when it is tried again.
    refused: u32,
    due: Instant,
}

/// How far the journal was looked through for a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) position: i64,
    /// Counts how often the queue began: what was read for an earlier time is not taken for this one.
    time: u64,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Item>,
    /// None: nothing is told from this queue.
    read: Option<i64>,
    time: u64,
    /// Positions behind `read` that were taken before they settled.
    ahead: HashSet<i64>,
}

impl State {
    fn is_at(&self, place: Place) -> bool {
        self.read == Some(place.position) && self.time == place.time
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    told: Notify,
}

impl Queue {
    /// Empties it; with everything told up to a position of the journal, or with nothing to be told.
    pub(super) fn begin(&self, position: Option<i64>) {
        let mut state = locked(&self.state);
        *state = State {
            read: position,
            time: state.time + 1,
            ..State::default()
        };
    }

    /// Up to where the journal was looked through; None where nothing is told from here.
    pub(super) fn place(&self) -> Option<Place> {
        let state = locked(&self.state);
        let time = state.time;
        state.read.map(|position| Place { position, time })
    }

    /// What follows `place` up to a position that has settled, and what is ahead of that, was taken.
    pub(super) fn read_to(&self, place: Place, position: i64, ahead: impl Iterator<Item = i64>) {
        let mut state = locked(&self.state);
        if state.is_at(place) {
            state.read = Some(position);
            state.ahead.retain(|taken| *taken > position);
            state.ahead.extend(ahead);
        }
    }

    /// The position up to which everything is told; None where nothing is told from here.
    pub(super) fn mark(&self) -> Option<i64> {
        let state = locked(&self.state);
        let waiting = state.waiting.iter().map(|item| item.position - 1);
        state.read.map(|read| waiting.fold(read, i64::min))
    }

    /// Takes a change that needs no further look: one that was taken before it settled, or that is
    /// told together with what waits. False: it is new.
    pub(super) fn knows(&self, identifier: &str, version: i64, position: i64) -> bool {
        let mut state = locked(&self.state);
        if state.read.is_none_or(|read| read >= position) || state.ahead.contains(&position) {
            return true;
        }
        let mut waiting = state.waiting.iter_mut();
        let Some(item) = waiting.find(|item| item.identifier == identifier) else {
            return false;
        };
        item.first = item.first.min(version);
        item.position = item.position.min(position);
        true
    }

    /// Adds a change; answers how many objects fell out untold.
    pub(super) fn push(&self, identifier: &str, version: i64, position: i64) -> u64 {
        let lost = self.add(Item {
            identifier: identifier.to_owned(),
            first: version,
            position,
            refused: 0,
            due: Instant::now(),
        });
        self.told.notify_one();
        lost
    }

    fn add(&self, item: Item) -> u64 {
        let mut state = locked(&self.state);
        let mut known = state.waiting.iter_mut();
        if let Some(known) = known.find(|known| known.identifier == item.identifier) {
            known.first = known.first.min(item.first);
            known.position = known.position.min(item.position);
            return 0;
        }
        state.waiting.push_back(item);
        let surplus = state.waiting.len().saturating_sub(MOST);
        state.waiting.drain(..surplus);
        u64::try_from(surplus).unwrap_or(u64::MAX)
    }

    /// The first one that is due.
    pub(super) fn take(&self, now: Instant) -> Option<Item> {
        let mut state = locked(&self.state);
        let place = state.waiting.iter().position(|item| item.due <= now)?;
        state.waiting.remove(place)
    }

    pub(super) fn is_empty(&self) -> bool {
        locked(&self.state).waiting.is_empty()
    }

    /// Nothing waits, and nothing was taken that the mark has not passed.
    pub(super) fn is_settled(&self) -> bool {
        let state = locked(&self.state);
        state.waiting.is_empty() && state.ahead.is_empty()
    }

    /// Puts back what was refused, to be tried again in 1, 4, 16 seconds. False: that was the last time.
    pub(super) fn refused(&self, item: Item) -> bool {
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

    /// Puts back what could not be told for a reason of this server.
    pub(super) fn put_back(&self, item: Item) {
        let due = Instant::now() + Duration::from_secs(1);
        self.add(Item { due, ..item });
    }

    /// Completes when something was added since it completed last.
    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    /// How long until something is due, at most `longest`.
    pub(super) fn wait(&self, now: Instant, longest: Duration) -> Duration {
        let state = locked(&self.state);
        let next = state.waiting.iter().map(|item| item.due).min();
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

    fn begun(position: i64) -> Queue {
        let queue = Queue::default();
        queue.begin(Some(position));
        queue
    }

    fn read_to(queue: &Queue, position: i64) {
        let place = queue.place().unwrap();
        queue.read_to(place, position, std::iter::empty());
    }

    #[test]
    fn changes_of_one_object_are_told_together_and_in_order() {
        let queue = begun(0);
        queue.push("a", 3, 1);
        assert!(!queue.knows("b", 1, 2));
        queue.push("b", 1, 2);
        assert!(queue.knows("a", 2, 3));
        assert!(queue.knows("b", 2, 4));
        let first = queue.take(now()).unwrap();
        assert_eq!((first.identifier.as_str(), first.first), ("a", 2));
        let second = queue.take(now()).unwrap();
        assert_eq!((second.identifier.as_str(), second.first), ("b", 1));
        assert_eq!(queue.take(now()), None);
    }

    #[test]
    fn the_mark_stays_before_what_waits() {
        let queue = begun(10);
        assert!(queue.knows("old", 1, 10), "told before");
        queue.push("a", 1, 12);
        queue.push("b", 1, 13);
        read_to(&queue, 15);
        assert_eq!(queue.mark(), Some(11));
        let a = queue.take(now()).unwrap();
        assert_eq!(queue.mark(), Some(12));
        assert!(queue.refused(a));
        assert_eq!(queue.mark(), Some(11), "it waits again");
        queue.take(now());
        queue.take(now() + Duration::from_secs(2));
        assert_eq!(queue.mark(), Some(15));
    }

    #[test]
    fn what_was_taken_ahead_is_not_taken_again_when_it_settles() {
        let queue = begun(15);
        queue.push("c", 1, 17);
        queue.read_to(queue.place().unwrap(), 15, [17].into_iter());
        queue.take(now()).unwrap();
        assert_eq!(queue.mark(), Some(15), "it has not settled");
        assert!(queue.knows("c", 1, 17));
        assert!(!queue.knows("d", 1, 16), "it settled later and lies before");
        read_to(&queue, 17);
        assert_eq!(queue.mark(), Some(17));
    }

    #[test]
    fn what_was_read_before_the_queue_began_anew_does_not_move_it() {
        let queue = begun(5);
        let place = queue.place().unwrap();
        queue.begin(Some(5));
        queue.read_to(place, 9, std::iter::empty());
        assert_eq!(queue.mark(), Some(5));
        queue.begin(None);
        assert_eq!((queue.mark(), queue.place()), (None, None));
        assert!(queue.knows("a", 1, 6), "nothing is queued");
    }

    #[test]
    fn the_queue_is_bounded_and_the_oldest_fall_out() {
        let queue = begun(0);
        let lost: u64 = (1..=5000)
            .map(|number| queue.push(&format!("{number}"), 1, number))
            .sum();
        assert_eq!(lost, 5000 - MOST as u64);
        read_to(&queue, 5000);
        assert_eq!(queue.mark(), Some(5000 - MOST as i64));
        let left: Vec<Item> = std::iter::from_fn(|| queue.take(now())).collect();
        assert_eq!(left.len(), MOST);
        assert_eq!(left.last().unwrap().identifier, "5000");
    }

    #[test]
    fn what_is_refused_comes_again_later_and_not_for_ever() {
        let queue = begun(0);
        queue.push("a", 1, 1);
        let mut item = queue.take(now()).unwrap();
        for seconds in [1, 4, 16] {
            assert!(queue.refused(item));
            assert_eq!(queue.take(now()), None, "not at once");
            let wait = queue.wait(Instant::now(), Duration::from_secs(60));
            assert!(wait > Duration::from_millis(seconds * 1000 - 200));
            item = queue.take(now() + Duration::from_secs(seconds)).unwrap();
        }
        queue.put_back(item);
        let item = queue.take(now() + Duration::from_secs(2)).unwrap();
        assert!(!queue.refused(item), "the fourth time");
    }
}
