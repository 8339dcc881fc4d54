//! Whose certificates are accepted: those of the client authorities, and single ones registered
//! by fingerprint, which no authority of ours has signed.
//!
//! A TLS session is resumed without looking at the certificate again, and a connection may live
//! for weeks. So what is trusted carries a generation: who was accepted under an older one is
//! looked at again before the next request (DESIGN §6).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

/// SHA-256 of a certificate's DER.
pub type Fingerprint = [u8; 32];

pub fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate.as_ref()).into()
}

/// What is trusted now; shared by every listener and swapped as a whole.
#[derive(Debug)]
pub struct Trust {
    provider: Arc<CryptoProvider>,
    authorities: ArcSwap<Authorities>,
    registered: ArcSwap<HashSet<Fingerprint>>,
    generation: AtomicU64,
}

#[derive(Debug)]
struct Authorities {
    /// None when no authority is configured: then only registered certificates are accepted.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

/// What the files say about clients.
#[derive(Debug, Default)]
pub struct ClientAuthorities {
    pub certificates: Vec<CertificateDer<'static>>,
    pub revocations: Vec<CertificateRevocationListDer<'static>>,
    /// Refuse a certificate whose authority has no list here, or one that is past its next update.
    pub revocations_complete: bool,
}

impl Trust {
    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        authorities: &ClientAuthorities,
    ) -> Result<Trust, Error> {
        let verifier = build(&provider, authorities)?;
        Ok(Trust {
            provider,
            authorities: ArcSwap::from_pointee(verifier),
            registered: ArcSwap::default(),
            generation: AtomicU64::new(1),
        })
    }

    /// Replaces the authorities. On an error the old ones stay.
    pub(super) fn replace(&self, authorities: &ClientAuthorities) -> Result<(), Error> {
        self.authorities
            .store(Arc::new(build(&self.provider, authorities)?));
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Replaces the list of certificates accepted by fingerprint. Connections of those no longer
    /// in it end at their next request.
    pub fn register(&self, fingerprints: HashSet<Fingerprint>) {
        self.registered.store(Arc::new(fingerprints));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Grows with every change of what is trusted.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether this chain would be accepted today.
    pub(super) fn accepts(&self, chain: &[CertificateDer<'_>]) -> Result<(), Error> {
        let (end_entity, intermediates) =
            chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        self.verify_client_cert(end_entity, intermediates, UnixTime::now())
            .map(|_| ())
    }
}

fn build(
    provider: &Arc<CryptoProvider>,
    authorities: &ClientAuthorities,
) -> Result<Authorities, Error> {
    if authorities.certificates.is_empty() {
        return Ok(Authorities { verifier: None });
    }
    let mut roots = RootCertStore::empty();
    for certificate in &authorities.certificates {
        roots.add(certificate.clone())?;
    }
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .with_crls(authorities.revocations.iter().cloned())
            .only_check_end_entity_revocation();
    builder = match authorities.revocations_complete {
        true => builder.enforce_revocation_expiration(),
        false => builder.allow_unknown_revocation_status(),
    };
    let verifier = builder
        .build()
        .map_err(|error| Error::General(format!("client authorities: {error}")))?;
    Ok(Authorities {
        verifier: Some(verifier),
    })
}

/// A registered certificate needs no authority, but it expires like any other.
fn in_its_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < parsed.validity().not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > parsed.validity().not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

impl ClientCertVerifier for Trust {
    /// None: a client with a registered certificate of some other authority would otherwise find
    /// no name it knows and send nothing; and strangers learn no names.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.registered.load().contains(&fingerprint(end_entity)) {
            in_its_time(end_entity, now)?;
            return Ok(ClientCertVerified::assertion());
        }
        match &self.authorities.load().verifier {
            Some(verifier) => verifier.verify_client_cert(end_entity, intermediates, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The same trust where a certificate may be missing: the HTTPS port, whose health pages probes
/// without a certificate read. A certificate that is sent must still be a good one.
#[derive(Debug)]
pub(super) struct Optional(pub(super) Arc<Trust>);

impl ClientCertVerifier for Optional {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
