//! Validate (1.4 §4.24, 2.1 §6.1.57): whether certificates make a path to somebody who is believed.
//! What is believed, and where revocation is looked up, is this server's to say
//! (docs/decisions/certificates.md).

use std::path::PathBuf;

use openssl::x509::{X509, X509Crl};
use ttlv::{Node, Value};

use crate::certificate::path::{self, Path};
use crate::certificate::revocation;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::engine::founding::FoundingError;
use crate::object::delivery::{self, Wish};
use crate::object::index;
use crate::object::managed::Sealed;
use crate::object::revocation as revoked;
use crate::operation::Handler;
use crate::protocol::attributes::AttributeReference;
use crate::protocol::enumeration::{CertificateType, ObjectType, ValidityIndicator};
use crate::protocol::identifier::Identifier;
use crate::protocol::object::{Certificate, Object};
use crate::protocol::structure::DateTime;
use crate::protocol::tag;
use crate::store::filter::{Filter, Term};
use crate::structure;

structure! {
    pub struct ValidateRequest {
        certificate: Vec<Certificate> = CERTIFICATE;
        unique_identifier: Vec<Identifier> = UNIQUE_IDENTIFIER;
        validity_date: Option<DateTime> = VALIDITY_DATE;
    }
    pub struct ValidateResponse {
        validity_indicator: ValidityIndicator = VALIDITY_INDICATOR;
    }
}

/// Certificates of one request, those of the tenant that it leads to included.
const LONGEST: usize = 32;
/// Certificates of the tenant with one subject that are looked at.
const NAMESAKES: u32 = 8;

#[derive(Debug)]
pub struct Validate;

/// What is looked at, at one moment.
#[derive(Default)]
struct Chain {
    /// All certificates that a path may lead through.
    certificates: Vec<X509>,
    /// How many of them, from the first, the request names.
    named: usize,
    anchors: Vec<X509>,
    /// The tenant's own authority, one of the anchors.
    authority: Option<X509>,
    lists: Vec<X509Crl>,
    /// Seconds since 1970.
    at: i64,
}

impl Handler for Validate {
    type Request = ValidateRequest;
    type Response = ValidateResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Validate)?;
        let at = request.validity_date.map_or(context.now, |date| date.0);
        let answer = |validity_indicator| Ok(ValidateResponse { validity_indicator });
        let count = request.certificate.len() + request.unique_identifier.len();
        if !(1..=LONGEST).contains(&count) {
            return Err(Fault::new(
                Reason::InvalidMessage,
                format!("the request names {count} certificates; expected 1 to {LONGEST}"),
            ));
        }
        let mut chain = Chain {
            at,
            ..Chain::default()
        };
        let mut given = request.certificate.clone();
        for identifier in &request.unique_identifier {
            let object = context
                .object(Some(identifier), Permission::Validate, Destroyed::Refused)
                .await?;
            if revoked::since(&object.attributes).is_some_and(|since| since <= at) {
                return answer(ValidityIndicator::INVALID);
            }
            given.push(certificate(context, &object).await?);
        }
        for certificate in &given {
            // Nothing here can tell whether an OpenPGP certificate is one.
            if certificate.certificate_type != CertificateType::X_509 {
                return answer(ValidityIndicator::UNKNOWN);
            }
            match X509::from_der(&certificate.certificate_value) {
                Ok(parsed) => chain.certificates.push(parsed),
                Err(_) => return answer(ValidityIndicator::INVALID),
            }
        }
        chain.named = chain.certificates.len();
        chain.complete(context).await?;
        answer(chain.verdict(context).await?)
    }
}

async fn certificate(context: &mut Context, object: &Sealed) -> Result<Certificate, Fault> {
    let wish = Wish {
        format: None,
        wrap_type: None,
        compression: None,
        wrapping: None,
    };
    if object.object_type() != ObjectType::CERTIFICATE {
        return Err(Fault::new(
            Reason::InvalidObjectType,
            format!(
                "an object of the list is a {}; expected Certificates",
                object.object_type()
            ),
        ));
    }
    match delivery::open(context, object, &wish).await? {
        Object::Certificate(certificate) => Ok(certificate),
        other => Err(Fault::new(
            Reason::InvalidObjectType,
            format!("a {} is no Certificate", other.object_type()),
        )),
    }
}

impl Chain {
    /// Adds what the server knows by itself: whom it believes, what the tenant has registered, which
    /// lists there are.
    async fn complete(&mut self, context: &mut Context) -> Result<(), Fault> {
        let settings = context.engine.settings.certificates.clone();
        for bytes in files(settings.trusted).await? {
            let trusted = X509::stack_from_pem(&bytes)
                .map_err(|_| unreadable("certificates.trusted holds no certificates in PEM"))?;
            self.anchors.extend(trusted);
        }
        for bytes in files(settings.revocations).await? {
            let lists = revocation::read(&bytes)
                .ok_or_else(|| unreadable("certificates.crl holds no revocation list"))?;
            self.lists.extend(lists);
        }
        let tenant = context.tenant();
        if let Some(authority) = context.engine.known_issuing_authority(tenant).await? {
            self.authority = X509::from_der(&authority.certificate).ok();
            self.anchors.extend(self.authority.clone());
        }
        // Who signed what, step by step upwards, among the certificates of the tenant.
        let mut position = 0;
        while let Some(certificate) = self.certificates.get(position).cloned() {
            position += 1;
            for found in registered(context, &certificate, self.at).await? {
                if path::is_self_signed(&found) {
                    self.anchors.push(found);
                } else if self.certificates.len() < LONGEST
                    && !self
                        .certificates
                        .iter()
                        .any(|known| path::same(known, &found))
                {
                    self.certificates.push(found);
                }
            }
        }
        Ok(())
    }

    async fn verdict(&self, context: &Context) -> Result<ValidityIndicator, Fault> {
        let (named, _) = self
            .certificates
            .split_at_checked(self.named)
            .unwrap_or_default();
        // "All certificates in the certificate chain are REQUIRED to be valid", also those that a
        // path does not need.
        if !named.iter().all(|one| path::is_in_time(one, self.at)) {
            return Ok(ValidityIndicator::INVALID);
        }
        let mut verdict = ValidityIndicator::VALID;
        for end in path::ends(named) {
            let found = path::find(end, &self.certificates, &self.anchors, self.at)
                .map_err(|_| Fault::new(Reason::Internal, "the path could not be looked at"))?;
            match found {
                Path::Broken(why) => {
                    tracing::debug!(why, "a certificate path does not hold");
                    return Ok(ValidityIndicator::INVALID);
                }
                Path::Unanchored => verdict = ValidityIndicator::UNKNOWN,
                Path::Anchored(path) => match self.revocation(context, &path).await? {
                    ValidityIndicator::VALID => {}
                    ValidityIndicator::INVALID => return Ok(ValidityIndicator::INVALID),
                    other => verdict = other,
                },
            }
        }
        Ok(verdict)
    }

    async fn revocation(
        &self,
        context: &Context,
        path: &[X509],
    ) -> Result<ValidityIndicator, Fault> {
        for (certificate, issuer) in path.iter().zip(path.iter().skip(1)) {
            if revocation::is_revoked(certificate, issuer, &self.lists, self.at) {
                return Ok(ValidityIndicator::INVALID);
            }
            let ours = self.authority.as_ref();
            if !ours.is_some_and(|ours| path::same(ours, issuer)) {
                continue;
            }
            // We issued it, so there is a row; where there is none somebody took it away.
            match issued(context, certificate).await? {
                None => return Ok(ValidityIndicator::UNKNOWN),
                Some(object) => {
                    let since = revoked::since(&object.attributes);
                    if since.is_some_and(|since| since <= self.at) {
                        return Ok(ValidityIndicator::INVALID);
                    }
                }
            }
        }
        Ok(ValidityIndicator::VALID)
    }
}

fn unreadable(what: &'static str) -> Fault {
    tracing::error!(what, "configuration");
    Fault::new(
        Reason::Unavailable,
        "the server cannot look at what it is told to believe; tell the administrator",
    )
}

async fn files(paths: Vec<PathBuf>) -> Result<Vec<Vec<u8>>, Fault> {
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        let bytes = tokio::fs::read(&path).await.map_err(|error| {
            tracing::error!(%error, path = %path.display(), "certificates");
            unreadable("a file of the section certificates cannot be read")
        })?;
        all.push(bytes);
    }
    Ok(all)
}

/// Certificates of the tenant, visible to the caller and not revoked, whose subject signed this one.
async fn registered(
    context: &mut Context,
    certificate: &X509,
    at: i64,
) -> Result<Vec<X509>, Fault> {
    let Ok(issuer) = certificate.issuer_name().to_der() else {
        return Ok(Vec::new());
    };
    let subject = AttributeReference::Standard(tag::X_509_CERTIFICATE_SUBJECT);
    let (attribute, name) = index::key(&subject);
    let fields = vec![Node::bytes(tag::SUBJECT_DISTINGUISHED_NAME, issuer)];
    let filter = Filter {
        tenant: context.tenant(),
        owner: (!context.caller.tenant.settings.share)
            .then(|| context.caller.identity.name.clone()),
        terms: vec![
            Term::ObjectType(ObjectType::CERTIFICATE.0),
            Term::Matches {
                attribute,
                name,
                fields: index::fields(&Value::Structure(fields)),
            },
        ],
        online: true,
        archived: false,
        destroyed: false,
        offset: 0,
        maximum: Some(NAMESAKES),
        count: false,
    };
    let mut found = Vec::new();
    for identifier in context.locate(&filter).await?.unique_identifiers {
        let object = context
            .object_named(&identifier, Permission::Validate, Destroyed::Refused)
            .await;
        let Ok(object) = object else { continue };
        if revoked::since(&object.attributes).is_some_and(|since| since <= at) {
            continue;
        }
        let value = self::certificate(context, &object).await?.certificate_value;
        found.extend(X509::from_der(&value).ok());
    }
    Ok(found)
}

/// The object of a certificate that this server issued, whoever it belongs to.
async fn issued(context: &Context, certificate: &X509) -> Result<Option<Sealed>, Fault> {
    let serial = certificate
        .serial_number()
        .to_bn()
        .map(|serial| serial.to_vec());
    let row = match serial {
        Ok(serial) => context
            .engine
            .issued_certificate(context.tenant(), &serial)
            .await
            .map_err(FoundingError::from)?,
        Err(_) => None,
    };
    match row {
        Some(identifier) => context.peek(&identifier).await,
        None => Ok(None),
    }
}
