//! Import (2.1 §6.1.25, 1.4 §4.27): an object of another server with its identifier and attributes.

use ttlv::Value;

use crate::engine::access::{self, Decision, Permission};
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::creation::{self, Origin};
use crate::object::{admission, wrapping};
use crate::operation::Handler;
use crate::protocol::attributes::{AttributeReference, Attributes};
use crate::protocol::enumeration::{KeyWrapType, ObjectType, UniqueIdentifier};
use crate::protocol::object::AnyObject;
use crate::protocol::tag;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct ImportRequest {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        object_type: ObjectType = OBJECT_TYPE;
        replace_existing: Option<bool> = REPLACE_EXISTING;
        key_wrap_type: Option<KeyWrapType> = KEY_WRAP_TYPE;
        attributes: Attributes = ATTRIBUTES;
        object: AnyObject = OBJECTS;
    }
    pub struct ImportResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

/// Longest identifier that is taken over, in bytes (libkmip keeps 64).
const LONGEST: usize = 128;

#[derive(Debug)]
pub struct Import;

/// What the exporting server said is kept; of what this server does not know only vendors' own.
fn taken_over(requested: &Attributes) -> Result<Attributes, Fault> {
    let mut attributes = Attributes::default();
    for attribute in requested.iter() {
        let known = match &attribute.reference {
            AttributeReference::Standard(tag) => crate::protocol::attribute::by_tag(*tag).is_some(),
            AttributeReference::Vendor(name) => !name.vendor.is_empty(),
        };
        // What a server says of an object (1.4 §3.36) only the server that has it can say: an approved
        // wrapping key or a derivation master is not one because somebody sends the word.
        let servers =
            matches!(&attribute.reference, AttributeReference::Vendor(name) if name.vendor == "y");
        if servers {
            continue;
        }
        if !known {
            return Err(Fault::new(
                Reason::UnsupportedAttribute,
                format!(
                    "{} is no attribute of the standard",
                    attribute.reference.spoken()
                ),
            ));
        }
        attributes.add(attribute.clone());
    }
    Ok(attributes)
}

impl Handler for Import {
    type Request = ImportRequest;
    type Response = ImportResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Import)?;
        let unique_identifier = request.unique_identifier.clone();
        if unique_identifier.is_empty() || unique_identifier.len() > LONGEST {
            return Err(Fault::new(
                Reason::InvalidField,
                format!(
                    "the Unique Identifier has {} bytes; expected 1 to {LONGEST}",
                    unique_identifier.len()
                ),
            ));
        }
        let mut object = request.object.0.clone().ok_or_else(|| {
            Fault::new(
                Reason::InvalidMessage,
                "the request holds no object that this server can keep",
            )
        })?;
        if object.object_type() != request.object_type {
            return Err(Fault::new(
                Reason::InvalidField,
                "Object Type and the object do not match",
            ));
        }
        let replaced = replaced(context, request).await?;
        let mut origin = Origin::Imported;
        let mut attributes = taken_over(&request.attributes)?;
        let into_token = creation::class_asked(&attributes)? == Class::Token;
        match request.key_wrap_type {
            // The token unwraps it.
            Some(KeyWrapType::NOT_WRAPPED) if into_token => {}
            Some(KeyWrapType::NOT_WRAPPED) => {
                origin = Origin::Unwrapped;
                if wrapping::unwrap(context, &mut object).await? {
                    attributes.set(tag::SENSITIVE, Value::Boolean(true));
                }
            }
            _ if into_token => {
                return Err(Fault::new(
                    Reason::InvalidField,
                    "a key of class token is unwrapped as it is imported; ask with the Key Wrap Type Not Wrapped",
                ));
            }
            _ => {}
        }
        admission::admit(
            context,
            &unique_identifier,
            object,
            attributes,
            origin,
            replaced,
        )
        .await?;
        context.produce(UniqueIdentifier::IMPORT, &unique_identifier);
        Ok(ImportResponse { unique_identifier })
    }
}

/// The version of the row that is replaced; None where there is none.
async fn replaced(context: &mut Context, request: &ImportRequest) -> Result<Option<i64>, Fault> {
    if !context.is_taken(&request.unique_identifier).await? {
        return Ok(None);
    }
    if request.replace_existing != Some(true) {
        return Err(Fault::new(
            Reason::ObjectAlreadyExists,
            "an object with this Unique Identifier exists; ask with Replace Existing to overwrite it",
        ));
    }
    let object = context
        .object_named(
            &request.unique_identifier,
            Permission::Import,
            Destroyed::Allowed,
        )
        .await?;
    match access::decide(&context.caller, &object, Permission::ReplaceExisting) {
        Decision::Allow => Ok(Some(object.version())),
        Decision::Deny | Decision::Hide => Err(Fault::new(
            Reason::PermissionDenied,
            format!(
                "replacing an object needs the permission {:?}",
                Permission::ReplaceExisting.name()
            ),
        )),
    }
}
