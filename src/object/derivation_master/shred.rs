//! Versions of anchored masters as those who shred them find and leave them.

use ttlv::Value;

use super::super::managed::{Draft, Sealed};
use super::super::state::{self, Transition};
use super::make::{MasterError, all, is_anchored};
use super::{NAME, own_text};
use crate::hsm::Hsm;
use crate::protocol::enumeration::State;
use crate::protocol::tag;
use crate::store::Store;
use crate::store::record::TenantId;

/// A version of an anchored master.
#[derive(Clone, Debug)]
pub struct Anchored {
    pub name: String,
    pub version: u32,
    pub object: Sealed,
}

fn anchored_of(object: Sealed) -> Option<Anchored> {
    let (name, version) = (
        own_text(&object, NAME).next()?.to_owned(),
        version(&object)?,
    );
    is_anchored(&object).then_some(Anchored {
        name,
        version,
        object,
    })
}

fn version(object: &Sealed) -> Option<u32> {
    super::Facts::of(object).map(|facts| facts.version)
}

/// All of a tenant.
pub async fn anchored(
    store: &Store,
    hsm: &Hsm,
    tenant: TenantId,
) -> Result<Vec<Anchored>, MasterError> {
    let all = all(store, hsm, tenant).await?;
    Ok(all.into_iter().filter_map(anchored_of).collect())
}

/// The versions that `which` names, oldest first: all of a master by its name, or one by its Unique
/// Identifier; of these the version `only`, where it is given.
///
/// # Errors
/// Refused when there is none, or one is not anchored.
pub async fn chosen(
    store: &Store,
    hsm: &Hsm,
    (tenant, which): (TenantId, &str),
    only: Option<u32>,
) -> Result<Vec<Anchored>, MasterError> {
    let mut all = all(store, hsm, tenant).await?;
    all.retain(|object| {
        let named = own_text(object, NAME).next() == Some(which);
        (named || object.unique_identifier == which)
            && only.is_none_or(|only| version(object) == Some(only))
    });
    if all.is_empty() {
        return Err(MasterError::Refused(format!(
            "the tenant has no master {which:?}, or none of that version; see `keyward key masters`"
        )));
    }
    if !all.iter().all(|object| is_anchored(object)) {
        return Err(MasterError::Refused(format!(
            "the master {which:?} is not anchored: it stands wrapped in the database and in every backup of it, so it cannot be shredded by itself. Revoke and destroy it by KMIP, or shred its tenant (`keyward tenant shred`); what is to be shredded alone belongs under a master made with `--anchored`, or into a tenant of its own"
        )));
    }
    let mut chosen: Vec<Anchored> = all.into_iter().filter_map(anchored_of).collect();
    chosen.sort_by_key(|one| one.version);
    Ok(chosen)
}

/// The version as one that derives from now on; None when it is not waiting for that.
pub fn activated(object: &Sealed, now: i64) -> Option<Draft> {
    if object.state(now) != State::PRE_ACTIVE {
        return None;
    }
    let mut draft = object.edit();
    super::version::activate(&mut draft.attributes, now);
    draft
        .attributes
        .set(tag::LAST_CHANGE_DATE, Value::DateTime(now));
    Some(draft)
}

/// The version as destroyed; None when its row says so already.
pub fn destroyed(object: &Sealed, now: i64) -> Option<Draft> {
    if object.blob.is_none() && state::is_destroyed(&object.attributes) {
        return None;
    }
    let from = object.state(now);
    // An administrator does both at once: Revoke and Destroy.
    let off = state::next(Transition::Deactivate, from);
    let to = state::next(Transition::Destroy, off.unwrap_or(from)).unwrap_or(State::DESTROYED);
    let mut draft = object.edit();
    draft.blob = None;
    let attributes = &mut draft.attributes;
    state::set(attributes, to);
    if off.is_some() {
        attributes.set(tag::DEACTIVATION_DATE, Value::DateTime(now));
    }
    attributes.set(tag::DESTROY_DATE, Value::DateTime(now));
    attributes.set(tag::LAST_CHANGE_DATE, Value::DateTime(now));
    Some(draft)
}
