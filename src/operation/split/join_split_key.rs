//! Join Split Key (1.4 §4.39, 2.1 §6.1.27): parts of a key become the key again, a new object.

use ttlv::Value;

use super::create_split_key::{blocking, keep};
use crate::engine::access::{self, Decision, Permission};
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::format::{Format, Hint, PrivateKey as Parsed};
use crate::object::generation::bytes_of;
use crate::object::managed::Sealed;
use crate::object::split::{self, MOST_PARTS, Part};
use crate::object::{creation, inspection, usage, wrapping};
use crate::operation::Handler;
use crate::operation::object::create::storable;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType, SecretDataType, SplitKeyMethod,
    UniqueIdentifier,
};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::KeyBlock;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::{Object, PrivateKey, SecretData, SymmetricKey};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct JoinSplitKeyRequest {
        object_type: ObjectType = OBJECT_TYPE;
        unique_identifier: Vec<Identifier> = UNIQUE_IDENTIFIER;
        secret_data_type: Option<SecretDataType> = SECRET_DATA_TYPE;
        attributes: Option<Attributes> = ATTRIBUTES;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct JoinSplitKeyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct JoinSplitKey;

impl Handler for JoinSplitKey {
    type Request = JoinSplitKeyRequest;
    type Response = JoinSplitKeyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        makeable(request)?;
        storable(context, request.protection_storage_masks.as_ref())?;
        let asked_for = request.attributes.clone().unwrap_or_default();
        let mut attributes = creation::admit(context.version, request.object_type, &asked_for)?;
        if creation::class_asked(&attributes)? == Class::Token {
            return Err(Fault::new(
                Reason::UnsupportedCryptographicParameters,
                "what is joined is of class served: the token does not join parts",
            ));
        }
        let sealed = fetch(context, request).await?;
        let parts = parts(context, &sealed).await?;
        let joined = {
            let parts = parts.clone();
            blocking(move || split::join(&parts)).await??
        };
        describe(&sealed, &mut attributes);
        within_mask(context, &sealed, &mut attributes)?;
        creation::inherit(
            &context.caller,
            &sealed,
            request.object_type,
            &mut attributes,
        )?;
        wrapping::guard(context, &sealed, &mut attributes).await?;
        let secret = match request.object_type {
            ObjectType::PRIVATE_KEY => unpadded(&joined),
            _ => whole_bytes(&parts, &attributes, joined)?,
        };
        let skeleton = skeleton(request, &secret, &mut attributes)?;
        for part in &sealed {
            creation::link(
                &mut attributes,
                LinkType::PARENT_LINK.0,
                &part.unique_identifier,
            );
        }
        let unique_identifier = creation::new_identifier();
        keep(
            context,
            &unique_identifier,
            skeleton,
            &secret,
            attributes,
            &sealed,
        )
        .await?;
        context.produce(UniqueIdentifier::JOIN_SPLIT_KEY, &unique_identifier);
        Ok(JoinSplitKeyResponse { unique_identifier })
    }
}

fn makeable(request: &JoinSplitKeyRequest) -> Result<(), Fault> {
    match request.object_type {
        ObjectType::SYMMETRIC_KEY | ObjectType::PRIVATE_KEY
            if request.secret_data_type.is_some() =>
        {
            Err(Fault::new(
                Reason::InvalidField,
                "Secret Data Type belongs to the Object Type Secret Data",
            ))
        }
        ObjectType::SYMMETRIC_KEY | ObjectType::PRIVATE_KEY | ObjectType::SECRET_DATA => Ok(()),
        other => Err(Fault::new(
            Reason::InvalidObjectType,
            format!(
                "parts are joined to symmetric keys, private keys and secret data, not {other}"
            ),
        )),
    }
}

/// The parts' objects, each permitted.
async fn fetch(context: &mut Context, request: &JoinSplitKeyRequest) -> Result<Vec<Sealed>, Fault> {
    let most = usize::try_from(MOST_PARTS).unwrap_or(0);
    if request.unique_identifier.len() > most {
        return Err(Fault::new(
            Reason::ServerLimitExceeded,
            format!("more than {most} parts are not joined"),
        ));
    }
    let mut sealed: Vec<Sealed> = Vec::with_capacity(request.unique_identifier.len());
    for identifier in &request.unique_identifier {
        let part = context
            .object(
                Some(identifier),
                Permission::JoinSplitKey,
                Destroyed::Refused,
            )
            .await?;
        if part.object_type() != ObjectType::SPLIT_KEY {
            return Err(Fault::new(
                Reason::InvalidObjectType,
                format!("a {} is no part of a key", part.object_type()),
            ));
        }
        sealed.push(part);
    }
    Ok(sealed)
}

/// What the parts say of themselves, with their shares.
async fn parts(context: &mut Context, sealed: &[Sealed]) -> Result<Vec<Part>, Fault> {
    let mut splits = sealed
        .iter()
        .filter_map(|part| split::origin::split(&part.attributes));
    let first = splits.next();
    if splits.any(|split| Some(split) != first) {
        return Err(split::SplitError::Foreign("the split that they are of").into());
    }
    // Parts from elsewhere do not say it: then it is that of the parts from here, or of the version.
    let made_in = sealed
        .iter()
        .find_map(|part| split::origin::polynomial(&part.attributes));
    let mut parts = Vec::with_capacity(sealed.len());
    for part in sealed {
        let Object::SplitKey(own) = &part.skeleton else {
            continue;
        };
        parts.push(Part {
            method: own.split_key_method,
            parts: own.split_key_parts,
            threshold: own.split_key_threshold,
            identifier: own.key_part_identifier,
            prime: own.prime_field_size.clone(),
            polynomial: made_in
                .or_else(|| split::polynomial(own.split_key_method, context.version)),
            share: usage::raw_bytes(context, part).await?,
        });
    }
    Ok(parts)
}

/// What the parts tell of the key, where the request does not.
fn describe(sealed: &[Sealed], attributes: &mut Attributes) {
    for part in sealed {
        for tag in [tag::CRYPTOGRAPHIC_ALGORITHM, tag::CRYPTOGRAPHIC_LENGTH] {
            if let Some(value) = part.attributes.get(tag) {
                attributes.set_if_absent(tag, value.clone());
            }
        }
    }
}

/// The key gets no use that its parts do not have, or the caller may widen masks. Parts from
/// elsewhere have an empty mask, which says nothing (TC-SJ-3).
fn within_mask(
    context: &Context,
    sealed: &[Sealed],
    attributes: &mut Attributes,
) -> Result<(), Fault> {
    let limits = sealed.iter().filter_map(|part| {
        let mask = part.attributes.integer(tag::CRYPTOGRAPHIC_USAGE_MASK)?;
        (mask != 0).then(|| (part, CryptographicUsageMask::from_integer(mask)))
    });
    for (part, limit) in limits {
        let asked = attributes
            .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
            .map(CryptographicUsageMask::from_integer);
        match asked {
            None => attributes.set(
                tag::CRYPTOGRAPHIC_USAGE_MASK,
                Value::Integer(limit.to_integer()),
            ),
            Some(asked) if limit.contains(asked) => {}
            Some(_) => {
                let widening = Permission::WidenUsageMask;
                if access::decide(&context.caller, part, widening) != Decision::Allow {
                    return Err(Fault::new(
                        Reason::PermissionDenied,
                        format!(
                            "the key's parts are for {limit} only; more needs the permission {:?}",
                            widening.name()
                        ),
                    ));
                }
            }
        }
    }
    Ok(())
}

/// An integer without the zeros before it.
fn unpadded(bytes: &Bytes) -> Bytes {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Bytes::new(bytes.get(zeros..).unwrap_or_default().to_vec())
}

/// The secret in its own length: of a prime field the library knows only the integer.
fn whole_bytes(parts: &[Part], attributes: &Attributes, joined: Bytes) -> Result<Bytes, Fault> {
    let integer = parts
        .iter()
        .any(|part| part.method == SplitKeyMethod::POLYNOMIAL_SHARING_PRIME_FIELD);
    let Some(bits) = attributes
        .integer(tag::CRYPTOGRAPHIC_LENGTH)
        .filter(|_| integer)
    else {
        return Ok(if integer { unpadded(&joined) } else { joined });
    };
    let algorithm = attributes
        .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
        .map(CryptographicAlgorithm);
    let length = match algorithm {
        Some(algorithm) => bytes_of(algorithm, bits)?,
        None => usize::try_from(bits / 8).unwrap_or(0),
    };
    let value = unpadded(&joined);
    let Some(zeros) = length.checked_sub(value.len()) else {
        return Err(Fault::new(
            Reason::CryptographicFailure,
            "what was joined is longer than the Cryptographic Length: a part was changed or is another key's",
        ));
    };
    let mut secret = Bytes::new(vec![0; zeros]);
    secret.reserve_exact(value.len());
    secret.extend_from_slice(&value);
    Ok(secret)
}

fn skeleton(
    request: &JoinSplitKeyRequest,
    secret: &Bytes,
    attributes: &mut Attributes,
) -> Result<Object, Fault> {
    let mut key_block = KeyBlock {
        key_format_type: KeyFormatType::RAW,
        key_compression_type: None,
        key_value: None,
        cryptographic_algorithm: attributes
            .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
            .map(CryptographicAlgorithm),
        cryptographic_length: None,
        key_wrapping_data: None,
    };
    match request.object_type {
        ObjectType::SYMMETRIC_KEY => {
            key_block.cryptographic_length = Some(symmetric_length(secret, attributes)?);
            Ok(Object::SymmetricKey(SymmetricKey { key_block }))
        }
        ObjectType::PRIVATE_KEY => {
            private(secret, attributes, &mut key_block)?;
            Ok(Object::PrivateKey(PrivateKey { key_block }))
        }
        _ => Ok(Object::SecretData(SecretData {
            // The request MAY name it; Create makes passwords too where nothing is said.
            secret_data_type: request.secret_data_type.unwrap_or(SecretDataType::PASSWORD),
            key_block,
        })),
    }
}

/// Cryptographic Length of a joined symmetric key, in bits: as stated, if it is the key's.
fn symmetric_length(secret: &Bytes, attributes: &mut Attributes) -> Result<i32, Fault> {
    let algorithm = creation::required(
        attributes
            .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
            .map(CryptographicAlgorithm),
        tag::CRYPTOGRAPHIC_ALGORITHM,
    )?;
    let own = i32::try_from(8 * secret.len()).unwrap_or(i32::MAX);
    attributes.set_if_absent(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(own));
    let stated = attributes.integer(tag::CRYPTOGRAPHIC_LENGTH).unwrap_or(own);
    if bytes_of(algorithm, stated)? != secret.len() {
        return Err(Fault::new(
            Reason::InvalidAttributeValue,
            format!("Cryptographic Length is {stated} bits, and the joined key has {own}"),
        ));
    }
    Ok(stated)
}

/// Private keys are told by their DER, which is also how a wrong join shows.
fn private(
    secret: &Bytes,
    attributes: &mut Attributes,
    key_block: &mut KeyBlock,
) -> Result<(), Fault> {
    let formats = [Format::Pkcs8, Format::Pkcs1, Format::EcPrivateKey];
    let parsed = formats.into_iter().find_map(|format| {
        let key = Parsed::parse(format, secret, Hint::default()).ok()?;
        Some((format, key))
    });
    let Some((format, key)) = parsed else {
        return Err(Fault::new(
            Reason::CryptographicFailure,
            "what was joined is no private key in PKCS#8, PKCS#1 or SEC 1 form",
        ));
    };
    key_block.key_format_type = KeyFormatType(format.number());
    let algorithm = inspection::key_algorithm(key.algorithm());
    let stated = attributes
        .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
        .map(CryptographicAlgorithm);
    key_block.cryptographic_algorithm = stated.or(algorithm);
    if let Some(algorithm) = algorithm {
        let value = Value::Enumeration(algorithm.0);
        attributes.set_if_absent(tag::CRYPTOGRAPHIC_ALGORITHM, value);
    }
    if let Some(bits) = key.bits().and_then(|bits| i32::try_from(bits).ok()) {
        // Parts from elsewhere may give the length of what was split instead of the key's.
        attributes.set(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits));
        key_block.cryptographic_length = Some(bits);
    }
    Ok(())
}
