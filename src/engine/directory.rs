//! Who is asking: from a certificate to an identity of a tenant. Evaluated for every request;
//! what was read is remembered only while the journal's tail (see `lease`) says that nothing changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_cert::der::Decode;
use x509_cert::name::Name;
use x509_parser::extensions::GeneralName;

use super::client_profile::{self, Deviation};
use super::entity::{EntityError, Remembered, Rows};
use super::freshness::Freshness;
use super::masters;
use super::tenant::{Identity, Manifest, Mapping, Tenant, TenantKey};
use crate::hsm::{Hsm, Purpose, TenantKeys, WrappedKey};
use crate::object::managed::Unsound;
use crate::object::rules::{self, Rules};
use crate::store::Store;
use crate::store::record::{EntityKind, TenantId};

/// An authenticated client.
#[derive(Clone, Debug)]
pub struct Caller {
    pub tenant_id: TenantId,
    pub tenant: Arc<TenantInForce>,
    pub identity: Identity,
    /// None for what the server does by itself.
    pub credential: Option<Credential>,
}

/// The certificate that a caller shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// SHA-256 of its DER.
    pub fingerprint: [u8; 32],
    /// Seconds since 1970; None where the certificate cannot be read.
    pub not_after: Option<i64>,
}

impl Credential {
    fn of(certificate: &CertificateDer<'_>) -> Credential {
        let parsed = x509_parser::parse_x509_certificate(certificate);
        Credential {
            fingerprint: Sha256::digest(certificate).into(),
            not_after: parsed
                .ok()
                .map(|(_, parsed)| parsed.validity().not_after.timestamp()),
        }
    }
}

impl Caller {
    pub fn has_profile(&self, name: &str) -> bool {
        self.identity.profiles.iter().any(|profile| profile == name)
    }

    /// Whether one of the identity's client profiles says so.
    pub fn deviates(&self, deviation: Deviation) -> bool {
        let profiles = self.identity.profiles.iter();
        profiles
            .filter_map(|name| client_profile::named(name))
            .any(|profile| profile.deviations.contains(&deviation))
    }
}

/// A tenant with its keys opened for use.
#[derive(Debug)]
pub struct TenantInForce {
    pub settings: Tenant,
    pub keys: TenantKeys,
    /// What its new objects have to be like.
    pub rules: Rules,
    /// Its keys are gone, and soon what could bring them back.
    pub shredded: bool,
}

/// Why somebody is not let in. The client is told no more than that.
#[derive(Debug, thiserror::Error)]
pub enum Stranger {
    #[error("no identity is mapped to this certificate")]
    Unknown,
    #[error("the identity {0:?} is revoked")]
    Revoked(String),
    #[error("the identity {0:?} has another certificate now")]
    Retired(String),
    #[error("the tenant {0:?} was shredded")]
    Shredded(String),
    #[error(transparent)]
    Entity(#[from] EntityError),
}

/// Which fields of a certificate name an identity, in the order they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingField {
    Fingerprint,
    Subject,
    CommonName,
    SanDns,
    SanEmail,
    SanUri,
}

#[derive(Debug)]
pub struct Directory {
    /// Counts how often everything was forgotten.
    generation: AtomicU64,
    /// By the SHA-256 of the certificate.
    callers: quick_cache::sync::Cache<[u8; 32], (u64, Arc<Caller>)>,
    tenants: Remembered<TenantInForce>,
}

impl Default for Directory {
    fn default() -> Self {
        Directory {
            generation: AtomicU64::new(0),
            callers: quick_cache::sync::Cache::new(4096),
            tenants: Remembered::new(4096),
        }
    }
}

/// `fingerprint:` and the SHA-256 of the certificate's DER in hexadecimal.
pub fn fingerprint_key(certificate: &CertificateDer<'_>) -> String {
    key_of_fingerprint(&Sha256::digest(certificate).into())
}

/// The same from the SHA-256 itself.
pub fn key_of_fingerprint(fingerprint: &[u8; 32]) -> String {
    format!("fingerprint:{}", hex::encode(fingerprint))
}

/// What a key by a DNS name begins with; the name follows in small letters.
pub const DNS: &str = "san-dns:";

/// `subject:` and the name as RFC 4514 writes it, which escapes what would make a part of one value
/// look like a part of the name.
pub fn subject_key(name: &Name) -> String {
    format!("subject:{name}")
}

/// The keys under which a certificate may be mapped.
pub fn mapping_keys(certificate: &CertificateDer<'_>, fields: &[MappingField]) -> Vec<String> {
    let parsed = x509_parser::parse_x509_certificate(certificate)
        .ok()
        .map(|(_, parsed)| parsed);
    let mut keys = Vec::new();
    for field in fields {
        match (field, &parsed) {
            (MappingField::Fingerprint, _) => keys.push(fingerprint_key(certificate)),
            (MappingField::Subject, Some(parsed)) => {
                let name = Name::from_der(parsed.subject().as_raw());
                keys.extend(name.ok().as_ref().map(subject_key));
            }
            (MappingField::CommonName, Some(parsed)) => {
                let names = parsed
                    .subject()
                    .iter_common_name()
                    .filter_map(|name| name.as_str().ok());
                keys.extend(names.map(|name| format!("cn:{name}")));
            }
            (field, Some(parsed)) => {
                if let Ok(Some(names)) = parsed.subject_alternative_name() {
                    keys.extend(
                        names
                            .value
                            .general_names
                            .iter()
                            .filter_map(|name| alternative(*field, name)),
                    );
                }
            }
            (_, None) => {}
        }
    }
    keys
}

fn alternative(field: MappingField, name: &GeneralName<'_>) -> Option<String> {
    match (field, name) {
        // Names in DNS do not differ by the case of their letters (RFC 5280 §7.2).
        (MappingField::SanDns, GeneralName::DNSName(name)) => {
            Some(format!("{DNS}{}", name.to_ascii_lowercase()))
        }
        (MappingField::SanEmail, GeneralName::RFC822Name(name)) => {
            Some(format!("san-email:{name}"))
        }
        (MappingField::SanUri, GeneralName::URI(name)) => Some(format!("san-uri:{name}")),
        _ => None,
    }
}

impl Directory {
    /// Forgets everything: somebody changed an entity.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.callers.clear();
        self.tenants.clear();
    }

    /// Changes whenever an entity may have changed.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The identity behind a certificate.
    pub async fn caller(
        &self,
        rows: &Rows<'_>,
        certificate: &CertificateDer<'_>,
        fingerprint: &[u8; 32],
        fields: &[MappingField],
        remember: bool,
    ) -> Result<Arc<Caller>, Stranger> {
        // Before anything is read: what somebody changes meanwhile belongs to a later generation.
        let generation = self.generation();
        if remember
            && let Some((read, caller)) = self.callers.get(fingerprint)
            && read == generation
        {
            return Ok(caller);
        }
        for key in mapping_keys(certificate, fields) {
            let mapping = rows
                .read::<Mapping>(EntityKind::Mapping, TenantId(0), &key)
                .await?;
            if let Some(mapping) = mapping {
                let credential = Credential::of(certificate);
                let caller = self
                    .in_force(rows, &mapping.body, credential, remember)
                    .await?;
                let caller = Arc::new(caller);
                self.callers
                    .insert(*fingerprint, (generation, Arc::clone(&caller)));
                return Ok(caller);
            }
        }
        Err(Stranger::Unknown)
    }

    async fn in_force(
        &self,
        rows: &Rows<'_>,
        mapping: &Mapping,
        credential: Credential,
        remember: bool,
    ) -> Result<Caller, Stranger> {
        if mapping.retired.is_some() {
            return Err(Stranger::Retired(mapping.identity.clone()));
        }
        let caller = self
            .caller_named(rows, TenantId(mapping.tenant), &mapping.identity, remember)
            .await?;
        Ok(Caller {
            credential: Some(credential),
            ..caller
        })
    }

    /// An identity that is there and not revoked, without the certificate that would prove it.
    pub async fn caller_named(
        &self,
        rows: &Rows<'_>,
        tenant_id: TenantId,
        name: &str,
        remember: bool,
    ) -> Result<Caller, Stranger> {
        let manifest = rows
            .read::<Manifest>(EntityKind::Manifest, tenant_id, "revoked")
            .await?
            .ok_or(EntityError::Unsound(Unsound::Gone))?;
        if manifest
            .body
            .revoked
            .iter()
            .any(|(revoked, _)| revoked == name)
        {
            return Err(Stranger::Revoked(name.to_owned()));
        }
        let identity = rows
            .read::<Identity>(EntityKind::Identity, tenant_id, name)
            .await?
            .ok_or(Stranger::Unknown)?;
        let tenant = self.tenant(rows, tenant_id, remember).await?;
        if tenant.shredded {
            return Err(Stranger::Shredded(tenant.settings.name.clone()));
        }
        Ok(Caller {
            tenant_id,
            tenant,
            identity: identity.body,
            credential: None,
        })
    }

    /// A tenant's settings and keys.
    pub async fn tenant(
        &self,
        rows: &Rows<'_>,
        tenant_id: TenantId,
        remember: bool,
    ) -> Result<Arc<TenantInForce>, EntityError> {
        let generation = self.generation();
        let place = (tenant_id, String::new());
        if remember
            && let Some((read, tenant)) = self.tenants.get(&place)
            && read == generation
        {
            return Ok(tenant);
        }
        let settings = rows
            .read::<Tenant>(EntityKind::Tenant, tenant_id, "tenant")
            .await?
            .ok_or(Unsound::Gone)?
            .body;
        let keys = tenant_keys(rows, tenant_id).await?;
        let rules = tenant_rules(rows, tenant_id).await?;
        let shredded = masters::is_shredding(rows, tenant_id).await?;
        let tenant = Arc::new(TenantInForce {
            settings,
            keys,
            rules,
            shredded,
        });
        self.tenants
            .insert(place, (generation, Arc::clone(&tenant)));
        Ok(tenant)
    }
}

async fn tenant_rules(rows: &Rows<'_>, tenant: TenantId) -> Result<Rules, EntityError> {
    let constraints = rows
        .read(EntityKind::Constraints, tenant, rules::KEY)
        .await?;
    let defaults = rows.read(EntityKind::Defaults, tenant, rules::KEY).await?;
    let rules = Rules::read(
        constraints.map(|row| row.body).as_ref(),
        defaults.map(|row| row.body).as_ref(),
    );
    Ok(rules.map_err(|error| Unsound::Damaged(error.to_string()))?)
}

/// A tenant's keys for a command, which remembers nothing.
pub async fn keys(store: &Store, hsm: &Hsm, tenant: TenantId) -> Result<TenantKeys, EntityError> {
    let freshness = Freshness::default();
    let rows = Rows {
        store,
        hsm,
        freshness: &freshness,
    };
    tenant_keys(&rows, tenant).await
}

async fn tenant_keys(rows: &Rows<'_>, tenant: TenantId) -> Result<TenantKeys, EntityError> {
    let keys = rows.all::<TenantKey>(EntityKind::TenantKey, tenant).await?;
    let keys = keys.into_iter().map(|row| row.body);
    Ok(TenantKeys::new(tenant, in_use(keys)))
}

/// The keys that are not destroyed, as the token takes them.
pub fn in_use(
    keys: impl Iterator<Item = TenantKey>,
) -> impl Iterator<Item = (Purpose, u32, WrappedKey)> {
    keys.filter(|key| !key.is_destroyed())
        .map(|key| (key.purpose(), key.version, key.wrapped()))
}
