//! Derivation masters that are token objects of their own (DESIGN §4.2): no backup of the database
//! has them. Each has a label that names deployment, tenant, master and version; the row of the master
//! names the label and nothing else.

use token::{Handle, Mechanism, Session};

use super::line::{Loaded, Seat};
use super::master::{self, ANCHORED, prefix};
use super::pool::Cost;
use super::use_key::{KeyKind, Role, UseKey};
use super::{Config, Each, Hsm, HsmError, Source};
use crate::store::record::{Blob, BlobKind, TenantId};

use std::sync::Arc;

/// Anchored masters of a tenant, all versions: tokens have little room, and others need some.
pub const MOST_ANCHORED: usize = 64;

/// Of all of a tenant; another than the masters', which are looked for at every start.
pub(super) fn id(prefix: &str, tenant: TenantId) -> String {
    format!("{prefix}anchored/{}", tenant.0)
}

/// All labels of a master's versions begin so.
fn start(config: &Config, tenant: TenantId, master: &str) -> String {
    let (prefix, name) = (prefix(config), ANCHORED.name);
    format!("{prefix}{name}{}-{master}-v", tenant.0)
}

fn of_tenant(
    session: &Session,
    config: &Config,
    tenant: TenantId,
) -> Result<Vec<(String, Handle)>, HsmError> {
    let mut found = Vec::new();
    for key in master::find(session, &id(&prefix(config), tenant), ANCHORED.class)? {
        found.push((master::label(session, key)?, key));
    }
    found.sort();
    Ok(found)
}

/// Refused where a tenant has as many as it may have.
pub(super) fn room(session: &Session, config: &Config, tenant: TenantId) -> Result<(), HsmError> {
    match of_tenant(session, config, tenant)?.len() < MOST_ANCHORED {
        true => Ok(()),
        false => Err(HsmError::BadInput(format!(
            "the token keeps {MOST_ANCHORED} anchored masters of a tenant, of all versions, and has as many; `keyward key shred-master` makes room"
        ))),
    }
}

fn make(session: &Session, config: &Config, tenant: TenantId, label: &str) -> Result<(), HsmError> {
    let there = of_tenant(session, config, tenant)?;
    // A call that went through before the connection was made anew.
    if there.iter().any(|(other, _)| other == label) {
        return Ok(());
    }
    room(session, config, tenant)?;
    let id = id(&prefix(config), tenant);
    let template = ANCHORED.attributes(id.as_bytes(), label.as_bytes());
    session.generate_key(Mechanism::Plain(ANCHORED.generator), &template)?;
    Ok(())
}

/// The token object, whose attributes say that it could never leave.
fn find(session: &Session, config: &Config, label: &str) -> Result<Handle, HsmError> {
    match master::find_labelled(session, label, ANCHORED.class)?.as_slice() {
        [key] => {
            ANCHORED.check(session, config, *key, label)?;
            Ok(*key)
        }
        [] => Err(HsmError::Lost(format!(
            "the token has no {label} (any more): the anchored master was shredded, or is in another token"
        ))),
        _ => Err(HsmError::Damaged(format!("{label} is there twice"))),
    }
}

impl Hsm {
    /// The label of a version of an anchored master.
    pub fn anchored_label(&self, tenant: TenantId, master: &str, version: u32) -> String {
        format!(
            "{}{version}",
            start(&self.pool.inner.config, tenant, master)
        )
    }

    /// How the names of a tenant's anchored masters begin.
    pub fn anchored_names(tenant: TenantId) -> String {
        format!("{}{}-", ANCHORED.name, tenant.0)
    }

    /// Makes an HMAC key of 256 bits that is a token object, and answers what the row says of it.
    ///
    /// # Errors
    /// [`HsmError::Refused`] when other tokens hold the masters, too: then [`Hsm::make_next`] makes
    /// it. [`HsmError::BadInput`] when the tenant has [`MOST_ANCHORED`].
    pub async fn make_anchored(
        &self,
        tenant: TenantId,
        master: &str,
        version: u32,
    ) -> Result<Blob, HsmError> {
        self.only_here()?;
        let label = self.anchored_label(tenant, master, version);
        self.pool
            .run(Cost::Long, [label.as_bytes()], move |seat, [label]| {
                let label = String::from_utf8_lossy(label);
                make(&seat.line.anchor(), &seat.inner.config, tenant, &label)
            })
            .await?;
        Ok(anchored_blob(label))
    }

    /// Labels of a tenant's anchored masters in each token that answers.
    pub async fn anchored(&self, tenant: TenantId) -> Vec<Each<Vec<String>>> {
        self.each(move |seat| {
            let found = of_tenant(&seat.line.anchor(), &seat.inner.config, tenant)?;
            Ok(found.into_iter().map(|(label, _)| label).collect())
        })
        .await
    }

    /// Destroys anchored masters of a tenant in each token that answers, which nobody brings back;
    /// those that are gone are no error. Without `labels` all of them.
    pub async fn destroy_anchored(
        &self,
        tenant: TenantId,
        labels: Option<Vec<String>>,
    ) -> Vec<Each<()>> {
        self.each(move |seat| {
            let anchor = seat.line.anchor();
            for (label, key) in of_tenant(&anchor, &seat.inner.config, tenant)? {
                if labels.as_ref().is_none_or(|some| some.contains(&label)) {
                    anchor.destroy(key)?;
                }
            }
            // Also where nothing is left: whoever destroyed it may have been stopped here.
            wipe(seat)
        })
        .await
    }

    /// An anchored master's handle.
    pub(super) async fn load_anchored(
        &self,
        key: &UseKey<'_>,
        role: Role,
    ) -> Result<Arc<Loaded>, HsmError> {
        if role != Role::Mac || key.kind != KeyKind::Generic {
            return Err(HsmError::BadKey(
                "an anchored master makes MACs and nothing else".into(),
            ));
        }
        let start = start(&self.pool.inner.config, key.tenant, key.unique_identifier);
        let own = std::str::from_utf8(&key.blob.bytes)
            .ok()
            .filter(|label| label.starts_with(&start))
            .ok_or(HsmError::Integrity(
                "a row names another master's token object",
            ))?;
        self.pool
            .run(Cost::Short, [own.as_bytes()], |seat, [label]| {
                let label = String::from_utf8_lossy(label);
                load(seat, &label)
            })
            .await
    }
}

/// What the row of an anchored master holds.
pub(super) fn anchored_blob(label: String) -> Blob {
    Blob {
        kind: BlobKind::Anchored,
        key_version: 0,
        length: 32,
        bytes: label.into_bytes(),
    }
}

/// No remains of what was destroyed in the embedded token's files.
pub(super) fn wipe(seat: &Seat<'_>) -> Result<(), HsmError> {
    match &seat.inner.config.source {
        Source::Embedded { dir } => Ok(token::wipe_deleted(dir)?),
        Source::Module { .. } => Ok(()),
    }
}

fn load(seat: &Seat<'_>, label: &str) -> Result<Arc<Loaded>, HsmError> {
    let config = &seat.inner.config;
    match config.source {
        // Read and decrypted at every use, where it is a token object.
        Source::Embedded { .. } => {
            seat.load(|anchor| master::at_hand(anchor, config, find(anchor, config, label)?))
        }
        Source::Module { .. } => seat.borrow(|anchor| find(anchor, config, label)),
    }
}
