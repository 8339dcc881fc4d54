//! A renewal gives nothing away that the replaced key protected (DESIGN §4.3).

use keyward::protocol::enumeration::{Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::database::on_both;
use crate::process::{Server, Setup, aes, enumeration, integer, on};

fn flag(tag: ttlv::Tag, value: bool) -> Node<'static> {
    Node::new(tag, Value::Boolean(value))
}

fn renewed(id: &str, attributes: Vec<Node<'static>>) -> Vec<Node<'static>> {
    let mut payload = on(id);
    payload.push(Node::structure(tag::ATTRIBUTES, attributes));
    payload
}

#[test]
fn who_may_not_lower_protection_does_not_lower_it_by_renewing() {
    let server = Server::start(Setup::default());
    server.told(&["client", "add", "plain"]);
    let mut client = server.client_named("plain");
    let attributes = vec![flag(tag::SENSITIVE, true), flag(tag::EXTRACTABLE, false)];
    let id = client.ask(Operation::CREATE, aes(attributes)).ok().id();
    for lowered in [
        flag(tag::SENSITIVE, false),
        flag(tag::EXTRACTABLE, true),
        // Wrap Key, beside Encrypt and Decrypt.
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x1C),
    ] {
        client
            .ask(Operation::RE_KEY, renewed(&id, vec![lowered]))
            .fails(ResultReason::PERMISSION_DENIED);
    }
    let new = client.on(Operation::RE_KEY, &id).ok().id();
    client
        .on(Operation::GET, &new)
        .fails(ResultReason::NOT_EXTRACTABLE);
    // Whom the administrator lets do all that the standard lets a client do, may.
    let mut first = server.client();
    let open = vec![flag(tag::SENSITIVE, false), flag(tag::EXTRACTABLE, true)];
    let open = first.ask(Operation::RE_KEY, renewed(&new, open)).ok().id();
    first.on(Operation::GET, &open).ok();
}

#[test]
fn an_approval_is_of_one_key() {
    let server = Server::start(Setup::default());
    // The first client needs no approval.
    server.told(&["client", "add", "plain"]);
    let mut client = server.client_named("plain");
    let wrapping = vec![
        enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
        // Wrap Key and Unwrap Key.
        integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 0x30),
        flag(tag::EXTRACTABLE, false),
        Node::new(tag::ACTIVATION_DATE, Value::DateTime(1_000_000)),
    ];
    let payload = vec![
        enumeration(tag::OBJECT_TYPE, 2),
        Node::structure(tag::ATTRIBUTES, wrapping),
    ];
    let key = client.ask(Operation::CREATE, payload).ok().id();
    server.told(&["key", "approve", &key, "--yes"]);
    let secret = aes(vec![flag(tag::SENSITIVE, true)]);
    let secret = client.ask(Operation::CREATE, secret).ok().id();
    let wrapped = |key: &str| {
        let mut payload = on(&secret);
        payload.push(Node::structure(
            tag::KEY_WRAPPING_SPECIFICATION,
            vec![
                enumeration(tag::WRAPPING_METHOD, 1),
                Node::structure(tag::ENCRYPTION_KEY_INFORMATION, on(key)),
            ],
        ));
        payload
    };
    client.ask(Operation::GET, wrapped(&key)).ok();
    let next = client.on(Operation::RE_KEY, &key).ok().id();
    client
        .ask(Operation::GET, wrapped(&next))
        .fails(ResultReason::PERMISSION_DENIED);
    server.told(&["key", "approve", &next, "--yes"]);
    client.ask(Operation::GET, wrapped(&next)).ok();
}

/// In both databases the losers meet a conflict, not their winner's Name.
#[test]
fn of_racing_renewals_of_a_named_key_one_stands() {
    on_both(|server, _| {
        let server: &Server = server;
        let mut client = server.client();
        for round in 0..5 {
            let called = format!("raced {round}");
            let id = client.create(&called);
            let barrier = std::sync::Barrier::new(6);
            let made: Vec<String> = std::thread::scope(|scope| {
                let racers: Vec<_> = (0..6)
                    .map(|_| {
                        let (id, barrier) = (&id, &barrier);
                        scope.spawn(move || {
                            let mut client = server.client();
                            barrier.wait();
                            client.on(Operation::RE_KEY, id)
                        })
                    })
                    .collect();
                let answers = racers.into_iter().map(|racer| racer.join().unwrap());
                answers
                    .filter_map(|answer| match answer.reason {
                        None => Some(answer.id()),
                        Some(_) => {
                            answer.fails(ResultReason::PERMISSION_DENIED);
                            None
                        }
                    })
                    .collect()
            });
            assert_eq!(made.len(), 1);
            assert_eq!(client.located(&called), made);
        }
    });
}
