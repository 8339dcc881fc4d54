//! Masters come, and go on to their next version, by an administrator's hand.

use ttlv::{Node, Value};

use super::super::creation::{self, Birth, Maker, Origin};
use super::super::managed::{Draft, Form, Managed, Sealed, Unsound};
use super::super::{material, state};
use super::{
    COUNTER_HMAC_SHA256, LABEL, Label, METHOD, NAME, PREFIX, SCOPE, VENDOR, VERSION, attribute,
    check_prefix, own, own_text, prefix,
};
use crate::audit::administration::{self, Deed};
use crate::engine::directory;
use crate::engine::entity::EntityError;
use crate::engine::founding::{self, FoundingError};
use crate::hsm::{Hsm, HsmError, KeyKind, SecretSpec};
use crate::protocol::attributes::{Attribute, Attributes};
use crate::protocol::enumeration::{
    CryptographicAlgorithm, HashingAlgorithm, KeyFormatType, LinkType, NameType, ObjectType, State,
};
use crate::protocol::key_block::KeyBlock;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::{Object, SymmetricKey};
use crate::protocol::tag;
use crate::store::filter::{Filter, Term};
use crate::store::record::{Change, Class, TenantId};
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
        prefix,
    })
}

/// Every version of every master of a tenant.
async fn all(store: &Store, hsm: &Hsm, tenant: TenantId) -> Result<Vec<Sealed>, MasterError> {
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

/// Makes the first version of a master.
///
/// # Errors
/// Refused when the name is taken, a scope is none, or the owner is no identity of the tenant.
pub async fn create(
    store: &Store,
    hsm: &Hsm,
    deployment: &str,
    spec: &Spec,
    now: i64,
) -> Result<Made, MasterError> {
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
    let draft = version(store, hsm, deployment, spec, 1, now).await?;
    let shown = made(&draft, now).ok_or_else(unreadable)?;
    let row = draft.seal(hsm, false).await?;
    let change = Change::Insert {
        record: row.record,
        index: row.index,
        names: row.names,
    };
    let deed = Deed {
        command: "key create-master",
        tenant: spec.tenant,
        object: &shown.unique_identifier,
        time: now,
    };
    administration::write(store, vec![change], deed).await?;
    Ok(shown)
}

fn unreadable() -> MasterError {
    MasterError::Refused("a master's own attributes cannot be read".to_owned())
}

/// Makes the next version of a master, which takes over its Name; the one before it goes on deriving
/// what exists.
///
/// # Errors
/// Refused when there is no such master.
pub async fn rotate(
    store: &Store,
    hsm: &Hsm,
    deployment: &str,
    (tenant, name): (TenantId, &str),
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
    };
    let next = facts.version.saturating_add(1);
    let mut draft = version(store, hsm, deployment, &spec, next, now).await?;
    let mut before = newest.edit();
    before
        .attributes
        .0
        .retain(|other| !(other.is(tag::NAME) && other.value == name_value(name)));
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
    let changes = vec![
        Change::Update {
            record: before.record,
            index: before.index,
            names: before.names,
        },
        Change::Insert {
            record: row.record,
            index: row.index,
            names: row.names,
        },
    ];
    let deed = Deed {
        command: "key rotate-master",
        tenant,
        object: &shown.unique_identifier,
        time: now,
    };
    administration::write(store, changes, deed).await?;
    Ok(shown)
}

fn name_value(name: &str) -> Value<'static> {
    Value::Structure(vec![
        Node::text(tag::NAME_VALUE, name.to_owned()),
        Node::new(
            tag::NAME_TYPE,
            Value::Enumeration(NameType::UNINTERPRETED_TEXT_STRING.0),
        ),
    ])
}

/// One version: generated and wrapped in the token, active from now on, for MAC and derivation only.
async fn version(
    store: &Store,
    hsm: &Hsm,
    deployment: &str,
    spec: &Spec,
    version: u32,
    now: i64,
) -> Result<Draft, MasterError> {
    let identifier = uuid::Uuid::now_v7();
    let unique_identifier = identifier.to_string();
    let class = Class::Token;
    let object_type = ObjectType::SYMMETRIC_KEY;
    let keys = directory::keys(store, hsm, spec.tenant).await?;
    let binding = material::bound_to(
        deployment,
        spec.tenant,
        &unique_identifier,
        object_type,
        class,
    );
    let secret = SecretSpec {
        kind: KeyKind::Generic,
        length: super::LENGTH,
    };
    let blob = hsm.generate(&keys, secret, class, &binding).await?;
    let attributes = attributes(spec, version, *identifier.as_bytes(), now)?;
    let skeleton = Object::SymmetricKey(SymmetricKey {
        key_block: KeyBlock {
            key_format_type: KeyFormatType::RAW,
            key_compression_type: None,
            key_value: None,
            cryptographic_algorithm: Some(CryptographicAlgorithm::HMAC_SHA256),
            cryptographic_length: Some(256),
            key_wrapping_data: None,
        },
    });
    let birth = Birth {
        object_type,
        unique_identifier: &unique_identifier,
        class,
        format: Some(KeyFormatType::RAW),
        digestible: None,
        origin: Origin::Generated,
    };
    let maker = Maker {
        hsm,
        tenant: spec.tenant,
        owner: &spec.owner,
        now,
        lease_time: crate::engine::settings::Settings::default().lease_time,
    };
    let material = (Form::Bytes, Some(blob));
    Ok(creation::kept(
        &maker, &birth, skeleton, material, attributes,
    ))
}

fn attributes(
    spec: &Spec,
    version: u32,
    identifier: [u8; 16],
    now: i64,
) -> Result<Attributes, MasterError> {
    let number = i32::try_from(version)
        .map_err(|_| MasterError::Refused("there are no more versions".to_owned()))?;
    let mask = CryptographicUsageMask::MAC_GENERATE | CryptographicUsageMask::DERIVE_KEY;
    let algorithm = Value::Enumeration(CryptographicAlgorithm::HMAC_SHA256.0);
    // For clients that name no algorithm (PyKMIP's mac() without one).
    let parameters = Value::Structure(vec![
        Node::new(
            tag::HASHING_ALGORITHM,
            Value::Enumeration(HashingAlgorithm::SHA_256.0),
        ),
        Node::new(tag::CRYPTOGRAPHIC_ALGORITHM, algorithm.clone()),
    ]);
    let versioned = format!("{}/v{version}", spec.name);
    let mut attributes = Attributes::default();
    for (tag, value) in [
        (tag::NAME, name_value(&spec.name)),
        (tag::NAME, name_value(&versioned)),
        (tag::CRYPTOGRAPHIC_ALGORITHM, algorithm),
        (tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
        (tag::CRYPTOGRAPHIC_PARAMETERS, parameters),
        (
            tag::CRYPTOGRAPHIC_USAGE_MASK,
            Value::Integer(mask.to_integer()),
        ),
        (tag::SENSITIVE, Value::Boolean(true)),
        (tag::EXTRACTABLE, Value::Boolean(false)),
        (tag::QUANTUM_SAFE, Value::Boolean(true)),
        (tag::ACTIVATION_DATE, Value::DateTime(now)),
    ] {
        attributes.add(Attribute::standard(tag, value));
    }
    state::set(&mut attributes, State::ACTIVE);
    let text = |text: &str| Value::TextString(text.to_owned().into());
    let prefix = prefix(spec.label, spec.tenant.0, identifier, version);
    attributes.add(attribute(METHOD, text(COUNTER_HMAC_SHA256)));
    attributes.add(attribute(NAME, text(&spec.name)));
    attributes.add(attribute(VERSION, Value::Integer(number)));
    attributes.add(attribute(LABEL, text(spec.label.word())));
    for scope in &spec.scopes {
        attributes.add(attribute(SCOPE, text(scope)));
    }
    attributes.add(attribute(PREFIX, Value::ByteString(prefix.into())));
    Ok(attributes)
}
