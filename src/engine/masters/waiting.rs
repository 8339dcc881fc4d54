//! Anchored masters that are on their way to tokens of other machines: their rows say *Pre-Active*, and
//! they derive when every token has them.

use super::holders;
use super::{Ground, MastersError};
use crate::audit::administration::{self, Deed};
use crate::object::derivation_master::{self, Anchored};
use crate::store::record::{EntityKind, TenantId};

/// The version of a master whose token object is called so; None where no row waits for it.
pub(super) async fn find(ground: Ground<'_>, name: &str) -> Result<Option<Anchored>, MastersError> {
    let tenant = name
        .strip_prefix("anchored-")
        .and_then(|rest| rest.split('-').next())
        .and_then(|tenant| tenant.parse().ok());
    let Some(tenant) = tenant.map(TenantId) else {
        return Ok(None);
    };
    if ground
        .store
        .entities(EntityKind::Tenant, Some(tenant))
        .await?
        .is_empty()
    {
        return Ok(None);
    }
    let now = ground.clock.now();
    let all = derivation_master::anchored(ground.store, ground.hsm, tenant).await?;
    Ok(all.into_iter().find(|one| {
        label(ground, one).ends_with(&format!("/{name}"))
            && derivation_master::activated(&one.object, now).is_some()
    }))
}

fn label(ground: Ground<'_>, one: &Anchored) -> String {
    let object = &one.object;
    ground
        .hsm
        .anchored_label(object.tenant, &object.unique_identifier, one.version)
}

/// Lets it derive, if every token has it and all have the same; else the tokens that do not.
pub(super) async fn activate(
    ground: Ground<'_>,
    one: &Anchored,
) -> Result<Vec<String>, MastersError> {
    let holders = holders::report(ground).await?;
    let label = label(ground, one);
    let check = holders.own_answer(&label).unwrap_or_default();
    let without = holders.without(&label, check);
    if !without.is_empty() {
        return Ok(without);
    }
    let now = ground.clock.now();
    if let Some(draft) = derivation_master::activated(&one.object, now) {
        let row = draft.seal(ground.hsm, false).await?;
        let deed = Deed {
            command: "key create-master",
            tenant: one.object.tenant,
            object: &one.object.unique_identifier,
            time: now,
        };
        administration::write_by(ground.store, vec![row.change()], deed, ground.by).await?;
    }
    Ok(Vec::new())
}
