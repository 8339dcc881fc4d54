//! Notify (1.4 §5.1, 2.1 §6.2.2): which attributes changed, and which are gone.

use super::super::access::Permission;
use super::super::context::{Context, Destroyed};
use super::super::error::Fault;
use super::message;
use super::queue::Item;
use crate::object::change::Changes;
use crate::protocol::attributes::{AttributeReference, Attributes};
use crate::protocol::enumeration::Operation;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::structure;

structure! {
    struct NotifyPayload {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        attributes: Attributes = ATTRIBUTES;
        attribute_reference: Vec<AttributeReference> = ATTRIBUTE_REFERENCE;
    }
}

/// The payload for the one who is told, as if it had asked for the attributes. None where no
/// attribute changed: the row was only written anew, under another key of the tenant.
///
/// # Errors
/// As Get Attributes.
pub(super) async fn make(context: &mut Context, item: &Item) -> Result<Option<Bytes>, Fault> {
    let object = context
        .object_named(
            &item.identifier,
            Permission::GetAttributes,
            Destroyed::Allowed,
        )
        .await?;
    let changed = object.changes.between(item.first, object.version());
    if changed.is_some_and(|changed| changed.is_empty()) {
        return Ok(None);
    }
    let all = context.shown(&object).await?;
    let (attributes, mut deleted) = split(all, &object.changes, item.first, object.version());
    deleted.retain(|reference| reference.is_in(context.version));
    let payload = NotifyPayload {
        unique_identifier: object.unique_identifier.clone(),
        attributes,
        attribute_reference: deleted,
    };
    message::payload(Operation::NOTIFY, context.version, &payload).map(Some)
}

/// What to tell of the versions from `first` on: values, and names of what is gone. "This includes at
/// least the Last Change Date attribute" (1.4 Table 255).
fn split(
    all: Attributes,
    changes: &Changes,
    first: i64,
    current: i64,
) -> (Attributes, Vec<AttributeReference>) {
    let Some(changed) = changes.between(first, current) else {
        return (all, Vec::new());
    };
    let deleted = changed
        .iter()
        .filter(|reference| all.all(reference).next().is_none())
        .map(|reference| (*reference).clone())
        .collect();
    let told = all.0.into_iter().filter(|attribute| {
        attribute.is(tag::LAST_CHANGE_DATE) || changed.contains(&&attribute.reference)
    });
    (Attributes(told.collect()), deleted)
}
