//! Certificate requests as Certify and Re-certify take them, and the public keys they are for.

use openssl::pkey::PKey;
use ttlv::Value;

use crate::certificate::{CertificateError, Request};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::creation::Origin;
use crate::object::delivery::{self, Wish};
use crate::object::format::{Format, Hint, PublicKey as Key};
use crate::object::managed::Sealed;
use crate::object::{admission, creation, inspection};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CertificateRequestType, KeyFormatType, State};
use crate::protocol::key_block::{KeyBlock, KeyMaterial, KeyValue};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::{Object, PublicKey};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;

type Read = fn(&[u8]) -> Result<Request, CertificateError>;

/// Certificate Request Types (1.4 §9.1.3.2.22, 2.1 §11.8) that are read; PGP's is not.
static TYPES: &[(CertificateRequestType, Read)] = &[
    (CertificateRequestType::CRMF, Request::from_crmf),
    (CertificateRequestType::PKCS_10, Request::from_pkcs10),
    (CertificateRequestType::PEM, Request::from_pem),
];

const OPEN: Wish<'_> = Wish {
    format: None,
    wrap_type: None,
    compression: None,
    wrapping: None,
};

/// The request in a message; None where there is none.
pub fn read(
    request_type: Option<CertificateRequestType>,
    value: Option<&Bytes>,
) -> Result<Option<Request>, Fault> {
    match (request_type, value) {
        (None, None) => Ok(None),
        (Some(request_type), Some(value)) => parse(request_type, value).map(Some),
        (Some(_), None) => Err(Fault::new(
            Reason::InvalidMessage,
            "Certificate Request Type stands without a Certificate Request",
        )),
        (None, Some(_)) => Err(Fault::new(
            Reason::InvalidMessage,
            "Certificate Request stands without its Certificate Request Type",
        )),
    }
}

fn parse(request_type: CertificateRequestType, value: &[u8]) -> Result<Request, Fault> {
    match TYPES.iter().find(|(known, _)| *known == request_type) {
        Some((_, read)) => Ok(read(value)?),
        None => Err(Fault::new(
            Reason::FeatureNotSupported,
            format!(
                "certificate requests of type {request_type} are not supported; send PKCS#10, PEM or CRMF"
            ),
        )),
    }
}

/// The request in a managed Certificate Request (2.1 §2.2).
pub async fn managed(context: &mut Context, object: &Sealed) -> Result<Request, Fault> {
    match delivery::open(context, object, &OPEN).await? {
        Object::CertificateRequest(request) => parse(
            request.certificate_request_type,
            &request.certificate_request_value,
        ),
        other => Err(not_certifiable(format!(
            "the object is a {}; expected a Certificate Request",
            other.object_type()
        ))),
    }
}

pub fn not_certifiable(what: String) -> Fault {
    Fault::new(Reason::NotCertifiable, what)
}

/// The SubjectPublicKeyInfo (DER) of a managed public key that may be certified.
pub async fn public_key_info(context: &mut Context, key: &Sealed) -> Result<Vec<u8>, Fault> {
    let state = key.state(context.now);
    if !matches!(state, State::PRE_ACTIVE | State::ACTIVE) {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            format!("the public key is {state}; no certificate is issued for it any more"),
        ));
    }
    let wish = Wish {
        format: Some(KeyFormatType::X_509),
        ..OPEN
    };
    let whole = delivery::open(context, key, &wish).await?;
    let value = whole.key_block().and_then(|block| block.key_value.as_ref());
    match value {
        Some(KeyValue::Plain {
            material: KeyMaterial::Bytes(bytes),
            ..
        }) => sound(bytes),
        _ => Err(not_certifiable(
            "the public key is wrapped; register it as it is to have it certified".to_owned(),
        )),
    }
}

/// Registered material is kept as it came: whether it is a key shows here.
fn sound(public_key_info: &[u8]) -> Result<Vec<u8>, Fault> {
    let canonical = PKey::public_key_from_der(public_key_info)
        .is_ok()
        .then(|| public_key_info.to_vec());
    drop(openssl::error::ErrorStack::get());
    canonical.ok_or_else(|| {
        not_certifiable("the object's material is no public key that can be certified".to_owned())
    })
}

/// Whether two SubjectPublicKeyInfos are the same key.
pub fn is_same_key(one: &[u8], other: &[u8]) -> bool {
    let same = PKey::public_key_from_der(one)
        .and_then(|one| Ok(one.public_eq(PKey::public_key_from_der(other)?.as_ref())));
    drop(openssl::error::ErrorStack::get());
    same.unwrap_or(false)
}

/// Registers the key of a request that names no managed one: the certificate's Public Key Link and
/// the key's Certificate Link need it (1.4 §4.7). Answers its identifier.
pub async fn register(
    context: &mut Context,
    public_key_info: &[u8],
    usage: CryptographicUsageMask,
) -> Result<String, Fault> {
    let parsed = Key::parse(Format::X509, public_key_info, Hint::default()).ok();
    let algorithm = parsed
        .as_ref()
        .and_then(|key| inspection::key_algorithm(key.algorithm()));
    let bits = parsed.as_ref().and_then(Key::bits);
    let block = KeyBlock {
        key_format_type: KeyFormatType::X_509,
        key_compression_type: None,
        key_value: Some(KeyValue::bytes(Bytes::new(public_key_info.to_vec()))),
        cryptographic_algorithm: algorithm,
        cryptographic_length: bits.and_then(|bits| i32::try_from(bits).ok()),
        key_wrapping_data: None,
    };
    let mut attributes = Attributes::default();
    attributes.set(
        tag::CRYPTOGRAPHIC_USAGE_MASK,
        Value::Integer(usage.to_integer()),
    );
    let unique_identifier = creation::new_identifier();
    let object = Object::PublicKey(PublicKey { key_block: block });
    admission::admit(
        context,
        &unique_identifier,
        object,
        attributes,
        Origin::Registered,
        None,
    )
    .await?;
    Ok(unique_identifier)
}
