//! Query Asynchronous Requests (2.1 §6.1.41).

use crate::engine::asynchronous;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::operation::Handler;
use crate::protocol::enumeration::{Operation, ProcessingStage};
use crate::protocol::structure::{Bytes, DateTime};
use crate::structure;

structure! {
    pub struct QueryAsynchronousRequestsRequest {
        asynchronous_correlation_values: Option<AsynchronousCorrelationValues> = ASYNCHRONOUS_CORRELATION_VALUES;
        operations: Option<Operations> = OPERATIONS;
    }
    /// 2.1 §7.1.
    pub struct AsynchronousCorrelationValues {
        asynchronous_correlation_value: Vec<Bytes> = ASYNCHRONOUS_CORRELATION_VALUE;
    }
    /// 2.1 §7.22.
    pub struct Operations {
        operation: Vec<Operation> = OPERATION;
    }
    pub struct QueryAsynchronousRequestsResponse {
        asynchronous_request: Vec<AsynchronousRequest> = ASYNCHRONOUS_REQUEST;
    }
    /// 2.1 §7.2.
    pub struct AsynchronousRequest {
        asynchronous_correlation_value: Bytes = ASYNCHRONOUS_CORRELATION_VALUE;
        operation: Operation = OPERATION;
        submission_date: DateTime = SUBMISSION_DATE;
        processing_stage: ProcessingStage = PROCESSING_STAGE;
    }
}

#[derive(Debug)]
pub struct QueryAsynchronousRequests;

impl Handler for QueryAsynchronousRequests {
    type Request = QueryAsynchronousRequestsRequest;
    type Response = QueryAsynchronousRequestsResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let values = request.asynchronous_correlation_values.as_ref();
        let operations = request.operations.as_ref();
        let found = asynchronous::outstanding(&context.engine, &context.caller).await?;
        let reported = found.into_iter().filter(|(value, job)| {
            values.is_none_or(|asked| asked.asynchronous_correlation_value.contains(value))
                && operations
                    .is_none_or(|asked| asked.operation.contains(&Operation(job.operation)))
        });
        Ok(QueryAsynchronousRequestsResponse {
            asynchronous_request: reported
                .map(|(value, job)| AsynchronousRequest {
                    asynchronous_correlation_value: value,
                    operation: Operation(job.operation),
                    submission_date: DateTime(job.submitted),
                    processing_stage: job.processing_stage(),
                })
                .collect(),
        })
    }
}
