pub mod discover_versions;
pub mod interop;
pub mod log;
pub mod ping;
pub mod query;
pub mod set_endpoint_role;
