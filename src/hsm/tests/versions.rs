//! Versions of masters, and what moves from one to the next.

use super::*;
use crate::hsm::MasterKind;

pub(super) async fn masters(ground: &Ground) {
    let Ground { hsm, .. } = ground;
    let versions = |kind| hsm.master_versions(kind);
    assert_eq!(versions(MasterKind::Kek).await.unwrap(), [1]);
    // Blobs of both purposes under keys of the first KEK.
    let old = hsm.new_tenant_key(Purpose::Wrap).await.unwrap();
    let seal = hsm.new_tenant_key(Purpose::Seal).await.unwrap();
    let ring = |wrap: &WrappedKey, seal: &WrappedKey| {
        let keys = [
            (Purpose::Wrap, 1, wrap.clone()),
            (Purpose::Seal, 1, seal.clone()),
        ];
        TenantKeys::new(TenantId(9), keys)
    };
    let keys = ring(&old, &seal);
    let wrapped = hsm
        .generate(&keys, AES_256, Class::Token, AAD)
        .await
        .unwrap();
    let sealed = hsm.seal(&keys, AAD, b"clear").await.unwrap();

    // What does not come next is not made; what is newest is not destroyed.
    for wrong in [0, 3] {
        let made = hsm.make_master(MasterKind::Kek, wrong).await;
        assert!(matches!(made, Err(HsmError::BadInput(_))), "{made:?}");
    }
    let gone = in_all(hsm.destroy_master(MasterKind::Kek, 1).await);
    assert!(matches!(gone, Err(HsmError::BadInput(_))), "{gone:?}");
    hsm.make_master(MasterKind::Kek, 2).await.unwrap();
    hsm.make_master(MasterKind::Kek, 2).await.unwrap();
    assert_eq!(versions(MasterKind::Kek).await.unwrap(), [1, 2]);
    assert_eq!(hsm.newest_kek().await.unwrap(), 2);

    // The same keys under the new KEK open the same blobs.
    let new = hsm.rewrap_tenant_key(Purpose::Wrap, &old).await.unwrap();
    let new_seal = hsm.rewrap_tenant_key(Purpose::Seal, &seal).await.unwrap();
    assert_eq!((new.kek_version, new_seal.kek_version), (2, 2));
    in_all(hsm.destroy_master(MasterKind::Kek, 1).await).unwrap();
    assert_eq!(versions(MasterKind::Kek).await.unwrap(), [2]);
    let stale = ring(&old, &seal);
    let opened = hsm.open_sealed(&stale, AAD, &sealed).await;
    assert!(matches!(opened, Err(HsmError::Lost(_))), "{opened:?}");
    let keys = ring(&new, &new_seal);
    let clear = hsm.open_sealed(&keys, AAD, &sealed).await.unwrap();
    assert_eq!(clear.as_slice(), b"clear");
    blobs(ground, (&new, &new_seal), (&wrapped, &sealed)).await;
    macs(ground).await;
}

/// From a tenant's first keys to its second, which open what the first did.
async fn blobs(
    ground: &Ground,
    (wrap, seal): (&WrappedKey, &WrappedKey),
    (wrapped, sealed): (&Blob, &Blob),
) {
    let hsm = &ground.hsm;
    let mut all = vec![
        (Purpose::Wrap, 1, wrap.clone()),
        (Purpose::Seal, 1, seal.clone()),
    ];
    for purpose in [Purpose::Wrap, Purpose::Seal] {
        all.push((purpose, 2, hsm.new_tenant_key(purpose).await.unwrap()));
    }
    let both = TenantKeys::new(TenantId(9), all.clone());
    let second = TenantKeys::new(
        TenantId(9),
        all.into_iter().filter(|(_, version, _)| *version == 2),
    );
    let moved = hsm.rewrap_blob(&both, None, AAD, sealed).await.unwrap();
    assert_eq!((moved.key_version, moved.length), (2, sealed.length));
    let clear = hsm.open_sealed(&second, AAD, &moved).await.unwrap();
    assert_eq!(clear.as_slice(), b"clear");
    let elsewhere = hsm.rewrap_blob(&both, None, b"another", sealed).await;
    assert!(matches!(elsewhere, Err(HsmError::Integrity(_))));

    let kind = Some(KeyKind::Generic);
    let moved = hsm.rewrap_blob(&both, kind, AAD, wrapped).await.unwrap();
    let hmac = |blob: &Blob, keys: &TenantKeys, version| {
        let (blob, keys) = (blob.clone(), keys.clone());
        async move {
            let key = UseKey {
                tenant: TenantId(9),
                unique_identifier: "moved",
                version,
                kind: KeyKind::Generic,
                encoding: Encoding::Direct,
                blob: &blob,
                aad: AAD,
                keys: &keys,
            };
            hsm.hmac(&key, 6, b"data").await.unwrap()
        }
    };
    assert_eq!(
        hmac(&moved, &second, 2).await,
        hmac(wrapped, &both, 1).await,
        "it is another key"
    );
}

async fn macs(ground: &Ground) {
    let hsm = &ground.hsm;
    let before = hsm.row_mac(1, b"row").await.unwrap();
    hsm.make_master(MasterKind::Mac, 2).await.unwrap();
    if ground.embedded {
        assert_eq!(hsm.row_mac_version().await.unwrap(), 2);
        assert_ne!(hsm.row_mac(2, b"row").await.unwrap(), before);
    } else {
        // The keys that make MACs there say themselves which master wraps them.
        let key = hsm.new_row_mac_key().await.unwrap();
        assert_eq!(key.kek_version, 2);
    }
    assert_eq!(hsm.row_mac(1, b"row").await.unwrap(), before);
    in_all(hsm.destroy_master(MasterKind::Mac, 1).await).unwrap();
    if ground.embedded {
        let gone = hsm.row_mac(1, b"row").await;
        assert!(matches!(gone, Err(HsmError::BadKey(_))), "{gone:?}");
    }
}
