//! How often a key may be used with random vectors.

use std::sync::Arc;

use keyward::engine::Engine;
use keyward::engine::founding::FIRST_TENANT;
use keyward::protocol::enumeration::{
    BlockCipherMode, CryptographicAlgorithm, Operation, ResultReason,
};
use keyward::protocol::tag;
use keyward::store::StoreError;

use crate::ground::*;
use crate::postgres;

const LIMIT: u64 = 10_000;

/// What is left of `LIMIT`, taken in blocks of `size`.
async fn take_all(engine: &Arc<Engine>, id: &str, size: u64) -> u64 {
    let key = engine.fetch(FIRST_TENANT, id).await.unwrap().unwrap();
    let mut taken = 0;
    loop {
        match engine.take_gcm_uses(&key, size, LIMIT).await {
            Ok(Some(uses)) => taken += uses,
            Ok(None) => return taken,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
}

async fn encrypt(ground: &Ground, id: &str) {
    let how = parameters(vec![number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM.0)]);
    let payload = vec![uid(id), how, bytes(tag::DATA, b"clear")];
    ground.tell(Operation::ENCRYPT, payload).await.ok();
}

async fn mac(ground: &Ground, id: &str) {
    let how = parameters(vec![number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM.0)]);
    let payload = vec![uid(id), how, bytes(tag::DATA, b"clear")];
    ground.tell(Operation::MAC, payload).await.ok();
}

async fn key(ground: &Ground) -> String {
    ground
        .symmetric(CryptographicAlgorithm::AES.0, &[3; 32], Vec::new())
        .await
}

/// The first use takes a block; a stop loses it, and the next start takes another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_are_taken_before_they_are_used() {
    const BLOCK: u64 = 1 << 10;
    let mut ground = Ground::new().await;
    let (key, untouched, authenticating) =
        (key(&ground).await, key(&ground).await, key(&ground).await);
    for _ in 0..3 {
        encrypt(&ground, &key).await;
    }
    // GMAC is GCM.
    mac(&ground, &authenticating).await;
    ground.restart().await;
    encrypt(&ground, &key).await;
    assert_eq!(take_all(&ground.engine, &key, 100).await, LIMIT - 2 * BLOCK);
    assert_eq!(
        take_all(&ground.engine, &authenticating, 100).await,
        LIMIT - BLOCK
    );
    assert_eq!(take_all(&ground.engine, &untouched, 300).await, LIMIT);
    // Nothing is left, whoever asks.
    ground.restart().await;
    assert_eq!(take_all(&ground.engine, &key, 1).await, 0);
}

/// 2^32 uses, then none; with vectors of the caller's own it goes on, for those are the caller's to count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_used_up() {
    const ALL: u64 = 1 << 32;
    let ground = Ground::new().await;
    let key = key(&ground).await;
    let row = ground
        .engine
        .fetch(FIRST_TENANT, &key)
        .await
        .unwrap()
        .unwrap();
    let taken = ground
        .engine
        .take_gcm_uses(&row, ALL - 2, ALL)
        .await
        .unwrap();
    assert_eq!(taken, Some(ALL - 2));
    for _ in 0..2 {
        encrypt(&ground, &key).await;
    }
    let how = parameters(vec![number(tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM.0)]);
    let mut payload = vec![uid(&key), how, bytes(tag::DATA, b"clear")];
    for operation in [Operation::ENCRYPT, Operation::MAC] {
        let answer = ground.tell(operation, payload.clone()).await;
        answer.fails(ResultReason::USAGE_LIMIT_EXCEEDED);
    }
    payload.push(bytes(tag::IV_COUNTER_NONCE, &[5; 12]));
    ground.tell(Operation::ENCRYPT, payload).await.ok();
}

/// Two nodes on one database take what there is, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_never_take_more() {
    let Some(cluster) = postgres::shared() else {
        return;
    };
    let ground = Ground::on_postgres(cluster.database()).await;
    let key = key(&ground).await;
    let second = ground.second().await;
    let nodes = [
        Arc::clone(&ground.engine),
        Arc::clone(&second),
        second,
        Arc::clone(&ground.engine),
    ];
    let takers = nodes.map(|node| {
        let key = key.clone();
        tokio::spawn(async move { take_all(&node, &key, 97).await })
    });
    let mut taken = Vec::new();
    for taker in takers {
        taken.push(taker.await.unwrap());
    }
    assert_eq!(taken.iter().sum::<u64>(), LIMIT, "{taken:?}");
}
