//! KMIP's wrapping (1.4 §2.1.5 and §2.1.6, 2.1 §3.2, §3.3 and §7.18): Key Value encrypted, or
//! authenticated, or both, under other managed keys.
//!
//! Going out an object is encoded, then authenticated and encrypted in the order of its method;
//! coming in, nothing is taken for a key before its MAC or signature held.

mod authenticate;
mod door;
mod encoding;
mod in_token;
mod method;
mod unwrap;
mod wrap;

pub use authenticate::check_registered;
pub use door::{guard, is_guarded};
pub use in_token::{Taken, take_into_token, wrap_in_token};
pub use unwrap::unwrap;
pub use wrap::wrap;
