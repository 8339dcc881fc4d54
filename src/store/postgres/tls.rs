//! TLS to the database, in libpq's terms: `sslmode`, `sslrootcert`, `sslcert` and `sslkey` of the URL.
//! `tokio-postgres` knows no mode that checks the server's certificate; they are taken out here.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use percent_encoding::percent_decode_str;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::verify::{AnyName, Anybody};
use crate::store::verbs::StoreError;

/// libpq's modes that this server has, and what of the server's certificate each of them checks.
macro_rules! modes {
    ($($name:literal => $ssl:ident, $check:ident;)*) => {
        const MODES: &[(&str, SslMode, Check)] = &[$(($name, SslMode::$ssl, Check::$check)),*];
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Nothing,
    /// That one of the authorities of `sslrootcert` issued it.
    Chain,
    /// And that it is for the host's name.
    Name,
}

modes! {
    "disable" => Disable, Nothing;
    "prefer" => Prefer, Nothing;
    "require" => Require, Nothing;
    "verify-ca" => Require, Chain;
    "verify-full" => Require, Name;
}

/// What a URL says about TLS.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    mode: Option<String>,
    roots: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

fn unfit(what: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("database URL: {what}"))
}

/// Takes what is about TLS out of a URL.
fn split(url: &str) -> Result<(String, Asked), StoreError> {
    let mut asked = Asked::default();
    let Some((start, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), asked));
    };
    let mut rest = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = || {
            let text = percent_decode_str(value).decode_utf8();
            text.map(String::from)
                .map_err(|_| unfit(format!("{name} is not UTF-8")))
        };
        match name {
            "sslmode" => asked.mode = Some(value()?),
            "sslrootcert" => asked.roots = Some(value()?.into()),
            "sslcert" => asked.certificate = Some(value()?.into()),
            "sslkey" => asked.key = Some(value()?.into()),
            _ => rest.push(pair),
        }
    }
    let url = match rest.is_empty() {
        true => start.to_owned(),
        false => format!("{start}?{}", rest.join("&")),
    };
    Ok((url, asked))
}

/// Reads a URL; how its server is reached and recognised.
///
/// # Errors
/// What of it cannot be used; never its password.
pub(super) fn parse(url: &str) -> Result<(Config, Connector), StoreError> {
    let (url, asked) = split(url)?;
    // The parser's error names a parameter, never the password.
    let mut config: Config = url
        .parse()
        .map_err(|error: tokio_postgres::Error| unfit(error))?;
    let local = is_local(&config);
    let default = if local { "disable" } else { "prefer" };
    let mode = asked.mode.as_deref().unwrap_or(default);
    let Some((_, ssl, check)) = MODES.iter().find(|(name, ..)| *name == mode) else {
        let names: Vec<&str> = MODES.iter().map(|(name, ..)| *name).collect();
        let names = names.join(", ");
        return Err(unfit(format!(
            "sslmode is {mode:?}; expected one of {names}"
        )));
    };
    config.ssl_mode(*ssl);
    // As libpq: authorities that are named are asked.
    let check = match (check, &asked.roots, ssl) {
        (Check::Nothing, Some(_), SslMode::Require) => Check::Chain,
        _ => *check,
    };
    if check != Check::Name && !local {
        tracing::warn!(
            sslmode = mode,
            "nothing proves that the database is the one meant; use sslmode=verify-full and sslrootcert"
        );
    }
    let connector = Connector::new(&asked, check)?;
    Ok((config, connector))
}

/// Whether what is sent to it never leaves this host.
fn is_local(config: &Config) -> bool {
    let loopback = |name: &str| {
        name.parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
    };
    let addresses = config.get_hostaddrs();
    addresses.iter().all(IpAddr::is_loopback)
        && (!addresses.is_empty()
            || config.get_hosts().iter().all(|host| match host {
                Host::Tcp(name) => name == "localhost" || loopback(name),
                Host::Unix(_) => true,
            }))
}

/// Makes TLS connections to one database.
#[derive(Clone)]
pub(super) struct Connector(TlsConnector);

impl Connector {
    fn new(asked: &Asked, check: Check) -> Result<Connector, StoreError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = verifier(asked, check, &provider)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match (&asked.certificate, &asked.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                // Not the cause's own words: they may quote the key.
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|_| unfit(format!("{} holds no private key", key.display())))?;
                config.with_client_auth_cert(chain, key).map_err(unfit)?
            }
            (None, None) => config.with_no_client_auth(),
            _ => return Err(unfit("sslcert and sslkey belong together")),
        };
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Connector(TlsConnector::from(Arc::new(config))))
    }
}

fn verifier(
    asked: &Asked,
    check: Check,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, StoreError> {
    if check == Check::Nothing {
        return Ok(Arc::new(Anybody(
            provider.signature_verification_algorithms,
        )));
    }
    let path = asked.roots.as_ref().ok_or_else(|| {
        unfit("this sslmode needs sslrootcert, a file with the authorities that are trusted")
    })?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(unfit)?;
    }
    let inner =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let inner = inner.map_err(unfit)?;
    Ok(match check {
        Check::Name => inner,
        Check::Chain | Check::Nothing => Arc::new(AnyName(inner)),
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let unread = |error| unfit(format!("{}: {error}", path.display()));
    let all: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(unread)?;
    match all.is_empty() {
        true => Err(unfit(format!("{} holds no certificate", path.display()))),
        false => Ok(all),
    }
}

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Stream;
    type TlsConnect = Handshake;
    type Error = io::Error;

    /// Also asked where no TLS comes of it, for example on a socket without a name.
    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        Ok(Handshake {
            connector: self.0.clone(),
            host: host.to_owned(),
        })
    }
}

pub(super) struct Handshake {
    connector: TlsConnector,
    host: String,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            self.connector.connect(name, socket).await.map(Stream)
        })
    }
}

/// A connection in TLS.
pub(super) struct Stream(TlsStream<Socket>);

impl tokio_postgres::tls::TlsStream for Stream {
    /// `tls-server-end-point` (RFC 5929 §4), so that the password's proof (SCRAM) holds on this
    /// connection only.
    fn channel_binding(&self) -> ChannelBinding {
        let certificates = self.0.get_ref().1.peer_certificates();
        let hash = certificates
            .and_then(<[_]>::first)
            .and_then(|first| end_point(first));
        hash.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// The hash that a certificate's signature is made with, of the certificate; None where it has none.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    Some(
        match read.signature_algorithm.algorithm.to_id_string().as_str() {
            // RSA with MD5 and SHA-1, ECDSA with SHA-1: RFC 5929 says SHA-256; and with SHA-256 itself.
            "1.2.840.113549.1.1.4"
            | "1.2.840.113549.1.1.5"
            | "1.2.840.10045.4.1"
            | "1.2.840.113549.1.1.11"
            | "1.2.840.10045.4.3.2" => Sha256::digest(certificate).to_vec(),
            "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Sha384::digest(certificate).to_vec(),
            "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Sha512::digest(certificate).to_vec(),
            _ => return None,
        },
    )
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_about_tls_is_taken_out_of_the_url() {
        let (url, asked) = split(
            "postgres://a:b@db/keys?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fetc%2Fmy%20ca.pem",
        )
        .unwrap();
        assert_eq!(url, "postgres://a:b@db/keys?connect_timeout=3");
        assert_eq!(asked.mode.as_deref(), Some("verify-full"));
        assert_eq!(asked.roots, Some(PathBuf::from("/etc/my ca.pem")));
        let (url, asked) = split("postgres://db/keys?sslmode=require").unwrap();
        assert_eq!(
            (url.as_str(), asked.mode.as_deref()),
            ("postgres://db/keys", Some("require"))
        );
    }

    #[test]
    fn without_a_word_about_it_only_what_stays_on_this_host_is_in_clear() {
        let mode = |url: &str| parse(url).ok().unwrap().0.get_ssl_mode();
        assert_eq!(mode("postgres://localhost/k"), SslMode::Disable);
        assert_eq!(mode("postgres://[::1]/k"), SslMode::Disable);
        assert_eq!(mode("postgres://%2Frun%2Fpostgresql/k"), SslMode::Disable);
        assert_eq!(mode("postgres://db.example/k"), SslMode::Prefer);
        assert_eq!(mode("postgres://localhost,db.example/k"), SslMode::Prefer);
        assert_eq!(
            mode("postgres://localhost/k?sslmode=require"),
            SslMode::Require
        );
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let refused = |url: &str| match parse(url) {
            Err(error) => error.to_string(),
            Ok(_) => String::new(),
        };
        assert!(refused("postgres://db/k?sslmode=verify").contains("verify-full"));
        assert!(refused("postgres://db/k?sslmode=verify-full").contains("sslrootcert"));
        assert!(refused("postgres://db/k?sslcert=x").contains("sslkey"));
        let missing = refused("postgres://u:secret@db/k?sslmode=verify-ca&sslrootcert=/no/such");
        assert!(
            missing.contains("/no/such") && !missing.contains("secret"),
            "{missing}"
        );
    }
}
