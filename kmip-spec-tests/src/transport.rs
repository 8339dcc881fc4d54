//! KMIP over TLS: one connection, messages framed by their own length.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use ttlv::{Limits, Node, binary};

/// A response larger than this, in bytes, is not read.
const LARGEST: usize = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("cannot read {what} from {path}: {reason}")]
    Credentials {
        what: &'static str,
        path: String,
        reason: String,
    },
    #[error("TLS set-up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("{0:?} is not the name of a server")]
    ServerName(String),
    #[error("cannot connect to {0}: {1}")]
    Connect(String, io::Error),
    #[error("connection: {0}")]
    Connection(#[from] io::Error),
    #[error("no response in {0:?}")]
    Timeout(Duration),
    #[error("the response claims {0} bytes, more than {LARGEST}")]
    TooLong(usize),
    #[error("the response is not TTLV: {0}")]
    NotTtlv(#[from] ttlv::Error),
}

/// Where the server is, and who we are.
#[derive(Debug)]
pub struct Endpoint {
    address: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    timeout: Duration,
}

impl Endpoint {
    /// `ca`, `certificate` and `key` are PEM files; `name` is what the server's certificate must say.
    pub fn new(
        address: (&str, u16),
        name: &str,
        (ca, certificate, key): (&Path, &Path, &Path),
        timeout: Duration,
    ) -> Result<Endpoint, TransportError> {
        let mut roots = RootCertStore::empty();
        for root in certificates("the authority's certificate", ca)? {
            roots.add(root)?;
        }
        let chain = certificates("the client's certificate", certificate)?;
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|reason| unreadable("the client's key", key, &reason))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| TransportError::ServerName(name.to_owned()))?;
        let (host, port) = address;
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        Ok(Endpoint {
            address: format!("{host}:{port}"),
            name,
            config: Arc::new(config),
            timeout,
        })
    }

    pub fn connect(&self) -> Connection<'_> {
        Connection {
            endpoint: self,
            stream: None,
        }
    }

    fn open(&self) -> Result<StreamOwned<ClientConnection, TcpStream>, TransportError> {
        let failed = |error| TransportError::Connect(self.address.clone(), error);
        let mut last = io::Error::other("no such host");
        for address in self.address.to_socket_addrs().map_err(failed)? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(socket) => {
                    socket.set_nodelay(true)?;
                    socket.set_read_timeout(Some(self.timeout))?;
                    socket.set_write_timeout(Some(self.timeout))?;
                    let session = ClientConnection::new(self.config.clone(), self.name.clone())?;
                    return Ok(StreamOwned::new(session, socket));
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }
}

fn certificates(
    what: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let found =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|reason| unreadable(what, path, &reason))?;
    if found.is_empty() {
        Err(unreadable(what, path, &"no certificate in it"))
    } else {
        Ok(found)
    }
}

fn unreadable(what: &'static str, path: &Path, reason: &dyn std::fmt::Display) -> TransportError {
    let (path, reason) = (path.display().to_string(), reason.to_string());
    TransportError::Credentials { what, path, reason }
}

/// A connection of one case, opened at the first request and again when the server closed it.
pub struct Connection<'e> {
    endpoint: &'e Endpoint,
    stream: Option<StreamOwned<ClientConnection, TcpStream>>,
}

impl Connection<'_> {
    pub fn exchange(&mut self, request: &Node<'_>) -> Result<Node<'static>, TransportError> {
        let request = binary::to_vec(request);
        let reused = self.stream.is_some();
        let mut outcome = self.once(&request);
        // A server may close a connection after an answer, which shows only at the next request.
        if reused && outcome.as_ref().is_err_and(is_closed) {
            outcome = self.once(&request);
        }
        let limits = Limits {
            depth: Limits::MAX_DEPTH,
            items: 1 << 20,
            bytes: LARGEST,
        };
        Ok(binary::decode(&outcome?, &limits)?.into_owned())
    }

    fn once(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.endpoint.open()?,
        };
        let timeout = self.endpoint.timeout;
        let answer = send_and_receive(&mut stream, request).map_err(|error| match error {
            TransportError::Connection(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                TransportError::Timeout(timeout)
            }
            other => other,
        })?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

fn send_and_receive(
    stream: &mut (impl Read + Write),
    request: &[u8],
) -> Result<Vec<u8>, TransportError> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut header = [0; binary::HEADER_LEN];
    stream.read_exact(&mut header)?;
    let length = binary::message_length(&header)?;
    if length > LARGEST {
        return Err(TransportError::TooLong(length));
    }
    let mut message = header.to_vec();
    message.resize(length, 0);
    let (_, body) = message.split_at_mut(binary::HEADER_LEN);
    stream.read_exact(body)?;
    Ok(message)
}

fn is_closed(error: &TransportError) -> bool {
    matches!(error, TransportError::Connection(_))
}
