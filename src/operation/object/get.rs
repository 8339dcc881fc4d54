//! Get (1.4 §4.11, 2.1 §6.1.19).

use ttlv::Value;

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::Fault;
use crate::object::delivery;
use crate::operation::Handler;
use crate::protocol::enumeration::{KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::KeyWrappingSpecification;
use crate::protocol::object::AnyObject;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct GetRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        key_format_type: Option<KeyFormatType> = KEY_FORMAT_TYPE;
        key_wrap_type: Option<KeyWrapType> = KEY_WRAP_TYPE, since V1_4;
        key_compression_type: Option<KeyCompressionType> = KEY_COMPRESSION_TYPE;
        key_wrapping_specification: Option<KeyWrappingSpecification> = KEY_WRAPPING_SPECIFICATION;
    }
    pub struct GetResponse {
        object_type: ObjectType = OBJECT_TYPE;
        unique_identifier: String = UNIQUE_IDENTIFIER;
        object: AnyObject = OBJECTS;
    }
}

#[derive(Debug)]
pub struct Get;

impl Handler for Get {
    type Request = GetRequest;
    type Response = GetResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::Get,
                Destroyed::Refused,
            )
            .await?;
        let wish = delivery::Wish {
            format: request.key_format_type,
            wrap_type: request.key_wrap_type,
            compression: request.key_compression_type,
            wrapping: request.key_wrapping_specification.as_ref(),
        };
        let delivered = delivery::deliver(context, &object, &wish).await?;
        // Fresh ends with the first Get (2.1 §4.24).
        if object.attributes.boolean(tag::FRESH) == Some(true) {
            let mut served = object.edit();
            served.attributes.set(tag::FRESH, Value::Boolean(false));
            context.update(served).await?;
        }
        Ok(GetResponse {
            object_type: object.object_type(),
            unique_identifier: object.unique_identifier.clone(),
            object: AnyObject(Some(delivered)),
        })
    }
}
