//! Who works on a counter waits for its turn within this node, so that only nodes conflict.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::store::record::TenantId;

/// Two keys may share a queue; that costs time, never exactness.
const QUEUES: usize = 64;

#[derive(Debug)]
pub struct Turns([Mutex<()>; QUEUES]);

impl Default for Turns {
    fn default() -> Self {
        Turns(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Turns {
    pub async fn take(&self, tenant: TenantId, key: &str) -> Option<MutexGuard<'_, ()>> {
        let mut hash = DefaultHasher::new();
        (tenant, key).hash(&mut hash);
        let place = usize::try_from(hash.finish() % QUEUES as u64).unwrap_or(0);
        match self.0.get(place) {
            Some(queue) => Some(queue.lock().await),
            None => None,
        }
    }
}
