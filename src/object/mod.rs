//! Managed objects: states, rows and their MAC, key formats, derivation.

pub mod admission;
pub mod agreement;
pub mod approval;
pub mod container;
pub mod conversion;
pub mod creation;
pub mod delivery;
pub mod derivation;
pub mod derivation_links;
pub mod derivation_master;
pub mod format;
pub mod generation;
pub mod index;
pub mod inspection;
pub mod mac;
pub mod managed;
pub mod material;
pub mod pair;
pub mod pair_algorithm;
pub mod renewal;
pub mod service;
pub mod split;
pub mod state;
pub mod transparent;
pub mod usage;
pub mod wrapping;
