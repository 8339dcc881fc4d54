//! Logout (2.1 §6.1.31): the ticket is worth nothing from then on, on every node.

use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::engine::session::ticket;
use crate::operation::Handler;
use crate::protocol::credential::Ticket;
use crate::protocol::structure::Empty;
use crate::structure;

structure! {
    pub struct LogoutRequest {
        ticket: Ticket = TICKET;
    }
}

#[derive(Debug)]
pub struct Logout;

impl Handler for Logout {
    type Request = LogoutRequest;
    type Response = Empty;

    /// Needs no permission: whoever holds a ticket may end it.
    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        ticket::end(context, &request.ticket).await?;
        Ok(Empty)
    }
}
