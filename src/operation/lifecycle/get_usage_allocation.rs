//! Get Usage Allocation (1.4 §4.18, 2.1 §6.1.23): units of Usage Limits for what the client itself
//! protects with the key.

use crate::engine::access::Permission;
use crate::engine::context::allocation::Cost;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::identifier::Identifier;
use crate::protocol::mask::CryptographicUsageMask as Mask;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct GetUsageAllocationRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        usage_limits_count: i64 = USAGE_LIMITS_COUNT;
    }
    pub struct GetUsageAllocationResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct GetUsageAllocation;

/// What applies protection; processing what is protected is not limited.
fn protects() -> Mask {
    Mask::SIGN
        | Mask::ENCRYPT
        | Mask::WRAP_KEY
        | Mask::MAC_GENERATE
        | Mask::CERTIFICATE_SIGN
        | Mask::CRL_SIGN
        | Mask::FPE_ENCRYPT
}

impl Handler for GetUsageAllocation {
    type Request = GetUsageAllocationRequest;
    type Response = GetUsageAllocationResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let key = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::GetUsageAllocation,
                Destroyed::Refused,
            )
            .await?;
        if !key.attributes.has(tag::USAGE_LIMITS) {
            return Err(Fault::new(
                Reason::NoUsageLimits,
                "the object has no Usage Limits: nothing needs to be allocated",
            ));
        }
        let mask = key.attributes.integer(tag::CRYPTOGRAPHIC_USAGE_MASK);
        if !Mask::from(mask.unwrap_or(0).cast_unsigned()).intersects(protects()) {
            return Err(Fault::new(
                Reason::NotForThisObject,
                "the object's Cryptographic Usage Mask has nothing that applies protection",
            ));
        }
        usage::allowed(context, &key, protects(), Purpose::Protect)?;
        if request.usage_limits_count <= 0 {
            return Err(Fault::new(
                Reason::InvalidField,
                "Usage Limits Count is not positive; ask for one unit or more",
            ));
        }
        let cost = Cost::units(request.usage_limits_count);
        context
            .allocate(&key, cost, Reason::UsageLimitExceeded)
            .await?;
        Ok(GetUsageAllocationResponse {
            unique_identifier: key.unique_identifier.clone(),
        })
    }
}
