//! Keyward, a KMIP key server.

pub mod hsm;
pub mod store {
    pub mod filter;
    pub mod record;
}
