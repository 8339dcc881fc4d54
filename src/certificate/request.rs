//! Certificate requests: PKCS#10 (RFC 2986), the same in PEM (RFC 7468), and CRMF (`crmf`).

use der::{Decode, Encode};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::sign::Verifier;
use openssl::x509::X509Req;
use spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoRef};
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, ExtensionReq};
use x509_parser::pem::Pem;

use super::CertificateError::{self, Request as Bad};

/// extensionRequest (RFC 2985 §5.4.2).
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
/// RFC 7468 §7, and the label that older tools write.
const LABELS: &[&str] = &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

/// What a request asks for. Whoever made it holds the private key: that was verified.
#[derive(Clone, Debug)]
pub struct Request {
    pub subject: Name,
    /// SubjectPublicKeyInfo, DER.
    pub public_key_info: Vec<u8>,
    pub extensions: Vec<Extension>,
    /// Seconds since 1970; only CRMF can say.
    pub not_before: Option<i64>,
    pub not_after: Option<i64>,
}

impl Request {
    /// # Errors
    /// [`CertificateError::Request`] when it is no DER PKCS#10 request, or one whose signature does
    /// not verify under its own key.
    pub fn from_pkcs10(der: &[u8]) -> Result<Request, CertificateError> {
        let request =
            CertReq::from_der(der).map_err(|_| Bad("is not a DER PKCS#10 request (RFC 2986)"))?;
        let signed = X509Req::from_der(der)
            .and_then(|request| request.verify(request.public_key()?.as_ref()));
        if !signed.unwrap_or(false) {
            // The queue of what OpenSSL has to say is this thread's; the next caller's is empty.
            drop(openssl::error::ErrorStack::get());
            return Err(Bad("is not signed with the private key of its public key"));
        }
        let mut extensions = Vec::new();
        for attribute in request.info.attributes.iter() {
            if attribute.oid != EXTENSION_REQUEST {
                continue;
            }
            for value in attribute.values.iter() {
                let asked: ExtensionReq = value
                    .decode_as()
                    .map_err(|_| Bad("has an extensionRequest that is no list of extensions"))?;
                extensions.extend(asked.0);
            }
        }
        Ok(Request {
            subject: request.info.subject.clone(),
            public_key_info: request.info.public_key.to_der()?,
            extensions,
            not_before: None,
            not_after: None,
        })
    }

    /// A PKCS#10 request in PEM; text around it does not matter.
    pub fn from_pem(pem: &[u8]) -> Result<Request, CertificateError> {
        let mut blocks = Pem::iter_from_buffer(pem)
            .filter_map(Result::ok)
            .filter(|block| LABELS.contains(&block.label.as_str()));
        let block = blocks
            .next()
            .ok_or(Bad("holds no PEM block CERTIFICATE REQUEST (RFC 7468)"))?;
        if blocks.next().is_some() {
            return Err(Bad("holds more than one PEM block; expected one"));
        }
        Request::from_pkcs10(&block.contents)
    }
}

/// Bits of security below which a key is not certified (SP 800-57 part 1 §5.6.1): RSA from 2048 bits
/// on, curves from 224.
const STRENGTH: u32 = 112;

/// Whether an authority may put its name to a key.
///
/// # Errors
/// [`CertificateError::Refused`] for keys that are too weak, and for curves of somebody's own making
/// (RFC 5480 §2.1.1).
pub fn check_key(public_key_info: &[u8]) -> Result<(), CertificateError> {
    let key = PKey::public_key_from_der(public_key_info).map_err(|_| {
        drop(openssl::error::ErrorStack::get());
        CertificateError::Refused("the material is no public key that can be certified")
    })?;
    if key.security_bits() < STRENGTH {
        return Err(CertificateError::Refused(
            "the key is too weak to be certified; expected RSA of 2048 bits, a curve of 224, or more",
        ));
    }
    // OpenSSL finds the name of a well-known curve that is spelt out; others may not.
    let unnamed = key.id() == Id::EC
        && SubjectPublicKeyInfoRef::from_der(public_key_info)
            .is_ok_and(|info| info.algorithm.parameters_oid().is_err());
    match unnamed {
        true => Err(CertificateError::Refused(
            "the key is on a curve without a name; expected a named one such as P-256",
        )),
        false => Ok(()),
    }
}

/// Whether `signature` is one over `message` under a public key, for the algorithms whose
/// identifiers say all there is to know (not RSASSA-PSS, which has parameters).
pub(super) fn is_signed(
    public_key_info: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let verify = || {
        let key = PKey::public_key_from_der(public_key_info)?;
        let mut verifier = match key.id() {
            Id::ED25519 | Id::ED448 => Verifier::new_without_digest(&key)?,
            _ => Verifier::new(digest(algorithm).unwrap_or_else(MessageDigest::null), &key)?,
        };
        verifier.verify_oneshot(signature, message)
    };
    let is_signed = verify().unwrap_or(false);
    drop(openssl::error::ErrorStack::get());
    is_signed
}

/// Signature algorithms with the hash in their identifier (RFC 8017 §A.2.4, RFC 5758 §3).
static DIGESTS: &[(&str, Nid)] = &[
    ("1.2.840.113549.1.1.11", Nid::SHA256),
    ("1.2.840.113549.1.1.12", Nid::SHA384),
    ("1.2.840.113549.1.1.13", Nid::SHA512),
    ("1.2.840.10045.4.3.2", Nid::SHA256),
    ("1.2.840.10045.4.3.3", Nid::SHA384),
    ("1.2.840.10045.4.3.4", Nid::SHA512),
];

fn digest(algorithm: &AlgorithmIdentifierOwned) -> Option<MessageDigest> {
    let oid = algorithm.oid.to_string();
    let (_, nid) = DIGESTS.iter().find(|(known, _)| *known == oid)?;
    MessageDigest::from_nid(*nid)
}
