//! Classes of keys, and what a running server's memory holds of keys after it answered (DESIGN §4.3;
//! docs/classes.md, docs/memory.md).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod apart;
mod classes;
mod look;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod process;
mod scenes;
