#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use super::seals::{self, Uses, renew_worn};
use super::*;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::engine::entity;
use crate::engine::fixture::nodes;
use crate::engine::founding::FIRST_TENANT;
use crate::hsm::{MasterKind, Purpose, WORN};
use crate::store::record::{Commit, EntityKind};

async fn used(engine: &Engine, version: u32, uses: u64) {
    let (kind, key) = (EntityKind::SealUses, seals::key(version));
    let put = entity::put(&engine.hsm, kind, FIRST_TENANT, &key, 1, &Uses { uses }).await;
    let commit = Commit {
        changes: vec![put.unwrap()],
        audit: Vec::new(),
    };
    engine.store.apply(commit).await.unwrap();
}

async fn newest(engine: &Engine) -> u32 {
    let keys = crate::engine::directory::keys(&engine.store, &engine.hsm, FIRST_TENANT).await;
    keys.unwrap().newest(Purpose::Seal).unwrap()
}

async fn alone() -> (tempfile::TempDir, Arc<Engine>) {
    let directory = tempfile::tempdir().unwrap();
    let mut nodes = nodes(directory.path(), &Clock::System, &["one"]).await;
    (directory, nodes.remove(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_key_that_was_used_often_gets_a_successor() {
    let (_directory, engine) = alone().await;
    used(&engine, 1, WORN - 1).await;
    assert_eq!(renew_worn(engine.ground()).await.unwrap(), 0);
    assert_eq!(newest(&engine).await, 1);
    // The block that a seal sets aside goes beyond.
    let keys = crate::engine::directory::keys(&engine.store, &engine.hsm, FIRST_TENANT).await;
    engine
        .hsm
        .seal(&keys.unwrap(), b"", b"clear")
        .await
        .unwrap();
    assert_eq!(renew_worn(engine.ground()).await.unwrap(), 1);
    assert_eq!(newest(&engine).await, 2);
    assert_eq!(renew_worn(engine.ground()).await.unwrap(), 0, "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_key_that_is_used_up_seals_no_more() {
    let (_directory, engine) = alone().await;
    used(&engine, 1, (1 << 32) - 2).await;
    let keys = crate::engine::directory::keys(&engine.store, &engine.hsm, FIRST_TENANT).await;
    let keys = keys.unwrap();
    for _ in 0..2 {
        engine.hsm.seal(&keys, b"", b"clear").await.unwrap();
    }
    let sealed = engine.hsm.seal(&keys, b"", b"clear").await;
    assert!(matches!(sealed, Err(HsmError::UsedUp(_))), "{sealed:?}");
    // What is sealed is opened for ever; the next version seals again.
    let purposes = [Purpose::Seal];
    let made = rotate_tenant(engine.ground(), FIRST_TENANT, &purposes, "tenant rotate").await;
    assert_eq!(made.unwrap(), ["seal-v2"]);
    let keys = crate::engine::directory::keys(&engine.store, &engine.hsm, FIRST_TENANT).await;
    let blob = engine
        .hsm
        .seal(&keys.unwrap(), b"", b"clear")
        .await
        .unwrap();
    assert_eq!(blob.key_version, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_seal_at_once_set_uses_aside_once() {
    let (_directory, engine) = alone().await;
    let keys = crate::engine::directory::keys(&engine.store, &engine.hsm, FIRST_TENANT).await;
    let keys = keys.unwrap();
    let mut at_once = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let (engine, keys) = (std::sync::Arc::clone(&engine), keys.clone());
        at_once.spawn(async move { engine.hsm.seal(&keys, b"", b"clear").await.map(drop) });
    }
    while let Some(sealed) = at_once.join_next().await {
        sealed.unwrap().unwrap();
    }
    let (kind, key) = (EntityKind::SealUses, seals::key(1));
    let uses = entity::read::<Uses>(&engine.store, &engine.hsm, kind, FIRST_TENANT, &key).await;
    assert_eq!(uses.unwrap().unwrap().body.uses, 1 << 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_at_a_time() {
    let (_directory, engine) = alone().await;
    let ground = engine.ground();
    let claim = claim::Claim::take(ground, "one").await.unwrap().unwrap();
    assert!(claim::Claim::take(ground, "two").await.unwrap().is_none());
    // A process that was started anew goes on at once.
    let mut again = claim::Claim::take(ground, "one").await.unwrap().unwrap();
    assert!(again.holds(ground).await.unwrap());
    claim.give_up(ground).await.unwrap();
    again.give_up(ground).await.unwrap();
    assert!(claim::Claim::take(ground, "two").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_another_began_meanwhile_is_refused() {
    let (_directory, engine) = alone().await;
    let (ground, kind) = (engine.ground(), MasterKind::Kek);
    let planned = plan(ground, &[kind], false).await.unwrap();
    // The other one, while the operator of this one types.
    let begun = row::Version {
        begun: ground.clock.now(),
        ..row::Version::default()
    };
    version::begin(ground, (kind, 2), (&begun, 0))
        .await
        .unwrap();
    let refused = carry_out(ground, planned, &Targets::default()).await;
    assert!(
        matches!(&refused, Err(MastersError::Refused(why)) if why.contains("at the moment")),
        "{refused:?}"
    );
    assert_eq!(engine.hsm.master_versions(kind).await.unwrap(), [1]);
}
