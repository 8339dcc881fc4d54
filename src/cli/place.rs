//! Where the server is that a command is about.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, serve};
use crate::config::Config;

/// The configuration that quickstart leaves in its directory.
pub(super) const FILE: &str = "keyward.toml";

#[derive(Debug, Args)]
pub(super) struct Place {
    /// The directory of a quickstart.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./keyward-data",
        conflicts_with = "config"
    )]
    dir: PathBuf,
    /// The configuration of a server that was started with `serve`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    /// The server's configuration, with what the environment says on top.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let file = self.config.clone().unwrap_or_else(|| self.dir.join(FILE));
        if !file.exists() {
            return Err(Failure::Refused(format!(
                "{} is not there; name the server with --dir or --config",
                file.display()
            )));
        }
        let loaded = Config::load(Some(&file), serve::environment())?;
        Ok(loaded.config)
    }

    /// Where the built-in authority's files are.
    pub(super) fn directory(&self) -> PathBuf {
        match &self.config {
            Some(file) => file
                .parent()
                .map_or_else(|| PathBuf::from("."), Path::to_owned),
            None => self.dir.clone(),
        }
    }
}
