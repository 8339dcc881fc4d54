//! What the attribute operations ask of the rule table before they change anything.

use ttlv::Value;

use crate::engine::access::{self, Decision, Permission};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::managed::{Managed, Sealed};
use crate::object::{application, approval, creation, derivation_master};
use crate::protocol::attribute::{AttributeRow, Change};
use crate::protocol::attributes::{Attribute, AttributeReference, Attributes, VendorName};
use crate::protocol::tag;

/// How an operation words that a client may not write an attribute (2.1 §6.1.2 and §6.1.3 say Read
/// Only Attribute, §6.1.13 and §6.1.34 Attribute Read Only).
pub type ReadOnly = Reason;

/// The one attribute of a New Attribute or Current Attribute.
pub fn only(attributes: &Attributes) -> Result<&Attribute, Fault> {
    match attributes.0.as_slice() {
        [attribute] => Ok(attribute),
        others => Err(Fault::new(
            Reason::InvalidMessage,
            format!(
                "the request holds {} attributes; expected one",
                others.len()
            ),
        )),
    }
}

/// The same with what the server adds to a value.
///
/// # Errors
/// Application Namespace Not Supported.
pub fn completed(attributes: &Attributes) -> Result<Attribute, Fault> {
    let mut attribute = only(attributes)?.clone();
    application::complete(&mut attribute)?;
    Ok(attribute)
}

/// The row of an attribute that a client may write; None for a vendor attribute of the client.
pub fn writable(
    attribute: &AttributeReference,
    read_only: ReadOnly,
) -> Result<Option<&'static AttributeRow>, Fault> {
    match attribute {
        AttributeReference::Standard(tag) => {
            let row = crate::protocol::attribute::by_tag(*tag).ok_or_else(|| unknown(attribute))?;
            if row.is_read_only() {
                return Err(Fault::new(
                    read_only,
                    format!(
                        "{} is kept by the server; clients cannot write it",
                        row.name
                    ),
                ));
            }
            Ok(Some(row))
        }
        AttributeReference::Vendor(VendorName { vendor, .. }) if vendor.is_empty() => {
            Err(unknown(attribute))
        }
        // 1.4 §3.36: y- attributes are the server's.
        AttributeReference::Vendor(VendorName { vendor, name }) if vendor == "y" => {
            Err(Fault::new(
                read_only,
                format!(
                    "y-{name} is the server's; clients write custom attributes that begin with x-"
                ),
            ))
        }
        AttributeReference::Vendor(_) => Ok(None),
    }
}

fn unknown(attribute: &AttributeReference) -> Fault {
    Fault::new(
        Reason::UnsupportedAttribute,
        format!(
            "{} is no attribute of the standard; custom ones begin with x-",
            attribute.spoken()
        ),
    )
}

/// Whether an existing value may be changed or deleted now.
pub fn changeable(
    context: &Context,
    object: &Managed,
    row: &AttributeRow,
    change: Change,
    present: Option<&Value<'static>>,
    read_only: ReadOnly,
) -> Result<(), Fault> {
    derivation_master::permit_change(object, &AttributeReference::Standard(row.tag))?;
    if change == Change::No {
        return Err(Fault::new(
            read_only,
            format!("{} cannot be changed by clients", row.name),
        ));
    }
    let state = object.state(context.now);
    let reached = matches!(present, Some(Value::DateTime(date)) if *date <= context.now);
    if !change.in_state(state) || (change == Change::UntilReached && reached) {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            format!("{} cannot be changed while the object is {state}", row.name),
        ));
    }
    Ok(())
}

/// Changes that give away protection are permissions of their own (DESIGN §4.3).
pub fn guard(context: &Context, object: &Sealed, attribute: &Attribute) -> Result<(), Fault> {
    derivation_master::permit_change(object, &attribute.reference)?;
    let AttributeReference::Standard(tag) = attribute.reference else {
        return Ok(());
    };
    let permission = match (tag, &attribute.value) {
        (tag::SENSITIVE, Value::Boolean(false))
            if object.attributes.boolean(tag::SENSITIVE) == Some(true) =>
        {
            Permission::LowerSensitive
        }
        (tag::EXTRACTABLE, Value::Boolean(true))
            if object.attributes.boolean(tag::EXTRACTABLE) == Some(false) =>
        {
            Permission::RaiseExtractable
        }
        (tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(mask)) => {
            let has = object
                .attributes
                .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
                .unwrap_or(0);
            if mask & !has == 0 {
                return Ok(());
            }
            Permission::WidenUsageMask
        }
        _ => return Ok(()),
    };
    // An approved wrapping key stays what it was approved as (DESIGN §4.3).
    if approval::is_approved(object) {
        return Err(Fault::new(
            Reason::PermissionDenied,
            "the key is an approved wrapping key: it stays not extractable and for wrapping only",
        ));
    }
    match access::decide(&context.caller, object, permission) {
        Decision::Allow => Ok(()),
        Decision::Deny | Decision::Hide => Err(Fault::new(
            Reason::PermissionDenied,
            format!("this change needs the permission {:?}", permission.name()),
        )),
    }
}

/// Whether the value fits attribute and object.
pub fn fits(
    context: &Context,
    object: &Managed,
    row: Option<&AttributeRow>,
    attribute: &Attribute,
) -> Result<(), Fault> {
    match row {
        Some(row) => {
            creation::check_value(row, object.object_type(), context.version, &attribute.value)
        }
        None => Ok(()),
    }
}

/// What follows from a changed attribute: Always Sensitive and Never Extractable remember (2.1 §4.3, §4.33).
pub fn consequences(attributes: &mut Attributes) {
    if attributes.boolean(tag::SENSITIVE) == Some(false) && attributes.has(tag::ALWAYS_SENSITIVE) {
        attributes.set(tag::ALWAYS_SENSITIVE, Value::Boolean(false));
    }
    if attributes.boolean(tag::EXTRACTABLE) == Some(true) && attributes.has(tag::NEVER_EXTRACTABLE)
    {
        attributes.set(tag::NEVER_EXTRACTABLE, Value::Boolean(false));
    }
}

/// The position of the instance that a request means: by its value (2.x), by its index (1.x), or
/// the only one.
pub fn instance(
    attributes: &Attributes,
    reference: &AttributeReference,
    current: Option<&Attribute>,
    index: Option<i32>,
    many: bool,
    absent: Reason,
) -> Result<usize, Fault> {
    let mut found = attributes
        .0
        .iter()
        .enumerate()
        .filter(|(_, attribute)| attribute.reference == *reference)
        .map(|(position, attribute)| (position, attribute.index.unwrap_or(0), &attribute.value));
    if let Some(current) = current {
        return found
            .find(|(_, _, value)| **value == current.value)
            .map(|(position, ..)| position)
            .ok_or_else(|| {
                Fault::new(
                    Reason::AttributeInstanceNotFound,
                    format!("no {} has the value given as current", reference.spoken()),
                )
            });
    }
    let instances: Vec<_> = found.collect();
    match (instances.as_slice(), index) {
        ([], _) => Err(Fault::new(
            absent,
            format!("the object has no {}", reference.spoken()),
        )),
        (_, Some(index)) => instances
            .iter()
            .find(|(_, own, _)| *own == index)
            .map(|(position, ..)| *position)
            .ok_or_else(|| {
                Fault::new(
                    Reason::AttributeInstanceNotFound,
                    format!("{} has no instance of index {index}", reference.spoken()),
                )
            }),
        ([(position, ..)], None) => Ok(*position),
        // 1.4 §4.16: without an index, index 0 is meant.
        (several, None) if !many => several
            .iter()
            .find(|(_, own, _)| *own == 0)
            .map(|(position, ..)| *position)
            .ok_or_else(|| {
                Fault::new(Reason::AttributeInstanceNotFound, "no instance has index 0")
            }),
        _ => Err(Fault::new(
            Reason::MultiValuedAttribute,
            format!(
                "{} has several values; say which with Current Attribute",
                reference.spoken()
            ),
        )),
    }
}

/// Since 2.0 an instance is named by its value, before by its index.
pub fn by_value(version: crate::protocol::version::Version) -> bool {
    crate::protocol::tag::by_tag(tag::ATTRIBUTE_INDEX)
        .is_some_and(|row| !row.versions.contains(version))
}
