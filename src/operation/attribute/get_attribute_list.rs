//! Get Attribute List (1.4 §4.13, 2.1 §6.1.21).

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::Fault;
use crate::object::derivation_links;
use crate::operation::Handler;
use crate::protocol::attributes::AttributeReference;
use crate::protocol::identifier::Identifier;
use crate::structure;

structure! {
    pub struct GetAttributeListRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
    }
    pub struct GetAttributeListResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        attribute_reference: Vec<AttributeReference> = ATTRIBUTE_REFERENCE;
    }
}

#[derive(Debug)]
pub struct GetAttributeList;

impl Handler for GetAttributeList {
    type Request = GetAttributeListRequest;
    type Response = GetAttributeListResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::GetAttributes,
                Destroyed::Allowed,
            )
            .await?;
        let mut attributes = object.attributes.clone();
        derivation_links::add(context, &object, &mut attributes).await?;
        let mut attribute_reference: Vec<AttributeReference> = Vec::new();
        for attribute in attributes.iter() {
            if attribute.reference.is_in(context.version)
                && !attribute_reference.contains(&attribute.reference)
            {
                attribute_reference.push(attribute.reference.clone());
            }
        }
        Ok(GetAttributeListResponse {
            unique_identifier: object.unique_identifier.clone(),
            attribute_reference,
        })
    }
}
