//! Classes of keys at the real door (DESIGN §4.3): who chooses one, and what it means.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::look::{self, Secret};
use crate::process::{Client, Server, Setup, aes, on};
use crate::scenes::{class, got, registered_as, round_trip};

const ENCRYPTS: i32 = 0xC;

fn start(environment: Vec<(&'static str, String)>) -> Server {
    let mut server = Server::start(Setup {
        watched: true,
        environment,
        ..Setup::default()
    });
    look::at(&mut server);
    server
}

fn made(client: &mut Client, more: Vec<Node<'static>>) -> String {
    let id = client.ask(Operation::CREATE, aes(more)).ok().id();
    client.on(Operation::ACTIVATE, &id).ok();
    id
}

/// A number of the page of metrics.
fn gauge(server: &Server, name: &str) -> i64 {
    let mut stream = server.https();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    let _ = stream.read_to_string(&mut page);
    let mut lines = page.lines().filter_map(|line| line.split_once(' '));
    let (_, number) = lines.find(|(known, _)| *known == name).unwrap();
    number.parse().unwrap()
}

fn wait_for(server: &Server, name: &str, number: i64) {
    let begun = Instant::now();
    while gauge(server, name) != number {
        let found = gauge(server, name);
        assert!(begun.elapsed() < Duration::from_secs(10), "{name} {found}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The audit log says who computed what was last done with a key.
fn computed(server: &Server, id: &str, expected: &str) {
    let begun = Instant::now();
    loop {
        let shown = server.told(&["audit", "show", "--json"]);
        let lines = shown.lines().filter(|line| line.contains(id));
        let mut by = lines.rev().filter_map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            Some(record["by"].as_str()?.to_owned())
        });
        // Records of reads come within 100 ms.
        if by.next().as_deref() == Some(expected) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{shown}");
    }
}

#[test]
fn class_cached_is_the_tenants_to_allow_and_is_used_in_locked_memory() {
    let server = start(vec![("KEYWARD_CACHED_AGE", "3600s".to_owned())]);
    let mut client = server.client();
    let refused = client.ask(Operation::CREATE, aes(vec![class("cached")]));
    refused.fails(ResultReason::PERMISSION_DENIED);
    assert!(refused.message.contains("keyward tenant class"));
    server.told(&["tenant", "class", "default", "--allow", "cached"]);
    let shown = server.told(&["tenant", "class", "default", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["cached"], &shown["default"]),
        (&true.into(), &"served".into())
    );
    assert!(
        server
            .told(&["audit", "show", "--json"])
            .contains("tenant class")
    );

    // What the server made is kept from its first use on, with the token out of it.
    let id = made(&mut client, vec![class("cached")]);
    assert_eq!(look::locked(&server), 0);
    let loaded = gauge(&server, "keyward_token_loaded_keys");
    round_trip(&mut client, &id, b"data");
    computed(&server, &id, "library");
    wait_for(&server, "keyward_cached_keys", 1);
    assert_eq!(gauge(&server, "keyward_token_loaded_keys"), loaded);
    assert!(look::locked(&server) >= 4, "kB are locked");

    // What came in, likewise. Its bytes are known here, and there once.
    let secret = Secret::new("cached", 32);
    let known = registered_as(&mut client, &secret, ENCRYPTS, vec![class("cached")]);
    // The first Get changes the row (Fresh).
    assert_eq!(got(&mut client, &known), secret.bytes);
    round_trip(&mut client, &known, b"data");
    drop(client);
    let secrets = [secret];
    wait_for(&server, "keyward_cached_keys", 2);
    assert_eq!(
        look::settled(&server, &secrets, 1).len(),
        1,
        "in locked memory"
    );

    // Each of these takes it from there: an attribute, Revoke, Destroy.
    let mut client = server.client();
    let mut change = on(&known);
    let contact = Node::text(tag::CONTACT_INFORMATION, "somebody");
    change.push(Node::structure(tag::NEW_ATTRIBUTE, vec![contact]));
    client.ask(Operation::ADD_ATTRIBUTE, change).ok();
    assert_eq!(look::settled(&server, &secrets, 0), []);
    round_trip(&mut client, &known, b"data");
    let mut reason = on(&known);
    let code = Node::new(tag::REVOCATION_REASON_CODE, Value::Enumeration(6));
    reason.push(Node::structure(tag::REVOCATION_REASON, vec![code]));
    client.ask(Operation::REVOKE, reason).ok();
    assert_eq!(look::settled(&server, &secrets, 0), []);
    client
        .on(Operation::ENCRYPT, &known)
        .fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
    client.on(Operation::DESTROY, &known).ok();
    client
        .on(Operation::ENCRYPT, &known)
        .fails(ResultReason::OBJECT_DESTROYED);
    assert_eq!(look::settled(&server, &secrets, 0), []);

    // Taken back: the keys stay, and are used like those of class served.
    server.told(&["tenant", "class", "default", "--forbid", "cached"]);
    wait_for(&server, "keyward_cached_keys", 0);
    round_trip(&mut client, &id, b"data");
    assert_eq!(gauge(&server, "keyward_cached_keys"), 0);
    computed(&server, &id, "token");
    client
        .ask(Operation::CREATE, aes(vec![class("cached")]))
        .fails(ResultReason::PERMISSION_DENIED);
}

#[test]
fn a_cached_key_grows_old() {
    let server = start(vec![("KEYWARD_CACHED_AGE", "2s".to_owned())]);
    server.told(&[
        "tenant",
        "class",
        "default",
        "--allow",
        "cached",
        "--default",
        "cached",
    ]);
    let mut client = server.client();
    let id = made(&mut client, Vec::new());
    let secrets = [Secret {
        name: "cached",
        bytes: got(&mut client, &id),
    }];
    round_trip(&mut client, &id, b"data");
    drop(client);
    assert_eq!(look::settled(&server, &secrets, 1).len(), 1);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(look::settled(&server, &secrets, 0), []);
}

#[test]
fn a_class_is_chosen_by_request_profile_and_tenant_in_this_order() {
    let server = start(Vec::new());
    server.told(&["client", "add", "plain"]);
    server.told(&["client", "add", "closed", "--profile", "class-token"]);
    let (mut plain, mut closed) = (server.client_named("plain"), server.client_named("closed"));
    let readable = |client: &mut Client, more| {
        let id = made(client, more);
        round_trip(client, &id, b"data");
        let answer = client.on(Operation::GET, &id);
        if answer.reason.is_some() {
            answer.fails(ResultReason::SENSITIVE);
        }
        answer.reason.is_none()
    };
    assert!(readable(&mut plain, Vec::new()));
    assert!(!readable(&mut closed, Vec::new()), "its profile");
    assert!(readable(&mut closed, vec![class("served")]), "its request");
    server.told(&["tenant", "class", "default", "--default", "token"]);
    assert!(!readable(&mut plain, Vec::new()), "its tenant");
    assert!(readable(&mut plain, vec![class("served")]));
    // What comes in clear was outside the token already.
    let secret = Secret::new("registered", 32);
    let id = registered_as(&mut plain, &secret, ENCRYPTS, Vec::new());
    assert_eq!(got(&mut plain, &id), secret.bytes);
    let refused = server.cli(&["tenant", "class", "default", "--default", "cached"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--allow cached"));
}

#[test]
fn loaded_keys_are_bounded_and_leave_the_token_with_their_row() {
    let server = start(vec![("KEYWARD_TOKEN_LOADED_KEYS", "8".to_owned())]);
    let mut client = server.client();
    let id = made(&mut client, Vec::new());
    let secrets = [Secret {
        name: "served",
        bytes: got(&mut client, &id),
    }];
    round_trip(&mut client, &id, b"data");
    drop(client);
    assert!(
        !look::settled(&server, &secrets, 1).is_empty(),
        "the embedded token is in the server"
    );
    let mut client = server.client();
    client.on(Operation::DESTROY, &id);
    let mut reason = on(&id);
    let code = Node::new(tag::REVOCATION_REASON_CODE, Value::Enumeration(6));
    reason.push(Node::structure(tag::REVOCATION_REASON, vec![code]));
    client.ask(Operation::REVOKE, reason).ok();
    assert_eq!(look::settled(&server, &secrets, 0), []);
    for _ in 0..50 {
        let id = made(&mut client, Vec::new());
        round_trip(&mut client, &id, b"data");
    }
    std::thread::sleep(Duration::from_millis(1500));
    let loaded = gauge(&server, "keyward_token_loaded_keys");
    assert!((1..=8).contains(&loaded), "{loaded}");
}
