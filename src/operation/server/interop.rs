//! Interop (2.1 §6.1.26): marks the beginning and end of a test case. Served only with `--interop`.

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::enumeration::InteropFunction;
use crate::protocol::structure::Empty;
use crate::structure;

structure! {
    pub struct InteropRequest {
        interop_function: InteropFunction = INTEROP_FUNCTION;
        interop_identifier: Option<String> = INTEROP_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Interop;

impl Handler for Interop {
    type Request = InteropRequest;
    type Response = Empty;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Interop)?;
        match request.interop_function {
            InteropFunction::BEGIN | InteropFunction::END => {
                tracing::info!(function = %request.interop_function, case = ?request.interop_identifier, "interop");
                Ok(Empty)
            }
            // Reset would drop a tenant's objects; a test starts a server of its own instead.
            other => Err(Fault::new(
                Reason::FeatureNotSupported,
                format!("the interop function {other} is not supported"),
            )),
        }
    }
}
