//! KMIP's wrapping (1.4 §2.1.5 and §2.1.6, 2.1 §3.2 and §7.18): Key Value under another managed key.

use zeroize::Zeroizing;

use super::approval;
use super::delivery::Wish;
use super::managed::{Form, Sealed};
use super::usage::{self, Purpose};
use crate::engine::access::{Permission, STANDARD};
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::hsm::{CipherParameters, KeyKind, UseKey, WrapMethod};
use crate::protocol::attributes::{AttributeReference, Attributes, VendorName};
use crate::protocol::enumeration::{
    BlockCipherMode, EncodingOption, PaddingMethod, WrappingMethod,
};
use crate::protocol::key_block::{
    CryptographicParameters, EncryptionKeyInformation, KeyMaterial, KeyValue, KeyWrappingData,
    KeyWrappingSpecification,
};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::Object;
use crate::protocol::structure::{Bytes, Item};
use crate::protocol::tag;
use crate::protocol::version::Version;

/// How bytes are put under a key.
enum Method {
    KeyWrap(WrapMethod),
    /// Block cipher mode with an initialisation vector, PKCS#5 padding where the mode needs blocks.
    Cipher(CipherParameters, usize),
}

/// RFC 3394 when nothing is said: what clients expect (CLIENTS: the wrong default broke VAST).
fn method(parameters: &CryptographicParameters) -> Result<Method, Fault> {
    let mode = parameters
        .block_cipher_mode
        .unwrap_or(BlockCipherMode::NIST_KEY_WRAP);
    let cipher = |iv| {
        Method::Cipher(
            CipherParameters {
                algorithm: crate::protocol::enumeration::CryptographicAlgorithm::AES.0,
                mode: mode.0,
                padding: parameters
                    .padding_method
                    .unwrap_or(match mode {
                        BlockCipherMode::CBC | BlockCipherMode::ECB => PaddingMethod::PKCS5,
                        _ => PaddingMethod::NONE,
                    })
                    .0,
                tag_length: if mode == BlockCipherMode::GCM { 16 } else { 0 },
                counter_bits: 0,
            },
            iv,
        )
    };
    Ok(match mode {
        BlockCipherMode::NIST_KEY_WRAP => Method::KeyWrap(WrapMethod::NistKeyWrap),
        BlockCipherMode::AES_KEY_WRAP_PADDING => Method::KeyWrap(WrapMethod::NistKeyWrapPadded),
        BlockCipherMode::CBC
        | BlockCipherMode::CTR
        | BlockCipherMode::CFB
        | BlockCipherMode::OFB => cipher(16),
        BlockCipherMode::ECB => cipher(0),
        BlockCipherMode::GCM => cipher(12),
        other => {
            return Err(Fault::new(
                Reason::UnsupportedCryptographicParameters,
                format!("wrapping in block cipher mode {other} is not supported"),
            ));
        }
    })
}

/// The door to a wrapping key: there, permitted, active and for wrapping.
async fn wrapping_key(
    context: &mut Context,
    information: Option<&EncryptionKeyInformation>,
    permission: Permission,
) -> Result<(Sealed, CryptographicParameters), Fault> {
    let information = information.ok_or_else(|| {
        Fault::new(
            Reason::FeatureNotSupported,
            "the wrapping names no encryption key; MAC or sign alone is not supported",
        )
    })?;
    let found = context
        .object(
            Some(&information.unique_identifier),
            permission,
            Destroyed::Refused,
        )
        .await;
    let key = found.map_err(|fault| match fault.reason {
        Reason::ObjectNotFound => Fault::new(
            Reason::WrappingObjectNotFound,
            "there is no such wrapping key",
        ),
        Reason::ObjectDestroyed => Fault::new(
            Reason::WrappingObjectDestroyed,
            "the wrapping key is destroyed",
        ),
        _ => fault,
    })?;
    // TC-WRAP-3 unwraps with a key that has Wrap Key only: both bits open the door in both directions
    // for what the server itself keeps.
    let (mask, purpose) = match permission {
        Permission::WrapWith => (CryptographicUsageMask::WRAP_KEY, Purpose::Protect),
        _ => (
            CryptographicUsageMask::WRAP_KEY | CryptographicUsageMask::UNWRAP_KEY,
            Purpose::Process,
        ),
    };
    usage::allowed(context, &key, mask, purpose)?;
    let parameters = usage::parameters(&key, information.cryptographic_parameters.as_ref())?;
    Ok((key, parameters))
}

/// The bytes that are wrapped: Key Material, or TTLV of the Key Value with its attributes.
fn inner(
    value: &KeyValue,
    encoding: EncodingOption,
    attributes: Option<Attributes>,
    version: Version,
) -> Result<Bytes, Fault> {
    let KeyValue::Plain { material, .. } = value else {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            "the key is wrapped already",
        ));
    };
    match (encoding, material) {
        (EncodingOption::NO_ENCODING, KeyMaterial::Bytes(bytes)) if attributes.is_none() => {
            Ok(bytes.clone())
        }
        (EncodingOption::NO_ENCODING, _) => Err(Fault::new(
            Reason::EncodingOptionError,
            "No Encoding wraps bytes only: ask with TTLV Encoding for transparent keys and for attributes",
        )),
        (EncodingOption::TTLV_ENCODING, _) => {
            let value = KeyValue::Plain {
                material: material.clone(),
                attributes,
            };
            let node = ttlv::Node::new(tag::KEY_VALUE, value.write(version)?);
            let node = crate::protocol::seam::key_value(version, node);
            let mut out = Bytes::new(Vec::with_capacity(ttlv::binary::encoded_len(&node)));
            ttlv::binary::encode(&node, &mut out);
            Ok(out)
        }
        (other, _) => Err(Fault::new(
            Reason::EncodingOptionError,
            format!("the encoding option {other} is not supported"),
        )),
    }
}

/// Puts bytes under a key; answers them with the initialisation vector that was made.
async fn protect(
    context: &mut Context,
    key: &Sealed,
    parameters: &CryptographicParameters,
    clear: &[u8],
) -> Result<(Bytes, Option<Bytes>), Fault> {
    let method = method(parameters)?;
    let ready = usage::ready(context, key, KeyKind::Aes).await?;
    let using: UseKey<'_> = ready.key(context, key)?;
    let hsm = &context.engine.hsm;
    Ok(match method {
        Method::KeyWrap(method) => (
            Zeroizing::new(hsm.wrap_bytes(&using, method, clear).await?),
            None,
        ),
        Method::Cipher(cipher, iv_length) => {
            let iv = hsm.random(iv_length).await?;
            let sealed = hsm.encrypt(&using, cipher, &iv, &[], clear).await?;
            let mut bytes = Zeroizing::new(sealed.data);
            bytes.extend_from_slice(&sealed.tag);
            (bytes, (!iv.is_empty()).then_some(iv))
        }
    })
}

/// Wraps the Key Value of an object that is about to leave.
pub async fn wrap(
    context: &mut Context,
    object: &Sealed,
    whole: &mut Object,
    specification: &KeyWrappingSpecification,
) -> Result<(), Fault> {
    if specification.wrapping_method != WrappingMethod::ENCRYPT {
        return Err(Fault::new(
            Reason::FeatureNotSupported,
            format!(
                "the wrapping method {} is not supported; expected Encrypt",
                specification.wrapping_method
            ),
        ));
    }
    let (key, parameters) = wrapping_key(
        context,
        specification.encryption_key_information.as_ref(),
        Permission::WrapWith,
    )
    .await?;
    approved(context, object, &key)?;
    let version = context.version;
    let encoding = specification
        .encoding_option
        .unwrap_or(EncodingOption::TTLV_ENCODING);
    let attributes = named(object, &specification.attribute_name, context.now);
    let block = whole.key_block_mut().ok_or_else(|| {
        Fault::new(
            Reason::InvalidObjectType,
            "only objects with a key block can be wrapped",
        )
    })?;
    let value = block.key_value.as_ref().ok_or_else(|| {
        Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the object's meta-data",
        )
    })?;
    let clear = inner(value, encoding, attributes, version)?;
    let (wrapped, iv) = protect(context, &key, &parameters, &clear).await?;
    let in_structure = stands_in_structure(context.version, object, encoding);
    if let Some(block) = whole.key_block_mut() {
        block.key_value = Some(match in_structure {
            true => KeyValue::bytes(wrapped),
            false => KeyValue::Wrapped(wrapped),
        });
        block.key_wrapping_data = Some(KeyWrappingData {
            wrapping_method: WrappingMethod::ENCRYPT,
            encryption_key_information: specification.encryption_key_information.clone(),
            mac_signature_key_information: None,
            mac_signature: None,
            iv_counter_nonce: iv,
            encoding_option: specification.encoding_option,
        });
    }
    Ok(())
}

/// Whether wrapped Key Material stands inside a Key Value structure instead of being the Key Value.
/// 1.4 §2.1.4 says a byte string, and TC-SENSITIVE has one for a sensitive key; but what was
/// registered wrapped in a structure comes back in one (TC-WRAP-3), and clients of 1.x that ask
/// for No Encoding read nothing else (PyKMIP; `docs/decisions/protocol.md`).
fn stands_in_structure(version: Version, object: &Sealed, encoding: EncodingOption) -> bool {
    let registered_so = object.form == Form::Bytes
        && object
            .skeleton
            .key_block()
            .is_some_and(|block| block.key_wrapping_data.is_some());
    let sensitive = object.attributes.boolean(tag::SENSITIVE) == Some(true);
    let old = encoding == EncodingOption::NO_ENCODING && version < Version::V2_0 && !sensitive;
    registered_so || old
}

/// Sensitive keys leave under an approved wrapping key only (DESIGN §4.3); identities with the
/// profile `standard` may choose any, as the standard has it.
fn approved(context: &Context, object: &Sealed, key: &Sealed) -> Result<(), Fault> {
    let sensitive = object.attributes.boolean(tag::SENSITIVE) == Some(true);
    if !sensitive || context.caller.has_profile(STANDARD) || approval::is_approved(key) {
        return Ok(());
    }
    Err(Fault::new(
        Reason::PermissionDenied,
        "the object is sensitive and this wrapping key is not approved for such; an administrator can approve it",
    ))
}

/// The attributes that a specification names, as they are now.
fn named(object: &Sealed, names: &[String], now: i64) -> Option<Attributes> {
    if names.is_empty() {
        return None;
    }
    let all = crate::operation::attribute::get_attributes::as_of(object, now);
    let references =
        names
            .iter()
            .filter_map(|name| match crate::protocol::attribute::by_name(name) {
                Some(row) => Some(AttributeReference::Standard(row.tag)),
                None => name.split_once('-').map(|(vendor, name)| {
                    AttributeReference::Vendor(VendorName {
                        vendor: vendor.to_owned(),
                        name: name.to_owned(),
                    })
                }),
            });
    Some(Attributes(
        references
            .flat_map(|reference| all.all(&reference).cloned().collect::<Vec<_>>())
            .collect(),
    ))
}

/// A key of class *token* goes from one key to the other without being clear in the server; what
/// the token has no call for is refused.
pub async fn wrap_in_token(_: &mut Context, _: &Sealed, _: &Wish<'_>) -> Result<Object, Fault> {
    Err(Fault::new(
        Reason::UnsupportedCryptographicParameters,
        "keys of class token cannot be exported under another key yet",
    ))
}

/// Unwraps an object that was registered wrapped, with the managed key that its data names.
pub async fn unwrap(context: &mut Context, whole: &mut Object) -> Result<(), Fault> {
    let Some(data) = whole
        .key_block()
        .and_then(|block| block.key_wrapping_data.clone())
    else {
        return Ok(());
    };
    if data.wrapping_method != WrappingMethod::ENCRYPT {
        return Err(Fault::new(
            Reason::FeatureNotSupported,
            format!(
                "the wrapping method {} cannot be undone; expected Encrypt",
                data.wrapping_method
            ),
        ));
    }
    let (key, parameters) = wrapping_key(
        context,
        data.encryption_key_information.as_ref(),
        Permission::UnwrapWith,
    )
    .await?;
    let Some(block) = whole.key_block() else {
        return Ok(());
    };
    let wrapped: Bytes = match &block.key_value {
        Some(KeyValue::Wrapped(bytes)) => bytes.clone(),
        Some(KeyValue::Plain {
            material: KeyMaterial::Bytes(bytes),
            ..
        }) => bytes.clone(),
        _ => {
            return Err(Fault::new(
                Reason::EncodingOptionError,
                "the wrapped key is not a byte string",
            ));
        }
    };
    let clear = open(
        context,
        &key,
        &parameters,
        &wrapped,
        data.iv_counter_nonce.as_ref(),
    )
    .await?;
    let value = match data
        .encoding_option
        .unwrap_or(EncodingOption::TTLV_ENCODING)
    {
        EncodingOption::NO_ENCODING => KeyValue::bytes(clear),
        _ => {
            let node = ttlv::binary::decode(&clear, &ttlv::Limits::default()).map_err(|_| {
                Fault::new(
                    Reason::EncodingOptionError,
                    "what was unwrapped is no TTLV-encoded Key Value",
                )
            })?;
            KeyValue::read(&node)?
        }
    };
    if let Some(block) = whole.key_block_mut() {
        block.key_value = Some(value);
        block.key_wrapping_data = None;
    }
    Ok(())
}

async fn open(
    context: &mut Context,
    key: &Sealed,
    parameters: &CryptographicParameters,
    wrapped: &[u8],
    iv: Option<&Bytes>,
) -> Result<Bytes, Fault> {
    let method = method(parameters)?;
    let ready = Box::pin(usage::ready(context, key, KeyKind::Aes)).await?;
    let using: UseKey<'_> = ready.key(context, key)?;
    let hsm = &context.engine.hsm;
    Ok(match method {
        Method::KeyWrap(method) => hsm.unwrap_bytes(&using, method, wrapped).await?,
        Method::Cipher(cipher, _) => {
            let tag = usize::try_from(cipher.tag_length).unwrap_or(0);
            let (data, tag) = wrapped.split_at(wrapped.len().saturating_sub(tag));
            let iv = iv.map_or(&[][..], |iv| iv.as_slice());
            hsm.decrypt(&using, cipher, iv, &[], data, tag).await?
        }
    })
}
