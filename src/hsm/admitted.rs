//! Which versions of the masters are used where several tokens hold them. One token may have a
//! version before the others do; what is made under it would be lost to them. So the database says
//! which version is current, and which each token must have (docs/decisions/replicas.md).

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::pool::lock;
use super::{Hsm, HsmError, MasterKind};

/// Shared by all tokens of a process.
#[derive(Debug)]
pub(super) struct Admitted {
    kek: AtomicU32,
    mac: AtomicU32,
    required: Mutex<BTreeSet<(MasterKind, u32)>>,
}

impl Default for Admitted {
    /// One token: what it has is used.
    fn default() -> Self {
        Admitted::up_to(u32::MAX)
    }
}

impl Admitted {
    /// Nothing newer than `version` of either master is used.
    pub fn up_to(version: u32) -> Admitted {
        Admitted {
            kek: AtomicU32::new(version),
            mac: AtomicU32::new(version),
            required: Mutex::default(),
        }
    }

    fn of(&self, kind: MasterKind) -> &AtomicU32 {
        match kind {
            MasterKind::Kek => &self.kek,
            MasterKind::Mac => &self.mac,
        }
    }

    /// The newest version that is used.
    pub fn newest(&self, kind: MasterKind) -> u32 {
        self.of(kind).load(Ordering::Acquire)
    }

    /// Whether a master of this name (`kek-v2`) is used; one of another kind always is.
    pub fn uses(&self, name: &str) -> bool {
        MasterKind::parse(name).is_none_or(|(kind, version)| version <= self.newest(kind))
    }

    /// Names of the masters that every token must have.
    pub fn required(&self) -> Vec<String> {
        let required = lock(&self.required);
        required
            .iter()
            .map(|(kind, version)| kind.called(*version))
            .collect()
    }
}

/// What the database says of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Current {
    pub kek: u32,
    pub mac: u32,
    /// What every token must have: what is made and not being destroyed.
    pub required: BTreeSet<(MasterKind, u32)>,
}

impl Hsm {
    /// Uses the versions that the database says are current, and leaves tokens that lack one. Where
    /// one token alone holds the masters, nothing is done.
    ///
    /// # Errors
    /// [`HsmError::Lost`] when no token of this process has all of them.
    pub async fn admit(&self, current: &Current) -> Result<(), HsmError> {
        if !self.shares_masters() {
            return Ok(());
        }
        let admitted = &self.pool.inner.config.replicas.admitted;
        let known = (
            admitted.newest(MasterKind::Kek),
            admitted.newest(MasterKind::Mac),
        );
        if known == (current.kek, current.mac) && *lock(&admitted.required) == current.required {
            return Ok(());
        }
        lock(&admitted.required).clone_from(&current.required);
        // Handles first: the newest version is used from the next line on.
        self.look_in_each_token().await?;
        admitted.kek.store(current.kek, Ordering::Release);
        admitted.mac.store(current.mac, Ordering::Release);
        self.look_for_row_mac_keys().await
    }
}
