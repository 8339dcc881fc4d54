//! The embedded token in a process of its own (`token.isolation = "process"`): its keys are there
//! and never in the server; either process may be killed.

use std::process::Command;
use std::time::{Duration, Instant};

use keyward::protocol::enumeration::Operation;

use crate::look;
use crate::process::{Memory, Server, aes};
use crate::scenes::{
    PASSING, TOKEN, class, evict, forbids_dumps, home, in_bytes, of, play, round_trip, start_with,
};

fn start() -> Server {
    let isolation = ("KEYWARD_TOKEN_ISOLATION", "process".to_owned());
    start_with(None, home(), vec![isolation])
}

/// Parent and state of a process that is there.
fn stat(process: u32) -> Option<(u32, char)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut words = stat.rsplit(')').next()?.split_whitespace();
    let state = words.next()?.chars().next()?;
    Some((words.next()?.parse().ok()?, state))
}

fn runs(process: u32) -> bool {
    // What has ended waits for somebody to ask how.
    stat(process).is_some_and(|(_, state)| state != 'Z')
}

/// The running children of a process.
fn children(of: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |process: &u32| stat(*process).is_some_and(|(parent, _)| parent == of);
    numbers.filter(is_child).filter(|it| runs(*it)).collect()
}

/// The process of the server's token.
fn token(server: &Server) -> u32 {
    let children = children(server.pid());
    assert_eq!(children.len(), 1, "{children:?}\n{}", server.log());
    children[0]
}

fn signal(process: u32, signal: &str) {
    let mut kill = Command::new("kill");
    let done = kill.args([signal, &process.to_string()]).status();
    assert!(done.unwrap().success());
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The memory of the token's process. Where it was quicker to forbid that than the test to open it,
/// it is killed, and another one started by the server.
fn memory(server: &Server) -> Memory {
    for _ in 0..20 {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            let token = children(server.pid()).pop();
            if let Some(memory) = token.and_then(Memory::open) {
                return memory;
            }
        }
        signal(token(server), "-9");
    }
    panic!("the memory of the token's process cannot be opened");
}

#[test]
fn keys_are_in_the_tokens_process_and_not_in_the_server() {
    let server = start();
    let token = memory(&server);
    let (secrets, connections) = play(&server);
    std::thread::sleep(Duration::from_secs(2));
    let idle = look::look(server.memory.as_ref().unwrap(), &secrets);
    eprintln!("idle\n{}", look::table(&idle));
    assert_eq!(of(&idle, &[TOKEN]), []);
    assert_eq!(of(&in_bytes(&idle), &PASSING), []);
    drop(connections);
    // Nothing was evicted.
    let closed = look::settled(&server, &secrets, 0);
    eprintln!("closed\n{}", look::table(&closed));
    assert_eq!(closed, []);
    let there = look::look(&token, &secrets);
    eprintln!("in the token's process\n{}", look::table(&there));
    for name in [TOKEN, "served", "MAC key"] {
        assert_ne!(of(&there, &[name]), [], "{name}");
    }
    assert_eq!(of(&there, &PASSING), []);
    evict(&server);
    let evicted = look::settled_in(&token, &server, &secrets, 0);
    eprintln!("evicted\n{}", look::table(&evicted));
    assert_eq!(evicted, []);
}

#[test]
fn the_tokens_process_is_as_closed_as_the_server() {
    let mut server = start();
    let token = token(&server);
    forbids_dumps(token);
    let directory = server.directory().join("token");
    if let Ok(files) = std::fs::read_dir(format!("/proc/{token}/fd")) {
        for file in files.flatten() {
            let number: u32 = file.file_name().to_str().unwrap().parse().unwrap();
            let target = std::fs::read_link(file.path()).unwrap();
            let socket = target.to_str().unwrap().starts_with("socket:");
            let its = number <= 2 || socket || target.starts_with(&directory);
            assert!(its, "{number} is {}", target.display());
        }
        let environment = std::fs::read(format!("/proc/{token}/environ")).unwrap();
        assert!(environment.is_empty(), "{environment:?}");
    }
    // A service manager tells all processes to end; this one waits for the server's last request.
    for ignored in ["-TERM", "-INT", "-HUP"] {
        signal(token, ignored);
    }
    let mut client = server.client();
    let id = client.ask(Operation::CREATE, aes(Vec::new())).ok().id();
    client.on(Operation::ACTIVATE, &id).ok();
    round_trip(&mut client, &id, b"data");
    assert!(runs(token));
    drop(client);
    assert_eq!(server.terminate().0, Some(0), "{}", server.log());
    wait_until("it outlives the server", || !runs(token));
}

#[test]
fn either_process_may_be_killed() {
    let mut server = start();
    let mut client = server.client();
    let payload = aes(vec![class("token")]);
    let id = client.ask(Operation::CREATE, payload).ok().id();
    client.on(Operation::ACTIVATE, &id).ok();
    round_trip(&mut client, &id, b"data");
    for _ in 0..3 {
        let killed = token(&server);
        signal(killed, "-9");
        // The request that finds out is answered.
        round_trip(&mut client, &id, b"data");
        assert_ne!(token(&server), killed);
        let has_ended = format!("the token's process {killed} has ended");
        assert!(server.log().contains(&has_ended), "{}", server.log());
    }
    // Nobody asks: the server finds out by itself.
    let killed = token(&server);
    signal(killed, "-9");
    wait_until("no new process", || children(server.pid()).len() == 1);
    server.wait_for("/readyz", 200);
    let left = token(&server);
    server.kill();
    wait_until("it outlives the server", || !runs(left));
    server.run();
    let mut client = server.client();
    round_trip(&mut client, &id, b"data");
}
