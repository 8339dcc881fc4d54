//! Two tokens with one set of masters, one of which goes away while clients work.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::Operation;

use crate::process::{Server, Setup, SoftHsm, integer};
use keyward::protocol::tag;

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

fn keyward(home: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keyward"))
        .args(words)
        .arg("--dir")
        .arg(home.join("data"))
        .env("SOFTHSM2_CONF", home.join("softhsm2.conf"))
        .output()
        .unwrap()
}

fn told(home: &Path, words: &[&str]) -> serde_json::Value {
    let done = keyward(home, words);
    assert!(
        done.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    serde_json::from_slice(&done.stdout).unwrap()
}

/// The operator's part: a configuration, the replica's fingerprint, the ceremony.
fn ceremony(home: &Path, token: &str) {
    let data = home.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let database = data.join("keyward.db");
    std::fs::write(
        data.join("keyward.toml"),
        format!(
            "[database]\nurl = \"sqlite:{}\"\n[token]\n{token}",
            database.display()
        ),
    )
    .unwrap();
    let request = home.join("request");
    let words = [
        "token",
        "request",
        request.to_str().unwrap(),
        "--replica",
        "1",
        "--json",
    ];
    let fingerprint = told(home, &words)["fingerprint"].clone();
    let init = |fingerprint: &str| {
        keyward(
            home,
            &[
                "token",
                "init",
                "--ceremony",
                "--json",
                "--fingerprint",
                fingerprint,
            ],
        )
    };
    let fingerprint = fingerprint.as_str().unwrap();
    let mistyped = fingerprint.replace(char::from(fingerprint.as_bytes()[0]), "x");
    assert!(!init(&mistyped).status.success());
    let done = init(fingerprint);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let checked = told(home, &["token", "check", "--json"]);
    assert_eq!(checked["agree"], true);
    assert_eq!(checked["tokens"].as_array().unwrap().len(), 2);
}

/// Clients that work until told to end; how often each did.
fn working(server: &Arc<Server>) -> (Arc<AtomicBool>, Vec<std::thread::JoinHandle<usize>>) {
    let end = Arc::new(AtomicBool::new(false));
    let client = |number: usize| {
        let (server, end) = (Arc::clone(server), Arc::clone(&end));
        std::thread::spawn(move || {
            let mut client = server.client();
            let mut count = 0;
            while !end.load(Ordering::Relaxed) {
                let id = client.create(&format!("replicated-{number}-{count}"));
                client.on(Operation::GET, &id).ok();
                client.on(Operation::ACTIVATE, &id).ok();
                let mut payload = crate::process::on(&id);
                payload.push(ttlv::Node::structure(
                    tag::CRYPTOGRAPHIC_PARAMETERS,
                    vec![
                        crate::process::enumeration(tag::BLOCK_CIPHER_MODE, 9),
                        integer(tag::TAG_LENGTH, 16),
                        ttlv::Node::new(tag::RANDOM_IV, ttlv::Value::Boolean(true)),
                    ],
                ));
                payload.push(ttlv::Node::bytes(tag::DATA, vec![7; 40]));
                client.ask(Operation::ENCRYPT, payload).ok();
                count += 1;
            }
            count
        })
    };
    let clients = (0..3).map(client).collect();
    (end, clients)
}

fn wait_until(server: &Server, path: &str, expected: &str) {
    let begun = Instant::now();
    while !server.text(path).contains(expected) {
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "{path} never says {expected:?}: {}\n{}",
            server.text(path),
            server.log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Each token goes and comes back; no client sees a failure.
fn goes_and_comes(server: &Arc<Server>, tokens: &[(PathBuf, &str)]) {
    let (end, clients) = working(server);
    for (dir, up) in tokens {
        std::thread::sleep(Duration::from_millis(500));
        let away = dir.with_extension("away");
        let away = dir
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .join(away.file_name().unwrap());
        std::fs::rename(dir, &away).unwrap();
        wait_until(server, "/readyz", "degraded");
        let line = |value| format!("{up}}} {value}");
        wait_until(server, "/metrics", &line(0));
        assert_eq!(server.page("/readyz"), 200);
        std::thread::sleep(Duration::from_secs(2));
        std::fs::rename(&away, dir).unwrap();
        wait_until(server, "/readyz", "ready");
        wait_until(server, "/metrics", &line(1));
    }
    end.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.join().unwrap() > 5);
    }
}

#[test]
fn two_embedded_tokens() {
    let home = tempfile::tempdir().unwrap();
    let tokens = home.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let (one, two) = (home.path().join("data/token"), tokens.join("second"));
    let token = format!(
        "path = \"{}\"\nreplicas = [\"embedded:{}\"]\n",
        one.display(),
        two.display()
    );
    ceremony(home.path(), &token);
    let mut server = Server::start_in(home, Setup::default());
    let id = server.client().create("before");
    {
        let shared = Arc::new(server);
        goes_and_comes(
            &shared,
            &[(one.clone(), "token=\"1\""), (two.clone(), "token=\"2\"")].map(|(dir, up)| {
                let name = format!("{up},name=\"{}\"", dir.display());
                (dir, &*Box::leak(name.into_boxed_str()))
            }),
        );
        server = Arc::into_inner(shared).unwrap();
    }
    // Nothing is made that nobody vouched for, and nothing is deleted before its end is in reach.
    server.told(&["tenant", "add", "other"]);
    for words in [
        &["token", "rotate", "kek"][..],
        &["tenant", "shred", "other", "--yes"],
        &[
            "key",
            "create-master",
            "files",
            "--owner",
            "first-client",
            "--scope",
            "*",
            "--anchored",
        ],
    ] {
        let refused = server.cli(words);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(error.contains("Fingerprint"), "{words:?}: {error}");
        assert!(!refused.status.success());
    }
    server.told(&["client", "add", "still", "--tenant", "other"]);
    // A start with the first token away: the second serves alone.
    server.terminate();
    std::fs::rename(&one, one.with_extension("lost")).unwrap();
    server.run();
    server.client().on(Operation::GET, &id).ok();
    server.client().create("after");
    assert!(server.text("/readyz").contains("degraded"));
    let checked = server.cli(&["token", "check"]);
    assert!(!checked.status.success());
}

#[test]
fn two_softhsm_tokens() {
    let home = tempfile::tempdir().unwrap();
    let Some(softhsm) = SoftHsm::make(home.path()) else {
        return;
    };
    let first = tokens_in(&softhsm.tokens);
    let done = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "second"])
        .args(["--so-pin", "12345678", "--pin", "1234"])
        .env("SOFTHSM2_CONF", home.path().join("softhsm2.conf"))
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let mut both = tokens_in(&softhsm.tokens);
    both.retain(|dir| !first.contains(dir));
    let (one, two) = (first[0].clone(), both[0].clone());
    let pin = home.path().join("pin");
    let token = format!(
        "kind = \"module\"\npath = \"{SOFTHSM}\"\nlabel = \"keyward\"\npin_file = \"{pin}\"\n\
         replicas = [\"pkcs11:token=second?module-path={SOFTHSM}&pin-source={pin}\"]\n",
        pin = pin.display()
    );
    ceremony(home.path(), &token);
    let setup = Setup {
        softhsm: Some(softhsm),
        ..Setup::default()
    };
    let server = Arc::new(Server::start_in(home, setup));
    let tokens = [
        (one, "token=\"1\",name=\"keyward\""),
        (two, "token=\"2\",name=\"second\""),
    ];
    goes_and_comes(&server, &tokens);
}

fn tokens_in(tokens: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(tokens).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
