//! Encrypt (1.4 §4.29, 2.1 §6.1.17).

use super::parameters;
use super::part::{self, Part, Step};
use crate::engine::access::Permission;
use crate::engine::client_profile::Deviation;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::streams::State;
use crate::mechanism::Shape;
use crate::object::managed::Sealed;
use crate::object::service::stream::{CipherStream, Direction};
use crate::object::service::{cipher, encipherment, gcm_uses};
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::enumeration::{ObjectType, Operation};
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
        part: Part = CORRELATION_VALUE, since V1_3;
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

/// With a public key (or certificate): RSA.
async fn encipher(
    context: &mut Context,
    request: &EncryptRequest,
    key: &Sealed,
    asked: &CryptographicParameters,
) -> Result<EncryptResponse, Fault> {
    let step = request.part.step()?;
    if step != Step::Whole {
        return Err(Fault::new(
            Reason::FeatureNotSupported,
            "RSA encrypts less than its own length: send the data in one part",
        ));
    }
    let data = part::data(step, request.data.as_ref())?;
    let encipherment = encipherment::asked(key, asked)?;
    parameters::charge(context, key, data.len()).await?;
    let sealed = encipherment.encrypt(context, key, data).await?;
    Ok(EncryptResponse {
        unique_identifier: key.unique_identifier.clone(),
        data: Some(sealed),
        iv_counter_nonce: None,
        correlation_value: None,
        authenticated_encryption_tag: None,
    })
}

/// A new stream, or the whole as one, with the vector that the server made.
async fn begin(
    context: &mut Context,
    request: &EncryptRequest,
    key: &Sealed,
    asked: &CryptographicParameters,
    data: &[u8],
) -> Result<(CipherStream, Option<Bytes>), Fault> {
    let cipher = cipher::asked(key, asked)?;
    let (iv, made) = parameters::iv_to_encrypt(
        context,
        key,
        &cipher,
        asked,
        request.iv_counter_nonce.as_ref(),
    )
    .await?;
    cipher.permitted(context, key, !made)?;
    if made && cipher.row.shape == Shape::Gcm {
        gcm_uses::count(context, key).await?;
    }
    parameters::charge(context, key, data.len()).await?;
    let aad = request
        .authenticated_encryption_additional_data
        .clone()
        .unwrap_or_default();
    let answered = made.then(|| iv.clone());
    Ok((
        CipherStream::new(cipher, Direction::Encrypt, (iv, made), aad),
        answered,
    ))
}

impl Handler for Encrypt {
    type Request = EncryptRequest;
    type Response = EncryptResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::Encrypt,
            (CryptographicUsageMask::ENCRYPT, Purpose::Protect),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        if matches!(
            key.object_type(),
            ObjectType::PUBLIC_KEY | ObjectType::CERTIFICATE
        ) {
            return encipher(context, request, &key, &asked).await;
        }
        let step = request.part.step()?;
        let data = part::data(step, request.data.as_ref())?;
        let (mut stream, iv) = match step.resume(context, Operation::ENCRYPT, Some(&key))? {
            Some(State::Cipher(stream)) => {
                stream.permitted(context, &key)?;
                parameters::charge_part(context, &key, false, data.len()).await?;
                (stream, None)
            }
            Some(_) => return Err(Fault::new(Reason::Internal, "the stream is another one's")),
            None => begin(context, request, &key, &asked, data).await?,
        };
        let sealed = match step {
            // The usual case copies nothing.
            Step::Whole => stream.at_once(context, &key, data).await?,
            _ => stream.feed(context, &key, data, step.is_last()).await?,
        };
        let mut out = sealed.data;
        // Only a vector of the server's own: what the client gave it can give again.
        let joins = context.caller.deviates(Deviation::VectorBeforeData);
        let (before, iv) = if joins { (iv, None) } else { (None, iv) };
        if let Some(before) = before {
            out.splice(..0, before.iter().copied());
        }
        let mut tag = (!sealed.tag.is_empty()).then_some(sealed.tag);
        if context.version < Version::V1_4
            && let Some(tag) = tag.take()
        {
            // Before 1.4 there is no field for the tag: it ends the data.
            out.extend_from_slice(&tag);
        }
        let state = State::Cipher(stream);
        let correlation_value = step
            .keep(context, Operation::ENCRYPT, Some(&key), state)
            .await?;
        Ok(EncryptResponse {
            unique_identifier: key.unique_identifier.clone(),
            data: (step == Step::Whole || !out.is_empty()).then_some(out),
            iv_counter_nonce: iv,
            correlation_value,
            authenticated_encryption_tag: tag,
        })
    }
}
