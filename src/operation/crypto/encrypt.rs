//! Encrypt (1.4 §4.29, 2.1 §6.1.17).

use super::parameters;
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;
use crate::protocol::version::Version;
use crate::structure;

structure! {
    pub struct EncryptRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
        data: Option<Bytes> = DATA;
        iv_counter_nonce: Option<Bytes> = IV_COUNTER_NONCE;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
        init_indicator: Option<bool> = INIT_INDICATOR, since V1_3;
        final_indicator: Option<bool> = FINAL_INDICATOR, since V1_3;
        authenticated_encryption_additional_data: Option<Bytes> = AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, since V1_4;
    }
    pub struct EncryptResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        data: Option<Bytes> = DATA;
        iv_counter_nonce: Option<Bytes> = IV_COUNTER_NONCE;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
        authenticated_encryption_tag: Option<Bytes> = AUTHENTICATED_ENCRYPTION_TAG, since V1_4;
    }
}

#[derive(Debug)]
pub struct Encrypt;

/// Streaming comes with the issue Cryptography.
pub fn single_part(
    correlation_value: Option<&Bytes>,
    init: Option<bool>,
    last: Option<bool>,
) -> Result<(), Fault> {
    if correlation_value.is_some() || init == Some(true) || last == Some(false) {
        return Err(Fault::new(
            Reason::FeatureNotSupported,
            "operations in several parts are not supported yet; send the data in one request",
        ));
    }
    Ok(())
}

pub fn data(data: Option<&Bytes>) -> Result<&Bytes, Fault> {
    data.ok_or_else(|| Fault::new(Reason::MissingData, "the request holds no Data"))
}

impl Handler for Encrypt {
    type Request = EncryptRequest;
    type Response = EncryptResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        single_part(
            request.correlation_value.as_ref(),
            request.init_indicator,
            request.final_indicator,
        )?;
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::Encrypt,
            (CryptographicUsageMask::ENCRYPT, Purpose::Protect),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        let data = data(request.data.as_ref())?;
        let cipher = parameters::cipher(&key, &asked)?;
        let (iv, made) =
            parameters::iv_to_encrypt(context, &cipher, &asked, request.iv_counter_nonce.as_ref())
                .await?;
        parameters::charge(context, &key, data.len()).await?;
        let aad = request
            .authenticated_encryption_additional_data
            .as_ref()
            .map_or(&[][..], |aad| aad.as_slice());
        let ready = usage::ready(context, &key, cipher.kind).await?;
        let using = ready.key(context, &key)?;
        let sealed = context
            .engine
            .hsm
            .encrypt(&using, cipher.parameters, &iv, aad, data)
            .await?;
        let mut out = Bytes::new(sealed.data);
        let mut tag = cipher.authenticated.then(|| Bytes::new(sealed.tag));
        if context.version < Version::V1_4
            && let Some(tag) = tag.take()
        {
            // Before 1.4 there is no field for the tag: it ends the data.
            out.extend_from_slice(&tag);
        }
        Ok(EncryptResponse {
            unique_identifier: key.unique_identifier.clone(),
            data: Some(out),
            iv_counter_nonce: made.then_some(iv),
            correlation_value: None,
            authenticated_encryption_tag: tag,
        })
    }
}
