//! Keys of class *token* (DESIGN §4.3): under another managed key on their way out and in, and
//! never in clear in the server. The token wraps what it has, a key; so No Encoding only.

use super::authenticate;
use super::door;
use super::encoding;
use super::method::{self, Over};
use super::{unwrap, wrap};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{KeyKind, UseKey, WrapMethod};
use crate::object::delivery::Wish;
use crate::object::managed::Sealed;
use crate::object::{generation, usage};
use crate::operation::crypto::parameters;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, EncodingOption, KeyFormatType, ObjectType,
};
use crate::protocol::key_block::{CryptographicParameters, KeyValue};
use crate::protocol::object::Object;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::store::record::Blob;

fn unsupported(what: &'static str) -> Fault {
    Fault::new(Reason::UnsupportedCryptographicParameters, what)
}

/// What the token knows the key as.
fn kind(object_type: ObjectType, attributes: &Attributes) -> Result<KeyKind, Fault> {
    let algorithm = attributes
        .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
        .map(CryptographicAlgorithm);
    let kind = match (object_type, algorithm) {
        (ObjectType::SYMMETRIC_KEY, Some(algorithm)) => Some(generation::kind_of(algorithm)),
        (ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA, _) => Some(KeyKind::Generic),
        (ObjectType::PRIVATE_KEY, _) => usage::private_kind_of(attributes),
        _ => None,
    };
    kind.ok_or_else(|| {
        unsupported(
            "of class token, symmetric keys, secret data and private keys go in and out wrapped; the token has nothing for this object",
        )
    })
}

/// The form that the token gives a key: its bytes, or PKCS#8.
fn format(kind: KeyKind) -> KeyFormatType {
    match kind.is_secret() {
        true => KeyFormatType::RAW,
        false => KeyFormatType::PKCS_8,
    }
}

/// The method of a key wrap; the token wraps keys by no other.
fn key_wrap(key: &Sealed, parameters: &CryptographicParameters) -> Result<WrapMethod, Fault> {
    method::key_wrap(key, parameters)?.ok_or_else(|| {
        unsupported("keys of class token are wrapped by NIST Key Wrap or AES Key Wrap Padding only")
    })
}

/// A key of class *token* goes from one key to the other inside the token.
pub async fn wrap_in_token(
    context: &mut Context,
    object: &Sealed,
    wish: &Wish<'_>,
) -> Result<Object, Fault> {
    let specification = wish.wrapping.ok_or_else(|| {
        Fault::new(
            Reason::Sensitive,
            "the object is of class token: it leaves the server only wrapped",
        )
    })?;
    let plan = wrap::plan(specification)?;
    let information = plan.encryption.ok_or_else(|| {
        Fault::new(
            Reason::Sensitive,
            "the object is of class token, and MAC/sign alone shows it; ask with Encrypt",
        )
    })?;
    if plan.over(Over::Clear).is_some() {
        return Err(unsupported(
            "a key of class token is not authenticated in clear; ask with Encrypt then MAC/sign",
        ));
    }
    if encoding::option(specification.encoding_option) != EncodingOption::NO_ENCODING
        || !specification.attribute_name.is_empty()
    {
        return Err(Fault::new(
            Reason::EncodingOptionError,
            "a key of class token is wrapped by the token, which knows no TTLV; ask with No Encoding and without attributes",
        ));
    }
    let kind = kind(object.object_type(), &object.attributes)?;
    if wish.format.is_some_and(|wanted| wanted != format(kind)) {
        return Err(Fault::new(
            Reason::KeyFormatTypeNotSupported,
            format!("the token gives this key as {} only", format(kind)),
        ));
    }
    let blob = object.blob.as_ref().ok_or_else(|| {
        Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the object's meta-data",
        )
    })?;
    let (key, asked) = door::encryption_key(context, information, Permission::WrapWith).await?;
    door::approved(context, true, &key)?;
    parameters::charge(context, &key, blob.length as usize).await?;
    let how = key_wrap(&key, &asked)?;
    let said = method::said(&key, &asked)?;
    let ready = usage::ready(context, &key, KeyKind::Aes).await?;
    let wrapped = {
        let using: UseKey<'_> = ready.key(context, &key)?;
        let keys = &context.caller.tenant.keys;
        let hsm = &context.engine.hsm;
        Bytes::new(hsm.rewrap_out(keys, (kind, blob), &using, how).await?)
    };
    let mac = match plan.over(Over::Wrapped) {
        Some(information) => Some(authenticate::make(context, information, &wrapped).await?),
        None => None,
    };
    let mut whole = object.skeleton.clone();
    if let Some(block) = whole.key_block_mut() {
        block.key_format_type = format(kind);
        block.key_value = Some(KeyValue::Wrapped(wrapped));
        block.key_wrapping_data = Some(wrap::data(specification, said, mac, None));
    }
    Ok(whole)
}

/// A wrapped object that the token took in: what is left of it, and its key under the tenant's.
#[derive(Debug)]
pub struct Taken {
    pub skeleton: Object,
    pub blob: Blob,
}

/// A wrapped key from outside becomes one of class *token*, from the wrapping key to the tenant's
/// inside the token; `attributes` say what it is.
///
/// # Errors
/// For what is not wrapped: it was in clear in the server's memory, and elsewhere.
pub async fn take_into_token(
    context: &mut Context,
    object: &Object,
    attributes: &Attributes,
) -> Result<Taken, Fault> {
    let mut skeleton = object.clone();
    let block = skeleton.key_block_mut();
    let Some((block, data)) = block.and_then(|block| {
        let data = block.key_wrapping_data.take()?;
        Some((block, data))
    }) else {
        return Err(unsupported(
            "a key that comes in clear cannot be of class token; register it wrapped with No Encoding under a key of this server, or have the server create it",
        ));
    };
    let plan = unwrap::plan(&data)?;
    let (Some(information), None) = (plan.encryption, plan.over(Over::Clear)) else {
        return Err(unsupported(
            "into class token keys come encrypted, or encrypted and then authenticated",
        ));
    };
    if encoding::option(data.encoding_option) != EncodingOption::NO_ENCODING {
        return Err(Fault::new(
            Reason::EncodingOptionError,
            "the token knows no TTLV: for class token the key is wrapped with No Encoding",
        ));
    }
    let kind = kind(object.object_type(), attributes)?;
    if block.key_format_type != format(kind) {
        return Err(Fault::new(
            Reason::KeyFormatTypeNotSupported,
            format!("the token takes this key as {} only", format(kind)),
        ));
    }
    let wrapped = encoding::wrapped_bytes(block)?;
    block.key_value = None;
    if let Some(information) = plan.over(Over::Wrapped) {
        let mac = data.mac_signature.as_ref();
        authenticate::check(context, information, &wrapped, mac).await?;
    }
    let (key, parameters) =
        door::encryption_key(context, information, Permission::UnwrapWith).await?;
    let how = key_wrap(&key, &parameters)?;
    let length = attributes
        .integer(tag::CRYPTOGRAPHIC_LENGTH)
        .filter(|_| kind.is_secret())
        .and_then(|bits| secret_bytes(kind, bits));
    let ready = usage::ready(context, &key, KeyKind::Aes).await?;
    let using: UseKey<'_> = ready.key(context, &key)?;
    let keys = &context.caller.tenant.keys;
    let hsm = &context.engine.hsm;
    let blob = hsm
        .rewrap_in(keys, (kind, length), &wrapped, &using, how)
        .await?;
    Ok(Taken { skeleton, blob })
}

/// Bytes of a secret by its Cryptographic Length; triple DES is told with and without parity.
fn secret_bytes(kind: KeyKind, bits: i32) -> Option<usize> {
    let bits = usize::try_from(bits).ok()?;
    Some(match (kind, bits) {
        (KeyKind::TripleDes, 168) => 24,
        (KeyKind::TripleDes, 112) => 16,
        _ => bits / 8,
    })
}
