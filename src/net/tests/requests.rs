//! Framing, order, sizes and time-outs.

use super::*;

#[tokio::test]
async fn requests_are_answered_in_both_versions_of_tls() {
    let server = Running::start().await;
    for (version, want) in [(&TLS12, TlsVersion::Tls12), (&TLS13, TlsVersion::Tls13)] {
        let client = Client::new(&server.pki.bundle(), Some(&server.client), &[version]);
        let mut stream = client.connect(server.kmip).await.unwrap();
        for size in [0, 1, 100, 5_000, 17_000, 99_992] {
            exchange(&mut stream, &message(&vec![b'x'; size]))
                .await
                .unwrap();
        }
        let peer = server.echo.peers.lock().unwrap().last().cloned().unwrap();
        assert_eq!(peer.protocol, want);
        let der = CertificateDer::from_pem_file(&server.client.certificate).unwrap();
        assert_eq!(peer.fingerprint, fingerprint(&der));
        assert_eq!(peer.certificate.as_deref(), Some(&der));
    }
}

#[tokio::test]
async fn a_request_may_be_split_anywhere() {
    let server = Running::start().await;
    let mut stream = server.connect().await;
    let request = message(b"0123456789abcdef");
    for split in 1..request.len() {
        stream.write_all(&request[..split]).await.unwrap();
        stream.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        stream.write_all(&request[split..]).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = vec![0; request.len()];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, request, "split at {split}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_none_waits_for_a_later_one() {
    let server = Running::start().await;
    let mut stream = server.connect().await;
    let requests: Vec<Vec<u8>> = (0..40)
        .map(|n| message(format!("{}{n}", if n == 20 { 'S' } else { 'F' }).as_bytes()))
        .collect();
    stream.write_all(&requests.concat()).await.unwrap();
    stream.flush().await.unwrap();
    let begun = std::time::Instant::now();
    let mut early = vec![0; requests[..20].concat().len()];
    stream.read_exact(&mut early).await.unwrap();
    assert_eq!(early, requests[..20].concat());
    assert!(
        begun.elapsed() < Duration::from_millis(150),
        "{:?}",
        begun.elapsed()
    );
    let mut late = vec![0; requests[20..].concat().len()];
    stream.read_exact(&mut late).await.unwrap();
    assert_eq!(late, requests[20..].concat());
    assert!(begun.elapsed() >= Duration::from_millis(190));
}

#[tokio::test]
async fn a_message_too_large_is_answered_and_the_connection_closed() {
    let server = Running::start().await;
    let mut stream = server.connect().await;
    exchange(&mut stream, &message(b"before")).await.unwrap();
    // Larger than the answer can race with: unread bytes must not cost the client its answer.
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sender = tokio::spawn(async move {
        let _ = writer.write_all(&message(&vec![b'x'; 1_000_000])).await;
        let _ = writer.flush().await;
        writer
    });
    let mut answer = Vec::new();
    let _ = reader.read_to_end(&mut answer).await;
    let text = String::from_utf8(answer).unwrap();
    assert_eq!(text, "TooLarge { length: 1000008, limit: 100000 } after 56");
    drop(sender.await.unwrap());
    assert_eq!(server.metric("keyward_net_messages_refused_total"), 1);
}

#[tokio::test]
async fn what_is_not_kmip_is_answered_and_the_connection_closed() {
    let server = Running::start().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(rest(&mut stream).await, b"NotKmip after 18");
    assert!(
        exchange(&mut server.connect().await, &message(b"still there"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_service_can_end_a_connection() {
    let server = Running::start().await;
    let mut stream = server.connect().await;
    let request = message(b"C");
    stream
        .write_all(&[request.clone(), message(b"never")].concat())
        .await
        .unwrap();
    assert_eq!(rest(&mut stream).await, request);
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_not_before_its_time() {
    let server = Running::with(
        Limits {
            idle: Duration::from_millis(2500),
            ..limits()
        },
        |_| {},
    )
    .await;
    let mut stream = server.connect().await;
    // Longer than the buffer is kept, so this also crosses its release.
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(1300)).await;
        exchange(&mut stream, &message(b"hello")).await.unwrap();
    }
    let begun = std::time::Instant::now();
    assert_eq!(rest(&mut stream).await, b"");
    let took = begun.elapsed();
    assert!(
        took > Duration::from_secs(2) && took < Duration::from_secs(6),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_request_that_never_ends_is_given_up() {
    let server = Running::with(
        Limits {
            request: Duration::from_millis(400),
            ..limits()
        },
        |_| {},
    )
    .await;
    let mut stream = server.connect().await;
    let request = message(b"0123456789");
    let begun = std::time::Instant::now();
    // A byte now and then does not buy more time.
    for byte in &request[..12] {
        if stream.write_all(&[*byte]).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(rest(&mut stream).await, b"");
    assert!(begun.elapsed() < Duration::from_secs(5));
}
