//! `keyward key`: what administrators do to keys.

use clap::{Args, Subcommand};

use super::master::{CreateMaster, Masters, RotateMaster, ShredMaster};
use super::place::Place;
use super::{Failure, assembly};
use crate::engine::founding;
use crate::object::approval;

/// What administrators do to keys.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward key approve 0190c2f6-7d3b-7000-8000-5a1f3c9e4b21")]
pub(super) struct KeyFamily {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    Approve(Approve),
    CreateMaster(CreateMaster),
    RotateMaster(RotateMaster),
    ShredMaster(ShredMaster),
    Masters(Masters),
}

/// Approves a wrapping key: sensitive keys may leave the server under it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward key approve 0190c2f6-7d3b-7000-8000-5a1f3c9e4b21 --yes

The key must have been made by this server, never have been extractable, and be for wrapping and
unwrapping only. Whoever holds a copy of it can read what leaves under it."
)]
struct Approve {
    /// Unique Identifier of the wrapping key.
    identifier: String,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

impl KeyFamily {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            KeyCommand::Approve(command) => super::block_on(command.run()),
            KeyCommand::CreateMaster(command) => super::block_on(command.run()),
            KeyCommand::RotateMaster(command) => super::block_on(command.run()),
            KeyCommand::ShredMaster(command) => super::block_on(command.run()),
            KeyCommand::Masters(command) => super::block_on(command.run()),
        }
    }
}

impl Approve {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let tenant = founding::tenant_named(&opened.store, &opened.hsm, &self.tenant)
            .await?
            .ok_or_else(|| Failure::Refused(format!("there is no tenant {:?}", self.tenant)))?;
        let question = format!("Let sensitive keys leave under {:?}?", self.identifier);
        if !self.yes && !super::confirmed(&question)? {
            return Err(Failure::Refused("nothing was changed".to_owned()));
        }
        approval::approve(
            &opened.store,
            &opened.hsm,
            tenant,
            &self.identifier,
            opened.clock.now(),
        )
        .await
        .map_err(|error| Failure::Refused(error.to_string()))?;
        println!(
            "{} is approved: sensitive keys may leave under it",
            self.identifier
        );
        Ok(())
    }
}
