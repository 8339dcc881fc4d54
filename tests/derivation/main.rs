//! Derive Key and derivation masters, at the real door and on each token: TTLV over TLS, the command
//! line, the embedded token and SoftHSM2 where it is installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod ground;
mod masters;
mod methods;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod process;
mod protection;
