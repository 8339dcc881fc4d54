//! What may cross from one token into another in a ceremony.

use serde::{Deserialize, Serialize};
use token::Attribute;
use token::Value::Template;
use token::raw::CKA_UNWRAP_TEMPLATE;

use super::master::{ANCHORED, ISSUING, KEK, MAC, MAC_WRAP, MasterKind, Row};
use super::probe::{Probe, SENSITIVE_ONLY};
use super::{Config, HsmError, anchored};
use crate::store::record::TenantId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Wraps tenants' keys.
    Kek,
    /// Makes row MACs.
    Mac,
    /// Wraps the keys that make row MACs.
    MacWrap,
    /// P-384: signs certificates.
    Issuing,
    /// A derivation master that is a token object.
    Anchored,
}

impl Kind {
    pub fn of(kind: MasterKind, config: &Config) -> Kind {
        match kind {
            MasterKind::Kek => Kind::Kek,
            MasterKind::Mac => Kind::of_mac(config),
        }
    }

    pub fn of_mac(config: &Config) -> Kind {
        match config.macs_in_token() {
            true => Kind::Mac,
            false => Kind::MacWrap,
        }
    }

    pub fn row(self) -> &'static Row {
        match self {
            Kind::Kek => &KEK,
            Kind::Mac => &MAC,
            Kind::MacWrap => &MAC_WRAP,
            Kind::Issuing => &ISSUING,
            Kind::Anchored => &ANCHORED,
        }
    }

    /// CKA_ID of a master of this name.
    pub fn id(self, prefix: &str, name: &str) -> Result<String, HsmError> {
        let misnamed = || HsmError::BadInput(format!("{name} is not called as what it is"));
        let rest = name.strip_prefix(self.row().name).ok_or_else(misnamed)?;
        match self {
            Kind::Anchored => {
                let tenant = rest
                    .split('-')
                    .next()
                    .and_then(|tenant| tenant.parse().ok());
                let tenant = tenant.map(TenantId).ok_or_else(misnamed)?;
                Ok(anchored::id(prefix, tenant))
            }
            Kind::Kek | Kind::Mac | Kind::MacWrap => {
                // Under `kek-v02` the token would have version 2 twice, and open no more.
                MasterKind::parse(name).ok_or_else(misnamed)?;
                Ok(prefix.to_owned())
            }
            Kind::Issuing => Ok(prefix.to_owned()),
        }
    }

    /// The token sees to it that what a KEK unwraps is sensitive, where it can.
    pub fn bound(self, probe: &Probe) -> Option<Attribute<'static>> {
        let bound = (CKA_UNWRAP_TEMPLATE, Template(SENSITIVE_ONLY));
        (self == Kind::Kek && probe.unwrap_template).then_some(bound)
    }
}
