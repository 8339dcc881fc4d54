//! Modify Attribute (1.4 §4.15, 2.1 §6.1.34).

use super::rules;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::attributes::Attributes;
use crate::protocol::identifier::Identifier;
use crate::structure;

structure! {
    pub struct ModifyAttributeRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        current_attribute: Option<Attributes> = CURRENT_ATTRIBUTE, since V2_0;
        new_attribute: Attributes = NEW_ATTRIBUTE;
        /// Beside the attribute in the model, inside it in 1.x messages (`seam`).
        attribute_index: Option<i32> = ATTRIBUTE_INDEX, until V1_4;
    }
    pub struct ModifyAttributeResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        new_attribute: Option<Attributes> = NEW_ATTRIBUTE, until V1_4;
    }
}

#[derive(Debug)]
pub struct ModifyAttribute;

impl Handler for ModifyAttribute {
    type Request = ModifyAttributeRequest;
    type Response = ModifyAttributeResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let attribute = &rules::completed(&request.new_attribute)?;
        let current = request
            .current_attribute
            .as_ref()
            .map(rules::only)
            .transpose()?;
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::ChangeAttributes,
                Destroyed::Refused,
            )
            .await?;
        let row = rules::writable(&attribute.reference, Reason::AttributeReadOnly)?;
        rules::fits(context, &object, row, attribute)?;
        let position = rules::instance(
            &object.attributes,
            &attribute.reference,
            current,
            request.attribute_index,
            rules::by_value(context.version),
            Reason::AttributeNotThere,
        )?;
        let present = object
            .attributes
            .0
            .get(position)
            .map(|attribute| &attribute.value);
        if let Some(row) = row {
            rules::changeable(
                context,
                &object,
                row,
                row.client_modifies,
                present,
                Reason::AttributeReadOnly,
            )?;
        }
        rules::guard(context, &object, attribute)?;
        let mut draft = object.edit();
        let mut answer = None;
        if let Some(instance) = draft.attributes.0.get_mut(position) {
            instance.value = attribute.value.clone();
            answer = Some(instance.clone());
        }
        rules::consequences(&mut draft.attributes);
        let unique_identifier = object.unique_identifier.clone();
        context
            .recount(&object, &mut draft, Reason::AttributeReadOnly)
            .await?;
        context.update(draft).await?;
        Ok(ModifyAttributeResponse {
            unique_identifier,
            new_attribute: answer.map(|attribute| Attributes(vec![attribute])),
        })
    }
}
