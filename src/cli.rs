//! The command line: one file per family of commands.

#[macro_use]
mod output;

mod assembly;
mod audit;
mod bench;
mod bringing;
mod certificate_authority;
mod client;
mod config;
mod diagnose;
mod grant;
mod key;
mod mapping;
mod master;
mod place;
mod quickstart;
mod rotate;
mod screen;
mod serve;
mod shred;
mod subscription;
mod tenant;
mod token;
mod token_process;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ConfigError;
use crate::net::TlsError;
use crate::pki::PkiError;
use crate::secret;

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
    Client(client::ClientFamily),
    Key(key::KeyFamily),
    Tenant(tenant::TenantFamily),
    Token(token::TokenFamily),
    User(user::UserFamily),
    Audit(audit::AuditFamily),
    CertificateAuthority(certificate_authority::CertificateAuthorityFamily),
    Config(config::ConfigFamily),
    Bench(bench::Bench),
    #[command(hide = true)]
    TokenProcess(token_process::TokenProcess),
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
    #[error("database: {0}")]
    Store(#[from] crate::store::StoreError),
    #[error("token: {0}")]
    Token(#[from] crate::hsm::HsmError),
    #[error("{0}")]
    Founding(#[from] crate::engine::founding::FoundingError),
    #[error("{0}: no certificate in PEM: {1}")]
    Certificate(PathBuf, String),
    #[error("{0}")]
    Refused(String),
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

/// Runs a command that ends by itself.
fn block_on<T>(job: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::io("the threads of the command"))?
        .block_on(job)
}

/// Asks at the terminal; without one the answer is no.
fn confirmed(question: &str) -> Result<bool, Failure> {
    use std::io::{BufRead, IsTerminal, Write};
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Refused(format!(
            "{question} Say so with --yes: there is no terminal to ask at"
        )));
    }
    eprint!("{question} [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(Failure::io("the terminal"))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Runs the command the arguments ask for: 0 done, 1 failed, 2 not understood.
pub fn main() -> ExitCode {
    // First of all: whoever initialises OpenSSL first decides, and this one has no clean-up at exit,
    // which would take its tables from under threads that still work while the process ends.
    openssl::init();
    let command = Arguments::parse().command;
    // Before the first secret is read, whatever the command.
    if let Err(error) = secret::forbid_dumps() {
        eprintln!("keyward: core dumps cannot be forbidden: {error}");
        return ExitCode::FAILURE;
    }
    let done = match command {
        Command::Quickstart(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Client(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::Tenant(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::User(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::CertificateAuthority(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::TokenProcess(command) => command.run(),
    };
    match done.and_then(|()| output::end()) {
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
