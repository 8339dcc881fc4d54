//! Register (1.4 §4.3, 2.1 §6.1.43): the client's object is kept as it is, its bytes sealed.

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::admission;
use crate::object::creation::{self, Origin};
use crate::operation::Handler;
use crate::operation::object::create::storable;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{ObjectType, UniqueIdentifier};
use crate::protocol::object::AnyObject;
use crate::structure;

structure! {
    pub struct RegisterRequest {
        object_type: ObjectType = OBJECT_TYPE;
        attributes: Attributes = ATTRIBUTES;
        object: AnyObject = OBJECTS;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct RegisterResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Register;

impl Handler for Register {
    type Request = RegisterRequest;
    type Response = RegisterResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Register)?;
        storable(context, request.protection_storage_masks.as_ref())?;
        let object = request.object.0.clone().ok_or_else(|| {
            Fault::new(
                Reason::InvalidMessage,
                "the request holds no object that this server can keep",
            )
        })?;
        if object.object_type() != request.object_type {
            return Err(Fault::new(
                Reason::InvalidField,
                format!(
                    "Object Type is {}, but the object is a {}",
                    request.object_type,
                    object.object_type()
                ),
            ));
        }
        let attributes =
            creation::admit(context.version, request.object_type, &request.attributes)?;
        let unique_identifier = creation::new_identifier();
        admission::admit(
            context,
            &unique_identifier,
            object,
            attributes,
            Origin::Registered,
            None,
        )
        .await?;
        context.produce(UniqueIdentifier::REGISTER, &unique_identifier);
        Ok(RegisterResponse { unique_identifier })
    }
}
