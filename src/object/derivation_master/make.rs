//! Masters come, and go on to their next version, by an administrator's hand.

use ttlv::Value;

use super::super::creation;
use super::super::managed::{Managed, Sealed, Unsound};
use super::{
    ANCHORED, LABEL, Label, METHOD, NAME, PREFIX, SCOPE, VENDOR, check_prefix, own, own_text,
    version,
};
use crate::audit::administration::{self, Deed};
use crate::engine::entity::EntityError;
use crate::engine::founding::{self, FoundingError};
use crate::hsm::{Answer, Hsm, HsmError, Request};
use crate::protocol::enumeration::LinkType;
use crate::protocol::tag;
use crate::store::filter::{Filter, Term};
use crate::store::record::{Change, TenantId};
use crate::store::{Store, StoreError};

/// The longest name, in bytes.
const LONGEST: usize = 128;

/// Versions of all masters of a tenant that are looked at.
const MOST: u32 = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unsound(#[from] Unsound),
    #[error(transparent)]
    Token(#[from] HsmError),
    #[error(transparent)]
    Entity(#[from] EntityError),
    #[error(transparent)]
    Founding(#[from] FoundingError),
}

/// A master to be made.
#[derive(Clone, Debug)]
pub struct Spec {
    pub tenant: TenantId,
    pub name: String,
    /// The identity that may derive every scope, and destroy the master.
    pub owner: String,
    pub label: Label,
    /// Which scopes it is for: each a scope with all below it, or `*`.
    pub scopes: Vec<String>,
    /// A token object of its own, which can be shredded by itself.
    pub anchored: bool,
    /// Of an anchored one: transport keys of the other tokens that hold the masters, in their order.
    pub tokens: Vec<Request>,
    /// The same of other machines' tokens: the master is active when they have it.
    pub elsewhere: Vec<Request>,
}

/// A version of a master, as administrators see it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Made {
    pub name: String,
    pub tenant: i64,
    pub owner: String,
    pub version: u32,
    pub unique_identifier: String,
    pub label: String,
    pub scopes: Vec<String>,
    pub state: String,
    pub anchored: bool,
    /// In hexadecimal: what every input of this version begins with.
    pub prefix: String,
}

fn made(object: &Managed, now: i64) -> Option<Made> {
    let prefix = match own(object, PREFIX).next() {
        Some(Value::ByteString(bytes)) => hex::encode(bytes),
        _ => return None,
    };
    Some(Made {
        name: own_text(object, NAME).next()?.to_owned(),
        tenant: object.tenant.0,
        owner: object.owner.clone(),
        version: super::Facts::of(object)?.version,
        unique_identifier: object.unique_identifier.clone(),
        label: own_text(object, LABEL).next()?.to_owned(),
        scopes: own_text(object, SCOPE).map(str::to_owned).collect(),
        state: object.state(now).to_string(),
        anchored: is_anchored(object),
        prefix,
    })
}

pub(super) fn is_anchored(object: &Managed) -> bool {
    own(object, ANCHORED).next() == Some(&Value::Boolean(true))
}

/// Writes a version that was just made. Where that fails, its token object is taken away again.
async fn write(
    store: &Store,
    hsm: &Hsm,
    (spec, made): (&Spec, &Made),
    changes: Vec<Change>,
    deed: Deed<'_>,
) -> Result<(), MasterError> {
    let written = administration::write(store, changes, deed).await;
    if written.is_err() && spec.anchored {
        let label = hsm.anchored_label(spec.tenant, &made.unique_identifier, made.version);
        for each in hsm.destroy_anchored(spec.tenant, Some(vec![label])).await {
            if let Err(error) = each.done {
                tracing::warn!(token = each.token, %error, "a key that no row names stays in the token until its tenant is shredded");
            }
        }
    }
    Ok(written?)
}

/// Every version of every master of a tenant.
pub(super) async fn all(
    store: &Store,
    hsm: &Hsm,
    tenant: TenantId,
) -> Result<Vec<Sealed>, MasterError> {
    let filter = Filter {
        tenant,
        owner: None,
        terms: vec![Term::Present {
            attribute: tag::ATTRIBUTE.0,
            name: format!("{VENDOR}:{METHOD}"),
        }],
        online: true,
        archived: true,
        destroyed: true,
        offset: 0,
        maximum: Some(MOST),
        count: false,
    };
    let mut found = Vec::new();
    for identifier in store.locate(&filter).await?.unique_identifiers {
        if let Some(record) = store.fetch(tenant, &identifier).await? {
            let object = Sealed::verify(hsm, record).await?;
            // The index is a hint.
            if super::is_master(&object) {
                found.push(object);
            }
        }
    }
    Ok(found)
}

/// The masters of a tenant, by name and version.
pub async fn masters(
    store: &Store,
    hsm: &Hsm,
    tenant: TenantId,
    now: i64,
) -> Result<Vec<Made>, MasterError> {
    let all = all(store, hsm, tenant).await?;
    let mut shown: Vec<Made> = all.iter().filter_map(|object| made(object, now)).collect();
    shown.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
    Ok(shown)
}

fn check(spec: &Spec) -> Result<(), MasterError> {
    let refused = |why: String| Err(MasterError::Refused(why));
    if spec.name.is_empty() || spec.name.len() > LONGEST || spec.name.contains('/') {
        return refused(format!(
            "a master cannot be called {:?}: a name has 1 to {LONGEST} bytes and no slash",
            spec.name
        ));
    }
    if spec.scopes.is_empty() {
        return refused("a master is for one scope at least; `*` is for all".to_owned());
    }
    for scope in &spec.scopes {
        if let Err(why) = check_prefix(scope) {
            return refused(format!("{scope:?} is no scope: {why}"));
        }
    }
    Ok(())
}

/// Makes the first version of a master. Answers for [`Spec::elsewhere`], in that order.
///
/// # Errors
/// Refused when the name is taken, a scope is none, or the owner is no identity of the tenant.
pub async fn create(
    store: &Store,
    hsm: &Hsm,
    deployment: &str,
    spec: &Spec,
    now: i64,
) -> Result<(Made, Vec<Answer>), MasterError> {
    check(spec)?;
    let identities = founding::identities(store, hsm).await?;
    let tenants = founding::tenants(store, hsm).await?;
    let tenant = tenants.iter().find(|(id, _)| *id == spec.tenant);
    let known = tenant.is_some_and(|(_, tenant)| {
        identities.iter().any(|identity| {
            identity.tenant == tenant.name
                && identity.name == spec.owner
                && identity.revoked.is_none()
        })
    });
    if !known {
        return Err(MasterError::Refused(format!(
            "the tenant has no identity {:?}, or it is revoked; see `keyward client list`",
            spec.owner
        )));
    }
    let all = all(store, hsm, spec.tenant).await?;
    let name = spec.name.as_str();
    if all
        .iter()
        .any(|other| own_text(other, NAME).next() == Some(name))
    {
        return Err(MasterError::Refused(format!(
            "the tenant has a master {name:?}; `keyward key rotate-master` makes its next version"
        )));
    }
    let (draft, answers) = version::make(store, hsm, deployment, spec, 1, now).await?;
    let shown = made(&draft, now).ok_or_else(unreadable)?;
    let row = draft.seal(hsm, false).await?;
    let deed = Deed {
        command: "key create-master",
        tenant: spec.tenant,
        object: &shown.unique_identifier,
        time: now,
    };
    write(store, hsm, (spec, &shown), vec![row.change()], deed).await?;
    Ok((shown, answers))
}

fn unreadable() -> MasterError {
    MasterError::Refused("a master's own attributes cannot be read".to_owned())
}

/// Makes the next version of a master, which takes over its Name; the one before it goes on deriving
/// what exists. `tokens`: as [`Spec::tokens`].
///
/// # Errors
/// Refused when there is no such master.
pub async fn rotate(
    store: &Store,
    hsm: &Hsm,
    deployment: &str,
    (tenant, name): (TenantId, &str),
    tokens: Vec<Request>,
    now: i64,
) -> Result<Made, MasterError> {
    let all = all(store, hsm, tenant).await?;
    let newest = all
        .iter()
        .filter(|object| own_text(object, NAME).next() == Some(name))
        .filter_map(|object| Some((super::Facts::of(object)?, object)))
        .max_by_key(|(facts, _)| facts.version);
    let Some((facts, newest)) = newest else {
        return Err(MasterError::Refused(format!(
            "the tenant has no master {name:?}; see `keyward key masters`"
        )));
    };
    let spec = Spec {
        tenant,
        name: name.to_owned(),
        owner: newest.owner.clone(),
        label: facts.label,
        scopes: own_text(newest, SCOPE).map(str::to_owned).collect(),
        anchored: is_anchored(newest),
        tokens,
        elsewhere: Vec::new(),
    };
    let next = facts.version.saturating_add(1);
    let (mut draft, _) = version::make(store, hsm, deployment, &spec, next, now).await?;
    let mut before = newest.edit();
    before
        .attributes
        .0
        .retain(|other| !(other.is(tag::NAME) && other.value == version::name_value(name)));
    let (replacement, replaced) = (
        LinkType::REPLACEMENT_OBJECT_LINK.0,
        LinkType::REPLACED_OBJECT_LINK.0,
    );
    creation::link(
        &mut before.attributes,
        replacement,
        &draft.unique_identifier,
    );
    creation::link(&mut draft.attributes, replaced, &newest.unique_identifier);
    let changed = Value::DateTime(now);
    before.attributes.set(tag::LAST_CHANGE_DATE, changed);
    let shown = made(&draft, now).ok_or_else(unreadable)?;
    let (before, row) = (
        before.seal(hsm, false).await?,
        draft.seal(hsm, false).await?,
    );
    // First the one that gives up the Name.
    let changes = vec![before.change(), row.change()];
    let deed = Deed {
        command: "key rotate-master",
        tenant,
        object: &shown.unique_identifier,
        time: now,
    };
    write(store, hsm, (&spec, &shown), changes, deed).await?;
    Ok(shown)
}
