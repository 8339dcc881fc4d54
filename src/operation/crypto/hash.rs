//! Hash (1.4 §4.37, 2.1 §6.1.24).

use super::part::{self, Part};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::streams::State;
use crate::library::digest::Running;
use crate::object::service::{bad, hash_row};
use crate::operation::Handler;
use crate::protocol::enumeration::Operation;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct HashRequest {
        cryptographic_parameters: CryptographicParameters = CRYPTOGRAPHIC_PARAMETERS;
        data: Option<Bytes> = DATA;
        part: Part = CORRELATION_VALUE, since V1_3;
    }
    pub struct HashResponse {
        data: Option<Bytes> = DATA;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
    }
}

#[derive(Debug)]
pub struct Hash;

impl Handler for Hash {
    type Request = HashRequest;
    type Response = HashResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Hash)?;
        let algorithm = request
            .cryptographic_parameters
            .hashing_algorithm
            .ok_or_else(|| bad("the Cryptographic Parameters name no Hashing Algorithm"))?;
        let row = hash_row(algorithm)?;
        let step = request.part.step()?;
        let data = part::data(step, request.data.as_ref())?;
        let mut running = match step.resume(context, Operation::HASH, None)? {
            Some(State::Digest { running, .. }) if running.row() == row => running,
            Some(_) => {
                return Err(bad(
                    "the parts before were hashed with another Hashing Algorithm",
                ));
            }
            None => Running::new(row)?,
        };
        context.computed(row.name, "library");
        running.update(data)?;
        if step.is_last() {
            return Ok(HashResponse {
                data: Some(Bytes::new(running.finish()?)),
                correlation_value: None,
            });
        }
        let state = State::Digest {
            scheme: None,
            running,
            proof: Bytes::default(),
        };
        let correlation_value = step.keep(context, Operation::HASH, None, state).await?;
        if correlation_value.is_none() {
            return Err(Fault::new(Reason::Internal, "the stream was not kept"));
        }
        Ok(HashResponse {
            data: None,
            correlation_value,
        })
    }
}
