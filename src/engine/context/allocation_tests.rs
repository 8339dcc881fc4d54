//! Two nodes on one store.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use ttlv::{Node, Value};

use super::*;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::engine::fixture::{self, context};
use crate::engine::founding::FIRST_TENANT;
use crate::object::creation;
use crate::object::generation;
use crate::object::managed::Sealed;
use crate::protocol::enumeration::CryptographicAlgorithm;
use crate::store::record::Class;

fn limits(total: i64) -> Value<'static> {
    Value::Structure(vec![
        Node::new(tag::USAGE_LIMITS_TOTAL, Value::LongInteger(total)),
        Node::new(
            tag::USAGE_LIMITS_UNIT,
            Value::Enumeration(UsageLimitsUnit::OBJECT.0),
        ),
    ])
}

async fn key(engine: &Arc<Engine>, total: i64) -> Sealed {
    let mut context = context(engine).await;
    let identifier = creation::new_identifier();
    let mut attributes = Attributes::default();
    for (tag, value) in [
        (
            tag::CRYPTOGRAPHIC_ALGORITHM,
            Value::Enumeration(CryptographicAlgorithm::AES.0),
        ),
        (tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
        (tag::USAGE_LIMITS, limits(total)),
    ] {
        attributes.set(tag, value);
    }
    let draft = generation::symmetric(&mut context, &identifier, Class::Served, &mut attributes)
        .await
        .unwrap();
    context.insert(draft).await.unwrap();
    written(engine, &mut context).await.unwrap();
    engine
        .fetch(FIRST_TENANT, &identifier)
        .await
        .unwrap()
        .unwrap()
}

async fn written(engine: &Engine, context: &mut Context) -> Result<(), StoreError> {
    let commit = Commit {
        changes: context.take_changes(),
        audit: Vec::new(),
    };
    engine.commit(commit).await
}

async fn charge(context: &mut Context, key: &Sealed) -> Result<(), Fault> {
    context.begin(false);
    context
        .allocate(key, Cost::units(1), Reason::UsageLimitExceeded)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_together_never_exceed_a_limit() {
    let directory = tempfile::tempdir().unwrap();
    let nodes = fixture::nodes(directory.path(), &Clock::set(1_800_000_000), &["a", "b"]).await;
    let key = Arc::new(key(&nodes[0], 60).await);
    let mut clients = Vec::new();
    for number in 0..6 {
        let (engine, key) = (Arc::clone(&nodes[number % 2]), Arc::clone(&key));
        clients.push(tokio::spawn(async move {
            let mut done = 0;
            let mut context = context(&engine).await;
            loop {
                match charge(&mut context, &key).await {
                    Ok(()) => done += 1,
                    Err(fault) => {
                        assert_eq!(fault.reason, Reason::UsageLimitExceeded, "{fault}");
                        return done;
                    }
                }
            }
        }));
    }
    let mut all = 0;
    for client in clients {
        all += client.await.unwrap();
    }
    assert_eq!(all, 60);
    for node in &nodes {
        let usage = context(node).await.usage(&key).await.unwrap().unwrap();
        assert_eq!((usage.left(), usage.used), (0, 60));
    }
}

#[tokio::test]
async fn a_change_of_limits_and_a_use_exclude_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let nodes = fixture::nodes(directory.path(), &Clock::set(1_800_000_000), &["a", "b"]).await;
    let key = key(&nodes[0], 10).await;
    let (mut changing, mut using) = (context(&nodes[0]).await, context(&nodes[1]).await);
    let mut draft = key.edit();
    draft.attributes.set(tag::USAGE_LIMITS, limits(2));
    changing
        .recount(&key, &mut draft, Reason::AttributeReadOnly)
        .await
        .unwrap();
    changing.update(draft).await.unwrap();
    // Meanwhile, on another node.
    charge(&mut using, &key).await.unwrap();
    let conflict = written(&nodes[0], &mut changing).await;
    assert!(
        matches!(conflict, Err(StoreError::Conflict)),
        "{conflict:?}"
    );
    // Looking again, the limits have been used.
    let mut draft = key.edit();
    draft.attributes.set(tag::USAGE_LIMITS, limits(2));
    let refused = changing
        .recount(&key, &mut draft, Reason::AttributeReadOnly)
        .await;
    assert_eq!(refused.unwrap_err().reason, Reason::AttributeReadOnly);
}

#[tokio::test]
async fn an_item_that_runs_again_pays_once() {
    let directory = tempfile::tempdir().unwrap();
    let nodes = fixture::nodes(directory.path(), &Clock::set(1_800_000_000), &["a"]).await;
    let key = key(&nodes[0], 10).await;
    let mut context = context(&nodes[0]).await;
    for again in [false, true, true] {
        context.begin(again);
        context
            .allocate(&key, Cost::units(3), Reason::UsageLimitExceeded)
            .await
            .unwrap();
    }
    assert_eq!(context.usage(&key).await.unwrap().unwrap().left(), 7);
    context.begin(false);
    context
        .allocate(&key, Cost::units(3), Reason::UsageLimitExceeded)
        .await
        .unwrap();
    assert_eq!(context.usage(&key).await.unwrap().unwrap().left(), 4);
}
