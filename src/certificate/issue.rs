//! Certificates as they are written. The authority's key is in the token: what is to be signed goes
//! out as bytes, the signature comes back as bytes.

use der::asn1::{BitString, GeneralizedTime, UtcTime};
use der::{Decode, Document, Encode};
use signature::Keypair;
use spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey, ObjectIdentifier,
    SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use super::CertificateError;

/// ecdsa-with-SHA384 (RFC 5758 §3.2): what `Hsm::sign_certificate` makes.
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// Octets of a serial number: 128 random bits.
pub const SERIAL: usize = 16;

/// Everything about a certificate but who signs it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Unsigned, big-endian.
    pub serial: Vec<u8>,
    /// Seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
    pub subject: Name,
    /// SubjectPublicKeyInfo, DER.
    pub public_key_info: Vec<u8>,
    /// Key identifiers apart.
    pub extensions: Vec<Extension>,
}

/// The authority, as far as its certificates show it.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub name: Name,
    /// SubjectPublicKeyInfo, DER.
    pub public_key_info: Vec<u8>,
}

/// What waits for its signature.
#[derive(Debug)]
pub struct Unsigned<B> {
    builder: B,
    issuer: Issuer,
    /// DER, to be signed.
    pub message: Vec<u8>,
}

impl<B: Builder> Unsigned<B> {
    pub(super) fn new(mut builder: B, issuer: &Issuer) -> Result<Self, CertificateError> {
        let message = builder.finalize(issuer)?;
        Ok(Unsigned {
            builder,
            issuer: issuer.clone(),
            message,
        })
    }

    /// The whole, in DER. `signature` is an ECDSA-Sig-Value over the message with SHA-384.
    pub fn signed(self, signature: &[u8]) -> Result<Vec<u8>, CertificateError>
    where
        B::Output: Encode,
    {
        let signature = BitString::from_bytes(signature)?;
        let whole = self.builder.assemble(signature, &self.issuer)?;
        Ok(whole.to_der()?)
    }
}

/// A certificate of an authority for somebody else.
pub fn leaf(
    issuer: &Issuer,
    plan: Plan,
) -> Result<Unsigned<CertificateBuilder<impl BuilderProfile + use<>>>, CertificateError> {
    unsigned(issuer, plan)
}

/// An authority's own certificate: self-signed, for end entities only.
pub fn authority(
    issuer: &Issuer,
    serial: Vec<u8>,
    (not_before, not_after): (i64, i64),
) -> Result<Unsigned<CertificateBuilder<impl BuilderProfile + use<>>>, CertificateError> {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: Some(0),
    };
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    let extensions = vec![
        (true, &constraints).to_extension(&issuer.name, &[])?,
        usage.to_extension(&issuer.name, &[])?,
    ];
    let plan = Plan {
        serial,
        not_before,
        not_after,
        subject: issuer.name.clone(),
        public_key_info: issuer.public_key_info.clone(),
        extensions,
    };
    unsigned(issuer, plan)
}

fn unsigned(
    issuer: &Issuer,
    plan: Plan,
) -> Result<Unsigned<CertificateBuilder<Planned>>, CertificateError> {
    let serial = SerialNumber::new(&plan.serial)?;
    let validity = Validity::new(time(plan.not_before)?, time(plan.not_after)?);
    let public_key = SubjectPublicKeyInfoOwned::from_der(&plan.public_key_info)?;
    let profile = Planned {
        issuer: issuer.name.clone(),
        subject: plan.subject,
        extensions: plan.extensions,
    };
    let builder = CertificateBuilder::new(profile, serial, validity, public_key)?;
    Unsigned::new(builder, issuer)
}

/// RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after.
pub(super) fn time(seconds: i64) -> Result<Time, CertificateError> {
    let since = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    Ok(match UtcTime::from_unix_duration(since) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_unix_duration(since)?),
    })
}

/// A profile that says what the plan says, and who the keys are (RFC 5280 §4.2.1.1, §4.2.1.2).
struct Planned {
    issuer: Name,
    subject: Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Planned {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        subject_key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let authority = AuthorityKeyIdentifier {
            key_identifier: Some(SubjectKeyIdentifier::try_from(issuer_key)?.0),
            ..AuthorityKeyIdentifier::default()
        };
        let subject = SubjectKeyIdentifier::try_from(subject_key)?;
        let mut extensions = vec![
            subject.to_extension(&self.subject, &[])?,
            authority.to_extension(&self.subject, &[])?,
        ];
        extensions.extend(self.extensions.iter().cloned());
        Ok(extensions)
    }
}

/// The builder asks a signer for its key and algorithm.
impl Keypair for Issuer {
    type VerifyingKey = PublicKeyInfo;

    fn verifying_key(&self) -> PublicKeyInfo {
        PublicKeyInfo(self.public_key_info.clone())
    }
}

impl DynSignatureAlgorithmIdentifier for Issuer {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(AlgorithmIdentifierOwned {
            oid: ECDSA_WITH_SHA384,
            parameters: None,
        })
    }
}

/// SubjectPublicKeyInfo in DER.
#[derive(Clone, Debug)]
pub struct PublicKeyInfo(Vec<u8>);

impl EncodePublicKey for PublicKeyInfo {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::try_from(self.0.as_slice())?)
    }
}
