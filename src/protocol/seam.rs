//! The shapes that moved between 1.4 and 2.0. A request of 1.x is brought into the form of the
//! newest version before anything reads it, an answer to 1.x is brought back after everything
//! wrote it; the rest of the server knows one form only.
//!
//! | 1.x | 2.x |
//! | --- | --- |
//! | Template-Attribute { Attribute… } | Attributes { … } |
//! | Common/Private Key/Public Key Template-Attribute | Common/Private Key/Public Key Attributes |
//! | Attribute { Attribute Name, Attribute Index, Attribute Value } | the attribute's own tag, preceded by Attribute Index |
//! | Attribute Name `x-NAME` | Attribute { Vendor Identification `x`, Attribute Name, Attribute Value } |
//! | Attribute Name | Attribute Reference |
//! | Attribute of Add, Modify, Delete Attribute | New Attribute, Current Attribute |
//! | Name in Template-Attribute | Template in Attributes |
//! | Template { Attribute… } | Template { Attributes { … } } |
//! | Certificate Request (a byte string) | Certificate Request Value |
//! | Attribute… in Key Value, Get Attributes, Locate | Attributes { … } |

use std::borrow::Cow;

use ttlv::{Node, Tag, Value};

use super::attribute;
use super::enumeration::{KeyFormatType, Operation};
use super::tag;
use super::version::Version;

/// Structures of 1.x that hold attributes, and what they are called since 2.0.
static TEMPLATES: &[(Tag, Tag)] = &[
    (tag::TEMPLATE_ATTRIBUTE, tag::ATTRIBUTES),
    (tag::COMMON_TEMPLATE_ATTRIBUTE, tag::COMMON_ATTRIBUTES),
    (
        tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
        tag::PRIVATE_KEY_ATTRIBUTES,
    ),
    (
        tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
        tag::PUBLIC_KEY_ATTRIBUTES,
    ),
];

/// Operations whose Attribute is one new attribute (1.4 §4.15, §4.16).
fn takes_new_attribute(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::ADD_ATTRIBUTE | Operation::MODIFY_ATTRIBUTE
    )
}

/// Brings a request payload into the newest form.
pub fn request(operation: Operation, version: Version, items: Vec<Node<'_>>) -> Vec<Node<'_>> {
    if version >= Version::V2_0 {
        return items;
    }
    let mut out = Vec::with_capacity(items.len());
    let mut loose = Vec::new();
    for item in items {
        match item.tag {
            tag::ATTRIBUTE => named_attribute(item, &mut loose),
            tag::ATTRIBUTE_NAME => {
                if let Value::TextString(name) = item.value {
                    out.push(reference(name));
                }
            }
            tag if TEMPLATES.iter().any(|(old, _)| *old == tag) => {
                let new = TEMPLATES
                    .iter()
                    .find(|(old, _)| *old == tag)
                    .map_or(tag, |(_, new)| *new);
                out.push(template(new, item));
            }
            tag::OFFSET | tag::ATTRIBUTE_INDEX => out.push(item),
            tag::TEMPLATE => {
                let attributes = template(tag::ATTRIBUTES, item);
                out.push(Node::structure(tag::TEMPLATE, vec![attributes]));
            }
            // The byte string of Certify and Re-certify; the object of that name came with 2.0.
            tag::CERTIFICATE_REQUEST => {
                out.push(Node::new(tag::CERTIFICATE_REQUEST_VALUE, item.value));
            }
            _ => out.push(object(item)),
        }
    }
    if takes_new_attribute(operation) {
        // Attribute Index says which instance to modify; it stands beside New Attribute.
        let (index, attribute): (Vec<_>, Vec<_>) = loose
            .into_iter()
            .partition(|item| item.tag == tag::ATTRIBUTE_INDEX);
        out.extend(index);
        out.push(Node::structure(tag::NEW_ATTRIBUTE, attribute));
    } else if !loose.is_empty() {
        match out.iter_mut().find(|item| item.tag == tag::ATTRIBUTES) {
            // Some clients send both forms in one Locate.
            Some(Node {
                value: Value::Structure(items),
                ..
            }) => items.append(&mut loose),
            _ => out.push(Node::structure(tag::ATTRIBUTES, loose)),
        }
    } else if operation == Operation::LOCATE
        || operation == Operation::REGISTER
        || operation == Operation::CREATE
    {
        // Optional or often left empty in 1.x, required since 2.0.
        if !out.iter().any(|item| item.tag == tag::ATTRIBUTES) {
            out.push(Node::structure(tag::ATTRIBUTES, Vec::new()));
        }
    }
    out
}

/// Brings a response payload, or what the server asks of a client, written in the newest form, into the form of `version`.
pub fn response<'a>(operation: Operation, version: Version, items: Vec<Node<'a>>) -> Vec<Node<'a>> {
    if version >= Version::V2_0 {
        return items;
    }
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        match item.tag {
            tag::ATTRIBUTES => match operation {
                Operation::GET_ATTRIBUTES
                | Operation::EXPORT
                | Operation::NOTIFY
                | Operation::PUT => unname(item, &mut out),
                _ => out.push(Node::structure(tag::TEMPLATE_ATTRIBUTE, unnamed(item))),
            },
            tag::PRIVATE_KEY_ATTRIBUTES => {
                out.push(Node::structure(
                    tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
                    unnamed(item),
                ));
            }
            tag::PUBLIC_KEY_ATTRIBUTES => {
                out.push(Node::structure(
                    tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
                    unnamed(item),
                ));
            }
            tag::NEW_ATTRIBUTE | tag::CURRENT_ATTRIBUTE => unname(item, &mut out),
            // 1.4 §5.1: what was deleted is an Attribute without its value.
            tag::ATTRIBUTE_REFERENCE if operation == Operation::NOTIFY => out.extend(
                name_of_reference(item).map(|name| Node::structure(tag::ATTRIBUTE, vec![name])),
            ),
            tag::TEMPLATE => out.push(template_back(item)),
            tag::ATTRIBUTE_REFERENCE => out.extend(name_of_reference(item)),
            _ => out.push(object_back(item)),
        }
    }
    out
}

/// A Key Value by itself, as wrapping encodes it.
pub fn key_value(version: Version, mut node: Node<'_>) -> Node<'_> {
    if version < Version::V2_0
        && let Value::Structure(items) = &mut node.value
    {
        let mut out = Vec::with_capacity(items.len());
        for item in std::mem::take(items) {
            match item.tag {
                tag::ATTRIBUTES => unname(item, &mut out),
                _ => out.push(item),
            }
        }
        *items = out;
    }
    node
}

/// The Key Value of a PKCS#12 container in 1.x is the container itself, as that of a wrapped key is (TC-PKCS12-1-14,
/// TC-PKCS12-2-14); since 2.0 it is a structure.
fn contained<'a>(object: &mut Node<'a>, rewrite: fn(Value<'a>) -> Value<'a>) {
    let Value::Structure(fields) = &mut object.value else {
        return;
    };
    let Some(Value::Structure(block)) = fields
        .iter_mut()
        .find(|field| field.tag == tag::KEY_BLOCK)
        .map(|block| &mut block.value)
    else {
        return;
    };
    let is_container = block.iter().any(|field| {
        field.tag == tag::KEY_FORMAT_TYPE
            && field.value == Value::Enumeration(KeyFormatType::PKCS_12.0)
    });
    let is_wrapped = block
        .iter()
        .any(|field| field.tag == tag::KEY_WRAPPING_DATA);
    if let Some(value) = block.iter_mut().find(|field| field.tag == tag::KEY_VALUE)
        && is_container
        && !is_wrapped
    {
        let old = std::mem::replace(&mut value.value, Value::Structure(Vec::new()));
        value.value = rewrite(old);
    }
}

fn into_structure(value: Value<'_>) -> Value<'_> {
    match value {
        Value::ByteString(bytes) => {
            Value::Structure(vec![Node::new(tag::KEY_MATERIAL, Value::ByteString(bytes))])
        }
        other => other,
    }
}

fn out_of_structure(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Structure(mut items) if items.len() == 1 => match items.pop() {
            Some(Node {
                tag: tag::KEY_MATERIAL,
                value: Value::ByteString(bytes),
            }) => Value::ByteString(bytes),
            other => Value::Structure(other.into_iter().collect()),
        },
        other => other,
    }
}

/// Key Value may hold attributes (1.4 §2.1.4).
fn object(mut item: Node<'_>) -> Node<'_> {
    contained(&mut item, into_structure);
    rewrite_key_value(&mut item, &mut |items| {
        let mut attributes = Vec::new();
        let mut rest = Vec::new();
        for item in std::mem::take(items) {
            match item.tag {
                tag::ATTRIBUTE => named_attribute(item, &mut attributes),
                _ => rest.push(item),
            }
        }
        if !attributes.is_empty() {
            rest.push(Node::structure(tag::ATTRIBUTES, attributes));
        }
        *items = rest;
    });
    item
}

fn object_back(mut item: Node<'_>) -> Node<'_> {
    contained(&mut item, out_of_structure);
    rewrite_key_value(&mut item, &mut |items| {
        let mut out = Vec::with_capacity(items.len());
        for item in std::mem::take(items) {
            match item.tag {
                tag::ATTRIBUTES => unname(item, &mut out),
                _ => out.push(item),
            }
        }
        *items = out;
    });
    item
}

fn rewrite_key_value<'a>(object: &mut Node<'a>, rewrite: &mut dyn FnMut(&mut Vec<Node<'a>>)) {
    let Value::Structure(fields) = &mut object.value else {
        return;
    };
    let Some(block) = fields.iter_mut().find(|field| field.tag == tag::KEY_BLOCK) else {
        return;
    };
    let Value::Structure(fields) = &mut block.value else {
        return;
    };
    let Some(value) = fields.iter_mut().find(|field| field.tag == tag::KEY_VALUE) else {
        return;
    };
    if let Value::Structure(items) = &mut value.value {
        rewrite(items);
    }
}

fn template(new: Tag, item: Node<'_>) -> Node<'_> {
    let mut out = Vec::new();
    if let Value::Structure(items) = item.value {
        for item in items {
            match item.tag {
                tag::ATTRIBUTE => named_attribute(item, &mut out),
                // The Name of a Template to take attributes from (1.4 §2.1.8), not of the new object.
                tag::NAME => out.push(Node::new(tag::TEMPLATE, item.value)),
                _ => out.push(item),
            }
        }
    }
    Node::structure(new, out)
}

fn template_back(item: Node<'_>) -> Node<'_> {
    let mut out = Vec::new();
    if let Value::Structure(items) = item.value {
        items.into_iter().for_each(|item| unname(item, &mut out));
    }
    Node::structure(tag::TEMPLATE, out)
}

/// `x-NAME` and `y-NAME` are custom attributes (1.4 §3.36).
fn vendor_name<'a>(name: Cow<'a, str>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    match name {
        Cow::Borrowed(name) => match name.split_once('-') {
            Some((vendor @ ("x" | "y"), rest)) => {
                Some((Cow::Borrowed(vendor), Cow::Borrowed(rest)))
            }
            _ => None,
        },
        Cow::Owned(name) => match name.split_once('-') {
            Some((vendor @ ("x" | "y"), rest)) => {
                Some((Cow::Owned(vendor.to_owned()), Cow::Owned(rest.to_owned())))
            }
            _ => None,
        },
    }
}

fn vendor_fields<'a>(name: Cow<'a, str>) -> Vec<Node<'a>> {
    // A name that is neither the standard's nor a custom one keeps its text under an empty vendor:
    // who reads attributes passes over it, who writes them is told.
    let (vendor, name) = vendor_name(name.clone()).unwrap_or((Cow::Borrowed(""), name));
    vec![
        Node::text(tag::VENDOR_IDENTIFICATION, vendor),
        Node::text(tag::ATTRIBUTE_NAME, name),
    ]
}

fn named_attribute<'a>(item: Node<'a>, out: &mut Vec<Node<'a>>) {
    let Value::Structure(fields) = item.value else {
        return;
    };
    let (mut name, mut index, mut value) = (None, None, None);
    for field in fields {
        match (field.tag, field.value) {
            (tag::ATTRIBUTE_NAME, Value::TextString(text)) => name = Some(text),
            (tag::ATTRIBUTE_INDEX, Value::Integer(number)) => index = Some(number),
            (tag::ATTRIBUTE_VALUE, found) => value = Some(found),
            _ => {}
        }
    }
    if let Some(index) = index {
        out.push(Node::new(tag::ATTRIBUTE_INDEX, Value::Integer(index)));
    }
    let name = name.unwrap_or_default();
    let standard = attribute::by_name(&name).map(|row| row.tag);
    out.push(match (standard, value) {
        (Some(tag), Some(value)) => Node::new(tag, value),
        // Without a value (Modify and Delete may name one): an empty structure is nobody's value.
        (Some(tag), None) => Node::structure(tag, Vec::new()),
        (None, value) => {
            let mut fields = vendor_fields(name);
            fields.push(Node::new(
                tag::ATTRIBUTE_VALUE,
                value.unwrap_or(Value::Structure(Vec::new())),
            ));
            Node::structure(tag::ATTRIBUTE, fields)
        }
    });
}

fn reference<'a>(name: Cow<'a, str>) -> Node<'a> {
    match attribute::by_name(&name) {
        Some(row) => Node::new(tag::ATTRIBUTE_REFERENCE, Value::Enumeration(row.tag.0)),
        None => Node::structure(tag::ATTRIBUTE_REFERENCE, vendor_fields(name)),
    }
}

fn name_of_reference(item: Node<'_>) -> Option<Node<'_>> {
    let name = match item.value {
        Value::Enumeration(number) => Cow::Borrowed(attribute::by_tag(Tag(number))?.name),
        Value::Structure(fields) => joined_name(&fields)?,
        _ => return None,
    };
    Some(Node::text(tag::ATTRIBUTE_NAME, name))
}

fn joined_name<'a>(fields: &[Node<'a>]) -> Option<Cow<'a, str>> {
    let text = |wanted: Tag| {
        fields
            .iter()
            .find(|field| field.tag == wanted)
            .and_then(|field| match &field.value {
                Value::TextString(text) => Some(text.clone()),
                _ => None,
            })
    };
    let (vendor, name) = (
        text(tag::VENDOR_IDENTIFICATION)?,
        text(tag::ATTRIBUTE_NAME)?,
    );
    Some(if vendor.is_empty() {
        name
    } else {
        Cow::Owned(format!("{vendor}-{name}"))
    })
}

fn unnamed(item: Node<'_>) -> Vec<Node<'_>> {
    let mut out = Vec::new();
    unname(item, &mut out);
    out
}

/// Attributes by tag → Attribute structures with name and index.
fn unname<'a>(item: Node<'a>, out: &mut Vec<Node<'a>>) {
    let Value::Structure(items) = item.value else {
        return;
    };
    let mut index = None;
    for item in items {
        if item.tag == tag::ATTRIBUTE_INDEX {
            index = Some(item);
            continue;
        }
        let (name, value) = if item.tag == tag::ATTRIBUTE {
            let Value::Structure(mut fields) = item.value else {
                continue;
            };
            let Some(name) = joined_name(&fields) else {
                continue;
            };
            let Some(position) = fields
                .iter()
                .position(|field| field.tag == tag::ATTRIBUTE_VALUE)
            else {
                continue;
            };
            (name, fields.swap_remove(position).value)
        } else {
            let Some(row) = attribute::by_tag(item.tag) else {
                continue;
            };
            (Cow::Borrowed(row.name), item.value)
        };
        let mut fields = vec![Node::text(tag::ATTRIBUTE_NAME, name)];
        fields.extend(index.take());
        fields.push(Node::new(tag::ATTRIBUTE_VALUE, value));
        out.push(Node::structure(tag::ATTRIBUTE, fields));
    }
}
