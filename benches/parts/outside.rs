//! Tokens of the measurements' own, made new.

use std::path::{Path, PathBuf};

use keyward::hsm::{Config, Source};

use crate::softhsm;

/// A directory for tokens. It stays: the embedded token opens every database that it was given again when
/// another is added, and refuses the new one when an old one is gone.
pub fn home() -> PathBuf {
    let home = tempfile::Builder::new().prefix("keyward-bench-").tempdir();
    home.expect("a directory").keep()
}

/// None where SoftHSM is not installed.
pub fn softhsm(home: &Path) -> Option<Config> {
    softhsm::token(home, "bench").map(config)
}

pub fn embedded(home: &Path) -> Config {
    config(Source::Embedded {
        dir: home.join("token"),
    })
}

fn config(source: Source) -> Config {
    Config {
        source,
        deployment: "bench".into(),
        node: "n1".into(),
        workers: 2,
        loaded_keys: 64,
        hardware: false,
        replicas: Default::default(),
        isolation: None,
    }
}
