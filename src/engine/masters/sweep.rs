//! Rows move to the newest versions, a chunk per commit. Whoever changes a row meanwhile wins: it is
//! looked at again.

use std::time::Instant;

use super::claim::Claim;
use super::material;
use super::outstanding::{Targets, outstanding, swept};
use super::row::{SWEPT, Swept};
use super::{FENCE, Ground, MastersError, Pace, keys};
use crate::engine::entity;
use crate::engine::founding::TENANT;
use crate::engine::tenant::Tenant;
use crate::hsm::TenantKeys;
use crate::object::mac;
use crate::object::managed::Unsound;
use crate::store::StoreError;
use crate::store::record::{Change, Commit, Entity, EntityKind, TenantId};
use crate::store::tally::{Behind, Place};

/// Rows per look.
const PAGE: u32 = 256;
/// Rows of one commit: few enough that nobody waits for it.
const CHUNK: usize = 32;
/// Looks at a tenant's rows before it is left to the next turn: somebody keeps writing them.
const PASSES: u32 = 8;

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Everything is under the newest versions.
    Nothing,
    /// Another process is at it.
    Elsewhere,
    /// `stuck`: rows that cannot be moved, named in the log.
    Done { moved: u64, stuck: u64 },
}

/// Rows that were written, and those that were not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub rows: u64,
    /// Changed by somebody else meanwhile.
    pub again: u64,
    pub stuck: u64,
    /// The claim was lost.
    pub cut: bool,
}

impl Moved {
    pub fn add(&mut self, other: Moved) {
        self.rows += other.rows;
        self.again += other.again;
        self.stuck += other.stuck;
        self.cut |= other.cut;
    }

    pub fn fail(&mut self, what: &str, error: &dyn std::fmt::Display) {
        tracing::error!(row = what, %error, "a row cannot be moved to the newest version of its keys");
        self.stuck += 1;
    }
}

/// Writes rows in one commit; if somebody changed one of them meanwhile, each by itself.
pub(super) async fn write(ground: Ground<'_>, changes: Vec<Change>) -> Result<Moved, StoreError> {
    let mut moved = Moved::default();
    if changes.is_empty() {
        return Ok(moved);
    }
    let commit = |changes| Commit {
        changes,
        audit: Vec::new(),
    };
    match ground.store.apply(commit(changes.clone())).await {
        Ok(()) => moved.rows = changes.len() as u64,
        Err(StoreError::Conflict | StoreError::NameTaken) => {
            for change in changes {
                match ground.store.apply(commit(vec![change])).await {
                    Ok(()) => moved.rows += 1,
                    Err(StoreError::Conflict | StoreError::NameTaken) => moved.again += 1,
                    Err(error) => return Err(error),
                }
            }
        }
        Err(error) => return Err(error),
    }
    Ok(moved)
}

/// Moves what is under older versions, unless another process is at it.
///
/// # Errors
/// When the database or the token does not answer; what was moved until then stays.
pub async fn turn(ground: Ground<'_>, worker: &str, pace: &Pace) -> Result<Turn, MastersError> {
    if outstanding(ground).await?.is_none() {
        return Ok(Turn::Nothing);
    }
    let Some(mut claim) = Claim::take(ground, worker).await? else {
        return Ok(Turn::Elsewhere);
    };
    // From then on nobody makes anything under an older version.
    tokio::time::sleep(FENCE).await;
    let Some(targets) = outstanding(ground).await? else {
        claim.give_up(ground).await?;
        return Ok(Turn::Nothing);
    };
    let keks = keys::behind(ground, targets.kek).await?.len() as u64;
    pace.begin(targets.count(&ground.store.tally().await?, keks));
    let moved = all(ground, &targets, (&mut claim, pace)).await;
    claim.give_up(ground).await?;
    let moved = moved?;
    match moved.cut {
        true => Ok(Turn::Elsewhere),
        false => {
            pace.end(moved.stuck + moved.again);
            Ok(Turn::Done {
                moved: moved.rows,
                stuck: moved.stuck,
            })
        }
    }
}

async fn all(
    ground: Ground<'_>,
    targets: &Targets,
    (claim, pace): (&mut Claim, &Pace),
) -> Result<Moved, MastersError> {
    let known = swept(ground).await?;
    let of = |tenant| known.get(&tenant).copied().unwrap_or_default();
    let mut moved = Moved::default();
    let (below, row) = of(0);
    let mut whole = true;
    if below.kek < targets.kek {
        let keys = keys::rewrap(ground, targets.kek, (claim, pace)).await?;
        whole &= keys.again == 0 && keys.stuck == 0;
        moved.add(keys);
    }
    for (tenant, (wrap, seal)) in &targets.tenants {
        let (swept, row) = of(*tenant);
        let wanted = Swept {
            kek: swept.kek,
            mac: targets.mac,
            wrap: *wrap,
            seal: *seal,
        };
        if moved.cut || swept == wanted {
            continue;
        }
        let archived = swept.wrap < wanted.wrap || swept.seal < wanted.seal;
        let than = Behind {
            wrap: wanted.wrap,
            seal: wanted.seal,
            mac: wanted.mac,
            archived,
        };
        let objects = tenant_rows(ground, TenantId(*tenant), than, (claim, pace)).await?;
        if !objects.cut && objects.again == 0 && objects.stuck == 0 {
            settle(ground, *tenant, wanted, row).await?;
        }
        moved.add(objects);
    }
    // Last: the rows that were written above are among them.
    if !moved.cut && below.mac < targets.mac {
        let entities = entities(ground, targets.mac, (claim, pace)).await?;
        whole &= entities.again == 0 && entities.stuck == 0;
        moved.add(entities);
    }
    let wanted = Swept {
        kek: targets.kek,
        mac: targets.mac,
        ..below
    };
    if whole && !moved.cut && below != wanted {
        // The sweep of all rows may have moved this one, too.
        let row = swept_row(ground).await?.max(row);
        settle(ground, 0, wanted, row).await?;
    }
    Ok(moved)
}

async fn swept_row(ground: Ground<'_>) -> Result<i64, MastersError> {
    Ok(swept(ground).await?.get(&0).map_or(0, |row| row.1))
}

async fn settle(
    ground: Ground<'_>,
    tenant: i64,
    swept: Swept,
    row: i64,
) -> Result<(), MastersError> {
    let (hsm, kind) = (ground.hsm, EntityKind::Swept);
    let put = entity::put(hsm, kind, TenantId(tenant), SWEPT, row + 1, &swept).await?;
    // Who was first is right, too: a conflict is looked at in the next turn.
    write(ground, vec![put]).await?;
    Ok(())
}

/// Lets the next turn look at everything again.
pub(super) async fn unsettle(ground: Ground<'_>) -> Result<(), MastersError> {
    for (tenant, (_, row)) in swept(ground).await? {
        let nothing = Swept {
            kek: 0,
            mac: 0,
            wrap: 0,
            seal: 0,
        };
        settle(ground, tenant, nothing, row).await?;
    }
    Ok(())
}

/// All objects of a tenant, and the rest that is under its seal key.
async fn tenant_rows(
    ground: Ground<'_>,
    tenant: TenantId,
    than: Behind,
    (claim, pace): (&mut Claim, &Pace),
) -> Result<Moved, MastersError> {
    let (store, kind) = (ground.store, EntityKind::Tenant);
    let settings = entity::read::<Tenant>(store, ground.hsm, kind, tenant, TENANT)
        .await?
        .ok_or(Unsound::Gone)?;
    let distinguish = settings.body.duplicate_names;
    let keys = crate::engine::directory::keys(ground.store, ground.hsm, tenant).await?;
    let mut moved = material::secrets(ground, tenant, (&keys, than.seal)).await?;
    for _ in 0..PASSES {
        let pass = objects(ground, (tenant, distinguish), &keys, than, (claim, pace)).await?;
        moved.rows += pass.rows;
        (moved.again, moved.stuck, moved.cut) = (pass.again, pass.stuck, pass.cut);
        if pass.cut || pass.again == 0 {
            break;
        }
    }
    Ok(moved)
}

async fn objects(
    ground: Ground<'_>,
    (tenant, distinguish): (TenantId, bool),
    keys: &TenantKeys,
    than: Behind,
    (claim, pace): (&mut Claim, &Pace),
) -> Result<Moved, MastersError> {
    let (mut moved, mut after) = (Moved::default(), String::new());
    loop {
        let page = ground.store.behind(tenant, &after, &than, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(moved);
        };
        after = last.unique_identifier.clone();
        let mut page = page.into_iter().peekable();
        while page.peek().is_some() {
            let begun = Instant::now();
            let (mut changes, mut freed) = (Vec::with_capacity(CHUNK), Vec::new());
            for record in page.by_ref().take(CHUNK) {
                let identifier = record.unique_identifier.clone();
                match material::moved(ground, keys, distinguish, &than, record).await {
                    Ok(Some(object)) => {
                        freed.extend(object.freed);
                        changes.push(object.change);
                    }
                    Ok(None) => {}
                    Err(error) => moved.fail(&identifier, &error),
                }
            }
            let rows = changes.len() as u64;
            let written = write(ground, changes).await?;
            if written.again == 0 {
                ground.archive.remove(&freed);
            }
            moved.add(written);
            pace.went(rows, begun).await;
            if !claim.holds(ground).await? {
                moved.cut = true;
                return Ok(moved);
            }
        }
    }
}

/// All rows that are no objects get MACs of the newest version.
async fn entities(
    ground: Ground<'_>,
    mac: u32,
    (claim, pace): (&mut Claim, &Pace),
) -> Result<Moved, MastersError> {
    let mut moved = Moved::default();
    for _ in 0..PASSES {
        let (mut pass, mut after) = (Moved::default(), Place::default());
        loop {
            let page = ground.store.entities_behind(&after, mac, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Place {
                kind: last.kind as u8,
                tenant: last.tenant.0,
                key: last.key.clone(),
            };
            let mut page = page.into_iter().peekable();
            while page.peek().is_some() {
                let (begun, mut changes) = (Instant::now(), Vec::with_capacity(CHUNK));
                for row in page.by_ref().take(CHUNK) {
                    // The claim is renewed below.
                    if row.kind == EntityKind::Sweep {
                        continue;
                    }
                    let what = format!("{:?} {}", row.kind, row.key);
                    match again(ground, row).await {
                        Ok(change) => changes.push(change),
                        Err(error) => pass.fail(&what, &error),
                    }
                }
                let rows = changes.len() as u64;
                pass.add(write(ground, changes).await?);
                pace.went(rows, begun).await;
                if !claim.holds(ground).await? {
                    moved.add(pass);
                    moved.cut = true;
                    return Ok(moved);
                }
            }
        }
        moved.rows += pass.rows;
        (moved.again, moved.stuck) = (pass.again, pass.stuck);
        if pass.again == 0 {
            break;
        }
    }
    Ok(moved)
}

/// The same row with a MAC of the newest version.
async fn again(ground: Ground<'_>, row: Entity) -> Result<Change, MastersError> {
    let hsm = ground.hsm;
    hsm.verify_row_mac(row.mac_version, &mac::of_entity(&row), &row.mac)
        .await?;
    let mut next = Entity {
        version: row.version + 1,
        mac_version: hsm.row_mac_version().await?,
        ..row
    };
    next.mac = hsm
        .row_mac(next.mac_version, &mac::of_entity(&next))
        .await?;
    Ok(Change::Put(next))
}
