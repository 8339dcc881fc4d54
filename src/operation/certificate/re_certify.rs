//! Re-certify (1.4 §4.8, 2.1 §6.1.45): a new certificate for the key of one that is there.

use der::{Decode, Encode};
use ttlv::{Node, Tag, Value};

use super::request;
use crate::certificate::Request;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::creation;
use crate::object::delivery::{self, Wish};
use crate::object::issuance::{self, Dates, Issuance, Otherwise};
use crate::object::managed::Sealed;
use crate::operation::Handler;
use crate::operation::object::create::storable;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::{Attribute, Attributes};
use crate::protocol::enumeration::{
    CertificateRequestType, CertificateType, LinkType, ObjectType, State, UniqueIdentifier,
};
use crate::protocol::identifier::Identifier;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::Object;
use crate::protocol::structure::{Bytes, Interval};
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct ReCertifyRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        certificate_request_unique_identifier: Option<Identifier> = CERTIFICATE_REQUEST_UNIQUE_IDENTIFIER, since V2_0;
        certificate_request_type: Option<CertificateRequestType> = CERTIFICATE_REQUEST_TYPE;
        certificate_request_value: Option<Bytes> = CERTIFICATE_REQUEST_VALUE;
        offset: Option<Interval> = OFFSET;
        attributes: Option<Attributes> = ATTRIBUTES;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct ReCertifyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

/// What the new certificate does not take over (1.4 Table 187), and what the server sets anew.
static NOT_COPIED: &[Tag] = &[
    tag::UNIQUE_IDENTIFIER,
    tag::SHORT_UNIQUE_IDENTIFIER,
    tag::OBJECT_TYPE,
    tag::STATE,
    tag::DIGEST,
    tag::INITIAL_DATE,
    tag::LAST_CHANGE_DATE,
    tag::ORIGINAL_CREATION_DATE,
    tag::ACTIVATION_DATE,
    tag::DEACTIVATION_DATE,
    tag::DESTROY_DATE,
    tag::ARCHIVE_DATE,
    tag::COMPROMISE_DATE,
    tag::COMPROMISE_OCCURRENCE_DATE,
    tag::REVOCATION_REASON,
    tag::LINK,
    tag::FRESH,
    tag::LEASE_TIME,
    tag::ALWAYS_SENSITIVE,
    tag::NEVER_EXTRACTABLE,
    tag::KEY_VALUE_PRESENT,
    tag::PROTECTION_STORAGE_MASK,
    tag::RANDOM_NUMBER_GENERATOR,
];

#[derive(Debug)]
pub struct ReCertify;

impl Handler for ReCertify {
    type Request = ReCertifyRequest;
    type Response = ReCertifyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        storable(context, request.protection_storage_masks.as_ref())?;
        let attributes = request.attributes.clone().unwrap_or_default();
        issuance::x509_only(&attributes)?;
        let existing = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::ReCertify,
                Destroyed::Refused,
            )
            .await?;
        let dates = dates(context, request.offset, &attributes, &existing)?;
        let certificate = renewable(context, &existing).await?;
        let tbs = certificate.tbs_certificate();
        let public_key_info = tbs.subject_public_key_info().to_der().map_err(unreadable)?;
        let asked = asked(context, request, &public_key_info).await?;
        let mut kept = copied(context, &existing, &attributes)?;
        creation::link(
            &mut kept,
            LinkType::REPLACED_OBJECT_LINK.0,
            &existing.unique_identifier,
        );
        let public_key = public_key(context, &existing, &public_key_info).await?;

        let unique_identifier = creation::new_identifier();
        replace(context, &existing, &unique_identifier).await?;
        let issuance = Issuance {
            public_key_info: &public_key_info,
            public_key: &public_key,
            request: asked.as_ref(),
            attributes: &attributes,
            otherwise: Otherwise {
                subject: Some(tbs.subject().clone()),
                extensions: tbs.extensions().cloned().unwrap_or_default(),
            },
            usage: existing
                .attributes
                .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
                .map(CryptographicUsageMask::from_integer)
                .unwrap_or_default(),
            dates,
        };
        issuance::issue(context, &unique_identifier, &issuance, kept).await?;
        relink(context, &public_key, &existing, &unique_identifier).await?;
        context.produce(UniqueIdentifier::RE_CERTIFY, &unique_identifier);
        Ok(ReCertifyResponse { unique_identifier })
    }
}

fn unreadable(_: der::Error) -> Fault {
    request::not_certifiable("the certificate is no X.509 certificate in DER".to_owned())
}

/// The existing certificate, if it may have a successor.
async fn renewable(
    context: &mut Context,
    existing: &Sealed,
) -> Result<x509_cert::Certificate, Fault> {
    let revoked = existing.attributes.has(tag::REVOCATION_REASON)
        || existing.state(context.now) == State::COMPROMISED;
    if revoked {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            "the certificate is revoked; certify the key anew if it is still to be believed",
        ));
    }
    let wish = Wish {
        format: None,
        wrap_type: None,
        compression: None,
        wrapping: None,
    };
    match delivery::open(context, existing, &wish).await? {
        Object::Certificate(certificate)
            if certificate.certificate_type == CertificateType::X_509 =>
        {
            x509_cert::Certificate::from_der(&certificate.certificate_value).map_err(unreadable)
        }
        Object::Certificate(certificate) => Err(Fault::new(
            Reason::FeatureNotSupported,
            format!(
                "certificates of type {} are not issued; only X.509",
                certificate.certificate_type
            ),
        )),
        other => Err(request::not_certifiable(format!(
            "the object is a {}; expected a Certificate",
            other.object_type()
        ))),
    }
}

/// 1.4 Table 186; 1.4 §11.9 has Offset and dates exclude each other.
fn dates(
    context: &Context,
    offset: Option<Interval>,
    wanted: &Attributes,
    existing: &Sealed,
) -> Result<Dates, Fault> {
    let dates = [tag::ACTIVATION_DATE, tag::DEACTIVATION_DATE];
    let [began, ended] = dates.map(|tag| existing.attributes.date(tag));
    let [begins, ends] = dates.map(|tag| wanted.date(tag));
    let Some(Interval(offset)) = offset else {
        return Ok(Dates {
            activation: begins.or(began),
            deactivation: ends.or(ended),
        });
    };
    if begins.is_some() || ends.is_some() {
        return Err(Fault::new(
            Reason::InvalidMessage,
            "Offset stands beside Activation Date or Deactivation Date; give one or the other",
        ));
    }
    let activation = context.now + i64::from(offset);
    let deactivation = began.zip(ended);
    Ok(Dates {
        activation: Some(activation),
        deactivation: deactivation
            .map(|(began, ended)| ended.saturating_add(activation.saturating_sub(began))),
    })
}

/// The certificate request of the message, for the same key.
async fn asked(
    context: &mut Context,
    request: &ReCertifyRequest,
    public_key_info: &[u8],
) -> Result<Option<Request>, Fault> {
    let sent = request::read(
        request.certificate_request_type,
        request.certificate_request_value.as_ref(),
    )?;
    let asked = match (&request.certificate_request_unique_identifier, sent) {
        (None, sent) => sent,
        (Some(identifier), None) => {
            let object = context
                .object(Some(identifier), Permission::ReCertify, Destroyed::Refused)
                .await?;
            Some(request::managed(context, &object).await?)
        }
        (Some(_), Some(_)) => {
            return Err(Fault::new(
                Reason::InvalidMessage,
                "the request holds a certificate request and names another; give one",
            ));
        }
    };
    let other = asked
        .as_ref()
        .is_some_and(|asked| !request::is_same_key(&asked.public_key_info, public_key_info));
    match other {
        true => Err(Fault::new(
            Reason::InvalidCsr,
            "the certificate request is for another key than the certificate's; Certify makes a certificate for it",
        )),
        false => Ok(asked),
    }
}

/// The attributes of the existing certificate, with those of the request in their place.
fn copied(context: &Context, existing: &Sealed, wanted: &Attributes) -> Result<Attributes, Fault> {
    let wanted = creation::admit(
        context.version,
        ObjectType::CERTIFICATE,
        &issuance::unstated(wanted),
    )?;
    let mut copied = issuance::unstated(&existing.attributes);
    copied
        .0
        .retain(|attribute| NOT_COPIED.iter().all(|tag| !attribute.is(*tag)));
    for attribute in wanted.0 {
        let many = attribute
            .reference
            .row()
            .is_none_or(|row| row.permits_many(ObjectType::CERTIFICATE));
        if !many {
            copied
                .0
                .retain(|other| other.reference != attribute.reference);
        }
        let present = copied
            .all(&attribute.reference)
            .any(|other| other.value == attribute.value);
        if !present {
            copied.add(Attribute {
                index: None,
                ..attribute
            });
        }
    }
    Ok(copied)
}

/// The managed public key that the certificate is for; registered where there is none any more.
async fn public_key(
    context: &mut Context,
    existing: &Sealed,
    public_key_info: &[u8],
) -> Result<String, Fault> {
    for linked in links(&existing.attributes, LinkType::PUBLIC_KEY_LINK) {
        let key = context
            .object_named(&linked, Permission::Certify, Destroyed::Refused)
            .await;
        let Ok(key) = key else { continue };
        if key.object_type() != ObjectType::PUBLIC_KEY {
            continue;
        }
        let info = request::public_key_info(context, &key).await?;
        // A link is the client's to write.
        if request::is_same_key(&info, public_key_info) {
            return Ok(key.unique_identifier.clone());
        }
    }
    request::register(context, public_key_info, CryptographicUsageMask::VERIFY).await
}

fn links(attributes: &Attributes, wanted: LinkType) -> Vec<String> {
    let values = attributes.values(tag::LINK);
    values
        .filter_map(|value| match value {
            Value::Structure(fields) if is_link(fields, wanted) => fields
                .iter()
                .find(|field| field.tag == tag::LINKED_OBJECT_IDENTIFIER),
            _ => None,
        })
        .filter_map(|field| match &field.value {
            Value::TextString(text) => Some(text.to_string()),
            _ => None,
        })
        .collect()
}

fn is_link(fields: &[Node<'_>], wanted: LinkType) -> bool {
    fields
        .iter()
        .any(|field| field.tag == tag::LINK_TYPE && field.value == Value::Enumeration(wanted.0))
}

fn unlink(attributes: &mut Attributes, which: LinkType, to: Option<&str>) {
    attributes.0.retain(|attribute| match &attribute.value {
        Value::Structure(fields) if attribute.is(tag::LINK) && is_link(fields, which) => to
            .is_some_and(|to| {
                fields.iter().all(|field| {
                    field.tag != tag::LINKED_OBJECT_IDENTIFIER
                        || field.value != Value::TextString(to.into())
                })
            }),
        _ => true,
    });
}

/// The existing certificate gives up its Names and points to its successor; there is one at the most
/// (2.1 §11.28).
async fn replace(context: &mut Context, existing: &Sealed, successor: &str) -> Result<(), Fault> {
    let mut draft = existing.edit();
    draft.attributes.remove(tag::NAME);
    unlink(
        &mut draft.attributes,
        LinkType::REPLACEMENT_OBJECT_LINK,
        None,
    );
    creation::link(
        &mut draft.attributes,
        LinkType::REPLACEMENT_OBJECT_LINK.0,
        successor,
    );
    context.update(draft).await
}

/// "For the public key, the server SHALL change the Link attribute of Link Type Certificate to point
/// to the new certificate" (1.4 §4.8).
async fn relink(
    context: &mut Context,
    public_key: &str,
    existing: &Sealed,
    successor: &str,
) -> Result<(), Fault> {
    let key = context
        .object_named(public_key, Permission::Certify, Destroyed::Refused)
        .await?;
    let mut draft = key.edit();
    let old = &existing.unique_identifier;
    unlink(&mut draft.attributes, LinkType::CERTIFICATE_LINK, Some(old));
    creation::link(
        &mut draft.attributes,
        LinkType::CERTIFICATE_LINK.0,
        successor,
    );
    context.update(draft).await
}
