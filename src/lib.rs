//! Keyward, a KMIP key server.
pub mod store;
