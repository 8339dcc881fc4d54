//! What a request for a new object leaves to others: attributes of the templates that it names
//! (1.4 §2.1.8, §2.2.6) and the tenant's defaults (2.1 §6.1.53). They are written into the payload
//! before the operation reads it, so that no operation has to know of either.

use ttlv::{Node, Tag, Value};

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::rules::{self, Rules};
use crate::protocol::attributes::{Attribute, Attributes};
use crate::protocol::enumeration::{ObjectType, Operation};
use crate::protocol::object::Object;
use crate::protocol::structure::{Item, borrow};
use crate::protocol::tag;
use crate::store::filter::{Filter, Term};
use crate::store::record::IndexValue;

/// Whose attributes a field of a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// Of the object whose type the request's Object Type says.
    Named,
    Type(ObjectType),
    /// Of both halves of a pair.
    Both,
    /// Of what takes the place of another object, whose attributes are the defaults.
    Replacement,
}

/// The operations that make objects, and where their requests hold attributes.
static MAKING: &[(Operation, &[(Tag, Of)])] = &[
    (Operation::CREATE, &[(tag::ATTRIBUTES, Of::Named)]),
    (Operation::REGISTER, &[(tag::ATTRIBUTES, Of::Named)]),
    (Operation::DERIVE_KEY, &[(tag::ATTRIBUTES, Of::Named)]),
    (Operation::JOIN_SPLIT_KEY, &[(tag::ATTRIBUTES, Of::Named)]),
    (
        Operation::CREATE_SPLIT_KEY,
        &[(tag::ATTRIBUTES, Of::Type(ObjectType::SPLIT_KEY))],
    ),
    (
        Operation::CERTIFY,
        &[(tag::ATTRIBUTES, Of::Type(ObjectType::CERTIFICATE))],
    ),
    (
        Operation::CREATE_KEY_PAIR,
        &[
            (tag::COMMON_ATTRIBUTES, Of::Both),
            (
                tag::PRIVATE_KEY_ATTRIBUTES,
                Of::Type(ObjectType::PRIVATE_KEY),
            ),
            (tag::PUBLIC_KEY_ATTRIBUTES, Of::Type(ObjectType::PUBLIC_KEY)),
        ],
    ),
    (Operation::RE_KEY, &[(tag::ATTRIBUTES, Of::Replacement)]),
    (Operation::RE_CERTIFY, &[(tag::ATTRIBUTES, Of::Replacement)]),
    (
        Operation::RE_KEY_KEY_PAIR,
        &[
            (tag::COMMON_ATTRIBUTES, Of::Replacement),
            (tag::PRIVATE_KEY_ATTRIBUTES, Of::Replacement),
            (tag::PUBLIC_KEY_ATTRIBUTES, Of::Replacement),
        ],
    ),
];

/// What a registered object says itself: no default may say otherwise.
static SAID_BY_OBJECT: &[Tag] = &[
    tag::CRYPTOGRAPHIC_ALGORITHM,
    tag::CRYPTOGRAPHIC_LENGTH,
    tag::CERTIFICATE_TYPE,
    tag::CERTIFICATE_LENGTH,
    tag::KEY_FORMAT_TYPE,
];

/// The payload with what others say; None where they say nothing.
///
/// # Errors
/// Where a template is not there, archived, or not for the caller.
pub async fn complete(
    context: &mut Context,
    operation: Operation,
    payload: &[Node<'_>],
) -> Result<Option<Vec<Node<'static>>>, Fault> {
    let Some((_, fields)) = MAKING.iter().find(|(making, _)| *making == operation) else {
        return Ok(None);
    };
    let names_template = |item: &Node<'_>| {
        fields.iter().any(|(field, _)| *field == item.tag)
            && item.items().iter().any(|item| item.tag == tag::TEMPLATE)
    };
    let rules = context.rules().await?;
    if rules == Rules::default() && !payload.iter().any(names_template) {
        return Ok(None);
    }
    let mut payload: Vec<Node<'static>> = payload
        .iter()
        .map(|item| item.clone().into_owned())
        .collect();
    for (field, _) in *fields {
        if let Some(item) = payload.iter_mut().find(|item| item.tag == *field) {
            expand(context, item).await?;
        }
    }
    for (field, of) in *fields {
        let object_type = match of {
            Of::Type(object_type) => *object_type,
            Of::Named => match payload.iter().find(|item| item.tag == tag::OBJECT_TYPE) {
                Some(Node {
                    value: Value::Enumeration(number),
                    ..
                }) => ObjectType(*number),
                _ => continue,
            },
            Of::Both | Of::Replacement => continue,
        };
        fill(&rules, operation, object_type, *field, &mut payload)?;
    }
    Ok(Some(payload))
}

fn read(payload: &[Node<'static>], field: Tag) -> Result<Attributes, Fault> {
    match payload.iter().find(|item| item.tag == field) {
        Some(item) => Ok(Attributes::read(item)?),
        None => Ok(Attributes::default()),
    }
}

fn written(field: Tag, attributes: &Attributes) -> Node<'static> {
    let mut items = Vec::with_capacity(attributes.0.len());
    for attribute in &attributes.0 {
        if let Some(index) = attribute.index {
            items.push(Node::new(tag::ATTRIBUTE_INDEX, Value::Integer(index)));
        }
        let one = Attributes(vec![Attribute {
            index: None,
            ..attribute.clone()
        }]);
        // As the newest version has it, whatever the attribute's versions are.
        if let Value::Structure(parts) = crate::protocol::attributes::canonical(&one).value {
            items.extend(parts.into_iter().map(Node::into_owned));
        }
    }
    Node::structure(field, items)
}

/// Adds the tenant's defaults to one object's attributes.
fn fill(
    rules: &Rules,
    operation: Operation,
    object_type: ObjectType,
    field: Tag,
    payload: &mut Vec<Node<'static>>,
) -> Result<(), Fault> {
    let mut own = read(payload, field)?;
    let common = match field {
        tag::ATTRIBUTES => Attributes::default(),
        _ => read(payload, tag::COMMON_ATTRIBUTES)?,
    };
    let mut groups = rules::groups(&own);
    groups.extend(rules::groups(&common));
    let before = own.0.len();
    let given: Vec<_> = own
        .iter()
        .chain(common.iter())
        .map(|attribute| attribute.reference.clone())
        .collect();
    for default in rules.default_attributes(object_type, &groups) {
        let said =
            operation == Operation::REGISTER && SAID_BY_OBJECT.iter().any(|tag| default.is(*tag));
        if !said && !given.contains(&default.reference) {
            own.0.push(Attribute {
                index: None,
                ..default
            });
        }
    }
    if own.0.len() > before {
        let new = written(field, &own);
        match payload.iter_mut().find(|item| item.tag == field) {
            Some(item) => *item = new,
            None => payload.push(new),
        }
    }
    Ok(())
}

/// Puts the attributes of the templates that a structure names in the place of their names. What is
/// there explicitly comes first; of several templates the last one's value counts (1.4 §4.2).
async fn expand(context: &mut Context, field: &mut Node<'static>) -> Result<(), Fault> {
    let Value::Structure(items) = &mut field.value else {
        return Ok(());
    };
    let named: Vec<Node<'static>> = items
        .iter()
        .filter(|item| item.tag == tag::TEMPLATE)
        .cloned()
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    items.retain(|item| item.tag != tag::TEMPLATE);
    let explicit = Attributes::read(field)?;
    let mut from_templates: Vec<Attribute> = Vec::new();
    for name in &named {
        for attribute in template(context, name).await?.0 {
            let many = is_multiple(&attribute);
            if !many {
                from_templates.retain(|other| other.reference != attribute.reference);
            }
            let known = explicit.iter().chain(&from_templates).any(|other| {
                other.reference == attribute.reference && (!many || other.value == attribute.value)
            });
            if !known {
                from_templates.push(Attribute {
                    index: None,
                    ..attribute
                });
            }
        }
    }
    let mut all = explicit;
    all.0.extend(from_templates);
    *field = written(field.tag, &all);
    Ok(())
}

fn is_multiple(attribute: &Attribute) -> bool {
    attribute
        .reference
        .row()
        .is_none_or(|row| row.permits_many(ObjectType::SYMMETRIC_KEY))
}

/// The attributes of a template, by its Name.
async fn template(context: &mut Context, name: &Node<'static>) -> Result<Attributes, Fault> {
    let value = name.child(tag::NAME_VALUE).map(|value| &value.value);
    let Some(Value::TextString(text)) = value else {
        return Err(Fault::new(
            Reason::InvalidMessage,
            "the name of a template lacks its Name Value",
        ));
    };
    let filter = Filter {
        tenant: context.tenant(),
        owner: None,
        terms: vec![
            Term::ObjectType(ObjectType::TEMPLATE.0),
            Term::Matches {
                attribute: tag::NAME.0,
                name: String::new(),
                fields: vec![(
                    tag::NAME_VALUE.0,
                    crate::object::index::leaf(&borrow(&Value::TextString(text.clone())))
                        .unwrap_or(IndexValue::Bytes(Vec::new())),
                )],
            },
        ],
        online: true,
        // Archived ones are found so that they can be refused as such.
        archived: true,
        destroyed: false,
        offset: 0,
        maximum: Some(1),
        count: false,
    };
    let located = context.locate(&filter).await?;
    let identifier = located.unique_identifiers.first().ok_or_else(|| {
        Fault::new(
            Reason::TemplateNotFound,
            format!("there is no template {text:?}; register it or leave its name out"),
        )
    })?;
    let object = context
        .object_named(identifier, Permission::Get, Destroyed::Refused)
        .await?;
    match &object.skeleton {
        Object::Template(template) => Ok(template.attributes.clone()),
        other => Err(Fault::new(
            Reason::TemplateNotFound,
            format!("{text:?} is a {}, not a template", other.object_type()),
        )),
    }
}
