//! PKCS#11 as Keyward needs it: one thin layer of unsafe code over the C interface, and the
//! embedded token (kryoptic) linked into the program.
//!
//! Nothing here knows keys, tenants or policies. Handles, templates and mechanism parameters are
//! typed enough that a caller cannot pass a dangling pointer; what they mean is the caller's.
//! Arbitrary mechanism numbers are allowed, because vendors number key wrap differently.

mod apart;
mod attribute;
mod calls;
mod direct;
mod embedded;
mod error;
mod locked;
mod mechanism;
mod wiping;

pub use apart::{Program, serve};
pub use attribute::{Attribute, Value};
pub use calls::{Handle, Module, Session, Slot, TokenInfo, User};
pub use cryptoki_sys as raw;
pub use embedded::{PINS_FILE, TOKEN_FILE, wipe_deleted};
pub use error::Error;
pub use locked::{Locked, LockedBytes};
pub use mechanism::Mechanism;
pub use wiping::Wiping;
