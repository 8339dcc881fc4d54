//! A job's row: what is kept of it, sealed.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::engine::Engine;
use crate::engine::directory::Caller;
use crate::engine::entity::{self, EntityError, Verified};
use crate::engine::error::{Fault, Reason};
use crate::engine::session::rights::Narrowing;
use crate::hsm::{Hsm, HsmError, TenantKeys};
use crate::protocol::enumeration::ProcessingStage;
use crate::protocol::version::Version;
use crate::store::record::{Blob, BlobKind, Change, EntityKind, TenantId};

/// Seconds that a result waits for its Poll.
pub(super) const KEPT: i64 = 24 * 3600;

/// Body of a Job's row; the row's key is the identity and a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The second half of the Asynchronous Correlation Value.
    #[serde(with = "hex::serde")]
    pub(super) secret: [u8; 14],
    pub identity: String,
    pub operation: u32,
    pub(super) major: u16,
    pub(super) minor: u16,
    /// Seconds since 1970.
    pub submitted: i64,
    pub stage: Stage,
    /// What the request's credentials left to it, and what the audit record calls them.
    #[serde(default)]
    pub(super) narrowing: Narrowing,
    #[serde(default)]
    pub(super) credentials: Vec<String>,
    /// The request, then the answer.
    pub(super) sealed: Sealed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) key_version: u32,
    pub(super) length: u32,
    #[serde(with = "hex::serde")]
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Submitted,
    Done,
    /// Polled or cancelled: the slot is free.
    Over,
}

impl Sealed {
    fn blob(&self) -> Blob {
        Blob {
            kind: BlobKind::Sealed,
            key_version: self.key_version,
            length: self.length,
            bytes: self.bytes.clone(),
        }
    }
}

impl Job {
    /// Puts what is kept under the newest version of the tenant's seal key, unless it is of a version
    /// from `seal` on; whether it was not.
    pub(in crate::engine) async fn rewrap(
        &mut self,
        hsm: &Hsm,
        deployment: &str,
        (tenant, key): (TenantId, &str),
        (keys, seal): (&TenantKeys, u32),
    ) -> Result<bool, HsmError> {
        if self.sealed.bytes.is_empty() || self.sealed.key_version >= seal {
            return Ok(false);
        }
        if self.stage == Stage::Over {
            // Nobody opens it any more.
            self.sealed.bytes = Vec::new();
            return Ok(true);
        }
        let aad = binding(deployment, tenant, key, self.stage);
        let blob = hsm
            .rewrap_blob(keys, None, &aad, &self.sealed.blob())
            .await?;
        self.sealed = Sealed {
            key_version: blob.key_version,
            length: blob.length,
            bytes: blob.bytes,
        };
        Ok(true)
    }

    pub(super) fn version(&self) -> Version {
        Version::new(self.major, self.minor)
    }

    pub(super) fn is_free(&self, now: i64) -> bool {
        self.stage == Stage::Over || (self.stage == Stage::Done && self.submitted + KEPT < now)
    }

    pub fn processing_stage(&self) -> ProcessingStage {
        match self.stage {
            Stage::Submitted => ProcessingStage::SUBMITTED,
            Stage::Done | Stage::Over => ProcessingStage::COMPLETED,
        }
    }
}

/// Where a job is: its tenant and its row's key.
pub(super) type Place = (TenantId, String);

pub(super) fn key(identity: &str, slot: u16) -> String {
    format!("{identity}/{slot}")
}

pub(super) fn unknown() -> Fault {
    Fault::new(
        Reason::InvalidAsynchronousCorrelationValue,
        "no operation of this identity goes by this Asynchronous Correlation Value",
    )
}

pub(super) fn fault(error: EntityError) -> Fault {
    match error {
        EntityError::Store(error) => error.into(),
        EntityError::Unsound(error) => crate::engine::context::unsound("job", &error),
    }
}

/// What a job's secrets are bound to.
fn binding(deployment: &str, tenant: TenantId, key: &str, stage: Stage) -> Vec<u8> {
    let stage = if stage == Stage::Submitted {
        "request"
    } else {
        "answer"
    };
    let mut out = Vec::with_capacity(96 + key.len());
    for part in [deployment, "job", stage, key] {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(&tenant.0.to_be_bytes());
    out
}

pub(super) async fn seal(
    engine: &Engine,
    caller: &Caller,
    key: &str,
    stage: Stage,
    clear: &[u8],
) -> Result<Sealed, Fault> {
    let aad = binding(&engine.deployment, caller.tenant_id, key, stage);
    let blob = engine.hsm.seal(&caller.tenant.keys, &aad, clear).await?;
    Ok(Sealed {
        key_version: blob.key_version,
        length: blob.length,
        bytes: blob.bytes,
    })
}

pub(super) async fn open(
    engine: &Engine,
    caller: &Caller,
    key: &str,
    job: &Job,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let aad = binding(&engine.deployment, caller.tenant_id, key, job.stage);
    let blob = job.sealed.blob();
    Ok(engine
        .hsm
        .open_sealed(&caller.tenant.keys, &aad, &blob)
        .await?)
}

pub(super) async fn row(
    engine: &Engine,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Verified<Job>>, Fault> {
    engine
        .rows()
        .read::<Job>(EntityKind::Job, tenant, key)
        .await
        .map_err(fault)
}

pub(super) async fn put(
    engine: &Engine,
    place: &Place,
    version: i64,
    job: &Job,
) -> Result<Change, Fault> {
    let (tenant, key) = place;
    entity::put(&engine.hsm, EntityKind::Job, *tenant, key, version, job)
        .await
        .map_err(fault)
}
