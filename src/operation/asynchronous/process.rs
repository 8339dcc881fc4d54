//! Process (2.1 §6.1.39): the next Poll shall not find the operation pending.

use super::poll::PollRequest;
use crate::engine::asynchronous;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::operation::Handler;
use crate::protocol::structure::Empty;

#[derive(Debug)]
pub struct Process;

impl Handler for Process {
    type Request = PollRequest;
    type Response = Empty;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let value = &request.asynchronous_correlation_value;
        asynchronous::process(&context.engine, &context.caller, value).await?;
        Ok(Empty)
    }
}
