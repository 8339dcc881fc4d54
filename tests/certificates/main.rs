//! Certify, Re-certify, Validate and the issuing authority, at the server's real door: what it
//! issues is looked at with OpenSSL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod authority;
mod certify;
mod ground;
#[path = "../support/postgres.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod postgres;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod process;
mod re_certify;
mod requests;
mod validate;
