//! A client that gives itself another certificate (Re-Provision, KMIP 2.1 §6.1.48).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use ttlv::Node;

use crate::database::on_both;
use crate::process::{Client, Server, aes, enumeration};

/// A certificate that no authority issued, and its key.
fn own(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let (pem, secret) = (
        directory.join(format!("{name}.pem")),
        directory.join(format!("{name}.key")),
    );
    std::fs::write(&pem, certificate.pem()).unwrap();
    std::fs::write(&secret, key.serialize_pem()).unwrap();
    (pem, secret)
}

fn certificate(der: &[u8]) -> Vec<Node<'static>> {
    vec![Node::structure(
        tag::CERTIFICATE,
        vec![
            enumeration(tag::CERTIFICATE_TYPE, 1),
            Node::bytes(tag::CERTIFICATE_VALUE, der.to_vec()),
        ],
    )]
}

fn der(pem: &Path) -> Vec<u8> {
    CertificateDer::from_pem_file(pem).unwrap().to_vec()
}

/// The server learns within a second which certificates it may shake hands with.
fn comes_in(server: &Server, (pem, key): &(PathBuf, PathBuf)) -> Client {
    let begun = Instant::now();
    loop {
        if let Ok(mut client) = server.client_with(pem, key)
            && let Ok(answer) = client.try_ask(Operation::CREATE, aes(Vec::new()))
        {
            answer.ok();
            return client;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it stays out");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_new_certificate_takes_the_place_of_the_old_one() {
    on_both(|server, _| {
        let home = server.home.path().to_owned();
        let mut first = server.client();
        let mine = first.create("made before");
        let next = own(&home, "next");
        let kept = first
            .ask(Operation::RE_PROVISION, certificate(&der(&next.0)))
            .ok()
            .id();
        // At once, on the open connection and on a new one.
        for client in [&mut first, &mut server.client()] {
            client
                .on(Operation::GET, &mine)
                .fails(ResultReason::AUTHENTICATION_NOT_SUCCESSFUL);
        }
        let mut second = comes_in(server, &next);
        second.on(Operation::GET, &mine).ok();
        second.on(Operation::GET, &kept).ok();
        // The old one does not come back, by whomever; nor does one that is in use.
        let old = der(&server.directory().join("pki/client.pem"));
        for der in [old, der(&next.0)] {
            second
                .ask(Operation::RE_PROVISION, certificate(&der))
                .fails(ResultReason::PERMISSION_DENIED);
        }
    });
}

#[test]
fn a_quickstart_goes_on_after_its_first_client_has_another_certificate() {
    on_both(|server, _| {
        let next = own(server.home.path(), "next");
        server
            .client()
            .ask(Operation::RE_PROVISION, certificate(&der(&next.0)))
            .ok();
        server.kill();
        server.run();
        comes_in(server, &next);
        server
            .client()
            .ask(Operation::CREATE, aes(Vec::new()))
            .fails(ResultReason::AUTHENTICATION_NOT_SUCCESSFUL);
    });
}

#[test]
fn what_this_server_does_not_do_is_refused_and_changes_nothing() {
    on_both(|server, _| {
        server.told(&["client", "add", "plain"]);
        let mut client = server.client();
        let request = Node::structure(
            tag::CERTIFICATE_REQUEST,
            vec![
                enumeration(tag::CERTIFICATE_REQUEST_TYPE, 2),
                Node::bytes(tag::CERTIFICATE_REQUEST_VALUE, vec![1, 2, 3]),
            ],
        );
        let theirs = der(&server.directory().join("clients/plain.pem"));
        let junk = certificate(b"no certificate at all");
        for (payload, reason) in [
            (vec![request], ResultReason::FEATURE_NOT_SUPPORTED),
            (Vec::new(), ResultReason::FEATURE_NOT_SUPPORTED),
            (junk, ResultReason::INVALID_FIELD),
            // Another client's.
            (certificate(&theirs), ResultReason::PERMISSION_DENIED),
        ] {
            client.ask(Operation::RE_PROVISION, payload).fails(reason);
        }
        client.create("still there");
        // Only whom an administrator lets do all that the standard lets a client do.
        let new = own(server.home.path(), "new");
        server
            .client_named("plain")
            .ask(Operation::RE_PROVISION, certificate(&der(&new.0)))
            .fails(ResultReason::PERMISSION_DENIED);
        server.client_named("plain").create("by the other");
    });
}
