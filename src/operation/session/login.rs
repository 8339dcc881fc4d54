//! Login (2.1 §6.1.30): a ticket that stands for this identity, and for the user that the message
//! proved.

use super::{expires, requests, uses, without_ticket};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::engine::session::ticket::{self, Wanted};
use crate::operation::Handler;
use crate::protocol::credential::{LeaseTime, Ticket, UsageLimits};
use crate::structure;

structure! {
    pub struct LoginRequest {
        lease_time: Option<LeaseTime> = LEASE_TIME;
        request_count: Option<i32> = REQUEST_COUNT;
        usage_limits: Option<UsageLimits> = USAGE_LIMITS;
    }
    pub struct LoginResponse {
        ticket: Ticket = TICKET;
    }
}

#[derive(Debug)]
pub struct Login;

impl Handler for Login {
    type Request = LoginRequest;
    type Response = LoginResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Login)?;
        without_ticket(context)?;
        let wanted = Wanted {
            expires: expires(request.lease_time, context.now)?,
            requests_left: requests(request.request_count)?,
            uses_left: uses(request.usage_limits.as_ref())?,
            rights: None,
        };
        let ticket = ticket::make(context, wanted).await?;
        Ok(LoginResponse { ticket })
    }
}
