//! The TLS side of a connection, whoever speaks it: rustls, or OpenSSL on the legacy port.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tokio_rustls::server::TlsStream;

use super::blanking::Blanking;
use super::legacy;

/// A connection whose handshake is done.
#[derive(Debug)]
pub(super) enum Stream {
    Modern(Box<TlsStream<Blanking<TcpStream>>>),
    Legacy(SslStream<TcpStream>),
}

impl Stream {
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Stream::Modern(stream) => stream.get_ref().0.get_ref(),
            Stream::Legacy(stream) => stream.get_ref(),
        }
    }

    /// The client's certificate and what it sent to go with it; empty where it showed none.
    pub(super) fn certificates(&self) -> Vec<CertificateDer<'static>> {
        match self {
            Stream::Modern(stream) => {
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                chain.iter().map(|one| one.clone().into_owned()).collect()
            }
            Stream::Legacy(stream) => legacy::chain(stream.ssl()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Modern(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Legacy(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Modern(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Legacy(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Modern(stream) => Pin::new(stream).poll_flush(context),
            Stream::Legacy(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Modern(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Legacy(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Modern(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Stream::Legacy(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    /// Where it is not, hyper copies answers into a buffer that it does not wipe.
    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Modern(stream) => stream.is_write_vectored(),
            Stream::Legacy(stream) => stream.is_write_vectored(),
        }
    }
}
