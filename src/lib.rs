//! Keyward, a KMIP key server.

pub mod audit;
pub mod certificate;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod hsm;
pub mod library;
pub mod mechanism;
pub mod net;
pub mod object;
pub mod operation;
pub mod pki;
pub mod protocol;
pub mod secret;
pub mod store;
