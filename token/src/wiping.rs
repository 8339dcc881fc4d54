use std::alloc::{GlobalAlloc, Layout};
use std::arch::asm;

/// An allocator that overwrites with zeros what it takes back, for programs whose buffers may have
/// held keys. It reaches what no owner can wipe: a vector's old place when it grew, buffers of
/// libraries, trees that borrow. C libraries have heaps of their own and are not reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wiping<A>(pub A);

/// The barrier keeps the stores: nobody reads them, and a compiler that knows what `free` means
/// would leave them out.
///
/// # Safety
/// `place` points to `length` bytes that may be written.
unsafe fn wipe(place: *mut u8, length: usize) {
    // SAFETY: the caller's promise.
    unsafe { place.write_bytes(0, length) };
    // SAFETY: no instruction at all; that it might read memory is the point.
    unsafe { asm!("/* {0} */", in(reg) place, options(nostack, preserves_flags, readonly)) };
}

// SAFETY: memory is the inner allocator's; it is written only while it is still the caller's.
// `realloc` is the trait's own: a new place, a copy, and the old place wiped through `dealloc`.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Wiping<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the block back, so it has `layout.size()` bytes and no reader.
        unsafe { wipe(place, layout.size()) };
        // SAFETY: as the caller promises.
        unsafe { self.0.dealloc(place, layout) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::alloc::System;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts the bytes that come back and are not zero.
    struct Watching(AtomicUsize);

    // SAFETY: the system's, with a look before.
    unsafe impl GlobalAlloc for &Watching {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: as the caller promises.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
            // SAFETY: the block is whole and was written by the test.
            let bytes = unsafe { std::slice::from_raw_parts(place, layout.size()) };
            let left = bytes.iter().filter(|byte| **byte != 0).count();
            self.0.fetch_add(left, Ordering::Relaxed);
            // SAFETY: as the caller promises.
            unsafe { System.dealloc(place, layout) }
        }
    }

    #[test]
    fn nothing_is_left_of_what_was_given_back_or_grew() {
        for length in [1, 7, 32, 4096, 70_001] {
            let watching = Watching(AtomicUsize::new(0));
            let allocator = Wiping(&watching);
            let layout = Layout::from_size_align(length, 8).unwrap();
            // SAFETY: written and given back with the layout it was made with.
            unsafe {
                let place = allocator.alloc(layout);
                place.write_bytes(0xA5, length);
                let larger = allocator.realloc(place, layout, 2 * length);
                assert_eq!(*larger.add(length - 1), 0xA5);
                larger.write_bytes(0xA5, 2 * length);
                let layout = Layout::from_size_align(2 * length, 8).unwrap();
                allocator.dealloc(larger, layout);
            }
            assert_eq!(watching.0.load(Ordering::Relaxed), 0, "{length}");
        }
    }
}
