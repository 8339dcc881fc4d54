//! `keyward key create-master`, `rotate-master`, `shred-master`, `masters`: derivation masters (docs/derivation.md).

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::bringing::{Bringing, show_waits};
use super::place::Place;
use super::rotate::Works;
use crate::engine::founding;
use crate::engine::masters::{self, Targets};
use crate::object::derivation_master::{self, Label, Made, Spec};
use crate::store::record::TenantId;

/// Makes a derivation master: one key, from which the token derives a key for each file or user.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward key create-master files --owner gateway --scope team-a --scope team-b

Clients reach it with the KMIP operation MAC over an input of one form (docs/derivation.md), which
names a scope: a folder, a user. The owner may derive for every scope of the master; for others see
`keyward client grant`. The master never leaves the token and does nothing else.

With --anchored its key is an object in the token and not in the database: it can be destroyed by
itself, for backups of the database as well (`keyward key shred-master`). A tenant has up to 64."
)]
pub(super) struct CreateMaster {
    /// Name of the master, unique in its tenant; KMIP clients locate it by this Name.
    name: String,
    /// The client that may derive for every scope, and destroy the master.
    #[arg(long, value_name = "CLIENT")]
    owner: String,
    /// A scope that the master is for, with all below it; may be repeated. `*` is every scope.
    #[arg(long, value_name = "SCOPE", required = true)]
    scope: Vec<String>,
    /// What the derived keys are for.
    #[arg(long, default_value = "file", value_parser = words())]
    label: String,
    /// Keep its key in the token alone, so that it can be shredded by itself.
    #[arg(long)]
    anchored: bool,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    bringing: Bringing,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Makes a master's next version; the one before it goes on deriving what exists.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward key rotate-master files

New inputs name the new version, which has the master's Name from now on. When nothing needs a
version any more, revoke and destroy it by KMIP: every key under it is gone with it.")]
pub(super) struct RotateMaster {
    /// Name of the master.
    name: String,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    bringing: Bringing,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Destroys an anchored master for ever, for backups of the database as well.
#[derive(Debug, Args)]
#[command(
    disable_version_flag = true,
    after_help = "Example: keyward key shred-master files --receipt files.receipt.json

No key under it can be derived any more, also with an old backup of the database, unless there is a
backup of the token. It is for masters made with --anchored; others are shredded with their tenant.
A command that was stopped is given again. The receipt says what was done and what cannot be proven;
`keyward tenant verify-receipt` checks it."
)]
pub(super) struct ShredMaster {
    /// Name of the master, for all its versions, or the Unique Identifier of one version.
    master: String,
    /// This version alone.
    #[arg(long = "version", id = "master-version", value_name = "NUMBER")]
    version: Option<u32>,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// A backup of the token that still holds it, for the receipt; may be repeated.
    #[arg(long, value_name = "WHERE")]
    known_backup: Vec<String>,
    /// Write the signed receipt there, too.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: the receipt.
    #[arg(long)]
    json: bool,
}

impl ShredMaster {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let (ground, which) = (works.ground(), self.master.as_str());
        let tenant = founding::tenant_named(ground.store, ground.hsm, &self.tenant)
            .await?
            .ok_or_else(|| Failure::Refused(format!("there is no tenant {:?}", self.tenant)))?;
        let found = masters::shreddable(ground, (tenant, which), self.version).await?;
        let versions: Vec<String> = found.iter().map(|one| one.version.to_string()).collect();
        let question = format!(
            "Destroy the master {:?}, version {}, for ever? No key under it can be derived any more.",
            found.first().map_or(which, |one| &one.name),
            versions.join(", ")
        );
        if !self.yes && !super::confirmed(&question)? {
            return Err(Failure::Refused("nothing was changed".to_owned()));
        }
        let (named, chosen) = ((tenant, self.tenant.as_str()), (which, self.version));
        let signed = masters::shred_master(ground, named, chosen, self.known_backup).await?;
        let text = super::shred::pretty(&signed)?;
        if let Some(path) = &self.receipt {
            std::fs::write(path, &text).map_err(Failure::path(path))?;
        }
        match self.json {
            true => print!("{text}"),
            false => println!(
                "master {which} is shredded: version {}",
                versions.join(", ")
            ),
        }
        Ok(())
    }
}

/// Shows all versions of a tenant's derivation masters.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward key masters --json")]
pub(super) struct Masters {
    /// The tenant.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

fn words() -> clap::builder::PossibleValuesParser {
    Label::ALL
        .iter()
        .map(|label| label.word())
        .collect::<Vec<_>>()
        .into()
}

async fn open(place: &Place, tenant: &str) -> Result<(Works, TenantId), Failure> {
    let works = Works::open(place).await?;
    let opened = &works.opened;
    let tenant = founding::tenant_named(&opened.store, &opened.hsm, tenant)
        .await?
        .ok_or_else(|| Failure::Refused(format!("there is no tenant {tenant:?}")))?;
    Ok((works, tenant))
}

/// Where an anchored master goes.
async fn targets(bringing: &Bringing, works: &Works) -> Result<Targets, Failure> {
    let hsm = works.ground().hsm;
    if hsm.shares_masters() && !hsm.ceremony() {
        return Err(Failure::Refused(
            "the tokens were cloned by their vendor's tools, and an anchored master would be in one of them alone: make it without --anchored, in a tenant of its own"
                .to_owned(),
        ));
    }
    bringing.targets(works.ground()).await
}

fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::Refused(error.to_string())
}

fn show(made: &Made, json: bool) {
    if json {
        println!("{}", serde_json::json!(made));
        return;
    }
    let anchored = if made.anchored { "  anchored" } else { "" };
    println!(
        "{} version {}  {}{anchored}",
        made.name, made.version, made.state
    );
    println!("  identifier  {}", made.unique_identifier);
    println!("  owner       {}", made.owner);
    println!("  label       {}", made.label);
    println!("  scopes      {}", made.scopes.join(" "));
    println!("  prefix      {}", made.prefix);
}

impl CreateMaster {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (works, tenant) = open(&self.place, &self.tenant).await?;
        let opened = &works.opened;
        let targets = match self.anchored {
            true => targets(&self.bringing, &works).await?,
            false => Targets::default(),
        };
        let label = Label::named(&self.label)
            .ok_or_else(|| Failure::Refused(format!("there is no label {:?}", self.label)))?;
        let spec = Spec {
            tenant,
            name: self.name,
            owner: self.owner,
            label,
            scopes: self.scope,
            anchored: self.anchored,
            tokens: targets.here,
            elsewhere: targets.elsewhere,
        };
        let (store, hsm, now) = (&opened.store, &opened.hsm, opened.clock.now());
        let (made, answers) = derivation_master::create(store, hsm, &opened.deployment, &spec, now)
            .await
            .map_err(refused)?;
        show(&made, self.json);
        let files = self.bringing.write(&answers)?;
        // The others see from it which one is meant.
        masters::complete(works.ground()).await?;
        if !self.json {
            show_waits(&[], &files);
        }
        Ok(())
    }
}

impl RotateMaster {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (works, tenant) = open(&self.place, &self.tenant).await?;
        let (opened, master) = (&works.opened, (tenant, self.name.as_str()));
        let (store, hsm, now) = (&opened.store, &opened.hsm, opened.clock.now());
        let known = derivation_master::masters(store, hsm, tenant, now)
            .await
            .map_err(refused)?;
        let mut versions = known.iter().filter(|known| known.name == self.name);
        let anchored = versions.any(|known| known.anchored);
        if anchored && masters::others_hold(works.ground()).await? {
            return Err(Failure::Refused(format!(
                "tokens of other machines hold the masters, too, and {:?} would derive nothing until they have its next version: make a new master with `keyward key create-master --anchored --request`",
                self.name
            )));
        }
        let targets = match anchored {
            true => targets(&self.bringing, &works).await?,
            false => Targets::default(),
        };
        let tokens = targets.here;
        let made = derivation_master::rotate(store, hsm, &opened.deployment, master, tokens, now)
            .await
            .map_err(refused)?;
        show(&made, self.json);
        Ok(())
    }
}

impl Masters {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (works, tenant) = open(&self.place, &self.tenant).await?;
        let opened = &works.opened;
        let now = opened.clock.now();
        let all = derivation_master::masters(&opened.store, &opened.hsm, tenant, now)
            .await
            .map_err(refused)?;
        if self.json {
            println!("{}", serde_json::json!(all));
            return Ok(());
        }
        all.iter().for_each(|made| show(made, false));
        Ok(())
    }
}
