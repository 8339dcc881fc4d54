//! From file and environment to a [`Config`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::keys::{Config, KEYS, Key, Token};
use super::replica::Replica;
use super::setting::{Isolation, Setting, Text, TokenKind};
use super::{ENVIRONMENT, TOP};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {cause}")]
    File {
        path: PathBuf,
        cause: std::io::Error,
    },
    /// The message says where; it quotes no value, which may be a secret.
    #[error("{path} is not TOML: {what}")]
    Toml { path: PathBuf, what: String },
    #[error("there is no key {name}{}", nearest.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    Unknown {
        name: String,
        nearest: Option<String>,
    },
    #[error("{name}{}: expected {expected}", shown.as_ref().map(|shown| format!(" = {shown:?}")).unwrap_or_default())]
    Value {
        name: String,
        shown: Option<String>,
        expected: String,
    },
    #[error("token.kind = \"module\" also needs {0}")]
    Module(&'static str),
    #[error("token.isolation = \"process\" is for embedded tokens, and none is configured")]
    Isolation,
}

/// A configuration and what its reader should be told about it.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Vec<String>,
}

/// Which token holds the masters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The token inside this program, its store in a directory of ours.
    Embedded { directory: PathBuf },
    Module {
        path: PathBuf,
        label: String,
        pin_file: PathBuf,
        hardware: bool,
    },
}

impl TokenSource {
    pub(super) fn of(token: &Token) -> Result<TokenSource, ConfigError> {
        let embedded = |replica: &Replica| matches!(replica, Replica::Embedded(_));
        let any = token.kind == TokenKind::Embedded || token.replicas.iter().any(embedded);
        if token.isolation == Isolation::Process && !any {
            return Err(ConfigError::Isolation);
        }
        match token.kind {
            TokenKind::Embedded => Ok(TokenSource::Embedded {
                directory: token.path.clone(),
            }),
            TokenKind::Module => Ok(TokenSource::Module {
                path: token.path.clone(),
                label: token
                    .label
                    .as_ref()
                    .map(Text::as_str)
                    .ok_or(ConfigError::Module("token.label"))?
                    .to_owned(),
                pin_file: token
                    .pin_file
                    .clone()
                    .ok_or(ConfigError::Module("token.pin_file"))?,
                hardware: token.hardware,
            }),
        }
    }
}

/// Values as text, by section and key.
#[derive(Debug, Default)]
pub(super) struct Raw {
    file: BTreeMap<(String, String), String>,
    environment: BTreeMap<(&'static str, &'static str), String>,
}

impl Raw {
    /// `base`: the directory of the file.
    pub(super) fn get<T: Setting>(
        &self,
        section: &'static str,
        key: &'static str,
        default: &str,
        base: &Path,
    ) -> Result<T, ConfigError> {
        let own = (section.to_owned(), key.to_owned());
        let (text, base, source) =
            match (self.environment.get(&(section, key)), self.file.get(&own)) {
                (Some(text), _) => (text.as_str(), Path::new(""), true),
                (None, Some(text)) => (text.as_str(), base, false),
                (None, None) => (default, base, false),
            };
        T::parse(text, base).map_err(|expected| {
            let row = KEYS
                .iter()
                .find(|row| (row.section, row.key) == (section, key));
            let name = row
                .map(|row| if source { row.variable() } else { row.name() })
                .unwrap_or_default();
            ConfigError::Value {
                name,
                shown: (!T::SECRET).then(|| text.to_owned()),
                expected,
            }
        })
    }
}

impl Config {
    /// Reads `file`, if there is one, and the variables of the environment that begin with
    /// `KEYWARD_`; what neither sets has its default.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        let mut raw = Raw::default();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::File {
                path: path.to_owned(),
                cause,
            })?;
            let table = text.parse::<Table>().map_err(|error| ConfigError::Toml {
                path: path.to_owned(),
                what: place(&text, &error),
            })?;
            raw.file = flatten(table)?;
        }
        let mut warnings = Vec::new();
        for (variable, text) in environment {
            if !variable.starts_with(ENVIRONMENT) {
                continue;
            }
            match KEYS.iter().find(|row| row.variable() == variable) {
                Some(row) => drop(raw.environment.insert((row.section, row.key), text)),
                // Not an error: Kubernetes gives every pod KEYWARD_PORT and more when a service
                // is called keyward.
                None => warnings.extend(misspelt(&variable)),
            }
        }
        let base = file.and_then(Path::parent).unwrap_or(Path::new(""));
        Ok(Loaded {
            config: Config::build(&raw, base)?,
            warnings,
        })
    }
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

fn flatten(table: Table) -> Result<BTreeMap<(String, String), String>, ConfigError> {
    let mut values = BTreeMap::new();
    for (name, value) in table {
        match value {
            Value::Table(section) if name != TOP => {
                for (key, value) in section {
                    take(&mut values, &name, &key, value)?;
                }
            }
            value => take(&mut values, TOP, &name, value)?,
        }
    }
    Ok(values)
}

fn take(
    values: &mut BTreeMap<(String, String), String>,
    section: &str,
    key: &str,
    value: Value,
) -> Result<(), ConfigError> {
    let Some(row) = KEYS
        .iter()
        .find(|row| row.section == section && row.key == key)
    else {
        let name = if section == TOP {
            key.to_owned()
        } else {
            format!("{section}.{key}")
        };
        return Err(ConfigError::Unknown {
            nearest: nearest(&name, Key::name),
            name,
        });
    };
    let wrong = |expected: &str| ConfigError::Value {
        name: row.name(),
        shown: None,
        expected: expected.to_owned(),
    };
    let text = match (value, row.list) {
        (Value::String(text), false) => text,
        (Value::Integer(number), false) => number.to_string(),
        (Value::Boolean(truth), false) => truth.to_string(),
        (Value::Array(parts), true) => {
            let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
            parts.ok_or_else(|| wrong("an array of texts"))?.join(",")
        }
        (_, true) => return Err(wrong("an array of texts")),
        (_, false) => return Err(wrong("a text, a number or true or false")),
    };
    values.insert((section.to_owned(), key.to_owned()), text);
    Ok(())
}

fn misspelt(variable: &str) -> Option<String> {
    let nearest = nearest(variable, Key::variable)?;
    Some(format!(
        "the environment variable {variable} sets nothing; did you mean {nearest}?"
    ))
}

/// The known name most like `name`, if it is like it at all. A key in the wrong section counts by
/// the key alone.
fn nearest(name: &str, known: fn(&Key) -> String) -> Option<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |row: &Key| {
        let whole = strsim::normalized_damerau_levenshtein(name, &known(row));
        let key = strsim::normalized_damerau_levenshtein(&last(name), &last(&known(row)));
        whole.max(key * 0.95)
    };
    let rows = KEYS.iter().map(|row| (likeness(row), row));
    let (best, row) = rows.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best > 0.6).then(|| known(row))
}

#[cfg(test)]
mod tests;
