//! `keyward token`: the PKCS#11 token under everything.

mod ceremony;
mod check;
mod destroy;

use clap::{Args, Subcommand};

use super::place::Place;
use super::rotate::{Rotate, Versions};
use super::{Failure, assembly};
use crate::hsm::Protection;

/// The PKCS#11 token that holds the masters.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token info")]
pub(super) struct TokenFamily {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Info(Info),
    Init(ceremony::Init),
    Request(ceremony::Request),
    Import(ceremony::Import),
    Check(check::Check),
    Join(check::Join),
    Versions(Versions),
    Rotate(Rotate),
    Retire(destroy::Retire),
    Destroy(destroy::Destroy),
    Forget(destroy::Forget),
}

/// Shows what the token is and what it was found to do, by doing.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token info --json")]
struct Info {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

impl TokenFamily {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            TokenCommand::Info(command) => super::block_on(command.run()),
            TokenCommand::Init(command) => super::block_on(command.run()),
            TokenCommand::Request(command) => super::block_on(command.run()),
            TokenCommand::Import(command) => super::block_on(command.run()),
            TokenCommand::Check(command) => super::block_on(command.run()),
            TokenCommand::Join(command) => super::block_on(command.run()),
            TokenCommand::Versions(command) => super::block_on(command.run()),
            TokenCommand::Rotate(command) => super::block_on(command.run()),
            TokenCommand::Retire(command) => super::block_on(command.run()),
            TokenCommand::Destroy(command) => super::block_on(command.run()),
            TokenCommand::Forget(command) => super::block_on(command.run()),
        }
    }
}

impl Info {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let info = opened.hsm.info().await?;
        let protection = match info.protection {
            Protection::Software => "software",
            Protection::Hardware => "hardware",
        };
        if self.json {
            let mechanisms: Vec<String> = info
                .mechanisms
                .iter()
                .map(|m| format!("0x{m:08X}"))
                .collect();
            let shown = serde_json::json!({
                "label": info.label,
                "manufacturer": info.manufacturer,
                "model": info.model,
                "serial": info.serial,
                "protection": protection,
                "key_wrap_padded": format!("0x{:08X}", info.key_wrap_padded),
                "exact_lengths": info.exact_lengths,
                "wraps_bytes": info.wraps_bytes,
                "kek_versions": info.kek_versions,
                "mac_versions": info.mac_versions,
                "mechanisms": mechanisms,
            });
            println!("{shown}");
            return Ok(());
        }
        let yes = |does: bool| if does { "yes" } else { "no" };
        println!("label          {}", info.label);
        println!("manufacturer   {}", info.manufacturer);
        println!("model          {}  {}", info.model, info.serial);
        println!("protection     {protection}");
        println!(
            "key wrap       0x{:08X} (RFC 5649), proven",
            info.key_wrap_padded
        );
        println!("exact lengths  {}", yes(info.exact_lengths));
        println!("wraps bytes    {}", yes(info.wraps_bytes));
        println!(
            "masters        kek {:?}, mac {:?}",
            info.kek_versions, info.mac_versions
        );
        println!("mechanisms     {}", info.mechanisms.len());
        Ok(())
    }
}
