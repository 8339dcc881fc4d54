use std::fmt;
use std::io;
use std::ptr::{NonNull, null_mut};

use zeroize::Zeroize;

/// A secret in memory that is not swapped out and not written to core dumps, where the system
/// grants it (RLIMIT_MEMLOCK). `wipe` runs over it before the memory is given back.
pub struct Locked<T> {
    value: Box<T>,
    wipe: fn(&mut T),
    granted: bool,
}

impl<T> Locked<T> {
    pub fn new(value: T, wipe: fn(&mut T)) -> Locked<T> {
        let value = Box::new(value);
        let address = std::ptr::from_ref::<T>(&value).cast();
        // SAFETY: the address and length are those of a live allocation; mlock does not write.
        let granted = unsafe { libc::mlock(address, size_of::<T>()) } == 0;
        Locked {
            value,
            wipe,
            granted,
        }
    }

    /// Whether the system locked the memory.
    pub fn granted(&self) -> bool {
        self.granted
    }
}

impl<T> std::ops::Deref for Locked<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        (self.wipe)(&mut self.value);
        // The page stays locked: munlock works on whole pages and would unlock a neighbour's secret.
    }
}

impl<T> fmt::Debug for Locked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked")
            .field("granted", &self.granted)
            .finish_non_exhaustive()
    }
}

/// A secret in pages of its own, which are neither swapped out nor written to core dumps nor seen
/// by a child process. Wiped and given back when dropped. Each takes a page (4 KiB) at least.
pub struct LockedBytes {
    start: NonNull<u8>,
    length: usize,
    mapped: usize,
}

// SAFETY: the pages belong to this value alone, and nobody writes to them after `new`.
unsafe impl Send for LockedBytes {}
// SAFETY: as above.
unsafe impl Sync for LockedBytes {}

impl LockedBytes {
    /// # Errors
    /// The system's, most often that it lets this process lock no more memory (RLIMIT_MEMLOCK).
    pub fn new(secret: &[u8]) -> io::Result<LockedBytes> {
        // SAFETY: no memory is touched.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).map_err(|_| io::Error::last_os_error())?;
        let mapped = secret.len().max(1).next_multiple_of(page.max(1));
        let (rights, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        // SAFETY: a new mapping at a place of the system's choice.
        let start = unsafe { libc::mmap(null_mut(), mapped, rights, kind, -1, 0) };
        let failed = || io::Error::last_os_error();
        if start == libc::MAP_FAILED {
            return Err(failed());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(failed)?;
        // From here on dropping it gives the pages back.
        let locked = LockedBytes {
            start,
            length: secret.len(),
            mapped,
        };
        let place = start.as_ptr().cast();
        // SAFETY: the mapping above, whole.
        let granted = unsafe {
            libc::mlock(place, mapped) == 0
                && libc::madvise(place, mapped, libc::MADV_DONTDUMP) == 0
                && libc::madvise(place, mapped, libc::MADV_DONTFORK) == 0
        };
        if !granted {
            return Err(failed());
        }
        // SAFETY: as long as the secret at least, new, and of nobody else.
        unsafe { start.copy_from_nonoverlapping(NonNull::from(secret).cast(), secret.len()) };
        Ok(locked)
    }
}

impl std::ops::Deref for LockedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: mapped and initialised (by the system with zeros) for as long as `self` is there.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for LockedBytes {
    fn drop(&mut self) {
        // SAFETY: as in `deref`; nobody else has it any more.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }.zeroize();
        // SAFETY: the whole mapping, which nothing points to any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.mapped) };
    }
}

impl fmt::Debug for LockedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockedBytes[{}]", self.length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_locked_reads_back_whatever_its_length() {
        for length in [0, 1, 32, 4096, 4097] {
            let secret: Vec<u8> = (0..length).map(|place| place as u8).collect();
            let locked = LockedBytes::new(&secret).unwrap();
            assert_eq!(*locked, *secret);
            let shown = format!("{locked:?}");
            assert_eq!(shown, format!("LockedBytes[{length}]"));
        }
    }
}
