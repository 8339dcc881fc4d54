//! The command line: one file per family of commands.

mod assembly;
mod config;
mod quickstart;
mod screen;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ConfigError;
use crate::net::TlsError;
use crate::pki::PkiError;

/// A KMIP key server: keys made and used inside a PKCS#11 token, kept wrapped in a database.
#[derive(Debug, Parser)]
#[command(
    name = "keyward",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = "Example: keyward quickstart")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Quickstart(quickstart::Quickstart),
    Serve(serve::Serve),
    Config(config::ConfigFamily),
}

/// Why a command failed, for the one who typed it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    #[error("certificates: {0}")]
    Pki(#[from] PkiError),
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    #[error("{what}: {cause}")]
    Io { what: String, cause: std::io::Error },
    #[error("log.level: {0}")]
    Log(String),
}

impl Failure {
    /// For `map_err`: what was being done when the system said no.
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Failure {
        move |cause| Failure::Io {
            what: what.into(),
            cause,
        }
    }

    fn path(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Failure {
        Failure::io(path.into().display().to_string())
    }
}

/// Runs the command the arguments ask for: 0 done, 1 failed, 2 not understood.
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Quickstart(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Config(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("keyward: {failure}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_is_well_formed_and_shows_an_example() {
        fn look(command: &clap::Command) {
            if command.get_subcommands().next().is_none() {
                let help = command
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(
                    help.contains("Example"),
                    "{} has no example",
                    command.get_name()
                );
                assert!(
                    command.get_about().is_some(),
                    "{} has no description",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(look);
        }
        Arguments::command().debug_assert();
        look(&Arguments::command());
    }
}
