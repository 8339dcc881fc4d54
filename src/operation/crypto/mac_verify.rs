//! MAC Verify (1.4 §4.34, 2.1 §6.1.33).

use subtle::ConstantTimeEq;

use super::encrypt::{data, single_part};
use super::mac::hmac;
use super::parameters;
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::enumeration::ValidityIndicator;
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
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
        init_indicator: Option<bool> = INIT_INDICATOR, since V1_3;
        final_indicator: Option<bool> = FINAL_INDICATOR, since V1_3;
    }
    pub struct MacVerifyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        validity_indicator: Option<ValidityIndicator> = VALIDITY_INDICATOR;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
    }
}

#[derive(Debug)]
pub struct MacVerify;

impl Handler for MacVerify {
    type Request = MacVerifyRequest;
    type Response = MacVerifyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        single_part(
            request.correlation_value.as_ref(),
            request.init_indicator,
            request.final_indicator,
        )?;
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::MacVerify,
            (CryptographicUsageMask::MAC_VERIFY, Purpose::Process),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        let data = data(request.data.as_ref())?;
        let mac = request
            .mac_data
            .as_ref()
            .ok_or_else(|| Fault::new(Reason::MissingData, "the request holds no MAC Data"))?;
        let hash = parameters::hmac_hash(&key, &asked)?;
        let expected = hmac(context, &key, hash, data).await?;
        let valid = bool::from(expected.as_slice().ct_eq(mac.as_slice()));
        Ok(MacVerifyResponse {
            unique_identifier: key.unique_identifier.clone(),
            validity_indicator: Some(if valid {
                ValidityIndicator::VALID
            } else {
                ValidityIndicator::INVALID
            }),
            correlation_value: None,
        })
    }
}
