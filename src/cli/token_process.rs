//! `keyward token-process`: what the server starts for an embedded token with
//! `token.isolation = "process"`.

use clap::Args;
use nix::sys::prctl;

use super::Failure;
use crate::config::{Config, Isolation};
use crate::hsm::Program;
use crate::secret;

/// Holds an embedded token for the server that started it, and ends with that server.
#[derive(Debug, Args)]
#[command(after_help = "Example: none; the server starts it where token.isolation = \"process\"")]
pub(super) struct TokenProcess {
    /// As `server.lock_memory`.
    #[arg(long)]
    lock_memory: bool,
}

const NAME: &str = "token-process";

/// How a server of this configuration starts it; None: its token is in the server.
pub(super) fn program(config: &Config) -> Option<Program> {
    let lock = config.server.lock_memory.then_some("--lock-memory");
    let arguments = [NAME].into_iter().chain(lock);
    (config.token.isolation == Isolation::Process).then(|| Program {
        // This very program, also where its file was replaced since.
        path: "/proc/self/exe".into(),
        arguments: arguments.map(Into::into).collect(),
    })
}

impl TokenProcess {
    pub(super) fn run(self) -> Result<(), Failure> {
        // In lists of processes; else it is called "exe".
        #[cfg(target_os = "linux")]
        prctl::set_name(c"keyward-token").map_err(|error| Failure::io(NAME)(error.into()))?;
        if self.lock_memory {
            secret::lock_memory().map_err(Failure::io("server.lock_memory"))?;
        }
        ::token::serve().map_err(Failure::io("only a server starts this command"))
    }
}
