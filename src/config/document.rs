//! `config/keyward.toml`, written from the table.

use std::fmt::Write;

use super::keys::{Config, KEYS, Key, SECTIONS};
use super::{ENVIRONMENT, TOP};

impl Key {
    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        let section = if self.section == TOP {
            String::new()
        } else {
            format!("{}_", self.section)
        };
        format!("{ENVIRONMENT}{section}{}", self.key).to_uppercase()
    }

    /// How it is called in messages.
    pub fn name(&self) -> String {
        if self.section == TOP {
            self.key.to_owned()
        } else {
            format!("{}.{}", self.section, self.key)
        }
    }

    fn toml(&self, value: &str) -> String {
        match (self.list, self.quoted) {
            (true, _) => {
                let parts: Vec<String> = value
                    .split(',')
                    .filter(|part| !part.is_empty())
                    .map(|part| format!("{part:?}"))
                    .collect();
                format!("[{}]", parts.join(", "))
            }
            (false, true) => format!("{value:?}"),
            (false, false) => value.to_owned(),
        }
    }
}

impl Config {
    /// A file that says what these variables (`KEYWARD_…`) say.
    pub fn file_of(variables: &[(String, String)]) -> String {
        let mut text = String::from(
            "# Written by `keyward quickstart` at each start; `keyward config show` explains every key.\n",
        );
        for (section, _) in SECTIONS {
            let mut lines = String::new();
            for key in KEYS.iter().filter(|key| key.section == *section) {
                let set = variables
                    .iter()
                    .find(|(variable, _)| *variable == key.variable());
                if let Some((_, value)) = set.filter(|(_, value)| !value.is_empty()) {
                    let _ = writeln!(lines, "{} = {}", key.key, key.toml(value));
                }
            }
            if !lines.is_empty() {
                if *section != TOP {
                    let _ = writeln!(text, "\n[{section}]");
                }
                text.push_str(&lines);
            }
        }
        text
    }

    /// A file with every key, its meaning and its default.
    pub fn documented() -> String {
        let mut text = String::from(
            "# Keyward's configuration: every key with its default.\n\
             # Each is also set by the environment variable beside it, which wins over the file.\n\
             # Relative paths are relative to this file; in the environment, to the working directory.\n",
        );
        for (section, about) in SECTIONS {
            text.push('\n');
            for line in *about {
                let _ = writeln!(text, "#{line}");
            }
            if *section != TOP {
                let _ = writeln!(text, "[{section}]");
            }
            for key in KEYS.iter().filter(|key| key.section == *section) {
                text.push('\n');
                for line in key.meaning {
                    let _ = writeln!(text, "#{line}");
                }
                let _ = writeln!(text, "# {}", key.variable());
                let _ = writeln!(text, "{} = {}", key.key, key.toml(key.default));
            }
        }
        text
    }
}
