//! What a replacement takes over from the object that it replaces (1.4 §4.4 Tables 172 and 173,
//! §4.5 Tables 176 and 177; 2.1 §6.1.46 Tables 303 and 304, §6.1.47 Tables 308 and 309), and what
//! becomes of that one.

use ttlv::{Node, Tag, Value};

use super::creation;
use super::managed::{Draft, Sealed};
use super::state;
use crate::engine::context::Context;
use crate::engine::directory::Caller;
use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::{Attribute, AttributeReference, Attributes};
use crate::protocol::enumeration::{LinkType, ObjectType, State};
use crate::protocol::tag;
use crate::store::record::Class;

/// What is the existing object's own: made anew for the replacement, or not set on it.
static OWN: &[Tag] = &[
    tag::UNIQUE_IDENTIFIER,
    tag::INITIAL_DATE,
    tag::DESTROY_DATE,
    tag::COMPROMISE_OCCURRENCE_DATE,
    tag::COMPROMISE_DATE,
    tag::REVOCATION_REASON,
    tag::STATE,
    tag::DIGEST,
    tag::LINK,
    tag::LAST_CHANGE_DATE,
    tag::RANDOM_NUMBER_GENERATOR,
    // The tables leave these out, their own clauses do not: they say where an object came from and
    // what has happened to it (2.1 §4.3, §4.4, §4.24, §4.27, §4.28, §4.33, §4.38, §4.56).
    tag::ORIGINAL_CREATION_DATE,
    tag::FRESH,
    tag::ARCHIVE_DATE,
    tag::ALWAYS_SENSITIVE,
    tag::NEVER_EXTRACTABLE,
    tag::KEY_VALUE_PRESENT,
    tag::KEY_VALUE_LOCATION,
    tag::SHORT_UNIQUE_IDENTIFIER,
    tag::PROTECTION_STORAGE_MASK,
    tag::ROTATE_DATE,
    tag::ROTATE_GENERATION,
    tag::ROTATE_LATEST,
];

/// The dates that move by as much as the Activation Date does.
static MOVED: &[Tag] = &[
    tag::PROCESS_START_DATE,
    tag::PROTECT_STOP_DATE,
    tag::DEACTIVATION_DATE,
];

/// The class of the replacement: the existing object's, unless the request moves it into the token.
///
/// # Errors
/// Permission Denied where the key would leave the token: whoever may renew it may not read it.
pub fn class(caller: &Caller, existing: &Sealed, wanted: &Attributes) -> Result<Class, Fault> {
    match creation::class_named(wanted)? {
        None => Ok(existing.class),
        Some(Class::Token) => Ok(Class::Token),
        Some(_) if existing.class == Class::Token => Err(Fault::new(
            Reason::PermissionDenied,
            "the key is of class token, and so is its replacement; create another key",
        )),
        Some(_) => creation::class_of_new(caller, wanted),
    }
}

/// Whether the object can be replaced at all.
pub fn renewable(object: &Sealed, expected: ObjectType) -> Result<(), Fault> {
    if object.object_type() != expected {
        return Err(Fault::new(
            Reason::NotRenewable,
            format!(
                "the object is a {}; this operation replaces a {expected}",
                object.object_type()
            ),
        ));
    }
    if object.archived {
        return Err(Fault::new(
            Reason::ObjectArchived,
            "the object is archived; recover it first",
        ));
    }
    if object.blob.is_none() {
        return Err(Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the object's meta-data, and cannot make the like of it",
        ));
    }
    // "SHOULD only be performed once": the second time there would be no Name to take over.
    match linked(&object.attributes, LinkType::REPLACEMENT_OBJECT_LINK) {
        Some(replacement) => Err(Fault::new(
            Reason::PermissionDenied,
            format!("the object has been replaced by {replacement:?}; replace that one"),
        )),
        None => Ok(()),
    }
}

/// The identifier that a Link of this type names.
pub fn linked(attributes: &Attributes, link_type: LinkType) -> Option<String> {
    let links = attributes.values(tag::LINK);
    let mut targets = links.filter_map(|link| match link {
        Value::Structure(fields) => {
            let field = |wanted: Tag| fields.iter().find(|field| field.tag == wanted);
            let own = field(tag::LINK_TYPE)?.value == Value::Enumeration(link_type.0);
            match &field(tag::LINKED_OBJECT_IDENTIFIER)?.value {
                Value::TextString(text) if own => Some(text.to_string()),
                _ => None,
            }
        }
        _ => None,
    });
    targets.next()
}

/// The attributes of the replacement. `wanted` were admitted before; `offset` in seconds.
pub fn attributes(
    context: &Context,
    existing: &Sealed,
    wanted: Attributes,
    offset: Option<u32>,
) -> Result<Attributes, Fault> {
    let old = &existing.attributes;
    let mut new = Attributes::default();
    for attribute in old.iter().filter(|attribute| is_copied(attribute)) {
        new.add(Attribute {
            // Instances are counted anew.
            index: None,
            ..attribute.clone()
        });
    }
    if let Some(offset) = offset {
        dates(old, &mut new, context.now, offset, &wanted)?;
    }
    if wanted.has(tag::CRYPTOGRAPHIC_LENGTH) || wanted.has(tag::CRYPTOGRAPHIC_ALGORITHM) {
        // It was said of another kind of key, by the server where the client did not (2.1 §4.45).
        new.remove(tag::QUANTUM_SAFE);
        new.remove(tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS);
    }
    overlay(existing.object_type(), &mut new, wanted);
    refill(&mut new);
    creation::link(
        &mut new,
        LinkType::REPLACED_OBJECT_LINK.0,
        &existing.unique_identifier,
    );
    succeed(old, &mut new, context.now);
    Ok(new)
}

/// Of a set of rotated objects `new` is the latest, made at `now` (2.1 §4.49, §4.50, §4.52).
pub fn succeed(old: &Attributes, new: &mut Attributes, now: i64) {
    let generation = old.integer(tag::ROTATE_GENERATION).unwrap_or(0);
    new.set(
        tag::ROTATE_GENERATION,
        Value::Integer(generation.saturating_add(1)),
    );
    new.set(tag::ROTATE_DATE, Value::DateTime(now));
    new.set(tag::ROTATE_LATEST, Value::Boolean(true));
}

/// What the replaced object no longer is: the latest, and to be rotated.
pub fn retire(attributes: &mut Attributes) {
    attributes.set(tag::ROTATE_LATEST, Value::Boolean(false));
    if attributes.boolean(tag::ROTATE_AUTOMATIC) == Some(true) {
        attributes.set(tag::ROTATE_AUTOMATIC, Value::Boolean(false));
    }
}

fn is_copied(attribute: &Attribute) -> bool {
    match &attribute.reference {
        AttributeReference::Standard(tag) => !OWN.contains(tag),
        // The server's own, such as an administrator's approval, is about one key.
        AttributeReference::Vendor(name) => name.vendor != "y",
    }
}

/// Table 303, or 308: with an Offset the dates follow the new Activation Date.
fn dates(
    old: &Attributes,
    new: &mut Attributes,
    now: i64,
    offset: u32,
    wanted: &Attributes,
) -> Result<(), Fault> {
    let mut given = MOVED.iter().chain([&tag::ACTIVATION_DATE]);
    if given.any(|tag| wanted.has(*tag)) {
        return Err(Fault::new(
            Reason::InvalidMessage,
            "Offset and a date that follows from it cannot be given together; leave one out",
        ));
    }
    let activation = now.saturating_add(i64::from(offset));
    for tag in MOVED {
        let Some(date) = old.date(*tag) else { continue };
        let before = old.date(tag::ACTIVATION_DATE).ok_or_else(|| {
            Fault::new(
                Reason::NothingToOffset,
                "the existing key has no Activation Date from which its other dates could be moved; give the dates without Offset",
            )
        })?;
        let moved = activation
            .checked_sub(before)
            .and_then(|distance| date.checked_add(distance))
            .ok_or_else(|| {
                Fault::new(
                    Reason::InvalidField,
                    "the existing key's dates cannot be moved by this Offset",
                )
            })?;
        new.set(*tag, Value::DateTime(moved));
    }
    // Also where the existing key has none: that is what Offset says.
    new.set(tag::ACTIVATION_DATE, Value::DateTime(activation));
    Ok(())
}

/// What the request gives wins over what is copied; of what there can be several it adds to that
/// (TC-REKEY-1: old and new Names).
fn overlay(object_type: ObjectType, new: &mut Attributes, wanted: Attributes) {
    for attribute in wanted.0 {
        let many = !creation::names_class(&attribute.reference)
            && attribute
                .reference
                .row()
                .is_none_or(|row| row.permits_many(object_type));
        let known = new
            .all(&attribute.reference)
            .any(|other| other.value == attribute.value);
        if !many {
            new.0.retain(|other| other.reference != attribute.reference);
        }
        if !many || !known {
            new.add(Attribute {
                index: None,
                ..attribute
            });
        }
    }
}

/// Usage Limits begin again: Count is what Total says (2.1 §4.59, Table 304).
fn refill(new: &mut Attributes) {
    let Some(Value::Structure(fields)) = new.get(tag::USAGE_LIMITS) else {
        return;
    };
    let mut refilled = Vec::with_capacity(3);
    for field in fields {
        match (field.tag, &field.value) {
            (tag::USAGE_LIMITS_COUNT, _) => {}
            (tag::USAGE_LIMITS_TOTAL, Value::LongInteger(total)) => {
                refilled.push(field.clone());
                refilled.push(Node::new(
                    tag::USAGE_LIMITS_COUNT,
                    Value::LongInteger(*total),
                ));
            }
            _ => refilled.push(field.clone()),
        }
    }
    new.set(tag::USAGE_LIMITS, Value::Structure(refilled));
}

/// Writes the replacement, and what changes on the object that it replaces: that one gives up its
/// Names and is rotated no more; its state stays (1.0 Appendix, "No implicit object state change").
pub async fn replace(
    context: &mut Context,
    existing: &Sealed,
    mut replacement: Draft,
) -> Result<(), Fault> {
    // Whoever asks: the replacement takes the place of the existing object.
    replacement.owner.clone_from(&existing.owner);
    let mut replaced = existing.edit();
    let attributes = &mut replaced.attributes;
    attributes.remove(tag::NAME);
    creation::link(
        attributes,
        LinkType::REPLACEMENT_OBJECT_LINK.0,
        &replacement.unique_identifier,
    );
    retire(attributes);
    context.update(replaced).await?;
    context.insert(replacement).await
}

/// When the server is to rotate the object by itself, in seconds since 1970 (2.1 §4.48, §4.51); None:
/// never. Revoked and destroyed objects are not: whoever revokes a key wants no other in its place.
pub fn due(attributes: &Attributes) -> Option<i64> {
    let wanted = attributes.boolean(tag::ROTATE_AUTOMATIC) == Some(true)
        && attributes.boolean(tag::ROTATE_LATEST) != Some(false);
    let lives = matches!(state::stored(attributes), State::PRE_ACTIVE | State::ACTIVE);
    match attributes.get(tag::ROTATE_INTERVAL) {
        Some(Value::Interval(seconds)) if *seconds > 0 && wanted && lives => attributes
            .date(tag::INITIAL_DATE)?
            .checked_add(i64::from(*seconds)),
        _ => None,
    }
}
