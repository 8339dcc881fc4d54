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

    fn toml(&self) -> String {
        match (self.list, self.quoted) {
            (true, _) => {
                let parts: Vec<String> = self
                    .default
                    .split(',')
                    .filter(|part| !part.is_empty())
                    .map(|part| format!("{part:?}"))
                    .collect();
                format!("[{}]", parts.join(", "))
            }
            (false, true) => format!("{:?}", self.default),
            (false, false) => self.default.to_owned(),
        }
    }
}

impl Config {
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
                let _ = writeln!(text, "{} = {}", key.key, key.toml());
            }
        }
        text
    }
}
