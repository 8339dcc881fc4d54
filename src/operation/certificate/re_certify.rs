//! Re-certify (1.4 §4.8, 2.1 §6.1.45): a new certificate for the key of one that is there.

use der::{Decode, Encode};
use ttlv::{Tag, Value};

use super::request;
use crate::certificate::Request;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::delivery::{self, Wish};
use crate::object::issuance::{self, Dates, Issuance, Otherwise};
use crate::object::managed::Sealed;
use crate::object::{creation, renewal};
use crate::operation::Handler;
use crate::operation::object::create::storable;
use crate::operation::renew::re_key;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
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
        renewal::renewable(&existing, ObjectType::CERTIFICATE)?;
        let certificate = believed(context, &existing).await?;
        let tbs = certificate.tbs_certificate();
        let public_key_info = tbs.subject_public_key_info().to_der().map_err(unreadable)?;
        let asked = asked(context, request, &public_key_info).await?;
        let unstated = issuance::unstated(&attributes);
        let copied = re_key::attributes(context, &existing, &unstated, request.offset)?;
        let public_key = public_key(context, &existing, &public_key_info).await?;
        let unique_identifier = creation::new_identifier();
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
            dates: Dates {
                activation: copied.date(tag::ACTIVATION_DATE),
                deactivation: copied.date(tag::DEACTIVATION_DATE),
            },
        };
        // What the existing certificate states is not what this one does.
        let kept = issuance::unstated(&copied);
        let draft = issuance::issue(context, &unique_identifier, &issuance, kept).await?;
        renewal::replace(context, &existing, draft).await?;
        relink(context, &public_key, &existing, &unique_identifier).await?;
        context.produce(UniqueIdentifier::RE_CERTIFY, &unique_identifier);
        Ok(ReCertifyResponse { unique_identifier })
    }
}

fn unreadable(_: der::Error) -> Fault {
    request::not_certifiable("the certificate is no X.509 certificate in DER".to_owned())
}

/// The existing certificate, if it was not revoked.
async fn believed(
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

/// The managed public key that the certificate is for; registered where there is none any more.
async fn public_key(
    context: &mut Context,
    existing: &Sealed,
    public_key_info: &[u8],
) -> Result<String, Fault> {
    if let Some(linked) = renewal::linked(&existing.attributes, LinkType::PUBLIC_KEY_LINK)
        && let Ok(key) = context
            .object_named(&linked, Permission::Certify, Destroyed::Refused)
            .await
        && key.object_type() == ObjectType::PUBLIC_KEY
    {
        let info = request::public_key_info(context, &key).await?;
        // A link is the client's to write.
        if request::is_same_key(&info, public_key_info) {
            return Ok(key.unique_identifier.clone());
        }
    }
    request::register(context, public_key_info, CryptographicUsageMask::VERIFY).await
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
    draft.attributes.0.retain(|attribute| {
        !attribute.is(tag::LINK) || !is_link(&attribute.value, &existing.unique_identifier)
    });
    creation::link(
        &mut draft.attributes,
        LinkType::CERTIFICATE_LINK.0,
        successor,
    );
    context.update(draft).await
}

fn is_link(value: &Value<'_>, to: &str) -> bool {
    let Value::Structure(fields) = value else {
        return false;
    };
    let has = |tag: Tag, value: Value<'_>| {
        fields
            .iter()
            .any(|field| field.tag == tag && field.value == value)
    };
    has(
        tag::LINK_TYPE,
        Value::Enumeration(LinkType::CERTIFICATE_LINK.0),
    ) && has(
        tag::LINKED_OBJECT_IDENTIFIER,
        Value::TextString(to.to_owned().into()),
    )
}
