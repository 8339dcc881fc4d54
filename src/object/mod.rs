//! Managed objects.

pub mod derivation;
pub mod format;
