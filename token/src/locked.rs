use std::fmt;

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
