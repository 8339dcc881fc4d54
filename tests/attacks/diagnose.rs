//! What an administrator is told about a client that does not get what it wants.

use std::time::Duration;

use keyward::protocol::enumeration::{Operation, ResultReason};
use serde_json::Value;

use crate::process::{Server, Setup, aes, name};

/// The command's answer, once the log has that many of the client's requests.
fn found(server: &Server, client: &str, requests: usize) -> Value {
    let mut shown = Value::Null;
    for _ in 0..50 {
        let told = server.told(&["client", "diagnose", client, "--json"]);
        shown = serde_json::from_str(&told).unwrap();
        if shown["requests"].as_array().unwrap().len() >= requests {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    shown
}

#[test]
fn refusals_come_with_their_reason_and_with_what_to_do() {
    let server = Server::start(Setup::default());
    for client in ["array-1", "array-2", "silent"] {
        server.told(&["client", "add", client]);
    }
    let mut other = server.client_named("array-2");
    other.create("somebody-elses");
    let mut client = server.client_named("array-1");
    let key = client.create("volume");
    client
        .ask(Operation::CREATE, aes(vec![name("volume")]))
        .fails(ResultReason::NON_UNIQUE_NAME_ATTRIBUTE);
    for _ in 0..2 {
        client.on(Operation::ACTIVATE, &key);
    }
    client
        .on(Operation::DESTROY, &key)
        .fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
    client
        .on(Operation::GET, "nothing")
        .fails(ResultReason::OBJECT_NOT_FOUND);
    let shown = found(&server, "array-1", 6);
    let requests = shown["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 6, "{shown}");
    assert!(
        requests
            .iter()
            .all(|request| request["identity"] == "array-1")
    );
    assert_eq!(shown["versions"], serde_json::json!(["2.1"]));
    let mut refusals: Vec<(&str, &str, u64)> = shown["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| {
            (
                refusal["operation"].as_str().unwrap(),
                refusal["reason"].as_str().unwrap(),
                refusal["times"].as_u64().unwrap(),
            )
        })
        .collect();
    // Within a second the log's order is not that of the requests.
    refusals.sort_unstable();
    assert_eq!(
        refusals,
        [
            ("Activate", "WrongKeyLifecycleState", 1),
            ("Create", "NonUniqueNameAttribute", 1),
            ("Destroy", "WrongKeyLifecycleState", 1),
            ("Get", "ObjectNotFound", 1),
        ]
    );
    let text = server.told(&["client", "diagnose", "array-1"]);
    for words in [
        "default/array-1",
        "protocol versions  2.1",
        "Its last 6 requests:",
        "Destroy: WrongKeyLifecycleState, 1 times",
        "revoke it before it destroys it",
        "keyward client profile array-1 --add vmware",
        "Another object of the tenant has this Name",
        &key,
    ] {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    let one = server.told(&["client", "diagnose", "array-1", "--last", "1"]);
    assert!(one.contains("Its last 1 requests:") && one.lines().count() < text.lines().count());
    // Others see nothing of it.
    let none = server.told(&["client", "diagnose", "array-2"]);
    assert!(none.contains("None of them was refused."), "{none}");
    let silent = server.told(&["client", "diagnose", "silent"]);
    assert!(
        silent.contains("Nothing of this identity was seen"),
        "{silent}"
    );
    assert!(silent.contains("refused a client"), "{silent}");
    let unknown = server.cli(&["client", "diagnose", "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));
}

/// A Request Message with an empty header.
const WITHOUT_VERSION: [u8; 16] = [0x42, 0, 0x78, 1, 0, 0, 0, 8, 0x42, 0, 0x77, 1, 0, 0, 0, 0];

#[test]
fn messages_that_cannot_be_read_are_found_and_a_flood_of_them_is_counted() {
    let server = Server::start(Setup::default());
    server.told(&["client", "add", "broken"]);
    let mut client = server.client_named("broken");
    client.create("a sound request");
    for _ in 0..200 {
        client.send(&WITHOUT_VERSION).unwrap();
        client.receive().unwrap()[0].fails(ResultReason::INVALID_MESSAGE);
    }
    // Not KMIP at all: the connection ends.
    let mut stray = server.client_named("broken");
    stray.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _ = stray.receive();
    let shown = found(&server, "broken", 6);
    let requests = shown["requests"].as_array().unwrap();
    let unreadable: Vec<&Value> = requests
        .iter()
        .filter(|request| request["operation"] == "unreadable")
        .collect();
    assert_eq!(unreadable.len(), 5, "{shown}");
    for record in &unreadable {
        assert_eq!(record["result"], "InvalidMessage");
        assert_eq!(record["address"], "127.0.0.1");
        assert!(
            record["why"].as_str().unwrap().contains("Protocol Version"),
            "{record}"
        );
    }
    let text = server.told(&["client", "diagnose", "broken"]);
    assert!(
        text.contains("unreadable: InvalidMessage, 5 times"),
        "{text}"
    );
    assert!(text.contains("Protocol Version"), "{text}");
    // The rest is counted when the minute is over, or the server ends.
    let mut server = server;
    server.terminate();
    let text = server.told(&["client", "diagnose", "broken"]);
    assert!(
        text.contains("unreadable: InvalidMessage, 201 times"),
        "{text}"
    );
    assert!(text.contains("196 more within a minute"), "{text}");
    let log = server.told(&["audit", "show", "--last", "3"]);
    assert!(
        log.contains("broken@127.0.0.1  unreadable  InvalidMessage"),
        "{log}"
    );
}

#[test]
fn what_somebody_unknown_sends_is_found_too() {
    let server = Server::start(Setup::default());
    server.told(&["client", "add", "known"]);
    server.told(&["client", "add", "gone"]);
    let mut client = server.client_named("gone");
    server.told(&["client", "revoke", "gone", "--yes"]);
    client.send(&WITHOUT_VERSION).unwrap();
    let _ = client.receive();
    let mut strangers = Value::Null;
    for _ in 0..50 {
        let told = server.told(&["client", "diagnose", "known", "--json"]);
        strangers = serde_json::from_str::<Value>(&told).unwrap()["strangers"].clone();
        if !strangers.as_array().unwrap().is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(strangers[0]["operation"], "unreadable", "{strangers}");
    assert!(
        strangers[0]["why"]
            .as_str()
            .unwrap()
            .contains("Protocol Version")
    );
}
