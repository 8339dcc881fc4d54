//! The masters and tenants' keys get new versions while the server serves, at the real door: both
//! tokens, both databases, killed in the middle.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "../attacks/database.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod database;
#[path = "../support/postgres.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod postgres;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod process;

mod anchored;
mod ground;
mod nodes;
mod rotation;
mod several;
mod shred;
