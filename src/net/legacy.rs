//! TLS 1.2 with the suites that rustls does not have, for appliances that know nothing better: a port
//! of its own, off by default, ended by OpenSSL (docs/decisions/legacy-tls.md). Whose certificates are
//! accepted, the limits and everything behind them are those of the other ports.

use std::path::PathBuf;
use std::pin::Pin;

use openssl::bn::BigNum;
use openssl::dh::Dh;
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslRef, SslSessionCacheMode,
    SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// The best first: what an appliance can do decides. Those without forward secrecy, in which who
/// records today and gets the key later reads everything, come last. No RC4, 3DES, NULL, export,
/// anonymous or pre-shared suites.
const SUITES: &str = "\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:\
    ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:\
    ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:\
    DHE-RSA-AES256-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:\
    AES256-GCM-SHA384:AES128-GCM-SHA256:\
    AES256-SHA256:AES128-SHA256:AES256-SHA:AES128-SHA";

/// Keys and groups of 112 bits of strength at least (RSA and DH from 2048), no MD5 or SHA-1 signatures
/// on certificates.
const SECURITY_LEVEL: u32 = 2;

/// What the legacy port shows, where that is not what the others show. PEM.
#[derive(Clone, Debug)]
pub struct LegacyFiles {
    /// With an RSA key, where clients exchange keys by RSA.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// For new connections.
pub(super) fn context(
    chain: &[CertificateDer<'_>],
    key: &PrivateKeyDer<'_>,
) -> Result<SslContext, ErrorStack> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
    builder.set_security_level(SECURITY_LEVEL);
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(SUITES)?;
    // RFC 3526 group 14, a safe prime; the exponent is new with each handshake.
    let group = Dh::from_pqg(
        BigNum::get_rfc3526_prime_2048()?,
        None,
        BigNum::from_u32(2)?,
    )?;
    builder.set_tmp_dh(&group)?;
    builder.set_options(
        SslOptions::CIPHER_SERVER_PREFERENCE
            | SslOptions::NO_COMPRESSION
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_TICKET
            // A message has its length; that TLS says goodbye tells nothing more.
            | SslOptions::IGNORE_UNEXPECTED_EOF,
    );
    // No session is resumed here: old clients do that wrongly in more ways than one.
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    let mut certificates = chain.iter();
    if let Some(own) = certificates.next() {
        builder.set_certificate(X509::from_der(own)?.as_ref())?;
    }
    for intermediate in certificates {
        builder.add_extra_chain_cert(X509::from_der(intermediate)?)?;
    }
    builder.set_private_key(PKey::private_key_from_der(key.secret_der())?.as_ref())?;
    builder.check_private_key()?;
    // A certificate must be shown, and the handshake proves that its key is there. Whether it is
    // accepted is `Trust`'s to say, one rule for every port, before the first byte is read.
    builder.set_verify_callback(
        SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
        |_, _| true,
    );
    Ok(builder.build())
}

/// The handshake.
pub(super) async fn accept(
    context: &SslContext,
    socket: TcpStream,
) -> Result<SslStream<TcpStream>, openssl::ssl::Error> {
    let mut stream = SslStream::new(Ssl::new(context)?, socket)?;
    Pin::new(&mut stream).accept().await?;
    Ok(stream)
}

/// The client's certificate first, then what it sent to go with it.
pub(super) fn chain(ssl: &SslRef) -> Vec<CertificateDer<'static>> {
    let own = ssl.peer_certificate();
    let others = ssl.peer_cert_chain().into_iter().flatten();
    let all = own.iter().map(AsRef::as_ref).chain(others);
    all.filter_map(|one| one.to_der().ok())
        .map(CertificateDer::from)
        .collect()
}

/// The suite that was agreed on.
pub(super) fn suite(ssl: &SslRef) -> &'static str {
    ssl.current_cipher().map_or("?", |cipher| cipher.name())
}
