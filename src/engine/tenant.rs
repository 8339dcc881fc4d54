//! Tenants: who shares objects with whom, under which rules, and with which keys they are wrapped.

use serde::{Deserialize, Serialize};

use super::access::Permission;
use crate::hsm::{Purpose, WrappedKey};
use crate::store::record::Class;

/// Body of a Tenant's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    pub name: String,
    /// Identities of the tenant may use each other's objects.
    pub share: bool,
    /// Several objects that are not destroyed may have the same Name (1.4 §3.2 and 2.1 §4.32 say they SHALL not).
    pub duplicate_names: bool,
    /// What nobody in the tenant may do, whatever their profile: withholding wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Permission>,
    #[serde(default, skip_serializing_if = "Classes::are_usual")]
    pub classes: Classes,
}

/// Where the keys of a tenant may exist in clear (DESIGN §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// Keys of class *cached* may be made, and are kept in locked memory between their uses. Where
    /// this is taken back, those that are there are used like keys of class *served*.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// The class of a new key where neither the request nor the client's profile says one; None:
    /// *served*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<Class>,
}

impl Classes {
    fn are_usual(&self) -> bool {
        *self == Classes::default()
    }
}

/// Body of a TenantKey's row; the row's key is `wrap-v1`, `seal-v1` …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantKey {
    /// 1 wraps, 2 seals (`hsm::Purpose`).
    pub purpose: u8,
    pub version: u32,
    pub kek_version: u32,
    /// Wrapped by the KEK (KWP), in hexadecimal.
    #[serde(with = "hex::serde")]
    pub wrapped: Vec<u8>,
}

impl TenantKey {
    pub fn purpose(&self) -> Purpose {
        match self.purpose == Purpose::Wrap as u8 {
            true => Purpose::Wrap,
            false => Purpose::Seal,
        }
    }

    pub fn wrapped(&self) -> WrappedKey {
        WrappedKey {
            kek_version: self.kek_version,
            bytes: self.wrapped.clone(),
        }
    }

    /// Rows are not deleted: of a destroyed key only its version is left.
    pub fn is_destroyed(&self) -> bool {
        self.wrapped.is_empty()
    }

    /// The row's key.
    pub fn key(&self) -> String {
        format!(
            "{}-v{}",
            if self.purpose == 1 { "wrap" } else { "seal" },
            self.version
        )
    }
}

/// Body of an Identity's row; the row's key is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub name: String,
    /// Seconds since 1970.
    pub created: i64,
    /// Named client profiles (the issue Protocol) and `standard`.
    pub profiles: Vec<String>,
    /// The certificate alone is not enough: a credential of a user must be shown, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub requires_credential: bool,
    /// Scopes that it may derive keys for from the tenant's derivation masters: each with all below
    /// it, or `*`. Of masters of its own every scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derive: Vec<String>,
}

/// Body of a Mapping's row; the row's key is `fingerprint:SHA256HEX`, `subject:RFC4514` or `san:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub tenant: i64,
    pub identity: String,
    /// Since when the certificate is no credential any more, in seconds since 1970 (Re-Provision).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<i64>,
}

/// Body of a tenant's Manifest: one versioned list of what must not go missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Names of revoked identities with the time of revocation.
    pub revoked: Vec<(String, i64)>,
}

/// Body of the Deployment's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    pub identifier: String,
    pub created: i64,
    /// With tokens that are too slow to MAC every row themselves: keys under their MAC master.
    pub row_mac_keys: Vec<RowMacKey>,
    /// Its masters were made in a ceremony: they are in several tokens, and were extractable then.
    #[serde(default)]
    pub ceremony: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowMacKey {
    pub version: u32,
    pub master_version: u32,
    #[serde(with = "hex::serde")]
    pub wrapped: Vec<u8>,
}

impl RowMacKey {
    pub fn wrapped(&self) -> WrappedKey {
        WrappedKey {
            kek_version: self.master_version,
            bytes: self.wrapped.clone(),
        }
    }
}
