//! A way in behind TLS, for fuzzing only: a server that is built for use does not have it. Tests
//! compile it, too, so that it keeps up with what it opens.
#![allow(
    clippy::expect_used,
    missing_debug_implementations,
    reason = "not part of a server"
)]

use std::path::Path;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::http;
use super::listener::Shared;
use super::trust::fingerprint;
use super::{
    Limits, NetMetrics, Pages, Peer, Service, Standing, Tls, TlsFiles, TlsMinimum, TlsVersion,
    Transport,
};
use crate::pki::Pki;

/// The HTTPS port's connections, one at a time.
pub struct Door<S: Service> {
    shared: Arc<Shared<S>>,
    certificate: CertificateDer<'static>,
    _told: watch::Sender<bool>,
}

impl<S: Service> Door<S> {
    /// # Panics
    /// When no certificates can be made in `directory`.
    pub fn new(directory: &Path, service: Arc<S>, limits: Limits) -> Door<S> {
        let pki = Pki::open(directory, &[]).expect("certificates");
        let client = pki.first_client("client").expect("a client");
        let files = TlsFiles {
            certificate: pki.server().certificate,
            key: pki.server().key,
            client_authorities: vec![pki.client_authority()],
            revocations: None,
            revocations_complete: false,
            minimum: TlsMinimum::Tls13,
            legacy: None,
        };
        let mut registry = Registry::default();
        let metrics = NetMetrics::register(&mut registry);
        let (told, drain) = watch::channel(false);
        Door {
            shared: Arc::new(Shared {
                service,
                tls: Arc::new(Tls::open(files, true).expect("TLS")),
                limits: Arc::new(limits),
                metrics: Arc::new(metrics),
                pages: Pages {
                    registry: Arc::new(registry),
                    ready: Arc::new(|| Ok(Standing::Whole)),
                },
                drain,
            }),
            certificate: CertificateDer::from_pem_file(client.certificate).expect("PEM"),
            _told: told,
        }
    }

    /// Serves a connection whose client has shown a certificate, or none.
    pub async fn http(&self, stream: impl AsyncRead + AsyncWrite + Unpin, certified: bool) {
        let certificate = certified.then(|| Arc::new(self.certificate.clone()));
        let peer = Peer {
            address: ([127, 0, 0, 1], 5696).into(),
            fingerprint: fingerprint(&self.certificate),
            certificate,
            resumed: false,
            protocol: TlsVersion::Tls13,
            transport: Transport::Https,
        };
        let trusted = self.shared.tls.trust().generation();
        let shared = Arc::clone(&self.shared);
        http::converse(
            stream,
            vec![self.certificate.clone()],
            peer,
            trusted,
            shared,
        )
        .await;
    }
}
