//! What known clients send, in our own bytes, over TLS, to a real server process.
//!
//! Each test follows one client's way of using KMIP, or one habit that clients share. They share a
//! server; what they make has names of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod appliances;
mod asynchronous;
mod attributes;
mod cloud;
mod credentials;
mod databases;
mod fields;
mod lifecycle;
mod load;
mod message;
mod pairs;
mod pkcs11;
mod protocol;
mod query;
mod renewal;
mod rotation;
#[path = "../support/server.rs"]
mod server;
mod sessions;
mod signing;
mod split_keys;
mod storage;
mod templates;
