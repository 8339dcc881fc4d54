//! Poll (1.4 §4.28, 2.1 §6.1.38). Its answer is the whole answer of the operation that is polled,
//! not a payload; `engine/batch.rs` gives it.

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::structure::{Bytes, Empty};
use crate::structure;

structure! {
    pub struct PollRequest {
        asynchronous_correlation_value: Bytes = ASYNCHRONOUS_CORRELATION_VALUE;
    }
}

#[derive(Debug)]
pub struct Poll;

impl Handler for Poll {
    type Request = PollRequest;
    type Response = Empty;

    /// Reached only as an asynchronous operation of its own, which it cannot be.
    async fn run(_: &mut Context, _: &Self::Request) -> Result<Self::Response, Fault> {
        Err(Fault::new(
            Reason::FeatureNotSupported,
            "Poll is not answered later; ask with Asynchronous Indicator Prohibited",
        ))
    }
}
