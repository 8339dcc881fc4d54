//! Keyward, a KMIP key server.

pub mod cli;
pub mod clock;
pub mod config;
pub mod net;
pub mod pki;
pub mod secret;
