//! Archive (1.4 §4.22, 2.1 §6.1.4): the material moves to the archive, the attributes stay.

use ttlv::Value;

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::Fault;
use crate::operation::Handler;
use crate::protocol::identifier::Identifier;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct ArchiveRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
    }
    pub struct ArchiveResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Archive;

impl Handler for Archive {
    type Request = ArchiveRequest;
    type Response = ArchiveResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::Archive,
                Destroyed::Refused,
            )
            .await?;
        let mut draft = object.edit();
        // Meta-data-only objects have nothing to move.
        if let Some(blob) = draft.blob.take() {
            draft.archive = Some(context.to_archive(&object, &blob).await?);
        }
        draft.archived = true;
        draft
            .attributes
            .set(tag::ARCHIVE_DATE, Value::DateTime(context.now));
        let unique_identifier = object.unique_identifier.clone();
        context.update(draft).await?;
        Ok(ArchiveResponse { unique_identifier })
    }
}
