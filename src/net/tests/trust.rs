//! Who gets in, who is put out again, and resumption.

use tokio_rustls::rustls::HandshakeKind;

use super::*;

#[tokio::test]
async fn a_client_without_a_certificate_or_of_another_authority_is_refused() {
    let server = Running::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Pki::open(&elsewhere.path().join("pki"), &[]).unwrap();
    let stranger = other.first_client("first").unwrap();
    for version in [&TLS12, &TLS13] {
        let ca = server.pki.bundle();
        assert!(
            Client::new(&ca, Some(&server.client), &[version])
                .served(server.kmip)
                .await
        );
        assert!(!Client::new(&ca, None, &[version]).served(server.kmip).await);
        assert!(
            !Client::new(&ca, Some(&stranger), &[version])
                .served(server.kmip)
                .await
        );
        // The server's own certificate is of another authority than the clients'.
        assert!(
            !Client::new(&ca, Some(&server.pki.server()), &[version])
                .served(server.kmip)
                .await
        );
    }
    assert_eq!(server.metric("keyward_net_requests_total"), 2);
    assert_eq!(server.metric("keyward_net_handshakes_failed_total"), 6);
}

#[tokio::test]
async fn a_registered_certificate_gets_in_until_it_is_taken_back() {
    let server = Running::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Pki::open(&elsewhere.path().join("pki"), &[]).unwrap();
    let (friend, stranger) = (
        other.first_client("f").unwrap(),
        other.client("s", elsewhere.path()).unwrap(),
    );
    let print = fingerprint(&CertificateDer::from_pem_file(&friend.certificate).unwrap());
    server.tls.trust().register([print].into());
    for version in [&TLS12, &TLS13] {
        server.tls.trust().register([print].into());
        let client = Client::new(&server.pki.bundle(), Some(&friend), &[version]);
        let mut stream = client.connect(server.kmip).await.unwrap();
        exchange(&mut stream, &message(b"hello")).await.unwrap();
        assert!(
            !Client::new(&server.pki.bundle(), Some(&stranger), &[version])
                .served(server.kmip)
                .await
        );
        server.tls.trust().register([].into());
        assert!(
            exchange(&mut stream, &message(b"hello")).await.is_err(),
            "the open connection still works"
        );
        assert!(
            !client.served(server.kmip).await,
            "the ticket still opens the door"
        );
    }
}

#[tokio::test]
async fn sessions_are_resumed_in_every_way_clients_know() {
    let server = Running::start().await;
    let ca = server.pki.bundle();
    let clients = [
        Client::new(&ca, Some(&server.client), &[&TLS13]),
        Client::new(&ca, Some(&server.client), &[&TLS12]),
        Client::with_session_ids(&ca, &server.client),
    ];
    for (number, client) in clients.iter().enumerate() {
        for want in [
            HandshakeKind::Full,
            HandshakeKind::Resumed,
            HandshakeKind::Resumed,
        ] {
            let mut stream = client.connect(server.kmip).await.unwrap();
            exchange(&mut stream, &message(b"hello")).await.unwrap();
            assert_eq!(
                stream.get_ref().1.handshake_kind(),
                Some(want),
                "client {number}"
            );
            let peer = server.echo.peers.lock().unwrap().last().cloned().unwrap();
            assert_eq!(peer.resumed, want == HandshakeKind::Resumed);
            assert!(peer.certificate.is_some(), "the certificate is remembered");
        }
    }
    assert_eq!(server.metric("keyward_net_sessions_resumed_total"), 6);
}

#[tokio::test]
async fn a_session_of_the_open_pages_opens_nothing_else() {
    let server = Running::start().await;
    for version in [&TLS12, &TLS13] {
        let client = Client::new(&server.pki.bundle(), None, &[version]);
        let mut stream = client.connect(server.https).await.unwrap();
        let page = http::get(&mut stream, "/healthz").await;
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        drop(stream);
        assert!(!client.served(server.kmip).await);
    }
}

#[tokio::test]
async fn early_data_is_offered_on_no_port() {
    let server = Running::start().await;
    server.tls.reload().unwrap();
    assert_eq!(server.tls.kmip().max_early_data_size, 0);
    assert_eq!(server.tls.https().max_early_data_size, 0);
}

#[tokio::test]
async fn a_revoked_certificate_is_put_out_of_open_and_resumed_connections_too() {
    let server = Running::start().await;
    let other = server.pki.client("other", server.home.path()).unwrap();
    let revoked = server.connector();
    let mut open = revoked.connect(server.kmip).await.unwrap();
    exchange(&mut open, &message(b"hello")).await.unwrap();
    revoke(&server.home.path().join("pki"), &[&server.client]);
    assert!(
        exchange(&mut open, &message(b"hello")).await.is_ok(),
        "nothing was reloaded yet"
    );
    server.tls.reload().unwrap();
    assert!(exchange(&mut open, &message(b"hello")).await.is_err());
    assert!(!revoked.served(server.kmip).await, "resumed");
    assert!(!server.connector().served(server.kmip).await, "anew");
    assert!(
        Client::new(&server.pki.bundle(), Some(&other), &[&TLS13])
            .served(server.kmip)
            .await
    );
}

#[tokio::test]
async fn a_reload_shows_the_new_certificate_and_a_broken_file_changes_nothing() {
    let server = Running::start().await;
    let shown = async || {
        let stream = server.connector().connect(server.kmip).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0]
            .clone()
            .into_owned()
    };
    let mut open = server.connect().await;
    let first = shown().await;
    Pki::open(&server.home.path().join("pki"), &["10.9.8.7".to_owned()]).unwrap();
    assert_eq!(shown().await, first, "not before it is told");
    server.tls.reload().unwrap();
    let second = shown().await;
    assert_ne!(second, first);
    exchange(&mut open, &message(b"hello")).await.unwrap();
    std::fs::write(
        server.pki.server().key,
        "-----BEGIN PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    let error = server.tls.reload().unwrap_err().to_string();
    assert!(!error.contains("bm9u"), "{error}");
    assert_eq!(shown().await, second);
    exchange(&mut open, &message(b"hello")).await.unwrap();
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let server = Running::start().await;
    let tls = Arc::clone(&server.tls);
    let watch = tokio::spawn(async move { tls.watch(Duration::from_millis(50)).await });
    let shown = async || {
        let stream = server.connector().connect(server.kmip).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0]
            .clone()
            .into_owned()
    };
    let first = shown().await;
    Pki::open(&server.home.path().join("pki"), &["10.9.8.7".to_owned()]).unwrap();
    let mut tries = 0;
    while shown().await == first {
        tries += 1;
        assert!(tries < 100, "never noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    watch.abort();
}
