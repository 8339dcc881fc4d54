//! The seam between bytes and meaning: `net` carries messages, a [`Service`] answers them.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

/// Who is at the other end of a connection, as the TLS handshake proved it.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// The client's certificate. None only on the HTTPS port's open pages; a KMIP request
    /// never reaches the service without one.
    pub certificate: Option<Arc<CertificateDer<'static>>>,
    /// SHA-256 of the certificate's DER, zeros without one.
    pub fingerprint: [u8; 32],
    /// The session was resumed. The certificate is then the one of the first handshake, and was
    /// checked again against today's authorities and revocations.
    pub resumed: bool,
    pub protocol: TlsVersion,
    pub transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TTLV straight in TLS, port 5696 (KMIP Profiles 2.1 §3.1).
    Kmip,
    /// TTLV in HTTPS POST (KMIP Profiles 2.1 §5.6).
    Https,
}

/// One connection: its peer and whatever the service keeps for as long as it lasts.
#[derive(Debug)]
pub struct Session<T> {
    pub peer: Arc<Peer>,
    pub state: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    Ttlv,
    Xml,
    Json,
}

/// What becomes of the connection once the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    KeepOpen,
    Close,
    /// From here on this side asks: see [`Service::turned`]. Only on [`Transport::Kmip`].
    Turn,
}

/// Why `net` will not deliver a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Longer than the limit; both in bytes, the eight of the header included.
    TooLarge { length: u64, limit: u64 },
    /// It does not begin like a Request Message.
    NotKmip,
}

/// Nothing goes over a channel any more. Why is the network side's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// A connection on which this side asks. What passes are whole messages, requests and responses,
/// both ways.
pub trait Channel: Send {
    /// Sends a message, within the time that an answer may take; its bytes are wiped behind it.
    fn send(&mut self, message: &[u8]) -> impl Future<Output = Result<(), Broken>> + Send;

    /// The next message; None when it is not there, whole, after `patience`. One of more than
    /// `most` bytes breaks the channel. Dropping the future loses nothing.
    fn receive(
        &mut self,
        patience: Duration,
        most: usize,
    ) -> impl Future<Output = Result<Option<Zeroizing<Vec<u8>>>, Broken>> + Send;
}

/// What answers requests. Called for one request of a connection at a time, in their order.
pub trait Service: Send + Sync + 'static {
    /// What the service keeps for a connection.
    type State: Send + Sync + 'static;

    fn open(&self, peer: &Peer) -> Self::State;

    /// Appends the answer to `request`, one whole message, to `out`; nothing appended means no
    /// answer. Runs to its end even when the client hangs up meanwhile. `out` is wiped after it
    /// was written, but not what its growing leaves behind: reserve the answer's length first.
    fn call(
        &self,
        session: &Session<Self::State>,
        request: &[u8],
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) -> impl Future<Output = Outcome> + Send;

    /// Has the connection for as long as its roles are turned. `KeepOpen`: they are turned back, and
    /// requests are answered again.
    fn turned<C: Channel>(
        &self,
        _session: &Session<Self::State>,
        _channel: &mut C,
    ) -> impl Future<Output = Outcome> + Send {
        std::future::ready(Outcome::Close)
    }

    /// Appends the answer to a message that is not delivered, of which `start` holds the first
    /// bytes (enough for the protocol version, when it came). The connection is closed after it.
    fn refuse(
        &self,
        session: &Session<Self::State>,
        start: &[u8],
        refusal: Refusal,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) -> impl Future<Output = ()> + Send;
}
