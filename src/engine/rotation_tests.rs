//! Two nodes on one store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use ttlv::Value;

use super::*;
use crate::clock::Clock;
use crate::engine::fixture::{context, nodes};
use crate::engine::founding::FIRST_TENANT;
use crate::object::creation::{self, Origin};
use crate::object::{admission, generation};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CryptographicAlgorithm, LinkType, OpaqueDataType};
use crate::protocol::object::{Object, OpaqueObject};
use crate::store::record::Class;

const START: i64 = 1_800_000_000;

/// Nodes with a clock, a store and a token in common.
struct Cluster {
    clock: Clock,
    nodes: Vec<Arc<Engine>>,
    _directory: tempfile::TempDir,
}

async fn cluster(names: &[&str]) -> Cluster {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::set(START);
    let nodes = nodes(directory.path(), &clock, names).await;
    Cluster {
        clock,
        nodes,
        _directory: directory,
    }
}

fn rotating(interval: u32) -> Attributes {
    let mut attributes = Attributes::default();
    for (tag, value) in [
        (
            tag::CRYPTOGRAPHIC_ALGORITHM,
            Value::Enumeration(CryptographicAlgorithm::AES.0),
        ),
        (tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
        (tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
        (tag::ROTATE_INTERVAL, Value::Interval(interval)),
    ] {
        attributes.set(tag, value);
    }
    attributes
}

async fn written(engine: &Engine, context: &mut Context) {
    let commit = Commit {
        changes: context.take_changes(),
        audit: Vec::new(),
    };
    engine.commit(commit).await.unwrap();
}

/// A key that is due `interval` seconds after it was made.
async fn key(engine: &Arc<Engine>, interval: u32) -> String {
    let mut context = context(engine).await;
    let identifier = creation::new_identifier();
    let mut attributes = rotating(interval);
    let draft = generation::symmetric(&mut context, &identifier, Class::Served, &mut attributes)
        .await
        .unwrap();
    context.insert(draft).await.unwrap();
    written(engine, &mut context).await;
    identifier
}

async fn object(engine: &Engine, identifier: &str) -> Sealed {
    let object = engine.fetch(FIRST_TENANT, identifier).await.unwrap();
    object.unwrap()
}

async fn everything(engine: &Engine) -> Vec<String> {
    let records = engine.store.scan(FIRST_TENANT, "", 1000).await.unwrap();
    let identifiers = records.into_iter().map(|record| record.unique_identifier);
    identifiers.collect()
}

async fn turns(engine: &Arc<Engine>) -> u64 {
    turn(engine, &mut Failed::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_that_rotate_a_key_one_commits() {
    let cluster = cluster(&["one", "two"]).await;
    let old = key(&cluster.nodes[0], 100).await;
    cluster.clock.advance(100);
    let mut drafts = Vec::new();
    for engine in &cluster.nodes {
        let object = object(engine, &old).await;
        let sender = sender(engine, &object).await.unwrap();
        let now = engine.clock.now();
        let context = prepare(engine, &sender, &object, now).await.unwrap();
        drafts.push((engine, sender, context));
    }
    let mut won = Vec::new();
    for (engine, sender, context) in drafts {
        let now = engine.clock.now();
        let mut trace = engine
            .audit
            .begin(Operation::RE_KEY, &sender, now, ("test", 0));
        won.push(commit(engine, context, &mut trace).await.unwrap());
        engine.audit.done(trace, Outcome::Undone).await;
    }
    assert_eq!(won, [true, false]);
    let all = everything(&cluster.nodes[1]).await;
    assert_eq!(all.len(), 2, "the loser's draft is nowhere");
    let replacement = all.into_iter().find(|identifier| *identifier != old);
    let replaced = object(&cluster.nodes[1], &old).await;
    assert_eq!(
        renewal::linked(&replaced.attributes, LinkType::REPLACEMENT_OBJECT_LINK),
        replacement
    );
    assert_eq!(turns(&cluster.nodes[1]).await, 0, "nothing is due any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_look_at_once_rotate_each_key_once() {
    let cluster = cluster(&["one", "two"]).await;
    let mut old = Vec::new();
    for _ in 0..20 {
        old.push(key(&cluster.nodes[0], 100).await);
    }
    let later = key(&cluster.nodes[0], 101).await;
    cluster.clock.advance(99);
    assert_eq!(turns(&cluster.nodes[0]).await, 0);
    cluster.clock.advance(1);
    let [one, two] = [0, 1].map(|node| {
        let engine = Arc::clone(&cluster.nodes[node]);
        tokio::spawn(async move { turns(&engine).await })
    });
    assert_eq!(one.await.unwrap() + two.await.unwrap(), 20);
    assert_eq!(everything(&cluster.nodes[0]).await.len(), 41);
    for identifier in &old {
        let replaced = object(&cluster.nodes[0], identifier).await;
        assert!(renewal::linked(&replaced.attributes, LinkType::REPLACEMENT_OBJECT_LINK).is_some());
        assert_eq!(replaced.owner, "owner");
    }
    cluster.clock.advance(1);
    assert_eq!(turns(&cluster.nodes[1]).await, 1, "{later} alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_rotated_holds_up_nothing_and_rests() {
    let cluster = cluster(&["one"]).await;
    let engine = &cluster.nodes[0];
    let mut context = context(engine).await;
    let opaque = OpaqueObject {
        opaque_data_type: OpaqueDataType(0x8000_0001),
        opaque_data_value: b"anything".to_vec().into(),
    };
    let mut attributes = rotating(100);
    attributes.remove(tag::CRYPTOGRAPHIC_ALGORITHM);
    attributes.remove(tag::CRYPTOGRAPHIC_LENGTH);
    let identifier = creation::new_identifier();
    let object_to_keep = Object::OpaqueObject(opaque);
    admission::admit(
        &mut context,
        &identifier,
        object_to_keep,
        attributes,
        Origin::Registered,
        None,
    )
    .await
    .unwrap();
    written(engine, &mut context).await;
    let old = key(engine, 100).await;
    cluster.clock.advance(100);
    let mut failed = Failed::default();
    assert_eq!(turn(engine, &mut failed).await.unwrap(), 1);
    assert!(failed.rests(&object(engine, &identifier).await, engine.clock.now()));
    assert!(!failed.rests(&object(engine, &old).await, engine.clock.now()));
    cluster.clock.advance(REST);
    assert!(!failed.rests(&object(engine, &identifier).await, engine.clock.now()));
}
