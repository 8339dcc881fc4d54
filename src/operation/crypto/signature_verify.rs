//! Signature Verify (1.4 §4.32, 2.1 §6.1.56).

use super::mac_verify::validity;
use super::part::{self, Part, Step};
use super::sign::{first, more};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::streams::State;
use crate::object::service::signature::{self, Signed};
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::enumeration::{Operation, ValidityIndicator};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct SignatureVerifyRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
        data: Option<Bytes> = DATA;
        digested_data: Option<Bytes> = DIGESTED_DATA, since V1_4;
        signature_data: Option<Bytes> = SIGNATURE_DATA;
        part: Part = CORRELATION_VALUE, since V1_3;
    }
    pub struct SignatureVerifyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        validity_indicator: Option<ValidityIndicator> = VALIDITY_INDICATOR;
        // Data recovered from the signature: none of the schemes has any.
        data: Option<Bytes> = DATA;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
    }
}

#[derive(Debug)]
pub struct SignatureVerify;

fn missing() -> Fault {
    Fault::new(
        Reason::MissingData,
        "the request holds no Signature Data to verify",
    )
}

impl Handler for SignatureVerify {
    type Request = SignatureVerifyRequest;
    type Response = SignatureVerifyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::SignatureVerify,
            (CryptographicUsageMask::VERIFY, Purpose::Process),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        let step = request.part.step()?;
        let mut response = SignatureVerifyResponse {
            unique_identifier: key.unique_identifier.clone(),
            validity_indicator: None,
            data: None,
            correlation_value: None,
        };
        if step == Step::Whole {
            let signed = match &request.digested_data {
                Some(digest) => Signed::Digest(digest),
                None => Signed::Data(part::data(step, request.data.as_ref())?),
            };
            let signature = request.signature_data.as_ref().ok_or_else(missing)?;
            let scheme = signature::asked(&key, &asked)?;
            let valid = scheme.verify(context, &key, signed, signature).await?;
            response.validity_indicator = Some(validity(valid));
            return Ok(response);
        }
        let data = part::data(step, request.data.as_ref())?;
        let state = match step.resume(context, Operation::SIGNATURE_VERIFY, Some(&key))? {
            Some(state) => state,
            None => first(signature::asked(&key, &asked)?)?,
        };
        let state = more(state, data, request.signature_data.as_ref())?;
        if !step.is_last() {
            response.correlation_value = step
                .keep(context, Operation::SIGNATURE_VERIFY, Some(&key), state)
                .await?;
            return Ok(response);
        }
        let valid = match state {
            State::Digest { proof, .. } | State::Message { proof, .. } if proof.is_empty() => {
                return Err(missing());
            }
            State::Digest {
                scheme: Some(scheme),
                running,
                proof,
            } => {
                let digest = running.finish()?;
                let signed = Signed::Digest(&digest);
                scheme.verify(context, &key, signed, &proof).await?
            }
            State::Message {
                scheme,
                data,
                proof,
            } => {
                let signed = Signed::Data(&data);
                scheme.verify(context, &key, signed, &proof).await?
            }
            _ => return Err(Fault::new(Reason::Internal, "not a signature")),
        };
        response.validity_indicator = Some(validity(valid));
        Ok(response)
    }
}
