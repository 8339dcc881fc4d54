//! `keyward key create-master`, `rotate-master`, `masters`: derivation masters (docs/derivation.md).

use clap::Args;

use super::assembly::Opened;
use super::place::Place;
use super::{Failure, assembly};
use crate::engine::founding;
use crate::object::derivation_master::{self, Label, Made, Spec};
use crate::store::record::TenantId;

/// Makes a derivation master: one key, from which the token derives a key for each file or user.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward key create-master files --owner gateway --scope team-a --scope team-b

Clients reach it with the KMIP operation MAC over an input of one form (docs/derivation.md), which
names a scope: a folder, a user. The owner may derive for every scope of the master; for others see
`keyward client grant`. The master never leaves the token and does nothing else."
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
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
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
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
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

async fn open(place: &Place, tenant: &str) -> Result<(Opened, TenantId), Failure> {
    let opened = assembly::open(&place.config()?).await?;
    let tenant = founding::tenant_named(&opened.store, &opened.hsm, tenant)
        .await?
        .ok_or_else(|| Failure::Refused(format!("there is no tenant {tenant:?}")))?;
    Ok((opened, tenant))
}

fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::Refused(error.to_string())
}

fn show(made: &Made, json: bool) {
    if json {
        println!("{}", serde_json::json!(made));
        return;
    }
    println!("{} version {}  {}", made.name, made.version, made.state);
    println!("  identifier  {}", made.unique_identifier);
    println!("  owner       {}", made.owner);
    println!("  label       {}", made.label);
    println!("  scopes      {}", made.scopes.join(" "));
    println!("  prefix      {}", made.prefix);
}

impl CreateMaster {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (opened, tenant) = open(&self.place, &self.tenant).await?;
        let label = Label::named(&self.label)
            .ok_or_else(|| Failure::Refused(format!("there is no label {:?}", self.label)))?;
        let spec = Spec {
            tenant,
            name: self.name,
            owner: self.owner,
            label,
            scopes: self.scope,
        };
        let (store, hsm, now) = (&opened.store, &opened.hsm, opened.clock.now());
        let made = derivation_master::create(store, hsm, &opened.deployment, &spec, now)
            .await
            .map_err(refused)?;
        show(&made, self.json);
        Ok(())
    }
}

impl RotateMaster {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (opened, tenant) = open(&self.place, &self.tenant).await?;
        let master = (tenant, self.name.as_str());
        let (store, hsm, now) = (&opened.store, &opened.hsm, opened.clock.now());
        let made = derivation_master::rotate(store, hsm, &opened.deployment, master, now)
            .await
            .map_err(refused)?;
        show(&made, self.json);
        Ok(())
    }
}

impl Masters {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (opened, tenant) = open(&self.place, &self.tenant).await?;
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
