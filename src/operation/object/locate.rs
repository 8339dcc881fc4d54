//! Locate (1.4 §4.9, 2.1 §6.1.28).

use ttlv::{Tag, Value};

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::index;
use crate::operation::Handler;
use crate::protocol::attributes::{Attribute, AttributeReference, Attributes};
use crate::protocol::enumeration::{ObjectGroupMember, UniqueIdentifier};
use crate::protocol::mask::StorageStatusMask;
use crate::protocol::tag;
use crate::store::filter::{Filter, Term};
use crate::store::record::IndexValue;
use crate::structure;

structure! {
    pub struct LocateRequest {
        maximum_items: Option<i32> = MAXIMUM_ITEMS;
        offset_items: Option<i32> = OFFSET_ITEMS, since V1_3;
        storage_status_mask: Option<StorageStatusMask> = STORAGE_STATUS_MASK;
        object_group_member: Option<ObjectGroupMember> = OBJECT_GROUP_MEMBER, since V1_1;
        attributes: Attributes = ATTRIBUTES;
    }
    pub struct LocateResponse {
        located_items: Option<i32> = LOCATED_ITEMS, since V1_3;
        unique_identifier: Vec<String> = UNIQUE_IDENTIFIER;
    }
}

/// Attributes of which two values are a range.
static DATES: &[Tag] = &[
    tag::ACTIVATION_DATE,
    tag::ARCHIVE_DATE,
    tag::COMPROMISE_DATE,
    tag::COMPROMISE_OCCURRENCE_DATE,
    tag::DEACTIVATION_DATE,
    tag::DESTROY_DATE,
    tag::INITIAL_DATE,
    tag::LAST_CHANGE_DATE,
    tag::ORIGINAL_CREATION_DATE,
    tag::PROCESS_START_DATE,
    tag::PROTECT_STOP_DATE,
    tag::VALIDITY_DATE,
    tag::ROTATE_DATE,
];

/// Attributes that match when they have all bits asked for.
static MASKS: &[Tag] = &[tag::CRYPTOGRAPHIC_USAGE_MASK, tag::PROTECTION_STORAGE_MASK];

#[derive(Debug)]
pub struct Locate;

fn count(name: &str, value: Option<i32>) -> Result<Option<u32>, Fault> {
    value
        .map(|value| {
            u32::try_from(value).map_err(|_| {
                Fault::new(
                    Reason::InvalidField,
                    format!("{name} is negative; expected 0 or more"),
                )
            })
        })
        .transpose()
}

fn term(
    context: &Context,
    attributes: &Attributes,
    position: usize,
    attribute: &Attribute,
) -> Option<Term> {
    if let AttributeReference::Standard(tag) = attribute.reference {
        match (tag, &attribute.value) {
            (tag::STATE, Value::Enumeration(state)) => {
                return Some(Term::State {
                    state: *state,
                    now: context.now,
                });
            }
            (tag::UNIQUE_IDENTIFIER, Value::TextString(text)) => {
                return Some(Term::UniqueIdentifier(text.to_string()));
            }
            (tag::OBJECT_TYPE, Value::Enumeration(object_type)) => {
                return Some(Term::ObjectType(*object_type));
            }
            (tag, Value::Integer(mask)) if MASKS.contains(&tag) => {
                return Some(Term::Contains {
                    attribute: tag.0,
                    mask: i64::from(*mask),
                });
            }
            (tag, Value::DateTime(date)) if DATES.contains(&tag) => {
                return date_term(attributes, position, tag, *date);
            }
            _ => {}
        }
    }
    let (tag, name) = index::key(&attribute.reference);
    let fields = index::fields(&attribute.value);
    Some(if fields.is_empty() {
        Term::Present {
            attribute: tag,
            name,
        }
    } else {
        Term::Matches {
            attribute: tag,
            name,
            fields,
        }
    })
}

/// One date: equal; two: the range between them, once. The largest possible value counts as not given.
fn date_term(attributes: &Attributes, position: usize, tag: Tag, date: i64) -> Option<Term> {
    let mut others = attributes
        .iter()
        .enumerate()
        .filter(|(_, other)| other.is(tag));
    let first = others.next().is_some_and(|(first, _)| first == position);
    let second = others.next().and_then(|(_, other)| match other.value {
        Value::DateTime(date) => Some(date),
        _ => None,
    });
    match second {
        _ if date == i64::MAX => None,
        Some(second) if first => Some(Term::Between {
            attribute: tag.0,
            name: String::new(),
            low: date.min(second),
            high: date.max(second),
        }),
        Some(_) => None,
        None if first => Some(Term::Matches {
            attribute: tag.0,
            name: String::new(),
            fields: vec![(0, IndexValue::Number(date))],
        }),
        None => None,
    }
}

impl Handler for Locate {
    type Request = LocateRequest;
    type Response = LocateResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Locate)?;
        let mask = request
            .storage_status_mask
            .unwrap_or(StorageStatusMask::ON_LINE_STORAGE);
        let limit = context.engine.settings.limits.located;
        let asked = count("Maximum Items", request.maximum_items)?;
        let mut filter = Filter {
            tenant: context.tenant(),
            owner: (!context.caller.tenant.settings.share)
                .then(|| context.caller.identity.name.clone()),
            terms: Vec::with_capacity(request.attributes.0.len()),
            online: mask.contains(StorageStatusMask::ON_LINE_STORAGE),
            archived: mask.contains(StorageStatusMask::ARCHIVAL_STORAGE),
            destroyed: mask.contains(StorageStatusMask::DESTROYED_STORAGE),
            offset: count("Offset Items", request.offset_items)?.unwrap_or(0),
            maximum: Some(asked.unwrap_or(limit).min(limit)),
            // TC-OFFSET counts only where the client pages.
            count: request.offset_items.is_some(),
        };
        if request.object_group_member == Some(ObjectGroupMember::GROUP_MEMBER_FRESH) {
            filter.terms.push(Term::Matches {
                attribute: tag::FRESH.0,
                name: String::new(),
                fields: vec![(0, IndexValue::Number(1))],
            });
        }
        for (position, attribute) in request.attributes.iter().enumerate() {
            let standard = match &attribute.reference {
                AttributeReference::Standard(tag) => {
                    crate::protocol::attribute::by_tag(*tag).is_some()
                }
                AttributeReference::Vendor(name) => !name.vendor.is_empty(),
            };
            if !standard {
                return Err(Fault::new(
                    Reason::InvalidField,
                    format!(
                        "{} is no attribute; nothing can be located by it",
                        attribute.reference.spoken()
                    ),
                ));
            }
            filter
                .terms
                .extend(term(context, &request.attributes, position, attribute));
        }
        let located = context.locate(&filter).await?;
        match located.unique_identifiers.as_slice() {
            [only] => context.produce(UniqueIdentifier::LOCATE, &only.clone()),
            _ => context.empty_placeholder(),
        }
        Ok(LocateResponse {
            located_items: located
                .total
                .map(|total| i32::try_from(total).unwrap_or(i32::MAX)),
            unique_identifier: located.unique_identifiers,
        })
    }
}
