//! SoftHSM as a token outside: the library's own, made new.

use std::path::{Path, PathBuf};
use std::process::Command;

use keyward::hsm::{Config, Pin, Source};
use zeroize::Zeroizing;

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A directory for tokens. It stays: the embedded token opens every database that it was given again when
/// another is added, and refuses the new one when an old one is gone.
pub fn home() -> PathBuf {
    let home = tempfile::Builder::new().prefix("keyward-bench-").tempdir();
    home.expect("a directory").keep()
}

/// None where SoftHSM is not installed.
pub fn softhsm(home: &Path) -> Option<Config> {
    if !Path::new(SOFTHSM).exists() {
        eprintln!("SoftHSM is not installed: not measured");
        return None;
    }
    let tokens = home.join("tokens");
    std::fs::create_dir(&tokens).expect("a directory");
    let configuration = home.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\n", tokens.display());
    std::fs::write(&configuration, text).expect("a file");
    // SAFETY: once, before the module that reads it is loaded; nothing else reads the environment.
    #[allow(unsafe_code, reason = "SoftHSM is configured by its environment only")]
    unsafe {
        std::env::set_var("SOFTHSM2_CONF", &configuration);
    }
    let done = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "bench"])
        .args(["--so-pin", "12345678", "--pin", "1234"])
        .output()
        .expect("softhsm2-util");
    assert!(done.status.success(), "{done:?}");
    Some(config(Source::Module {
        path: SOFTHSM.into(),
        label: "bench".into(),
        pin: Pin(Zeroizing::new(b"1234".to_vec())),
    }))
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
    }
}
