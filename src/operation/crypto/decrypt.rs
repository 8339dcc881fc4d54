//! Decrypt (1.4 §4.30, 2.1 §6.1.11).

use super::encrypt::{data, single_part};
use super::parameters;
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::HsmError;
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;
use crate::structure;

structure! {
    pub struct DecryptRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
        data: Option<Bytes> = DATA;
        iv_counter_nonce: Option<Bytes> = IV_COUNTER_NONCE;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
        init_indicator: Option<bool> = INIT_INDICATOR, since V1_3;
        final_indicator: Option<bool> = FINAL_INDICATOR, since V1_3;
        authenticated_encryption_additional_data: Option<Bytes> = AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, since V1_4;
        authenticated_encryption_tag: Option<Bytes> = AUTHENTICATED_ENCRYPTION_TAG, since V1_4;
    }
    pub struct DecryptResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        data: Option<Bytes> = DATA;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
    }
}

#[derive(Debug)]
pub struct Decrypt;

/// Wrong tag, wrong padding, wrong length: all look the same, or the answer becomes an oracle.
fn failed(error: HsmError) -> Fault {
    match error {
        HsmError::Integrity(_) | HsmError::BadInput(_) => Fault::new(
            Reason::CryptographicFailure,
            "the data could not be decrypted with this key and these parameters",
        ),
        other => other.into(),
    }
}

impl Handler for Decrypt {
    type Request = DecryptRequest;
    type Response = DecryptResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        single_part(
            request.correlation_value.as_ref(),
            request.init_indicator,
            request.final_indicator,
        )?;
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::Decrypt,
            (CryptographicUsageMask::DECRYPT, Purpose::Process),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        let data = data(request.data.as_ref())?;
        let cipher = parameters::cipher(&key, &asked)?;
        let iv = match &request.iv_counter_nonce {
            Some(iv) => iv.clone(),
            None if cipher.iv == 0 => Bytes::default(),
            None => {
                return Err(Fault::new(
                    Reason::MissingInitializationVector,
                    "the mode needs the IV/Counter/Nonce that the data was encrypted with",
                ));
            }
        };
        let tag_length = usize::try_from(cipher.parameters.tag_length).unwrap_or(0);
        let (body, tag) = match &request.authenticated_encryption_tag {
            Some(tag) => (data.as_slice(), tag.as_slice()),
            // Before 1.4 the tag ends the data.
            None => data.split_at(data.len().saturating_sub(tag_length)),
        };
        let mut parameters = cipher.parameters;
        if cipher.authenticated && asked.tag_length.is_none() {
            parameters.tag_length = u32::try_from(tag.len()).unwrap_or(0);
        }
        let aad = request
            .authenticated_encryption_additional_data
            .as_ref()
            .map_or(&[][..], |aad| aad.as_slice());
        let ready = usage::ready(context, &key, cipher.kind).await?;
        let using = ready.key(context, &key)?;
        let clear = context
            .engine
            .hsm
            .decrypt(&using, parameters, &iv, aad, body, tag)
            .await
            .map_err(failed)?;
        Ok(DecryptResponse {
            unique_identifier: key.unique_identifier.clone(),
            data: Some(clear),
            correlation_value: None,
        })
    }
}
