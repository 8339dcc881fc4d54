//! Ping (2.1 §6.1.36): whether the server is alive; it says so by answering.

use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::operation::Handler;
use crate::protocol::structure::Empty;

#[derive(Debug)]
pub struct Ping;

impl Handler for Ping {
    type Request = Empty;
    type Response = Empty;

    async fn run(_: &mut Context, _: &Self::Request) -> Result<Self::Response, Fault> {
        Ok(Empty)
    }
}
