//! Managed objects: states, rows and their MAC, key formats, derivation.

pub mod admission;
pub mod approval;
pub mod container;
pub mod conversion;
pub mod creation;
pub mod delivery;
pub mod derivation;
pub mod format;
pub mod generation;
pub mod index;
pub mod inspection;
pub mod lease;
pub mod mac;
pub mod managed;
pub mod material;
pub mod pair;
pub mod pair_algorithm;
pub mod renewal;
pub mod rules;
pub mod service;
pub mod state;
pub mod transparent;
pub mod usage;
pub mod usage_limits;
pub mod wrapping;
