//! A SoftHSM2 token in this process, of a folder of the test's own.

use std::path::Path;

use keyward::hsm::{Pin, Source};
use zeroize::Zeroizing;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A new token under `home`; None where SoftHSM2 is not installed. Once in a process: the module
/// reads its configuration when it is loaded.
pub fn token(home: &Path, label: &str) -> Option<Source> {
    if !Path::new(MODULE).exists() {
        eprintln!("SoftHSM is not installed: not tested");
        return None;
    }
    let tokens = home.join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let configuration = home.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\n", tokens.display());
    std::fs::write(&configuration, text).unwrap();
    // SAFETY: before the module that reads it is loaded; no test reads the environment.
    #[allow(unsafe_code, reason = "SoftHSM is configured by its environment only")]
    unsafe {
        std::env::set_var("SOFTHSM2_CONF", &configuration);
    }
    let done = std::process::Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", label])
        .args(["--so-pin", "12345678", "--pin", "1234"])
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    Some(source(label))
}

/// The token that [`token`] made, to be opened again.
pub fn source(label: &str) -> Source {
    Source::Module {
        path: MODULE.into(),
        label: label.into(),
        pin: Pin(Zeroizing::new(b"1234".to_vec())),
    }
}
