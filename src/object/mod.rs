//! Managed objects: states, rows and their MAC, key formats, derivation.

pub mod admission;
pub mod approval;
pub mod conversion;
pub mod creation;
pub mod delivery;
pub mod derivation;
pub mod format;
pub mod index;
pub mod inspection;
pub mod issuance;
pub mod mac;
pub mod managed;
pub mod material;
pub mod revocation;
pub mod service;
pub mod state;
pub mod usage;
pub mod wrapping;
