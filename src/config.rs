//! The configuration: one table of keys (`keys.rs`), from which the types, the defaults, the
//! environment variables, the errors and `config/keyward.toml` come.

mod document;
mod keys;
mod load;
mod replica;
mod setting;

pub use keys::{
    Audit, Config, Database, Https, Identity, Key, Limits, Log, Server, TlsFiles, Token,
};
pub use load::{ConfigError, Loaded, TokenSource};
pub use replica::Replica;
pub use setting::{
    Address, DatabaseUrl, IdentityMapping, Isolation, LogFormat, MinimumTls, Seconds, Setting,
    Text, TokenKind, Within,
};

/// The section whose keys stand at the top of the file.
pub const TOP: &str = "server";
/// Every environment variable begins so: `KEYWARD_KEY` or `KEYWARD_SECTION_KEY`.
pub const ENVIRONMENT: &str = "KEYWARD_";
