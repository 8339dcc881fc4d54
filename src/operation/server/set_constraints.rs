//! Set Constraints (2.1 §6.1.52): what the tenant's new objects have to be like, in place of what
//! was demanded before.

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::object::rules::{self, Kept};
use crate::operation::Handler;
use crate::protocol::rules::Constraints;
use crate::protocol::structure::Empty;
use crate::protocol::tag;
use crate::store::record::EntityKind;
use crate::structure;

structure! {
    pub struct SetConstraintsRequest { constraints: Constraints = CONSTRAINTS, since V2_1; }
}

#[derive(Debug)]
pub struct SetConstraints;

impl Handler for SetConstraints {
    type Request = SetConstraintsRequest;
    type Response = Empty;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::SetConstraints)?;
        for constraint in &request.constraints.constraint {
            let types = constraint.object_types.iter();
            let types = types.flat_map(|types| &types.object_type);
            rules::sensible(types, constraint.attributes.as_ref())?;
        }
        let kept = Kept::of(tag::CONSTRAINTS, &request.constraints)?;
        context
            .put_entity(EntityKind::Constraints, rules::KEY, &kept)
            .await?;
        Ok(Empty)
    }
}
