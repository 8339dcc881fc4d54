//! Accepting, the limit on connections, and the end.

use super::*;

#[tokio::test]
async fn a_connection_closed_without_a_byte_is_no_error() {
    let server = Running::start().await;
    for _ in 0..20 {
        drop(TcpStream::connect(server.kmip).await.unwrap());
    }
    server.connect().await.shutdown().await.unwrap();
    assert!(
        exchange(&mut server.connect().await, &message(b"hello"))
            .await
            .is_ok()
    );
    assert_eq!(server.metric("keyward_net_handshakes_failed_total"), 0);
    assert_eq!(server.metric("keyward_net_connections_accepted_total"), 22);
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_is_given_up() {
    let server = Running::with(
        Limits {
            handshake: Duration::from_millis(300),
            ..limits()
        },
        |_| {},
    )
    .await;
    for said in [&b""[..], b"\x16\x03\x01"] {
        let mut socket = TcpStream::connect(server.kmip).await.unwrap();
        socket.write_all(said).await.unwrap();
        let mut all = Vec::new();
        let closed =
            tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut all)).await;
        assert!(closed.is_ok(), "still open after {said:?}");
    }
}

#[tokio::test]
async fn beyond_the_limit_connections_wait() {
    let server = Running::with(
        Limits {
            connections: 1,
            ..limits()
        },
        |_| {},
    )
    .await;
    let mut first = server.connect().await;
    exchange(&mut first, &message(b"one")).await.unwrap();
    let client = server.connector();
    let address = server.kmip;
    let mut second = tokio::spawn(async move { client.served(address).await });
    assert!(
        tokio::time::timeout(Duration::from_millis(300), &mut second)
            .await
            .is_err(),
        "both were served"
    );
    drop(first);
    assert!(
        tokio::time::timeout(Duration::from_secs(5), second)
            .await
            .unwrap()
            .unwrap()
    );
}

#[tokio::test]
async fn at_the_end_open_requests_are_answered_and_idle_connections_closed() {
    let mut server = Running::start().await;
    let mut idle = server.connect().await;
    exchange(&mut idle, &message(b"hello")).await.unwrap();
    let mut busy = server.connect().await;
    let request = message(b"Slow");
    busy.write_all(&request).await.unwrap();
    busy.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let address = server.kmip;
    let begun = std::time::Instant::now();
    assert_eq!(server.end().await, 0);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(rest(&mut busy).await, request);
    assert_eq!(rest(&mut idle).await, b"");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn who_does_not_come_to_an_end_is_cut_off() {
    let mut server = Running::with(
        Limits {
            drain: Duration::from_millis(300),
            ..limits()
        },
        |_| {},
    )
    .await;
    let mut stream = server.connect().await;
    stream
        .write_all(&message(b"half a request")[..10])
        .await
        .unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.end().await, 1);
}
