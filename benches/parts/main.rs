//! How fast the parts are, each alone: `cargo bench`, `cargo bench -- store/sqlite`.
//!
//! Whole servers are measured by `keyward bench`. `cargo test --bench parts` runs every one of
//! these once, to see that it works.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "measurements, never shipped"
)]

#[allow(
    dead_code,
    reason = "only what the store's measurements need of the tests' cluster"
)]
#[path = "../../tests/support/postgres.rs"]
mod postgres;
#[allow(
    dead_code,
    reason = "only what the store's measurements need of the tests' rows"
)]
#[path = "../../tests/store/samples.rs"]
mod samples;
#[allow(dead_code, reason = "shared with tests")]
#[path = "../../tests/support/softhsm.rs"]
mod softhsm;

mod codec;
mod databases;
mod engine;
mod messages;
mod outside;
mod store;
mod token;

fn main() {
    let mut criterion = criterion::Criterion::default()
        .without_plots()
        .measurement_time(std::time::Duration::from_secs(3))
        .warm_up_time(std::time::Duration::from_secs(1))
        .configure_from_args();
    codec::run(&mut criterion);
    token::run(&mut criterion);
    store::run(&mut criterion);
    engine::run(&mut criterion);
    criterion.final_summary();
}
