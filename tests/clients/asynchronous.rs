//! Operations that are answered later.

use std::time::{Duration, Instant};

use keyward::protocol::enumeration::{
    AsynchronousIndicator, CancellationResult, CryptographicAlgorithm, Operation, ResultReason,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::message::*;
use crate::server::{self, Client};

fn mandatory() -> Item {
    number(
        tag::ASYNCHRONOUS_INDICATOR,
        AsynchronousIndicator::MANDATORY.0,
    )
}

fn later(client: &mut Client, operation: Operation, payload: Vec<Item>) -> Vec<u8> {
    let request = Request::one(V2_1, operation, payload).header(mandatory());
    let answer = client.send(&request).answers.remove(0);
    assert_eq!(answer.operation, Some(operation.0));
    answer.pending.expect("an answer that is pending")
}

fn by(value: &[u8]) -> Vec<Item> {
    vec![bytes(tag::ASYNCHRONOUS_CORRELATION_VALUE, value)]
}

/// A Poll answers with the operation that it asks for, not with its own.
fn polled(client: &mut Client, version: (i32, i32), value: &[u8]) -> Answer {
    let request = Request::one(version, Operation::POLL, by(value));
    client.send(&request).answers.remove(0)
}

/// Polls until the answer is there.
fn poll(client: &mut Client, version: (i32, i32), value: &[u8]) -> Answer {
    let since = Instant::now();
    loop {
        let answer = polled(client, version, value);
        match &answer.pending {
            None => return answer,
            Some(again) => assert_eq!(again, value),
        }
        assert!(since.elapsed() < Duration::from_secs(60), "still pending");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn key() -> Vec<Item> {
    vec![
        number(tag::OBJECT_TYPE, 2),
        structure(
            tag::ATTRIBUTES,
            vec![
                number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::AES.0),
                integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
                integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 12),
            ],
        ),
    ]
}

#[test]
fn a_poll_gives_the_answer_of_the_operation_once() {
    let mut client = server::shared().connect();
    let value = later(&mut client, Operation::CREATE, key());
    let answer = poll(&mut client, V2_1, &value);
    assert_eq!(answer.operation, Some(Operation::CREATE.0));
    let id = identifier(&answer.ok());
    client.ask(V2_1, Operation::GET, vec![uid(&id)]).ok();
    let again = client.ask(V2_1, Operation::POLL, by(&value));
    assert_eq!(
        again.fails(),
        ResultReason::INVALID_ASYNCHRONOUS_CORRELATION_VALUE
    );
}

#[test]
fn a_failure_is_polled_like_a_success() {
    let mut client = server::shared().connect();
    let value = later(&mut client, Operation::GET, vec![uid("nothing")]);
    let answer = poll(&mut client, V2_1, &value);
    assert_eq!(answer.operation, Some(Operation::GET.0));
    assert_eq!(answer.fails(), ResultReason::OBJECT_NOT_FOUND);
}

#[test]
fn jobs_of_one_identity_run_in_their_order() {
    let mut client = server::shared().connect();
    let id = identifier(&client.ask(V2_1, Operation::CREATE, key()).ok());
    let first = later(&mut client, Operation::ACTIVATE, vec![uid(&id)]);
    let second = later(&mut client, Operation::ACTIVATE, vec![uid(&id)]);
    assert!(poll(&mut client, V2_1, &second).fails() == ResultReason::WRONG_KEY_LIFECYCLE_STATE);
    poll(&mut client, V2_1, &first).ok();
}

#[test]
fn process_waits_and_the_query_tells() {
    let mut client = server::shared().connect();
    let value = later(&mut client, Operation::CREATE, key());
    client.ask(V2_1, Operation::PROCESS, by(&value)).ok();
    let asked = vec![structure(tag::ASYNCHRONOUS_CORRELATION_VALUES, by(&value))];
    let known = client
        .ask(V2_1, Operation::QUERY_ASYNCHRONOUS_REQUESTS, asked.clone())
        .ok();
    let request = path(&known, &[tag::ASYNCHRONOUS_REQUEST]);
    assert_eq!(
        enumeration(path(request, &[tag::OPERATION])),
        Operation::CREATE.0
    );
    assert_eq!(enumeration(path(request, &[tag::PROCESSING_STAGE])), 3);
    let answer = polled(&mut client, V2_1, &value);
    assert!(answer.pending.is_none(), "Process made it done");
    answer.ok();
    let known = client
        .ask(V2_1, Operation::QUERY_ASYNCHRONOUS_REQUESTS, asked)
        .ok();
    assert!(
        known.items().is_empty(),
        "what was obtained is not outstanding"
    );
}

#[test]
fn what_is_done_cannot_be_cancelled_and_unknown_is_unknown() {
    let mut client = server::shared().connect();
    let value = later(&mut client, Operation::CREATE, key());
    client.ask(V2_1, Operation::PROCESS, by(&value)).ok();
    let answer = client.ask(V2_1, Operation::CANCEL, by(&value)).ok();
    assert_eq!(
        enumeration(path(&answer, &[tag::CANCELLATION_RESULT])),
        CancellationResult::COMPLETED.0
    );
    let mut other = value.clone();
    *other.last_mut().unwrap() ^= 1;
    for value in [other, vec![], vec![0xff; 16]] {
        for operation in [Operation::POLL, Operation::CANCEL, Operation::PROCESS] {
            assert_eq!(
                client.ask(V2_1, operation, by(&value)).fails(),
                ResultReason::INVALID_ASYNCHRONOUS_CORRELATION_VALUE
            );
        }
    }
}

#[test]
fn a_cancelled_pair_is_never_made() {
    let mut client = server::shared().connect();
    let name = unique("cancelled");
    let pair = vec![structure(
        tag::COMMON_ATTRIBUTES,
        vec![
            number(tag::CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm::RSA.0),
            integer(tag::CRYPTOGRAPHIC_LENGTH, 4096),
            Node::new(tag::NAME, name_value(&name)),
        ],
    )];
    let value = later(&mut client, Operation::CREATE_KEY_PAIR, pair);
    let answer = client.ask(V2_1, Operation::CANCEL, by(&value)).ok();
    let result = enumeration(path(&answer, &[tag::CANCELLATION_RESULT]));
    if result == CancellationResult::CANCELED.0 {
        // Long enough for the pair that is being made to be thrown away.
        std::thread::sleep(Duration::from_secs(3));
        let found = client.locate(
            V2_1,
            vec![structure(
                tag::ATTRIBUTES,
                vec![Node::new(tag::NAME, name_value(&name))],
            )],
        );
        assert_eq!(found, Vec::<String>::new());
    }
}

/// Before 2.0 a client says only that it can take such answers; the server makes use of it for
/// what takes long.
#[test]
fn older_clients_get_slow_operations_later() {
    let mut client = server::shared().connect();
    let able = Node::new(tag::ASYNCHRONOUS_INDICATOR, Value::Boolean(true));
    let pair = vec![structure(
        tag::COMMON_TEMPLATE_ATTRIBUTE,
        vec![
            attribute(
                "Cryptographic Algorithm",
                Value::Enumeration(CryptographicAlgorithm::RSA.0),
            ),
            attribute("Cryptographic Length", Value::Integer(2048)),
            attribute("Cryptographic Usage Mask", Value::Integer(3)),
        ],
    )];
    let request = Request::one(V1_4, Operation::CREATE_KEY_PAIR, pair).header(able.clone());
    let value = client.send(&request).answers.remove(0).pending;
    let value = value.expect("a pair of RSA takes long");
    let answer = poll(&mut client, V1_4, &value);
    assert_eq!(answer.operation, Some(Operation::CREATE_KEY_PAIR.0));
    answer.ok();
    let request = Request::one(V1_4, Operation::QUERY, vec![number(tag::QUERY_FUNCTION, 1)]);
    client.send(&request.header(able)).answers.remove(0).ok();
}

#[test]
fn what_is_answered_later_cannot_be_undone() {
    let mut client = server::shared().connect();
    let request = Request::new(V2_1)
        .header(mandatory())
        .header(number(tag::BATCH_ERROR_CONTINUATION_OPTION, 3))
        .item(Operation::CREATE, Some(b"1"), key())
        .item(Operation::CREATE, Some(b"2"), key());
    let answers = client.send(&request).answers;
    assert_eq!(
        answers[0].clone().fails(),
        ResultReason::FEATURE_NOT_SUPPORTED
    );
}
