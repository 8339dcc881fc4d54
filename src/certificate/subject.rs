//! Subjects: out of KMIP's certificate attributes, in each of the forms they have had.

use std::net::IpAddr;
use std::str::FromStr;

use der::asn1::{Any, Ia5StringRef, OctetString, PrintableStringRef, Utf8StringRef};
use der::{Decode, Encode};
use spki::ObjectIdentifier;
use ttlv::{Node, Tag, Value};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::name::{GeneralName, GeneralNames};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use super::CertificateError::{self, Attribute as Bad};
use crate::object::format::NameAttribute;
use crate::protocol::attribute;
use crate::protocol::attributes::Attributes;
use crate::protocol::tag;

/// Longest value of one part of a name, in bytes.
const LONGEST: usize = 1024;

/// Who a certificate is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    pub name: Name,
    pub alternatives: GeneralNames,
}

/// In which order the parts of a name stand that come without one: from the widest to the narrowest.
static ORDER: &[NameAttribute] = &[
    NameAttribute::DomainComponent,
    NameAttribute::Country,
    NameAttribute::State,
    NameAttribute::Locality,
    NameAttribute::Organization,
    NameAttribute::OrganizationalUnit,
    NameAttribute::Title,
    NameAttribute::DnQualifier,
    NameAttribute::SerialNumber,
    NameAttribute::UserId,
    NameAttribute::CommonName,
    NameAttribute::Email,
];

/// The subject that attributes name; None where they name none. X.509 Certificate Subject (2.1
/// §4.71) says most exactly what is meant, then Certificate Subject (1.4 §3.14), then the
/// attributes of single parts (2.1 §4.6).
pub fn of_attributes(attributes: &Attributes) -> Result<Option<Subject>, CertificateError> {
    if let Some(Value::Structure(fields)) = attributes.get(tag::X_509_CERTIFICATE_SUBJECT) {
        return exact(fields).map(Some);
    }
    if let Some(Value::Structure(fields)) = attributes.get(tag::CERTIFICATE_SUBJECT) {
        return textual(fields).map(Some);
    }
    let mut parts = Vec::new();
    for part in ORDER {
        for text in flat(attributes, "Certificate Subject ", *part) {
            parts.push((*part, text.to_owned()));
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let parts: Vec<_> = parts
        .iter()
        .map(|(part, text)| (*part, text.as_str()))
        .collect();
    Ok(Some(Subject {
        name: name(&parts)?,
        alternatives: GeneralNames::new(),
    }))
}

/// Values of one of the attributes of single parts.
pub fn flat<'a>(
    attributes: &'a Attributes,
    prefix: &str,
    part: NameAttribute,
) -> impl Iterator<Item = &'a str> {
    let row = attribute::by_name(&format!("{prefix}{}", part.name()));
    let values = row.into_iter().flat_map(|row| attributes.values(row.tag));
    values.filter_map(|value| match value {
        Value::TextString(text) => Some(text.as_ref()),
        _ => None,
    })
}

/// A name of parts, each in a relative name of its own.
pub fn name(parts: &[(NameAttribute, &str)]) -> Result<Name, CertificateError> {
    let names = parts
        .iter()
        .map(|(part, text)| {
            let pair = AttributeTypeAndValue {
                oid: ObjectIdentifier::new(part.oid()).map_err(|_| Bad("a part has no OID"))?,
                value: value(*part, text)?,
            };
            RelativeDistinguishedName::try_from(vec![pair]).map_err(CertificateError::from)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Name::from_der(&RdnSequence::from(names).to_der()?)?)
}

/// The string types of RFC 5280 appendix A.
fn value(part: NameAttribute, text: &str) -> Result<Any, CertificateError> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(Bad("a part of a name has 1 to 1024 bytes"));
    }
    let any = match part {
        NameAttribute::Country | NameAttribute::SerialNumber | NameAttribute::DnQualifier => {
            PrintableStringRef::new(text).and_then(|text| Any::encode_from(&text))
        }
        NameAttribute::DomainComponent | NameAttribute::Email => {
            Ia5StringRef::new(text).and_then(|text| Any::encode_from(&text))
        }
        _ => Utf8StringRef::new(text).and_then(|text| Any::encode_from(&text)),
    };
    any.map_err(|_| {
        Bad("a country, serial number or DN qualifier is printable ASCII; a domain component or mail address ASCII")
    })
}

fn exact(fields: &[Node<'_>]) -> Result<Subject, CertificateError> {
    let bytes = |wanted: Tag| {
        fields
            .iter()
            .filter(move |field| field.tag == wanted)
            .filter_map(|field| match &field.value {
                Value::ByteString(bytes) => Some(bytes.as_ref()),
                _ => None,
            })
    };
    let name = match bytes(tag::SUBJECT_DISTINGUISHED_NAME).next() {
        // 2.1 §4.71 lets an empty name be an empty string.
        None | Some([]) => Name::default(),
        Some(der) => Name::from_der(der)
            .map_err(|_| Bad("Subject Distinguished Name is not the DER of a Name"))?,
    };
    let alternatives = bytes(tag::SUBJECT_ALTERNATIVE_NAME)
        .map(GeneralName::from_der)
        .collect::<Result<_, _>>()
        .map_err(|_| Bad("Subject Alternative Name is not the DER of a GeneralName"))?;
    Ok(Subject { name, alternatives })
}

fn textual(fields: &[Node<'_>]) -> Result<Subject, CertificateError> {
    let texts = |wanted: Tag| {
        fields
            .iter()
            .filter(move |field| field.tag == wanted)
            .filter_map(|field| match &field.value {
                Value::TextString(text) => Some(text.as_ref()),
                _ => None,
            })
    };
    let name = match texts(tag::CERTIFICATE_SUBJECT_DISTINGUISHED_NAME).next() {
        None | Some("") => Name::default(),
        Some(text) => Name::from_str(text).map_err(|_| {
            Bad("Certificate Subject Distinguished Name is no RFC 4514 name such as CN=host,O=Example")
        })?,
    };
    let alternatives = texts(tag::CERTIFICATE_SUBJECT_ALTERNATIVE_NAME)
        .map(alternative)
        .collect::<Result<_, _>>()?;
    Ok(Subject { name, alternatives })
}

/// What an alternative name in text is, by its looks: an address, a URI, a mail address, else a host.
fn alternative(text: &str) -> Result<GeneralName, CertificateError> {
    let ia5 = |text: &str| {
        der::asn1::Ia5String::new(text)
            .map_err(|_| Bad("Certificate Subject Alternative Name is not ASCII"))
    };
    if text.is_empty() || text.len() > LONGEST {
        return Err(Bad("an alternative name has 1 to 1024 bytes"));
    }
    Ok(match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => GeneralName::IpAddress(OctetString::new(address.octets())?),
        Ok(IpAddr::V6(address)) => GeneralName::IpAddress(OctetString::new(address.octets())?),
        Err(_) if text.contains("://") || text.starts_with("urn:") => {
            GeneralName::UniformResourceIdentifier(ia5(text)?)
        }
        Err(_) if text.contains('@') => GeneralName::Rfc822Name(ia5(text)?),
        Err(_) => GeneralName::DnsName(ia5(text)?),
    })
}
