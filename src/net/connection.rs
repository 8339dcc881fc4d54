//! One KMIP connection: requests in, answers out, in order.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::buffer::{Buffer, ROOM};
use super::frame::{self, Next};
use super::limits::Limits;
use super::listener::told_to_end;
use super::metrics::NetMetrics;
use super::service::{Encoding, Outcome, Refusal, Service, Session};
use super::stream::Stream;
use super::trust::Trust;
use super::turned::Turned;

/// A connection that says nothing for this long gives its buffer back.
const RELEASE: Duration = Duration::from_secs(1);
/// After a refusal: how long, and for how many bytes, what the client still sends is thrown away.
/// Closing on unread bytes resets the connection, and the client would never see the answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Why a connection ended. Only for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("closed by the client")]
    Client,
    #[error("closed by the client in the middle of a request")]
    Truncated,
    #[error("idle for too long")]
    Idle,
    #[error("the request took too long to arrive")]
    SlowRequest,
    #[error("the client did not take the answer in time")]
    SlowResponse,
    #[error("the server is ending")]
    Drained,
    #[error("ended by the service")]
    Service,
    #[error("its certificate is no longer accepted: {0}")]
    Distrusted(tokio_rustls::rustls::Error),
    #[error("refused: {0:?}")]
    Refused(Refusal),
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub(super) struct Connection<S: Service> {
    pub(super) stream: Stream,
    pub(super) service: Arc<S>,
    pub(super) session: Arc<Session<S::State>>,
    pub(super) limits: Arc<Limits>,
    pub(super) metrics: Arc<NetMetrics>,
    pub(super) trust: Arc<Trust>,
    /// The generation of `trust` under which the client was accepted.
    pub(super) trusted: u64,
    /// Turns true when the server is told to end.
    pub(super) drain: watch::Receiver<bool>,
    pub(super) input: Buffer,
    /// Answers ready to be written, and the one being made.
    pub(super) ready: Buffer,
    pub(super) current: Buffer,
}

impl<S: Service> Connection<S> {
    /// Serves until one side ends it.
    pub(super) async fn run(mut self) -> End {
        let end = match self.serve().await {
            Ok(end) | Err(end) => end,
        };
        if !matches!(end, End::Io(_) | End::SlowResponse) {
            // The peer may be gone; then there is nobody to say goodbye to.
            let _ = timeout(self.limits.response, self.stream.shutdown()).await;
        }
        if matches!(end, End::Refused(_)) {
            let _ = timeout(LINGER, self.discard()).await;
        }
        end
    }

    async fn serve(&mut self) -> Result<End, End> {
        // When the request at the front must be whole.
        let mut due: Option<Instant> = None;
        loop {
            match frame::next(self.input.bytes(), self.limits.message) {
                _ if self.input.is_empty() => {
                    self.write_ready().await?;
                    due = None;
                    self.await_request().await?;
                }
                Next::Partial { missing } => {
                    self.write_ready().await?;
                    let due = *due.get_or_insert_with(|| Instant::now() + self.limits.request);
                    self.read(missing, due).await?;
                }
                Next::Message { length } => {
                    due = None;
                    self.still_trusted()?;
                    let mut outcome = self.answer(length).await?;
                    self.input.consume(length);
                    if outcome == Outcome::Turn {
                        outcome = self.turned().await?;
                    }
                    if outcome == Outcome::Close {
                        self.write_ready().await?;
                        return Ok(End::Service);
                    }
                }
                Next::Refused(refusal) => {
                    self.refuse(refusal).await?;
                    return Ok(End::Refused(refusal));
                }
            }
        }
    }

    /// Lets the service ask, until it gives the connection back or ends it.
    async fn turned(&mut self) -> Result<Outcome, End> {
        self.write_ready().await?;
        let (service, session) = (Arc::clone(&self.service), Arc::clone(&self.session));
        let mut channel = Turned::new(self);
        // Boxed: see `answer`.
        let outcome = Box::pin(service.turned(&session, &mut channel)).await;
        match channel.into_end() {
            Some(end) => Err(end),
            None => Ok(outcome),
        }
    }

    /// Waits for the first bytes of the next request.
    async fn await_request(&mut self) -> Result<(), End> {
        self.input.clear();
        let due = Instant::now() + self.limits.idle;
        let Self {
            stream,
            input,
            drain,
            ..
        } = self;
        let arrive = async {
            loop {
                input.reserve(ROOM);
                let patience = due.min(Instant::now() + RELEASE);
                if let Ok(read) = timeout_at(patience, stream.read_buf(input.raw())).await {
                    return read.map_err(End::Io);
                }
                if Instant::now() >= due {
                    return Err(End::Idle);
                }
                // The read ended without data, so TLS holds none back: whatever comes next
                // shows on the socket, and no buffer is needed to wait for it.
                input.release();
                match timeout_at(due, stream.socket().readable()).await {
                    Ok(readable) => readable?,
                    Err(_) => return Err(End::Idle),
                }
            }
        };
        let read = tokio::select! {
            biased;
            read = arrive => read,
            () = told_to_end(drain) => return Err(End::Drained),
        };
        match read {
            Ok(0) => Err(End::Client),
            // Many clients end without TLS's goodbye; between requests nothing is lost by it.
            Err(End::Io(error)) if is_hang_up(&error) => Err(End::Client),
            Ok(_) => Ok(()),
            Err(end) => Err(end),
        }
    }

    /// Reads what the socket holds, at least room for `missing` bytes, at most a step ahead of
    /// what came: a length that is only claimed costs no memory.
    pub(super) async fn read(&mut self, missing: usize, due: Instant) -> Result<(), End> {
        let step = self.input.bytes().len().max(ROOM);
        self.input.reserve(missing.min(step));
        match timeout_at(due, self.stream.read_buf(self.input.raw())).await {
            Err(_) => Err(End::SlowRequest),
            Ok(Ok(0)) => Err(End::Truncated),
            Ok(Err(error)) if is_hang_up(&error) => Err(End::Truncated),
            Ok(Err(error)) => Err(End::Io(error)),
            Ok(Ok(_)) => Ok(()),
        }
    }

    /// Has the first `length` bytes answered. Answers of earlier requests are written meanwhile
    /// if this one takes its time, else together with it.
    async fn answer(&mut self, length: usize) -> Result<Outcome, End> {
        let Self {
            stream,
            service,
            session,
            limits,
            metrics,
            input,
            ready,
            current,
            ..
        } = self;
        let request = input.bytes().get(..length).unwrap_or_default();
        metrics.requests.inc();
        // Boxed: the future of a whole operation is large, and an idle connection should not be.
        let mut call = Box::pin(service.call(session, request, Encoding::Ttlv, current.raw()));
        let outcome = match poll_once(call.as_mut()).await {
            Some(outcome) => outcome,
            None if ready.is_empty() => call.as_mut().await,
            None => {
                let (outcome, written) =
                    tokio::join!(call.as_mut(), write(stream, ready, limits.response));
                written?;
                outcome
            }
        };
        drop(call);
        if ready.is_empty() {
            std::mem::swap(ready, current);
        } else {
            ready.append(current.bytes());
            current.clear();
        }
        Ok(outcome)
    }

    async fn refuse(&mut self, refusal: Refusal) -> Result<(), End> {
        self.write_ready().await?;
        self.metrics.refused.inc();
        let start = self.input.bytes();
        let start = start
            .get(..start.len().min(frame::REFUSED_START))
            .unwrap_or_default();
        self.service
            .refuse(
                &self.session,
                start,
                refusal,
                Encoding::Ttlv,
                self.ready.raw(),
            )
            .await;
        self.write_ready().await
    }

    pub(super) async fn write_ready(&mut self) -> Result<(), End> {
        write(&mut self.stream, &mut self.ready, self.limits.response).await
    }

    /// Who was accepted under older rules must still be under today's.
    pub(super) fn still_trusted(&mut self) -> Result<(), End> {
        let now = self.trust.generation();
        if now != self.trusted {
            let chain = self.stream.certificates();
            self.trust.accepts(&chain).map_err(End::Distrusted)?;
            self.trusted = now;
        }
        Ok(())
    }

    async fn discard(&mut self) -> io::Result<()> {
        let mut left = LINGER_BYTES;
        self.input.clear();
        while left > 0 {
            self.input.reserve(ROOM);
            let read = self.stream.read_buf(self.input.raw()).await?;
            if read == 0 {
                break;
            }
            left = left.saturating_sub(read);
            self.input.clear();
        }
        Ok(())
    }
}

/// Writes and wipes what is ready, if anything is.
async fn write(stream: &mut Stream, ready: &mut Buffer, limit: Duration) -> Result<(), End> {
    if ready.is_empty() {
        return Ok(());
    }
    let sent = async {
        stream.write_all(ready.bytes()).await?;
        stream.flush().await
    };
    let sent = timeout(limit, sent).await;
    ready.clear();
    match sent {
        Ok(written) => written.map_err(End::Io),
        Err(_) => Err(End::SlowResponse),
    }
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// The peer went away without closing TLS properly.
pub(super) fn is_hang_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}
