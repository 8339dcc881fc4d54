//! RNG Retrieve (1.4 §4.35, 2.1 §6.1.49).

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct RngRetrieveRequest {
        data_length: i32 = DATA_LENGTH;
    }
    pub struct RngRetrieveResponse {
        data: Bytes = DATA;
    }
}

/// Bytes of one answer: what the token gives at a time.
const MOST: usize = 1 << 16;

#[derive(Debug)]
pub struct RngRetrieve;

impl Handler for RngRetrieve {
    type Request = RngRetrieveRequest;
    type Response = RngRetrieveResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::RetrieveRandom)?;
        let length = usize::try_from(request.data_length)
            .ok()
            .filter(|length| (1..=MOST).contains(length))
            .ok_or_else(|| {
                Fault::new(
                    Reason::InvalidField,
                    format!(
                        "a Data Length of {}; expected 1 to {MOST} bytes",
                        request.data_length
                    ),
                )
            })?;
        context.computed("random", "token");
        Ok(RngRetrieveResponse {
            data: context.engine.hsm.random(length).await?,
        })
    }
}
