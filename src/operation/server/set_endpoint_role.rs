//! Set Endpoint Role (2.1 §6.1.54): who asks and who answers from the next message on. What the
//! server asks as client is in `engine/endpoint`.

use crate::engine::context::Context;
use crate::engine::endpoint::Roles;
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::enumeration::EndpointRole;
use crate::structure;

structure! {
    /// The role for the server to apply.
    pub struct SetEndpointRoleRequest {
        endpoint_role: EndpointRole = ENDPOINT_ROLE;
    }
    pub struct SetEndpointRoleResponse {
        endpoint_role: EndpointRole = ENDPOINT_ROLE;
    }
}

#[derive(Debug)]
pub struct SetEndpointRole;

impl Handler for SetEndpointRole {
    type Request = SetEndpointRoleRequest;
    type Response = SetEndpointRoleResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let endpoint_role = request.endpoint_role;
        context.roles = match (endpoint_role, context.roles) {
            (_, Roles::Fixed) => {
                return Err(Fault::new(
                    Reason::FeatureNotSupported,
                    "the roles of this connection stay as they are; only those of TTLV over TLS can be turned",
                ));
            }
            (EndpointRole::SERVER, _) => Roles::Server,
            (EndpointRole::CLIENT, Roles::Client) => Roles::Client,
            (EndpointRole::CLIENT, Roles::Server) => {
                context.engine.may_ask(&context.caller).await?;
                Roles::Client
            }
            (other, _) => {
                return Err(Fault::new(
                    Reason::InvalidField,
                    format!("{other} is no Endpoint Role; expected Client or Server"),
                ));
            }
        };
        Ok(SetEndpointRoleResponse { endpoint_role })
    }
}
