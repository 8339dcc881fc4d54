//! Set Defaults (2.1 §6.1.53): what the tenant's new objects get where the request is silent, in
//! place of all defaults before.

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::rules::{self, Kept};
use crate::operation::Handler;
use crate::protocol::rules::DefaultsInformation;
use crate::protocol::structure::Empty;
use crate::protocol::tag;
use crate::store::record::EntityKind;
use crate::structure;

structure! {
    pub struct SetDefaultsRequest {
        defaults_information: Option<DefaultsInformation> = DEFAULTS_INFORMATION, since V2_1;
    }
}

#[derive(Debug)]
pub struct SetDefaults;

impl Handler for SetDefaults {
    type Request = SetDefaultsRequest;
    type Response = Empty;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::SetDefaults)?;
        let none = DefaultsInformation {
            object_defaults: Vec::new(),
        };
        let defaults = request.defaults_information.as_ref().unwrap_or(&none);
        for row in &defaults.object_defaults {
            let several = row.object_types.iter().flat_map(|types| &types.object_type);
            let mut types = row.object_type.iter().chain(several).peekable();
            if types.peek().is_none() {
                return Err(Fault::new(
                    Reason::InvalidField,
                    "Object Defaults name no Object Type to which they apply",
                ));
            }
            rules::sensible(types, Some(&row.attributes))?;
        }
        let kept = Kept::of(tag::DEFAULTS_INFORMATION, defaults)?;
        context
            .put_entity(EntityKind::Defaults, rules::KEY, &kept)
            .await?;
        Ok(Empty)
    }
}
