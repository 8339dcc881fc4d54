//! The HTTPS port's rules.

use super::*;

/// The whole answer to a GET; the connection is closed after it.
pub(super) async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    say(
        stream,
        &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        b"",
    )
    .await
}

async fn say(stream: &mut TlsStream<TcpStream>, head: &str, body: &[u8]) -> String {
    stream
        .write_all(&[head.as_bytes(), body].concat())
        .await
        .unwrap();
    stream.flush().await.unwrap();
    String::from_utf8_lossy(&rest(stream).await).into_owned()
}

async fn post(server: &Running, headers: &str, body: &[u8]) -> String {
    let head = format!(
        "POST /kmip HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    let mut stream = server.connector().connect(server.https).await.unwrap();
    say(&mut stream, &head, body).await
}

const TTLV: &str = "Content-Type: application/octet-stream\r\n";

#[tokio::test]
async fn kmip_in_post_is_answered() {
    let server = Running::start().await;
    let answer = post(&server, TTLV, &message(b"hello")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(
        head.to_lowercase()
            .contains("content-type: application/octet-stream"),
        "{head}"
    );
    assert!(body.ends_with("hello"));
    let peer = server.echo.peers.lock().unwrap().last().cloned().unwrap();
    assert_eq!(peer.transport, Transport::Https);
    let parameter = "Content-Type: Application/Octet-Stream; x=y\r\n";
    assert!(
        post(&server, parameter, &message(b"hello"))
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn what_is_not_a_kmip_post_is_refused_with_its_status() {
    let server = Running::start().await;
    let body = message(b"hello");
    let origin = format!("{TTLV}Origin: https://example.com\r\n");
    for (headers, status) in [
        (origin.as_str(), 403),
        ("Content-Type: text/plain\r\n", 415),
        ("", 415),
    ] {
        let answer = post(&server, headers, &body).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{headers}: {answer}"
        );
    }
    assert!(
        post(&server, TTLV, &vec![0; 100_001])
            .await
            .starts_with("HTTP/1.1 413")
    );
    let mut stream = server.connector().connect(server.https).await.unwrap();
    let answer = get(&mut stream, "/kmip").await;
    assert!(
        answer.starts_with("HTTP/1.1 405") && answer.to_lowercase().contains("allow: post"),
        "{answer}"
    );
    let mut stream = server.connector().connect(server.https).await.unwrap();
    assert!(get(&mut stream, "/else").await.starts_with("HTTP/1.1 404"));
    assert_eq!(server.metric("keyward_net_requests_total"), 0);
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let server = Running::start().await;
    let mut stream = server.connector().connect(server.https).await.unwrap();
    let head = format!(
        "POST /kmip HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{TTLV}\r\n"
    );
    let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", 100_001, "x".repeat(100_001));
    assert!(
        say(&mut stream, &head, body.as_bytes())
            .await
            .starts_with("HTTP/1.1 413")
    );
}

#[tokio::test]
async fn without_a_certificate_only_the_probes_are_seen() {
    let server = Running::start().await;
    let client = Client::new(&server.pki.bundle(), None, &[&TLS13]);
    let page = async |path| get(&mut client.connect(server.https).await.unwrap(), path).await;
    assert!(page("/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(page("/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(page("/metrics").await.starts_with("HTTP/1.1 403"));
    let mut stream = client.connect(server.https).await.unwrap();
    let head = format!(
        "POST /kmip HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 8\r\n{TTLV}\r\n"
    );
    assert!(
        say(&mut stream, &head, &message(b""))
            .await
            .starts_with("HTTP/1.1 403")
    );
    let mut stream = server.connector().connect(server.https).await.unwrap();
    assert!(
        get(&mut stream, "/metrics")
            .await
            .contains("keyward_net_connections_accepted_total")
    );
}

#[tokio::test]
async fn readiness_is_asked_each_time_and_its_reason_kept_from_strangers() {
    let server = Running::start().await;
    *server.ready.lock().unwrap() = Err("the token of slot 7 is away".to_owned());
    let mut stream = server.connector().connect(server.https).await.unwrap();
    let answer = get(&mut stream, "/readyz").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && !answer.contains("slot 7"),
        "{answer}"
    );
    *server.ready.lock().unwrap() = Ok(());
    let mut stream = server.connector().connect(server.https).await.unwrap();
    assert!(
        get(&mut stream, "/readyz")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn a_distrusted_client_is_refused_on_its_open_connection() {
    let server = Running::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Pki::open(&elsewhere.path().join("pki"), &[]).unwrap();
    let friend = other.first_client("f").unwrap();
    server.tls.trust().register(
        [fingerprint(
            &CertificateDer::from_pem_file(&friend.certificate).unwrap(),
        )]
        .into(),
    );
    let client = Client::new(&server.pki.bundle(), Some(&friend), &[&TLS13]);
    let mut stream = client.connect(server.https).await.unwrap();
    let head = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    server.tls.trust().register([].into());
    let answer = say(
        &mut stream,
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"",
    )
    .await;
    assert!(answer.contains("HTTP/1.1 403"), "{answer}");
}
