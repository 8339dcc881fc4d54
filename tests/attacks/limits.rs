//! What one client may ask: the right reason, and server and connection live on.

use std::io::{Read, Write};
use std::time::Duration;

use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::Node;

use crate::process::{Server, Setup, aes, message, on};

fn server() -> Server {
    let small = [
        ("KEYWARD_LIMITS_MESSAGE_BYTES", "65536"),
        ("KEYWARD_LIMITS_DEPTH", "16"),
        ("KEYWARD_LIMITS_ITEMS", "1000"),
        ("KEYWARD_LIMITS_BATCH", "10"),
        ("KEYWARD_LIMITS_REQUEST", "2s"),
    ];
    let environment = small.map(|(name, value)| (name, value.to_owned())).to_vec();
    Server::start(Setup { environment, ..Setup::default() })
}

#[test]
fn too_much_is_refused_and_the_connection_goes_on() {
    let mut server = server();
    let mut client = server.client();
    let mut deep = Node::text(tag::NAME_VALUE, "deep");
    for _ in 0..20 {
        deep = Node::structure(tag::ATTRIBUTES, vec![deep]);
    }
    let many = vec![Node::text(tag::UNIQUE_IDENTIFIER, "x"); 1001];
    let gets = vec![(Operation::GET, on("none")); 11];
    let refused = [
        message(Vec::new(), vec![(Operation::LOCATE, vec![deep])]),
        message(Vec::new(), vec![(Operation::GET, many)]),
        message(Vec::new(), gets),
        message(Vec::new(), Vec::new()),
    ];
    for (number, bytes) in refused.iter().enumerate() {
        client.send(bytes).unwrap();
        let answers = client.receive().unwrap();
        assert_eq!(answers.len(), 1, "{number}");
        answers[0].fails(ResultReason::INVALID_MESSAGE);
    }
    // The largest batch that is taken.
    client.send(&message(Vec::new(), vec![(Operation::GET, on("none")); 1])).unwrap();
    client.receive().unwrap()[0].fails(ResultReason::OBJECT_NOT_FOUND);
    client.ask(Operation::CREATE, aes(Vec::new())).ok();
    assert!(server.is_alive());
}

#[test]
fn a_message_that_is_too_long_is_answered_and_never_read() {
    let mut server = server();
    let mut client = server.client();
    let long = message(Vec::new(), vec![(Operation::GET, vec![Node::bytes(tag::DATA, vec![0; 70_000])])]);
    // The server may close before it has all of it.
    drop(client.send(&long[..2000]));
    client.receive().unwrap()[0].fails(ResultReason::INVALID_MESSAGE);
    server.client().ask(Operation::CREATE, aes(Vec::new())).ok();
    assert!(server.is_alive());
}

#[test]
fn garbage_and_slowness_harm_nobody_else() {
    let mut server = server();
    let whole = message(Vec::new(), vec![(Operation::CREATE, aes(Vec::new()))]);
    // A message cut anywhere, with any byte changed: an answer or a closed connection.
    let mut cheap = 0x2545_F491_4F6C_DD1D_u64;
    for _ in 0..150 {
        cheap ^= cheap << 13;
        cheap ^= cheap >> 7;
        cheap ^= cheap << 17;
        let place = usize::try_from(cheap % (whole.len() as u64)).unwrap();
        let mut bytes = whole.clone();
        bytes[place] ^= u8::try_from((cheap >> 32) % 255).unwrap() + 1;
        let mut client = server.client();
        client.stream.sock.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        drop(client.send(&bytes));
        drop(client.stream.sock.shutdown(std::net::Shutdown::Write));
        let mut answer = Vec::new();
        drop(client.stream.read_to_end(&mut answer));
    }
    // Not TLS at all.
    let mut client = server.client();
    let begun = std::time::Instant::now();
    for byte in &whole[..20] {
        if client.stream.write_all(&[*byte]).and_then(|()| client.stream.flush()).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(150));
    }
    let mut answer = Vec::new();
    drop(client.stream.read_to_end(&mut answer));
    assert!(begun.elapsed() < Duration::from_secs(8), "a slow client is kept for ever");
    assert!(server.is_alive());
    server.client().ask(Operation::CREATE, aes(Vec::new())).ok();
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn it_starts_again_and_ends_in_order() {
    let mut server = server();
    let first = server.took;
    let id = server.client().create("kept");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut idle = server.client();
    std::thread::scope(|scope| {
        let (mut busy, stop) = (server.client(), &stop);
        let worker = scope.spawn(move || {
            let mut made = Vec::new();
            while let Ok(answer) = busy.try_ask(Operation::CREATE, aes(Vec::new())) {
                made.push(answer.ok().id());
                if stop.load(std::sync::atomic::Ordering::Acquire) {
                    break;
                }
            }
            made
        });
        std::thread::sleep(Duration::from_millis(200));
        let (code, took) = server.terminate();
        stop.store(true, std::sync::atomic::Ordering::Release);
        assert_eq!(code, Some(0), "{}", server.log());
        assert!(took < Duration::from_secs(10), "{took:?}");
        assert!(idle.try_ask(Operation::GET, on("none")).is_err());
        let made = worker.join().unwrap();
        server.run();
        eprintln!("first start {first:?}, second start {:?}, end {took:?}", server.took);
        let mut client = server.client();
        client.on(Operation::GET, &id).ok();
        for id in made {
            client.on(Operation::GET, &id).ok();
        }
    });
}
