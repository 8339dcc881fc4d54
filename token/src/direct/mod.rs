//! Calls of a module that is loaded into, or linked with, this program.

mod module;
mod operation;
mod session;

pub use module::Module;
pub use session::Session;
