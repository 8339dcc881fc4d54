//! The embedded token in a process of its own (docs/decisions/token.md).
//!
//! One socket pair, the child's standard input, passes further ones: a connection for every
//! session, and one for every call of the module. Each has a thread in the child, so that calls do
//! not wait for each other. A call is one message, and one message answers it. The child ends with
//! the first socket, and so with the process that has its other end.

mod child;
mod connection;
mod passing;
mod process;
mod wire;

pub use child::serve;
pub use connection::Connection;
pub use process::{Process, Program};
pub(crate) use wire::{Reader, Wire};
