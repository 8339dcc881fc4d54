//! Ways to bring a message to a server: TTLV straight in TLS, framed by its own length, or HTTPS POST
//! in each of three encodings.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use ttlv::{Limits, Node, binary, json, xml};

use crate::http::{self, Posted};
use crate::names::NAMES;

/// A response larger than this, in bytes, is not read.
pub const LARGEST: usize = 64 << 20;

/// What a message travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    Ttlv,
    HttpsTtlv,
    HttpsJson,
    HttpsXml,
}

impl Transport {
    /// Over HTTPS, the media type (KMIP Profiles 2.1 §5.6, §5.10, §5.11).
    fn media_type(self) -> Option<&'static str> {
        match self {
            Transport::Ttlv => None,
            Transport::HttpsTtlv => Some("application/octet-stream"),
            Transport::HttpsJson => Some("application/json"),
            Transport::HttpsXml => Some("text/xml"),
        }
    }

    fn encode(self, message: &Node<'_>) -> Result<Vec<u8>, ttlv::Error> {
        let mut text = String::new();
        match self {
            Transport::Ttlv | Transport::HttpsTtlv => return Ok(binary::to_vec(message)),
            Transport::HttpsJson => json::encode(message, &NAMES, &mut text),
            Transport::HttpsXml => xml::encode(message, &NAMES, &mut text)?,
        }
        Ok(text.into_bytes())
    }

    fn decode(self, message: &[u8]) -> Result<Node<'static>, ttlv::Error> {
        let limits = Limits {
            depth: Limits::MAX_DEPTH,
            items: 1 << 20,
            bytes: LARGEST,
        };
        Ok(match self {
            Transport::Ttlv | Transport::HttpsTtlv => {
                binary::decode(message, &limits)?.into_owned()
            }
            Transport::HttpsJson => json::decode(message, &NAMES, &limits)?.into_owned(),
            Transport::HttpsXml => xml::decode(message, &NAMES, &limits)?,
        })
    }
}

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
    #[error("HTTP: {0}")]
    Http(String),
    #[error("not a message of this encoding: {0}")]
    Encoding(#[from] ttlv::Error),
}

/// Where the server is, and who we are.
#[derive(Debug)]
pub struct Endpoint {
    address: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    transport: Transport,
    timeout: Duration,
}

impl Endpoint {
    /// `ca`, `certificate` and `key` are PEM files; `name` is what the server's certificate must say.
    pub fn new(
        address: (&str, u16),
        name: &str,
        (ca, certificate, key): (&Path, &Path, &Path),
        transport: Transport,
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
            transport,
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
        let transport = self.endpoint.transport;
        let request = transport.encode(request)?;
        let reused = self.stream.is_some();
        let mut outcome = self.once(&request);
        // A server may close a connection after an answer, which shows only at the next request.
        if reused && outcome.as_ref().is_err_and(is_closed) {
            outcome = self.once(&request);
        }
        Ok(transport.decode(&outcome?)?)
    }

    fn once(&mut self, request: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.endpoint.open()?,
        };
        let timeout = self.endpoint.timeout;
        let posted = match self.endpoint.transport.media_type() {
            None => send_and_receive(&mut stream, request),
            Some(media_type) => {
                http::post(&mut stream, &self.endpoint.address, media_type, request)
            }
        };
        let posted = posted.map_err(|error| match error {
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
        self.stream = posted.open.then_some(stream);
        Ok(posted.body)
    }
}

fn send_and_receive(
    stream: &mut (impl Read + Write),
    request: &[u8],
) -> Result<Posted, TransportError> {
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
    Ok(Posted {
        body: message,
        open: true,
    })
}

fn is_closed(error: &TransportError) -> bool {
    matches!(error, TransportError::Connection(_))
}
