//! Two nodes on one database, each with a token of its own: masters go from one to the other by files.

use std::path::{Path, PathBuf};
use std::process::Command;

use keyward::protocol::enumeration::ResultReason;
use serde_json::Value as Json;

use crate::anchored;
use crate::ground::{check, keys, refused, version};
use crate::process::{Client, Server, Setup};
use crate::several::{command, configure, json, places};

/// Node a, and node b, which is not started yet.
fn founded(database: Option<String>) -> (Server, tempfile::TempDir) {
    let [a, b] = ["a", "b"].map(|node| {
        let prefix = format!("keyward-node-{node}-");
        tempfile::Builder::new().prefix(&prefix).tempdir().unwrap()
    });
    let sqlite = format!("sqlite:{}", a.path().join("data/keyward.db").display());
    let url = database.clone().unwrap_or(sqlite);
    for (node, home) in [("a", &a), ("b", &b)] {
        let data = home.path().join("data");
        let token = format!("path = \"{}\"\n", data.join("token").display());
        configure(&data, node, &url, &token);
    }
    let request = b.path().join("b.request");
    let typed = asked(b.path(), &request);
    let file = request.to_str().unwrap();
    let words = [
        "token",
        "init",
        "--ceremony",
        "--json",
        "--request",
        file,
        "--fingerprint",
        &typed,
    ];
    let told = on(a.path(), &words);
    let answer = told["answers"][0].as_str().unwrap();
    let check = told["check_value"].as_str().unwrap();
    on(
        b.path(),
        &["token", "import", answer, "--json", "--check", check],
    );
    let setup = Setup {
        database,
        environment: vec![("KEYWARD_NODE", node(a.path()))],
        ..Setup::default()
    };
    (Server::start_in(a, setup), b)
}

/// A command on a node's machine.
fn at(home: &Path, words: &[&str]) -> Command {
    let mut command = command(home, words);
    command.arg("--dir").arg(home.join("data"));
    command.env("KEYWARD_NODE", node(home));
    command
}

fn on(home: &Path, words: &[&str]) -> Json {
    json(&mut at(home, words))
}

fn node(home: &Path) -> String {
    match home.to_str().unwrap().contains("keyward-node-a-") {
        true => "a".to_owned(),
        false => "b".to_owned(),
    }
}

/// Writes a request for the node's token; its fingerprint.
fn asked(home: &Path, request: &Path) -> String {
    let told = on(
        home,
        &["token", "request", request.to_str().unwrap(), "--json"],
    );
    told["fingerprint"].as_str().unwrap().to_owned()
}

/// Another node's server, and the first client there.
fn start(home: tempfile::TempDir, a: &Server, database: Option<String>) -> Server {
    let sqlite = format!("sqlite:{}", a.directory().join("keyward.db").display());
    let setup = Setup {
        database: Some(database.unwrap_or(sqlite)),
        environment: vec![("KEYWARD_NODE", node(home.path()))],
        ..Setup::default()
    };
    Server::start_in(home, setup)
}

fn client(at: &Server, of: &Server) -> Client {
    let pki = of.directory().join("pki");
    at.client_with(&pki.join("client.pem"), &pki.join("client.key"))
        .unwrap()
}

fn both(test: impl Fn(Server, Server)) {
    let (a, b) = founded(None);
    let b = start(b, &a, None);
    test(a, b);
    if let Some(cluster) = crate::postgres::shared() {
        let database = cluster.database();
        let (a, b) = founded(Some(database.clone()));
        let b = start(b, &a, Some(database));
        test(a, b);
    }
}

#[test]
fn a_version_is_used_when_the_other_machine_has_it() {
    both(|a, mut b| {
        let known = keys(&mut a.client(), "known", 3);
        check(&mut client(&b, &a), &known);
        // Without the other machine's token nothing is made.
        let told = refused(&a, &["token", "rotate", "kek"]);
        assert!(
            told.contains("of node b") && told.contains("token request"),
            "{told}"
        );
        assert_eq!(version(&a, "kek-v1").0, "newest");
        let request: PathBuf = b.home.path().join("next.request");
        let typed = asked(b.home.path(), &request);
        let file = request.to_str().unwrap();
        let words = [
            "token",
            "rotate",
            "all",
            "--json",
            "--request",
            file,
            "--fingerprint",
            &typed,
        ];
        let told: Json = serde_json::from_str(&a.told(&words)).unwrap();
        assert_eq!(told["made"], serde_json::json!([]), "{told}");
        assert_eq!(told["waits"][0]["version"], "kek-v2", "{told}");
        let first = std::fs::read(told["answers"][0].as_str().unwrap()).unwrap();
        // It is nobody's yet, however often servers look.
        for server in [&a, &b] {
            assert_eq!(version(server, "kek-v1").0, "newest");
            assert_eq!(version(server, "kek-v2").0, "waiting");
            let called = format!("meanwhile {}", node(server.home.path()));
            client(server, &a).create(&called);
        }
        assert_eq!(places(&a, "kek-v2"), [true, false]);
        let told = a.told(&["token", "rotate", "kek"]);
        assert!(
            told.contains("kek-v2 is not used yet") && told.contains("of node b"),
            "{told}"
        );
        // Made anew: the first answer is of no use any more, and does no harm.
        let typed = asked(b.home.path(), &request);
        let words = [
            "token",
            "rotate",
            "all",
            "--json",
            "--request",
            file,
            "--fingerprint",
            &typed,
        ];
        let told: Json = serde_json::from_str(&a.told(&words)).unwrap();
        let answer = told["answers"][0].as_str().unwrap();
        let second = std::fs::read(answer).unwrap();
        std::fs::write(answer, first).unwrap();
        let told = refused(&b, &["token", "import", answer]);
        assert!(told.contains("begun anew"), "{told}");
        std::fs::write(answer, second).unwrap();
        b.kill();
        b.run();
        let told: Json =
            serde_json::from_str(&b.told(&["token", "import", answer, "--json"])).unwrap();
        assert_eq!(
            told["used"],
            serde_json::json!(["kek-v2", "mac-v2"]),
            "{told}"
        );
        a.told(&["token", "rotate", "--resume"]);
        for server in [&a, &b] {
            assert_eq!(version(server, "kek-v1").1, 0);
            assert_eq!(version(server, "mac-v1").1, 0);
            let called = format!("afterwards {}", node(server.home.path()));
            client(server, &a).create(&called);
            check(&mut client(server, &a), &known);
        }

        // Destroyed on each machine.
        let told = refused(&a, &["token", "destroy", "kek-v1", "--yes"]);
        assert!(told.contains("of node b"), "{told}");
        assert_eq!(version(&b, "kek-v1").0, "destroying");
        assert_eq!(places(&a, "kek-v1"), [false, true]);
        b.told(&["token", "destroy", "kek-v1", "--yes"]);
        assert_eq!(version(&a, "kek-v1").0, "destroyed");
        for server in [&a, &b] {
            check(&mut client(server, &a), &known);
        }
    });
}

#[test]
fn a_node_that_is_gone_for_good_is_forgotten() {
    let (a, b) = founded(None);
    let known = keys(&mut a.client(), "known", 1);
    let told = refused(&a, &["token", "rotate", "kek"]);
    assert!(
        told.contains("of node b") && told.contains("token forget"),
        "{told}"
    );
    let told = refused(&a, &["token", "forget", "c", "--yes"]);
    assert!(told.contains("there are: a, b"), "{told}");
    a.told(&["token", "forget", "b", "--yes"]);
    a.told(&["token", "rotate", "kek"]);
    assert_eq!(version(&a, "kek-v2").0, "newest");
    a.told(&["token", "destroy", "kek-v1", "--yes"]);
    check(&mut a.client(), &known);
    // Should it come back, it lacks what is used, and says so.
    let done = at(b.path(), &["token", "versions"]).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(
        !done.status.success() && told.contains("lacks kek-v2"),
        "{told}"
    );
}

#[test]
fn an_anchored_master_derives_when_the_other_machine_has_it() {
    let (a, b) = founded(None);
    let b = start(b, &a, None);
    let words = [
        "key",
        "create-master",
        "files",
        "--owner",
        "first-client",
        "--scope",
        "*",
    ];
    let words = [&words[..], &["--anchored", "--json"]].concat();
    let told = refused(&a, &words);
    assert!(told.contains("of node b"), "{told}");
    let request: PathBuf = b.home.path().join("b.request");
    let typed = asked(b.home.path(), &request);
    let file = request.to_str().unwrap();
    let more = ["--request", file, "--fingerprint", &typed];
    let told = a.told(&[&words[..], &more].concat());
    assert!(told.contains("PreActive"), "{told}");
    let master = anchored::read(&told);
    let waits = |server: &Server| {
        let answer = anchored::derived(&mut client(server, &a), &master);
        answer.fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
    };
    waits(&a);
    waits(&b);
    let answer = format!("{file}.answer");
    let told = b.told(&["token", "import", &answer]);
    assert!(told.contains("files is in all tokens"), "{told}");
    let keys = [&a, &b].map(|server| anchored::key(&mut client(server, &a), &master));
    assert_eq!(keys[0], keys[1]);
    let told = refused(
        &a,
        &[
            "key",
            "rotate-master",
            "files",
            "--request",
            file,
            "--fingerprint",
            "0",
        ],
    );
    assert!(told.contains("would derive nothing"), "{told}");
    let told = refused(&b, &["key", "shred-master", "files", "--yes"]);
    assert!(told.contains("of node a"), "{told}");
    let answer = anchored::derived(&mut client(&a, &a), &master);
    answer.fails(ResultReason::OBJECT_DESTROYED);
    let told = a.told(&["key", "shred-master", "files", "--yes", "--json"]);
    let signed: Json = serde_json::from_str(&told).unwrap();
    let nodes: Vec<&Json> = (signed["receipt"]["tokens"].as_array().unwrap().iter())
        .map(|token| &token["node"])
        .collect();
    assert_eq!(nodes, ["a", "b"], "{told}");
}
