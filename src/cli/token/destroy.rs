//! `keyward token retire`, `destroy`, `forget`: versions of the masters, and tokens, that are no more.

use clap::Args;

use crate::cli::place::Place;
use crate::cli::rotate::Works;
use crate::cli::{Failure, confirmed};
use crate::engine::masters;
use crate::hsm::MasterKind;

/// `kek-v2`.
fn version(name: &str) -> Result<(MasterKind, u32), String> {
    MasterKind::parse(name).ok_or_else(|| "expected a version such as kek-v1 or mac-v1".to_owned())
}

/// Makes nothing more under a version, also where a server does not know of a newer one yet.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token retire kek-v1

What is under the version is still opened. The newest version cannot be retired.")]
pub(in crate::cli) struct Retire {
    /// Which version, such as kek-v1.
    #[arg(value_name = "VERSION", value_parser = version)]
    which: (MasterKind, u32),
    #[command(flatten)]
    place: Place,
}

impl Retire {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let (kind, version) = self.which;
        masters::retire(works.ground(), kind, version, "token retire").await?;
        println!("{}-v{version} is retired", kind.name());
        Ok(())
    }
}

/// Destroys an older version of a master in the token, for ever.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token destroy kek-v1

Refused while anything is under it. A backup of the database from before the rotation cannot be
read afterwards, unless there is a backup of the token, too. Where several tokens hold the masters it
is destroyed in those that answer; the command is given again when a token is back, and on each
machine.")]
pub(in crate::cli) struct Destroy {
    /// Which version, such as kek-v1.
    #[arg(value_name = "VERSION", value_parser = version)]
    which: (MasterKind, u32),
    /// Leave behind what is still under it: it is lost. Lists it, and asks. First move what can be
    /// moved, with `keyward token rotate --resume`.
    #[arg(long)]
    abandon: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

impl Destroy {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let (kind, version) = self.which;
        let name = kind.called(version);
        let mut question = format!(
            "Destroy {name} in the token? Backups of the database that need it cannot be read any more."
        );
        let mut abandon = None;
        if self.abandon {
            let lost = masters::left_behind(works.ground(), kind, version).await?;
            lost.iter().for_each(|row| println!("{row}"));
            let rows = masters::under(works.ground()).await?.of(kind, version);
            question = format!("{question} {rows} rows are under it, and lost with it.");
            abandon = Some(rows);
        }
        if !self.yes && !confirmed(&question)? {
            return Err(Failure::Refused("nothing was changed".to_owned()));
        }
        let command = "token destroy";
        masters::destroy(works.ground(), (kind, version), command, abandon).await?;
        println!("{name} is destroyed");
        Ok(())
    }
}

/// Forgets the tokens of a node that is gone for good: rotations and destructions wait for them no more.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward token forget node-b

Where several tokens hold the masters, each node enters its own in the database (`keyward token
versions`). What is in a token that is forgotten is nobody's any more to destroy: a receipt does not
name it. It has no part in later versions, either.")]
pub(in crate::cli) struct Forget {
    /// Name of the node, as `keyward token versions` shows it.
    node: String,
    /// This token of it alone.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

impl Forget {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let question = format!(
            "Forget tokens of node {:?}? Masters that are in them are not destroyed.",
            self.node
        );
        if !self.yes && !confirmed(&question)? {
            return Err(Failure::Refused("nothing was changed".to_owned()));
        }
        let forgotten = masters::forget(works.ground(), &self.node, self.token.as_deref()).await?;
        for token in forgotten {
            println!("the token {token} of node {} is forgotten", self.node);
        }
        Ok(())
    }
}
