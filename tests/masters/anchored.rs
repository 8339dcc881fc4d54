//! Anchored masters: their keys are in the token alone, and are shredded by themselves.

use std::path::Path;

use keyward::protocol::enumeration::{Operation, ResultReason, State};
use keyward::protocol::tag;
use serde_json::Value as Json;
use ttlv::Node;

use crate::ground::{check, everywhere, keys, refused, version};
use crate::process::{Answer, Client, Server, Setup, on};
use crate::shred::databases;

pub struct Master {
    id: String,
    prefix: Vec<u8>,
}

fn made(server: &Server, words: &[&str]) -> Master {
    read(&server.told(words))
}

/// What `--json` says of a master.
pub fn read(told: &str) -> Master {
    let told: Json = serde_json::from_str(told).unwrap();
    Master {
        id: told["unique_identifier"].as_str().unwrap().to_owned(),
        prefix: hex::decode(told["prefix"].as_str().unwrap()).unwrap(),
    }
}

fn create(server: &Server, name: &str, more: &[&str]) -> Master {
    let words = [
        "key",
        "create-master",
        name,
        "--owner",
        "first-client",
        "--scope",
        "*",
        "--json",
    ];
    made(server, &[&words, more].concat())
}

pub fn derived(client: &mut Client, master: &Master) -> Answer {
    let input = [
        master.prefix.as_slice(),
        &[0, 5],
        b"files",
        &[7; 32],
        &[0, 0, 1, 0],
    ];
    let mut payload = on(&master.id);
    payload.push(Node::bytes(tag::DATA, input.concat()));
    client.ask(Operation::MAC, payload)
}

pub fn key(client: &mut Client, master: &Master) -> Vec<u8> {
    derived(client, master).ok().bytes(tag::MAC_DATA)
}

/// Every row about masters: name, version, state, whether it is anchored.
fn listed(server: &Server) -> Vec<(String, u64, String, bool)> {
    let told: Vec<Json> =
        serde_json::from_str(&server.told(&["key", "masters", "--json"])).unwrap();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let row = |one: &Json| {
        (
            text(&one["name"]),
            one["version"].as_u64().unwrap(),
            text(&one["state"]),
            one["anchored"].as_bool().unwrap(),
        )
    };
    told.iter().map(row).collect()
}

#[test]
fn a_shredded_master_derives_nothing_and_the_others_go_on() {
    everywhere(|server| {
        let ours = keys(&mut server.client(), "ours", 2);
        let wrapped = create(server, "wrapped", &[]);
        let first = create(server, "files", &["--anchored"]);
        let other = create(server, "others", &["--anchored"]);
        let mut client = server.client();
        let kept = [&wrapped, &other].map(|master| key(&mut client, master));
        let old = key(&mut client, &first);
        assert!(!kept.contains(&old));
        let second = made(server, &["key", "rotate-master", "files", "--json"]);
        let third = made(server, &["key", "rotate-master", "files", "--json"]);
        assert_ne!(key(&mut client, &second), key(&mut client, &third));
        assert_eq!(key(&mut client, &first), old);
        // Rows are moved under new versions all around it; it is under none of them.
        server.told(&["token", "rotate", "all"]);
        server.told(&["tenant", "rotate", "default"]);
        assert_eq!(key(&mut client, &first), old);

        let told = refused(server, &["key", "shred-master", "wrapped", "--yes"]);
        assert!(
            told.contains("not anchored") && told.contains("tenant"),
            "{told}"
        );
        let told = refused(server, &["key", "shred-master", "nothing", "--yes"]);
        assert!(told.contains("no master"), "{told}");
        // One version, by its number; then all that is left, by name.
        one_version(server, &mut client, (&first, &second, &third));
        let receipt = server.home.path().join("receipt.json");
        let path = receipt.display().to_string();
        let words = ["key", "shred-master", "files", "--yes", "--receipt", &path];
        server.told(&[&words[..], &["--known-backup", "the safe"]].concat());
        for master in [&first, &second, &third] {
            derived(&mut client, master).fails(ResultReason::OBJECT_DESTROYED);
            assert_eq!(client.state(&master.id), State::DESTROYED.0);
        }
        let text = std::fs::read_to_string(&receipt).unwrap();
        assert!(
            text.contains("the safe") && text.contains(&third.id),
            "{text}"
        );
        assert!(
            !text.contains(&second.id),
            "it has a receipt of its own: {text}"
        );
        let told = server.told(&["tenant", "verify-receipt", &path]);
        assert!(told.contains("files") && told.contains(&third.id), "{told}");
        std::fs::write(&receipt, text.replace("files", "spare")).unwrap();
        let told = refused(server, &["tenant", "verify-receipt", &path]);
        assert!(told.contains("changed"), "{told}");
        // Again: the receipt.
        let again = ["key", "shred-master", "files", "--yes", "--json"];
        assert_eq!(server.told(&again), text);
        assert!(server.told(&["audit", "show"]).contains("key shred-master"));

        let still = |client: &mut Client| {
            let now = [&wrapped, &other].map(|master| key(client, master));
            assert_eq!(now, kept);
            check(client, &ours);
        };
        still(&mut client);
        drop(client);
        server.kill();
        server.run();
        still(&mut server.client());
    });
}

fn one_version(
    server: &Server,
    client: &mut Client,
    (first, second, third): (&Master, &Master, &Master),
) {
    let told = server.told(&[
        "key",
        "shred-master",
        "files",
        "--version",
        "2",
        "--yes",
        "--json",
    ]);
    let signed: Json = serde_json::from_str(&told).unwrap();
    assert_eq!(
        signed["receipt"]["masters"][0]["unique_identifier"],
        second.id.as_str()
    );
    assert_eq!(signed["receipt"]["destroyed"].as_array().unwrap().len(), 1);
    derived(client, second).fails(ResultReason::OBJECT_DESTROYED);
    key(client, first);
    key(client, third);
    let rows = listed(server);
    let row = |version, state: &str| ("files".to_owned(), version, state.to_owned(), true);
    assert!(
        rows.contains(&row(1, "Active")) && rows.contains(&row(2, "Destroyed")),
        "{rows:?}"
    );
    assert!(rows.contains(&("wrapped".to_owned(), 1, "Active".to_owned(), false)));
}

/// Brings the database of `kept` back and asks for a key of the master.
fn restored(server: &mut Server, kept: &Path, master: &Master) {
    server.terminate();
    databases(kept, &server.directory());
    server.run();
    let mut client = server.client();
    assert_eq!(client.state(&master.id), State::ACTIVE.0, "the row is back");
    let answer = derived(&mut client, master);
    answer.fails(ResultReason::KEY_VALUE_NOT_PRESENT);
    assert!(answer.message.contains("shredded"), "{}", answer.message);
}

#[test]
fn an_old_database_with_the_new_token_derives_nothing() {
    everywhere(|server| {
        if server.home.path().join("data").join("keyward.db").exists() {
            old_database(server);
        }
    });
}

fn old_database(server: &mut Server) {
    let master = create(server, "files", &["--anchored"]);
    let other = create(server, "others", &["--anchored"]);
    let mut client = server.client();
    key(&mut client, &master);
    let others = key(&mut client, &other);
    drop(client);
    server.terminate();
    let kept = server.home.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    databases(&server.directory(), &kept);
    server.run();
    server.told(&["key", "shred-master", &master.id, "--yes"]);
    restored(server, &kept, &master);
    assert_eq!(key(&mut server.client(), &other), others);
    // What the old database does not know is said again.
    server.told(&["key", "shred-master", "files", "--yes"]);
    derived(&mut server.client(), &master).fails(ResultReason::OBJECT_DESTROYED);
}

#[test]
fn a_master_is_shredded_with_its_tenant() {
    let mut server = Server::start(Setup::default());
    server.told(&["tenant", "add", "doomed"]);
    server.told(&[
        "client",
        "add",
        "victim",
        "--tenant",
        "doomed",
        "--profile",
        "standard",
    ]);
    let words = [
        "key",
        "create-master",
        "files",
        "--owner",
        "victim",
        "--scope",
        "*",
    ];
    let more = ["--tenant", "doomed", "--anchored", "--json"];
    let master = made(&server, &[&words[..], &more].concat());
    let spared = create(&server, "files", &["--anchored"]);
    key(&mut server.client_named("victim"), &master);
    let kept = server.home.path().join("kept");
    server.terminate();
    std::fs::create_dir(&kept).unwrap();
    databases(&server.directory(), &kept);
    server.run();
    let told = server.told(&["tenant", "shred", "doomed", "--yes", "--json"]);
    assert!(told.contains(&master.id), "{told}");
    derived(&mut server.client_named("victim"), &master).fails(ResultReason::PERMISSION_DENIED);
    key(&mut server.client(), &spared);
    server.terminate();
    databases(&kept, &server.directory());
    server.run();
    let answer = derived(&mut server.client_named("victim"), &master);
    answer.fails(ResultReason::KEY_VALUE_NOT_PRESENT);
    key(&mut server.client(), &spared);
}

/// Whether a file of the embedded token has these bytes: labels stand there in clear.
fn in_token(server: &Server, bytes: &str) -> bool {
    let entries = std::fs::read_dir(server.directory().join("token")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files = paths.filter(|path| path.is_file());
    files.any(|path| {
        let file = std::fs::read(path).unwrap();
        file.windows(bytes.len()).any(|at| at == bytes.as_bytes())
    })
}

#[test]
fn a_shredding_that_was_killed_goes_on() {
    let server = Server::start(Setup::default());
    let master = create(&server, "files", &["--anchored"]);
    let other = create(&server, "others", &["--anchored"]);
    let mut client = server.client();
    key(&mut client, &master);
    assert!(in_token(&server, &master.id));
    let mut command = server.command();
    command.args([
        "key",
        "shred-master",
        "files",
        "--yes",
        "--json",
        "--known-backup",
        "the safe",
    ]);
    let mut child = command
        .arg("--dir")
        .arg(server.directory())
        .spawn()
        .unwrap();
    // The rows say it at once, the token follows two seconds later.
    while listed(&server)
        .iter()
        .any(|row| row.0 == "files" && row.2 == "Active")
    {
        assert!(child.try_wait().unwrap().is_none(), "it was done too early");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    derived(&mut client, &master).fails(ResultReason::OBJECT_DESTROYED);
    let told = server.told(&["key", "shred-master", "files", "--yes", "--json"]);
    assert!(
        told.contains("the safe") && told.contains(&master.id),
        "{told}"
    );
    // No remains in free pages or in a log, while the server has the token open.
    assert!(!in_token(&server, &master.id));
    assert!(in_token(&server, &other.id));
    key(&mut client, &other);
    assert_eq!(
        version(&server, "kek-v1").0,
        "newest",
        "nothing else was touched"
    );
}
