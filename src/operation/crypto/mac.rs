//! MAC (1.4 §4.33, 2.1 §6.1.32).

use super::encrypt::{data, single_part};
use super::parameters;
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::KeyKind;
use crate::object::derivation_master;
use crate::object::managed::Sealed;
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::enumeration::HashingAlgorithm;
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
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
        init_indicator: Option<bool> = INIT_INDICATOR, since V1_3;
        final_indicator: Option<bool> = FINAL_INDICATOR, since V1_3;
    }
    pub struct MacResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        mac_data: Option<Bytes> = MAC_DATA;
        correlation_value: Option<Bytes> = CORRELATION_VALUE, since V1_3;
    }
}

#[derive(Debug)]
pub struct Mac;

/// HMAC of `data` in the token.
pub async fn hmac(
    context: &mut Context,
    key: &Sealed,
    hash: HashingAlgorithm,
    data: &[u8],
) -> Result<Bytes, Fault> {
    if !parameters::is_hmac_hash(hash) {
        return Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            format!("HMAC with {hash} is not supported"),
        ));
    }
    let ready = usage::ready(context, key, KeyKind::Generic).await?;
    let using = ready.key(context, key)?;
    Ok(context.engine.hsm.hmac(&using, hash.0, data).await?)
}

impl Handler for Mac {
    type Request = MacRequest;
    type Response = MacResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        single_part(
            request.correlation_value.as_ref(),
            request.init_indicator,
            request.final_indicator,
        )?;
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::Mac,
            (CryptographicUsageMask::MAC_GENERATE, Purpose::Protect),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        let data = data(request.data.as_ref())?;
        if derivation_master::is_master(&key) {
            derivation_master::parameters(&asked)?;
            let block = derivation_master::block(context, &key, data).await?;
            return Ok(MacResponse {
                unique_identifier: key.unique_identifier.clone(),
                mac_data: Some(block),
                correlation_value: None,
            });
        }
        let hash = parameters::hmac_hash(&key, &asked)?;
        parameters::charge(context, &key, data.len()).await?;
        let mac = hmac(context, &key, hash, data).await?;
        Ok(MacResponse {
            unique_identifier: key.unique_identifier.clone(),
            mac_data: Some(mac),
            correlation_value: None,
        })
    }
}
