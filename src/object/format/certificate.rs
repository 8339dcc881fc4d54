//! What the server reads out of an X.509 certificate (KMIP 2.1 §4.6, §4.8, §4.22, §4.61 to §4.63; KMIP 1.4 §3.9 to §3.16).

use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser;

use super::{Format, FormatError, Hint, Malformed, Name, PublicKey};

const SUBJECT_ALTERNATIVE_NAME: &str = "2.5.29.17";
const ISSUER_ALTERNATIVE_NAME: &str = "2.5.29.18";

/// One row per Digital Signature Algorithm (KMIP 2.1 §11.16): number and OID.
macro_rules! signatures {
    ($($name:ident $number:literal $oid:literal)*) => {
        /// How a certificate is signed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum SignatureAlgorithm { $($name),* }

        impl SignatureAlgorithm {
            /// The number in KMIP's Digital Signature Algorithm enumeration.
            pub fn number(self) -> u32 {
                match self { $(SignatureAlgorithm::$name => $number),* }
            }

            fn from_oid(oid: &str) -> Option<SignatureAlgorithm> {
                match oid { $($oid => Some(SignatureAlgorithm::$name),)* _ => None }
            }
        }
    };
}

signatures! {
    Md2WithRsa 0x01 "1.2.840.113549.1.1.2"
    Md5WithRsa 0x02 "1.2.840.113549.1.1.4"
    Sha1WithRsa 0x03 "1.2.840.113549.1.1.5"
    Sha224WithRsa 0x04 "1.2.840.113549.1.1.14"
    Sha256WithRsa 0x05 "1.2.840.113549.1.1.11"
    Sha384WithRsa 0x06 "1.2.840.113549.1.1.12"
    Sha512WithRsa 0x07 "1.2.840.113549.1.1.13"
    RsassaPss 0x08 "1.2.840.113549.1.1.10"
    DsaWithSha1 0x09 "1.2.840.10040.4.3"
    DsaWithSha224 0x0A "2.16.840.1.101.3.4.3.1"
    DsaWithSha256 0x0B "2.16.840.1.101.3.4.3.2"
    EcdsaWithSha1 0x0C "1.2.840.10045.4.1"
    EcdsaWithSha224 0x0D "1.2.840.10045.4.3.1"
    EcdsaWithSha256 0x0E "1.2.840.10045.4.3.2"
    EcdsaWithSha384 0x0F "1.2.840.10045.4.3.3"
    EcdsaWithSha512 0x10 "1.2.840.10045.4.3.4"
    Sha3_256WithRsa 0x11 "2.16.840.1.101.3.4.3.14"
    Sha3_384WithRsa 0x12 "2.16.840.1.101.3.4.3.15"
    Sha3_512WithRsa 0x13 "2.16.840.1.101.3.4.3.16"
}

/// An X.509 certificate, as far as KMIP's attributes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Certificate Length, in bytes.
    pub length: usize,
    /// The serial number's content octets, with the zero byte that keeps it positive.
    pub serial: Vec<u8>,
    pub issuer: Name,
    pub subject: Name,
    /// None where KMIP has no number for it (EdDSA).
    pub signature_algorithm: Option<SignatureAlgorithm>,
    /// DER SubjectPublicKeyInfo.
    pub public_key_info: Vec<u8>,
    /// None where the SubjectPublicKeyInfo does not hold what its algorithm promises.
    pub public_key: Option<PublicKey>,
}

impl Certificate {
    /// From a DER certificate and nothing after it. Signature and validity are not looked at.
    pub fn parse(der: &[u8]) -> Result<Certificate, FormatError> {
        let (rest, certificate) = X509CertificateParser::new()
            .with_deep_parse_extensions(false)
            .parse(der)
            .map_err(|_| Malformed("it is not a DER X.509 certificate"))?;
        if !rest.is_empty() {
            return Err(Malformed("bytes follow the X.509 certificate").into());
        }
        let extension = |oid: &str| {
            certificate
                .extensions()
                .iter()
                .find(|extension| extension.oid.to_id_string() == oid)
                .map(|found| found.value)
        };
        let public_key_info = certificate.subject_pki.raw;
        Ok(Certificate {
            length: der.len(),
            serial: certificate.raw_serial().to_vec(),
            issuer: Name::new(&certificate.issuer, extension(ISSUER_ALTERNATIVE_NAME))?,
            subject: Name::new(&certificate.subject, extension(SUBJECT_ALTERNATIVE_NAME))?,
            signature_algorithm: SignatureAlgorithm::from_oid(
                &certificate.signature_algorithm.algorithm.to_id_string(),
            ),
            public_key: PublicKey::parse(Format::X509, public_key_info, Hint::default()).ok(),
            public_key_info: public_key_info.to_vec(),
        })
    }

    /// Certificate Serial Number of X.509 Certificate Identifier: the DER INTEGER with its header, as OASIS cases
    /// TC-CERTATTR-1, TC-ECC-3 and TC-IMPEXP-5 have it (TC-PKCS12-2-14 alone leaves the header out).
    pub fn serial_der(&self) -> Vec<u8> {
        // The octets were the content of a DER INTEGER, so this cannot fail; bare octets are the other reading anyway.
        der::asn1::AnyRef::new(der::Tag::Integer, &self.serial)
            .and_then(|any| der::Encode::to_der(&any))
            .unwrap_or_else(|_| self.serial.clone())
    }

    /// Serial Number of the 1.0 attribute Certificate Identifier: hexadecimal content octets (TC-CERTATTR-1-14).
    pub fn serial_text(&self) -> String {
        hex::encode(&self.serial)
    }
}
