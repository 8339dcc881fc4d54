//! What becomes of operations that are answered later.

pub mod cancel;
pub mod poll;
pub mod process;
pub mod query_asynchronous_requests;
