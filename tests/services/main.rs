//! Cryptographic services from request bytes to answer bytes, in a server without its network: data
//! in several parts, what clients may not tell apart, permissions, and what counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "../support/postgres.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod postgres;
#[path = "../support/softhsm.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod softhsm;

mod failures;
mod gcm;
mod ground;
mod message;
mod parts;
mod permissions;
mod places;
mod strangers;
