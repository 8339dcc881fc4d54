//! An older version of a master is destroyed, in every token that has it.

use super::holders;
use super::outstanding::under;
use super::row::Version;
use super::version::{self, deployment, older, put_deployment};
use super::{FENCE, Ground, MastersError, current, refused, sweep};
use crate::audit::administration::{self, Deed};
use crate::engine::founding::DEPLOYMENT;
use crate::hsm::{Each, MasterKind};
use crate::store::record::TenantId;

/// Destroys a version in each token, once nothing is under it. `abandon`: up to so many rows are left
/// under it, and lost.
///
/// # Errors
/// Refused when it is the newest, or something is still under it, or a token still has it: then the
/// next call goes on.
pub async fn destroy(
    ground: Ground<'_>,
    (kind, version): (MasterKind, u32),
    command: &str,
    abandon: Option<u64>,
) -> Result<(), MastersError> {
    let there = older(ground, kind, version).await?;
    let place = (kind, version);
    let (mut body, mut row) = version::read(ground, kind, version).await?;
    // A token that was put back from a backup has it again.
    if body.destroyed.is_some() && !there && !held(ground, place).await? {
        return Ok(());
    }
    if there || ground.hsm.shares_masters() {
        empty(ground, place, abandon).await?;
        let now = ground.clock.now();
        if body.destroying.is_none() {
            body.retired = body.retired.or(Some(now));
            body.destroying = Some(now);
            version::write(ground, place, (&body, row), Vec::new(), command).await?;
            row += 1;
        }
        // What a server began before it knew is written by then.
        tokio::time::sleep(FENCE).await;
        if let Err(error) = empty(ground, place, abandon).await {
            body.destroying = None;
            version::write(ground, place, (&body, row), Vec::new(), command).await?;
            return Err(error);
        }
        if kind == MasterKind::Mac && ground.hsm.wants_row_mac_key() {
            give_up_row_mac_keys(ground, version, command).await?;
        }
        current::admit(ground.store, ground.hsm).await?;
        let done = ground.hsm.destroy_master(kind, version).await;
        all_gone(ground, &[kind.called(version)], done).await?;
    }
    finish(ground, place, command).await
}

async fn finish(
    ground: Ground<'_>,
    (kind, version): (MasterKind, u32),
    command: &str,
) -> Result<(), MastersError> {
    let (body, row) = version::read(ground, kind, version).await?;
    if body.destroyed.is_some() {
        return Ok(());
    }
    let body = Version {
        destroyed: Some(ground.clock.now()),
        ..body
    };
    let place = (kind, version);
    Ok(version::write(ground, place, (&body, row), Vec::new(), command).await?)
}

/// Whether one of several tokens has a version, or may have it.
pub(super) async fn held(
    ground: Ground<'_>,
    (kind, version): (MasterKind, u32),
) -> Result<bool, MastersError> {
    if !ground.hsm.shares_masters() {
        return Ok(false);
    }
    let holders = holders::report(ground).await?;
    Ok(!holders.with(&kind.called(version)).is_empty())
}

/// Whether masters are gone from all tokens; refused with the names of the tokens that may have one.
pub(super) async fn all_gone(
    ground: Ground<'_>,
    names: &[String],
    done: Vec<Each<()>>,
) -> Result<(), MastersError> {
    if !ground.hsm.shares_masters() {
        return done.into_iter().try_for_each(|each| Ok(each.done?));
    }
    for each in &done {
        if let Err(error) = &each.done {
            tracing::debug!(token = each.token, %error, "masters are not destroyed there");
        }
    }
    let holders = holders::report(ground).await?;
    for name in names {
        let left = holders.with(name);
        if !left.is_empty() {
            return refused(format!(
                "{name} is not destroyed everywhere yet; it is, or may be, in: {}. Give the command again when a token is back, and on the machine of each other node; what is done stays done",
                left.join("; ")
            ));
        }
    }
    // The objects are gone, but what is left of them was not wiped: the next call does that again.
    // A token that is away had none of them.
    done.into_iter()
        .filter(|each| holders.answers(&each.token))
        .try_for_each(|each| Ok(each.done?))
}

async fn empty(
    ground: Ground<'_>,
    (kind, version): (MasterKind, u32),
    abandon: Option<u64>,
) -> Result<(), MastersError> {
    match under(ground).await?.of(kind, version) {
        0 => Ok(()),
        left if abandon.is_some_and(|most| left <= most) => Ok(()),
        left => {
            // The servers, or the next command, look at everything again.
            sweep::unsettle(ground).await?;
            refused(format!(
                "{left} rows are still under {0}: a running server moves them, or `keyward token rotate --resume`. Rows that cannot be moved are named there; `keyward token destroy {0} --abandon` lists them and leaves them behind",
                kind.called(version)
            ))
        }
    }
}
async fn give_up_row_mac_keys(
    ground: Ground<'_>,
    version: u32,
    command: &str,
) -> Result<(), MastersError> {
    let mut row = deployment(ground).await?;
    row.body
        .row_mac_keys
        .retain(|key| key.master_version != version);
    let deed = Deed {
        command,
        tenant: TenantId(0),
        object: DEPLOYMENT,
        time: ground.clock.now(),
    };
    let put = put_deployment(ground, &row).await?;
    administration::write_by(ground.store, vec![put], deed, ground.by).await?;
    Ok(ground.hsm.look_for_masters().await?)
}
