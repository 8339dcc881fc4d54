//! A certificate of our own authority becomes a managed object: what Certify and Re-certify share
//! (1.4 §4.7, §4.8; 2.1 §6.1.6, §6.1.45).

use ttlv::{Node, Tag, Value};
use x509_cert::ext::Extension;
use x509_cert::name::Name;

use super::creation::{self, Birth, Origin};
use super::format::{Certificate as Parsed, NameAttribute};
use super::managed::{Draft, Form};
use super::{inspection, material};
use crate::audit::administration::{self, Deed};
use crate::certificate::extension::{self, Asked};
use crate::certificate::issue::{Plan, SERIAL};
use crate::certificate::request::check_key;
use crate::certificate::subject::{self, Subject};
use crate::certificate::{CertificateError, Request};
use crate::engine::access;
use crate::engine::authority::{self, Authority, BACKDATE};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::protocol::attribute;
use crate::protocol::attributes::{AttributeReference, Attributes};
use crate::protocol::enumeration::{CertificateType, LinkType, ObjectType};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::{Certificate, Object};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::store::StoreError;
use crate::store::record::Class;

/// Attributes that a certificate states itself: those of a request say what it is to state.
static STATED: &[Tag] = &[
    tag::CERTIFICATE_TYPE,
    tag::CERTIFICATE_LENGTH,
    tag::X_509_CERTIFICATE_IDENTIFIER,
    tag::X_509_CERTIFICATE_ISSUER,
    tag::X_509_CERTIFICATE_SUBJECT,
    tag::CERTIFICATE_IDENTIFIER,
    tag::CERTIFICATE_ISSUER,
    tag::CERTIFICATE_SUBJECT,
    tag::DIGITAL_SIGNATURE_ALGORITHM,
    tag::CRYPTOGRAPHIC_ALGORITHM,
    tag::CRYPTOGRAPHIC_LENGTH,
    tag::KEY_FORMAT_TYPE,
];
/// Names of attributes of single parts of a name begin so.
const SUBJECT: &str = "Certificate Subject ";
const ISSUER: &str = "Certificate Issuer ";

/// What the new certificate is made of.
#[derive(Debug)]
pub struct Issuance<'a> {
    /// SubjectPublicKeyInfo, DER.
    pub public_key_info: &'a [u8],
    /// Identifier of the public key's object.
    pub public_key: &'a str,
    /// Takes precedence over the attributes.
    pub request: Option<&'a Request>,
    /// As the client sent them.
    pub attributes: &'a Attributes,
    /// Where neither request nor attributes say: the certificate that is renewed, or the key's Name.
    pub otherwise: Otherwise,
    /// The usage where nobody names one.
    pub usage: CryptographicUsageMask,
    pub dates: Dates,
}

#[derive(Clone, Debug, Default)]
pub struct Otherwise {
    pub subject: Option<Name>,
    pub extensions: Vec<Extension>,
}

/// Seconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dates {
    pub activation: Option<i64>,
    pub deactivation: Option<i64>,
}

impl From<CertificateError> for Fault {
    fn from(error: CertificateError) -> Self {
        let reason = match &error {
            CertificateError::Request(_) => Reason::InvalidCsr,
            CertificateError::Refused(_) => Reason::PermissionDenied,
            CertificateError::Attribute(_) => Reason::InvalidAttributeValue,
            CertificateError::Write(cause) => {
                tracing::error!(cause, "certificate");
                return Fault::new(Reason::Internal, "the certificate could not be written");
            }
        };
        Fault::new(reason, error.to_string())
    }
}

/// Only X.509 certificates are issued.
pub fn x509_only(attributes: &Attributes) -> Result<(), Fault> {
    match attributes
        .enumeration(tag::CERTIFICATE_TYPE)
        .map(CertificateType)
    {
        None | Some(CertificateType::X_509) => Ok(()),
        Some(other) => Err(Fault::new(
            Reason::FeatureNotSupported,
            format!("certificates of type {other} are not issued; ask for X.509"),
        )),
    }
}

fn is_stated(tag: Tag) -> bool {
    STATED.contains(&tag)
        || attribute::by_tag(tag)
            .is_some_and(|row| row.name.starts_with(SUBJECT) || row.name.starts_with(ISSUER))
}

/// The attributes that the certificate does not state itself.
pub fn unstated(attributes: &Attributes) -> Attributes {
    let mut rest = attributes.clone();
    rest.0.retain(|attribute| match attribute.reference {
        AttributeReference::Standard(tag) => !is_stated(tag),
        AttributeReference::Vendor(_) => true,
    });
    rest
}

/// Issues the certificate; answers its object, named `unique_identifier`, to be written with the row
/// that remembers it. `kept` are the object's further attributes, admitted before.
pub async fn issue(
    context: &mut Context,
    unique_identifier: &str,
    issuance: &Issuance<'_>,
    mut kept: Attributes,
) -> Result<Draft, Fault> {
    check_key(issuance.public_key_info)?;
    let authority = visible(context).await?;
    check_issuer(issuance.attributes, &authority)?;
    let (subject, asked) = asked(issuance)?;
    let dates = dates(context, issuance, authority.not_after()?)?;
    let mask = match asked.key_usage {
        Some(usage) => extension::usage_mask(usage),
        None => CryptographicUsageMask::default(),
    };
    let mut extensions = asked.write(&subject)?;
    if let Some(url) = &context.engine.settings.certificates.list_url {
        let url = url.replace("{tenant}", &context.caller.tenant.settings.name);
        extensions.push(extension::list_at(&url)?);
    }
    let serial = context.engine.hsm.random(SERIAL).await?.to_vec();
    let hsm = &context.engine.hsm;
    let row = authority::issued(hsm, context.tenant(), &serial, unique_identifier).await?;
    context.put(row);
    let plan = Plan {
        serial,
        not_before: dates.not_before,
        not_after: dates.deactivation,
        extensions,
        subject,
        public_key_info: issuance.public_key_info.to_vec(),
    };
    let der = authority.issue(&context.engine.hsm, plan).await?;
    kept.set(tag::ACTIVATION_DATE, Value::DateTime(dates.activation));
    kept.set(tag::DEACTIVATION_DATE, Value::DateTime(dates.deactivation));
    kept.set(
        tag::CRYPTOGRAPHIC_USAGE_MASK,
        Value::Integer(mask.to_integer()),
    );
    creation::link(&mut kept, LinkType::PUBLIC_KEY_LINK.0, issuance.public_key);
    // 2.1 §11.28: the parent in the chain.
    creation::link(&mut kept, LinkType::CERTIFICATE_LINK.0, &authority.object);
    draft(context, unique_identifier, &der, kept).await
}

/// The object of a certificate, with what that says.
async fn draft(
    context: &Context,
    unique_identifier: &str,
    der: &[u8],
    mut attributes: Attributes,
) -> Result<Draft, Fault> {
    let (object_type, class) = (ObjectType::CERTIFICATE, Class::Served);
    let binding = material::bound_to(
        &context.engine.deployment,
        context.tenant(),
        unique_identifier,
        object_type,
        class,
    );
    let keys = &context.caller.tenant.keys;
    let blob = context.engine.hsm.seal(keys, &binding, der).await?;
    let skeleton = Object::Certificate(Certificate {
        certificate_type: CertificateType::X_509,
        certificate_value: Bytes::default(),
    });
    inspection::describe(&skeleton, Form::Bytes, der, &mut attributes);
    let birth = Birth {
        object_type,
        unique_identifier,
        class,
        format: inspection::format_of(&skeleton),
        digestible: Some(der),
        origin: Origin::Derived,
    };
    let material = (Form::Bytes, Some(blob));
    Ok(creation::keep(
        context, &birth, skeleton, material, attributes,
    ))
}

/// The tenant's authority, its certificate visible to the tenant.
async fn visible(context: &Context) -> Result<Authority, Fault> {
    let tenant = context.tenant();
    let name = &context.caller.tenant.settings.name;
    let authority = context.engine.issuing_authority(tenant, name).await?;
    if !context.is_taken(&authority.object).await? {
        show(context, &authority).await?;
    }
    Ok(authority)
}

/// Makes the managed object of an authority's certificate: the server's, for everybody in the tenant.
async fn show(context: &Context, authority: &Authority) -> Result<(), Fault> {
    let mut attributes = Attributes::default();
    let mask = CryptographicUsageMask::CERTIFICATE_SIGN | CryptographicUsageMask::CRL_SIGN;
    attributes.set(
        tag::CRYPTOGRAPHIC_USAGE_MASK,
        Value::Integer(mask.to_integer()),
    );
    attributes.set(tag::ACTIVATION_DATE, Value::DateTime(context.now));
    let certificate = &authority.certificate;
    let mut draft = draft(context, &authority.object, certificate, attributes).await?;
    draft.owner = access::SERVER.to_owned();
    let distinguish = context.caller.tenant.settings.duplicate_names;
    let row = draft.seal(&context.engine.hsm, distinguish).await?;
    let deed = Deed {
        command: "issuing-authority show",
        tenant: context.tenant(),
        object: &authority.object,
        time: context.now,
    };
    let written = administration::write_by(
        &context.engine.store,
        vec![row.change()],
        deed,
        administration::SERVER,
    );
    match written.await {
        // Another request was first.
        Ok(()) | Err(StoreError::Exists) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Who the certificate is for, and its extensions: from the request, else the attributes, else what
/// was there before.
fn asked(issuance: &Issuance<'_>) -> Result<(Name, Asked), Fault> {
    let named = subject::of_attributes(issuance.attributes)?;
    let request = issuance.request;
    let mut asked = Asked::of(match request {
        Some(request) => &request.extensions,
        None => &issuance.otherwise.extensions,
    })?;
    let Subject { name, alternatives } = named.unwrap_or_default();
    let first =
        |names: [Option<Name>; 3]| names.into_iter().flatten().find(|name| !name.is_empty());
    let subject = first([
        request.map(|request| request.subject.clone()),
        Some(name),
        issuance.otherwise.subject.clone(),
    ])
    .unwrap_or_default();
    if !alternatives.is_empty() && (request.is_none() || asked.alternatives.is_none()) {
        asked.alternatives = Some(alternatives);
    }
    if subject.is_empty() && asked.alternatives.as_ref().is_none_or(Vec::is_empty) {
        return Err(Fault::new(
            Reason::InvalidField,
            "nobody is named whom the certificate is for; give a Certificate Subject, a Name or a request with a subject",
        ));
    }
    let wanted = issuance
        .attributes
        .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
        .map(CryptographicUsageMask::from_integer);
    let from_mask = match wanted {
        Some(mask) => extension::key_usage(mask)?,
        // The key's own mask may be wider than what a certificate says.
        None => extension::key_usage(issuance.usage).unwrap_or_default(),
    };
    // A request takes precedence; what is only carried over from before does not.
    let carried = request.is_none() && wanted.is_some();
    if asked.key_usage.is_none() || carried {
        asked.key_usage = from_mask;
    }
    Ok((subject, asked))
}

struct Period {
    not_before: i64,
    activation: i64,
    deactivation: i64,
}

/// From Activation Date to Deactivation Date, at the most as long as the configuration allows.
fn dates(context: &Context, issuance: &Issuance<'_>, last: i64) -> Result<Period, Fault> {
    let longest = context.engine.settings.certificates.longest;
    let request = issuance.request;
    let begins = request
        .and_then(|request| request.not_before)
        .or(issuance.dates.activation);
    let ends = request
        .and_then(|request| request.not_after)
        .or(issuance.dates.deactivation);
    let activation = begins.unwrap_or(context.now);
    let deactivation = ends.unwrap_or_else(|| activation.saturating_add(longest).min(last));
    let wrong = |what: String| Err(Fault::new(Reason::InvalidAttributeValue, what));
    if activation < 0 || deactivation <= activation {
        return wrong("the certificate would end before it begins; check Activation Date and Deactivation Date".to_owned());
    }
    if deactivation.saturating_sub(activation) > longest {
        let days = longest / 86_400;
        return wrong(format!(
            "certificates are issued for {days} days at the most; give an earlier Deactivation Date, or none"
        ));
    }
    if deactivation > last {
        return wrong(
            "the certificate would outlive its authority; give an earlier Deactivation Date"
                .to_owned(),
        );
    }
    if deactivation <= context.now {
        return wrong(
            "the certificate would be over already; give a Deactivation Date to come".to_owned(),
        );
    }
    Ok(Period {
        // A date that somebody chose stands as it is; the present is backdated for wrong clocks.
        not_before: begins.unwrap_or(activation - BACKDATE),
        activation,
        deactivation,
    })
}

/// Who issues is the server's to say; a client that names somebody else would get what it did not want.
fn check_issuer(attributes: &Attributes, authority: &Authority) -> Result<(), Fault> {
    let ours = Parsed::parse(&authority.certificate)?.subject;
    let field = |attribute: Tag, wanted: Tag| match attributes.get(attribute) {
        Some(Value::Structure(fields)) => fields
            .iter()
            .find(|field: &&Node<'_>| field.tag == wanted)
            .map(|field| field.value.clone()),
        _ => None,
    };
    let exact = match field(
        tag::X_509_CERTIFICATE_ISSUER,
        tag::ISSUER_DISTINGUISHED_NAME,
    ) {
        Some(Value::ByteString(der)) => der.as_ref() == ours.der.as_slice(),
        _ => true,
    };
    let textual = match field(
        tag::CERTIFICATE_ISSUER,
        tag::CERTIFICATE_ISSUER_DISTINGUISHED_NAME,
    ) {
        Some(Value::TextString(text)) => text == ours.text,
        _ => true,
    };
    let flat = NameAttribute::ALL.iter().all(|part| {
        subject::flat(attributes, ISSUER, *part)
            .all(|wanted| ours.values(*part).any(|own| own == wanted))
    });
    match exact && textual && flat {
        true => Ok(()),
        false => Err(Fault::new(
            Reason::InvalidAttributeValue,
            format!(
                "this server issues as {:?}; leave the issuer out, or name that one",
                ours.text
            ),
        )),
    }
}
