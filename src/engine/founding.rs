//! First things: the deployment with its masters, tenants with their keys, identities with their
//! certificates (`identity`).

mod identity;

use std::sync::Arc;

pub use self::identity::{Listed, add_identity, change_identity, identities, revoke_identity};
use super::entity::{self, EntityError};
use super::masters;
use super::tenant::{Deployment, Manifest, RowMacKey, Tenant, TenantKey};
use crate::audit::administration::{self, Deed};
use crate::clock::Clock;
use crate::hsm::{Hsm, HsmError, Purpose};
use crate::store::record::{Change, EntityKind, TenantId};
use crate::store::{Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum FoundingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the token: {0}")]
    Token(#[from] HsmError),
    #[error(transparent)]
    Entity(#[from] EntityError),
    #[error("{0}")]
    Refused(String),
}

/// The tenant of the quickstart.
pub const FIRST_TENANT: TenantId = TenantId(1);

/// Everything that is not an object stands in these rows.
pub(super) const DEPLOYMENT: &str = "deployment";
pub(super) const TENANT: &str = "tenant";
const REVOKED: &str = "revoked";

/// What a token is opened for.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The deployment's identifier.
    pub deployment: &'a str,
    /// The database is new: its masters are to be made.
    pub first: bool,
    /// The masters were made in a ceremony.
    pub ceremony: bool,
}

/// The deployment's row as it stands in the database, not verified: without a token nobody can.
pub async fn claimed(store: &Store) -> Result<Option<Deployment>, FoundingError> {
    let row = store
        .entity(EntityKind::Deployment, TenantId(0), DEPLOYMENT)
        .await?;
    row.map(|row| serde_json::from_slice(&row.body))
        .transpose()
        .map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> FoundingError {
    FoundingError::Refused(format!("the deployment's row cannot be read: {error}"))
}

/// Opens the token that holds this database's masters, or founds both when the database is new. A new
/// deployment comes with its first tenant in the same commit, and never gets it later: a server
/// that made a missing tenant anew would give whoever deletes its rows an empty list of revocations.
pub async fn token(
    store: &Arc<Store>,
    clock: &Clock,
    first: &Tenant,
    open: impl FnOnce(Opening<'_>) -> Result<Hsm, HsmError>,
) -> Result<(Arc<Hsm>, String), FoundingError> {
    if let Some(row) = store
        .entity(EntityKind::Deployment, TenantId(0), DEPLOYMENT)
        .await?
    {
        // The MAC can only be checked once the token is open; until then the row is a claim.
        let claimed: Deployment = serde_json::from_slice(&row.body).map_err(unreadable)?;
        let hsm = open(Opening {
            deployment: &claimed.identifier,
            first: false,
            ceremony: claimed.ceremony,
        })?;
        let hsm = Arc::new(hsm);
        masters::know(store, &hsm);
        for key in &claimed.row_mac_keys {
            hsm.use_row_mac_key(key.version, &key.wrapped()).await?;
        }
        let deployment = entity::verify::<Deployment>(&hsm, row).await?;
        masters::admit(store, &hsm).await?;
        return Ok((hsm, deployment.body.identifier));
    }
    let identifier = uuid::Uuid::new_v4().to_string();
    let hsm = open(Opening {
        deployment: &identifier,
        first: true,
        ceremony: false,
    })?;
    let hsm = Arc::new(hsm);
    masters::know(store, &hsm);
    let mut deployment = Deployment {
        identifier: identifier.clone(),
        created: clock.now(),
        row_mac_keys: Vec::new(),
        ceremony: hsm.ceremony(),
    };
    if hsm.wants_row_mac_key() {
        let wrapped = hsm.new_row_mac_key().await?;
        hsm.use_row_mac_key(1, &wrapped).await?;
        deployment.row_mac_keys.push(RowMacKey {
            version: 1,
            master_version: wrapped.kek_version,
            wrapped: wrapped.bytes,
        });
    }
    let mut changes = vec![
        entity::put(
            &hsm,
            EntityKind::Deployment,
            TenantId(0),
            DEPLOYMENT,
            1,
            &deployment,
        )
        .await?,
    ];
    changes.extend(tenant_rows(&hsm, FIRST_TENANT, first).await?);
    let deed = Deed {
        command: "found",
        tenant: TenantId(0),
        object: &identifier,
        time: clock.now(),
    };
    administration::write(store, changes, deed).await?;
    Ok((hsm, identifier))
}

/// A tenant with its wrap and seal key and its empty manifest, ready to be committed.
async fn tenant_rows(
    hsm: &Hsm,
    id: TenantId,
    settings: &Tenant,
) -> Result<Vec<Change>, FoundingError> {
    let mut changes = vec![
        entity::put(hsm, EntityKind::Tenant, id, TENANT, 1, settings).await?,
        entity::put(
            hsm,
            EntityKind::Manifest,
            id,
            REVOKED,
            1,
            &Manifest::default(),
        )
        .await?,
    ];
    for purpose in [Purpose::Wrap, Purpose::Seal] {
        let key = hsm.new_tenant_key(purpose).await?;
        let body = TenantKey {
            purpose: purpose as u8,
            version: 1,
            kek_version: key.kek_version,
            wrapped: key.bytes,
        };
        changes.push(entity::put(hsm, EntityKind::TenantKey, id, &body.key(), 1, &body).await?);
    }
    Ok(changes)
}

/// All tenants with their settings, by number.
pub async fn tenants(store: &Store, hsm: &Hsm) -> Result<Vec<(TenantId, Tenant)>, FoundingError> {
    let mut tenants = Vec::new();
    for row in store.entities(EntityKind::Tenant, None).await? {
        let tenant = entity::verify::<Tenant>(hsm, row).await?;
        tenants.push((tenant.tenant, tenant.body));
    }
    Ok(tenants)
}

/// The number of the tenant of this name.
pub async fn tenant_named(
    store: &Store,
    hsm: &Hsm,
    name: &str,
) -> Result<Option<TenantId>, FoundingError> {
    let tenants = tenants(store, hsm).await?;
    Ok(tenants
        .into_iter()
        .find(|(_, tenant)| tenant.name == name)
        .map(|(id, _)| id))
}

/// Makes a tenant under the next free number.
///
/// # Errors
/// Refused when the name is empty or taken.
pub async fn found_tenant(
    store: &Store,
    hsm: &Hsm,
    clock: &Clock,
    settings: &Tenant,
) -> Result<TenantId, FoundingError> {
    let tenants = tenants(store, hsm).await?;
    let taken = tenants
        .iter()
        .any(|(_, tenant)| tenant.name == settings.name);
    if taken || settings.name.is_empty() {
        return Err(FoundingError::Refused(format!(
            "a tenant cannot be called {:?}: the name is empty or taken",
            settings.name
        )));
    }
    let last = tenants.iter().map(|(id, _)| id.0).max().unwrap_or(0);
    let id = TenantId(last + 1);
    let deed = Deed {
        command: "tenant add",
        tenant: id,
        object: &settings.name,
        time: clock.now(),
    };
    administration::write(store, tenant_rows(hsm, id, settings).await?, deed).await?;
    Ok(id)
}

/// Changes a tenant's settings; what `change` answers becomes the row.
///
/// # Errors
/// Refused when there is no such tenant.
pub async fn change_tenant(
    store: &Store,
    hsm: &Hsm,
    clock: &Clock,
    name: &str,
    command: &str,
    change: impl FnOnce(&mut Tenant),
) -> Result<Tenant, FoundingError> {
    let no_tenant = || FoundingError::Refused(format!("there is no tenant {name:?}"));
    let id = tenant_named(store, hsm, name)
        .await?
        .ok_or_else(no_tenant)?;
    let row = entity::read::<Tenant>(store, hsm, EntityKind::Tenant, id, TENANT).await?;
    let row = row.ok_or_else(no_tenant)?;
    let (mut settings, version) = (row.body, row.version + 1);
    change(&mut settings);
    let deed = Deed {
        command,
        tenant: id,
        object: name,
        time: clock.now(),
    };
    let put = entity::put(hsm, EntityKind::Tenant, id, TENANT, version, &settings).await?;
    administration::write(store, vec![put], deed).await?;
    Ok(settings)
}
