//! Identities, the certificates that prove them, and the list of those that were revoked.

use super::super::entity;
use super::super::tenant::{Identity, Manifest, Mapping, Tenant};
use super::super::{access, masters};
use super::{FoundingError, REVOKED};
use crate::audit::administration::{self, Deed};
use crate::clock::Clock;
use crate::hsm::Hsm;
use crate::object::managed::Unsound;
use crate::store::Store;
use crate::store::record::{EntityKind, TenantId};

/// Registers an identity and the certificate (by its mapping key) that proves it.
///
/// # Errors
/// Refused when the name was revoked before: a name does not come back to life.
pub async fn add_identity(
    store: &Store,
    hsm: &Hsm,
    tenant: TenantId,
    identity: &Identity,
    mapping_key: &str,
) -> Result<(), FoundingError> {
    if identity.name == access::SERVER {
        return Err(FoundingError::Refused(
            "an identity needs a name".to_owned(),
        ));
    }
    if entity::read::<masters::Shredding>(
        store,
        hsm,
        EntityKind::Shredding,
        tenant,
        masters::SHREDDING,
    )
    .await?
    .is_some()
    {
        return Err(FoundingError::Refused(
            "the tenant was shredded; nothing is done for it any more".to_owned(),
        ));
    }
    let manifest = manifest(store, hsm, tenant).await?;
    if manifest
        .body
        .revoked
        .iter()
        .any(|(name, _)| *name == identity.name)
    {
        return Err(FoundingError::Refused(format!(
            "the identity {:?} was revoked; choose another name",
            identity.name
        )));
    }
    let mapping = Mapping {
        tenant: tenant.0,
        identity: identity.name.clone(),
        retired: None,
    };
    let mut changes = Vec::new();
    if store
        .entity(EntityKind::Identity, tenant, &identity.name)
        .await?
        .is_none()
    {
        changes.push(
            entity::put(
                hsm,
                EntityKind::Identity,
                tenant,
                &identity.name,
                1,
                identity,
            )
            .await?,
        );
    }
    changes.push(
        entity::put(
            hsm,
            EntityKind::Mapping,
            TenantId(0),
            mapping_key,
            1,
            &mapping,
        )
        .await?,
    );
    let deed = Deed {
        command: "client add",
        tenant,
        object: &identity.name,
        time: identity.created,
    };
    administration::write(store, changes, deed).await?;
    Ok(())
}

/// Changes an identity; what `change` answers becomes its row. Without a command it only shows it.
///
/// # Errors
/// Refused when there is no such identity.
pub async fn change_identity(
    store: &Store,
    hsm: &Hsm,
    clock: &Clock,
    (tenant, name): (TenantId, &str),
    command: Option<&str>,
    change: impl FnOnce(&mut Identity),
) -> Result<Identity, FoundingError> {
    let row = entity::read::<Identity>(store, hsm, EntityKind::Identity, tenant, name).await?;
    let row = row.ok_or_else(|| {
        FoundingError::Refused(format!(
            "the tenant has no identity {name:?}; see `keyward client list`"
        ))
    })?;
    let (mut identity, version) = (row.body, row.version + 1);
    let Some(command) = command else {
        return Ok(identity);
    };
    change(&mut identity);
    let put = entity::put(hsm, EntityKind::Identity, tenant, name, version, &identity).await?;
    let deed = Deed {
        command,
        tenant,
        object: name,
        time: clock.now(),
    };
    administration::write(store, vec![put], deed).await?;
    Ok(identity)
}

async fn manifest(
    store: &Store,
    hsm: &Hsm,
    tenant: TenantId,
) -> Result<entity::Verified<Manifest>, FoundingError> {
    entity::read::<Manifest>(store, hsm, EntityKind::Manifest, tenant, REVOKED)
        .await?
        .ok_or(FoundingError::Entity(Unsound::Gone.into()))
}

/// Revokes an identity: it stands in the manifest from then on. Nodes learn of it within their
/// lease (one second).
pub async fn revoke_identity(
    store: &Store,
    hsm: &Hsm,
    clock: &Clock,
    tenant: TenantId,
    name: &str,
) -> Result<(), FoundingError> {
    if store
        .entity(EntityKind::Identity, tenant, name)
        .await?
        .is_none()
    {
        return Err(FoundingError::Refused(format!(
            "the tenant has no identity {name:?}; see `keyward client list`"
        )));
    }
    let mut manifest = manifest(store, hsm, tenant).await?;
    if manifest
        .body
        .revoked
        .iter()
        .any(|(revoked, _)| revoked == name)
    {
        return Ok(());
    }
    manifest.body.revoked.push((name.to_owned(), clock.now()));
    let change = entity::put(
        hsm,
        EntityKind::Manifest,
        tenant,
        REVOKED,
        manifest.version + 1,
        &manifest.body,
    )
    .await?;
    let deed = Deed {
        command: "client revoke",
        tenant,
        object: name,
        time: clock.now(),
    };
    administration::write(store, vec![change], deed).await?;
    Ok(())
}

/// An identity as `client list` shows it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listed {
    pub tenant: String,
    pub name: String,
    pub created: i64,
    pub revoked: Option<i64>,
    /// `fingerprint:…`, `subject:…`, `san:…`.
    pub certificates: Vec<String>,
    pub profiles: Vec<String>,
    /// Scopes that it may derive for.
    pub derive: Vec<String>,
}

/// All identities of all tenants.
pub async fn identities(store: &Store, hsm: &Hsm) -> Result<Vec<Listed>, FoundingError> {
    let mut mappings = Vec::new();
    for row in store.entities(EntityKind::Mapping, None).await? {
        mappings.push(entity::verify::<Mapping>(hsm, row).await?);
    }
    let mut listed = Vec::new();
    for row in store.entities(EntityKind::Tenant, None).await? {
        let tenant = entity::verify::<Tenant>(hsm, row).await?;
        let revoked = manifest(store, hsm, tenant.tenant).await?.body.revoked;
        for row in store
            .entities(EntityKind::Identity, Some(tenant.tenant))
            .await?
        {
            let identity = entity::verify::<Identity>(hsm, row).await?.body;
            let certificates = mappings
                .iter()
                .filter(|mapping| mapping.body.retired.is_none())
                .filter(|mapping| {
                    mapping.body.tenant == tenant.tenant.0 && mapping.body.identity == identity.name
                })
                .map(|mapping| mapping.key.clone())
                .collect();
            listed.push(Listed {
                tenant: tenant.body.name.clone(),
                revoked: revoked
                    .iter()
                    .find(|(name, _)| *name == identity.name)
                    .map(|(_, when)| *when),
                name: identity.name,
                created: identity.created,
                certificates,
                profiles: identity.profiles,
                derive: identity.derive,
            });
        }
    }
    Ok(listed)
}
