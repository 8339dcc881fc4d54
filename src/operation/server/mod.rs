pub mod discover_versions;
pub mod get_constraints;
pub mod interop;
pub mod log;
pub mod profile;
pub mod query;
pub mod set_constraints;
pub mod set_defaults;
