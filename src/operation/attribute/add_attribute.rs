//! Add Attribute (1.4 §4.14, 2.1 §6.1.2).

use super::rules;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::attributes::Attributes;
use crate::protocol::identifier::Identifier;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct AddAttributeRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        new_attribute: Attributes = NEW_ATTRIBUTE;
    }
    /// Before 2.0 the answer repeats the attribute.
    pub struct AddAttributeResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        new_attribute: Option<Attributes> = NEW_ATTRIBUTE, until V1_4;
    }
}

#[derive(Debug)]
pub struct AddAttribute;

impl Handler for AddAttribute {
    type Request = AddAttributeRequest;
    type Response = AddAttributeResponse;

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
        if let Some(row) = row {
            let present = object.attributes.get(row.tag);
            if present.is_some() && !row.permits_many(object.object_type()) {
                return Err(Fault::new(
                    Reason::AttributeExists,
                    format!("{} has a value; use Modify Attribute", row.name),
                ));
            }
        }
        let repeated = object
            .attributes
            .all(&attribute.reference)
            .any(|other| other.value == attribute.value);
        if repeated && row.is_some() {
            // BL-M-8: also the object's own Name is one that is taken.
            let reason = match attribute.is(tag::NAME) {
                true => Reason::NameInUse,
                false => Reason::InvalidField,
            };
            return Err(Fault::new(
                reason,
                format!(
                    "the object has this {} already",
                    attribute.reference.spoken()
                ),
            ));
        }
        rules::guard(context, &object, attribute)?;
        let mut draft = object.edit();
        let mut added = attribute.clone();
        // 1.4 §4.14: the server gives the index, whatever the client says.
        added.index = None;
        draft.attributes.add(added);
        rules::consequences(&mut draft.attributes);
        let answer = draft
            .attributes
            .0
            .iter()
            .rev()
            .find(|other| other.reference == attribute.reference)
            .cloned();
        let unique_identifier = object.unique_identifier.clone();
        context
            .recount(&object, &mut draft, Reason::ReadOnlyAttribute)
            .await?;
        context.update(draft).await?;
        Ok(AddAttributeResponse {
            unique_identifier,
            new_attribute: answer.map(|attribute| Attributes(vec![attribute])),
        })
    }
}
