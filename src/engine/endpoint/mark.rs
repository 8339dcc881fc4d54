//! Up to where in the journal an identity was told, and which node tells it: a row of each identity
//! that was ever subscribed. The journal is written in the transaction of the change itself, so with
//! this row it is the outbox: what was not told stands behind the mark.

use serde::{Deserialize, Serialize};

use super::super::{Engine, entity};
use crate::engine::entity::{EntityError, Verified};
use crate::store::StoreError;
use crate::store::record::{Commit, EntityKind, TenantId};

pub(super) const KIND: EntityKind = EntityKind::Told;

/// Body of the row; its key is the identity's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Position in the journal: everything up to it was told, or fell out.
    pub position: i64,
    /// The node on whose connection the identity is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

impl Engine {
    pub(super) async fn mark(
        &self,
        tenant: TenantId,
        identity: &str,
    ) -> Result<Option<Verified<Mark>>, EntityError> {
        self.rows().read(KIND, tenant, identity).await
    }

    /// Writes the mark after `version`; false where another node has written it meanwhile.
    pub(super) async fn put_mark(
        &self,
        (tenant, identity): (TenantId, &str),
        version: i64,
        mark: &Mark,
    ) -> Result<bool, EntityError> {
        let change = entity::put(&self.hsm, KIND, tenant, identity, version + 1, mark).await?;
        let commit = Commit {
            changes: vec![change],
            audit: Vec::new(),
        };
        match self.commit(commit).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict | StoreError::Exists) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
