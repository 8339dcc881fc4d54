//! The legacy port: old suites, and the same people.

use std::pin::Pin;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::{Ssl, SslContext, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509NameBuilder};
use tokio_openssl::SslStream;

use super::*;

/// A certificate of its own with an RSA key, as old clients want it.
fn rsa(home: &Path) -> LegacyFiles {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "the old port").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    let day = |number| Asn1Time::days_from_now(number).unwrap();
    builder.set_not_before(&day(0)).unwrap();
    builder.set_not_after(&day(1)).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let (certificate, file) = (home.join("old.pem"), home.join("old.key"));
    std::fs::write(&certificate, builder.build().to_pem().unwrap()).unwrap();
    std::fs::write(&file, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    LegacyFiles {
        certificate,
        key: file,
    }
}

async fn running() -> Running {
    Running::with(limits(), |files| {
        let home = files.certificate.parent().unwrap().to_owned();
        files.legacy = Some(rsa(&home));
    })
    .await
}

/// A client that can do these suites and versions only.
fn client(pair: Option<&Pair>, suites: &str, versions: (SslVersion, SslVersion)) -> SslContext {
    let mut builder = SslContext::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_cipher_list(suites).unwrap();
    builder.set_min_proto_version(Some(versions.0)).unwrap();
    builder.set_max_proto_version(Some(versions.1)).unwrap();
    if let Some(pair) = pair {
        let pem = SslFiletype::PEM;
        builder
            .set_certificate_file(&pair.certificate, pem)
            .unwrap();
        builder.set_private_key_file(&pair.key, pem).unwrap();
    }
    builder.build()
}

fn old(pair: &Pair, suites: &str) -> SslContext {
    client(Some(pair), suites, (SslVersion::TLS1_2, SslVersion::TLS1_2))
}

async fn connect(
    context: &SslContext,
    address: SocketAddr,
) -> Result<SslStream<TcpStream>, openssl::ssl::Error> {
    let socket = TcpStream::connect(address).await.unwrap();
    let mut stream = SslStream::new(Ssl::new(context).unwrap(), socket).unwrap();
    Pin::new(&mut stream).connect().await?;
    Ok(stream)
}

async fn asks(stream: &mut SslStream<TcpStream>) -> bool {
    let request = message(b"hello");
    let asked = async {
        stream.write_all(&request).await?;
        let mut answer = vec![0; request.len()];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let asked = tokio::time::timeout(Duration::from_secs(10), asked).await;
    asked.is_ok_and(|answer| answer.is_ok_and(|answer| answer == request))
}

async fn served(context: &SslContext, address: SocketAddr) -> bool {
    match connect(context, address).await {
        Ok(mut stream) => asks(&mut stream).await,
        Err(_) => false,
    }
}

#[tokio::test]
async fn old_suites_are_served_on_the_legacy_port_and_on_no_other() {
    let server = running().await;
    let port = server.legacy.unwrap();
    for suite in [
        "AES128-SHA256",
        "AES256-SHA",
        "AES128-GCM-SHA256",
        "DHE-RSA-AES256-SHA256",
        "DHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA",
    ] {
        let context = old(&server.client, suite);
        let mut stream = connect(&context, port).await.expect(suite);
        assert_eq!(stream.ssl().current_cipher().unwrap().name(), suite);
        assert!(asks(&mut stream).await, "{suite}");
        for other in [server.kmip, server.https] {
            // GCM with RSA key exchange is as unknown there as CBC is.
            assert!(!served(&context, other).await, "{suite}");
        }
    }
    let peer = server.echo.peers.lock().unwrap().last().cloned().unwrap();
    let own = CertificateDer::from_pem_file(&server.client.certificate).unwrap();
    assert_eq!(peer.fingerprint, fingerprint(&own));
    assert_eq!(peer.certificate.as_deref(), Some(&own));
    assert_eq!((peer.protocol, peer.resumed), (TlsVersion::Tls12, false));
    assert_eq!(peer.transport, Transport::Kmip);
    assert_eq!(server.metric("keyward_net_legacy_connections_total"), 7);
}

#[tokio::test]
async fn the_best_that_a_client_can_do_is_chosen_and_broken_suites_never() {
    let server = running().await;
    let port = server.legacy.unwrap();
    let suites = "AES128-SHA:AES128-SHA256:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384";
    let stream = connect(&old(&server.client, suites), port).await.unwrap();
    let chosen = stream.ssl().current_cipher().unwrap();
    assert_eq!(chosen.name(), "ECDHE-RSA-AES256-GCM-SHA384");
    let all = "AES128-SHA256:@SECLEVEL=0";
    let (v1, v2, v3) = (SslVersion::TLS1, SslVersion::TLS1_1, SslVersion::TLS1_3);
    for versions in [(v1, v1), (v2, v2), (v3, v3)] {
        let context = client(Some(&server.client), all, versions);
        assert!(!served(&context, port).await, "{versions:?}");
    }
    for suites in ["NULL-SHA256", "ADH-AES128-SHA256", "AES128-CCM"] {
        let context = old(&server.client, &format!("{suites}:@SECLEVEL=0"));
        assert!(!served(&context, port).await, "{suites}");
    }
}

#[tokio::test]
async fn a_client_is_let_in_as_on_the_other_ports() {
    let server = running().await;
    let port = server.legacy.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Pki::open(&elsewhere.path().join("pki"), &[]).unwrap();
    let friend = other.first_client("friend").unwrap();
    let suite = "AES128-SHA256";
    let versions = (SslVersion::TLS1_2, SslVersion::TLS1_2);
    assert!(!served(&client(None, suite, versions), port).await);
    assert!(!served(&old(&friend, suite), port).await);
    // By fingerprint, until it is taken back; open connections end, too.
    let print = fingerprint(&CertificateDer::from_pem_file(&friend.certificate).unwrap());
    server.tls.trust().register([print].into());
    let mut open = connect(&old(&friend, suite), port).await.unwrap();
    assert!(asks(&mut open).await && asks(&mut open).await);
    server.tls.trust().register([].into());
    assert!(!asks(&mut open).await);
    assert!(!served(&old(&friend, suite), port).await);
    // By authority, until it is revoked.
    let mut open = connect(&old(&server.client, suite), port).await.unwrap();
    assert!(asks(&mut open).await);
    revoke(&server.home.path().join("pki"), &[&server.client]);
    server.tls.reload().unwrap();
    assert!(!asks(&mut open).await);
    assert!(!served(&old(&server.client, suite), port).await);
}

#[tokio::test]
async fn the_certificate_is_exchanged_while_it_runs_and_must_fit_its_key() {
    let server = running().await;
    let port = server.legacy.unwrap();
    let context = old(&server.client, "ALL");
    let shown = async || {
        let stream = connect(&context, port).await.unwrap();
        stream.ssl().peer_certificate().unwrap().to_der().unwrap()
    };
    let first = shown().await;
    let directory = server.home.path().join("pki");
    rsa(&directory);
    assert_eq!(shown().await, first, "not before it is told");
    server.tls.reload().unwrap();
    let second = shown().await;
    assert_ne!(second, first);
    std::fs::copy(server.pki.server().key, directory.join("old.key")).unwrap();
    assert!(matches!(server.tls.reload(), Err(TlsError::Legacy(_))));
    assert_eq!(shown().await, second);
}

#[tokio::test]
async fn time_and_size_are_limited_and_the_end_is_orderly() {
    let mut server = running().await;
    let port = server.legacy.unwrap();
    drop(TcpStream::connect(port).await.unwrap());
    let context = old(&server.client, "AES128-SHA256");
    let mut stream = connect(&context, port).await.unwrap();
    let large = message(&[b'x'; 100_000]);
    stream.write_all(&large[..1000]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    assert!(text.starts_with("TooLarge { length: 100008"), "{text}");
    assert_eq!(server.metric("keyward_net_handshakes_failed_total"), 0);
    // A request under way is answered, an idle connection is no reason to wait.
    let _idle = connect(&context, port).await.unwrap();
    let mut slow = connect(&context, port).await.unwrap();
    slow.write_all(&message(b"Slow")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.end().await, 0);
    let mut answer = vec![0; message(b"Slow").len()];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, message(b"Slow"));
}
