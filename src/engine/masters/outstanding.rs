//! What is under which version, and what has to be moved.

use std::collections::BTreeMap;

use super::row::{SWEPT, Swept};
use super::{Ground, MastersError};
use crate::engine::entity;
use crate::engine::founding::DEPLOYMENT;
use crate::engine::tenant::{Deployment, TenantKey};
use crate::hsm::{MasterKind, Purpose};
use crate::store::record::{BlobKind, EntityKind, TenantId};
use crate::store::tally::Tally;

/// How many rows are under each version of the masters and of tenants' keys.
#[derive(Clone, Debug, Default)]
pub struct Under {
    masters: BTreeMap<(MasterKind, u32), u64>,
    tenants: BTreeMap<(TenantId, Purpose, u32), u64>,
}

impl Under {
    pub fn of(&self, kind: MasterKind, version: u32) -> u64 {
        self.masters.get(&(kind, version)).copied().unwrap_or(0)
    }

    /// Objects in the database; what is archived stands in the archive.
    pub fn of_tenant(&self, tenant: TenantId, purpose: Purpose, version: u32) -> u64 {
        let key = (tenant, purpose, version);
        self.tenants.get(&key).copied().unwrap_or(0)
    }
}

/// Reads everything.
pub async fn under(ground: Ground<'_>) -> Result<Under, MastersError> {
    let mut under = Under::default();
    for row in tenant_keys(ground).await? {
        if !row.body.is_destroyed() {
            let place = (MasterKind::Kek, row.body.kek_version);
            *under.masters.entry(place).or_default() += 1;
        }
    }
    let masters = master_of_mac(ground).await?;
    let master = |version: u32| masters.get(&version).copied().unwrap_or(version);
    let tally = ground.store.tally().await?;
    let macs = tally
        .objects
        .iter()
        .map(|line| (line.mac_version, line.rows));
    let macs = macs.chain(
        tally
            .entities
            .iter()
            .map(|line| (line.mac_version, line.rows)),
    );
    for (version, rows) in macs {
        let place = (MasterKind::Mac, master(version));
        *under.masters.entry(place).or_default() += rows;
    }
    for line in &tally.objects {
        if let Some((kind, version)) = line.blob
            && let Some(purpose) = purpose(kind)
        {
            let place = (line.tenant, purpose, version);
            *under.tenants.entry(place).or_default() += line.rows;
        }
    }
    Ok(under)
}

/// Of the tenant's key that it is under.
fn purpose(kind: BlobKind) -> Option<Purpose> {
    match kind {
        BlobKind::Wrapped => Some(Purpose::Wrap),
        BlobKind::Sealed => Some(Purpose::Seal),
        BlobKind::Anchored => None,
    }
}

/// Of each key of row MACs the master that wraps it; empty where the masters make the MACs.
pub(super) async fn master_of_mac(ground: Ground<'_>) -> Result<BTreeMap<u32, u32>, MastersError> {
    if !ground.hsm.wants_row_mac_key() {
        return Ok(BTreeMap::new());
    }
    let (store, kind) = (ground.store, EntityKind::Deployment);
    let row = entity::read::<Deployment>(store, ground.hsm, kind, TenantId(0), DEPLOYMENT).await?;
    let keys = row.map(|row| row.body.row_mac_keys).unwrap_or_default();
    Ok(keys
        .iter()
        .map(|key| (key.version, key.master_version))
        .collect())
}

/// All keys of all tenants.
pub(super) async fn tenant_keys(
    ground: Ground<'_>,
) -> Result<Vec<entity::Verified<TenantKey>>, MastersError> {
    let mut keys = Vec::new();
    for row in ground.store.entities(EntityKind::TenantKey, None).await? {
        keys.push(entity::verify::<TenantKey>(ground.hsm, row).await?);
    }
    Ok(keys)
}

/// The newest versions: where everything shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Targets {
    pub kek: u32,
    /// As rows name it.
    pub mac: u32,
    /// Of each tenant, by number: of its wrap key and its seal key; 0 where it has none.
    pub tenants: BTreeMap<i64, (u32, u32)>,
}

impl Targets {
    async fn now(ground: Ground<'_>) -> Result<Targets, MastersError> {
        let keks = ground.hsm.master_versions(MasterKind::Kek).await?;
        let mut targets = Targets {
            kek: keks.last().copied().unwrap_or(0),
            mac: ground.hsm.row_mac_version().await?,
            tenants: BTreeMap::new(),
        };
        for row in ground.store.entities(EntityKind::Tenant, None).await? {
            targets.tenants.insert(row.tenant.0, (0, 0));
        }
        for row in tenant_keys(ground).await? {
            let key = row.body;
            let newest = targets.tenants.entry(row.tenant.0).or_default();
            let newest = match key.purpose() {
                Purpose::Wrap => &mut newest.0,
                Purpose::Seal => &mut newest.1,
            };
            if !key.is_destroyed() {
                *newest = key.version.max(*newest);
            }
        }
        Ok(targets)
    }

    /// How many rows have to be moved.
    pub fn count(&self, tally: &Tally, keks: u64) -> u64 {
        let behind = |line: &&crate::store::tally::Objects| {
            let (wrap, seal) = self
                .tenants
                .get(&line.tenant.0)
                .copied()
                .unwrap_or_default();
            line.mac_version < self.mac
                || match line.blob {
                    Some((BlobKind::Wrapped, version)) => version < wrap,
                    Some((BlobKind::Sealed, version)) => version < seal,
                    Some((BlobKind::Anchored, _)) | None => false,
                }
        };
        let objects = tally.objects.iter().filter(behind).map(|line| line.rows);
        let entities = tally.entities.iter();
        let entities = entities.filter(|line| line.mac_version < self.mac);
        objects.chain(entities.map(|line| line.rows)).sum::<u64>() + keks
    }
}

/// What has to be moved and where to; None when everything is there.
pub(super) async fn outstanding(ground: Ground<'_>) -> Result<Option<Targets>, MastersError> {
    let targets = Targets::now(ground).await?;
    let swept = swept(ground).await?;
    let of = |tenant| swept.get(&tenant).map_or_else(Swept::default, |row| row.0);
    let below = of(0);
    let settled = below.kek >= targets.kek && below.mac >= targets.mac;
    let settled = settled
        && targets.tenants.iter().all(|(tenant, (wrap, seal))| {
            let swept = of(*tenant);
            swept.mac >= targets.mac && swept.wrap >= *wrap && swept.seal >= *seal
        });
    Ok((!settled).then_some(targets))
}

/// What was swept, by tenant, with the rows' versions.
pub(super) async fn swept(ground: Ground<'_>) -> Result<BTreeMap<i64, (Swept, i64)>, MastersError> {
    let mut swept = BTreeMap::new();
    for row in ground.store.entities(EntityKind::Swept, None).await? {
        let row = entity::verify::<Swept>(ground.hsm, row).await?;
        if row.key == SWEPT {
            swept.insert(row.tenant.0, (row.body, row.version));
        }
    }
    Ok(swept)
}
