//! Re-key (1.4 §4.4, 2.1 §6.1.46): a new symmetric key in the place of an existing one.

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::Fault;
use crate::object::managed::Sealed;
use crate::object::{creation, generation, renewal};
use crate::operation::Handler;
use crate::operation::attribute::rules;
use crate::operation::object::create::storable;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{ObjectType, UniqueIdentifier};
use crate::protocol::identifier::Identifier;
use crate::protocol::structure::Interval;
use crate::structure;

structure! {
    pub struct ReKeyRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        offset: Option<Interval> = OFFSET;
        attributes: Option<Attributes> = ATTRIBUTES;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct ReKeyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct ReKey;

/// The replacement's attributes: what the existing object's are, and what the request wants, which
/// may not protect less than the existing ones unless the caller may lower that (DESIGN §4.3).
pub fn attributes(
    context: &Context,
    existing: &Sealed,
    wanted: &Attributes,
    offset: Option<Interval>,
) -> Result<Attributes, Fault> {
    for attribute in wanted.iter() {
        rules::guard(context, existing, attribute)?;
    }
    let wanted = creation::admit(context.version, existing.object_type(), wanted)?;
    renewal::attributes(context, existing, wanted, offset.map(|offset| offset.0))
}

impl Handler for ReKey {
    type Request = ReKeyRequest;
    type Response = ReKeyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        storable(context, request.protection_storage_masks.as_ref())?;
        let existing = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::ReKey,
                Destroyed::Refused,
            )
            .await?;
        renewal::renewable(&existing, ObjectType::SYMMETRIC_KEY)?;
        let wanted = request.attributes.clone().unwrap_or_default();
        let mut attributes = attributes(context, &existing, &wanted, request.offset)?;
        let class = renewal::class(&context.caller, &existing, &wanted)?;
        let unique_identifier = creation::new_identifier();
        let draft =
            generation::symmetric(context, &unique_identifier, class, &mut attributes).await?;
        renewal::replace(context, &existing, draft).await?;
        context.produce(UniqueIdentifier::RE_KEY, &unique_identifier);
        Ok(ReKeyResponse { unique_identifier })
    }
}
