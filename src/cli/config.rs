//! `keyward config`: looks at a configuration without serving it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, serve};
use crate::config::Config;
use crate::net::Tls;

/// Looks at the configuration.
#[derive(Debug, Args)]
pub(super) struct ConfigFamily {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Reads a configuration, and the certificates it names, and says what is wrong.
    #[command(after_help = "Example: keyward config check --file /etc/keyward/keyward.toml")]
    Check {
        /// The file; without it, the environment and the defaults alone.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Answer as JSON: {"ok": …, "error": …, "warnings": […]}.
        #[arg(long)]
        json: bool,
    },
    /// Prints a file with every key, its meaning, its default and its environment variable.
    #[command(after_help = "Example: keyward config show > keyward.toml")]
    Show,
}

impl ConfigFamily {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            ConfigCommand::Show => print!("{}", Config::documented()),
            ConfigCommand::Check { file, json } => {
                let mut warnings = Vec::new();
                let checked = check(file, &mut warnings);
                if json {
                    let error = checked.as_ref().err().map(ToString::to_string);
                    println!(
                        "{}",
                        serde_json::json!({ "ok": error.is_none(), "error": error, "warnings": warnings })
                    );
                } else {
                    warnings
                        .iter()
                        .for_each(|warning| eprintln!("warning: {warning}"));
                }
                checked?;
                if !json {
                    println!("the configuration is good");
                }
            }
        }
        Ok(())
    }
}

fn check(file: Option<PathBuf>, warnings: &mut Vec<String>) -> Result<(), Failure> {
    let loaded = Config::load(file.as_deref(), serve::environment())?;
    warnings.extend(loaded.warnings);
    let config = loaded.config;
    Tls::open(
        serve::tls_files(&config),
        config.https.probes_without_certificate,
    )?;
    Ok(())
}
