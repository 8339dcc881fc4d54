//! A server that does nothing: it gives back what another server once answered, over the same TLS.
//! What it reaches is the most that client and machine can do.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};

use super::line::Target;
use crate::cli::Failure;
use crate::config::Address;
use crate::net::TlsError;
use crate::pki::Pki;

/// Its answers, given in turn on each connection.
type Answers = Arc<ArcSwap<Vec<Vec<u8>>>>;

pub(super) struct Echo {
    /// What the load client connects to.
    pub(super) target: Target,
    answers: Answers,
}

/// Certificates for one run; nobody needs their files once they were read.
struct Files(PathBuf);

impl Drop for Files {
    fn drop(&mut self) {
        // Left behind in the system's temporary directory at worst.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Echo {
    /// Serves on a port of loopback until the process ends, in the TLS version that the other server
    /// chose, with certificates of its own: P-256, as quickstart makes them.
    pub(super) fn start(version: Option<ProtocolVersion>) -> Result<Echo, Failure> {
        let directory = std::env::temp_dir().join(format!("keyward-echo-{}", uuid::Uuid::new_v4()));
        let files = Files(directory);
        let pki = Pki::open(&files.0, &["127.0.0.1".to_owned()])?;
        let client = pki.first_client("keyward bench")?;
        let config = Arc::new(config(&pki, version)?);
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).map_err(Failure::io("the echo server's port"))?;
        let address = listener
            .local_addr()
            .map_err(Failure::io("the echo server"))?;
        let address: Address = address
            .to_string()
            .parse()
            .map_err(|_| Failure::Refused(format!("{address}: no address")))?;
        let target = Target::new(&address, &pki.bundle(), &client.certificate, &client.key)?;
        let answers = Answers::default();
        let given = Arc::clone(&answers);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, answers) = (Arc::clone(&config), Arc::clone(&given));
                std::thread::spawn(move || {
                    // A connection that ends badly is seen on the client's side.
                    let _ = serve(socket, config, &answers);
                });
            }
        });
        Ok(Echo { target, answers })
    }

    /// What is given back from now on, on new connections.
    pub(super) fn answer(&self, answers: &[Vec<u8>]) {
        self.answers.store(Arc::new(answers.to_vec()));
    }
}

fn config(pki: &Pki, version: Option<ProtocolVersion>) -> Result<ServerConfig, Failure> {
    let unread = |error: rustls_pki_types::pem::Error| {
        Failure::Refused(format!("the echo server's certificates: {error}"))
    };
    let unfit = |error| Failure::Tls(TlsError::Refused(error));
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(pki.client_authority()).map_err(unread)?;
    roots.add(authority).map_err(unfit)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .build()
        .map_err(|error| Failure::Refused(format!("the echo server's clients: {error}")))?;
    let server = pki.server();
    let chain = CertificateDer::pem_file_iter(&server.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unread)?;
    let key = PrivateKeyDer::from_pem_file(&server.key).map_err(unread)?;
    let versions = match version {
        Some(ProtocolVersion::TLSv1_2) => &[&TLS12],
        _ => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(unfit)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(unfit)?;
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(unfit)?;
    Ok(config)
}

fn serve(
    mut socket: TcpStream,
    config: Arc<ServerConfig>,
    answers: &Answers,
) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let answers = answers.load_full();
    let mut answers = answers.iter().cycle();
    let mut tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
    tls.set_buffer_limit(None);
    let mut received = std::io::BufReader::with_capacity(80 << 10, socket.try_clone()?);
    let mut request = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        while tls.wants_write() {
            tls.write_tls(&mut socket)?;
        }
        match tls.reader().read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(length) => request.extend(part.iter().take(length)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if tls.read_tls(&mut received)? == 0 {
                    return Ok(());
                }
                tls.process_new_packets().map_err(std::io::Error::other)?;
                continue;
            }
            Err(error) => return Err(error),
        }
        let Some(header) = request.first_chunk() else {
            continue;
        };
        let whole = ttlv::binary::message_length(header).map_err(std::io::Error::other)?;
        if request.len() >= whole {
            request.drain(..whole);
            if let Some(answer) = answers.next() {
                tls.writer().write_all(answer)?;
            }
        }
    }
}
