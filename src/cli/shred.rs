//! `keyward tenant rotate`, `shred`, `receipt` and `verify-receipt`.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::bringing::Bringing;
use super::place::Place;
use super::rotate::{Moving, Works};
use crate::audit::checkpoint::AuditKey;
use crate::engine::founding;
use crate::engine::masters::{self, Step, Targets};
use crate::hsm::Purpose;
use crate::store::record::TenantId;

async fn tenant(works: &Works, name: &str) -> Result<TenantId, Failure> {
    let opened = &works.opened;
    founding::tenant_named(&opened.store, &opened.hsm, name)
        .await?
        .ok_or_else(|| Failure::Refused(format!("there is no tenant {name:?}")))
}

/// Makes the next version of a tenant's keys and moves its objects to it, while the server serves.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward tenant rotate storage

A tenant's seal key is rotated by the server itself when it was used 2^30 times. Either the command
or the server may be stopped at any time: the other, or `keyward token rotate --resume`, goes on.")]
pub(super) struct RotateTenant {
    /// Name of the tenant.
    name: String,
    #[command(flatten)]
    moving: Moving,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

impl RotateTenant {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let id = tenant(&works, &self.name).await?;
        let purposes = [Purpose::Wrap, Purpose::Seal];
        let made = masters::rotate_tenant(works.ground(), id, &purposes, "tenant rotate").await?;
        self.moving.end(&works, &made, self.json).await
    }
}

/// Destroys a tenant for ever: its keys, and in the token what could bring them back.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward tenant shred storage --receipt storage.receipt.json

All keys of the other tenants get a new root, and the old roots are destroyed. Backups of the database
from before cannot be read any more by anybody, for no tenant, unless there is a backup of the token.
A command that was stopped is given again. The receipt says what was done and what cannot be proven."
)]
pub(super) struct Shred {
    /// Name of the tenant.
    name: String,
    /// A backup of the token that still holds the old roots, for the receipt; may be repeated.
    #[arg(long, value_name = "WHERE")]
    known_backup: Vec<String>,
    /// Write the signed receipt there, too.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    bringing: Bringing,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: the receipt.
    #[arg(long)]
    json: bool,
}

impl Shred {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let id = tenant(&works, &self.name).await?;
        let question = format!(
            "Destroy tenant {:?} with all its keys, for ever? Backups of the database cannot be read any more, for no tenant.",
            self.name
        );
        if !self.yes && !super::confirmed(&question)? {
            return Err(Failure::Refused("nothing was changed".to_owned()));
        }
        // Before anything is deleted: without a new root the end would be out of reach.
        let root = match masters::shred_plan(works.ground(), id).await? {
            Some(plan) if plan.needs_targets() => {
                Some((plan, self.bringing.targets(works.ground()).await?))
            }
            plan => plan.map(|plan| (plan, Targets::default())),
        };
        let mut written = Ok(Vec::new());
        let told = |step: Step| {
            if let Step::Answers(answers) = &step {
                written = self.bringing.write(answers);
            }
            if !self.json {
                match step {
                    Step::Answers(_) => {}
                    Step::KeysDeleted => {
                        println!("the tenant's keys are deleted, and it is refused")
                    }
                    Step::NewRoot(name) => println!("{name} is the new root"),
                    Step::Moved(keys) => println!("{keys} keys of other tenants are under it"),
                    Step::Destroyed(name) => println!("{name} is destroyed"),
                }
            }
        };
        let name = (id, self.name.as_str());
        let backups = self.known_backup.clone();
        let signed = masters::shred(works.ground(), name, backups, root, told).await;
        for file in written? {
            eprintln!("answer  {}", file.display());
        }
        let signed = signed?;
        let text = pretty(&signed)?;
        if let Some(path) = &self.receipt {
            std::fs::write(path, &text).map_err(Failure::path(path))?;
        }
        match self.json {
            true => print!("{text}"),
            false => println!("tenant {} is shredded", self.name),
        }
        Ok(())
    }
}

pub(super) fn pretty(signed: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(signed);
    let text = text.map_err(|error| Failure::Refused(error.to_string()))?;
    Ok(text + "\n")
}

/// Shows the signed receipt of a shredded tenant again.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward tenant receipt storage > storage.receipt.json")]
pub(super) struct ShowReceipt {
    /// Name of the tenant.
    name: String,
    #[command(flatten)]
    place: Place,
}

impl ShowReceipt {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let all = masters::shreddings(works.ground()).await?;
        let found = all.into_iter().find(|(_, body)| body.name == self.name);
        match found.map(|(_, body)| body.receipt) {
            Some(Some(signed)) => {
                print!("{}", pretty(&signed)?);
                Ok(())
            }
            Some(None) => Err(Failure::Refused(format!(
                "tenant {:?} is not shredded yet: give `keyward tenant shred` again",
                self.name
            ))),
            None => Err(Failure::Refused(format!(
                "tenant {:?} was never shredded",
                self.name
            ))),
        }
    }
}

/// Checks that a receipt is what this server's audit key signed.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward tenant verify-receipt storage.receipt.json")]
pub(super) struct VerifyReceipt {
    /// The receipt.
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl VerifyReceipt {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let text = std::fs::read_to_string(&self.file).map_err(Failure::path(&self.file))?;
        let works = Works::open(&self.place).await?;
        let key = AuditKey::new(works.opened.hsm.audit_public_key().await?);
        let receipt = masters::open_receipt(&text, &key)?;
        for master in &receipt.masters {
            println!(
                "the receipt holds: version {} of the master {} ({})",
                master.version, master.name, master.unique_identifier
            );
        }
        let what = match receipt.masters.is_empty() {
            true => "the receipt holds: tenant",
            false => "  of tenant",
        };
        println!(
            "{what} {} (number {}) of deployment {} was shredded {}",
            receipt.tenant,
            receipt.tenant_number,
            receipt.deployment,
            super::client::date(receipt.done)
        );
        Ok(())
    }
}
