//! Recover (1.4 §4.23, 2.1 §6.1.42): an archived object is on-line again.

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::Fault;
use crate::operation::Handler;
use crate::protocol::identifier::Identifier;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct RecoverRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
    }
    pub struct RecoverResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Recover;

impl Handler for Recover {
    type Request = RecoverRequest;
    type Response = RecoverResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::Recover,
                Destroyed::Refused,
            )
            .await?;
        let unique_identifier = object.unique_identifier.clone();
        context.place(&unique_identifier);
        // What is on-line already needs nothing; no reason for it is in the tables either.
        if !object.archived {
            return Ok(RecoverResponse { unique_identifier });
        }
        let mut draft = object.edit();
        if let Some(receipt) = draft.archive.take() {
            draft.blob = Some(context.from_archive(&object, &receipt).await?);
        }
        draft.archived = false;
        draft.attributes.remove(tag::ARCHIVE_DATE);
        context.update(draft).await?;
        Ok(RecoverResponse { unique_identifier })
    }
}
