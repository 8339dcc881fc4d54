//! Managed objects: states, rows and their MAC, key formats, derivation.

pub mod creation;
pub mod derivation;
pub mod format;
pub mod index;
pub mod mac;
pub mod managed;
pub mod material;
pub mod state;
