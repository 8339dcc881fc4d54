//! The ports: accept, handshake, one task per connection, an orderly end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, HandshakeKind, ProtocolVersion};

use super::blanking::Blanking;
use super::buffer::Buffer;
use super::connection::{Connection, End, is_hang_up};
use super::http::{self, Pages};
use super::legacy;
use super::limits::Limits;
use super::metrics::NetMetrics;
use super::service::{Peer, Service, Session, TlsVersion, Transport};
use super::stream::Stream;
use super::tls::Tls;
use super::trust::fingerprint;

/// After an error of accept() that does not concern one connection (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The ports, bound but not yet served.
#[derive(Debug)]
pub struct Server {
    kmip: TcpListener,
    https: Option<TcpListener>,
    legacy: Option<TcpListener>,
}

/// What a connection came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Kmip,
    Https,
    /// KMIP as on the first, under old TLS.
    Legacy,
}

impl Door {
    fn transport(self) -> Transport {
        match self {
            Door::Kmip | Door::Legacy => Transport::Kmip,
            Door::Https => Transport::Https,
        }
    }
}

/// What the ports share.
pub(super) struct Shared<S: Service> {
    pub(super) service: Arc<S>,
    pub(super) tls: Arc<Tls>,
    pub(super) limits: Arc<Limits>,
    pub(super) metrics: Arc<NetMetrics>,
    pub(super) pages: Pages,
    pub(super) drain: watch::Receiver<bool>,
}

/// What is needed to serve.
pub struct Parts<S: Service> {
    pub service: Arc<S>,
    pub tls: Arc<Tls>,
    pub limits: Limits,
    pub metrics: NetMetrics,
    pub pages: Pages,
}

impl<S: Service> std::fmt::Debug for Parts<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Takes the addresses, `HOST:PORT` each; port 0 takes a free one.
    pub async fn bind(kmip: &str, https: Option<&str>, legacy: Option<&str>) -> io::Result<Server> {
        Ok(Server {
            kmip: bind(kmip).await?,
            https: bind_where(https).await?,
            legacy: bind_where(legacy).await?,
        })
    }

    pub fn kmip_address(&self) -> io::Result<SocketAddr> {
        self.kmip.local_addr()
    }

    pub fn https_address(&self) -> io::Result<Option<SocketAddr>> {
        self.https.as_ref().map(TcpListener::local_addr).transpose()
    }

    pub fn legacy_address(&self) -> io::Result<Option<SocketAddr>> {
        let legacy = self.legacy.as_ref();
        legacy.map(TcpListener::local_addr).transpose()
    }

    /// Serves until `end` completes. Then nothing more is accepted, requests under way are
    /// answered, and it returns when all connections are closed or the drain time is over;
    /// the answer is how many had to be cut off.
    pub async fn run<S: Service>(self, parts: Parts<S>, end: impl Future<Output = ()>) -> usize {
        let (draining, drain) = watch::channel(false);
        let patience = parts.limits.drain;
        let shared = Arc::new(Shared {
            service: parts.service,
            tls: parts.tls,
            limits: Arc::new(parts.limits),
            metrics: Arc::new(parts.metrics),
            pages: parts.pages,
            drain,
        });
        let served = async |listener: Option<TcpListener>, door| match listener {
            Some(listener) => accept(listener, door, Arc::clone(&shared)).await,
            None => 0,
        };
        let mut cut = 0;
        let work = async {
            let (kmip, https, legacy) = tokio::join!(
                served(Some(self.kmip), Door::Kmip),
                served(self.https, Door::Https),
                served(self.legacy, Door::Legacy),
            );
            kmip + https + legacy
        };
        let stop = async {
            end.await;
            tracing::info!(
                seconds = patience.as_secs(),
                "ending: open requests are finished"
            );
            draining.send_replace(true);
        };
        tokio::join!(async { cut = work.await }, stop);
        cut
    }
}

async fn bind(address: &str) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
}

async fn bind_where(address: Option<&str>) -> io::Result<Option<TcpListener>> {
    match address {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    }
}

/// Accepts until told to end, then waits for its connections; answers how many it cut off.
async fn accept<S: Service>(listener: TcpListener, door: Door, shared: Arc<Shared<S>>) -> usize {
    let permits = Arc::new(Semaphore::new(shared.limits.connections));
    let mut drain = shared.drain.clone();
    let mut tasks = JoinSet::new();
    loop {
        let next = async {
            // A permit first: beyond the limit connections wait in the system's queue.
            let permit = Arc::clone(&permits).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            biased;
            () = told_to_end(&mut drain) => break,
            next = next => next,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
        };
        match (accepted, permit) {
            (Ok((socket, address)), Ok(permit)) => {
                shared.metrics.accepted.inc();
                tasks.spawn(serve(socket, address, door, Arc::clone(&shared), permit));
            }
            (Err(error), _) if is_hang_up(&error) => {}
            (Err(error), _) => {
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (_, Err(_closed)) => break,
        }
    }
    drop(listener);
    let _ = timeout(shared.limits.drain, async {
        while tasks.join_next().await.is_some() {}
    })
    .await;
    let cut = tasks.len();
    tasks.shutdown().await;
    cut
}

async fn serve<S: Service>(
    socket: TcpStream,
    address: SocketAddr,
    door: Door,
    shared: Arc<Shared<S>>,
    _permit: OwnedSemaphorePermit,
) {
    shared.metrics.open.inc();
    // Boxed, so that the handshake's large state does not stay with the connection's task.
    let handshake = Box::pin(shake_hands(socket, address, door, &shared));
    if let Some((stream, peer, trusted)) = handshake.await {
        match door.transport() {
            Transport::Kmip => {
                let end = connection(stream, peer, trusted, &shared).run().await;
                log_end(address, &end);
            }
            Transport::Https => http::serve(stream, peer, trusted, Arc::clone(&shared)).await,
        }
    }
    shared.metrics.open.dec();
}

fn connection<S: Service>(
    stream: Stream,
    peer: Peer,
    trusted: u64,
    shared: &Shared<S>,
) -> Connection<S> {
    let state = shared.service.open(&peer);
    Connection {
        stream,
        service: Arc::clone(&shared.service),
        session: Arc::new(Session {
            peer: Arc::new(peer),
            state,
        }),
        limits: Arc::clone(&shared.limits),
        metrics: Arc::clone(&shared.metrics),
        trust: Arc::clone(shared.tls.trust()),
        trusted,
        drain: shared.drain.clone(),
        input: Buffer::default(),
        ready: Buffer::default(),
        current: Buffer::default(),
    }
}

/// The stream, who is there, and the generation of trust this was decided under.
type Accepted = (Stream, Peer, u64);

async fn shake_hands<S: Service>(
    socket: TcpStream,
    address: SocketAddr,
    door: Door,
    shared: &Shared<S>,
) -> Option<Accepted> {
    // An answer is one write; waiting for more to send with it costs the client 40 ms.
    let _ = socket.set_nodelay(true);
    let mut drain = shared.drain.clone();
    let trusted = shared.tls.trust().generation();
    let shake = async {
        tokio::select! {
            biased;
            began = says_something(&socket) => if !began { return Ok(None) },
            () = told_to_end(&mut drain) => return Ok(None),
        }
        secured(socket, door, shared).await.map(Some)
    };
    let stream = match timeout(shared.limits.handshake, shake).await {
        Ok(Ok(Some(stream))) => stream,
        Ok(Ok(None)) => {
            tracing::debug!(%address, "connection closed without a byte");
            return None;
        }
        Ok(Err(error)) => {
            shared.metrics.handshakes_failed.inc();
            tracing::info!(%address, %error, "TLS handshake failed");
            return None;
        }
        Err(_) => {
            shared.metrics.handshakes_failed.inc();
            tracing::info!(%address, "TLS handshake took too long");
            return None;
        }
    };
    let peer = peer(&stream, address, door);
    if peer.resumed {
        shared.metrics.resumed.inc();
    }
    if let Err(error) = acceptable(&stream, &peer, shared) {
        shared.metrics.handshakes_failed.inc();
        tracing::info!(%address, %error, "client refused");
        return None;
    }
    if let Stream::Legacy(stream) = &stream {
        shared.metrics.legacy.inc();
        let suite = legacy::suite(stream.ssl());
        tracing::info!(%address, suite, "a client on the legacy port");
    }
    Some((stream, peer, trusted))
}

async fn secured<S: Service>(
    socket: TcpStream,
    door: Door,
    shared: &Shared<S>,
) -> io::Result<Stream> {
    let config = match door {
        Door::Kmip => shared.tls.kmip(),
        Door::Https => shared.tls.https(),
        Door::Legacy => {
            let none = || io::Error::other("the legacy port has no certificate");
            let context = shared.tls.legacy().ok_or_else(none)?;
            let stream = legacy::accept(&context, socket).await;
            return stream.map(Stream::Legacy).map_err(io::Error::other);
        }
    };
    let socket = Blanking::new(socket);
    let stream = TlsAcceptor::from(config).accept(socket).await?;
    Ok(Stream::Modern(Box::new(stream)))
}

/// Health checks, and vCenter by the dozen, connect and close without a byte.
async fn says_something(socket: &TcpStream) -> bool {
    let mut byte = [0; 1];
    matches!(socket.peek(&mut byte).await, Ok(1..))
}

/// A full handshake of rustls has checked the certificate. A resumed one has only remembered it, and
/// OpenSSL's has only checked that its key is there.
fn acceptable<S: Service>(
    stream: &Stream,
    peer: &Peer,
    shared: &Shared<S>,
) -> Result<(), rustls::Error> {
    let checked = matches!(stream, Stream::Modern(_)) && !peer.resumed;
    match peer.certificate {
        Some(_) if checked => Ok(()),
        Some(_) => shared.tls.trust().accepts(&stream.certificates()),
        None if peer.transport == Transport::Https => Ok(()),
        None => Err(rustls::Error::NoCertificatesPresented),
    }
}

fn peer(stream: &Stream, address: SocketAddr, door: Door) -> Peer {
    let certificate = stream.certificates().into_iter().next();
    let (resumed, protocol) = match stream {
        Stream::Modern(stream) => {
            let tls = stream.get_ref().1;
            let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
            (resumed, tls.protocol_version())
        }
        Stream::Legacy(_) => (false, Some(ProtocolVersion::TLSv1_2)),
    };
    Peer {
        address,
        fingerprint: certificate.as_ref().map(fingerprint).unwrap_or_default(),
        certificate: certificate.map(Arc::new),
        resumed,
        protocol: match protocol {
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
            _ => TlsVersion::Tls13,
        },
        transport: door.transport(),
    }
}

fn log_end(address: SocketAddr, end: &End) {
    match end {
        End::Client | End::Drained | End::Idle | End::Service => {
            tracing::debug!(%address, %end, "connection ended")
        }
        _ => tracing::info!(%address, %end, "connection ended"),
    }
}

/// Completes when the server is told to end.
pub(super) async fn told_to_end(drain: &mut watch::Receiver<bool>) {
    // An error means that the server itself is gone, which is an end, too.
    let _ = drain.wait_for(|ending| *ending).await;
}
