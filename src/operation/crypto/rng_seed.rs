//! RNG Seed (1.4 §4.36, 2.1 §6.1.50).

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct RngSeedRequest {
        data: Bytes = DATA;
    }
    pub struct RngSeedResponse {
        /// Bytes of the seed that were used.
        data_length: i32 = DATA_LENGTH;
    }
}

/// Bytes that are taken of one seed: more than that mixes nothing more in.
const MOST: usize = 1024;

#[derive(Debug)]
pub struct RngSeed;

impl Handler for RngSeed {
    type Request = RngSeedRequest;
    type Response = RngSeedResponse;

    /// Additional input to the token's generator, which goes on seeding itself (SP 800-90A §9.2):
    /// what a client knows can make nobody's random numbers known.
    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::SeedRandom)?;
        if request.data.is_empty() {
            return Err(Fault::new(Reason::MissingData, "the seed is empty"));
        }
        let seed = request.data.get(..MOST).unwrap_or(&request.data);
        let used = context.engine.hsm.seed(seed).await?;
        context.computed("random", "token");
        Ok(RngSeedResponse {
            data_length: i32::try_from(used).unwrap_or(0),
        })
    }
}
