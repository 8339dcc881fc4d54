//! Rows about versions.

use serde::{Deserialize, Serialize};

/// Body of a MasterVersion's row; the row's key is `kek-v2`. The first versions have none: they come
/// with the deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    /// Seconds since 1970, as all times here.
    pub begun: i64,
    /// Of several tokens: SHA-256 of its known answer, in hexadecimal. It is used when every token
    /// answers so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The token has it; of several, all of them. From then on it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<i64>,
    /// Tokens that still have it are to destroy it, and none is without it by mistake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroying: Option<i64>,
    /// The token does not have it any more; of several, none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroyed: Option<i64>,
}

/// Body of a Swept row: nothing is under an older version than these. A tenant's row speaks of its
/// objects, the deployment's (tenant 0) of tenants' keys (`kek`) and of all rows that are no objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Swept {
    pub kek: u32,
    pub mac: u32,
    pub wrap: u32,
    pub seal: u32,
}

impl Default for Swept {
    /// What was never swept has first versions only.
    fn default() -> Self {
        Swept {
            kek: 1,
            mac: 1,
            wrap: 1,
            seal: 1,
        }
    }
}

/// Key of Swept rows.
pub(super) const SWEPT: &str = "swept";

/// Body of the Sweep row: who re-wraps, and until when the others leave it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sweep {
    pub worker: String,
    pub until: i64,
}

/// Key of the Sweep row.
pub(super) const SWEEP: &str = "sweep";

/// Body of a Holder row: the tokens of a node, as it last saw them. The row's key is the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Holder {
    pub tokens: Vec<Held>,
}

/// A token of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    /// As the node's configuration names it.
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub manufacturer: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// By name (`kek-v2`): SHA-256 of its known answer, in hexadecimal. None: it was never seen.
    pub masters: Option<std::collections::BTreeMap<String, String>>,
}
