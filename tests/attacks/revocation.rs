//! An acknowledged revocation holds (DESIGN §1.4), and the command line beside a running server.

use keyward::protocol::enumeration::{Operation, ResultReason};

use crate::database::{Database, on_both};
use crate::process::{Client, Server, Setup};

fn connect(server: &Server, name: &str) -> Client {
    let clients = server.directory().join("clients");
    server
        .client_with(
            &clients.join(format!("{name}.pem")),
            &clients.join(format!("{name}.key")),
        )
        .unwrap()
}

fn is_refused(client: &mut Client) {
    let answer = client.ask(Operation::CREATE, crate::process::aes(Vec::new()));
    answer.fails(ResultReason::AUTHENTICATION_NOT_SUCCESSFUL);
}

#[test]
fn a_revocation_holds_on_open_connections_once_the_command_ends() {
    on_both(|server, _| {
        server.told(&["client", "add", "leaver"]);
        server.told(&["client", "add", "stayer", "--json"]);
        let (mut leaver, mut stayer) = (connect(server, "leaver"), connect(server, "stayer"));
        leaver.create("by the leaver");
        // Requests all the while, so that the server reads identities while they change.
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let (mut busy, stop) = (connect(server, "leaver"), &stop);
                scope.spawn(move || {
                    while !stop.load(std::sync::atomic::Ordering::Acquire) {
                        drop(busy.on(Operation::GET, "none"));
                    }
                    is_refused(&mut busy);
                });
            }
            server.told(&["client", "revoke", "leaver", "--yes"]);
            is_refused(&mut leaver);
            stop.store(true, std::sync::atomic::Ordering::Release);
        });
        is_refused(&mut connect(server, "leaver"));
        stayer.create("by the stayer");
        let listed: serde_json::Value =
            serde_json::from_str(&server.told(&["client", "list", "--json"])).unwrap();
        let entry = |name: &str| {
            listed
                .as_array()
                .unwrap()
                .iter()
                .find(|entry| entry["name"] == name)
                .unwrap()
                .clone()
        };
        assert!(entry("leaver")["revoked"].is_i64(), "{listed}");
        assert!(entry("stayer")["revoked"].is_null(), "{listed}");
        assert!(
            entry("stayer")["certificates"][0]
                .as_str()
                .unwrap()
                .starts_with("fingerprint:")
        );
        // A name does not come back to life, nor is anybody revoked who is not there.
        let out = server.home.path().join("again");
        let again = server.cli(&["client", "add", "leaver", "--out", out.to_str().unwrap()]);
        assert!(!again.status.success());
        assert!(
            !server
                .cli(&["client", "revoke", "nobody", "--yes"])
                .status
                .success()
        );
    });
}

/// A transaction that somebody leaves open anywhere in the cluster keeps the journal's settled part
/// from growing; the revocation has to come through all the same.
#[test]
fn a_revocation_does_not_wait_for_a_strangers_transaction() {
    let Some(cluster) = crate::postgres::shared() else {
        return;
    };
    let url = cluster.database();
    let server = Server::start(Setup {
        database: Some(url),
        ..Setup::default()
    });
    server.told(&["client", "add", "leaver"]);
    let mut leaver = connect(&server, "leaver");
    leaver.create("by the leaver");
    let other = cluster.database();
    let other = other.rsplit('/').next().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            cluster.sql(
                other,
                "BEGIN; SELECT pg_current_xact_id(); SELECT pg_sleep(5); COMMIT",
            );
        });
        std::thread::sleep(std::time::Duration::from_millis(500));
        // The server remembers who this is.
        leaver.create("once more");
        server.told(&["client", "revoke", "leaver", "--yes"]);
        is_refused(&mut leaver);
    });
}

#[test]
fn a_certificate_of_another_authority_is_let_in_by_its_fingerprint() {
    on_both(|server, _| {
        let key = rcgen::KeyPair::generate().unwrap();
        let own = rcgen::CertificateParams::new(vec!["elsewhere.example".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let (certificate, key_file) = (
            server.home.path().join("own.pem"),
            server.home.path().join("own.key"),
        );
        std::fs::write(&certificate, own.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        let create = |server: &Server| {
            let mut client = server.client_with(&certificate, &key_file)?;
            client.try_ask(Operation::CREATE, crate::process::aes(Vec::new()))
        };
        assert!(create(server).is_err(), "let in before it was registered");
        let file = certificate.to_str().unwrap().to_owned();
        server.told(&["client", "add", "elsewhere", "--certificate", &file]);
        // The handshake learns of it within the watcher's second.
        let begun = std::time::Instant::now();
        while create(server).is_err() {
            assert!(
                begun.elapsed() < std::time::Duration::from_secs(5),
                "{}",
                server.log()
            );
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        create(server).unwrap().ok();
        server.told(&["client", "revoke", "elsewhere", "--yes"]);
        if let Ok(answer) = create(server) {
            answer.fails(ResultReason::AUTHENTICATION_NOT_SUCCESSFUL);
        }
    });
}

/// One embedded token and one SQLite file under two processes.
#[test]
fn commands_do_not_disturb_a_server_at_work() {
    let server = Server::start(Setup::default());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|number| {
                let (mut client, stop) = (server.client(), &stop);
                scope.spawn(move || {
                    let mut count = 0;
                    while !stop.load(std::sync::atomic::Ordering::Acquire) {
                        let id = client.create(&format!("{number}-{count}"));
                        client.on(Operation::GET, &id).ok();
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for number in 0..6 {
            server.told(&["client", "add", &format!("client-{number}"), "--json"]);
            server.told(&["token", "info"]);
            server.told(&["client", "list", "--json"]);
        }
        stop.store(true, std::sync::atomic::Ordering::Release);
        for worker in workers {
            assert!(worker.join().unwrap() > 20);
        }
    });
    let database = Database::Sqlite(server.directory().join("keyward.db"));
    assert_eq!(
        database.number("SELECT count(*) FROM entities WHERE kind = 4"),
        7
    );
    for number in 0..6 {
        connect(&server, &format!("client-{number}")).create(&format!("of {number}"));
    }
}
