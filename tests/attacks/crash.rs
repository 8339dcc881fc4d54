//! What was acknowledged is kept (DESIGN §1.3): through kill -9 of the server and of PostgreSQL.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{Operation, ResultReason, ResultStatus};
use keyward::protocol::tag;

use crate::database::on_both;
use crate::postgres::Cluster;
use crate::process::{Client, Server, Setup, aes, enumeration, name, on};

const PRE_ACTIVE: u32 = 1;
const ACTIVE: u32 = 2;
const DEACTIVATED: u32 = 3;
const DESTROYED: u32 = 5;

/// An object's last acknowledged state, and the one that was asked for and not acknowledged.
#[derive(Clone, Debug)]
struct Known {
    id: String,
    called: String,
    state: u32,
    asked: Option<u32>,
}

/// What one connection did until it broke.
#[derive(Default)]
struct Diary {
    known: Vec<Known>,
    /// Names of which the Create was not acknowledged.
    open: Vec<String>,
}

/// One object through (a part of) its life. False: the connection broke.
fn live(client: &mut Client, called: &str, until: usize, diary: &mut Diary) -> bool {
    diary.open.push(called.to_owned());
    let Ok(made) = client.try_ask(Operation::CREATE, aes(vec![name(called)])) else { return false };
    if made.status != ResultStatus::SUCCESS {
        std::thread::sleep(Duration::from_millis(100));
        return true;
    }
    diary.open.pop();
    let id = made.id();
    diary.known.push(Known { id: id.clone(), called: called.to_owned(), state: PRE_ACTIVE, asked: None });
    let mut revoke = on(&id);
    revoke.push(ttlv::Node::structure(tag::REVOCATION_REASON, vec![enumeration(tag::REVOCATION_REASON_CODE, 5)]));
    let steps = [
        (Operation::ACTIVATE, on(&id), ACTIVE),
        (Operation::REVOKE, revoke, DEACTIVATED),
        (Operation::DESTROY, on(&id), DESTROYED),
    ];
    for (operation, payload, state) in steps.into_iter().take(until) {
        let last = diary.known.last_mut().unwrap();
        last.asked = Some(state);
        let Ok(answer) = client.try_ask(operation, payload) else { return false };
        if answer.status != ResultStatus::SUCCESS {
            return true;
        }
        (last.state, last.asked) = (state, None);
    }
    true
}

/// Everything acknowledged is there, in its state; what was not is there whole or not at all.
fn check(server: &Server, diaries: &[Diary]) -> usize {
    let mut client = server.client();
    let mut count = 0;
    for diary in diaries {
        for known in &diary.known {
            let state = client.state(&known.id);
            let may = [Some(known.state), known.asked];
            assert!(may.contains(&Some(state)), "{known:?} is in state {state}\n{}", server.log());
            let got = client.on(Operation::GET, &known.id);
            if state == DESTROYED {
                got.fails(ResultReason::OBJECT_DESTROYED);
                assert!(client.located(&known.called).is_empty());
                client.create(&known.called);
            } else {
                got.ok();
                assert_eq!(client.located(&known.called), [known.id.clone()]);
            }
            count += 1;
        }
        for called in &diary.open {
            // Whole: found by its name and usable. Or not at all: the name is free.
            match client.located(called).as_slice() {
                [] => drop(client.create(called)),
                [id] => drop(client.on(Operation::GET, id).ok()),
                many => panic!("{called}: {many:?}"),
            }
        }
    }
    count
}

/// Five connections at work; `strike` is called in the midst of it.
fn under_load(server: &mut Server, round: usize, reconnect: bool, strike: impl FnOnce(&mut Server)) -> Vec<Diary> {
    let ending = AtomicBool::new(false);
    let diaries = Mutex::new(Vec::new());
    let clients: Vec<Client> = (0..5).map(|_| server.client()).collect();
    std::thread::scope(|scope| {
        for (number, mut client) in clients.into_iter().enumerate() {
            let (ending, diaries) = (&ending, &diaries);
            scope.spawn(move || {
                let mut diary = Diary::default();
                for turn in 0_usize.. {
                    let called = format!("{round}-{number}-{turn}");
                    let whole = live(&mut client, &called, turn % 4, &mut diary);
                    if ending.load(Ordering::Acquire) || (!whole && !reconnect) {
                        break;
                    }
                    assert!(whole, "the server closed a connection");
                }
                diaries.lock().unwrap().push(diary);
            });
        }
        std::thread::sleep(Duration::from_millis(600));
        strike(server);
        ending.store(true, Ordering::Release);
    });
    diaries.into_inner().unwrap()
}

#[test]
fn what_was_acknowledged_survives_the_servers_death() {
    on_both(|server, _| {
        for round in 0..3 {
            let diaries = under_load(server, round, false, Server::kill);
            server.run();
            let count = check(server, &diaries);
            assert!(count > 5, "only {count} objects were made");
        }
    });
}

#[test]
fn what_was_acknowledged_survives_postgresqls_death() {
    let Some(mut cluster) = Cluster::start(true) else { return };
    let url = cluster.database();
    let mut server = Server::start(Setup { database: Some(url), ..Setup::default() });
    server.wait_for("/readyz", 200);
    for round in 0..2 {
        let diaries = under_load(&mut server, round, true, |server| {
            cluster.crash();
            server.wait_for("/readyz", 503);
            // It lives, says so, and refuses clearly.
            assert_eq!(server.page("/healthz"), 200);
            let answer = server.client().try_ask(Operation::CREATE, aes(Vec::new())).unwrap();
            answer.fails(ResultReason::GENERAL_FAILURE);
            cluster.restart();
            server.wait_for("/readyz", 200);
            // The load goes on by itself.
            std::thread::sleep(Duration::from_millis(300));
        });
        assert!(server.is_alive());
        let count = check(&server, &diaries);
        assert!(count > 5, "only {count} objects were made");
        // The audit log is not stuck behind a commit whose answer was lost.
        let newest = || cluster.sql("t0", "SELECT max(sequence) FROM audit");
        std::thread::sleep(Duration::from_millis(500));
        let (before, begun) = (newest(), Instant::now());
        server.client().on(Operation::GET, "no such object");
        while newest() == before {
            assert!(begun.elapsed() < Duration::from_secs(10), "{}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
