//! `keyward tenant`: who is kept apart from whom.

use clap::{Args, Subcommand};

use super::place::Place;
use super::{Failure, assembly};
use crate::engine::founding;
use crate::engine::tenant::Tenant;

/// Tenants: each with keys of its own, invisible to the others.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward tenant add storage")]
pub(super) struct TenantFamily {
    #[command(subcommand)]
    command: TenantCommand,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    Add(Add),
    List(List),
}

/// Adds a tenant with a wrap key and a seal key of its own.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward tenant add storage --private

Then: keyward client add array-1 --tenant storage")]
struct Add {
    /// Name of the tenant, unique in the deployment.
    name: String,
    /// Each identity sees its own objects only; without it the tenant's identities share.
    #[arg(long)]
    private: bool,
    /// Several objects may have the same Name, which the standard forbids.
    #[arg(long)]
    duplicate_names: bool,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Shows all tenants.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward tenant list --json")]
struct List {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

impl TenantFamily {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            TenantCommand::Add(command) => super::block_on(command.run()),
            TenantCommand::List(command) => super::block_on(command.run()),
        }
    }
}

impl Add {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let settings = Tenant {
            name: self.name.clone(),
            share: !self.private,
            duplicate_names: self.duplicate_names,
        };
        let id =
            founding::found_tenant(&opened.store, &opened.hsm, &opened.clock, &settings).await?;
        if self.json {
            println!(
                "{}",
                serde_json::json!({ "name": self.name, "number": id.0 })
            );
        } else {
            println!("tenant {} is there (number {})", self.name, id.0);
        }
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let tenants = founding::tenants(&opened.store, &opened.hsm).await?;
        if self.json {
            let shown: Vec<_> = tenants
                .iter()
                .map(|(id, tenant)| {
                    serde_json::json!({
                        "number": id.0,
                        "name": tenant.name,
                        "share": tenant.share,
                        "duplicate_names": tenant.duplicate_names,
                    })
                })
                .collect();
            println!("{}", serde_json::json!(shown));
            return Ok(());
        }
        for (id, tenant) in tenants {
            let sharing = if tenant.share { "shared" } else { "private" };
            println!("{}  {}  {sharing}", id.0, tenant.name);
        }
        Ok(())
    }
}
