//! Versions of the masters and of tenants' keys (DESIGN §4.2): made, retired, destroyed; and the
//! rows below an older one, which move to the newest while everything goes on.
//!
//! How far that is stands in the rows themselves: what names an older version is left. Whoever is
//! stopped in the middle is followed by any other process. Commands and servers do the same here.

mod abandon;
mod anchored;
mod ceremony;
mod claim;
mod current;
mod destroy;
mod holders;
mod keep;
mod keys;
mod material;
mod outstanding;
mod pace;
mod receipt;
mod row;
mod seals;
mod shred;
mod source;
mod sweep;
mod tenant;
mod version;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

pub use abandon::left_behind;
pub use anchored::{shred_master, shreddable};
pub use ceremony::{
    Carried, Plan, Targets, Waits, carry_out, complete, import, plan, transport_keys,
};
pub use current::admit;
pub use destroy::destroy;
pub use holders::{forget, others_hold};
pub(super) use keep::{Look, keep};
pub use outstanding::{Under, under};
pub use pace::Pace;
pub use receipt::{Receipt, Shredded, Signed, open_receipt};
pub use shred::{SHREDDING, Shredding, Step, is_shredding, shred, shred_plan, shreddings};
pub use source::know;
pub use sweep::{Turn, turn};
pub use tenant::rotate_tenant;
pub use version::{Listed, Place, list, make, retire};

use super::entity::EntityError;
use super::founding::FoundingError;
use super::lease;
use crate::clock::Clock;
use crate::hsm::{Hsm, HsmError};
use crate::object::managed::Unsound;
use crate::store::archive::Archive;
use crate::store::{Store, StoreError};

/// After this every server knows of a new version, or uses nothing that it remembers.
const FENCE: Duration = Duration::from_secs(2 * lease::LENGTH.as_secs());

#[derive(Debug, thiserror::Error)]
pub enum MastersError {
    #[error("{0}")]
    Refused(String),
    #[error("database: {0}")]
    Store(#[from] StoreError),
    #[error("token: {0}")]
    Token(#[from] HsmError),
    #[error(transparent)]
    Entity(#[from] EntityError),
    #[error(transparent)]
    Unsound(#[from] Unsound),
    #[error(transparent)]
    Founding(#[from] FoundingError),
}

fn refused<T>(why: impl Into<String>) -> Result<T, MastersError> {
    Err(MastersError::Refused(why.into()))
}

/// What this is done with.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    pub store: &'a Arc<Store>,
    pub hsm: &'a Arc<Hsm>,
    pub clock: &'a Clock,
    pub deployment: &'a str,
    pub archive: &'a Archive,
    /// Who does it, in the audit log.
    pub by: &'a str,
}

#[cfg(test)]
mod tests;
