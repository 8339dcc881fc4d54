//! Several tokens with one set of masters: new versions reach all of them, and what is destroyed is
//! destroyed in all.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{Operation, ResultReason};
use serde_json::Value as Json;

use crate::anchored;
use crate::ground::{check, keys, refused, version};
use crate::process::{Server, Setup, SoftHsm};
use crate::rotation::under_load;

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A running server whose masters are in two tokens, and where these are.
struct Pair {
    server: Server,
    tokens: [PathBuf; 2],
}

pub fn command(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command
        .args(words)
        .env("SOFTHSM2_CONF", home.join("softhsm2.conf"));
    command
}

pub fn json(command: &mut Command) -> Json {
    let done = command.output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {told}");
    serde_json::from_slice(&done.stdout).unwrap()
}

/// The configuration of a node.
pub fn configure(data: &Path, node: &str, database: &str, token: &str) {
    std::fs::create_dir_all(data).unwrap();
    let text = format!("node = \"{node}\"\n[database]\nurl = \"{database}\"\n[token]\n{token}");
    std::fs::write(data.join("keyward.toml"), text).unwrap();
}

/// The fingerprint that the second token shows, as the operator reads it there.
fn fingerprint(home: &Path, data: &Path) -> String {
    let request = home.join("request");
    let words = ["token", "request", "--replica", "1", "--json"];
    let mut command = command(home, &words);
    let told = json(command.arg(request).arg("--dir").arg(data));
    told["fingerprint"].as_str().unwrap().to_owned()
}

fn pair(home: tempfile::TempDir, setup: Setup, token: &str, tokens: [PathBuf; 2]) -> Pair {
    let data = home.path().join("data");
    let database = format!("sqlite:{}", data.join("keyward.db").display());
    configure(&data, "main", &database, token);
    let typed = fingerprint(home.path(), &data);
    let words = [
        "token",
        "init",
        "--ceremony",
        "--json",
        "--fingerprint",
        &typed,
    ];
    json(command(home.path(), &words).arg("--dir").arg(&data));
    Pair {
        server: Server::start_in(home, setup),
        tokens,
    }
}

fn two_embedded() -> Pair {
    let home = tempfile::Builder::new()
        .prefix("keyward-several-")
        .tempdir()
        .unwrap();
    let tokens = [home.path().join("data/token"), home.path().join("second")];
    let token = format!(
        "path = \"{}\"\nreplicas = [\"embedded:{}\"]\n",
        tokens[0].display(),
        tokens[1].display()
    );
    pair(home, Setup::default(), &token, tokens)
}

fn two_softhsm() -> Option<Pair> {
    let home = tempfile::Builder::new()
        .prefix("keyward-several-")
        .tempdir()
        .unwrap();
    let softhsm = SoftHsm::make(home.path())?;
    let listed = |tokens: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(tokens).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let first = listed(&softhsm.tokens).remove(0);
    let done = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "second"])
        .args(["--so-pin", "12345678", "--pin", "1234"])
        .env("SOFTHSM2_CONF", home.path().join("softhsm2.conf"))
        .output();
    assert!(done.unwrap().status.success());
    let second = listed(&softhsm.tokens)
        .into_iter()
        .find(|dir| *dir != first);
    let pin = home.path().join("pin");
    let token = format!(
        "kind = \"module\"\npath = \"{SOFTHSM}\"\nlabel = \"keyward\"\npin_file = \"{pin}\"\n\
         replicas = [\"pkcs11:token=second?module-path={SOFTHSM}&pin-source={pin}\"]\n",
        pin = pin.display()
    );
    let setup = Setup {
        softhsm: Some(softhsm),
        ..Setup::default()
    };
    Some(pair(home, setup, &token, [first, second.unwrap()]))
}

fn on_each(test: impl Fn(&mut Pair)) {
    let mut pair = two_embedded();
    test(&mut pair);
    assert!(pair.server.is_alive());
    if let Some(mut pair) = two_softhsm() {
        test(&mut pair);
        assert!(pair.server.is_alive());
    }
}

impl Pair {
    /// A command that makes masters, with the operator's word for the second token.
    fn vouched(&self, words: &[&str]) -> String {
        let typed = fingerprint(self.server.home.path(), &self.server.directory());
        self.server
            .told(&[words, &["--fingerprint", &typed]].concat())
    }

    fn away(&self, token: usize) -> PathBuf {
        self.server.home.path().join(format!("away-{token}"))
    }

    fn take_away(&self, token: usize) {
        std::fs::rename(&self.tokens[token], self.away(token)).unwrap();
    }

    fn bring_back(&self, token: usize) {
        std::fs::rename(self.away(token), &self.tokens[token]).unwrap();
        self.until("ready");
    }

    fn until(&self, expected: &str) {
        let begun = Instant::now();
        while !self.server.text("/readyz").contains(expected) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "never {expected}: {}\n{}",
                self.server.text("/readyz"),
                self.server.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// `token versions`: which tokens have a version.
    fn places(&self, called: &str) -> Vec<bool> {
        places(&self.server, called)
    }
}

pub fn places(server: &Server, called: &str) -> Vec<bool> {
    let told = server.told(&["token", "versions", "--json"]);
    let told: Vec<Json> = serde_json::from_str(&told).unwrap();
    let found = told
        .iter()
        .find(|version| version["name"] == called)
        .unwrap();
    let tokens = found["tokens"].as_array().unwrap().iter();
    tokens.map(|token| token["answer"].is_string()).collect()
}

#[test]
fn versions_come_and_go_in_both_tokens_while_clients_work() {
    on_each(|pair| {
        let server = &pair.server;
        let known = keys(&mut server.client(), "known", 4);
        // Nobody vouches for the second token.
        let told = refused(server, &["token", "rotate", "kek", "--fingerprint", "00"]);
        assert!(told.contains("Fingerprint"), "{told}");
        assert_eq!(version(server, "kek-v1").0, "newest");
        let turns = under_load(server, "rotation", || {
            pair.vouched(&["token", "rotate", "all"]);
        });
        assert!(turns > 3, "only {turns} turns beside the rotation");
        for (old, new) in [("kek-v1", "kek-v2"), ("mac-v1", "mac-v2")] {
            assert_eq!(version(server, old), ("in use".to_owned(), 0));
            assert_eq!(version(server, new).0, "newest");
            assert_eq!(pair.places(new), [true, true]);
        }
        check(&mut server.client(), &known);
        let checked: Json =
            serde_json::from_str(&server.told(&["token", "check", "--json"])).unwrap();
        assert_eq!(checked["agree"], true);

        // One of them away: nothing new, and nothing destroyed before it is back.
        pair.take_away(1);
        pair.until("degraded");
        let told = refused(server, &["token", "rotate", "kek", "--fingerprint", "00"]);
        assert!(
            told.contains("does not answer") && told.contains("second"),
            "{told}"
        );
        let told = refused(server, &["token", "destroy", "kek-v1", "--yes"]);
        assert!(
            told.contains("not destroyed everywhere") && told.contains("second"),
            "{told}"
        );
        assert_eq!(version(server, "kek-v1").0, "destroying");
        assert_eq!(pair.places("kek-v1"), [false, true]);
        check(&mut server.client(), &known);
        pair.bring_back(1);
        let turns = under_load(server, "destruction", || {
            server.told(&["token", "destroy", "kek-v1", "--yes"]);
            server.told(&["token", "destroy", "mac-v1", "--yes"]);
        });
        assert!(turns > 3, "only {turns} turns beside the destruction");
        for gone in ["kek-v1", "mac-v1"] {
            assert_eq!(version(server, gone).0, "destroyed");
            assert_eq!(pair.places(gone), [false, false]);
        }

        // The second alone serves everything, in the running server and in one that is started.
        pair.take_away(0);
        pair.until("degraded");
        check(&mut server.client(), &known);
        server.client().create("by the second token");
        pair.server.kill();
        pair.server.run();
        check(&mut pair.server.client(), &known);
        pair.server.client().create("by the second token alone");
        pair.bring_back(0);
        check(&mut pair.server.client(), &known);
        pair.server.told(&["audit", "verify"]);
    });
}

#[test]
fn a_rotation_that_is_killed_anywhere_is_begun_again() {
    on_each(|pair| {
        let server = &pair.server;
        let known = keys(&mut server.client(), "known", 2);
        for milliseconds in [40, 120, 250, 400, 700] {
            let typed = fingerprint(server.home.path(), &server.directory());
            let mut command = server.command();
            command
                .args([
                    "token",
                    "rotate",
                    "kek",
                    "--background",
                    "--fingerprint",
                    &typed,
                    "--dir",
                ])
                .arg(server.directory())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(milliseconds));
            drop(child.kill());
            child.wait().unwrap();
            // Whatever it left: nobody uses what is not in both.
            check(&mut server.client(), &known);
            server.client().create(&format!("after {milliseconds}"));
        }
        let begun = Instant::now();
        loop {
            let typed = fingerprint(server.home.path(), &server.directory());
            let words = ["token", "rotate", "all", "--fingerprint", &typed];
            let done = server.cli(&words);
            if done.status.success() {
                break;
            }
            let told = String::from_utf8_lossy(&done.stderr);
            assert!(told.contains("at the moment"), "{told}");
            assert!(begun.elapsed() < Duration::from_secs(60), "{told}");
            std::thread::sleep(Duration::from_secs(2));
        }
        let told: Vec<Json> =
            serde_json::from_str(&server.told(&["token", "versions", "--json"])).unwrap();
        let newest: Vec<&str> = told
            .iter()
            .filter(|version| version["state"] == "newest")
            .map(|version| version["name"].as_str().unwrap())
            .collect();
        for name in newest {
            assert_eq!(pair.places(name), [true, true], "{name}");
        }
        check(&mut server.client(), &known);
        pair.take_away(0);
        pair.until("degraded");
        check(&mut server.client(), &known);
    });
}

#[test]
fn a_tenant_is_shredded_in_both_tokens() {
    on_each(|pair| {
        let server = &pair.server;
        server.told(&["tenant", "add", "doomed"]);
        let victim = [
            "client",
            "add",
            "victim",
            "--tenant",
            "doomed",
            "--profile",
            "standard",
        ];
        server.told(&victim);
        let ours = keys(&mut server.client(), "ours", 3);
        let mut client = server.client_named("victim");
        let theirs = keys(&mut client, "theirs", 2);
        // Before anything is deleted.
        pair.take_away(1);
        pair.until("degraded");
        let told = refused(server, &["tenant", "shred", "doomed", "--yes"]);
        assert!(told.contains("does not answer"), "{told}");
        check(&mut client, &theirs);
        pair.bring_back(1);
        let told = server.told(&["tenant", "list"]);
        assert!(told.contains("doomed  shared  active"), "{told}");
        // A token goes when the others' keys have their new root: the end has to wait for it.
        let typed = fingerprint(server.home.path(), &server.directory());
        let words = [
            "tenant",
            "shred",
            "doomed",
            "--yes",
            "--fingerprint",
            &typed,
        ];
        let turns = under_load(server, "shredding", || {
            let mut command = server.command();
            command.args(words).arg("--dir").arg(server.directory());
            let child = command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let begun = Instant::now();
            while !has_root(server) {
                assert!(begun.elapsed() < Duration::from_secs(30));
            }
            pair.take_away(1);
            let done = child.wait_with_output().unwrap();
            let told = String::from_utf8_lossy(&done.stderr);
            assert!(
                !done.status.success() && told.contains("not shredded yet"),
                "{told}"
            );
        });
        assert!(turns > 3, "only {turns} turns beside the shredding");
        client
            .on(Operation::GET, &theirs[0].id)
            .fails(ResultReason::PERMISSION_DENIED);
        let told = server.told(&["tenant", "list"]);
        assert!(told.contains("doomed  shared  shredding"), "{told}");
        let told = refused(server, &["tenant", "receipt", "doomed"]);
        assert!(told.contains("not shredded yet"), "{told}");
        check(&mut server.client(), &ours);
        pair.bring_back(1);
        let receipt = server.home.path().join("receipt.json");
        let path = receipt.display().to_string();
        server.told(&["tenant", "shred", "doomed", "--yes", "--receipt", &path]);
        assert!(
            server
                .told(&["tenant", "list"])
                .contains("doomed  shared  shredded")
        );
        assert_eq!(pair.places("kek-v1"), [false, false]);
        server.told(&["tenant", "verify-receipt", &path]);
        let text = std::fs::read_to_string(&receipt).unwrap();
        let signed: Json = serde_json::from_str(&text).unwrap();
        let tokens = signed["receipt"]["tokens"].as_array().unwrap();
        assert_eq!(tokens.len(), 2, "{text}");
        assert_ne!(tokens[0]["serial"], tokens[1]["serial"]);
        check(&mut server.client(), &ours);
    });
}

fn has_root(server: &Server) -> bool {
    let told = server.told(&["token", "versions", "--json"]);
    let told: Vec<Json> = serde_json::from_str(&told).unwrap();
    told.iter()
        .any(|version| version["name"] == "kek-v2" && version["state"] == "newest")
}

#[test]
fn an_anchored_master_is_in_both_tokens_and_shredded_in_both() {
    on_each(|pair| {
        let server = &pair.server;
        let words = [
            "key",
            "create-master",
            "files",
            "--owner",
            "first-client",
            "--scope",
            "*",
        ];
        let more = ["--anchored", "--json"];
        let told = refused(
            server,
            &[&words[..], &more, &["--fingerprint", "00"]].concat(),
        );
        assert!(told.contains("Fingerprint"), "{told}");
        let master = anchored::read(&pair.vouched(&[&words[..], &more].concat()));
        let second = anchored::read(&pair.vouched(&["key", "rotate-master", "files", "--json"]));
        let mut client = server.client();
        let known = [&master, &second].map(|master| anchored::key(&mut client, master));
        pair.take_away(0);
        pair.until("degraded");
        let now = [&master, &second].map(|master| anchored::key(&mut server.client(), master));
        assert_eq!(now, known);
        let told = refused(server, &["key", "shred-master", "files", "--yes"]);
        assert!(told.contains("not destroyed everywhere"), "{told}");
        anchored::derived(&mut server.client(), &master).fails(ResultReason::OBJECT_DESTROYED);
        pair.bring_back(0);
        let told = server.told(&["key", "shred-master", "files", "--yes", "--json"]);
        let signed: Json = serde_json::from_str(&told).unwrap();
        assert_eq!(
            signed["receipt"]["tokens"].as_array().unwrap().len(),
            2,
            "{told}"
        );
        assert_eq!(
            signed["receipt"]["destroyed"].as_array().unwrap().len(),
            2,
            "{told}"
        );
        let told = server.told(&["token", "check"]);
        assert!(!told.contains("anchored"), "{told}");
    });
}

/// Copies of an embedded token stand for what a vendor's tool clones.
#[test]
fn clones_without_a_ceremony_go_on_by_cloning() {
    let mut server = Server::start(Setup::default());
    let known = keys(&mut server.client(), "known", 2);
    server.terminate();
    let (first, second) = (
        server.directory().join("token"),
        server.home.path().join("second"),
    );
    let clone = || {
        drop(std::fs::remove_dir_all(&second));
        let done = Command::new("cp")
            .arg("-a")
            .args([&first, &second])
            .status();
        assert!(done.unwrap().success());
    };
    clone();
    let file = server.directory().join("keyward.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let replicas = format!("[token]\nreplicas = [\"embedded:{}\"]", second.display());
    std::fs::write(&file, text.replace("[token]", &replicas)).unwrap();
    let told = server.told(&["token", "rotate", "kek"]);
    assert!(told.contains("kek-v2 is not used yet"), "{told}");
    assert_eq!(version(&server, "kek-v1").0, "newest");
    server.run();
    check(&mut server.client(), &known);
    server.terminate();
    clone();
    server.told(&["token", "rotate", "kek"]);
    assert_eq!(places(&server, "kek-v2"), [true, true]);
    server.told(&["token", "destroy", "kek-v1", "--yes"]);
    assert_eq!(places(&server, "kek-v1"), [false, false]);
    std::fs::rename(&first, server.home.path().join("away")).unwrap();
    server.run();
    check(&mut server.client(), &known);
}
