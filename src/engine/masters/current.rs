//! Which versions are used, as the database says it: where several tokens hold the masters, one of
//! them may have a version that the others lack.

use std::sync::Arc;

use super::row::Version;
use crate::engine::entity::{self, EntityError};
use crate::hsm::{Current, Hsm, HsmError, MasterKind};
use crate::object::managed::Unsound;
use crate::store::Store;
use crate::store::record::EntityKind;

/// Reads it. The first versions have no rows: they came with the deployment.
pub(super) async fn current(store: &Store, hsm: &Hsm) -> Result<Current, EntityError> {
    let mut current = Current {
        kek: 1,
        mac: 1,
        required: MasterKind::ALL.map(|kind| (kind, 1)).into(),
    };
    for row in store.entities(EntityKind::MasterVersion, None).await? {
        let row = entity::verify::<Version>(hsm, row).await?;
        let Some((kind, version)) = MasterKind::parse(&row.key) else {
            continue;
        };
        let body = row.body;
        let newest = match kind {
            MasterKind::Kek => &mut current.kek,
            MasterKind::Mac => &mut current.mac,
        };
        if body.made.is_some() {
            *newest = version.max(*newest);
            current.required.insert((kind, version));
        }
        if body.destroying.is_some() || body.destroyed.is_some() {
            current.required.remove(&(kind, version));
        }
    }
    Ok(current)
}

/// Lets the token use what the database says is used.
///
/// # Errors
/// When rows do not hold, or no token of this process has what is used.
pub async fn admit(store: &Arc<Store>, hsm: &Arc<Hsm>) -> Result<(), EntityError> {
    if !hsm.shares_masters() {
        return Ok(());
    }
    let current = current(store, hsm).await?;
    let admitted = hsm.admit(&current).await;
    Ok(admitted.map_err(|error: HsmError| Unsound::Token(error))?)
}
