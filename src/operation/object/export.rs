//! Export (2.1 §6.1.18, 1.4 §4.28): an object with all its attributes, for another server's Import.

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::Fault;
use crate::object::delivery;
use crate::object::state;
use crate::operation::Handler;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::KeyWrappingSpecification;
use crate::protocol::object::AnyObject;
use crate::structure;

structure! {
    pub struct ExportRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        key_format_type: Option<KeyFormatType> = KEY_FORMAT_TYPE;
        key_wrap_type: Option<KeyWrapType> = KEY_WRAP_TYPE;
        key_compression_type: Option<KeyCompressionType> = KEY_COMPRESSION_TYPE;
        key_wrapping_specification: Option<KeyWrappingSpecification> = KEY_WRAPPING_SPECIFICATION;
    }
    pub struct ExportResponse {
        object_type: ObjectType = OBJECT_TYPE;
        unique_identifier: String = UNIQUE_IDENTIFIER;
        attributes: Attributes = ATTRIBUTES;
        object: AnyObject = OBJECTS;
    }
}

#[derive(Debug)]
pub struct Export;

impl Handler for Export {
    type Request = ExportRequest;
    type Response = ExportResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::Export,
                Destroyed::Allowed,
            )
            .await?;
        let wish = delivery::Wish {
            format: request.key_format_type,
            wrap_type: request.key_wrap_type,
            compression: request.key_compression_type,
            wrapping: request.key_wrapping_specification.as_ref(),
        };
        // 2.1 §6.1.18: of a destroyed object only the attributes are left to export.
        let delivered = if state::is_destroyed(&object.attributes) {
            object.skeleton.clone()
        } else {
            delivery::deliver(context, &object, &wish).await?
        };
        Ok(ExportResponse {
            object_type: object.object_type(),
            unique_identifier: object.unique_identifier.clone(),
            attributes: context.shown(&object).await?,
            object: AnyObject(Some(delivered)),
        })
    }
}
