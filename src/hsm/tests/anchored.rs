//! Derivation masters that are token objects of their own.

use super::*;
use crate::protocol::enumeration::HashingAlgorithm;

const SHA_256: u32 = HashingAlgorithm::SHA_256.0;
const OURS: TenantId = TenantId(7);

pub(super) async fn masters(ground: &Ground) {
    let hsm = &ground.hsm;
    let first = hsm.make_anchored(OURS, "first", 1).await.unwrap();
    let second = hsm.make_anchored(OURS, "first", 2).await.unwrap();
    assert_eq!((first.kind, first.length), (BlobKind::Anchored, 32));
    let use_key = |name, blob| ground.use_key(name, KeyKind::Generic, blob);
    let mac = |name, blob| {
        let key = use_key(name, blob);
        async move { hsm.hmac(&key, SHA_256, b"input").await }
    };
    let one = mac("first", &first).await.unwrap();
    assert_eq!(one.len(), 32);
    assert_eq!(*mac("first", &first).await.unwrap(), *one);
    // Loaded anew it is the same key, and what is let go of is not destroyed.
    hsm.forget(OURS, "first", 1).await.unwrap();
    hsm.bury().await.unwrap();
    assert_eq!(*mac("first", &first).await.unwrap(), *one);
    hsm.forget(OURS, "first", 1).await.unwrap();
    assert_ne!(*mac("first", &second).await.unwrap(), *one);
    hsm.forget(OURS, "first", 1).await.unwrap();
    only_macs(ground, &first).await;
    // No row of another object, or another tenant, leads to it.
    let other = mac("another", &first).await;
    assert!(matches!(other, Err(HsmError::Integrity(_))), "{other:?}");
    let theirs = UseKey {
        tenant: TenantId(70),
        ..use_key("first", &first)
    };
    let other = hsm.hmac(&theirs, SHA_256, b"input").await;
    assert!(matches!(other, Err(HsmError::Integrity(_))), "{other:?}");
    // Gone, and only it.
    let labels = vec![hsm.anchored_label(OURS, "first", 1)];
    for _ in 0..2 {
        let labels = Some(labels.clone());
        in_all(hsm.destroy_anchored(OURS, labels).await).unwrap();
    }
    let gone = mac("first", &first).await;
    assert!(matches!(gone, Err(HsmError::Lost(_))), "{gone:?}");
    mac("first", &second).await.unwrap();
    assert_eq!(
        in_all(hsm.anchored(OURS).await).unwrap().concat(),
        [hsm.anchored_label(OURS, "first", 2)]
    );
    room(hsm).await;
    in_all(hsm.destroy_anchored(OURS, None).await).unwrap();
    assert!(
        in_all(hsm.anchored(OURS).await)
            .unwrap()
            .concat()
            .is_empty()
    );
}

async fn only_macs(ground: &Ground, blob: &Blob) {
    let Ground { hsm, keys, .. } = ground;
    let bad = |error: HsmError| assert!(matches!(error, HsmError::BadKey(_)), "{error:?}");
    bad(hsm.open_sealed(keys, AAD, blob).await.unwrap_err());
    let moved = hsm.rewrap_blob(keys, Some(KeyKind::Generic), AAD, blob);
    bad(moved.await.unwrap_err());
    let aes = ground.use_key("first", KeyKind::Aes, blob);
    bad(hsm.hmac(&aes, SHA_256, b"input").await.unwrap_err());
    let wrapping = ground.known(&[7; 32]).await;
    let wrapping = ground.use_key("wrapping", KeyKind::Aes, &wrapping);
    let out = hsm.rewrap_out(
        keys,
        (KeyKind::Generic, blob),
        &wrapping,
        WrapMethod::NistKeyWrapPadded,
    );
    bad(out.await.unwrap_err());
}

/// Some for every tenant, and not more.
async fn room(hsm: &Hsm) {
    let there = in_all(hsm.anchored(OURS).await).unwrap().concat().len();
    for number in there..MOST_ANCHORED {
        hsm.make_anchored(OURS, &format!("more-{number}"), 1)
            .await
            .unwrap();
    }
    let full = hsm.make_anchored(OURS, "one-more", 1).await;
    assert!(matches!(full, Err(HsmError::BadInput(_))), "{full:?}");
    let others = TenantId(71);
    hsm.make_anchored(others, "theirs", 1).await.unwrap();
    in_all(hsm.destroy_anchored(others, None).await).unwrap();
}
