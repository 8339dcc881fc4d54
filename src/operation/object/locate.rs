//! Locate (1.4 §4.9, 2.1 §6.1.28).

use ttlv::{Tag, Value};

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::index;
use crate::operation::Handler;
use crate::protocol::attributes::{Attribute, AttributeReference, Attributes};
use crate::protocol::enumeration::{ObjectGroupMember, State, UniqueIdentifier};
use crate::protocol::mask::StorageStatusMask;
use crate::protocol::tag;
use crate::store::filter::{Filter, Located, Term};
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

/// Usage Limits match where Total and Count are as much or more (1.4 §4.9). Answers the Count asked
/// for: it stands in no index, but is at most Total.
fn usage_terms(value: &Value<'_>, terms: &mut Vec<Term>) -> Option<i64> {
    let Value::Structure(fields) = value else {
        return None;
    };
    let mut least = None;
    for field in fields {
        let attribute = tag::USAGE_LIMITS.0;
        match (field.tag, &field.value) {
            (tag::USAGE_LIMITS_TOTAL, Value::LongInteger(low)) => terms.push(Term::AtLeast {
                attribute,
                field: field.tag.0,
                low: *low,
            }),
            (tag::USAGE_LIMITS_COUNT, Value::LongInteger(low)) => {
                least = Some(*low);
                terms.push(Term::AtLeast {
                    attribute,
                    field: tag::USAGE_LIMITS_TOTAL.0,
                    low: *low,
                });
            }
            (tag, value) => terms.extend(index::leaf(value).map(|leaf| Term::Matches {
                attribute,
                name: String::new(),
                fields: vec![(tag.0, leaf)],
            })),
        }
    }
    least
}

/// Which of the hits have that much left; paged afterwards, for the store cannot.
async fn with_left(context: &Context, filter: &Filter, least: i64) -> Result<Located, Fault> {
    let all = Filter {
        offset: 0,
        maximum: None,
        count: false,
        ..filter.clone()
    };
    let mut kept = Vec::new();
    for identifier in context.locate(&all).await?.unique_identifiers {
        let usage = context.usage_of(&identifier).await?;
        if usage.is_some_and(|usage| usage.left() >= least) {
            kept.push(identifier);
        }
    }
    let total = u64::try_from(kept.len()).ok();
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Located {
        unique_identifiers: kept
            .into_iter()
            .skip(count(filter.offset))
            .take(filter.maximum.map_or(usize::MAX, count))
            .collect(),
        total: total.filter(|_| filter.count),
    })
}

/// The default object of a group (1.4 §4.9 "as defined by server policy"): the newest that can be
/// used, else the newest.
async fn default_member(context: &Context, mut filter: Filter) -> Result<Located, Fault> {
    filter.offset = 0;
    filter.maximum = Some(1);
    let mut active = filter.clone();
    active.terms.push(Term::State {
        state: State::ACTIVE.0,
        now: context.now,
    });
    let found = context.locate(&active).await?;
    match found.unique_identifiers.is_empty() {
        true => context.locate(&filter).await,
        false => Ok(found),
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
        let mut least = None;
        for (position, attribute) in request.attributes.iter().enumerate() {
            if attribute.is(tag::USAGE_LIMITS) {
                least = least.max(usage_terms(&attribute.value, &mut filter.terms));
                continue;
            }
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
        let located = match (least, request.object_group_member) {
            (_, Some(ObjectGroupMember::GROUP_MEMBER_DEFAULT)) => {
                default_member(context, filter).await?
            }
            (Some(least), _) => with_left(context, &filter, least).await?,
            (None, _) => context.locate(&filter).await?,
        };
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
