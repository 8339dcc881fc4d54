//! Usage Limits are exact whoever asks at the same time, through whichever node, and outlive an
//! Undo (1.4 §3.21, §4.18; 2.1 §4.59, §6.1.23).

use std::sync::atomic::{AtomicI64, Ordering};

use keyward::protocol::enumeration::{
    BatchErrorContinuationOption, Operation, ResultReason, ResultStatus, UsageLimitsUnit,
};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::database::on_both;
use crate::process::{Client, Server, aes, enumeration, integer, on};

fn long(tag: ttlv::Tag, value: i64) -> Node<'static> {
    Node::new(tag, Value::LongInteger(value))
}

fn limits(total: i64, unit: UsageLimitsUnit) -> Node<'static> {
    Node::structure(
        tag::USAGE_LIMITS,
        vec![
            long(tag::USAGE_LIMITS_TOTAL, total),
            enumeration(tag::USAGE_LIMITS_UNIT, unit.0),
        ],
    )
}

fn activated() -> Node<'static> {
    Node::new(tag::ACTIVATION_DATE, Value::DateTime(1_000_000))
}

/// An active AES key in counter mode.
fn limited(client: &mut Client, total: i64, unit: UsageLimitsUnit) -> String {
    client
        .ask(
            Operation::CREATE,
            aes(vec![activated(), limits(total, unit)]),
        )
        .ok()
        .id()
}

fn encrypt(id: &str, bytes: usize) -> Vec<Node<'static>> {
    vec![
        Node::text(tag::UNIQUE_IDENTIFIER, id.to_owned()),
        Node::structure(
            tag::CRYPTOGRAPHIC_PARAMETERS,
            // CTR.
            vec![
                enumeration(tag::BLOCK_CIPHER_MODE, 6),
                Node::new(tag::RANDOM_IV, Value::Boolean(true)),
            ],
        ),
        Node::bytes(tag::DATA, vec![7; bytes]),
    ]
}

fn allocate(id: &str, count: i64) -> Vec<Node<'static>> {
    let mut payload = on(id);
    payload.push(long(tag::USAGE_LIMITS_COUNT, count));
    payload
}

/// Total and Count.
fn left(client: &mut Client, id: &str) -> (i64, i64) {
    let answer = client.on(Operation::GET_ATTRIBUTES, id).ok();
    let attributes = answer.payload.child(tag::ATTRIBUTES).unwrap();
    let limits = attributes.child(tag::USAGE_LIMITS).unwrap();
    let number = |tag| match limits.child(tag).map(|node| &node.value) {
        Some(Value::LongInteger(number)) => *number,
        other => panic!("{other:?}"),
    };
    (
        number(tag::USAGE_LIMITS_TOTAL),
        number(tag::USAGE_LIMITS_COUNT),
    )
}

/// Clients that race for a key until it is used up; how often each kind of request went well.
fn race(server: &Server, id: &str) -> (i64, i64) {
    let (encrypted, allocated) = (AtomicI64::new(0), AtomicI64::new(0));
    std::thread::scope(|scope| {
        for number in 0..8 {
            let mut client = server.client();
            let (encrypted, allocated) = (&encrypted, &allocated);
            scope.spawn(move || {
                loop {
                    let (answer, counter) = match number % 4 {
                        3 => (
                            client.ask(Operation::GET_USAGE_ALLOCATION, allocate(id, 2)),
                            allocated,
                        ),
                        _ => (client.ask(Operation::ENCRYPT, encrypt(id, 16)), encrypted),
                    };
                    match answer.reason {
                        None => counter.fetch_add(1, Ordering::AcqRel),
                        Some(ResultReason::PERMISSION_DENIED)
                        | Some(ResultReason::USAGE_LIMIT_EXCEEDED) => break,
                        other => panic!("{other:?} {}", answer.message),
                    };
                }
            });
        }
    });
    (encrypted.into_inner(), allocated.into_inner())
}

#[test]
fn racing_clients_use_a_key_exactly_as_often_as_it_allows() {
    on_both(|server, _| {
        let mut client = server.client();
        let id = limited(&mut client, 120, UsageLimitsUnit::OBJECT);
        let (encrypted, allocated) = race(server, &id);
        assert!(encrypted > 0 && allocated > 0);
        // The odd one may be too little for an allocation of two.
        assert_eq!(encrypted + 2 * allocated + left(&mut client, &id).1, 120);
        assert_eq!(left(&mut client, &id), (120, 0));
    });
}

/// The uses of a key under AES-GCM, and of the key that seals new objects, are set aside in blocks: who
/// comes while one is fetched waits for it.
#[test]
fn many_clients_begin_with_a_new_key_at_once() {
    const CLIENTS: usize = 48;
    on_both(|server, _| {
        let id = server
            .client()
            .ask(Operation::CREATE, aes(vec![activated()]))
            .ok()
            .id();
        let start = std::sync::Barrier::new(CLIENTS);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                let mut client = server.client();
                let (id, start) = (&id, &start);
                scope.spawn(move || {
                    let mut payload = encrypt(id, 16);
                    payload[1] = Node::structure(
                        tag::CRYPTOGRAPHIC_PARAMETERS,
                        // GCM.
                        vec![
                            enumeration(tag::BLOCK_CIPHER_MODE, 9),
                            Node::new(tag::RANDOM_IV, Value::Boolean(true)),
                        ],
                    );
                    start.wait();
                    client.ask(Operation::ENCRYPT, payload).ok();
                    for _ in 0..30 {
                        client.ask(Operation::CREATE, aes(Vec::new())).ok();
                    }
                });
            }
        });
    });
}

#[test]
fn bytes_count_in_every_part_and_failures_take_nothing() {
    on_both(|server, _| {
        let mut client = server.client();
        let id = limited(&mut client, 100, UsageLimitsUnit::BYTE);
        client.ask(Operation::ENCRYPT, encrypt(&id, 60)).ok();
        assert_eq!(left(&mut client, &id), (100, 40));
        client
            .ask(Operation::ENCRYPT, encrypt(&id, 41))
            .fails(ResultReason::PERMISSION_DENIED);
        client
            .ask(Operation::GET_USAGE_ALLOCATION, allocate(&id, 41))
            .fails(ResultReason::USAGE_LIMIT_EXCEEDED);
        assert_eq!(left(&mut client, &id), (100, 40));
        // In parts: each brings its bytes.
        let mut first = encrypt(&id, 16);
        first.push(Node::new(tag::INIT_INDICATOR, Value::Boolean(true)));
        let stream = client
            .ask(Operation::ENCRYPT, first)
            .ok()
            .bytes(tag::CORRELATION_VALUE);
        assert_eq!(left(&mut client, &id), (100, 24));
        let mut next = encrypt(&id, 32);
        next.push(Node::bytes(tag::CORRELATION_VALUE, stream));
        next.push(Node::new(tag::FINAL_INDICATOR, Value::Boolean(true)));
        client
            .ask(Operation::ENCRYPT, next)
            .fails(ResultReason::PERMISSION_DENIED);
        client
            .ask(Operation::GET_USAGE_ALLOCATION, allocate(&id, 24))
            .ok();
        assert_eq!(left(&mut client, &id), (100, 0));
        for count in [0, -1] {
            client
                .ask(Operation::GET_USAGE_ALLOCATION, allocate(&id, count))
                .fails(ResultReason::INVALID_FIELD);
        }
    });
}

#[test]
fn an_undone_batch_leaves_its_usage() {
    on_both(|server, _| {
        let mut client = server.client();
        let id = limited(&mut client, 10, UsageLimitsUnit::OBJECT);
        let before = client.on(Operation::GET_ATTRIBUTES, &id).ok();
        let items = vec![
            (Operation::ENCRYPT, encrypt(&id, 16)),
            (Operation::GET_USAGE_ALLOCATION, allocate(&id, 4)),
            (
                Operation::ADD_ATTRIBUTE,
                vec![
                    Node::text(tag::UNIQUE_IDENTIFIER, id.clone()),
                    Node::structure(tag::NEW_ATTRIBUTE, vec![Node::text(tag::COMMENT, "undone")]),
                ],
            ),
            (Operation::GET, on("no such object")),
        ];
        let answers = client.batch(BatchErrorContinuationOption::UNDO, items);
        assert_eq!(answers.len(), 4);
        for answer in &answers[..3] {
            assert_eq!(answer.status, ResultStatus::OPERATION_UNDONE);
        }
        // The ciphertext was delivered.
        assert!(!answers[0].bytes(tag::DATA).is_empty());
        assert_eq!(left(&mut client, &id), (10, 5));
        let after = client.on(Operation::GET_ATTRIBUTES, &id).ok();
        let comment = |answer: &crate::process::Answer| {
            let attributes = answer.payload.child(tag::ATTRIBUTES).unwrap();
            attributes.child(tag::COMMENT).is_some()
        };
        assert!(!comment(&before) && !comment(&after));
        // Limits that the batch itself sets are charged, too, and so is what was there before.
        let other = limited(&mut client, 10, UsageLimitsUnit::OBJECT);
        let set = vec![
            Node::text(tag::UNIQUE_IDENTIFIER, other.clone()),
            Node::structure(tag::NEW_ATTRIBUTE, vec![limits(3, UsageLimitsUnit::OBJECT)]),
        ];
        let batch = |last: &str| {
            vec![
                (Operation::SET_ATTRIBUTE, set.clone()),
                (Operation::ENCRYPT, encrypt(&other, 16)),
                (Operation::GET, on(last)),
            ]
        };
        client.batch(BatchErrorContinuationOption::UNDO, batch("no such object"));
        assert_eq!(left(&mut client, &other), (10, 9));
        // Used limits are not changed any more.
        let answers = client.batch(BatchErrorContinuationOption::UNDO, batch(&other));
        answers[0].fails(ResultReason::READ_ONLY_ATTRIBUTE);
        assert_eq!(left(&mut client, &other), (10, 9));
        let fresh = limited(&mut client, 10, UsageLimitsUnit::OBJECT);
        let set = vec![
            Node::text(tag::UNIQUE_IDENTIFIER, fresh.clone()),
            Node::structure(tag::NEW_ATTRIBUTE, vec![limits(3, UsageLimitsUnit::OBJECT)]),
        ];
        let items = vec![
            (Operation::SET_ATTRIBUTE, set),
            (Operation::ENCRYPT, encrypt(&fresh, 16)),
        ];
        for answer in client.batch(BatchErrorContinuationOption::UNDO, items) {
            answer.ok();
        }
        assert_eq!(left(&mut client, &fresh), (3, 2));
    });
}

#[test]
fn a_key_made_in_an_undone_batch_leaves_nothing() {
    on_both(|server, database| {
        let mut client = server.client();
        let rows = "SELECT count(*) FROM entities WHERE kind = 20";
        let before = database.number(rows);
        let create = aes(vec![activated(), limits(5, UsageLimitsUnit::OBJECT)]);
        let mut use_it = encrypt("", 16);
        // The ID Placeholder.
        use_it.remove(0);
        let items = |last: Vec<Node<'static>>| {
            vec![
                (Operation::CREATE, create.clone()),
                (Operation::ENCRYPT, use_it.clone()),
                (Operation::GET, last),
            ]
        };
        client.batch(
            BatchErrorContinuationOption::UNDO,
            items(on("no such object")),
        );
        assert_eq!(database.number(rows), before);
        let answers = client.batch(BatchErrorContinuationOption::UNDO, items(Vec::new()));
        let id = answers[0].clone().ok().id();
        assert_eq!(left(&mut client, &id), (5, 4));
        assert_eq!(database.number(rows), before + 1);
    });
}

#[test]
fn a_counter_that_is_gone_or_edited_refuses_the_key() {
    on_both(|server, database| {
        let mut client = server.client();
        let deleted = limited(&mut client, 5, UsageLimitsUnit::OBJECT);
        let edited = limited(&mut client, 5, UsageLimitsUnit::OBJECT);
        for id in [&deleted, &edited] {
            client.ask(Operation::ENCRYPT, encrypt(id, 16)).ok();
        }
        database.run(&format!(
            "DELETE FROM entities WHERE kind = 20 AND key = '{deleted}'"
        ));
        database.run(&format!(
            "UPDATE entities SET body = {} WHERE kind = 20 AND key = '{edited}'",
            database.bytes(br#"{"limit":5,"used":0,"changed":0}"#)
        ));
        // Also by a server that has seen neither row.
        for again in [false, true] {
            if again {
                server.terminate();
                server.run();
            }
            let mut client = server.client();
            for id in [&deleted, &edited] {
                client
                    .ask(Operation::ENCRYPT, encrypt(id, 16))
                    .fails(ResultReason::GENERAL_FAILURE);
                client
                    .on(Operation::GET_ATTRIBUTES, id)
                    .fails(ResultReason::GENERAL_FAILURE);
            }
            client.create(if again { "again" } else { "others go on" });
        }
    });
}

#[test]
fn the_key_must_be_one_that_protects() {
    on_both(|server, _| {
        let mut client = server.client();
        let unlimited = client
            .ask(Operation::CREATE, aes(vec![activated()]))
            .ok()
            .id();
        client
            .ask(Operation::GET_USAGE_ALLOCATION, allocate(&unlimited, 1))
            .fails(ResultReason::ATTRIBUTE_NOT_FOUND);
        client
            .on(Operation::GET_USAGE_ALLOCATION, &unlimited)
            .fails(ResultReason::INVALID_MESSAGE);
        let pre_active = client
            .ask(
                Operation::CREATE,
                aes(vec![limits(5, UsageLimitsUnit::OBJECT)]),
            )
            .ok()
            .id();
        client
            .ask(Operation::GET_USAGE_ALLOCATION, allocate(&pre_active, 1))
            .fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
        let decrypts = vec![
            enumeration(tag::OBJECT_TYPE, 2),
            Node::structure(
                tag::ATTRIBUTES,
                vec![
                    enumeration(tag::CRYPTOGRAPHIC_ALGORITHM, 3),
                    integer(tag::CRYPTOGRAPHIC_LENGTH, 256),
                    integer(tag::CRYPTOGRAPHIC_USAGE_MASK, 8),
                    activated(),
                    limits(5, UsageLimitsUnit::OBJECT),
                ],
            ),
        ];
        let decrypts = client.ask(Operation::CREATE, decrypts).ok().id();
        client
            .ask(Operation::GET_USAGE_ALLOCATION, allocate(&decrypts, 1))
            .fails(ResultReason::INVALID_OBJECT_TYPE);
    });
}
