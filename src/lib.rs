//! Keyward, a KMIP key server.

pub mod object;
