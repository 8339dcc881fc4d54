//! MAC (1.4 §4.33, 2.1 §6.1.32).

use super::parameters;
use super::part::{self, Part, Step};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::streams::State;
use crate::object::derivation_master;
use crate::object::managed::Sealed;
use crate::object::service::{mac, stream};
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::enumeration::Operation;
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct MacRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
        data: Option<Bytes> = DATA;
        part: Part = CORRELATION_VALUE, since V1_3;
    }
    pub struct MacResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        mac_data: Option<Bytes> = MAC_DATA;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
    }
}

#[derive(Debug)]
pub struct Mac;

/// A derivation master's block: its input comes in one part, for it is read before it is used.
async fn from_master(
    context: &mut Context,
    request: &MacRequest,
    key: &Sealed,
    asked: &CryptographicParameters,
) -> Result<MacResponse, Fault> {
    let step = request.part.step()?;
    if step != Step::Whole {
        return Err(derivation_master::not_canonical("it comes in parts"));
    }
    derivation_master::parameters(asked)?;
    let input = part::data(step, request.data.as_ref())?;
    parameters::charge(context, key, input.len()).await?;
    let block = derivation_master::block(context, key, input).await?;
    Ok(MacResponse {
        unique_identifier: key.unique_identifier.clone(),
        mac_data: Some(block),
        correlation_value: None,
    })
}

impl Handler for Mac {
    type Request = MacRequest;
    type Response = MacResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::Mac,
            (CryptographicUsageMask::MAC_GENERATE, Purpose::Protect),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        let step = request.part.step()?;
        let data = part::data(step, request.data.as_ref())?;
        if derivation_master::is_master(&key) {
            return from_master(context, request, &key, &asked).await;
        }
        let mut response = MacResponse {
            unique_identifier: key.unique_identifier.clone(),
            mac_data: None,
            correlation_value: None,
        };
        if step == Step::Whole {
            let row = mac::asked(&key, &asked)?;
            parameters::charge(context, &key, data.len()).await?;
            response.mac_data = Some(mac::compute(context, &key, row, data).await?);
            return Ok(response);
        }
        let (row, mut message) = match step.resume(context, Operation::MAC, Some(&key))? {
            Some(State::Mac {
                row, data: before, ..
            }) => (row, before),
            Some(_) => return Err(Fault::new(Reason::Internal, "the stream is another one's")),
            None => (mac::asked(&key, &asked)?, Bytes::default()),
        };
        parameters::charge_part(context, &key, step.begins(), data.len()).await?;
        stream::append(&mut message, data)?;
        if step.is_last() {
            response.mac_data = Some(mac::compute(context, &key, row, &message).await?);
            return Ok(response);
        }
        let state = State::Mac {
            row,
            data: message,
            proof: Bytes::default(),
        };
        response.correlation_value = step
            .keep(context, Operation::MAC, Some(&key), state)
            .await?;
        Ok(response)
    }
}
