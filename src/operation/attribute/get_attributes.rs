//! Get Attributes (1.4 §4.12, 2.1 §6.1.20).

use ttlv::Value;

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::Fault;
use crate::object::derivation_links;
use crate::object::managed::Managed;
use crate::operation::Handler;
use crate::protocol::attributes::{AttributeReference, Attributes};
use crate::protocol::identifier::Identifier;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct GetAttributesRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        attribute_reference: Vec<AttributeReference> = ATTRIBUTE_REFERENCE;
    }
    pub struct GetAttributesResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        attributes: Attributes = ATTRIBUTES;
    }
}

#[derive(Debug)]
pub struct GetAttributes;

/// The attributes as they are now: the State follows the dates. What Usage Limits leave stands in
/// another row (`Context::shown`).
pub fn as_of(object: &Managed, now: i64) -> Attributes {
    let mut attributes = object.attributes.clone();
    if attributes.has(tag::STATE) {
        attributes.set(tag::STATE, Value::Enumeration(object.state(now).0));
    }
    attributes
}

impl Handler for GetAttributes {
    type Request = GetAttributesRequest;
    type Response = GetAttributesResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::GetAttributes,
                Destroyed::Allowed,
            )
            .await?;
        let mut all = context.shown(&object).await?;
        let link = AttributeReference::Standard(tag::LINK);
        if request.attribute_reference.is_empty() || request.attribute_reference.contains(&link) {
            derivation_links::add(context, &object, &mut all).await?;
        }
        let attributes = if request.attribute_reference.is_empty() {
            all
        } else {
            let mut asked: Vec<&AttributeReference> =
                Vec::with_capacity(request.attribute_reference.len());
            for reference in &request.attribute_reference {
                // 1.4 §4.12: each attribute once; names that the object does not have are passed over.
                if !asked.contains(&reference) {
                    asked.push(reference);
                }
            }
            Attributes(
                asked
                    .into_iter()
                    .flat_map(|reference| all.all(reference))
                    .cloned()
                    .collect(),
            )
        };
        Ok(GetAttributesResponse {
            unique_identifier: object.unique_identifier.clone(),
            attributes,
        })
    }
}
