//! MAC Verify (1.4 §4.34, 2.1 §6.1.33).

use super::part::{self, Part};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::streams::State;
use crate::object::service::{mac, stream};
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::enumeration::{Operation, ValidityIndicator};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct MacVerifyRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
        data: Option<Bytes> = DATA;
        mac_data: Option<Bytes> = MAC_DATA;
        part: Part = CORRELATION_VALUE, since V1_3;
    }
    pub struct MacVerifyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        validity_indicator: Option<ValidityIndicator> = VALIDITY_INDICATOR;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
    }
}

#[derive(Debug)]
pub struct MacVerify;

/// The answer to a check.
pub fn validity(valid: bool) -> ValidityIndicator {
    match valid {
        true => ValidityIndicator::VALID,
        false => ValidityIndicator::INVALID,
    }
}

impl Handler for MacVerify {
    type Request = MacVerifyRequest;
    type Response = MacVerifyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::MacVerify,
            (CryptographicUsageMask::MAC_VERIFY, Purpose::Process),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        let step = request.part.step()?;
        let data = part::data(step, request.data.as_ref())?;
        let (row, mut message, mut proof) =
            match step.resume(context, Operation::MAC_VERIFY, Some(&key))? {
                Some(State::Mac { row, data, proof }) => (row, data, proof),
                Some(_) => {
                    return Err(Fault::new(Reason::Internal, "the stream is another one's"));
                }
                None => {
                    let row = mac::asked(&key, &asked)?;
                    (row, Bytes::default(), Bytes::default())
                }
            };
        stream::append(&mut message, data)?;
        if let Some(mac) = &request.mac_data {
            proof.clone_from(mac);
        }
        if step.is_last() && proof.is_empty() {
            return Err(Fault::new(
                Reason::MissingData,
                "the request holds no MAC Data",
            ));
        }
        let mut response = MacVerifyResponse {
            unique_identifier: key.unique_identifier.clone(),
            validity_indicator: None,
            correlation_value: None,
        };
        if step.is_last() {
            let valid = mac::verify(context, &key, row, &message, &proof).await?;
            response.validity_indicator = Some(validity(valid));
            return Ok(response);
        }
        let state = State::Mac {
            row,
            data: message,
            proof,
        };
        response.correlation_value = step
            .keep(context, Operation::MAC_VERIFY, Some(&key), state)
            .await?;
        Ok(response)
    }
}
