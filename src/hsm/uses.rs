//! Uses of a GCM key with random vectors, which are good for 2^32 of them (SP 800-38D §8.3). They
//! are set aside in the database in blocks before they are made, so that neither a crash nor
//! another process makes more.

use std::sync::atomic::{AtomicU64, Ordering};

/// Uses of one key.
pub const LIMIT: u64 = 1 << 32;
/// A block grows with the use of the key: most keys see few, and what is set aside and not used
/// before a stop is lost.
const FIRST: u64 = 1 << 10;
const LARGEST: u64 = 1 << 20;

/// What this process has set aside of one key and not used yet.
#[derive(Debug, Default)]
pub struct Block {
    left: AtomicU64,
    /// Of what was set aside last.
    size: AtomicU64,
}

impl Block {
    /// Takes one use, if there is one.
    pub fn take(&self) -> bool {
        let one = |left: u64| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one);
        taken.is_ok()
    }

    /// How many to set aside next.
    pub fn next(&self) -> u64 {
        let before = self.size.load(Ordering::Relaxed);
        (before.saturating_mul(4)).clamp(FIRST, LARGEST)
    }

    /// Adds what was set aside when [`Block::next`] was asked for, and takes one of it. One caller
    /// at a time.
    pub fn refill(&self, size: u64, granted: u64) {
        self.size.store(size, Ordering::Relaxed);
        self.left
            .fetch_add(granted.saturating_sub(1), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_gives_what_was_set_aside_and_grows() {
        let block = Block::default();
        assert!(!block.take());
        let size = block.next();
        assert_eq!(size, FIRST);
        // The last of a key's uses are fewer than were asked for.
        block.refill(size, 3);
        assert!(block.take() && block.take() && !block.take());
        for _ in 0..20 {
            block.refill(block.next(), 1);
        }
        assert_eq!(block.next(), LARGEST);
    }
}
