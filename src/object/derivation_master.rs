//! Derivation masters (DESIGN §4.4): keys of class *token* with one method, fixed in their row. One
//! answers HMAC-SHA-256 over its canonical input and nothing else. Fail-closed: what is not said to be
//! possible here is refused at the door to objects, also what operations of tomorrow ask for.

mod input;
mod make;
mod shred;
mod version;

use subtle::ConstantTimeEq as _;
use ttlv::{Tag, Value};

use super::managed::{Managed, Sealed};
use super::material;
use crate::engine::access::{self, Decision, Permission};
use crate::engine::context::Context;
use crate::engine::directory::Caller;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{Encoding, HsmError, KeyKind, UseKey};
use crate::protocol::attributes::{Attribute, AttributeReference, VendorName};
use crate::protocol::enumeration::{CryptographicAlgorithm, HashingAlgorithm, State};
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::store::record::BlobKind;

pub use input::{
    COUNTER, EVERY, Input, LENGTH, Label, Malformed, Scope, check_prefix, covers, overlap, prefix,
};
pub use make::{Made, MasterError, Spec, create, masters, rotate};
pub use shred::{Anchored, activated, anchored, chosen, destroyed};

/// The server's own attributes on a master, `y-…` in 1.x: no client can write them.
const VENDOR: &str = "y";
const METHOD: &str = "keyward-master-method";
const NAME: &str = "keyward-master-name";
const VERSION: &str = "keyward-master-version";
const LABEL: &str = "keyward-master-label";
const SCOPE: &str = "keyward-master-scope";
/// The key is a token object of its own, and not in the row.
const ANCHORED: &str = "keyward-master-anchored";
/// Everything of an input before its scope's length, for clients.
const PREFIX: &str = "keyward-master-prefix";

/// The one method.
const COUNTER_HMAC_SHA256: &str = "NIST800-108-C HMAC-SHA256";

fn own<'a>(object: &'a Managed, name: &'a str) -> impl Iterator<Item = &'a Value<'static>> {
    let attributes = object.attributes.0.iter();
    attributes
        .filter(move |attribute| match &attribute.reference {
            AttributeReference::Vendor(own) => own.vendor == VENDOR && own.name == name,
            AttributeReference::Standard(_) => false,
        })
        .map(|attribute| &attribute.value)
}

fn own_text<'a>(object: &'a Managed, name: &'a str) -> impl Iterator<Item = &'a str> {
    own(object, name).filter_map(|value| match value {
        Value::TextString(text) => Some(text.as_ref()),
        _ => None,
    })
}

fn attribute(name: &str, value: Value<'static>) -> Attribute {
    Attribute {
        reference: AttributeReference::Vendor(VendorName {
            vendor: VENDOR.to_owned(),
            name: name.to_owned(),
        }),
        index: None,
        value,
    }
}

/// Whether a key is a derivation master.
pub fn is_master(object: &Managed) -> bool {
    own(object, METHOD).next().is_some()
}

/// What a master's row says of it.
struct Facts<'a> {
    label: Label,
    version: u32,
    identifier: [u8; 16],
    object: &'a Managed,
}

impl<'a> Facts<'a> {
    fn of(object: &'a Managed) -> Option<Facts<'a>> {
        let known = own_text(object, METHOD).next() == Some(COUNTER_HMAC_SHA256);
        let version = match own(object, VERSION).next() {
            Some(Value::Integer(version)) => u32::try_from(*version).ok(),
            _ => None,
        };
        let identifier = uuid::Uuid::try_parse(&object.unique_identifier).ok()?;
        let label = own_text(object, LABEL).next().and_then(Label::named);
        Some(Facts {
            label: label.filter(|_| known)?,
            version: version?,
            identifier: *identifier.as_bytes(),
            object,
        })
    }

    /// Whether the master is for this scope at all, whoever asks.
    fn has(&self, scope: Scope<'_>) -> bool {
        own_text(self.object, SCOPE).any(|prefix| covers(prefix, scope))
    }
}

/// What may be asked of a master. What is not here is refused: Get, Export, Encrypt, Sign, wrapping,
/// MAC Verify, renewal, replacement and all that is still to come.
static POSSIBLE: &[Permission] = &[
    Permission::Mac,
    Permission::DeriveKey,
    Permission::GetAttributes,
    Permission::ChangeAttributes,
    Permission::Locate,
    Permission::Check,
    Permission::Revoke,
    Permission::Destroy,
];

/// Attributes of a master that clients may change: what describes it, and nothing that it does.
static DESCRIPTIVE: &[Tag] = &[
    tag::APPLICATION_SPECIFIC_INFORMATION,
    tag::COMMENT,
    tag::CONTACT_INFORMATION,
    tag::DESCRIPTION,
    tag::OBJECT_GROUP,
];

/// At the door to objects, after the decision about the caller: whether a master does this at all.
pub fn permit(object: &Managed, permission: Permission) -> Result<(), Fault> {
    if !is_master(object) || POSSIBLE.contains(&permission) {
        return Ok(());
    }
    Err(Fault::new(
        Reason::PermissionDenied,
        format!(
            "the key is a derivation master: it is there for MAC and Derive Key over its own input, and nobody can {:?} it",
            permission.name()
        ),
    ))
}

/// Whether a client may change or delete this attribute of the object.
pub fn permit_change(object: &Managed, attribute: &AttributeReference) -> Result<(), Fault> {
    let descriptive = match attribute {
        AttributeReference::Standard(tag) => DESCRIPTIVE.contains(tag),
        AttributeReference::Vendor(_) => true,
    };
    if !is_master(object) || descriptive {
        return Ok(());
    }
    Err(Fault::new(
        Reason::PermissionDenied,
        format!(
            "the key is a derivation master: its {} stays what it was made with",
            attribute.spoken()
        ),
    ))
}

/// Before a key is made ready for any use of the token but [`block`].
pub fn refuse(object: &Managed) -> Result<(), Fault> {
    match is_master(object) {
        true => Err(not_canonical("it is used in another way")),
        false => Ok(()),
    }
}

/// The decision about a caller and a master. Its owner may do what can be done with it; who was
/// granted one of its scopes may know of it and derive; the rest of a tenant that shares may know of it.
pub fn decide(caller: &Caller, master: &Managed, permission: Permission) -> Decision {
    let mut grants = caller.identity.derive.iter();
    let granted = grants.any(|grant| own_text(master, SCOPE).any(|scope| overlap(grant, scope)));
    match permission {
        _ if master.owner == caller.identity.name => Decision::Allow,
        _ if !granted && !caller.tenant.settings.share => Decision::Hide,
        Permission::GetAttributes | Permission::Locate | Permission::Check => Decision::Allow,
        // Asked again with the scope, once the input was read.
        Permission::Mac | Permission::DeriveKey if granted => Decision::Allow,
        _ => Decision::Deny,
    }
}

/// The decision about a scope ([`Permission::DeriveScope`]): the boundary between clients.
pub fn decide_scope(caller: &Caller, master: &Managed, scope: Scope<'_>) -> Decision {
    let grants = &caller.identity.derive;
    match master.owner == caller.identity.name || grants.iter().any(|prefix| covers(prefix, scope))
    {
        true => Decision::Allow,
        false => Decision::Deny,
    }
}

pub fn not_canonical(why: &str) -> Fault {
    Fault::new(
        Reason::InvalidField,
        format!("the key is a derivation master and takes its canonical input only: {why}"),
    )
}

/// Cryptographic Parameters that name the one method, or leave it open.
pub fn parameters(asked: &CryptographicParameters) -> Result<(), Fault> {
    let named = CryptographicParameters {
        hashing_algorithm: asked
            .hashing_algorithm
            .filter(|hash| *hash == HashingAlgorithm::SHA_256),
        cryptographic_algorithm: asked
            .cryptographic_algorithm
            .filter(|algorithm| *algorithm == CryptographicAlgorithm::HMAC_SHA256),
        ..CryptographicParameters::default()
    };
    match *asked == named {
        true => Ok(()),
        false => Err(not_canonical("its method is HMAC-SHA256 and no other")),
    }
}

/// Reads the input, and whether it is this master's and the caller may derive for its scope.
fn admit(context: &Context, master: &Sealed, input: &[u8]) -> Result<(), Fault> {
    let facts = Facts::of(master).ok_or_else(|| {
        tracing::error!(
            master = master.unique_identifier,
            "a master's row cannot be read"
        );
        Fault::new(
            Reason::Internal,
            "the master's own attributes cannot be read",
        )
    })?;
    let said = Input::parse(input).map_err(|why| not_canonical(why.0))?;
    let is = [
        (said.label == facts.label, "its label is not the master's"),
        (
            said.tenant == context.tenant().0 && said.tenant == master.tenant.0,
            "it is another tenant's",
        ),
        (
            bool::from(said.master.ct_eq(&facts.identifier)),
            "it is another master's",
        ),
        (
            said.version == facts.version,
            "it is of another version of the master",
        ),
    ];
    if let Some((_, why)) = is.into_iter().find(|(holds, _)| !holds) {
        return Err(not_canonical(why));
    }
    if !facts.has(said.scope) {
        return Err(Fault::new(
            Reason::PermissionDenied,
            "the master is not for this scope; `keyward key masters` shows which it is for",
        ));
    }
    match access::decide_scope(&context.caller, master, said.scope) {
        Decision::Allow => Ok(()),
        Decision::Deny | Decision::Hide => Err(Fault::new(
            Reason::PermissionDenied,
            format!(
                "this identity lacks the permission {:?} on this scope; an administrator can grant it with `keyward client grant`",
                Permission::DeriveScope.name()
            ),
        )),
    }
}

/// The block: HMAC-SHA-256 in the token over an input that is this master's, for a scope that the
/// caller may derive. The only use of a master.
pub async fn block(context: &mut Context, master: &Sealed, input: &[u8]) -> Result<Bytes, Fault> {
    admit(context, master, input)?;
    let state = master.state(context.now);
    if state != State::ACTIVE {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            format!("the master is {state}; nothing is derived from it"),
        ));
    }
    let blob = master.blob.as_ref().ok_or_else(|| {
        Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the key's meta-data",
        )
    })?;
    let binding = material::binding(&context.engine.deployment, master);
    context.computed("HMAC-SHA256", "token");
    let key = UseKey {
        tenant: master.tenant,
        unique_identifier: &master.unique_identifier,
        version: master.version(),
        kind: KeyKind::Generic,
        encoding: Encoding::Direct,
        blob,
        aad: &binding,
        keys: &context.caller.tenant.keys,
    };
    let hash = HashingAlgorithm::SHA_256.0;
    match context.engine.hsm.hmac(&key, hash, input).await {
        // An old row, out of a backup: the token tells what is so.
        Err(error @ HsmError::Lost(_)) if blob.kind == BlobKind::Anchored => {
            tracing::error!(%error, "token");
            Err(Fault::new(
                Reason::KeyValueNotPresent,
                "the key of this anchored master is not in the token: it was shredded, and nothing is derived from it any more",
            ))
        }
        other => Ok(other?),
    }
}
