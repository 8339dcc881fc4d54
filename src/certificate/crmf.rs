//! Certificate Request Message Format (RFC 4211): structures, and proof of possession by signature.

use der::asn1::{Any, BitString, Int, Null};
use der::{Choice, Decode, Encode, Sequence, Tag, Tagged};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extensions;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::CertificateError::{self, Request as Bad};
use super::request::{Request, is_signed};

/// CertReqMsg (RFC 4211 §3).
#[derive(Clone, Debug, Sequence)]
struct Message {
    request: CertRequest,
    #[asn1(optional = "true")]
    proof: Option<Proof>,
    #[asn1(optional = "true")]
    registration: Option<Vec<AttributeTypeAndValue>>,
}

/// CertRequest (RFC 4211 §5).
#[derive(Clone, Debug, Sequence)]
struct CertRequest {
    identifier: Int,
    template: Template,
    #[asn1(optional = "true")]
    controls: Option<Vec<AttributeTypeAndValue>>,
}

/// CertTemplate (RFC 4211 §5): every field may be left out, and is said to be when the authority
/// chooses it.
#[derive(Clone, Debug, Sequence)]
struct Template {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    version: Option<Int>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    serial_number: Option<Int>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    signing_algorithm: Option<AlgorithmIdentifierOwned>,
    // A Name is a CHOICE, and so its tag explicit.
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    issuer: Option<Name>,
    #[asn1(context_specific = "4", tag_mode = "IMPLICIT", optional = "true")]
    validity: Option<Validity>,
    #[asn1(context_specific = "5", tag_mode = "EXPLICIT", optional = "true")]
    subject: Option<Name>,
    #[asn1(context_specific = "6", tag_mode = "IMPLICIT", optional = "true")]
    public_key: Option<SubjectPublicKeyInfoOwned>,
    #[asn1(context_specific = "7", tag_mode = "IMPLICIT", optional = "true")]
    issuer_unique_identifier: Option<BitString>,
    #[asn1(context_specific = "8", tag_mode = "IMPLICIT", optional = "true")]
    subject_unique_identifier: Option<BitString>,
    #[asn1(context_specific = "9", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

/// OptionalValidity (RFC 4211 §5).
#[derive(Clone, Debug, Sequence)]
struct Validity {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    not_before: Option<Time>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    not_after: Option<Time>,
}

/// ProofOfPossession (RFC 4211 §4).
#[derive(Clone, Debug, Choice)]
enum Proof {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    RegistrationAuthority(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Signature(Box<SigningKey>),
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    KeyEncipherment(Any),
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", constructed = "true")]
    KeyAgreement(Any),
}

/// POPOSigningKey (RFC 4211 §4.1).
#[derive(Clone, Debug, Sequence)]
struct SigningKey {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    input: Option<SigningKeyInput>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// POPOSigningKeyInput (RFC 4211 §4.1).
#[derive(Clone, Debug, Sequence)]
struct SigningKeyInput {
    /// A sender's name, tagged, or a PKMACValue, which is a SEQUENCE.
    authentication: Any,
    public_key: SubjectPublicKeyInfoOwned,
}

impl Request {
    /// A CertReqMessages of one message, in DER, whose possession of the key is proven by a signature.
    ///
    /// # Errors
    /// [`CertificateError::Request`]; also for the proofs that need a further exchange with the
    /// requester or trust in a registration authority.
    pub fn from_crmf(der: &[u8]) -> Result<Request, CertificateError> {
        let messages = Vec::<Message>::from_der(der)
            .map_err(|_| Bad("is not a DER CertReqMessages (RFC 4211)"))?;
        let [message] = messages.as_slice() else {
            return Err(Bad("holds more than one request; send them one by one"));
        };
        let template = &message.request.template;
        let public_key = template
            .public_key
            .as_ref()
            .ok_or(Bad("has no public key in its template"))?
            .to_der()?;
        prove(message, &public_key)?;
        let seconds = |time: Option<Time>| {
            time.and_then(|time| i64::try_from(time.to_unix_duration().as_secs()).ok())
        };
        let validity = template.validity.as_ref();
        Ok(Request {
            subject: template.subject.clone().unwrap_or_default(),
            public_key_info: public_key,
            extensions: template.extensions.clone().unwrap_or_default(),
            not_before: validity.and_then(|validity| seconds(validity.not_before)),
            not_after: validity.and_then(|validity| seconds(validity.not_after)),
        })
    }
}

/// RFC 4211 §4.1: the signature is over POPOSigningKeyInput where there is one, else over the
/// request, whose template must then have a subject.
fn prove(message: &Message, public_key: &[u8]) -> Result<(), CertificateError> {
    let proof = match &message.proof {
        Some(Proof::Signature(proof)) => proof,
        Some(Proof::RegistrationAuthority(_)) => {
            return Err(Bad(
                "relies on a registration authority; this server believes none",
            ));
        }
        Some(Proof::KeyEncipherment(_) | Proof::KeyAgreement(_)) => {
            return Err(Bad(
                "proves its key by a later exchange; expected a signature (RFC 4211 §4.1)",
            ));
        }
        None => return Err(Bad("does not prove that the private key is there")),
    };
    let signed = match &proof.input {
        Some(input) => {
            if input.authentication.tag() == Tag::Sequence {
                return Err(Bad("is authenticated by a password; expected a signature"));
            }
            if input.public_key.to_der()? != public_key {
                return Err(Bad("proves another key than the one it names"));
            }
            input.to_der()?
        }
        None if message.request.template.subject.is_none() => {
            return Err(Bad(
                "has neither a subject nor a POPOSigningKeyInput to be signed (RFC 4211 §4.1)",
            ));
        }
        None => message.request.to_der()?,
    };
    let signature = proof
        .signature
        .as_bytes()
        .ok_or(Bad("has a signature that is no whole number of bytes"))?;
    match is_signed(public_key, &proof.algorithm, &signed, signature) {
        true => Ok(()),
        false => Err(Bad("is not signed with the private key of its public key")),
    }
}
