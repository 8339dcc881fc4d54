//! Where keys are that this process has not seen yet: versions that another process made.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::pool::lock;
use super::{HsmError, Purpose, WrappedKey};
use crate::store::record::TenantId;

/// A version that was looked for and not found is not looked for again before this has passed: an
/// edited row must not keep the token busy.
const REST: Duration = Duration::from_secs(1);
/// Missing versions that are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 1024;

pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, HsmError>> + Send + 'a>>;

/// The database, as far as the token needs it.
pub trait KeySource: Send + Sync + std::fmt::Debug {
    /// Keys of row MACs under their master, by version; none where the token makes row MACs itself.
    fn row_mac_keys(&self) -> Reply<'_, Vec<(u32, WrappedKey)>>;

    /// A tenant's keys as they stand now.
    fn tenant_keys(&self, tenant: TenantId) -> Reply<'_, Vec<(Purpose, u32, WrappedKey)>>;

    /// Sets aside up to `size` uses of a seal key for this process, out of the `limit` that it has in
    /// all; None when none are left.
    fn take_seals(
        &self,
        tenant: TenantId,
        version: u32,
        size: u64,
        limit: u64,
    ) -> Reply<'_, Option<u64>>;
}

/// Set once the database is open.
#[derive(Debug, Default)]
pub(super) struct Source {
    rows: OnceLock<Box<dyn KeySource>>,
    missing: Mutex<HashMap<Missing, Instant>>,
}

/// A version that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Missing {
    Kek(u32),
    Mac(u32),
    Tenant(TenantId, Purpose, u32),
}

impl Source {
    pub fn set(&self, rows: Box<dyn KeySource>) {
        // Set twice: the first one goes on serving.
        drop(self.rows.set(rows));
    }

    pub fn rows(&self) -> Option<&dyn KeySource> {
        self.rows.get().map(Box::as_ref)
    }

    /// Whether it is worth a look now.
    pub fn may_look(&self, missing: Missing) -> bool {
        let mut looked = lock(&self.missing);
        if looked
            .get(&missing)
            .is_some_and(|when| when.elapsed() < REST)
        {
            return false;
        }
        if looked.len() >= REMEMBERED {
            looked.clear();
        }
        looked.insert(missing, Instant::now());
        true
    }
}
