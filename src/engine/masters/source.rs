//! The database as the token needs it: keys that this process has not seen yet.

use std::sync::{Arc, Weak};

use super::seals::{self, Taken};
use crate::engine::directory;
use crate::engine::entity::{self, EntityError};
use crate::engine::founding::DEPLOYMENT;
use crate::engine::tenant::{Deployment, TenantKey};
use crate::hsm::{Hsm, HsmError, KeySource, Purpose, Reply, WrappedKey};
use crate::object::managed::Unsound;
use crate::store::Store;
use crate::store::record::{EntityKind, TenantId};

/// Times to count anew when others count at the same time.
const ATTEMPTS: u32 = 32;

/// Tells the token where the database is.
pub fn know(store: &Arc<Store>, hsm: &Arc<Hsm>) {
    hsm.know(Box::new(Rows {
        store: Arc::downgrade(store),
        hsm: Arc::downgrade(hsm),
    }));
}

#[derive(Debug)]
struct Rows {
    store: Weak<Store>,
    hsm: Weak<Hsm>,
}

fn away(error: impl std::fmt::Display) -> HsmError {
    HsmError::Unavailable(format!("keys cannot be read from the database: {error}"))
}

fn ended() -> HsmError {
    away("the program ends")
}

fn failed(error: EntityError) -> HsmError {
    match error {
        EntityError::Unsound(Unsound::Token(error)) => error,
        other => away(other),
    }
}

impl Rows {
    fn store(&self) -> Result<Arc<Store>, HsmError> {
        self.store.upgrade().ok_or_else(ended)
    }
}

impl KeySource for Rows {
    fn row_mac_keys(&self) -> Reply<'_, Vec<(u32, WrappedKey)>> {
        Box::pin(async move {
            let row = self
                .store()?
                .entity(EntityKind::Deployment, TenantId(0), DEPLOYMENT)
                .await
                .map_err(away)?
                .ok_or_else(|| away("the deployment's row is gone"))?;
            // Its MAC may need the very key that is looked for. The token unwraps only what it
            // wrapped, so no other key can be passed off here.
            let deployment: Deployment = serde_json::from_slice(&row.body).map_err(away)?;
            let keys = deployment.row_mac_keys.iter();
            Ok(keys.map(|key| (key.version, key.wrapped())).collect())
        })
    }

    fn tenant_keys(&self, tenant: TenantId) -> Reply<'_, Vec<(Purpose, u32, WrappedKey)>> {
        Box::pin(async move {
            let (store, hsm) = (self.store()?, self.hsm.upgrade().ok_or_else(ended)?);
            let rows = store.entities(EntityKind::TenantKey, Some(tenant)).await;
            let mut keys = Vec::new();
            for row in rows.map_err(away)? {
                let key = entity::verify::<TenantKey>(&hsm, row).await;
                keys.push(key.map_err(failed)?.body);
            }
            Ok(directory::in_use(keys.into_iter()).collect())
        })
    }

    fn take_seals(
        &self,
        tenant: TenantId,
        version: u32,
        size: u64,
        limit: u64,
    ) -> Reply<'_, Option<u64>> {
        Box::pin(async move {
            let (store, hsm) = (self.store()?, self.hsm.upgrade().ok_or_else(ended)?);
            for _ in 0..ATTEMPTS {
                let taken = seals::take(&store, &hsm, (tenant, version), size, limit).await;
                match taken.map_err(failed)? {
                    Taken::Uses(uses) => return Ok(uses),
                    // Another process was first.
                    Taken::Again => {}
                }
            }
            Err(away("others keep counting the uses of the seal key"))
        })
    }
}
