//! Obtain Lease (1.4 §4.17, 2.1 §6.1.35): for how long a client may go on with what it has cached.

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::lease;
use crate::operation::Handler;
use crate::protocol::identifier::Identifier;
use crate::protocol::structure::{DateTime, Interval};
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct ObtainLeaseRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
    }
    pub struct ObtainLeaseResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        lease_time: Interval = LEASE_TIME;
        last_change_date: DateTime = LAST_CHANGE_DATE;
    }
}

#[derive(Debug)]
pub struct ObtainLease;

impl Handler for ObtainLease {
    type Request = ObtainLeaseRequest;
    type Response = ObtainLeaseResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::ObtainLease,
                Destroyed::Refused,
            )
            .await?;
        let attributes = context.shown(&object).await?;
        let lease_time = lease::grant(&attributes, object.state(context.now), context.now)?;
        let usage = context.usage(&object).await?;
        if usage.is_some_and(|usage| usage.left() == 0) {
            return Err(Fault::new(
                Reason::UsageLimitExceeded,
                "the object's usage limit leaves nothing; no lease is given for it",
            ));
        }
        Ok(ObtainLeaseResponse {
            unique_identifier: object.unique_identifier.clone(),
            lease_time: Interval(lease_time),
            last_change_date: DateTime(
                attributes
                    .date(tag::LAST_CHANGE_DATE)
                    .unwrap_or(context.now),
            ),
        })
    }
}
