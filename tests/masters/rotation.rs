//! New versions, and everything below them, while clients read and write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{Operation, ResultStatus};

use crate::ground::{check, check_archive, create, everywhere, keys, refused, version};
use crate::process::{Server, Setup};

/// Clients that make, read, activate and destroy keys until `work` is done; no answer of theirs fails.
fn under_load(server: &Server, work: impl FnOnce()) -> usize {
    let ending = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|number| {
                let (ending, mut client) = (&ending, server.client());
                scope.spawn(move || {
                    let mut turns = 0;
                    while !ending.load(Ordering::Acquire) {
                        let called = format!("load {number} {turns}");
                        let made = create(&mut client, &called).unwrap();
                        let ask = |client: &mut crate::process::Client, operation, id: &str| {
                            let answer = client.on(operation, id);
                            assert_eq!(
                                answer.status,
                                ResultStatus::SUCCESS,
                                "{operation}: {:?} {}",
                                answer.reason,
                                answer.message
                            );
                        };
                        let id = made.ok().id();
                        ask(&mut client, Operation::GET, &id);
                        ask(&mut client, Operation::ACTIVATE, &id);
                        ask(&mut client, Operation::GET, &id);
                        turns += 1;
                    }
                    turns
                })
            })
            .collect();
        work();
        ending.store(true, Ordering::Release);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    })
}

#[test]
fn everything_moves_to_new_versions_while_clients_work() {
    everywhere(|server| {
        server.told(&[
            "user",
            "add",
            "device",
            "--password-file",
            &password(server),
        ]);
        let known = keys(&mut server.client(), "before", 8);
        let turns = under_load(server, || {
            server.told(&["token", "rotate", "all"]);
            server.told(&["tenant", "rotate", "default"]);
        });
        assert!(turns > 3, "only {turns} turns beside the rotation");
        assert_eq!(version(server, "kek-v1"), ("in use".to_owned(), 0));
        assert_eq!(version(server, "mac-v1"), ("in use".to_owned(), 0));
        assert_eq!(version(server, "kek-v2").0, "newest");
        assert!(version(server, "mac-v2").1 > 20);
        check(&mut server.client(), &known);
        // What is newest stays; what is empty goes, and is gone for the running server, too.
        let told = refused(server, &["token", "destroy", "kek-v2", "--yes"]);
        assert!(told.contains("newest"), "{told}");
        let told = refused(server, &["token", "retire", "mac-v2"]);
        assert!(told.contains("newest"), "{told}");
        server.told(&["token", "retire", "kek-v1"]);
        assert_eq!(version(server, "kek-v1").0, "retired");
        let turns = under_load(server, || {
            server.told(&["token", "destroy", "kek-v1", "--yes"]);
            server.told(&["token", "destroy", "mac-v1", "--yes"]);
        });
        assert!(turns > 3, "only {turns} turns beside the destruction");
        assert_eq!(version(server, "kek-v1").0, "destroyed");
        assert_eq!(version(server, "mac-v1").0, "destroyed");
        check(&mut server.client(), &known);
        server.kill();
        server.run();
        check(&mut server.client(), &known);
        check_archive(&mut server.client(), &known);
        let told = server.told(&["audit", "show", "--last", "1000"]);
        for command in [
            "token rotate",
            "tenant rotate",
            "token retire",
            "token destroy",
        ] {
            assert!(told.contains(command), "{command}: {told}");
        }
        server.told(&["audit", "verify"]);
    });
}

fn password(server: &Server) -> String {
    let path = server.home.path().join("password");
    std::fs::write(&path, "a password of a device").unwrap();
    path.display().to_string()
}

/// Until nothing is under a version.
fn wait_until_empty(server: &Server, called: &str) {
    let begun = Instant::now();
    loop {
        let left = version(server, called).1;
        if left == 0 {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{left} rows are under {called}\n{}",
            server.log()
        );
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn who_is_killed_in_the_middle_is_followed_by_another() {
    everywhere(|server| {
        let known = keys(&mut server.client(), "many", 60);
        // A command, slow enough to be in the middle.
        let mut command = server.command();
        command.args(["token", "rotate", "mac", "--rate", "40", "--dir"]);
        let mut child = command.arg(server.directory()).spawn().unwrap();
        let begun = Instant::now();
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let told = server.told(&["token", "versions"]);
            // Rows were moved and rows are left.
            if told.contains("mac-v2") && version(server, "mac-v2").1 > 40 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{told}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let left = version(server, "mac-v1").1;
        assert!(left > 0, "the command was done before it was killed");
        let told = refused(server, &["token", "destroy", "mac-v1", "--yes"]);
        assert!(told.contains("still under"), "{told}");
        check(&mut server.client(), &known);
        // The server goes on once the command's claim lapses; it is killed, too.
        server.kill();
        server.run();
        wait_until_empty(server, "mac-v1");
        check(&mut server.client(), &known);
        server.told(&["token", "destroy", "mac-v1", "--yes"]);
        check(&mut server.client(), &known);
    });
}

#[test]
fn the_server_moves_rows_by_itself() {
    let server = Server::start(Setup::default());
    let known = keys(&mut server.client(), "own", 20);
    server.told(&["token", "rotate", "all", "--background"]);
    server.told(&["tenant", "rotate", "default", "--background"]);
    wait_until_empty(&server, "kek-v1");
    wait_until_empty(&server, "mac-v1");
    check(&mut server.client(), &known);
    let done = server.told(&["token", "rotate", "--resume", "--json"]);
    assert!(done.contains("\"made\":[]"), "{done}");
}
