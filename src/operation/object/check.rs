//! Check (1.4 §4.10, 2.1 §6.1.7).

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::creation;
use crate::operation::Handler;
use crate::protocol::identifier::Identifier;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Interval;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct CheckRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        usage_limits_count: Option<i64> = USAGE_LIMITS_COUNT;
        cryptographic_usage_mask: Option<CryptographicUsageMask> = CRYPTOGRAPHIC_USAGE_MASK;
        lease_time: Option<Interval> = LEASE_TIME;
    }
    pub struct CheckResponse {
        unique_identifier: Option<String> = UNIQUE_IDENTIFIER;
        usage_limits_count: Option<i64> = USAGE_LIMITS_COUNT;
        cryptographic_usage_mask: Option<CryptographicUsageMask> = CRYPTOGRAPHIC_USAGE_MASK;
        lease_time: Option<Interval> = LEASE_TIME;
    }
}

#[derive(Debug)]
pub struct Check;

impl Handler for Check {
    type Request = CheckRequest;
    type Response = CheckResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::Check,
                Destroyed::Refused,
            )
            .await?;
        if let Some(mask) = request.cryptographic_usage_mask {
            if !creation::is_cryptographic(object.object_type()) {
                return Err(Fault::new(
                    Reason::NotCheckable,
                    format!("a {} has no Cryptographic Usage Mask", object.object_type()),
                ));
            }
            let has = object
                .attributes
                .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
                .unwrap_or(0);
            if !CryptographicUsageMask::from(has.cast_unsigned()).contains(mask) {
                context.empty_placeholder();
                return Err(Fault::new(
                    Reason::IncompatibleCryptographicUsageMask,
                    format!("the object may not be used for all of {mask}"),
                ));
            }
        }
        if let Some(wanted) = request.lease_time
            && wanted.0 > context.engine.settings.lease_time
        {
            context.empty_placeholder();
            return Err(Fault::new(
                Reason::PermissionDenied,
                format!(
                    "leases are for {} seconds at the most",
                    context.engine.settings.lease_time
                ),
            ));
        }
        if let Some(wanted) = request.usage_limits_count
            && let Some(usage) = context.usage(&object).await?
            && wanted > usage.left()
        {
            context.empty_placeholder();
            return Err(Fault::new(
                Reason::UsageLimitExceeded,
                format!("the object's usage limit leaves {} units", usage.left()),
            ));
        }
        Ok(CheckResponse {
            unique_identifier: Some(object.unique_identifier.clone()),
            usage_limits_count: None,
            cryptographic_usage_mask: None,
            lease_time: None,
        })
    }
}
