//! The HTTPS port: KMIP in POST (KMIP Profiles 2.1 §5.6 and the HTTPS profile before it), and
//! the pages that monitoring reads.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::blanking::Blanking;
use super::buffer::{Buffer, ROOM};
use super::listener::{Shared, told_to_end};
use super::service::{Encoding, Outcome, Peer, Service, Session};
use super::stream::Stream;

/// Whether the server can serve now; an error names, for the log, what is missing. Must not block.
pub type Readiness = Arc<dyn Fn() -> Result<Standing, String> + Send + Sync>;

/// How a server that is ready stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Whole,
    /// It serves, and one more loss may end that: of several tokens one is away.
    Degraded,
}

/// What the pages show.
#[derive(Clone)]
pub struct Pages {
    pub registry: Arc<Registry>,
    pub ready: Readiness,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pages")
    }
}

#[derive(Clone, Copy)]
enum Page {
    Kmip,
    Health,
    Ready,
    Metrics,
}

struct Route {
    path: &'static str,
    method: Method,
    page: Page,
    /// Refused to a client that showed no certificate.
    certificate: bool,
}

const ROUTES: [Route; 4] = [
    Route {
        path: "/kmip",
        method: Method::POST,
        page: Page::Kmip,
        certificate: true,
    },
    Route {
        path: "/healthz",
        method: Method::GET,
        page: Page::Health,
        certificate: false,
    },
    Route {
        path: "/readyz",
        method: Method::GET,
        page: Page::Ready,
        certificate: false,
    },
    // Counts of operations say who does what; monitoring has a certificate like everybody.
    Route {
        path: "/metrics",
        method: Method::GET,
        page: Page::Metrics,
        certificate: true,
    },
];

/// A media type of `POST /kmip`.
struct Door {
    media_type: &'static str,
    encoding: Encoding,
}

const DOORS: [Door; 3] = [
    Door {
        media_type: "application/octet-stream",
        encoding: Encoding::Ttlv,
    },
    Door {
        media_type: "text/xml",
        encoding: Encoding::Xml,
    },
    Door {
        media_type: "application/json",
        encoding: Encoding::Json,
    },
];

/// Largest request head, in bytes.
const HEAD: usize = 16 * 1024;
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

type Answer = Response<Full<Bytes>>;

/// One connection's part of the work.
struct Caller<S: Service> {
    shared: Arc<Shared<S>>,
    session: Session<S::State>,
    chain: Vec<CertificateDer<'static>>,
    /// The generation of trust the client was accepted under.
    trusted: AtomicU64,
}

pub(super) async fn serve<S: Service>(
    stream: Stream,
    peer: Peer,
    trusted: u64,
    shared: Arc<Shared<S>>,
) {
    let chain = stream.certificates();
    converse(stream, chain, peer, trusted, shared).await;
}

/// Serves what comes out of TLS.
pub(super) async fn converse<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    chain: Vec<CertificateDer<'static>>,
    peer: Peer,
    trusted: u64,
    shared: Arc<Shared<S>>,
) {
    let caller = Arc::new(Caller {
        chain,
        session: Session {
            state: shared.service.open(&peer),
            peer: Arc::new(peer),
        },
        shared: Arc::clone(&shared),
        trusted: AtomicU64::new(trusted),
    });
    let answer = service_fn(move |request| {
        let caller = Arc::clone(&caller);
        async move { Ok::<_, Infallible>(caller.answer(request).await) }
    });
    let mut drain = shared.drain.clone();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Counts from the end of the last answer, so it is the idle time-out as well.
        .header_read_timeout(shared.limits.idle)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(Blanking::new(stream)), answer);
    let mut connection = std::pin::pin!(connection);
    let end = tokio::select! {
        end = connection.as_mut() => end,
        () = told_to_end(&mut drain) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = end {
        tracing::debug!(%error, "HTTPS connection ended");
    }
}

impl<S: Service> Caller<S> {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let Some(route) = ROUTES
            .iter()
            .find(|route| route.path == request.uri().path())
        else {
            return say(StatusCode::NOT_FOUND, "not found\n");
        };
        if route.method != request.method() {
            let mut answer = say(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            answer.headers_mut().insert(ALLOW, allow(&route.method));
            return answer;
        }
        // Only browsers send it, on behalf of a page; the user's certificate is not the page's.
        if request.headers().contains_key(ORIGIN) {
            return say(StatusCode::FORBIDDEN, "requests of web pages are refused\n");
        }
        if route.certificate && !self.certified() {
            return say(StatusCode::FORBIDDEN, "a client certificate is needed\n");
        }
        match route.page {
            Page::Kmip => self.kmip(request).await.unwrap_or_else(|refusal| refusal),
            Page::Health => say(StatusCode::OK, "ok\n"),
            Page::Ready => self.ready(),
            Page::Metrics => self.metrics(),
        }
    }

    /// Whether the client has shown a certificate that is still accepted.
    fn certified(&self) -> bool {
        if self.session.peer.certificate.is_none() {
            return false;
        }
        let trust = self.shared.tls.trust();
        let now = trust.generation();
        if now != self.trusted.load(Ordering::Acquire) {
            if trust.accepts(&self.chain).is_err() {
                return false;
            }
            self.trusted.store(now, Ordering::Release);
        }
        true
    }

    async fn kmip(&self, request: Request<Incoming>) -> Result<Answer, Answer> {
        let Some(door) = door(&request) else {
            return Err(say(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the content type must be application/octet-stream (TTLV), text/xml or application/json\n",
            ));
        };
        let limits = &self.shared.limits;
        let body = match timeout(limits.request, read(request.into_body(), limits.message)).await {
            Ok(body) => body?,
            Err(_) => {
                return Err(say(
                    StatusCode::REQUEST_TIMEOUT,
                    "the request took too long to arrive\n",
                ));
            }
        };
        self.shared.metrics.requests.inc();
        let mut out = Zeroizing::new(Vec::new());
        let outcome = Box::pin(self.shared.service.call(
            &self.session,
            body.bytes(),
            door.encoding,
            &mut out,
        ))
        .await;
        let mut answer = Response::new(Full::new(Bytes::from_owner(Wiped(out))));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(door.media_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if outcome == Outcome::Close {
            headers.insert(hyper::header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(answer)
    }

    fn ready(&self) -> Answer {
        if *self.shared.drain.borrow() {
            return say(StatusCode::SERVICE_UNAVAILABLE, "ending\n");
        }
        match (self.shared.pages.ready)() {
            Ok(Standing::Whole) => say(StatusCode::OK, "ready\n"),
            Ok(Standing::Degraded) => say(StatusCode::OK, "degraded\n"),
            Err(missing) => {
                // The page is open to strangers; what is broken is the log's business.
                tracing::warn!(%missing, "not ready");
                say(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
            }
        }
    }

    fn metrics(&self) -> Answer {
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.shared.pages.registry)
            .is_err()
        {
            return say(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics cannot be written\n",
            );
        }
        let mut answer = Response::new(Full::from(text));
        answer.headers_mut().insert(CONTENT_TYPE, OPENMETRICS);
        answer
    }
}

/// An answer's bytes, wiped when the last of them is sent.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn door(request: &Request<Incoming>) -> Option<&'static Door> {
    let media_type = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    DOORS
        .iter()
        .find(|door| door.media_type.eq_ignore_ascii_case(media_type))
}

/// The whole body, refused as soon as it is, or says it will be, longer than `limit` bytes.
async fn read(mut body: Incoming, limit: usize) -> Result<Buffer, Answer> {
    let too_large = || say(StatusCode::PAYLOAD_TOO_LARGE, "the message is too large\n");
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut whole = Buffer::default();
    whole.reserve(ROOM);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(say(StatusCode::BAD_REQUEST, "the body is incomplete\n"));
        };
        if let Some(data) = frame.data_ref() {
            if whole.bytes().len() + data.len() > limit {
                return Err(too_large());
            }
            whole.append(data);
        }
    }
    Ok(whole)
}

fn allow(method: &Method) -> HeaderValue {
    HeaderValue::from_str(method.as_str()).unwrap_or(TEXT)
}

fn say(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, TEXT);
    answer
}
