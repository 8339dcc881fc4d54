//! Destroy (1.4 §4.21, 2.1 §6.1.15): the material goes, the attributes stay.

use ttlv::Value;

use crate::engine::access::Permission;
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
    pub struct DestroyRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
    }
    pub struct DestroyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Destroy;

impl Handler for Destroy {
    type Request = DestroyRequest;
    type Response = DestroyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::Destroy,
                Destroyed::Allowed,
            )
            .await?;
        if state::is_destroyed(&object.attributes) {
            return Err(Fault::new(
                Reason::DestroyedBefore,
                "the object is destroyed already; only its attributes remain",
            ));
        }
        let to = if creation::has_states(object.object_type()) {
            let from = object.state(context.now);
            state::next(Transition::Destroy, from).ok_or_else(|| {
                Fault::new(
                    Reason::WrongKeyLifecycleState,
                    format!("the object is {from}; revoke it before it is destroyed"),
                )
            })?
        } else {
            State::DESTROYED
        };
        let mut draft = object.edit();
        draft.blob = None;
        if let Some(receipt) = draft.archive.take() {
            context.free_archived(&receipt);
        }
        draft.archived = false;
        state::set(&mut draft.attributes, to);
        draft
            .attributes
            .set(tag::DESTROY_DATE, Value::DateTime(context.now));
        let unique_identifier = object.unique_identifier.clone();
        context.update(draft).await?;
        Ok(DestroyResponse { unique_identifier })
    }
}
