//! Attacks on a running server, at its real door: TTLV over TLS, its command line, its database.
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
#[path = "../support/process.rs"]
mod process;

mod approval;
mod archive;
mod batches;
mod classes;
mod crash;
mod credentials;
mod cryptoki;
mod database;
mod diagnose;
mod endpoint;
mod guessing;
mod identity;
mod jobs;
mod limits;
mod outbox;
mod output;
mod renewal;
mod replicas;
mod revocation;
mod rules;
mod tampering;
mod tenants;
mod tickets;
mod usage;
mod wrapping;
