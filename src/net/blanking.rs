//! What waits for bytes, waits with a clean buffer. Libraries keep one for as long as a connection
//! lasts and do not wipe it: rustls decrypts in the one it reads into, hyper parses where it reads.
//! They hand over what is free in it at each read, and that is the moment to reach it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that overwrites with zeros the buffer it is given while there is nothing to read.
#[derive(Debug)]
pub(super) struct Blanking<T> {
    inner: T,
    /// Something was read since the buffer was clean.
    used: bool,
}

impl<T> Blanking<T> {
    pub(super) fn new(inner: T) -> Self {
        Blanking { inner, used: false }
    }

    pub(super) fn get_ref(&self) -> &T {
        &self.inner
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Blanking<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if read.is_ready() {
            self.used = true;
        } else if std::mem::take(&mut self.used) {
            buffer.initialize_unfilled().fill(0);
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Blanking<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_buffer_is_clean_while_it_waits_and_keeps_what_was_read() {
        let (mut peer, stream) = tokio::io::duplex(64);
        let mut stream = Blanking::new(stream);
        let mut bytes = [0; 8];
        let mut wait = |bytes: &mut [u8], filled: usize| {
            let mut buffer = ReadBuf::new(bytes);
            buffer.set_filled(filled);
            let mut context = Context::from_waker(std::task::Waker::noop());
            let read = Pin::new(&mut stream).poll_read(&mut context, &mut buffer);
            (read.is_ready(), buffer.filled().len())
        };
        peer.write_all(b"secret").await.unwrap();
        assert_eq!(wait(&mut bytes, 0), (true, 6));
        assert_eq!(&bytes, b"secret\0\0");
        // The library has taken two bytes less than came.
        assert_eq!(wait(&mut bytes, 2), (false, 2));
        assert_eq!(&bytes, b"se\0\0\0\0\0\0");
        peer.write_all(b"!").await.unwrap();
        assert_eq!(wait(&mut bytes, 2), (true, 3));
        assert_eq!(&bytes, b"se!\0\0\0\0\0");
    }
}
