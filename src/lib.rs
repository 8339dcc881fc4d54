//! Keyward, a KMIP key server.
pub mod protocol;
pub mod store;

pub mod clock;
pub mod net;
pub mod pki;
pub mod secret;

pub mod object;
