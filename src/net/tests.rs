//! At the real door: real TLS, bytes in, bytes out, an echo behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod http;
mod legacy;
mod ports;
mod requests;
mod trust;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::registry::Registry;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::{Resumption, Tls12Resumption};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio_rustls::{TlsConnector, rustls::version::TLS12, rustls::version::TLS13};

use super::*;
use crate::pki::{Pair, Pki};

/// Answers with the request; one whose payload begins with `S` takes 200 ms.
#[derive(Default)]
struct Echo {
    peers: Mutex<Vec<Peer>>,
}

impl Service for Echo {
    type State = ();

    fn open(&self, peer: &Peer) {
        self.peers.lock().unwrap().push(peer.clone());
    }

    async fn call(
        &self,
        session: &Session<()>,
        request: &[u8],
        _: Encoding,
        out: &mut Vec<u8>,
    ) -> Outcome {
        assert!(
            session.peer.certificate.is_some(),
            "a request without a certificate came through"
        );
        if request.get(8) == Some(&b'S') {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        out.extend_from_slice(request);
        if request.get(8) == Some(&b'C') {
            Outcome::Close
        } else {
            Outcome::KeepOpen
        }
    }

    async fn refuse(
        &self,
        _: &Session<()>,
        start: &[u8],
        refusal: Refusal,
        _: Encoding,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(format!("{refusal:?} after {}", start.len()).as_bytes());
    }
}

/// A server that runs, and the authority it knows.
struct Running {
    home: tempfile::TempDir,
    pki: Pki,
    client: Pair,
    kmip: SocketAddr,
    https: SocketAddr,
    legacy: Option<SocketAddr>,
    tls: Arc<Tls>,
    echo: Arc<Echo>,
    registry: Arc<Registry>,
    ready: Arc<Mutex<Result<(), String>>>,
    end: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<usize>>,
}

fn limits() -> Limits {
    Limits {
        message: 100_000,
        connections: 100,
        handshake: Duration::from_secs(10),
        idle: Duration::from_secs(20),
        request: Duration::from_secs(10),
        response: Duration::from_secs(10),
        drain: Duration::from_secs(5),
    }
}

impl Running {
    async fn start() -> Running {
        Running::with(limits(), |_| {}).await
    }

    async fn with(limits: Limits, change: impl FnOnce(&mut TlsFiles)) -> Running {
        let home = tempfile::tempdir().unwrap();
        let pki = Pki::open(&home.path().join("pki"), &[]).unwrap();
        let client = pki.first_client("first").unwrap();
        let server = pki.server();
        let directory = home.path().join("pki");
        revoke(&directory, &[]);
        let mut files = TlsFiles {
            certificate: server.certificate,
            key: server.key,
            client_authorities: vec![pki.client_authority()],
            revocations: Some(directory.join("client.crl")),
            revocations_complete: true,
            minimum: TlsMinimum::Tls12,
            legacy: None,
        };
        change(&mut files);
        let free = "127.0.0.1:0";
        let legacy = files.legacy.is_some().then_some(free);
        let tls = Arc::new(Tls::open(files, true).unwrap());
        let bound = Server::bind(free, Some(free), legacy).await.unwrap();
        let (kmip, https) = (
            bound.kmip_address().unwrap(),
            bound.https_address().unwrap().unwrap(),
        );
        let legacy = bound.legacy_address().unwrap();
        let mut registry = Registry::default();
        let metrics = NetMetrics::register(&mut registry);
        let registry = Arc::new(registry);
        let echo = Arc::new(Echo::default());
        let ready = Arc::new(Mutex::new(Ok(())));
        let asked = Arc::clone(&ready);
        let pages = Pages {
            registry: Arc::clone(&registry),
            ready: Arc::new(move || asked.lock().unwrap().clone().map(|()| Standing::Whole)),
        };
        let parts = Parts {
            service: Arc::clone(&echo),
            tls: Arc::clone(&tls),
            limits,
            metrics,
            pages,
        };
        let (end, ended) = oneshot::channel();
        let served = tokio::spawn(bound.run(parts, async { drop(ended.await) }));
        let (end, served) = (Some(end), Some(served));
        Running {
            home,
            pki,
            client,
            kmip,
            https,
            legacy,
            tls,
            echo,
            registry,
            ready,
            end,
            served,
        }
    }

    fn connector(&self) -> Client {
        Client::new(&self.pki.bundle(), Some(&self.client), &[&TLS13])
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        self.connector().connect(self.kmip).await.unwrap()
    }

    fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Tells it to end; answers how many connections it cut off.
    async fn end(&mut self) -> usize {
        self.end.take().unwrap().send(()).unwrap();
        self.served.take().unwrap().await.unwrap()
    }
}

/// A client and what it remembers of its sessions.
struct Client(TlsConnector);

impl Client {
    fn new(
        ca: &Path,
        pair: Option<&Pair>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Client {
        Client(TlsConnector::from(Arc::new(Client::config(
            ca, pair, versions,
        ))))
    }

    /// One that resumes TLS 1.2 sessions by their identifier, as clients without tickets do.
    fn with_session_ids(ca: &Path, pair: &Pair) -> Client {
        let mut config = Client::config(ca, Some(pair), &[&TLS12]);
        config.resumption =
            Resumption::in_memory_sessions(8).tls12_resumption(Tls12Resumption::SessionIdOnly);
        Client(TlsConnector::from(Arc::new(config)))
    }

    fn config(
        ca: &Path,
        pair: Option<&Pair>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(ca).unwrap())
            .unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        match pair {
            None => config.with_no_client_auth(),
            Some(pair) => {
                let chain = vec![CertificateDer::from_pem_file(&pair.certificate).unwrap()];
                config
                    .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&pair.key).unwrap())
                    .unwrap()
            }
        }
    }

    async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        self.0
            .connect(ServerName::try_from("localhost").unwrap(), socket)
            .await
    }

    /// Whether a request of this client is answered. In TLS 1.3 a client learns that it was
    /// refused only after it believes the handshake done.
    async fn served(&self, address: SocketAddr) -> bool {
        match self.connect(address).await {
            Ok(mut stream) => exchange(&mut stream, &message(b"hello")).await.is_ok(),
            Err(_) => false,
        }
    }
}

/// A Request Message with this payload.
fn message(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x42, 0x00, 0x78, 0x01];
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Sends a message and reads as much back.
async fn exchange(stream: &mut TlsStream<TcpStream>, request: &[u8]) -> std::io::Result<()> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut answer = vec![0; request.len()];
    stream.read_exact(&mut answer).await?;
    assert_eq!(answer, request);
    Ok(())
}

/// Whatever comes until the server closes.
async fn rest(stream: &mut TlsStream<TcpStream>) -> Vec<u8> {
    let mut all = Vec::new();
    tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut all))
        .await
        .expect("not closed")
        .ok();
    all
}

/// The list of the client authority, with these certificates on it.
fn revoke(directory: &Path, certificates: &[&Pair]) {
    let key = KeyPair::from_pem(&std::fs::read_to_string(directory.join("client-ca.key")).unwrap())
        .unwrap();
    let ca = std::fs::read_to_string(directory.join("client-ca.pem")).unwrap();
    let now = OffsetDateTime::now_utc();
    let serial = |pair: &&Pair| {
        let der = CertificateDer::from_pem_file(&pair.certificate).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        RevokedCertParams {
            serial_number: SerialNumber::from_slice(parsed.raw_serial()),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        }
    };
    let list = CertificateRevocationListParams {
        this_update: now - time::Duration::minutes(1),
        next_update: now + time::Duration::days(1),
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: certificates.iter().map(serial).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list
        .signed_by(&Issuer::from_ca_cert_pem(&ca, key).unwrap())
        .unwrap();
    std::fs::write(directory.join("client.crl"), list.pem().unwrap()).unwrap();
}
