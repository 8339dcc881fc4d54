//! What every store must do, on each database: SQLite in a file and in memory, and PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

#[path = "../support/postgres.rs"]
mod postgres;

mod agree;
mod contract;
mod durable;
mod faults;
mod plans;
mod samples;
mod sets;
mod speed;
mod tls;
mod together;
