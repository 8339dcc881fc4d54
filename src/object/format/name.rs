//! Distinguished names and alternative names, as bytes, as text and as KMIP's flat certificate attributes.

use std::net::{Ipv4Addr, Ipv6Addr};

use der::{Decode, Reader, SliceReader};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::{FormatError, Malformed};

/// One row per part of a name that KMIP has attributes for (KMIP 2.1 §4.6): its OID, the last word of the attributes
/// `Certificate Subject …` and `Certificate Issuer …`, and the short name in a distinguished name's text.
macro_rules! attributes {
    ($($name:ident $oid:literal $kmip:literal $short:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum NameAttribute { $($name),* }

        impl NameAttribute {
            pub const ALL: &'static [NameAttribute] = &[$(NameAttribute::$name),*];

            /// What follows `Certificate Subject ` or `Certificate Issuer ` in the attribute's name.
            pub fn name(self) -> &'static str {
                match self { $(NameAttribute::$name => $kmip),* }
            }

            pub fn oid(self) -> &'static str {
                match self { $(NameAttribute::$name => $oid),* }
            }

            fn short(self) -> &'static str {
                match self { $(NameAttribute::$name => $short),* }
            }

            fn from_oid(oid: &str) -> Option<NameAttribute> {
                match oid { $($oid => Some(NameAttribute::$name),)* _ => None }
            }
        }
    };
}

attributes! {
    CommonName "2.5.4.3" "CN" "CN"
    Organization "2.5.4.10" "O" "O"
    OrganizationalUnit "2.5.4.11" "OU" "OU"
    Email "1.2.840.113549.1.9.1" "Email" "emailAddress"
    Country "2.5.4.6" "C" "C"
    State "2.5.4.8" "ST" "ST"
    Locality "2.5.4.7" "L" "L"
    UserId "0.9.2342.19200300.100.1.1" "UID" "UID"
    SerialNumber "2.5.4.5" "Serial Number" "serialNumber"
    Title "2.5.4.12" "Title" "title"
    DomainComponent "0.9.2342.19200300.100.1.25" "DC" "DC"
    DnQualifier "2.5.4.46" "DN Qualifier" "dnQualifier"
}

/// A distinguished name with its alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// DER of the Name: Issuer or Subject Distinguished Name of KMIP's X.509 attributes.
    /// An empty name is an empty SEQUENCE here; KMIP 2.1 §4.63 lets it be an empty string.
    pub der: Vec<u8>,
    /// RFC 4514 text, last part first: the 1.0 attributes Certificate Issuer and Certificate Subject.
    pub text: String,
    /// The flat attributes, in the certificate's order; one may come several times.
    pub parts: Vec<(NameAttribute, String)>,
    /// DER of each GeneralName of the alternative name extension.
    pub alternatives: Vec<Vec<u8>>,
    /// Each of them as text: mail address, host, URI, IP address, RFC 4514 name; else `#` and hexadecimal DER.
    pub alternative_texts: Vec<String>,
}

impl Name {
    /// `alternatives` is the value of the alternative name extension that belongs to the name.
    pub(crate) fn new(
        name: &X509Name<'_>,
        alternatives: Option<&[u8]>,
    ) -> Result<Name, FormatError> {
        let alternatives = alternatives
            .map(general_names)
            .transpose()?
            .unwrap_or_default();
        let parts = name.iter_attributes().filter_map(|pair| {
            let attribute = NameAttribute::from_oid(&pair.attr_type().to_id_string())?;
            Some((attribute, value_text(pair)?))
        });
        Ok(Name {
            der: name.as_raw().to_vec(),
            text: text(name),
            parts: parts.collect(),
            alternative_texts: alternatives
                .iter()
                .map(|name| general_name_text(name))
                .collect(),
            alternatives,
        })
    }

    /// The values of one flat attribute.
    pub fn values(&self, attribute: NameAttribute) -> impl Iterator<Item = &str> {
        self.parts
            .iter()
            .filter(move |(part, _)| *part == attribute)
            .map(|(_, value)| value.as_str())
    }
}

fn text(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|rdn| rdn.iter().map(pair_text).collect::<Vec<_>>().join("+"))
        .collect();
    parts.reverse();
    parts.join(",")
}

fn pair_text(pair: &AttributeTypeAndValue<'_>) -> String {
    let oid = pair.attr_type().to_id_string();
    match (NameAttribute::from_oid(&oid), value_text(pair)) {
        (Some(attribute), Some(value)) => format!("{}={}", attribute.short(), escaped(&value)),
        (None, Some(value)) => format!("{oid}={}", escaped(&value)),
        (_, None) => format!("{oid}=#{}", hex::encode(pair.as_slice())),
    }
}

/// RFC 4514 §2.4.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (position, character) in value.chars().enumerate() {
        let special = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            '#' => position == 0,
            ' ' => position == 0 || position == last,
            _ => false,
        };
        match (character, special) {
            ('\0', _) => text.push_str("\\00"),
            (_, true) => text.extend(['\\', character]),
            (_, false) => text.push(character),
        }
    }
    text
}

/// The ASN.1 string types that names are made of; None for anything else and for broken text.
fn value_text(pair: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = pair.as_slice();
    match pair.attr_value().header.tag().0 {
        // UTF8String, NumericString, PrintableString, IA5String, VisibleString
        12 | 18 | 19 | 22 | 26 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        // TeletexString: everybody writes Latin-1 into it.
        20 => Some(bytes.iter().copied().map(char::from).collect()),
        // UniversalString
        28 => {
            let (words, rest) = bytes.as_chunks::<4>();
            rest.is_empty().then(|| {
                words
                    .iter()
                    .map(|word| char::from_u32(u32::from_be_bytes(*word)))
                    .collect()
            })?
        }
        // BMPString
        30 => {
            let (words, rest) = bytes.as_chunks::<2>();
            let words: Vec<u16> = words.iter().map(|word| u16::from_be_bytes(*word)).collect();
            rest.is_empty().then(|| String::from_utf16(&words).ok())?
        }
        _ => None,
    }
}

/// The elements of a GeneralNames extension.
fn general_names(extension: &[u8]) -> Result<Vec<Vec<u8>>, FormatError> {
    let malformed = |_| Malformed("the certificate's alternative names are not DER GeneralNames");
    let names = der::asn1::AnyRef::from_der(extension).map_err(malformed)?;
    let mut reader = SliceReader::new(names.value()).map_err(malformed)?;
    let mut all = Vec::new();
    while !reader.is_finished() {
        all.push(reader.tlv_bytes().map_err(malformed)?.to_vec());
    }
    Ok(all)
}

fn general_name_text(name: &[u8]) -> String {
    let other = || format!("#{}", hex::encode(name));
    let Ok(any) = der::asn1::AnyRef::from_der(name) else {
        return other();
    };
    let value = any.value();
    match name.first() {
        // rfc822Name, dNSName, uniformResourceIdentifier
        Some(0x81 | 0x82 | 0x86) => String::from_utf8_lossy(value).into_owned(),
        // iPAddress
        Some(0x87) => match (<[u8; 4]>::try_from(value), <[u8; 16]>::try_from(value)) {
            (Ok(four), _) => Ipv4Addr::from(four).to_string(),
            (_, Ok(six)) => Ipv6Addr::from(six).to_string(),
            _ => other(),
        },
        // directoryName, an explicitly tagged Name
        Some(0xA4) => match <X509Name<'_> as x509_parser::prelude::FromDer<'_, _>>::from_der(value)
        {
            Ok((_, name)) => text(&name),
            Err(_) => other(),
        },
        _ => other(),
    }
}
