//! Activate (1.4 §4.19, 2.1 §6.1.1).

use ttlv::Value;

use crate::engine::access::Permission;
use crate::engine::client_profile::Deviation;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::creation;
use crate::object::state::{self, Transition};
use crate::operation::Handler;
use crate::protocol::enumeration::State;
use crate::protocol::identifier::Identifier;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct ActivateRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
    }
    pub struct ActivateResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Activate;

impl Handler for Activate {
    type Request = ActivateRequest;
    type Response = ActivateResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::Activate,
                Destroyed::Refused,
            )
            .await?;
        if !creation::has_states(object.object_type()) {
            return Err(Fault::new(
                Reason::NotForThisObject,
                format!("a {} has no state to activate", object.object_type()),
            ));
        }
        let from = object.state(context.now);
        if from == State::ACTIVE && context.caller.deviates(Deviation::LifecycleRepeatable) {
            let unique_identifier = object.unique_identifier.clone();
            return Ok(ActivateResponse { unique_identifier });
        }
        let to = state::next(Transition::Activate, from).ok_or_else(|| {
            Fault::new(
                Reason::WrongKeyLifecycleState,
                format!("the object is {from}; only a PreActive one is activated"),
            )
        })?;
        let mut draft = object.edit();
        state::set(&mut draft.attributes, to);
        draft
            .attributes
            .set(tag::ACTIVATION_DATE, Value::DateTime(context.now));
        let unique_identifier = object.unique_identifier.clone();
        context.update(draft).await?;
        Ok(ActivateResponse { unique_identifier })
    }
}
