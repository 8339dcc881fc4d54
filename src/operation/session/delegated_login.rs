//! Delegated Login (2.1 §6.1.12): a ticket with which only what its rights say can be done.

use super::{expires, requests, uses, without_ticket};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::session::rights;
use crate::engine::session::ticket::{self, Wanted};
use crate::operation::Handler;
use crate::protocol::credential::{LeaseTime, Objects, Right, Rights, Ticket, UsageLimits};
use crate::structure;

structure! {
    pub struct DelegatedLoginRequest {
        lease_time: Option<LeaseTime> = LEASE_TIME;
        request_count: Option<i32> = REQUEST_COUNT;
        usage_limits: Option<UsageLimits> = USAGE_LIMITS;
        rights: Rights = RIGHTS;
    }
    pub struct DelegatedLoginResponse {
        ticket: Ticket = TICKET;
    }
}

/// Rights of one ticket, and operations, objects and groups in all of them: its row is read with
/// every message.
const MOST_RIGHTS: usize = 64;
const MOST_NAMES: usize = 1024;

#[derive(Debug)]
pub struct DelegatedLogin;

impl Handler for DelegatedLogin {
    type Request = DelegatedLoginRequest;
    type Response = DelegatedLoginResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Login)?;
        without_ticket(context)?;
        check_size(&request.rights.right)?;
        let mut kept = Vec::with_capacity(request.rights.right.len());
        for right in &request.rights.right {
            kept.push(rights::Right {
                operations: right.operations.as_ref().map(|operations| {
                    let numbers = operations.operation.iter();
                    numbers.map(|operation| operation.0).collect()
                }),
                objects: objects(context, right.objects.as_ref())?,
                groups: right
                    .object_groups
                    .as_ref()
                    .map(|groups| groups.object_group.clone()),
                uses_left: uses(right.usage_limits.as_ref())?,
            });
        }
        let wanted = Wanted {
            expires: expires(request.lease_time, context.now)?,
            requests_left: requests(request.request_count)?,
            uses_left: uses(request.usage_limits.as_ref())?,
            rights: Some(kept),
        };
        let ticket = ticket::make(context, wanted).await?;
        Ok(DelegatedLoginResponse { ticket })
    }
}

/// The identifiers that are meant now; whether such objects are there is no matter.
fn objects(context: &Context, asked: Option<&Objects>) -> Result<Option<Vec<String>>, Fault> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    let named = asked.unique_identifier.iter();
    let named: Result<_, Fault> = named
        .map(|identifier| context.identifier(Some(identifier)))
        .collect();
    named.map(Some)
}

fn check_size(rights: &[Right]) -> Result<(), Fault> {
    let names = |right: &Right| {
        let operations = right
            .operations
            .as_ref()
            .map_or(0, |list| list.operation.len());
        let objects = right
            .objects
            .as_ref()
            .map_or(0, |list| list.unique_identifier.len());
        let groups = right
            .object_groups
            .as_ref()
            .map_or(0, |list| list.object_group.len());
        operations + objects + groups
    };
    let total: usize = rights.iter().map(names).sum();
    if rights.len() > MOST_RIGHTS || total > MOST_NAMES {
        return Err(Fault::new(
            Reason::ServerLimitExceeded,
            format!(
                "{} rights with {total} operations, objects and groups; expected at most {MOST_RIGHTS} with {MOST_NAMES}",
                rights.len()
            ),
        ));
    }
    Ok(())
}
