//! Versions of the masters, by an administrator's hand: the next one, none more of an older one, gone.

use super::holders;
use super::outstanding::under;
use super::row::Version;
use super::{Ground, MastersError, refused};
use crate::audit::administration::{self, Deed};
use crate::engine::entity::{self, Verified};
use crate::engine::founding::DEPLOYMENT;
use crate::engine::tenant::{Deployment, RowMacKey};
use crate::hsm::MasterKind;
use crate::object::managed::Unsound;
use crate::store::StoreError;
use crate::store::record::{Change, EntityKind, TenantId};

/// Another process that began to make a version and did not end is given up after this, in seconds.
pub(super) const GIVEN_UP: i64 = 30;

/// A version as administrators see it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listed {
    /// `kek-v2`.
    pub name: String,
    pub version: u32,
    /// `waiting` (not in all tokens yet), `newest`, `in use`, `retired`, `destroying` (not everywhere
    /// yet), `destroyed`.
    pub state: &'static str,
    pub made: Option<i64>,
    pub retired: Option<i64>,
    pub destroyed: Option<i64>,
    /// Rows that only this version opens: tenants' keys of a KEK, all rows of a MAC master.
    pub under: u64,
    /// Where several tokens hold the masters: which of them has it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Place>,
}

/// A token, and whether it has a version.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Place {
    pub node: String,
    pub token: String,
    /// SHA-256 of what the version answers there, in hexadecimal. None: it is not there.
    pub answer: Option<String>,
    /// Why the token does not answer now; what it has is what was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away: Option<String>,
}

pub(super) async fn read(
    ground: Ground<'_>,
    kind: MasterKind,
    version: u32,
) -> Result<(Version, i64), MastersError> {
    let (store, key) = (ground.store, kind.called(version));
    let kind = EntityKind::MasterVersion;
    let row = entity::read::<Version>(store, ground.hsm, kind, TenantId(0), &key).await?;
    Ok(row.map_or((Version::default(), 0), |row| (row.body, row.version)))
}

/// Writes a version's row, and with a command the audit record of it.
pub(super) async fn write(
    ground: Ground<'_>,
    (kind, version): (MasterKind, u32),
    (body, row): (&Version, i64),
    more: Vec<Change>,
    command: &str,
) -> Result<(), StoreError> {
    let key = kind.called(version);
    let (hsm, kind, row) = (ground.hsm, EntityKind::MasterVersion, row + 1);
    let put = entity::put(hsm, kind, TenantId(0), &key, row, body).await;
    let mut changes = vec![put.map_err(|error| StoreError::Damaged(error.to_string()))?];
    changes.extend(more);
    let deed = Deed {
        command,
        tenant: TenantId(0),
        object: &key,
        time: ground.clock.now(),
    };
    administration::write_by(ground.store, changes, deed, ground.by).await
}

/// Makes the next version of a master; everything new is under it from then on. What is under an
/// older one is [`super::turn`]'s to move.
///
/// # Errors
/// Refused when somebody else is making it at the moment.
pub async fn make(ground: Ground<'_>, kind: MasterKind) -> Result<u32, MastersError> {
    ground.hsm.look_for_masters().await?;
    let newest = newest(ground, kind).await?;
    let (known, row) = read(ground, kind, newest).await?;
    if row > 0 && known.made.is_none() {
        // Somebody was stopped between the token and the database.
        settle(ground, kind, newest, (known, row)).await?;
        return Ok(newest);
    }
    let version = newest
        .checked_add(1)
        .ok_or_else(|| MastersError::Refused("there are no more versions".to_owned()))?;
    let (mut body, mut row) = read(ground, kind, version).await?;
    let now = ground.clock.now();
    if body.made.is_some() {
        return refused(format!(
            "{} was made and is not in the token: it is not the token that the database goes with",
            kind.called(version)
        ));
    }
    if row > 0 && body.begun.saturating_add(GIVEN_UP) > now {
        return busy(kind, version);
    }
    body.begun = now;
    begin(ground, (kind, version), (&body, row)).await?;
    row += 1;
    ground.hsm.make_master(kind, version).await?;
    settle(ground, kind, version, (body, row)).await?;
    Ok(version)
}

pub(super) fn busy<T>(kind: MasterKind, version: u32) -> Result<T, MastersError> {
    refused(format!(
        "another process is making {} at the moment; look again in half a minute",
        kind.called(version)
    ))
}

/// Of two that begin at once the token would keep two keys of one name.
pub(super) async fn begin(
    ground: Ground<'_>,
    (kind, version): (MasterKind, u32),
    row: (&Version, i64),
) -> Result<(), MastersError> {
    let place = (kind, version);
    match write(ground, place, row, Vec::new(), "token rotate").await {
        Ok(()) => Ok(()),
        Err(StoreError::Exists | StoreError::Conflict) => busy(kind, version),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn newest(ground: Ground<'_>, kind: MasterKind) -> Result<u32, MastersError> {
    let versions = ground.hsm.master_versions(kind).await?;
    let none = || MastersError::Refused("the token has no masters".to_owned());
    versions.last().copied().ok_or_else(none)
}

/// The token has the version: says so to everybody.
pub(super) async fn settle(
    ground: Ground<'_>,
    kind: MasterKind,
    version: u32,
    (mut body, row): (Version, i64),
) -> Result<(), MastersError> {
    let mut more = Vec::new();
    if kind == MasterKind::Mac && ground.hsm.wants_row_mac_key() {
        more.extend(next_row_mac_key(ground, version).await?);
    }
    body.made = Some(ground.clock.now());
    write(ground, (kind, version), (&body, row), more, "token rotate").await?;
    // Row MAC keys that came with it.
    Ok(ground.hsm.look_for_masters().await?)
}

pub(super) async fn deployment(ground: Ground<'_>) -> Result<Verified<Deployment>, MastersError> {
    let (store, kind) = (ground.store, EntityKind::Deployment);
    let row = entity::read::<Deployment>(store, ground.hsm, kind, TenantId(0), DEPLOYMENT).await?;
    row.ok_or_else(|| Unsound::Gone.into())
}

pub(super) async fn put_deployment(
    ground: Ground<'_>,
    row: &Verified<Deployment>,
) -> Result<Change, MastersError> {
    let (hsm, kind, next) = (ground.hsm, EntityKind::Deployment, row.version + 1);
    Ok(entity::put(hsm, kind, TenantId(0), DEPLOYMENT, next, &row.body).await?)
}

/// Where the token only wraps the keys of row MACs: a new one under a master that is used from now on.
async fn next_row_mac_key(ground: Ground<'_>, master: u32) -> Result<Option<Change>, MastersError> {
    let mut row = deployment(ground).await?;
    let keys = &mut row.body.row_mac_keys;
    let last = keys.iter().map(|key| key.version).max().unwrap_or(0);
    if keys.iter().any(|key| key.master_version == master) {
        return Ok(None);
    }
    let wrapped = ground.hsm.new_row_mac_key_under(master).await?;
    keys.push(RowMacKey {
        version: last.saturating_add(1),
        master_version: wrapped.kek_version,
        wrapped: wrapped.bytes,
    });
    put_deployment(ground, &row).await.map(Some)
}

/// All versions of both masters, also those that are gone, and those that are on their way.
pub async fn list(ground: Ground<'_>) -> Result<Vec<Listed>, MastersError> {
    ground.hsm.look_for_masters().await?;
    let holders = match ground.hsm.shares_masters() {
        true => Some(holders::report(ground).await?),
        false => None,
    };
    let under = under(ground).await?;
    let mut listed = Vec::new();
    for kind in MasterKind::ALL {
        let there = ground.hsm.master_versions(kind).await?;
        let newest = there.last().copied().unwrap_or(0);
        for version in 1..=newest.saturating_add(1) {
            let (body, row) = read(ground, kind, version).await?;
            if version > newest && body.check.is_none() {
                continue;
            }
            let name = kind.called(version);
            let tokens = holders.as_ref().map(|holders| holders.places(&name));
            let present = match &tokens {
                Some(_) => body.destroyed.is_none(),
                None => there.contains(&version),
            };
            listed.push(Listed {
                state: match () {
                    () if !present => "destroyed",
                    () if version > newest => "waiting",
                    () if version == newest => "newest",
                    () if body.destroying.is_some() => "destroying",
                    () if body.retired.is_some() => "retired",
                    () => "in use",
                },
                made: body.made.filter(|_| row > 0),
                retired: body.retired,
                destroyed: body.destroyed,
                under: under.of(kind, version),
                tokens: tokens.unwrap_or_default(),
                name,
                version,
            });
        }
    }
    Ok(listed)
}

/// Whether it is there, and not the newest.
pub(super) async fn older(
    ground: Ground<'_>,
    kind: MasterKind,
    version: u32,
) -> Result<bool, MastersError> {
    ground.hsm.look_for_masters().await?;
    let there = ground.hsm.master_versions(kind).await?;
    if version == 0 || there.last().is_some_and(|newest| version >= *newest) {
        return refused(format!(
            "{} is the newest version, or there is none of that number; `keyward token rotate {}` makes a newer one",
            kind.called(version),
            kind.name()
        ));
    }
    Ok(there.contains(&version))
}

/// From now on nothing is made under a version; what is under it is still opened.
///
/// # Errors
/// Refused when it is the newest, or destroyed.
pub async fn retire(
    ground: Ground<'_>,
    kind: MasterKind,
    version: u32,
    command: &str,
) -> Result<(), MastersError> {
    if !older(ground, kind, version).await? {
        return refused(format!("{} is destroyed", kind.called(version)));
    }
    let (mut body, row) = read(ground, kind, version).await?;
    if body.retired.is_some() {
        return Ok(());
    }
    body.retired = Some(ground.clock.now());
    Ok(write(ground, (kind, version), (&body, row), Vec::new(), command).await?)
}
