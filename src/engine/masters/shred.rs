//! A tenant is shredded by destroying what no backup of the database has (DESIGN §4.2): its keys go,
//! everybody else's move to a new KEK, and the KEKs that ever wrapped its keys are destroyed in the
//! token. Only then is it shredded. Each step can be taken again.

use serde::{Deserialize, Serialize};

use super::ceremony::{self, Plan, Targets};
use super::holders;
use super::outstanding::tenant_keys;
use super::receipt::{Receipt, Signed, sign, tokens};
use super::{Ground, MastersError, anchored, destroy, keys, refused, version};
use crate::audit::administration::{self, Deed};
use crate::engine::entity::{self, EntityError, Rows, Verified};
use crate::engine::tenant::TenantKey;
use crate::hsm::{Answer, Hsm, MasterKind};
use crate::store::record::{Change, EntityKind, TenantId};

/// Key of a tenant's Shredding row.
pub const SHREDDING: &str = "shredding";
/// Body of a Shredding row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shredding {
    pub name: String,
    /// Seconds since 1970.
    pub begun: i64,
    /// This version of the KEK and all before it are destroyed.
    pub kek: u32,
    /// Backups of the token that an administrator knows of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<String>,
    /// Seconds since 1970; None: keys may still be found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Signed>,
}

/// What no server can know of tokens that are not named.
pub(super) const FORGOTTEN: &str = "that tokens which were forgotten (`keyward token forget`), or never entered in the database, hold none of what was destroyed";

/// What no server can know.
const NOT_PROVEN: [&str; 5] = [
    "that no copy of the token's storage, made before the versions were destroyed, exists elsewhere: with it and an old backup of the database the tenant's keys can be read",
    "that the token's storage medium keeps no remains of what was deleted (file systems, solid state disks, snapshots)",
    "what clients, derived keys in their hands, exports and wrapped copies outside of this server still hold",
    "that other nodes' memory is empty before their processes ended or the keys were evicted; they refuse the tenant from the moment they learn of it, within two seconds",
    FORGOTTEN,
];

/// What a shredding is at.
#[derive(Clone, Debug)]
pub enum Step {
    KeysDeleted,
    NewRoot(String),
    Moved(u64),
    Destroyed(String),
    /// The new root, for the tokens of other machines, in the order of their requests.
    Answers(Vec<Answer>),
}

async fn read(
    ground: Ground<'_>,
    tenant: TenantId,
) -> Result<Option<Verified<Shredding>>, MastersError> {
    let kind = EntityKind::Shredding;
    Ok(entity::read::<Shredding>(ground.store, ground.hsm, kind, tenant, SHREDDING).await?)
}

/// Whether a tenant is, or is being, shredded.
pub async fn is_shredding(rows: &Rows<'_>, tenant: TenantId) -> Result<bool, EntityError> {
    let row = rows
        .read::<Shredding>(EntityKind::Shredding, tenant, SHREDDING)
        .await?;
    Ok(row.is_some())
}

/// All that were begun.
pub async fn shreddings(ground: Ground<'_>) -> Result<Vec<(TenantId, Shredding)>, MastersError> {
    let mut all = Vec::new();
    for row in ground.store.entities(EntityKind::Shredding, None).await? {
        let row = entity::verify::<Shredding>(ground.hsm, row).await?;
        all.push((row.tenant, row.body));
    }
    Ok(all)
}

async fn put(
    ground: Ground<'_>,
    (tenant, row): (TenantId, i64),
    body: &Shredding,
    mut more: Vec<Change>,
) -> Result<(), MastersError> {
    let (hsm, kind) = (ground.hsm, EntityKind::Shredding);
    more.push(entity::put(hsm, kind, tenant, SHREDDING, row + 1, body).await?);
    let deed = Deed {
        command: "tenant shred",
        tenant,
        object: &body.name,
        time: ground.clock.now(),
    };
    administration::write_by(ground.store, more, deed, ground.by).await?;
    Ok(())
}

/// The ceremony that a shredding needs where several tokens hold the masters: a new root for the
/// other tenants. None where there is one token, or the root is there already.
///
/// # Errors
/// Refused when another process is making it.
pub async fn shred_plan(
    ground: Ground<'_>,
    tenant: TenantId,
) -> Result<Option<Plan>, MastersError> {
    if !ground.hsm.shares_masters() {
        return Ok(None);
    }
    ceremony::complete(ground).await?;
    let newest = newest_kek(ground).await?;
    let row = read(ground, tenant).await?;
    match row {
        Some(row) if row.body.done.is_some() || newest > row.body.kek => Ok(None),
        _ => {
            // Before anything is deleted.
            ceremony::all_answer(&holders::report(ground).await?)?;
            let plan = ceremony::plan(ground, &[MasterKind::Kek], false).await?;
            Ok(Some(plan))
        }
    }
}

/// Shreds a tenant, or goes on where it was stopped. `root`: what [`shred_plan`] asked for. `told`
/// hears of each step.
///
/// # Errors
/// When the database or the token does not answer, or one of several tokens still has what is to be
/// destroyed; what was done stays done, and the next call goes on.
pub async fn shred(
    ground: Ground<'_>,
    (tenant, name): (TenantId, &str),
    backups: Vec<String>,
    root: Option<(Plan, Targets)>,
    mut told: impl FnMut(Step),
) -> Result<Signed, MastersError> {
    ground.hsm.look_for_masters().await?;
    let begun = begin(ground, (tenant, name), backups).await?;
    if let Some(receipt) = begun.receipt {
        return Ok(receipt);
    }
    told(Step::KeysDeleted);
    let mut newest = newest_kek(ground).await?;
    if newest <= begun.kek {
        newest = new_root(ground, root, &mut told).await?;
    }
    told(Step::NewRoot(format!("kek-v{newest}")));
    // What a server began to make under the old one is written by then.
    tokio::time::sleep(super::FENCE).await;
    told(Step::Moved(keys::rewrap_now(ground, newest).await?));
    // What is left in one place does not keep the rest.
    let mut left = Vec::new();
    match destroy_anchored(ground, tenant).await {
        Ok(labels) => labels
            .into_iter()
            .for_each(|label| told(Step::Destroyed(label))),
        Err(MastersError::Refused(why)) => left.push(why),
        Err(error) => return Err(error),
    }
    for old in old_keks(ground, begun.kek).await? {
        let place = (MasterKind::Kek, old);
        match destroy::destroy(ground, place, "tenant shred", None).await {
            Ok(()) => told(Step::Destroyed(format!("kek-v{old}"))),
            Err(MastersError::Refused(why)) => left.push(why),
            Err(error) => return Err(error),
        }
    }
    match left.is_empty() {
        true => end(ground, tenant, newest).await,
        false => refused(format!(
            "tenant {name:?} is being shredded, and not shredded yet. {}",
            left.join(". ")
        )),
    }
}

/// Where the other tenants' keys go.
async fn new_root(
    ground: Ground<'_>,
    root: Option<(Plan, Targets)>,
    told: &mut impl FnMut(Step),
) -> Result<u32, MastersError> {
    if !ground.hsm.shares_masters() {
        return version::make(ground, MasterKind::Kek).await;
    }
    let Some((plan, targets)) = root else {
        return refused("the other tenants need a new root, which is made in a ceremony");
    };
    let carried = ceremony::carry_out(ground, plan, &targets).await?;
    told(Step::Answers(carried.answers));
    match carried.waits.first() {
        Some(waits) => refused(format!(
            "the tenant is refused and its keys are deleted; it is shredded when {} is in every token and the older ones are in none. It is not in: {}. Import it there (`keyward token import`), then give the command again",
            waits.version,
            waits.tokens.join("; ")
        )),
        None => newest_kek(ground).await,
    }
}

/// Versions of the KEK that are to be destroyed.
async fn old_keks(ground: Ground<'_>, newest: u32) -> Result<Vec<u32>, MastersError> {
    if !ground.hsm.shares_masters() {
        let there = ground.hsm.master_versions(MasterKind::Kek).await?;
        return Ok(there.into_iter().filter(|old| *old <= newest).collect());
    }
    let mut old = Vec::new();
    for version in 1..=newest {
        let (body, _) = version::read(ground, MasterKind::Kek, version).await?;
        let place = (MasterKind::Kek, version);
        if body.destroyed.is_none() || destroy::held(ground, place).await? {
            old.push(version);
        }
    }
    Ok(old)
}

/// Those of a tenant, which are under no KEK.
async fn destroy_anchored(
    ground: Ground<'_>,
    tenant: TenantId,
) -> Result<Vec<String>, MastersError> {
    let labels = in_tokens(ground, tenant).await?;
    let done = ground.hsm.destroy_anchored(tenant, None).await;
    destroy::all_gone(ground, &labels, done).await?;
    Ok(labels)
}

/// Labels of a tenant's anchored masters that tokens have, or may have.
async fn in_tokens(ground: Ground<'_>, tenant: TenantId) -> Result<Vec<String>, MastersError> {
    let shares = ground.hsm.shares_masters();
    let mut labels = Vec::new();
    for each in ground.hsm.anchored(tenant).await {
        match each.done {
            Ok(found) => labels.extend(found),
            // Its row says what it had.
            Err(_) if shares => {}
            Err(error) => return Err(error.into()),
        }
    }
    if shares {
        let ever = anchored::labels(ground, tenant).await?;
        let holders = holders::report(ground).await?;
        labels.extend(
            ever.into_iter()
                .filter(|label| !holders.with(label).is_empty()),
        );
        // Also such as the database has no row of any more.
        for name in holders.beginning(&Hsm::anchored_names(tenant)) {
            if !labels.iter().any(|label| label.ends_with(&name)) {
                labels.push(name);
            }
        }
    }
    labels.sort();
    labels.dedup();
    Ok(labels)
}

async fn newest_kek(ground: Ground<'_>) -> Result<u32, MastersError> {
    Ok(ground.hsm.newest_kek().await?)
}

/// The tenant's keys go, and it is refused from then on.
async fn begin(
    ground: Ground<'_>,
    (tenant, name): (TenantId, &str),
    backups: Vec<String>,
) -> Result<Shredding, MastersError> {
    if let Some(row) = read(ground, tenant).await? {
        let mut body = row.body;
        let known = body.backups.len();
        body.backups.extend(backups);
        body.backups.sort();
        body.backups.dedup();
        if body.done.is_none() && body.backups.len() > known {
            put(ground, (tenant, row.version), &body, Vec::new()).await?;
        }
        return Ok(body);
    }
    let mut changes = Vec::new();
    for row in tenant_keys(ground).await? {
        if row.tenant != tenant || row.body.is_destroyed() {
            continue;
        }
        let body = TenantKey {
            wrapped: Vec::new(),
            ..row.body
        };
        let (hsm, kind, next) = (ground.hsm, EntityKind::TenantKey, row.version + 1);
        changes.push(entity::put(hsm, kind, tenant, &row.key, next, &body).await?);
    }
    let body = Shredding {
        name: name.to_owned(),
        begun: ground.clock.now(),
        kek: newest_kek(ground).await?,
        backups,
        done: None,
        receipt: None,
    };
    put(ground, (tenant, 0), &body, changes).await?;
    ground.hsm.forget_tenant(tenant).await?;
    Ok(body)
}

/// The old versions are gone: says so, and signs it.
async fn end(ground: Ground<'_>, tenant: TenantId, newest: u32) -> Result<Signed, MastersError> {
    let Some(row) = read(ground, tenant).await? else {
        return refused("the shredding's row is gone");
    };
    let mut body = row.body;
    if !old_keks(ground, body.kek).await?.is_empty() {
        return refused("a token still has a version of the KEK that wrapped the tenant's keys");
    }
    if !in_tokens(ground, tenant).await?.is_empty() {
        return refused("a token still has an anchored master of the tenant");
    }
    let keks = (1..=body.kek).map(|old| format!("kek-v{old}"));
    let anchored = anchored::labels(ground, tenant).await?;
    let done = ground.clock.now();
    let receipt = Receipt {
        deployment: ground.deployment.to_owned(),
        tenant: body.name.clone(),
        tenant_number: tenant.0,
        masters: Vec::new(),
        begun: body.begun,
        done,
        destroyed: keks.chain(anchored).collect(),
        newest: format!("kek-v{newest}"),
        tokens: tokens(ground).await?,
        known_backups: body.backups.clone(),
        not_proven: NOT_PROVEN.map(str::to_owned).to_vec(),
    };
    let signed = sign(ground, receipt).await?;
    (body.done, body.receipt) = (Some(done), Some(signed.clone()));
    put(ground, (tenant, row.version), &body, Vec::new()).await?;
    Ok(signed)
}
