//! Who is asking: from a certificate to an identity of a tenant. Evaluated for every request;
//! what was read is remembered only while the journal's tail (see `lease`) says that nothing changed.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use super::entity::{self, EntityError, Remembered};
use super::tenant::{Identity, Manifest, Mapping, Tenant, TenantKey};
use crate::hsm::{Hsm, TenantKeys};
use crate::object::managed::Unsound;
use crate::store::Store;
use crate::store::record::{EntityKind, TenantId};

/// An authenticated client.
#[derive(Clone, Debug)]
pub struct Caller {
    pub tenant_id: TenantId,
    pub tenant: Arc<TenantInForce>,
    pub identity: Identity,
}

impl Caller {
    pub fn has_profile(&self, name: &str) -> bool {
        self.identity.profiles.iter().any(|profile| profile == name)
    }
}

/// A tenant with its keys opened for use.
#[derive(Debug)]
pub struct TenantInForce {
    pub settings: Tenant,
    pub keys: TenantKeys,
}

/// Why somebody is not let in. The client is told no more than that.
#[derive(Debug, thiserror::Error)]
pub enum Stranger {
    #[error("no identity is mapped to this certificate")]
    Unknown,
    #[error("the identity {0:?} is revoked")]
    Revoked(String),
    #[error(transparent)]
    Entity(#[from] EntityError),
}

/// Which fields of a certificate name an identity, in the order they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingField {
    Fingerprint,
    San,
    Subject,
}

#[derive(Debug)]
pub struct Directory {
    callers: Remembered<Caller>,
    tenants: Remembered<TenantInForce>,
}

impl Default for Directory {
    fn default() -> Self {
        Directory { callers: Remembered::new(4096), tenants: Remembered::new(4096) }
    }
}

/// `fingerprint:` and the SHA-256 of the certificate's DER in hexadecimal.
pub fn fingerprint_key(certificate: &CertificateDer<'_>) -> String {
    format!("fingerprint:{}", hex::encode(Sha256::digest(certificate)))
}

/// The keys under which a certificate may be mapped.
pub fn mapping_keys(certificate: &CertificateDer<'_>, fields: &[MappingField]) -> Vec<String> {
    let parsed = x509_parser::parse_x509_certificate(certificate).ok().map(|(_, parsed)| parsed);
    let mut keys = Vec::new();
    for field in fields {
        match (field, &parsed) {
            (MappingField::Fingerprint, _) => keys.push(fingerprint_key(certificate)),
            (MappingField::Subject, Some(parsed)) => keys.push(format!("subject:{}", parsed.subject())),
            (MappingField::San, Some(parsed)) => {
                if let Ok(Some(names)) = parsed.subject_alternative_name() {
                    keys.extend(names.value.general_names.iter().map(|name| format!("san:{name}")));
                }
            }
            (_, None) => {}
        }
    }
    keys
}

impl Directory {
    /// Forgets everything: somebody changed an entity.
    pub fn forget(&self) {
        self.callers.clear();
        self.tenants.clear();
    }

    /// The identity behind a certificate.
    pub async fn caller(
        &self,
        store: &Store,
        hsm: &Hsm,
        certificate: &CertificateDer<'_>,
        fields: &[MappingField],
        remember: bool,
    ) -> Result<Arc<Caller>, Stranger> {
        let remembered = (TenantId(0), fingerprint_key(certificate));
        if remember && let Some(caller) = self.callers.get(&remembered) {
            return Ok(caller);
        }
        for key in mapping_keys(certificate, fields) {
            let mapping =
                entity::read::<Mapping>(store, hsm, EntityKind::Mapping, TenantId(0), &key).await?;
            if let Some(mapping) = mapping {
                let caller = Arc::new(self.in_force(store, hsm, &mapping.body, remember).await?);
                self.callers.insert(remembered, Arc::clone(&caller));
                return Ok(caller);
            }
        }
        Err(Stranger::Unknown)
    }

    async fn in_force(
        &self,
        store: &Store,
        hsm: &Hsm,
        mapping: &Mapping,
        remember: bool,
    ) -> Result<Caller, Stranger> {
        let tenant_id = TenantId(mapping.tenant);
        let manifest = entity::read::<Manifest>(store, hsm, EntityKind::Manifest, tenant_id, "revoked")
            .await?
            .ok_or(EntityError::Unsound(Unsound::Gone))?;
        if manifest.body.revoked.iter().any(|(name, _)| *name == mapping.identity) {
            return Err(Stranger::Revoked(mapping.identity.clone()));
        }
        let identity = entity::read::<Identity>(store, hsm, EntityKind::Identity, tenant_id, &mapping.identity)
            .await?
            .ok_or(Stranger::Unknown)?;
        let tenant = self.tenant(store, hsm, tenant_id, remember).await?;
        Ok(Caller { tenant_id, tenant, identity: identity.body })
    }

    /// A tenant's settings and keys.
    pub async fn tenant(
        &self,
        store: &Store,
        hsm: &Hsm,
        tenant_id: TenantId,
        remember: bool,
    ) -> Result<Arc<TenantInForce>, EntityError> {
        let place = (tenant_id, String::new());
        if remember && let Some(tenant) = self.tenants.get(&place) {
            return Ok(tenant);
        }
        let settings = entity::read::<Tenant>(store, hsm, EntityKind::Tenant, tenant_id, "tenant")
            .await?
            .ok_or(Unsound::Gone)?
            .body;
        let keys = tenant_keys(store, hsm, tenant_id, &settings).await?;
        let tenant = Arc::new(TenantInForce { settings, keys });
        self.tenants.insert(place, Arc::clone(&tenant));
        Ok(tenant)
    }
}

async fn tenant_keys(
    store: &Store,
    hsm: &Hsm,
    tenant: TenantId,
    settings: &Tenant,
) -> Result<TenantKeys, EntityError> {
    let mut wrapped = Vec::new();
    for entity in store.entities(EntityKind::TenantKey, Some(tenant)).await? {
        let key = entity::verify::<TenantKey>(hsm, entity).await?;
        wrapped.push((key.key, key.body));
    }
    let keys = hsm
        .tenant_keys(
            tenant,
            settings.wrap_version,
            settings.seal_version,
            wrapped.into_iter().map(|(name, key)| (name, key.kek_version, key.wrapped)).collect(),
        )
        .await
        .map_err(Unsound::from)?;
    Ok(keys)
}
