//! Decrypt (1.4 §4.30, 2.1 §6.1.12).

use super::parameters;
use super::part::{self, Part, Step};
use crate::engine::access::Permission;
use crate::engine::client_profile::Deviation;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::streams::State;
use crate::object::managed::Sealed;
use crate::object::service::stream::{CipherStream, Direction};
use crate::object::service::{cipher, encipherment};
use crate::object::usage::{self, Purpose};
use crate::operation::Handler;
use crate::protocol::enumeration::{ObjectType, Operation};
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
        part: Part = CORRELATION_VALUE, since V1_3;
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

/// With a private key: RSA.
async fn decipher(
    context: &mut Context,
    request: &DecryptRequest,
    key: &Sealed,
    asked: &CryptographicParameters,
) -> Result<DecryptResponse, Fault> {
    let step = request.part.step()?;
    if step != Step::Whole {
        return Err(Fault::new(
            Reason::FeatureNotSupported,
            "RSA decrypts its own length: send the data in one part",
        ));
    }
    let data = part::data(step, request.data.as_ref())?;
    let encipherment = encipherment::asked(key, asked)?;
    let clear = encipherment.decrypt(context, key, data).await?;
    Ok(DecryptResponse {
        unique_identifier: key.unique_identifier.clone(),
        data: Some(clear),
        correlation_value: None,
    })
}

/// A new stream, or the whole as one, and the data without the vector that may stand before it.
fn begin<'d>(
    context: &Context,
    request: &DecryptRequest,
    key: &Sealed,
    asked: &CryptographicParameters,
    data: &'d [u8],
) -> Result<(CipherStream, &'d [u8]), Fault> {
    let cipher = cipher::asked(key, asked)?;
    let joins = context.caller.deviates(Deviation::VectorBeforeData);
    let (iv, data) = match &request.iv_counter_nonce {
        Some(iv) => (parameters::counter_block(&cipher, asked, iv)?, data),
        None if cipher.row.shape.iv() == 0 => (Bytes::default(), data),
        None if joins => {
            let length = parameters::vector_length(&cipher, asked)?;
            let (iv, data) = data.split_at_checked(length).ok_or_else(|| {
                Fault::new(
                    Reason::MissingInitializationVector,
                    format!(
                        "the first part of the data is shorter than its vector of {length} bytes"
                    ),
                )
            })?;
            (Bytes::new(iv.to_vec()), data)
        }
        None => {
            return Err(Fault::new(
                Reason::MissingInitializationVector,
                "the mode needs the IV/Counter/Nonce that the data was encrypted with",
            ));
        }
    };
    cipher.permitted(context, key, false)?;
    let aad = request
        .authenticated_encryption_additional_data
        .clone()
        .unwrap_or_default();
    let stream = CipherStream::new(cipher, Direction::Decrypt, (iv, false), aad);
    Ok((stream, data))
}

impl Handler for Decrypt {
    type Request = DecryptRequest;
    type Response = DecryptResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let (key, asked) = usage::key(
            context,
            request.unique_identifier.as_ref(),
            Permission::Decrypt,
            (CryptographicUsageMask::DECRYPT, Purpose::Process),
            request.cryptographic_parameters.as_ref(),
        )
        .await?;
        if key.object_type() == ObjectType::PRIVATE_KEY {
            return decipher(context, request, &key, &asked).await;
        }
        let step = request.part.step()?;
        let data = part::data(step, request.data.as_ref())?;
        let (mut stream, data) = match step.resume(context, Operation::DECRYPT, Some(&key))? {
            Some(State::Cipher(stream)) => {
                stream.permitted(context, &key)?;
                (stream, data)
            }
            Some(_) => return Err(Fault::new(Reason::Internal, "the stream is another one's")),
            None => begin(context, request, &key, &asked, data)?,
        };
        if let Some(tag) = &request.authenticated_encryption_tag {
            stream.set_tag(tag);
        }
        let clear = match step {
            Step::Whole => stream.at_once(context, &key, data).await?,
            _ => stream.feed(context, &key, data, step.is_last()).await?,
        };
        let state = State::Cipher(stream);
        let correlation_value = step
            .keep(context, Operation::DECRYPT, Some(&key), state)
            .await?;
        Ok(DecryptResponse {
            unique_identifier: key.unique_identifier.clone(),
            data: (step == Step::Whole || !clear.data.is_empty()).then_some(clear.data),
            correlation_value,
        })
    }
}
