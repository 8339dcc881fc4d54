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
                unaccompanied(context)?;
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

/// What the server asks later comes without a credential of the client's: where one narrows, or has
/// to be shown with each message, the connection would outlive it.
fn unaccompanied(context: &Context) -> Result<(), Fault> {
    let admitted = &context.admitted;
    let needed = context.caller.identity.requires_credential;
    if needed || admitted.ticket.is_some() || !admitted.narrowing.is_empty() {
        return Err(Fault::new(
            Reason::NotAuthorised,
            "roles are turned by the certificate alone; ask without ticket and without a user that has certain rights only, as an identity that needs no credential",
        ));
    }
    Ok(())
}
