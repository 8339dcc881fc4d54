//! What identities are granted by name, until policies say it.

use super::entity;
use super::founding::FoundingError;
use super::tenant::Identity;
use crate::audit::administration::{self, Deed};
use crate::hsm::Hsm;
use crate::object::derivation_master::check_prefix;
use crate::store::Store;
use crate::store::record::{EntityKind, TenantId};

/// Scopes that one identity can be granted: a list, not a directory.
const MOST: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    Give,
    Withdraw,
}

impl Grant {
    fn command(self) -> &'static str {
        match self {
            Grant::Give => "client grant",
            Grant::Withdraw => "client withdraw",
        }
    }
}

/// Changes the scopes that an identity may derive keys for; answers those that it has then.
///
/// # Errors
/// Refused when the tenant has no such identity, a scope is none, or was not granted.
pub async fn derive(
    store: &Store,
    hsm: &Hsm,
    (tenant, name): (TenantId, &str),
    scopes: &[String],
    grant: Grant,
    now: i64,
) -> Result<Vec<String>, FoundingError> {
    let refused = |why: String| Err(FoundingError::Refused(why));
    let kind = EntityKind::Identity;
    let Some(found) = entity::read::<Identity>(store, hsm, kind, tenant, name).await? else {
        return refused(format!(
            "the tenant has no identity {name:?}; see `keyward client list`"
        ));
    };
    let mut identity = found.body;
    for scope in scopes {
        if let Err(why) = check_prefix(scope) {
            return refused(format!("{scope:?} is no scope: {why}"));
        }
        let place = identity.derive.iter().position(|own| own == scope);
        match (grant, place) {
            (Grant::Give, None) => identity.derive.push(scope.clone()),
            (Grant::Give, Some(_)) => {}
            (Grant::Withdraw, Some(place)) => {
                identity.derive.remove(place);
            }
            (Grant::Withdraw, None) => {
                return refused(format!("{name:?} was not granted {scope:?}"));
            }
        }
    }
    if identity.derive.len() > MOST {
        return refused(format!(
            "an identity is granted {MOST} scopes at the most; grant one above them"
        ));
    }
    let change = entity::put(hsm, kind, tenant, name, found.version + 1, &identity).await?;
    let deed = Deed {
        command: grant.command(),
        tenant,
        object: name,
        time: now,
    };
    administration::write(store, vec![change], deed).await?;
    Ok(identity.derive)
}
