//! Tokens for tests of this crate.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use super::{Config, Hsm, Purpose, Replicas, Source, TenantKeys};
use crate::store::record::TenantId;

/// A directory for an embedded token. It stays after the test: kryoptic opens every database it
/// was ever given again when another is added, and refuses the new one when an old one is gone.
pub(crate) fn directory() -> PathBuf {
    tempfile::Builder::new()
        .prefix("keyward-test-token-")
        .tempdir()
        .unwrap()
        .keep()
}

pub(crate) fn embedded(dir: &Path) -> Config {
    Config {
        source: Source::Embedded {
            dir: dir.to_owned(),
        },
        deployment: "test".into(),
        node: "n1".into(),
        workers: 2,
        loaded_keys: 64,
        hardware: false,
        replicas: Replicas::default(),
        isolation: None,
    }
}

/// A new embedded token with its masters.
pub(crate) fn hsm() -> Hsm {
    Hsm::init(embedded(&directory())).unwrap()
}

/// Keys of a tenant: wrap-v1, seal-v1 and seal-v2.
pub(crate) async fn tenant(hsm: &Hsm, tenant: TenantId) -> TenantKeys {
    let mut keys = Vec::new();
    for (purpose, version) in [(Purpose::Wrap, 1), (Purpose::Seal, 1), (Purpose::Seal, 2)] {
        keys.push((purpose, version, hsm.new_tenant_key(purpose).await.unwrap()));
    }
    TenantKeys::new(tenant, keys)
}
