//! Revocation lists (RFC 5280 §5): written for our own authority, read for those of others.

use der::Encode;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::x509::{CrlStatus, X509, X509Crl};
use x509_cert::builder::CrlBuilder;
use x509_cert::crl::RevokedCert;
use x509_cert::ext::ToExtension;
use x509_cert::ext::pkix::{CrlNumber, CrlReason};
use x509_cert::serial_number::SerialNumber;
use x509_cert::{Certificate, der::Decode};

use super::CertificateError;
use super::issue::{Issuer, Unsigned, time};
use crate::protocol::enumeration::RevocationReasonCode as Code;

/// Revocation Reason Code (2.1 §11.47) ⇄ CRLReason (RFC 5280 §5.3.1).
static REASONS: &[(Code, CrlReason)] = &[
    (Code::KEY_COMPROMISE, CrlReason::KeyCompromise),
    (Code::CA_COMPROMISE, CrlReason::CaCompromise),
    (Code::AFFILIATION_CHANGED, CrlReason::AffiliationChanged),
    (Code::SUPERSEDED, CrlReason::Superseded),
    (
        Code::CESSATION_OF_OPERATION,
        CrlReason::CessationOfOperation,
    ),
    (Code::PRIVILEGE_WITHDRAWN, CrlReason::PrivilegeWithdrawn),
];

/// A certificate that is not to be believed any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Content octets of the serial number.
    pub serial: Vec<u8>,
    /// Seconds since 1970.
    pub since: i64,
    pub reason: Code,
}

/// When a list was made, and when the next one is due at the latest; seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    pub from: i64,
    pub until: i64,
}

/// A list of an authority, to be signed. `certificate` is the authority's own, in DER.
pub fn list(
    certificate: &[u8],
    number: u64,
    period: Period,
    revoked: &[Revoked],
) -> Result<Unsigned<CrlBuilder>, CertificateError> {
    let certificate = Certificate::from_der(certificate)?;
    let tbs = certificate.tbs_certificate();
    let issuer = Issuer {
        name: tbs.subject().clone(),
        public_key_info: tbs.subject_public_key_info().to_der()?,
    };
    let entries = revoked
        .iter()
        .map(|revoked| entry(revoked, &issuer))
        .collect::<Result<Vec<_>, _>>()?;
    let number = CrlNumber::try_from(number)?;
    let mut builder = CrlBuilder::new_with_this_update(&certificate, number, time(period.from)?)?
        .with_next_update(Some(time(period.until)?));
    // RFC 5280 §5.1.2.6: without entries the list is absent, not empty.
    if !entries.is_empty() {
        builder = builder.with_certificates(entries.into_iter());
    }
    Unsigned::new(builder, &issuer)
}

fn entry(revoked: &Revoked, issuer: &Issuer) -> Result<RevokedCert, CertificateError> {
    let reason = REASONS.iter().find(|(code, _)| *code == revoked.reason);
    let extensions = match reason {
        Some((_, reason)) => Some(vec![reason.to_extension(&issuer.name, &[])?]),
        // RFC 5280 §5.3.1: unspecified is said by saying nothing.
        None => None,
    };
    let zero = revoked.serial.iter().take_while(|byte| **byte == 0).count();
    Ok(RevokedCert {
        serial_number: SerialNumber::new(revoked.serial.get(zero..).unwrap_or_default())?,
        revocation_date: time(revoked.since)?,
        crl_entry_extensions: extensions,
    })
}

/// Reads lists from a file: PEM blocks one after the other, or one list in DER.
pub fn read(bytes: &[u8]) -> Option<Vec<X509Crl>> {
    if let Ok(list) = X509Crl::from_der(bytes) {
        return Some(vec![list]);
    }
    drop(openssl::error::ErrorStack::get());
    x509_parser::pem::Pem::iter_from_buffer(bytes)
        .map(|block| X509Crl::from_der(&block.ok()?.contents).ok())
        .collect::<Option<Vec<_>>>()
        .filter(|lists| !lists.is_empty())
}

/// Whether a list of its issuer says that a certificate was revoked by `at` (seconds since 1970). A
/// list that is past its next update still tells what it knows.
pub fn is_revoked(certificate: &X509, issuer: &X509, lists: &[X509Crl], at: i64) -> bool {
    let Ok(key) = issuer.public_key() else {
        return false;
    };
    lists
        .iter()
        .filter(|list| same_name(list, issuer) && list.verify(&key).unwrap_or(false))
        .any(|list| match list.get_by_cert(certificate) {
            CrlStatus::Revoked(entry) => has_come(entry.revocation_date(), at),
            CrlStatus::NotRevoked | CrlStatus::RemoveFromCrl(_) => false,
        })
}

fn same_name(list: &X509Crl, issuer: &X509) -> bool {
    let order = list.issuer_name().try_cmp(issuer.subject_name());
    order.is_ok_and(std::cmp::Ordering::is_eq)
}

/// A date that cannot be compared counts as past.
fn has_come(date: &Asn1TimeRef, at: i64) -> bool {
    Asn1Time::from_unix(at)
        .and_then(|at| date.compare(&at))
        .map_or(true, std::cmp::Ordering::is_le)
}
