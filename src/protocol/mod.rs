//! What the standard says, as tables: every fact is one row.

pub mod attribute;
pub mod enumeration;
pub mod mask;
pub mod names;
pub mod tag;
pub mod version;
