//! Bytes that may be keys: wiped when used, wiped when they move.

use zeroize::Zeroize;

/// Room made for the first bytes of a request. Most requests fit.
pub(super) const ROOM: usize = 4 * 1024;
/// A buffer that grew beyond this for one message is given back after it.
pub(super) const KEEP: usize = 16 * 1024;

/// A growable buffer that leaves no copy of its content behind.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// For writers that append. They must not outgrow the capacity with secrets; see
    /// [`super::service::Service::call`].
    pub(super) fn raw(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Makes room for `more` bytes beyond the content. `Vec::reserve` would free the old
    /// allocation with the content still in it.
    pub(super) fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len().saturating_add(more);
        if needed <= self.bytes.capacity() {
            return;
        }
        let mut larger = Vec::with_capacity(needed.max(self.bytes.capacity().saturating_mul(2)));
        larger.extend_from_slice(&self.bytes);
        self.wipe();
        self.bytes = larger;
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Drops the first `count` bytes, wiping what they were.
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.bytes.len());
        let rest = self.bytes.len() - count;
        self.bytes.copy_within(count.., 0);
        if let Some(tail) = self.bytes.get_mut(rest..) {
            tail.zeroize();
        }
        self.bytes.truncate(rest);
    }

    /// Only what is used: what was taken away before was wiped then. As a slice, since `Vec`'s own
    /// wiping goes byte by byte, and through its spare capacity.
    fn wipe(&mut self) {
        self.bytes.as_mut_slice().zeroize();
        self.bytes.clear();
    }

    /// Empties it, wiping all it ever held; an allocation larger than [`KEEP`] is given back.
    pub(super) fn clear(&mut self) {
        self.wipe();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
    }

    /// Gives the allocation back when there is nothing in it.
    pub(super) fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    #[test]
    fn consuming_keeps_the_rest() {
        let mut buffer = Buffer::default();
        buffer.append(b"abcdef");
        buffer.consume(4);
        assert_eq!(buffer.bytes(), b"ef");
        buffer.consume(9);
        assert!(buffer.is_empty());
    }

    #[test]
    fn growing_keeps_the_content_and_clearing_gives_large_room_back() {
        let mut buffer = Buffer::default();
        buffer.append(&[7; 100]);
        buffer.reserve(KEEP * 2);
        assert_eq!(buffer.bytes(), &[7; 100]);
        assert!(buffer.raw().capacity() > KEEP);
        buffer.clear();
        assert_eq!(buffer.raw().capacity(), 0);
    }
}
