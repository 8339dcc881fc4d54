//! What the standard says, as tables: every fact is one row. One model in the terms of the newest
//! version; `seam` knows the shapes of older ones.

pub mod attribute;
pub mod attributes;
pub mod credential;
pub mod enumeration;
pub mod extension;
pub mod identifier;
pub mod key_block;
pub mod mask;
pub mod message;
pub mod names;
pub mod object;
pub mod rules;
pub mod seam;
pub mod structure;
pub mod tag;
pub mod version;
