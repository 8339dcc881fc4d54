//! The issuing authority behind Certify (DESIGN §6, docs/decisions/certificates.md): one key for the
//! deployment, in the token; one name and one certificate for each tenant, in a row with its MAC.
//!
//! Both are made when they are first wanted. Where several nodes want them at once, the row of the
//! first one counts and the others use it.

use std::sync::Arc;

use der::{Decode, Encode};
use serde::{Deserialize, Serialize};
use x509_cert::Certificate;

use super::entity::{self, Rows, Verified};
use super::founding::FoundingError;
use crate::audit::administration::{self, Deed};
use crate::certificate::issue::{self, Issuer, Plan, SERIAL, Unsigned};
use crate::certificate::revocation::{self, Period, Revoked};
use crate::certificate::{CertificateError, path, subject};
use crate::hsm::Hsm;
use crate::object::format::NameAttribute;
use crate::object::managed::{Sealed, Unsound};
use crate::store::StoreError;
use crate::store::record::{Change, EntityKind, TenantId};

const KIND: EntityKind = EntityKind::IssuingAuthority;
/// Row of the deployment: which key of the token it is.
const KEY: &str = "issuing-key";
/// Row of a tenant: its authority's certificate.
const AUTHORITY: &str = "issuing-authority";

/// As long as the authorities of quickstart last.
const LIFETIME: i64 = 20 * 365 * 86_400;
/// Clocks of those who look at certificates are wrong by minutes.
pub const BACKDATE: i64 = 3600;

/// Body of the deployment's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuingKey {
    /// Name of the key in the token.
    pub name: String,
    /// Seconds since 1970.
    pub created: i64,
}

/// Body of a tenant's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Name of its key in the token.
    pub key: String,
    /// DER.
    #[serde(with = "hex::serde")]
    pub certificate: Vec<u8>,
    /// Identifier of the managed object that shows the certificate to the tenant.
    pub object: String,
    /// Number of the last revocation list.
    pub lists: u64,
}

/// Body of the row of an issued certificate. Anybody can register copies of a certificate; this row
/// tells which object is the one that was issued, whose revocation counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// Unique Identifier of its object.
    pub object: String,
}

/// The key of an issued certificate's row; `serial` is unsigned, big-endian.
pub fn serial_key(serial: &[u8]) -> String {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    hex::encode(serial.get(zeros..).unwrap_or_default())
}

/// The row of a certificate about to be issued, to be committed with its object.
pub async fn issued(
    hsm: &Hsm,
    tenant: TenantId,
    serial: &[u8],
    object: &str,
) -> Result<Change, FoundingError> {
    let body = Issued {
        object: object.to_owned(),
    };
    let kind = EntityKind::IssuedCertificate;
    Ok(entity::put(hsm, kind, tenant, &serial_key(serial), 1, &body).await?)
}

/// What it takes to find or found an authority.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    pub rows: Rows<'a>,
    pub deployment: &'a str,
    /// Seconds since 1970.
    pub now: i64,
    /// Who is recorded as having had it made.
    pub by: &'a str,
}

/// The tenant's authority, where there is one.
pub async fn known(
    rows: &Rows<'_>,
    tenant: TenantId,
) -> Result<Option<Verified<Authority>>, FoundingError> {
    Ok(rows.read(KIND, tenant, AUTHORITY).await?)
}

impl From<CertificateError> for FoundingError {
    fn from(error: CertificateError) -> Self {
        FoundingError::Refused(error.to_string())
    }
}

impl Ground<'_> {
    /// The tenant's authority, made where there is none.
    ///
    /// # Errors
    /// Those of store and token; a row that was changed is not used.
    pub async fn authority(
        &self,
        tenant: TenantId,
        tenant_name: &str,
    ) -> Result<Verified<Authority>, FoundingError> {
        if let Some(row) = known(&self.rows, tenant).await? {
            return Ok(row);
        }
        let key = self.key().await?;
        let issuer = Issuer {
            name: self.name(tenant_name)?,
            public_key_info: self.rows.hsm.issuing_public_key(&key.name).await?,
        };
        let serial = self.rows.hsm.random(SERIAL).await?.to_vec();
        let period = (self.now - BACKDATE, self.now + LIFETIME);
        let unsigned = issue::authority(&issuer, serial, period)?;
        let certificate = sign(self.rows.hsm, &key.name, unsigned).await?;
        // Tokens do not bind the halves of a pair to each other; nobody could believe this authority.
        if !path::is_self_signed_der(&certificate) {
            return Err(FoundingError::Refused(format!(
                "the token's key {} does not sign as its public half says",
                key.name
            )));
        }
        let authority = Authority {
            certificate,
            key: key.name,
            object: uuid::Uuid::now_v7().to_string(),
            lists: 0,
        };
        self.put(tenant, AUTHORITY, &authority, "issuing-authority found")
            .await
    }

    /// The certificates that a tenant's authority issued and that were revoked since.
    ///
    /// # Errors
    /// Also when the row of an issued certificate is not what was written: a list without it would
    /// let it be believed.
    pub async fn revoked(&self, tenant: TenantId) -> Result<Vec<Revoked>, FoundingError> {
        let mut revoked = Vec::new();
        let kind = EntityKind::IssuedCertificate;
        for row in self.rows.all::<Issued>(kind, tenant).await? {
            let record = self.rows.store.fetch(tenant, &row.body.object).await?;
            let record = record.ok_or(FoundingError::Entity(Unsound::Gone.into()))?;
            let object = Sealed::verify(self.rows.hsm, record)
                .await
                .map_err(|error| FoundingError::Entity(error.into()))?;
            if crate::object::revocation::since(&object.attributes).is_some() {
                revoked.push(Revoked {
                    serial: hex::decode(&row.key).unwrap_or_default(),
                    since: crate::object::revocation::recorded(&object.attributes),
                    reason: crate::object::revocation::reason(&object.attributes),
                });
            }
        }
        Ok(revoked)
    }

    /// The next revocation list of a tenant's authority, in DER.
    ///
    /// # Errors
    /// `Conflict` of the store when another one was made at the same moment.
    pub async fn revocation_list(
        &self,
        authority: &Verified<Authority>,
        revoked: &[Revoked],
        until: i64,
    ) -> Result<Vec<u8>, FoundingError> {
        let next = Authority {
            lists: authority.body.lists + 1,
            ..authority.body.clone()
        };
        let period = Period {
            from: self.now,
            until,
        };
        let unsigned = revocation::list(&next.certificate, next.lists, period, revoked)?;
        let list = sign(self.rows.hsm, &next.key, unsigned).await?;
        let version = authority.version + 1;
        let change = entity::put(
            self.rows.hsm,
            KIND,
            authority.tenant,
            AUTHORITY,
            version,
            &next,
        )
        .await?;
        let deed = Deed {
            command: "certificate-authority crl",
            tenant: authority.tenant,
            object: &next.object,
            time: self.now,
        };
        administration::write(self.rows.store, vec![change], deed).await?;
        Ok(list)
    }

    /// No two tenants' authorities have the same name, and a path is made of names: who believes
    /// one tenant's authority does not believe another's, though their key is the same.
    fn name(&self, tenant_name: &str) -> Result<x509_cert::name::Name, CertificateError> {
        subject::name(&[
            (NameAttribute::Organization, "Keyward"),
            (NameAttribute::OrganizationalUnit, tenant_name),
            (NameAttribute::DnQualifier, self.deployment),
            (NameAttribute::CommonName, "Keyward issuing CA"),
        ])
    }

    async fn key(&self) -> Result<IssuingKey, FoundingError> {
        let deployment = TenantId(0);
        let row: Option<Verified<IssuingKey>> = self.rows.read(KIND, deployment, KEY).await?;
        if let Some(row) = row {
            return Ok(row.body);
        }
        // One that an interrupted founding left is as good as new; and a database that lost its row
        // finds the key again under which its certificates were issued.
        let present = self.rows.hsm.issuing_keys().await?.into_iter().next();
        let (name, is_new) = match present {
            Some(name) => (name, false),
            None => (self.rows.hsm.make_issuing_key().await?, true),
        };
        let key = IssuingKey {
            name: name.clone(),
            created: self.now,
        };
        let stands: Verified<IssuingKey> = self
            .put(deployment, KEY, &key, "issuing-authority key")
            .await?;
        if is_new && stands.body.name != name {
            self.rows.hsm.remove_issuing_key(&name).await?;
        }
        Ok(stands.body)
    }

    /// Writes the first version of a row; answers what stands there, ours or another node's.
    async fn put<T: Serialize + serde::de::DeserializeOwned + Clone>(
        &self,
        tenant: TenantId,
        key: &str,
        body: &T,
        command: &str,
    ) -> Result<Verified<T>, FoundingError> {
        let change = entity::put(self.rows.hsm, KIND, tenant, key, 1, body).await?;
        let deed = Deed {
            command,
            tenant,
            object: key,
            time: self.now,
        };
        match administration::write_by(self.rows.store, vec![change], deed, self.by).await {
            Ok(()) | Err(StoreError::Exists) => {}
            Err(error) => return Err(error.into()),
        }
        let row = self.rows.read(KIND, tenant, key).await?;
        row.ok_or(FoundingError::Entity(Unsound::Gone.into()))
    }
}

/// A certificate or list with its signature, in DER.
async fn sign<B: x509_cert::builder::Builder>(
    hsm: &Hsm,
    key: &str,
    unsigned: Unsigned<B>,
) -> Result<Vec<u8>, FoundingError>
where
    B::Output: Encode,
{
    let signature = hsm.sign_certificate(key, &unsigned.message).await?;
    Ok(unsigned.signed(&signature)?)
}

impl Authority {
    /// Issues a certificate; answers its DER.
    pub async fn issue(&self, hsm: &Arc<Hsm>, plan: Plan) -> Result<Vec<u8>, FoundingError> {
        let unsigned = issue::leaf(&self.issuer()?, plan)?;
        sign(hsm, &self.key, unsigned).await
    }

    /// The last second for which it vouches, since 1970.
    pub fn not_after(&self) -> Result<i64, CertificateError> {
        let validity = *self.parsed()?.tbs_certificate().validity();
        let since = validity.not_after.to_unix_duration().as_secs();
        Ok(i64::try_from(since).unwrap_or(i64::MAX))
    }

    fn issuer(&self) -> Result<Issuer, CertificateError> {
        let parsed = self.parsed()?;
        let tbs = parsed.tbs_certificate();
        Ok(Issuer {
            name: tbs.subject().clone(),
            public_key_info: tbs.subject_public_key_info().to_der()?,
        })
    }

    fn parsed(&self) -> Result<Certificate, CertificateError> {
        Ok(Certificate::from_der(&self.certificate)?)
    }
}
