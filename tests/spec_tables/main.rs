//! Compares the tables of `keyward::protocol` with the text of the specifications, version by
//! version and in both directions: what the text lists must be in our tables with a range that
//! contains the version, and what is in them with such a range must be in the text.
//!
//! The texts are not part of this repository. Where they are not at hand (environment variable
//! KMIP_OASIS) the tests print that they are skipped.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod cases;
mod fields;
mod rules;
mod text;
mod values;
