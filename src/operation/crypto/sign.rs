//! Sign (1.4 §4.31, 2.1 §6.1.55).

use super::parameters;
use super::part::{self, Part, Step};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::streams::State;
use crate::library::digest::Running;
use crate::object::service::signature::{self, Scheme, Signed};
use crate::object::service::stream;
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::enumeration::Operation;
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct SignRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
        data: Option<Bytes> = DATA;
        digested_data: Option<Bytes> = DIGESTED_DATA, since V1_4;
        part: Part = CORRELATION_VALUE, since V1_3;
    }
    pub struct SignResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        signature_data: Option<Bytes> = SIGNATURE_DATA;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
    }
}

#[derive(Debug)]
pub struct Sign;

/// The beginning of a message in parts: hashed as it comes, or kept where the whole message is signed.
pub fn first(scheme: Scheme) -> Result<State, Fault> {
    let proof = Bytes::default();
    Ok(match scheme.message_hash()? {
        Some(row) => State::Digest {
            scheme: Some(scheme),
            running: Running::new(row)?,
            proof,
        },
        None => State::Message {
            scheme,
            data: Bytes::default(),
            proof,
        },
    })
}

/// A part of a message, and the signature to verify where it comes with one.
pub fn more(mut state: State, data: &[u8], proof: Option<&Bytes>) -> Result<State, Fault> {
    match &mut state {
        State::Digest { running, .. } => running.update(data)?,
        State::Message { data: message, .. } => stream::append(message, data)?,
        State::Cipher(_) | State::Mac { .. } => {
            return Err(Fault::new(Reason::Internal, "the stream is another one's"));
        }
    }
    if let (Some(given), State::Digest { proof, .. } | State::Message { proof, .. }) =
        (proof, &mut state)
    {
        proof.clone_from(given);
    }
    Ok(state)
}

impl Handler for Sign {
    type Request = SignRequest;
    type Response = SignResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::Sign,
            (CryptographicUsageMask::SIGN, Purpose::Protect),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        let step = request.part.step()?;
        let mut response = SignResponse {
            unique_identifier: key.unique_identifier.clone(),
            signature_data: None,
            correlation_value: None,
        };
        if step == Step::Whole {
            let signed = match &request.digested_data {
                Some(digest) => Signed::Digest(digest),
                None => Signed::Data(part::data(step, request.data.as_ref())?),
            };
            let scheme = signature::asked(&key, &asked)?;
            let (Signed::Data(bytes) | Signed::Digest(bytes)) = &signed;
            parameters::charge(context, &key, bytes.len()).await?;
            response.signature_data = Some(scheme.sign(context, &key, signed).await?);
            return Ok(response);
        }
        let data = part::data(step, request.data.as_ref())?;
        let state = match step.resume(context, Operation::SIGN, Some(&key))? {
            Some(state) => state,
            None => first(signature::asked(&key, &asked)?)?,
        };
        parameters::charge_part(context, &key, step.begins(), data.len()).await?;
        let state = more(state, data, None)?;
        if !step.is_last() {
            response.correlation_value = step
                .keep(context, Operation::SIGN, Some(&key), state)
                .await?;
            return Ok(response);
        }
        let signature = match state {
            State::Digest {
                scheme: Some(scheme),
                running,
                ..
            } => {
                let digest = running.finish()?;
                scheme.sign(context, &key, Signed::Digest(&digest)).await?
            }
            State::Message { scheme, data, .. } => {
                scheme.sign(context, &key, Signed::Data(&data)).await?
            }
            _ => return Err(Fault::new(Reason::Internal, "not a signature")),
        };
        response.signature_data = Some(signature);
        Ok(response)
    }
}
