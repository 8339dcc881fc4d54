//! Rows that an older version of a master keeps from being destroyed, by name: for administrators who
//! leave them behind.

use super::outstanding::{master_of_mac, tenant_keys};
use super::{Ground, MastersError};
use crate::hsm::MasterKind;
use crate::store::record::EntityKind;
use crate::store::tally::{Behind, Place};

/// Rows per look.
const PAGE: u32 = 256;

/// Names of the rows under a version: tenants' keys of a KEK, all rows of a MAC master.
pub async fn left_behind(
    ground: Ground<'_>,
    kind: MasterKind,
    version: u32,
) -> Result<Vec<String>, MastersError> {
    match kind {
        MasterKind::Kek => {
            let keys = tenant_keys(ground).await?.into_iter();
            let under =
                keys.filter(|row| !row.body.is_destroyed() && row.body.kek_version == version);
            Ok(under
                .map(|row| {
                    format!(
                        "{} of tenant {}, and all that is under it",
                        row.key, row.tenant.0
                    )
                })
                .collect())
        }
        MasterKind::Mac => macs(ground, version).await,
    }
}

async fn macs(ground: Ground<'_>, version: u32) -> Result<Vec<String>, MastersError> {
    let masters = master_of_mac(ground).await?;
    let is_under = |row: u32| masters.get(&row).copied().unwrap_or(row) == version;
    let newest = ground.hsm.row_mac_version().await?;
    let mut rows = Vec::new();
    for tenant in ground.store.entities(EntityKind::Tenant, None).await? {
        let (than, mut after) = (
            Behind {
                wrap: 0,
                seal: 0,
                mac: newest,
                archived: false,
            },
            String::new(),
        );
        loop {
            let page = ground
                .store
                .behind(tenant.tenant, &after, &than, PAGE)
                .await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.unique_identifier);
            let under = page.iter().filter(|row| is_under(row.mac_version));
            rows.extend(under.map(|row| {
                format!(
                    "object {} of tenant {}",
                    row.unique_identifier, row.tenant.0
                )
            }));
        }
    }
    let mut after = Place::default();
    loop {
        let page = ground.store.entities_behind(&after, newest, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Place {
            kind: last.kind as u8,
            tenant: last.tenant.0,
            key: last.key.clone(),
        };
        let under = page.iter().filter(|row| is_under(row.mac_version));
        rows.extend(
            under.map(|row| format!("{:?} {} of tenant {}", row.kind, row.key, row.tenant.0)),
        );
    }
    Ok(rows)
}
