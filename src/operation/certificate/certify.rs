//! Certify (1.4 §4.7, 2.1 §6.1.6): a certificate for a public key, of the tenant's issuing authority.

use ttlv::Value;

use super::request;
use crate::certificate::{Request, subject};
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::creation;
use crate::object::format::NameAttribute;
use crate::object::issuance::{self, Dates, Issuance, Otherwise};
use crate::object::managed::Sealed;
use crate::operation::Handler;
use crate::operation::object::create::storable;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CertificateRequestType, LinkType, ObjectType, UniqueIdentifier,
};
use crate::protocol::identifier::Identifier;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct CertifyRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        certificate_request_type: Option<CertificateRequestType> = CERTIFICATE_REQUEST_TYPE;
        certificate_request_value: Option<Bytes> = CERTIFICATE_REQUEST_VALUE;
        attributes: Option<Attributes> = ATTRIBUTES;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct CertifyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Certify;

impl Handler for Certify {
    type Request = CertifyRequest;
    type Response = CertifyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Certify)?;
        storable(context, request.protection_storage_masks.as_ref())?;
        let attributes = request.attributes.clone().unwrap_or_default();
        issuance::x509_only(&attributes)?;
        let kept = creation::admit(
            context.version,
            ObjectType::CERTIFICATE,
            &issuance::unstated(&attributes),
        )?;
        let sent = request::read(
            request.certificate_request_type,
            request.certificate_request_value.as_ref(),
        )?;
        let (key, asked) = named(context, request.unique_identifier.as_ref(), sent).await?;
        let (public_key, public_key_info) = key_of(context, key.as_ref(), asked.as_ref()).await?;
        let unique_identifier = creation::new_identifier();
        let issuance = Issuance {
            public_key_info: &public_key_info,
            public_key: &public_key,
            request: asked.as_ref(),
            attributes: &attributes,
            otherwise: Otherwise {
                subject: common_name(&attributes, key.as_ref())?,
                extensions: Vec::new(),
            },
            usage: usage(key.as_ref()),
            dates: Dates {
                activation: attributes.date(tag::ACTIVATION_DATE),
                deactivation: attributes.date(tag::DEACTIVATION_DATE),
            },
        };
        let draft = issuance::issue(context, &unique_identifier, &issuance, kept).await?;
        context.insert(draft).await?;
        link(context, &public_key, &unique_identifier).await?;
        context.produce(UniqueIdentifier::CERTIFY, &unique_identifier);
        Ok(CertifyResponse { unique_identifier })
    }
}

/// The public key and the request that a message names. Without an identifier a request stands for
/// itself, unless the ID Placeholder is its very key (1.4 takes the placeholder then, 2.1 does not).
async fn named(
    context: &mut Context,
    identifier: Option<&Identifier>,
    sent: Option<Request>,
) -> Result<(Option<Sealed>, Option<Request>), Fault> {
    if identifier.is_none()
        && let Some(asked) = sent
    {
        let key = match context.identifier(None) {
            Ok(_) => placeholder(context, &asked).await?,
            Err(_) => None,
        };
        return Ok((key, Some(asked)));
    }
    let object = context
        .object(identifier, Permission::Certify, Destroyed::Refused)
        .await
        .map_err(item_not_found)?;
    match object.object_type() {
        ObjectType::PUBLIC_KEY => Ok((Some(object), sent)),
        ObjectType::CERTIFICATE_REQUEST if sent.is_none() => {
            let asked = request::managed(context, &object).await?;
            Ok((None, Some(asked)))
        }
        other => Err(request::not_certifiable(format!(
            "the object is a {other}; expected a Public Key or a Certificate Request"
        ))),
    }
}

fn item_not_found(fault: Fault) -> Fault {
    match fault.reason {
        Reason::ObjectNotFound => Fault {
            reason: Reason::ItemNotFound,
            ..fault
        },
        _ => fault,
    }
}

async fn placeholder(context: &mut Context, asked: &Request) -> Result<Option<Sealed>, Fault> {
    let object = context
        .object(None, Permission::Certify, Destroyed::Refused)
        .await;
    let Ok(object) = object else {
        return Ok(None);
    };
    if object.object_type() != ObjectType::PUBLIC_KEY {
        return Ok(None);
    }
    let own = request::public_key_info(context, &object).await?;
    Ok(request::is_same_key(&own, &asked.public_key_info).then_some(object))
}

/// Identifier and SubjectPublicKeyInfo of the key to be certified.
async fn key_of(
    context: &mut Context,
    key: Option<&Sealed>,
    asked: Option<&Request>,
) -> Result<(String, Vec<u8>), Fault> {
    match (key, asked) {
        (Some(key), asked) => {
            let info = request::public_key_info(context, key).await?;
            if asked.is_some_and(|asked| !request::is_same_key(&info, &asked.public_key_info)) {
                return Err(Fault::new(
                    Reason::InvalidCsr,
                    "the certificate request is for another key than the Unique Identifier names",
                ));
            }
            Ok((key.unique_identifier.clone(), info))
        }
        (None, Some(asked)) => {
            let info = asked.public_key_info.clone();
            let registered =
                request::register(context, &info, CryptographicUsageMask::VERIFY).await?;
            Ok((registered, info))
        }
        (None, None) => Err(Fault::new(
            Reason::InvalidMessage,
            "the request names neither a public key nor a certificate request",
        )),
    }
}

/// The subject of last resort: the Name of the new certificate, or of the key.
fn common_name(
    attributes: &Attributes,
    key: Option<&Sealed>,
) -> Result<Option<x509_cert::name::Name>, Fault> {
    let of = |attributes: &Attributes| match attributes.get(tag::NAME) {
        Some(Value::Structure(fields)) => fields
            .iter()
            .find(|field| field.tag == tag::NAME_VALUE)
            .and_then(|field| match &field.value {
                Value::TextString(text) => Some(text.to_string()),
                _ => None,
            }),
        _ => None,
    };
    let name = of(attributes).or_else(|| key.and_then(|key| of(&key.attributes)));
    Ok(name
        .map(|name| subject::name(&[(NameAttribute::CommonName, &name)]))
        .transpose()?)
}

/// Without a wish the certificate says of the key what the key's mask says.
fn usage(key: Option<&Sealed>) -> CryptographicUsageMask {
    key.and_then(|key| key.attributes.integer(tag::CRYPTOGRAPHIC_USAGE_MASK))
        .map(CryptographicUsageMask::from_integer)
        .unwrap_or_default()
}

/// "For the public key, the server SHALL create a Link attribute of Link Type Certificate" (1.4 §4.7).
async fn link(context: &mut Context, public_key: &str, certificate: &str) -> Result<(), Fault> {
    let key = context
        .object_named(public_key, Permission::Certify, Destroyed::Refused)
        .await?;
    let mut draft = key.edit();
    creation::link(
        &mut draft.attributes,
        LinkType::CERTIFICATE_LINK.0,
        certificate,
    );
    context.update(draft).await
}
