//! Get Constraints (2.1 §6.1.22).

use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::operation::Handler;
use crate::protocol::rules::Constraints;
use crate::protocol::structure::Empty;
use crate::structure;

structure! {
    pub struct GetConstraintsResponse { constraints: Constraints = CONSTRAINTS, since V2_1; }
}

#[derive(Debug)]
pub struct GetConstraints;

impl Handler for GetConstraints {
    type Request = Empty;
    type Response = GetConstraintsResponse;

    async fn run(context: &mut Context, _: &Self::Request) -> Result<Self::Response, Fault> {
        Ok(GetConstraintsResponse {
            constraints: context.rules().await?.constraints(),
        })
    }
}
