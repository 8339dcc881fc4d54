//! Which extensions a certificate gets. What a request asks for is taken from a closed list; that
//! the subject is no authority is this server's to say, and it always says so.

use der::asn1::{Ia5String, OctetString};
use der::flagset::FlagSet;
use der::{Decode, Encode};
use spki::ObjectIdentifier;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName, GeneralNames};
use x509_cert::ext::pkix::{
    BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;

use super::CertificateError::{self, Refused, Request as Bad};
use crate::protocol::mask::CryptographicUsageMask as Mask;

const SUBJECT_ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");

/// Extended key usages that would make the subject speak for its authority, or be anything at all.
static AUTHORITIES: &[ObjectIdentifier] = &[
    // OCSPSigning
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9"),
    // anyExtendedKeyUsage
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
];

const fn both(one: Mask, other: Mask) -> Mask {
    Mask(one.0 | other.0)
}

/// Key Usage ⇄ Cryptographic Usage Mask (1.4 Table 96): the bits that ask for a usage, and the one
/// that a public key with it has.
static USAGES: &[(KeyUsages, Mask, Mask)] = &[
    (
        KeyUsages::DigitalSignature,
        both(Mask::SIGN, Mask::VERIFY),
        Mask::VERIFY,
    ),
    (
        KeyUsages::NonRepudiation,
        Mask::CONTENT_COMMITMENT,
        Mask::CONTENT_COMMITMENT,
    ),
    (
        KeyUsages::KeyEncipherment,
        both(Mask::WRAP_KEY, Mask::UNWRAP_KEY),
        Mask::WRAP_KEY,
    ),
    (
        KeyUsages::DataEncipherment,
        both(Mask::ENCRYPT, Mask::DECRYPT),
        Mask::ENCRYPT,
    ),
    (
        KeyUsages::KeyAgreement,
        Mask::KEY_AGREEMENT,
        Mask::KEY_AGREEMENT,
    ),
];

/// What of a certificate is neither name, key nor date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub alternatives: Option<GeneralNames>,
    pub key_usage: Option<FlagSet<KeyUsages>>,
    pub extended_key_usage: Option<Vec<ObjectIdentifier>>,
}

impl Asked {
    /// Reads the extensions of a request, or of a certificate to be renewed. What is on no list is
    /// left out: it is the authority's to say (RFC 2986 §4.1).
    ///
    /// # Errors
    /// Refused when the subject would become an authority.
    pub fn of(extensions: &[Extension]) -> Result<Asked, CertificateError> {
        let mut asked = Asked::default();
        for extension in extensions {
            let value = extension.extn_value.as_bytes();
            match extension.extn_id {
                SUBJECT_ALTERNATIVE_NAME => {
                    let names = SubjectAltName::from_der(value)
                        .map_err(|_| Bad("has a subjectAltName that is no GeneralNames"))?;
                    asked.alternatives = Some(names.0);
                }
                KEY_USAGE => {
                    let usage = KeyUsage::from_der(value)
                        .map_err(|_| Bad("has a keyUsage that is no list of bits"))?;
                    asked.key_usage = Some(permitted(usage.0)?);
                }
                EXTENDED_KEY_USAGE => {
                    let usages = ExtendedKeyUsage::from_der(value)
                        .map_err(|_| Bad("has an extKeyUsage that is no list of identifiers"))?;
                    if usages.0.iter().any(|usage| AUTHORITIES.contains(usage)) {
                        return Err(Refused(
                            "OCSPSigning and anyExtendedKeyUsage are issued to nobody; leave them out",
                        ));
                    }
                    asked.extended_key_usage = Some(usages.0);
                }
                BASIC_CONSTRAINTS => {
                    let constraints = BasicConstraints::from_der(value)
                        .map_err(|_| Bad("has basicConstraints that cannot be read"))?;
                    if constraints.ca {
                        return Err(Refused(
                            "this authority certifies no other authority; ask without CA:TRUE",
                        ));
                    }
                }
                _ => {}
            }
        }
        Ok(asked)
    }

    /// The extensions of a certificate for `subject`, key identifiers apart.
    pub fn write(&self, subject: &Name) -> Result<Vec<Extension>, CertificateError> {
        let mut extensions = vec![
            (
                true,
                &BasicConstraints {
                    ca: false,
                    path_len_constraint: None,
                },
            )
                .to_extension(subject, &[])?,
        ];
        if let Some(usage) = self.key_usage.filter(|usage| !usage.is_empty()) {
            extensions.push(KeyUsage(usage).to_extension(subject, &[])?);
        }
        if let Some(usages) = self
            .extended_key_usage
            .clone()
            .filter(|all| !all.is_empty())
        {
            extensions.push((false, &ExtendedKeyUsage(usages)).to_extension(subject, &[])?);
        }
        if let Some(names) = self.alternatives.clone().filter(|all| !all.is_empty()) {
            // RFC 5280 §4.2.1.6: critical where the subject has no other name.
            extensions.push(Extension {
                extn_id: SUBJECT_ALTERNATIVE_NAME,
                critical: subject.is_empty(),
                extn_value: OctetString::new(SubjectAltName(names).to_der()?)?,
            });
        }
        Ok(extensions)
    }
}

/// Where the authority's revocation list is (RFC 5280 §4.2.1.13).
pub fn list_at(url: &str) -> Result<Extension, CertificateError> {
    let name = GeneralName::UniformResourceIdentifier(Ia5String::new(url)?);
    let point = DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![name])),
        reasons: None,
        crl_issuer: None,
    };
    Ok(CrlDistributionPoints(vec![point]).to_extension(&Name::default(), &[])?)
}

fn permitted(usage: FlagSet<KeyUsages>) -> Result<FlagSet<KeyUsages>, CertificateError> {
    match usage.contains(KeyUsages::KeyCertSign) || usage.contains(KeyUsages::CRLSign) {
        true => Err(Refused(
            "this authority certifies no other authority; ask without keyCertSign and cRLSign",
        )),
        false => Ok(usage),
    }
}

/// The Key Usage that a Cryptographic Usage Mask asks for; None for a mask that asks for none.
pub fn key_usage(mask: Mask) -> Result<Option<FlagSet<KeyUsages>>, CertificateError> {
    if mask.intersects(both(Mask::CERTIFICATE_SIGN, Mask::CRL_SIGN)) {
        return Err(Refused(
            "this authority certifies no other authority; leave Certificate Sign and CRL Sign out of the Cryptographic Usage Mask",
        ));
    }
    let mut usages = FlagSet::<KeyUsages>::default();
    for (usage, asking, _) in USAGES {
        if mask.intersects(*asking) {
            usages |= *usage;
        }
    }
    Ok(Some(usages).filter(|usages| !usages.is_empty()))
}

/// The Cryptographic Usage Mask of a certificate with this Key Usage.
pub fn usage_mask(usage: FlagSet<KeyUsages>) -> Mask {
    USAGES
        .iter()
        .filter(|(bit, _, _)| usage.contains(*bit))
        .fold(Mask::default(), |mask, (_, _, of_key)| mask | *of_key)
}
