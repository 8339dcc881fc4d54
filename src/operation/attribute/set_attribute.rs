//! Set Attribute (2.1 §6.1.51): adds or changes the only instance.

use super::rules;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::attributes::Attributes;
use crate::protocol::identifier::Identifier;
use crate::structure;

structure! {
    pub struct SetAttributeRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        new_attribute: Attributes = NEW_ATTRIBUTE;
    }
    pub struct SetAttributeResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct SetAttribute;

impl Handler for SetAttribute {
    type Request = SetAttributeRequest;
    type Response = SetAttributeResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let attribute = &rules::completed(&request.new_attribute)?;
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::ChangeAttributes,
                Destroyed::Refused,
            )
            .await?;
        let row = rules::writable(&attribute.reference, Reason::ReadOnlyAttribute)?;
        rules::fits(context, &object, row, attribute)?;
        rules::guard(context, &object, attribute)?;
        let mut draft = object.edit();
        let mut present = draft
            .attributes
            .0
            .iter_mut()
            .filter(|other| other.reference == attribute.reference);
        match (present.next(), present.next()) {
            (None, _) => draft.attributes.add(attribute.clone()),
            (Some(instance), None) => {
                if let Some(row) = row {
                    rules::changeable(
                        context,
                        &object,
                        row,
                        row.client_modifies,
                        Some(&instance.value),
                        Reason::ReadOnlyAttribute,
                    )?;
                }
                instance.value = attribute.value.clone();
            }
            (Some(_), Some(_)) => {
                return Err(Fault::new(
                    Reason::MultiValuedAttribute,
                    format!(
                        "{} has several values; use Modify Attribute",
                        attribute.reference.spoken()
                    ),
                ));
            }
        }
        rules::consequences(&mut draft.attributes);
        let unique_identifier = object.unique_identifier.clone();
        context
            .recount(&object, &mut draft, Reason::ReadOnlyAttribute)
            .await?;
        context.update(draft).await?;
        Ok(SetAttributeResponse { unique_identifier })
    }
}
