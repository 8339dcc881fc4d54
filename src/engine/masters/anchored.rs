//! An anchored master is shredded by destroying its token object: no backup of the database has it
//! (DESIGN §4.2, §4.4). First its rows say *Destroyed*, then the token lets go of the keys, and only
//! then is it shredded. Each step can be taken again.

use serde::{Deserialize, Serialize};

use super::receipt::{Receipt, Shredded, Signed, sign, tokens};
use super::{FENCE, Ground, MastersError, destroy, refused};
use crate::audit::administration::{self, Deed};
use crate::engine::entity::{self, Verified};
use crate::object::derivation_master::{self, Anchored, MasterError};
use crate::store::record::{Change, EntityKind, TenantId};

/// Body of a ShreddedMaster row: one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    /// Of the master.
    name: String,
    version: u32,
    /// Label of the token object.
    label: String,
    /// Seconds since 1970.
    begun: i64,
    /// Backups of the token that an administrator knows of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    backups: Vec<String>,
    /// Seconds since 1970; None: the token may still have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receipt: Option<Signed>,
}

/// What no server can know.
const NOT_PROVEN: [&str; 5] = [
    "that no copy of the token's storage, made before the master was destroyed, exists elsewhere: with it and an old backup of the database keys can be derived again",
    "that the token's storage medium keeps no remains of what was deleted (file systems, solid state disks, snapshots)",
    "what clients still hold: keys that they derived, and objects that Derive Key made of them",
    "that other nodes' memory is empty before their processes ended or the key was evicted; they refuse the master from the moment they learn of it, within two seconds",
    super::shred::FORGOTTEN,
];

impl From<MasterError> for MastersError {
    fn from(error: MasterError) -> Self {
        match error {
            MasterError::Refused(why) => MastersError::Refused(why),
            MasterError::Store(error) => error.into(),
            MasterError::Unsound(error) => error.into(),
            MasterError::Token(error) => error.into(),
            MasterError::Entity(error) => error.into(),
            MasterError::Founding(error) => error.into(),
        }
    }
}

/// A tenant and its name.
pub type Named<'a> = (TenantId, &'a str);

type Row = Option<Verified<Version>>;

async fn read(ground: Ground<'_>, one: &Anchored) -> Result<Row, MastersError> {
    let (tenant, key) = (one.object.tenant, one.object.unique_identifier.as_str());
    let kind = EntityKind::ShreddedMaster;
    Ok(entity::read::<Version>(ground.store, ground.hsm, kind, tenant, key).await?)
}

async fn put(
    ground: Ground<'_>,
    one: &Anchored,
    row: i64,
    body: &Version,
) -> Result<Change, MastersError> {
    let (tenant, key) = (one.object.tenant, one.object.unique_identifier.as_str());
    let kind = EntityKind::ShreddedMaster;
    Ok(entity::put(ground.hsm, kind, tenant, key, row + 1, body).await?)
}

async fn write(
    ground: Ground<'_>,
    (tenant, which): Named<'_>,
    changes: Vec<Change>,
) -> Result<(), MastersError> {
    let deed = Deed {
        command: "key shred-master",
        tenant,
        object: which,
        time: ground.clock.now(),
    };
    Ok(administration::write_by(ground.store, changes, deed, ground.by).await?)
}

/// Labels of all anchored masters that a tenant ever had.
pub(super) async fn labels(
    ground: Ground<'_>,
    tenant: TenantId,
) -> Result<Vec<String>, MastersError> {
    let all = derivation_master::anchored(ground.store, ground.hsm, tenant).await?;
    let label = |one: &Anchored| label(ground, one);
    Ok(all.iter().map(label).collect())
}

fn label(ground: Ground<'_>, one: &Anchored) -> String {
    let object = &one.object;
    ground
        .hsm
        .anchored_label(object.tenant, &object.unique_identifier, one.version)
}

/// Versions of an anchored master that [`shred_master`] would shred: refused where it would refuse.
pub async fn shreddable(
    ground: Ground<'_>,
    master: (TenantId, &str),
    only: Option<u32>,
) -> Result<Vec<Anchored>, MastersError> {
    Ok(derivation_master::chosen(ground.store, ground.hsm, master, only).await?)
}

/// Shreds a master, or goes on where it was stopped. `which`: its name for all its versions, or the
/// Unique Identifier of one; `only`: this version. What is shredded already answers its receipt.
///
/// # Errors
/// When the database or the token does not answer; what was done stays done, and the next call goes on.
pub async fn shred_master(
    ground: Ground<'_>,
    (tenant, name): Named<'_>,
    (which, only): (&str, Option<u32>),
    backups: Vec<String>,
) -> Result<Signed, MastersError> {
    let mut left = Vec::new();
    let mut last = None;
    for one in shreddable(ground, (tenant, which), only).await? {
        match read(ground, &one).await? {
            Some(row) if row.body.done.is_some() => last = row.body.receipt,
            _ => left.push(one),
        }
    }
    if let (true, Some(receipt)) = (left.is_empty(), last) {
        return Ok(receipt);
    }
    begin(ground, (tenant, which), &left, &backups).await?;
    // What a server began before it knew is answered by then.
    tokio::time::sleep(FENCE).await;
    let labels: Vec<String> = left.iter().map(|one| label(ground, one)).collect();
    let done = ground.hsm.destroy_anchored(tenant, Some(labels.clone()));
    destroy::all_gone(ground, &labels, done.await).await?;
    end(ground, ((tenant, name), which), &left).await
}

/// The versions are destroyed as objects: nobody derives from them any more.
async fn begin(
    ground: Ground<'_>,
    named: Named<'_>,
    left: &[Anchored],
    backups: &[String],
) -> Result<(), MastersError> {
    let now = ground.clock.now();
    let mut changes = Vec::new();
    for one in left {
        if let Some(draft) = derivation_master::destroyed(&one.object, now) {
            changes.push(draft.seal(ground.hsm, false).await?.change());
        }
        let (mut body, row) = match read(ground, one).await? {
            Some(row) => (row.body, row.version),
            None => {
                let body = Version {
                    name: one.name.clone(),
                    version: one.version,
                    label: label(ground, one),
                    begun: now,
                    backups: Vec::new(),
                    done: None,
                    receipt: None,
                };
                (body, 0)
            }
        };
        let new = backups.iter().filter(|new| !body.backups.contains(new));
        let new: Vec<String> = new.cloned().collect();
        if row == 0 || !new.is_empty() {
            body.backups.extend(new);
            changes.push(put(ground, one, row, &body).await?);
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    write(ground, named, changes).await
}

/// The token has none of them: says so, and signs it.
async fn end(
    ground: Ground<'_>,
    ((tenant, name), which): (Named<'_>, &str),
    left: &[Anchored],
) -> Result<Signed, MastersError> {
    let mut rows = Vec::new();
    for one in left {
        match read(ground, one).await? {
            Some(row) => rows.push((one, row)),
            None => return refused("the shredding's row is gone"),
        }
    }
    let done = ground.clock.now();
    let mut known_backups: Vec<String> = Vec::new();
    for (_, row) in &rows {
        for backup in &row.body.backups {
            if !known_backups.contains(backup) {
                known_backups.push(backup.clone());
            }
        }
    }
    let begun = rows.iter().map(|(_, row)| row.body.begun).min();
    let receipt = Receipt {
        deployment: ground.deployment.to_owned(),
        tenant: name.to_owned(),
        tenant_number: tenant.0,
        masters: left.iter().map(shredded).collect(),
        begun: begun.unwrap_or(done),
        done,
        destroyed: rows.iter().map(|(_, row)| row.body.label.clone()).collect(),
        newest: String::new(),
        tokens: tokens(ground).await?,
        known_backups,
        not_proven: NOT_PROVEN.map(str::to_owned).to_vec(),
    };
    let signed = sign(ground, receipt).await?;
    let mut changes = Vec::new();
    for (one, row) in rows {
        let body = Version {
            done: Some(done),
            receipt: Some(signed.clone()),
            ..row.body
        };
        changes.push(put(ground, one, row.version, &body).await?);
    }
    write(ground, (tenant, which), changes).await?;
    Ok(signed)
}

fn shredded(one: &Anchored) -> Shredded {
    Shredded {
        name: one.name.clone(),
        version: one.version,
        unique_identifier: one.object.unique_identifier.clone(),
    }
}
