//! An allocator that refuses what no request is worth: libFuzzer sees how much memory a process has
//! in the end, not that a length which a client only claims was believed for a moment.

use std::alloc::{GlobalAlloc, Layout, System};

/// Bytes of one allocation. The largest input is a thousandth of it, the largest answer a quarter.
const MOST: usize = 32 << 20;

#[derive(Debug)]
pub struct Bounded;

impl Bounded {
    fn check(size: usize) {
        if size > MOST {
            eprintln!("one allocation of {size} bytes; expected at most {MOST}");
            std::process::abort();
        }
    }
}

// SAFETY: everything is the system's allocator's; a check before it does not allocate.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Bounded::check(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Bounded::check(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Bounded::check(size);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;
