//! Keyward, a KMIP key server.
pub mod protocol;
