//! Doors to the keys that wrap: there, permitted, in a state for it, and fit for what is wrapped.

use ttlv::Value;

use crate::engine::access::{Permission, STANDARD};
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::approval;
use crate::object::managed::Sealed;
use crate::object::usage::{self, Purpose};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{LinkType, ObjectType};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::{CryptographicParameters, EncryptionKeyInformation};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::tag;
use crate::store::record::Class;

/// A key that a Key Wrapping Specification or Key Wrapping Data names.
pub(super) async fn named(
    context: &mut Context,
    identifier: &Identifier,
    permission: Permission,
) -> Result<Sealed, Fault> {
    let found = context
        .object(Some(identifier), permission, Destroyed::Refused)
        .await;
    let key = found.map_err(|fault| match fault.reason {
        Reason::ObjectNotFound => Fault::new(
            Reason::WrappingObjectNotFound,
            "there is no such wrapping key",
        ),
        Reason::ObjectDestroyed => Fault::new(
            Reason::WrappingObjectDestroyed,
            "the wrapping key is destroyed",
        ),
        Reason::ObjectArchived => Fault::new(
            Reason::WrappingObjectArchived,
            "the wrapping key is archived; recover it first",
        ),
        _ => fault,
    })?;
    let is_key = matches!(
        key.object_type(),
        ObjectType::SYMMETRIC_KEY
            | ObjectType::SECRET_DATA
            | ObjectType::PUBLIC_KEY
            | ObjectType::PRIVATE_KEY
            | ObjectType::CERTIFICATE
    );
    if !is_key {
        // 1.4 §11.12: "exists, but it is not a key".
        return Err(Fault::new(
            Reason::NotForThisObject,
            format!("a {} wraps nothing; name a key", key.object_type()),
        ));
    }
    Ok(key)
}

/// The other half of a key pair, where the one that is named is not the one that is needed.
pub(super) async fn half(
    context: &mut Context,
    key: Sealed,
    wanted: LinkType,
    permission: Permission,
) -> Result<Sealed, Fault> {
    let linked = key.attributes.values(tag::LINK).find_map(|link| {
        let Value::Structure(fields) = link else {
            return None;
        };
        let field = |tag| fields.iter().find(|field| field.tag == tag);
        match (
            &field(tag::LINK_TYPE)?.value,
            &field(tag::LINKED_OBJECT_IDENTIFIER)?.value,
        ) {
            (Value::Enumeration(number), Value::TextString(id)) if *number == wanted.0 => {
                Some(id.to_string())
            }
            _ => None,
        }
    });
    let linked = linked.ok_or_else(|| {
        Fault::new(
            Reason::WrappingObjectNotFound,
            format!("the key that is named has no {wanted}, which this needs; link the pair"),
        )
    })?;
    named(context, &Identifier::Text(linked), permission).await
}

/// The key that encrypts, or of a pair the one that decrypts, with the parameters that count.
pub(super) async fn encryption_key(
    context: &mut Context,
    information: &EncryptionKeyInformation,
    permission: Permission,
) -> Result<(Sealed, CryptographicParameters), Fault> {
    let mut key = named(context, &information.unique_identifier, permission).await?;
    match (key.object_type(), permission) {
        (ObjectType::PRIVATE_KEY, Permission::WrapWith) => {
            key = half(context, key, LinkType::PUBLIC_KEY_LINK, permission).await?;
        }
        (ObjectType::PUBLIC_KEY | ObjectType::CERTIFICATE, Permission::UnwrapWith) => {
            key = half(context, key, LinkType::PRIVATE_KEY_LINK, permission).await?;
        }
        _ => {}
    }
    // TC-WRAP-3 unwraps with a key that has Wrap Key only: both bits open the door in both directions
    // for what the server itself keeps.
    let (mask, purpose) = match permission {
        Permission::WrapWith => (CryptographicUsageMask::WRAP_KEY, Purpose::Protect),
        _ => (
            CryptographicUsageMask::WRAP_KEY | CryptographicUsageMask::UNWRAP_KEY,
            Purpose::Process,
        ),
    };
    usage::allowed(context, &key, mask, purpose)?;
    let parameters = usage::parameters(&key, information.cryptographic_parameters.as_ref())?;
    Ok((key, parameters))
}

/// Whether an object's value may be seen under encryption only.
pub(super) fn is_sensitive(object: &Sealed) -> bool {
    object.attributes.boolean(tag::SENSITIVE) == Some(true) || object.class == Class::Token
}

/// Sensitive keys leave under an approved wrapping key only (DESIGN §4.3); identities with the
/// profile `standard` may choose any, as the standard has it.
pub(super) fn approved(context: &Context, sensitive: bool, key: &Sealed) -> Result<(), Fault> {
    if !sensitive || context.caller.has_profile(STANDARD) || approval::is_approved(key) {
        return Ok(());
    }
    Err(Fault::new(
        Reason::PermissionDenied,
        "the object is sensitive and this wrapping key is not approved for such; an administrator can approve it",
    ))
}

/// Whether an object is as protected as if it were sensitive because a key that nobody can read
/// wrapped it: else whoever gets a sensitive key under that key would register it, and have it
/// unwrapped here.
pub async fn is_guarded(context: &mut Context, object: &Sealed) -> Result<bool, Fault> {
    let information = object
        .skeleton
        .key_block()
        .and_then(|block| block.key_wrapping_data.as_ref())
        .and_then(|data| data.encryption_key_information.as_ref());
    let Some(information) = information else {
        return Ok(false);
    };
    let found = context
        .object(
            Some(&information.unique_identifier),
            Permission::UnwrapWith,
            Destroyed::Refused,
        )
        .await;
    match found {
        Ok(key) => Ok(guards(&key)),
        // Without its key it is not unwrapped either.
        Err(fault) if is_absent(&fault) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// What is made of objects that only a closed key's wrapping protects is sensitive.
pub async fn guard(
    context: &mut Context,
    bases: &[Sealed],
    attributes: &mut Attributes,
) -> Result<(), Fault> {
    for base in bases {
        if is_guarded(context, base).await? {
            attributes.set(tag::SENSITIVE, Value::Boolean(true));
        }
    }
    Ok(())
}

/// Keys that never leave in clear: what they wrap does not either.
pub(super) fn guards(key: &Sealed) -> bool {
    is_sensitive(key)
        || key.attributes.boolean(tag::EXTRACTABLE) == Some(false)
        || approval::is_approved(key)
}

pub(super) fn is_absent(fault: &Fault) -> bool {
    matches!(
        fault.reason,
        Reason::ObjectNotFound
            | Reason::ObjectDestroyed
            | Reason::WrappingObjectNotFound
            | Reason::WrappingObjectDestroyed
    )
}
