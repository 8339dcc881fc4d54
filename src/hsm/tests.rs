#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
use super::*;
use crate::store::record::{Blob, BlobKind, TenantId};

pub(super) fn embedded(dir: &std::path::Path) -> Config {
    Config {
        source: Source::Embedded {
            dir: dir.to_owned(),
        },
        deployment: "test".into(),
        node: "n1".into(),
        workers: 2,
        loaded_keys: 64,
        hardware: false,
    }
}

pub(super) async fn tenant(hsm: &Hsm) -> TenantKeys {
    TenantKeys::new(
        TenantId(7),
        [
            (
                Purpose::Wrap,
                1,
                hsm.new_tenant_key(Purpose::Wrap).await.unwrap(),
            ),
            (
                Purpose::Seal,
                1,
                hsm.new_tenant_key(Purpose::Seal).await.unwrap(),
            ),
        ],
    )
}

#[tokio::test]
async fn first() {
    let dir = tempfile::tempdir().unwrap();
    let hsm = Hsm::init(embedded(dir.path())).unwrap();
    println!("{:?}", hsm.info().await.unwrap());
    let mac = hsm.row_mac(1, b"row").await.unwrap();
    hsm.verify_row_mac(1, b"row", &mac).await.unwrap();
    assert!(matches!(
        hsm.verify_row_mac(1, b"rox", &mac).await,
        Err(HsmError::Integrity(_))
    ));
    let keys = tenant(&hsm).await;
    let blob: Blob = hsm.seal(&keys, b"aad", b"secret").await.unwrap();
    assert_eq!(blob.kind, BlobKind::Sealed);
    assert_eq!(
        hsm.open_sealed(&keys, b"aad", &blob)
            .await
            .unwrap()
            .as_slice(),
        b"secret"
    );
    assert!(matches!(
        hsm.open_sealed(&keys, b"other", &blob).await,
        Err(HsmError::Integrity(_))
    ));
}
