//! The types a key can have. Each is read from text, the one form that file and environment share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A value of the configuration.
pub trait Setting: Sized {
    /// Whether it stands in quotes in TOML.
    const QUOTED: bool = true;
    /// Whether it is an array in TOML; in the environment its parts are separated by commas.
    const LIST: bool = false;
    /// Whether an error may not show it.
    const SECRET: bool = false;

    /// `base`: what relative paths are relative to. The error says what was expected.
    fn parse(text: &str, base: &Path) -> Result<Self, String>;
}

impl Setting for bool {
    const QUOTED: bool = false;

    fn parse(text: &str, _: &Path) -> Result<bool, String> {
        text.parse().map_err(|_| "true or false".to_owned())
    }
}

/// Text that is not empty and fits on a line.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Setting for Text {
    fn parse(text: &str, _: &Path) -> Result<Text, String> {
        match text.is_empty() || text.len() > 256 || text.contains(char::is_control) {
            true => Err("1 to 256 characters on one line".to_owned()),
            false => Ok(Text(text.to_owned())),
        }
    }
}

impl Setting for PathBuf {
    fn parse(text: &str, base: &Path) -> Result<PathBuf, String> {
        match text.is_empty() {
            true => Err("a path".to_owned()),
            false => Ok(base.join(text)),
        }
    }
}

impl<T: Setting> Setting for Option<T> {
    const QUOTED: bool = T::QUOTED;
    const SECRET: bool = T::SECRET;

    fn parse(text: &str, base: &Path) -> Result<Option<T>, String> {
        match text.is_empty() {
            true => Ok(None),
            false => T::parse(text, base).map(Some),
        }
    }
}

impl Setting for Vec<PathBuf> {
    const LIST: bool = true;

    fn parse(text: &str, base: &Path) -> Result<Vec<PathBuf>, String> {
        text.split(',')
            .filter(|part| !part.is_empty())
            .map(|part| PathBuf::parse(part.trim(), base))
            .collect()
    }
}

/// A number from `MIN` to `MAX`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within<const MIN: usize, const MAX: usize>(usize);

impl<const MIN: usize, const MAX: usize> Within<MIN, MAX> {
    pub fn get(self) -> usize {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> Setting for Within<MIN, MAX> {
    const QUOTED: bool = false;

    fn parse(text: &str, _: &Path) -> Result<Self, String> {
        let number = text
            .parse()
            .ok()
            .filter(|number| (MIN..=MAX).contains(number));
        number
            .map(Within)
            .ok_or_else(|| format!("a number from {MIN} to {MAX}"))
    }
}

/// A time from `MIN` to `MAX` seconds, written with its unit: `30s`, `10m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Seconds<MIN, MAX> {
    pub fn get(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl<const MIN: u64, const MAX: u64> Setting for Seconds<MIN, MAX> {
    fn parse(text: &str, _: &Path) -> Result<Self, String> {
        const UNITS: [(char, u64); 3] = [('s', 1), ('m', 60), ('h', 3600)];
        let seconds = UNITS.into_iter().find_map(|(unit, factor)| {
            text.strip_suffix(unit)?
                .parse::<u64>()
                .ok()?
                .checked_mul(factor)
        });
        let seconds = seconds.filter(|seconds| (MIN..=MAX).contains(seconds));
        seconds
            .map(Seconds)
            .ok_or_else(|| format!("a time such as 30s, 10m or 1h, from {MIN}s to {MAX}s"))
    }
}

/// HOST:PORT, the host being a name, an IPv4 address or an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        Address::parse(text, Path::new(""))
    }
}

impl Setting for Address {
    fn parse(text: &str, _: &Path) -> Result<Address, String> {
        let expected = || "HOST:PORT, such as 127.0.0.1:5696 or [::1]:5696".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let port = port.parse().map_err(|_| expected())?;
        let plain = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let good = match plain {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
            }
        };
        match good {
            true => Ok(Address {
                host: host.to_owned(),
                port,
            }),
            false => Err(expected()),
        }
    }
}

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    /// As given; may hold a password.
    Postgres(String),
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            DatabaseUrl::Postgres(_) => f.write_str("postgres:…"),
        }
    }
}

impl std::str::FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<DatabaseUrl, String> {
        DatabaseUrl::parse(text, Path::new(""))
    }
}

impl Setting for DatabaseUrl {
    const SECRET: bool = true;

    fn parse(text: &str, base: &Path) -> Result<DatabaseUrl, String> {
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Ok(DatabaseUrl::Sqlite(base.join(path)));
        }
        match text.starts_with("postgres://") || text.starts_with("postgresql://") {
            true => Ok(DatabaseUrl::Postgres(text.to_owned())),
            false => Err("sqlite:PATH or postgres://USER@HOST/NAME".to_owned()),
        }
    }
}

/// A closed list of words.
macro_rules! words {
    ($($(#[doc = $about:literal])* $Enum:ident { $($Variant:ident = $word:literal),* $(,)? })*) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Enum { $($Variant),* }

        impl $Enum {
            pub fn word(self) -> &'static str {
                match self { $($Enum::$Variant => $word),* }
            }
        }

        impl Setting for $Enum {
            fn parse(text: &str, _: &Path) -> Result<Self, String> {
                match text {
                    $($word => Ok($Enum::$Variant),)*
                    _ => Err(format!("one of {}", [$($word),*].join(", "))),
                }
            }
        }
    )*};
}

words! {
    MinimumTls { Tls12 = "1.2", Tls13 = "1.3" }
    TokenKind { Embedded = "embedded", Module = "module" }
    /// Where embedded tokens are.
    Isolation { None = "none", Process = "process" }
    LogFormat { Text = "text", Json = "json" }
    /// The part of a client's certificate that names its identity.
    IdentityMapping {
        Fingerprint = "fingerprint",
        Subject = "subject",
        CommonName = "cn",
        SanDns = "san-dns",
        SanEmail = "san-email",
        SanUri = "san-uri",
    }
}
