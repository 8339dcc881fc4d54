//! Delete Attribute (1.4 §4.16, 2.1 §6.1.13).

use super::rules;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::attributes::{AttributeReference, Attributes};
use crate::protocol::identifier::Identifier;
use crate::structure;

structure! {
    pub struct DeleteAttributeRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        current_attribute: Option<Attributes> = CURRENT_ATTRIBUTE, since V2_0;
        attribute_reference: Option<AttributeReference> = ATTRIBUTE_REFERENCE;
        attribute_index: Option<i32> = ATTRIBUTE_INDEX, until V1_4;
    }
    /// Before 2.0 the answer repeats the deleted attribute.
    pub struct DeleteAttributeResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        current_attribute: Option<Attributes> = CURRENT_ATTRIBUTE, until V1_4;
    }
}

#[derive(Debug)]
pub struct DeleteAttribute;

impl Handler for DeleteAttribute {
    type Request = DeleteAttributeRequest;
    type Response = DeleteAttributeResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let current = request
            .current_attribute
            .as_ref()
            .map(rules::only)
            .transpose()?;
        let reference = match (current, &request.attribute_reference) {
            (Some(current), _) => current.reference.clone(),
            (None, Some(reference)) => reference.clone(),
            (None, None) => {
                return Err(Fault::new(
                    Reason::InvalidMessage,
                    "the request names no attribute to delete",
                ));
            }
        };
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::ChangeAttributes,
                Destroyed::Refused,
            )
            .await?;
        let row = rules::writable(&reference, Reason::AttributeReadOnly)?;
        // 2.1: a reference alone means all instances; 1.x: the index says which, 0 when left out.
        let all = current.is_none() && rules::by_value(context.version);
        let first = match (all, object.attributes.all(&reference).next()) {
            (true, Some(_)) => None,
            (true, None) => {
                return Err(Fault::new(
                    Reason::AttributeNotFound,
                    format!("the object has no {}", reference.spoken()),
                ));
            }
            (false, _) => Some(rules::instance(
                &object.attributes,
                &reference,
                current,
                request.attribute_index,
                false,
                Reason::AttributeNotFound,
            )?),
        };
        if let Some(row) = row {
            let present = object.attributes.get(row.tag);
            rules::changeable(
                context,
                &object,
                row,
                row.client_deletes,
                present,
                Reason::AttributeReadOnly,
            )?;
        }
        let mut draft = object.edit();
        let deleted = match first {
            Some(position) if position < draft.attributes.0.len() => {
                Some(draft.attributes.0.remove(position))
            }
            _ => {
                draft
                    .attributes
                    .0
                    .retain(|attribute| attribute.reference != reference);
                None
            }
        };
        let unique_identifier = object.unique_identifier.clone();
        context
            .recount(&object, &mut draft, Reason::AttributeReadOnly)
            .await?;
        context.update(draft).await?;
        Ok(DeleteAttributeResponse {
            unique_identifier,
            current_attribute: deleted.map(|attribute| Attributes(vec![attribute])),
        })
    }
}
