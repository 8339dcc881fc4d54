//! One connection of the load client: blocking, mutual TLS, one request in flight.

use std::io::{BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore,
};

use super::request::{LONGEST, Trouble};
use crate::cli::Failure;
use crate::config::Address;

/// A server that says nothing for so long is counted as lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// Received bytes that are taken from the kernel in one call: a whole answer of 64 KiB.
const RECEIVED: usize = 80 << 10;

/// Where the server is, and what is shown to it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// As it was named.
    pub(super) server: Address,
    address: SocketAddr,
    name: ServerName<'static>,
    full: Arc<ClientConfig>,
}

impl Target {
    pub(super) fn new(
        server: &Address,
        ca: &Path,
        certificate: &Path,
        key: &Path,
    ) -> Result<Target, Failure> {
        let address = server
            .to_string()
            .to_socket_addrs()
            .map_err(Failure::io(server.to_string()))?
            .next()
            .ok_or_else(|| Failure::Refused(format!("{server} has no address")))?;
        let name = ServerName::try_from(server.host().to_owned())
            .map_err(|_| Failure::Refused(format!("{server}: no name of a server")))?;
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |error: rustls_pki_types::pem::Error| {
                // Not the cause's own words: they may quote a key.
                let cause = match error {
                    rustls_pki_types::pem::Error::Io(cause) => cause.to_string(),
                    _ => "PEM expected".to_owned(),
                };
                Failure::Refused(format!("{}: {cause}", path.display()))
            }
        };
        let certificates = |path: &Path| {
            CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(refused(path))
        };
        let mut roots = RootCertStore::empty();
        for root in certificates(ca)? {
            roots
                .add(root)
                .map_err(|error| Failure::Refused(format!("{}: {error}", ca.display())))?;
        }
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(refused(key))?;
        let unfit = |error| Failure::Tls(crate::net::TlsError::Refused(error));
        let mut full = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(unfit)?;
        full.resumption = Resumption::disabled();
        Ok(Target {
            server: server.clone(),
            address,
            name,
            full: Arc::new(full),
        })
    }

    /// The same, which takes up its earlier sessions: of its own, not those of others.
    pub(super) fn resuming(&self) -> Target {
        let mut config = ClientConfig::clone(&self.full);
        config.resumption = Resumption::in_memory_sessions(4);
        Target {
            full: Arc::new(config),
            ..self.clone()
        }
    }

    pub(super) fn open(&self) -> Result<Line, Trouble> {
        let lost = |error: std::io::Error| Trouble::Lost(error.to_string());
        let socket = TcpStream::connect_timeout(&self.address, PATIENCE).map_err(lost)?;
        socket.set_nodelay(true).map_err(lost)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(lost)?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(lost)?;
        let received = BufReader::with_capacity(RECEIVED, socket.try_clone().map_err(lost)?);
        let mut tls = ClientConnection::new(Arc::clone(&self.full), self.name.clone())
            .map_err(|error| Trouble::Lost(error.to_string()))?;
        // A request leaves in one piece, whatever its size.
        tls.set_buffer_limit(None);
        Ok(Line {
            tls,
            socket,
            received,
            answer: Vec::new(),
        })
    }
}

pub(super) struct Line {
    tls: ClientConnection,
    socket: TcpStream,
    /// The same socket's other half.
    received: BufReader<TcpStream>,
    answer: Vec<u8>,
}

impl Line {
    /// Sends a message and waits for the whole answer.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<&[u8], Trouble> {
        self.exchange(request).map_err(|error| {
            Trouble::Lost(match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    format!("no answer within {} s", PATIENCE.as_secs())
                }
                _ => error.to_string(),
            })
        })?;
        Ok(&self.answer)
    }

    fn exchange(&mut self, request: &[u8]) -> std::io::Result<()> {
        self.tls.writer().write_all(request)?;
        self.answer.clear();
        let mut part = [0; 16 << 10];
        while self.missing()? {
            while self.tls.wants_write() {
                self.tls.write_tls(&mut self.socket)?;
            }
            match self.tls.reader().read(&mut part) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.answer.extend(part.iter().take(length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.tls.read_tls(&mut self.received)? == 0 {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    let processed = self.tls.process_new_packets();
                    processed.map_err(|error| std::io::Error::other(error.to_string()))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn missing(&self) -> std::io::Result<bool> {
        let Some(header) = self.answer.first_chunk() else {
            return Ok(true);
        };
        let refused = |text: String| std::io::Error::other(text);
        let length = ttlv::binary::message_length(header)
            .map_err(|error| refused(format!("this is no KMIP answer: {error}")))?;
        match length > LONGEST {
            true => Err(refused(format!("an answer of {length} bytes"))),
            false => Ok(self.answer.len() < length),
        }
    }

    /// Whether the handshake took up an earlier session.
    pub(super) fn is_resumed(&self) -> bool {
        self.tls.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    pub(super) fn version(&self) -> Option<ProtocolVersion> {
        self.tls.protocol_version()
    }

    /// Version and cipher suite, once something was asked.
    pub(super) fn tls(&self) -> String {
        let version = self.tls.protocol_version();
        let suite = self.tls.negotiated_cipher_suite();
        let version = version
            .and_then(|version| version.as_str())
            .unwrap_or("TLS");
        let suite = suite.and_then(|suite| suite.suite().as_str()).unwrap_or("");
        format!("{version} {suite}")
    }

    /// Ends the connection in order.
    pub(super) fn close(mut self) {
        self.tls.send_close_notify();
        // Nobody waits for it any more.
        let _ = self.tls.write_tls(&mut self.socket);
    }
}
