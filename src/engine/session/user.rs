//! Users and devices of a tenant: who may be named by a credential in the header of a request.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::password::{Hashed, Unusable, Verifier};
use super::rights::Right;
use crate::engine::entity::{self, EntityError, Rows, Verified};
use crate::hsm::{Hsm, HsmError, TenantKeys};
use crate::object::managed::Unsound;
use crate::store::record::{Blob, BlobKind, Change, EntityKind, TenantId};

/// Characters of the longest name.
const LONGEST: usize = 128;

/// What a device shows of itself (2.1 §9.11). All that is registered must be shown, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    pub serial_number: Option<String>,
    pub identifier: Option<String>,
    pub network: Option<String>,
    pub machine: Option<String>,
    pub media: Option<String>,
}

impl Device {
    fn fields(&self) -> [Option<&str>; 5] {
        [
            self.serial_number.as_deref(),
            self.identifier.as_deref(),
            self.network.as_deref(),
            self.machine.as_deref(),
            self.media.as_deref(),
        ]
    }

    /// Whether it says anything: at least one field is required.
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(Option::is_none)
    }

    /// Key of the device's row.
    pub fn key(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"keyward device 1\0");
        for field in self.fields() {
            hash.update([u8::from(field.is_some())]);
            let field = field.unwrap_or_default();
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        format!("device:{}", hex::encode(hash.finalize()))
    }
}

/// Key of the row of the user of this name.
pub fn key(name: &str) -> String {
    format!("user:{name}")
}

/// Whether a user may be called that.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= LONGEST && !name.chars().any(char::is_control)
}

/// Body of a User's row. Rows are not deleted: a removed user stays as one that nobody can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub name: String,
    /// Seconds since 1970.
    pub created: i64,
    pub removed: Option<i64>,
    /// Counts what ends sessions: a new password, a new beginning. Tickets name theirs.
    pub epoch: u32,
    /// Only clients of this identity may be this user.
    pub identity: Option<String>,
    pub device: Option<Device>,
    /// What is left to whoever shows this credential.
    pub rights: Option<Vec<Right>>,
    /// Timestamp of the last hashed password, microseconds since 1970: the next must be later.
    pub last_timestamp: Option<i64>,
    /// None for a device without a password.
    pub secrets: Option<SealedSecrets>,
}

/// [`Secrets`] under the tenant's seal key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedSecrets {
    key_version: u32,
    length: u32,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
}

impl SealedSecrets {
    fn of(blob: Blob) -> SealedSecrets {
        SealedSecrets {
            key_version: blob.key_version,
            length: blob.length,
            bytes: blob.bytes,
        }
    }

    fn blob(&self) -> Blob {
        Blob {
            kind: BlobKind::Sealed,
            key_version: self.key_version,
            length: self.length,
            bytes: self.bytes.clone(),
        }
    }
}

/// What a user is proven with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    pub verifier: Option<Verifier>,
    /// Empty unless an administrator asked for hashed passwords.
    pub hashed: Vec<Hashed>,
    /// SHA-256 of the one-time passwords that were not used yet, in hexadecimal.
    pub one_time: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum UserError {
    #[error(transparent)]
    Entity(#[from] EntityError),
    #[error(transparent)]
    Token(#[from] HsmError),
    #[error(transparent)]
    Password(#[from] Unusable),
}

/// What a blob of secrets belongs to; it opens for nothing else.
fn binding(tenant: TenantId, key: &str) -> Vec<u8> {
    let mut aad = b"keyward user secrets 1\0".to_vec();
    aad.extend_from_slice(&tenant.0.to_be_bytes());
    aad.extend_from_slice(key.as_bytes());
    aad
}

impl User {
    /// Whether a client of this identity can be this user.
    pub fn is_open_to(&self, identity: &str) -> bool {
        self.removed.is_none() && self.identity.as_deref().is_none_or(|own| own == identity)
    }

    pub fn key(&self) -> String {
        match &self.device {
            Some(device) => device.key(),
            None => key(&self.name),
        }
    }

    /// The secrets in clear; none for a user without.
    pub async fn secrets(&self, hsm: &Hsm, keys: &TenantKeys) -> Result<Secrets, UserError> {
        let Some(sealed) = &self.secrets else {
            return Ok(Secrets::default());
        };
        let aad = binding(keys.tenant(), &self.key());
        let clear = hsm.open_sealed(keys, &aad, &sealed.blob()).await?;
        let damaged = |error: serde_json::Error| {
            EntityError::from(Unsound::Damaged(format!("secrets of a user: {error}")))
        };
        Ok(serde_json::from_slice(&clear).map_err(damaged)?)
    }

    /// Puts other secrets in the place of those that were.
    pub async fn set_secrets(
        &mut self,
        hsm: &Hsm,
        keys: &TenantKeys,
        secrets: &Secrets,
    ) -> Result<(), UserError> {
        let damaged =
            |error: serde_json::Error| EntityError::from(Unsound::Damaged(error.to_string()));
        let clear = Zeroizing::new(serde_json::to_vec(secrets).map_err(damaged)?);
        let blob = hsm
            .seal(keys, &binding(keys.tenant(), &self.key()), &clear)
            .await?;
        self.secrets = Some(SealedSecrets::of(blob));
        Ok(())
    }

    /// Puts the secrets under the newest version of the tenant's seal key, unless they are of a
    /// version from `seal` on; whether they were not.
    pub async fn rewrap_secrets(
        &mut self,
        hsm: &Hsm,
        keys: &TenantKeys,
        seal: u32,
    ) -> Result<bool, HsmError> {
        let Some(sealed) = self.secrets.as_ref().filter(|old| old.key_version < seal) else {
            return Ok(false);
        };
        let aad = binding(keys.tenant(), &self.key());
        let blob = hsm.rewrap_blob(keys, None, &aad, &sealed.blob()).await?;
        self.secrets = Some(SealedSecrets::of(blob));
        Ok(true)
    }

    /// The row of a version, ready to be committed.
    pub async fn put(
        &self,
        hsm: &Hsm,
        tenant: TenantId,
        version: i64,
    ) -> Result<Change, EntityError> {
        entity::put(hsm, EntityKind::User, tenant, &self.key(), version, self).await
    }
}

/// The row behind a key, whoever may be it.
pub async fn read(
    rows: &Rows<'_>,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Verified<User>>, EntityError> {
    rows.read::<User>(EntityKind::User, tenant, key).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_with_other_fields_have_other_keys() {
        let text = |text: &str| Some(text.to_owned());
        let serial = Device {
            serial_number: text("1"),
            ..Device::default()
        };
        let machine = Device {
            machine: text("1"),
            ..Device::default()
        };
        let empty = Device {
            serial_number: text("1"),
            identifier: text(""),
            ..Device::default()
        };
        let both = Device {
            serial_number: text("1"),
            machine: text("1"),
            ..Device::default()
        };
        let keys = [&serial, &machine, &empty, &both].map(Device::key);
        for (place, one) in keys.iter().enumerate() {
            assert!(keys.iter().skip(place + 1).all(|other| other != one));
        }
        assert!(Device::default().is_empty() && !serial.is_empty());
        assert_eq!(serial.key(), serial.clone().key());
    }

    #[test]
    fn names_are_short_and_have_no_control_characters() {
        assert!(is_name("backup user") && is_name("ü"));
        assert!(!is_name("") && !is_name("a\nb") && !is_name(&"x".repeat(LONGEST + 1)));
    }
}
