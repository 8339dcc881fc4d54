//! Cancel (1.4 §4.27, 2.1 §6.1.5).

use crate::engine::asynchronous;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::operation::Handler;
use crate::protocol::enumeration::CancellationResult;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct CancelRequest {
        asynchronous_correlation_value: Bytes = ASYNCHRONOUS_CORRELATION_VALUE;
    }
    pub struct CancelResponse {
        asynchronous_correlation_value: Bytes = ASYNCHRONOUS_CORRELATION_VALUE;
        cancellation_result: CancellationResult = CANCELLATION_RESULT;
    }
}

#[derive(Debug)]
pub struct Cancel;

impl Handler for Cancel {
    type Request = CancelRequest;
    type Response = CancelResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let value = &request.asynchronous_correlation_value;
        let cancelled = asynchronous::cancel(&context.engine, &context.caller, value).await?;
        Ok(CancelResponse {
            asynchronous_correlation_value: value.clone(),
            cancellation_result: match cancelled {
                true => CancellationResult::CANCELED,
                false => CancellationResult::COMPLETED,
            },
        })
    }
}
