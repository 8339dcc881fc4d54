//! New versions, and everything below them, while clients read and write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{BatchErrorContinuationOption, Operation, ResultStatus};

use crate::database::on_both;
use crate::ground::{check, check_archive, create, everywhere, keys, refused, version};
use crate::process::{Server, Setup, aes, name};

/// Clients that make, read, activate and destroy keys until `work` is done; no answer of theirs fails.
pub fn under_load(server: &Server, called: &str, work: impl FnOnce()) -> usize {
    let ending = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|number| {
                let (ending, mut client) = (&ending, server.client());
                scope.spawn(move || {
                    let mut turns = 0;
                    while !ending.load(Ordering::Acquire) {
                        let called = format!("{called} {number} {turns}");
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
        let turns = under_load(server, "rotation", || {
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
        let turns = under_load(server, "destruction", || {
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
        let told = server.told(&["audit", "show", "--last", "1000000"]);
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

#[test]
fn a_row_that_was_edited_is_named_and_keeps_the_old_version() {
    on_both(|server, database| {
        let mut client = server.client();
        let known = keys(&mut client, "edited", 2);
        let id = client.create("of an edited row");
        let place = format!("WHERE unique_identifier = {}", database.text(&id));
        let owner = |owner: &str| {
            database.run(&format!("UPDATE objects SET owner = {owner} {place}"));
        };
        owner(&database.text("somebody else"));
        let told = refused(server, &["token", "rotate", "mac"]);
        assert!(told.contains("1 rows could not be moved"), "{told}");
        assert!(told.contains(&id), "the row is not named: {told}");
        assert_eq!(version(server, "mac-v1").1, 1);
        let told = refused(server, &["token", "destroy", "mac-v1", "--yes"]);
        assert!(told.contains("1 rows are still under mac-v1"), "{told}");
        check(&mut client, &known);
        // Left behind knowingly, and named before: not without a word.
        let told = refused(server, &["token", "destroy", "mac-v1", "--abandon"]);
        assert!(told.contains("1 rows are under it, and lost"), "{told}");
        // What it was before is moved.
        owner(&database.text("first-client"));
        server.told(&["token", "rotate", "--resume"]);
        server.told(&["token", "destroy", "mac-v1", "--yes"]);
        let mut client = server.client();
        client.on(Operation::GET, &id).ok();
        // Another one, which is left behind: it is lost, and nothing else.
        let lost = client.create("left behind");
        let place = format!("WHERE unique_identifier = {}", database.text(&lost));
        database.run(&format!(
            "UPDATE objects SET owner = {} {place}",
            database.text("somebody else")
        ));
        refused(server, &["token", "rotate", "mac"]);
        refused(server, &["token", "destroy", "mac-v2", "--yes"]);
        let told = server.told(&["token", "destroy", "mac-v2", "--abandon", "--yes"]);
        assert!(told.contains(&lost) && !told.contains(&id), "{told}");
        assert_eq!(version(server, "mac-v2"), ("destroyed".to_owned(), 1));
        check(&mut client, &known);
        client.on(Operation::GET, &id).ok();
        assert_ne!(
            client.on(Operation::GET, &lost).status,
            ResultStatus::SUCCESS
        );
    });
}

/// For docs/masters.md: `cargo test --release --test masters -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn how_fast_rows_move() {
    const KEYS: usize = 4000;
    everywhere(|server| {
        let mut client = server.client();
        let option = BatchErrorContinuationOption::STOP;
        for batch in 0..KEYS / 100 {
            let items = (0..100).map(|number| {
                let called = format!("{batch} {number}");
                (Operation::CREATE, aes(vec![name(&called)]))
            });
            let answers = client.batch(option, items.collect());
            assert_eq!(answers.len(), 100);
        }
        for words in [
            ["token", "rotate", "kek"],
            ["token", "rotate", "mac"],
            ["tenant", "rotate", "default"],
        ] {
            let begun = Instant::now();
            let told = server.told(&[&words[..], &["--json"]].concat());
            // Two seconds pass before anything is moved.
            let took = begun.elapsed().as_secs_f64() - 2.0;
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            let moved = told["moved"].as_f64().unwrap();
            println!("{words:?}: {moved} rows, {:.0} rows/s", moved / took);
        }
    });
}
