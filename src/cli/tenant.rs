//! `keyward tenant`: who is kept apart from whom.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::place::Place;
use super::rotate::Works;
use super::shred::{RotateTenant, ShowReceipt, Shred, VerifyReceipt};
use super::{Failure, assembly};
use crate::engine::access::Permission;
use crate::engine::founding;
use crate::engine::lease;
use crate::engine::masters;
use crate::engine::tenant::{Classes, Tenant};
use crate::store::record::Class;

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
    Withhold(Withhold),
    Rotate(RotateTenant),
    Shred(Shred),
    Receipt(ShowReceipt),
    VerifyReceipt(VerifyReceipt),
    Class(ClassOf),
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

/// Withholds permissions from everybody in a tenant, whatever their profile, or gives them back.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward tenant withhold storage use-ecb decrypt-pkcs1-v1.5

Back: keyward tenant withhold storage --restore use-ecb"
)]
struct Withhold {
    /// Name of the tenant.
    name: String,
    /// Names of permissions, such as use-ecb, choose-gcm-iv, use-short-tag, decrypt-pkcs1-v1.5.
    #[arg(required = true, value_parser = permission)]
    permissions: Vec<Permission>,
    /// Give the permissions back to those whose profile has them.
    #[arg(long)]
    restore: bool,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Shows or sets of which class a tenant's keys are: where they may exist in clear.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward tenant class storage --default token

token   used inside the token only, never in clear in the server
served  in clear in the server for the moment of an answer
cached  in clear in locked memory for moments (cached.keys, cached.age): keyward tenant class web --allow cached

docs/classes.md tells which is for whom.")]
struct ClassOf {
    /// Name of the tenant.
    name: String,
    /// A class that clients may ask for; token and served always are.
    #[arg(long, value_name = "CLASS", value_parser = ["cached"], conflicts_with = "forbid")]
    allow: Option<String>,
    /// The contrary; keys that are of the class are then used like those of class served.
    #[arg(long, value_name = "CLASS", value_parser = ["cached"])]
    forbid: Option<String>,
    /// The class of new keys where neither the request nor the client's profile says one.
    #[arg(long, value_name = "CLASS", value_parser = class)]
    default: Option<Class>,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

fn class(name: &str) -> Result<Class, String> {
    Class::named(name).ok_or_else(|| {
        let names: Vec<_> = Class::ALL.iter().map(|known| known.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn permission(name: &str) -> Result<Permission, String> {
    Permission::named(name).ok_or_else(|| {
        let names: Vec<_> = Permission::ALL.iter().map(|known| known.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
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
            TenantCommand::Withhold(command) => super::block_on(command.run()),
            TenantCommand::Rotate(command) => super::block_on(command.run()),
            TenantCommand::Shred(command) => super::block_on(command.run()),
            TenantCommand::Receipt(command) => super::block_on(command.run()),
            TenantCommand::VerifyReceipt(command) => super::block_on(command.run()),
            TenantCommand::Class(command) => super::block_on(command.run()),
        }
    }
}

impl ClassOf {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let tenants = founding::tenants(&opened.store, &opened.hsm).await?;
        let known = tenants
            .into_iter()
            .find(|(_, tenant)| tenant.name == self.name);
        let (_, known) =
            known.ok_or_else(|| Failure::Refused(format!("there is no tenant {:?}", self.name)))?;
        let wanted = self.wanted(known.classes)?;
        if wanted != known.classes {
            let change = |tenant: &mut Tenant| tenant.classes = wanted;
            let name = &self.name;
            founding::change_tenant(
                &opened.store,
                &opened.hsm,
                &opened.clock,
                name,
                "tenant class",
                change,
            )
            .await?;
            // Nodes use what they remember for one lease at the most (DESIGN §1.4).
            tokio::time::sleep(lease::LENGTH + Duration::from_millis(250)).await;
        }
        let default = wanted.preferred.unwrap_or(Class::Served);
        if self.json {
            let shown = serde_json::json!({
                "name": self.name,
                "cached": wanted.cached,
                "default": default,
            });
            println!("{shown}");
            return Ok(());
        }
        let allowed = if wanted.cached {
            "allowed"
        } else {
            "not allowed"
        };
        println!(
            "tenant {}: new keys are of class {} unless the client asks for another; class cached is {allowed}",
            self.name,
            default.name()
        );
        Ok(())
    }

    fn wanted(&self, known: Classes) -> Result<Classes, Failure> {
        let cached = match (&self.allow, &self.forbid) {
            (Some(_), _) => true,
            (_, Some(_)) => false,
            (None, None) => known.cached,
        };
        let preferred = match self.default {
            Some(Class::Served) => None,
            Some(class) => Some(class),
            None => known.preferred,
        };
        if preferred == Some(Class::Cached) && !cached {
            return Err(Failure::Refused(
                "class cached is not allowed in the tenant, so it cannot be its default; say --allow cached, or another --default".to_owned(),
            ));
        }
        Ok(Classes { cached, preferred })
    }
}

impl Add {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let settings = Tenant {
            name: self.name.clone(),
            share: !self.private,
            duplicate_names: self.duplicate_names,
            withheld: Vec::new(),
            classes: Classes::default(),
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

impl Withhold {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let change = |tenant: &mut Tenant| {
            tenant
                .withheld
                .retain(|known| !self.permissions.contains(known));
            if !self.restore {
                tenant.withheld.extend(&self.permissions);
            }
        };
        let settings = founding::change_tenant(
            &opened.store,
            &opened.hsm,
            &opened.clock,
            &self.name,
            "tenant withhold",
            change,
        )
        .await?;
        let names: Vec<_> = settings.withheld.iter().map(|known| known.name()).collect();
        if self.json {
            let shown = serde_json::json!({ "name": self.name, "withheld": names });
            println!("{shown}");
        } else if names.is_empty() {
            println!("nothing is withheld in tenant {}", self.name);
        } else {
            println!("withheld in tenant {}: {}", self.name, names.join(", "));
        }
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let works = Works::open(&self.place).await?;
        let opened = &works.opened;
        let tenants = founding::tenants(&opened.store, &opened.hsm).await?;
        let shreddings = masters::shreddings(works.ground()).await?;
        let state = |id| match shreddings.iter().find(|(known, _)| *known == id) {
            None => "active",
            Some((_, body)) if body.done.is_some() => "shredded",
            Some(_) => "shredding",
        };
        if self.json {
            let shown: Vec<_> = tenants
                .iter()
                .map(|(id, tenant)| {
                    serde_json::json!({
                        "number": id.0,
                        "name": tenant.name,
                        "share": tenant.share,
                        "duplicate_names": tenant.duplicate_names,
                        "withheld": tenant.withheld,
                        "state": state(*id),
                        "classes": tenant.classes,
                    })
                })
                .collect();
            println!("{}", serde_json::json!(shown));
            return Ok(());
        }
        for (id, tenant) in tenants {
            let sharing = if tenant.share { "shared" } else { "private" };
            println!("{}  {}  {sharing}  {}", id.0, tenant.name, state(id));
        }
        Ok(())
    }
}
