//! Streams belong to whom began them, for one operation on one key as it was.

use keyward::protocol::enumeration::{CryptographicAlgorithm, Operation, ResultReason};
use keyward::protocol::tag;
use ttlv::{Node, Value};

use crate::ground::*;

const CBC: u32 = 1;

fn first(id: &str) -> Vec<Item> {
    vec![
        uid(id),
        parameters(vec![
            number(tag::BLOCK_CIPHER_MODE, CBC),
            number(tag::PADDING_METHOD, 3),
        ]),
        bytes(tag::DATA, &[7; 40]),
        bytes(tag::IV_COUNTER_NONCE, &[5; 16]),
        boolean(tag::INIT_INDICATOR, true),
    ]
}

fn last(id: &str, value: &[u8]) -> Vec<Item> {
    vec![
        uid(id),
        bytes(tag::DATA, &[8; 8]),
        bytes(tag::CORRELATION_VALUE, value),
        boolean(tag::FINAL_INDICATOR, true),
    ]
}

async fn begin(ground: &Ground, id: &str) -> Vec<u8> {
    let answer = ground.tell(Operation::ENCRYPT, first(id)).await.ok();
    answer.bytes(tag::CORRELATION_VALUE)
}

async fn aes(ground: &Ground, more: Vec<Item>) -> String {
    ground
        .symmetric(CryptographicAlgorithm::AES.0, &[3; 32], more)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_value_is_as_unknown_as_none() {
    let ground = Ground::new().await;
    let (key, other) = (
        aes(&ground, Vec::new()).await,
        aes(&ground, Vec::new()).await,
    );
    let value = begin(&ground, &key).await;
    let unknown = ground.tell(Operation::ENCRYPT, last(&key, &[9; 16])).await;
    unknown.fails(ResultReason::INVALID_CORRELATION_VALUE);
    // Nobody's, somebody else's, for another operation, for another key, of another length: one answer.
    for (who, operation, id) in [
        (Who::Plain, Operation::ENCRYPT, &key),
        (Who::Tester, Operation::DECRYPT, &key),
        (Who::Tester, Operation::MAC, &key),
        (Who::Tester, Operation::ENCRYPT, &other),
    ] {
        let mut payload = last(id, &value);
        if operation == Operation::MAC {
            payload.insert(1, parameters(vec![number(tag::CRYPTOGRAPHIC_ALGORITHM, 9)]));
        }
        let answer = ground.ask(who, operation, payload).await;
        assert_eq!(answer, unknown, "{who:?} {operation:?}");
    }
    for wrong in [&value[1..], &[], &[&value[..], &[0]].concat()] {
        let answer = ground.tell(Operation::ENCRYPT, last(&key, wrong)).await;
        assert_eq!(answer, unknown);
    }
    // Another tenant's key is not there at all.
    let answer = ground
        .ask(Who::Stranger, Operation::ENCRYPT, last(&key, &value))
        .await;
    answer.fails(ResultReason::OBJECT_NOT_FOUND);
    // With a key of their own of the same tenant-wide name it is unknown, too: and it lives on.
    assert_eq!(ground.engine.streams.open(), 1);
    ground
        .tell(Operation::ENCRYPT, last(&key, &value))
        .await
        .ok();
    assert_eq!(ground.engine.streams.open(), 0);
    // It ends with its last part.
    let answer = ground.tell(Operation::ENCRYPT, last(&key, &value)).await;
    assert_eq!(answer, unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_key_ends_its_streams() {
    let ground = Ground::new().await;
    let key = aes(&ground, Vec::new()).await;
    let unknown = ground.tell(Operation::ENCRYPT, last(&key, &[9; 16])).await;
    let value = begin(&ground, &key).await;
    let name = structure(
        tag::NAME,
        vec![
            Node::text(tag::NAME_VALUE, "changed"),
            number(tag::NAME_TYPE, 1),
        ],
    );
    let payload = vec![uid(&key), structure(tag::NEW_ATTRIBUTE, vec![name])];
    ground.tell(Operation::ADD_ATTRIBUTE, payload).await.ok();
    let answer = ground.tell(Operation::ENCRYPT, last(&key, &value)).await;
    assert_eq!(answer, unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_protects_no_further_part() {
    let ground = Ground::new().await;
    let key = aes(&ground, Vec::new()).await;
    let value = begin(&ground, &key).await;
    ground.revoke(&key).await;
    let answer = ground.tell(Operation::ENCRYPT, last(&key, &value)).await;
    answer.fails(ResultReason::WRONG_KEY_LIFECYCLE_STATE);
}

/// A use is charged when it begins, once, whatever becomes of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_one_use() {
    let ground = Ground::new().await;
    let limits = structure(
        tag::USAGE_LIMITS,
        vec![
            Node::new(tag::USAGE_LIMITS_TOTAL, Value::LongInteger(2)),
            Node::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(2)),
            // Objects.
            number(tag::USAGE_LIMITS_UNIT, 2),
        ],
    );
    let key = aes(&ground, vec![limits]).await;
    let value = begin(&ground, &key).await;
    for _ in 0..5 {
        let mut next = last(&key, &value);
        next.pop();
        ground.tell(Operation::ENCRYPT, next).await.ok();
    }
    ground
        .tell(Operation::ENCRYPT, last(&key, &value))
        .await
        .ok();
    begin(&ground, &key).await;
    let none = ground.tell(Operation::ENCRYPT, first(&key)).await;
    none.fails(ResultReason::PERMISSION_DENIED);
}

/// What is never finished does not stay: number and memory of one identity's streams are bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_bounded() {
    let ground = Ground::new().await;
    let key = aes(&ground, Vec::new()).await;
    let mut begun = 0;
    let refused = loop {
        let answer = ground.tell(Operation::ENCRYPT, first(&key)).await;
        if answer.reason.is_some() {
            break answer;
        }
        begun += 1;
        assert!(begun <= 1000, "no bound");
    };
    refused.fails(ResultReason::SERVER_LIMIT_EXCEEDED);
    assert_eq!(ground.engine.streams.open(), begun);
    // Others go on.
    let mut plain = first(&key);
    plain.pop();
    ground.ask(Who::Plain, Operation::ENCRYPT, plain).await.ok();
    ground
        .ask(Who::Plain, Operation::ENCRYPT, first(&key))
        .await
        .ok();
}

/// Additional data counts as what a stream holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn additional_data_is_memory() {
    let ground = Ground::new().await;
    let key = aes(&ground, Vec::new()).await;
    let mut held = 0_usize;
    let refused = loop {
        let aad = vec![7; 512 << 10];
        let payload = vec![
            uid(&key),
            parameters(vec![number(tag::BLOCK_CIPHER_MODE, 9)]),
            bytes(tag::DATA, &[]),
            bytes(tag::IV_COUNTER_NONCE, &[5; 12]),
            boolean(tag::INIT_INDICATOR, true),
            bytes(tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, &aad),
        ];
        let answer = ground.tell(Operation::ENCRYPT, payload).await;
        if answer.reason.is_some() {
            break answer;
        }
        held += aad.len();
        assert!(held <= 100 << 20, "no bound");
    };
    refused.fails(ResultReason::SERVER_LIMIT_EXCEEDED);
}
