//! Operations that are answered later: kept through kill -9, done once, and nobody else's.

use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{
    AsynchronousIndicator, CryptographicAlgorithm, Operation, ResultReason, ResultStatus,
};
use keyward::protocol::tag;
use ttlv::Node;

use crate::database::on_both;
use crate::process::{Answer, Client, enumeration, integer, message, name};

fn later(client: &mut Client, operation: Operation, payload: Vec<Node<'static>>) -> Vec<u8> {
    let indicator = enumeration(
        tag::ASYNCHRONOUS_INDICATOR,
        AsynchronousIndicator::MANDATORY.0,
    );
    client
        .send(&message(vec![indicator], vec![(operation, payload)]))
        .unwrap();
    let answer = client.receive().unwrap().remove(0);
    assert_eq!(answer.status, ResultStatus::OPERATION_PENDING);
    answer.correlation.unwrap()
}

fn by(value: &[u8]) -> Vec<Node<'static>> {
    vec![Node::bytes(
        tag::ASYNCHRONOUS_CORRELATION_VALUE,
        value.to_vec(),
    )]
}

fn poll(client: &mut Client, value: &[u8]) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = client.ask(Operation::POLL, by(value));
        if answer.status != ResultStatus::OPERATION_PENDING {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "still pending");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn pair(called: &str) -> Vec<Node<'static>> {
    vec![Node::structure(
        tag::COMMON_ATTRIBUTES,
        vec![
            enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::RSA.0),
            integer(tag::CRYPTOGRAPHIC_LENGTH, 3072),
            name(called),
        ],
    )]
}

#[test]
fn accepted_operations_survive_the_servers_death_and_are_done_once() {
    on_both(|server, _| {
        let mut client = server.client();
        let values: Vec<_> = (0..6)
            .map(|number| {
                let called = format!("later-{number}");
                let attributes = crate::process::aes(vec![name(&called)]);
                match number % 2 {
                    0 => later(&mut client, Operation::CREATE_KEY_PAIR, {
                        // A name is one object's: the pair's halves would share it.
                        let mut pair = pair(&called);
                        pair[0].tag = tag::PRIVATE_KEY_ATTRIBUTES;
                        pair.push(Node::structure(
                            tag::COMMON_ATTRIBUTES,
                            vec![
                                enumeration(
                                    tag::CRYPTOGRAPHIC_ALGORITHM,
                                    CryptographicAlgorithm::RSA.0,
                                ),
                                integer(tag::CRYPTOGRAPHIC_LENGTH, 3072),
                            ],
                        ));
                        pair
                    }),
                    _ => later(&mut client, Operation::CREATE, attributes),
                }
            })
            .collect();
        server.kill();
        server.run();
        let mut client = server.client();
        for value in &values {
            poll(&mut client, value).ok();
        }
        for number in 0..6 {
            let called = format!("later-{number}");
            assert_eq!(client.located(&called).len(), 1, "{called}");
        }
    });
}

#[test]
fn a_strangers_operation_is_unknown() {
    on_both(|server, _| {
        let mut client = server.client();
        let value = later(&mut client, Operation::CREATE, crate::process::aes(vec![]));
        server.told(&["client", "add", "stranger"]);
        let mut stranger = server.client_named("stranger");
        for operation in [Operation::POLL, Operation::CANCEL, Operation::PROCESS] {
            stranger
                .ask(operation, by(&value))
                .fails(ResultReason::INVALID_ASYNCHRONOUS_CORRELATION_VALUE);
        }
        poll(&mut client, &value).ok();
    });
}
