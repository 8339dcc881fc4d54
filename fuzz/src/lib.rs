//! What the fuzz targets share. `README.md` says how they are run.

#[cfg(fuzzing)]
pub mod allocation;
pub mod codecs;
pub mod ground;
pub mod messages;
pub mod mutation;
pub mod seeds;
