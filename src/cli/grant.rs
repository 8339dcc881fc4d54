//! `keyward client grant` and `withdraw`: which scopes a client may derive keys for.

use std::time::Duration;

use clap::Args;

use super::place::Place;
use super::{Failure, assembly};
use crate::engine::founding;
use crate::engine::granting::{self, Grant};
use crate::engine::lease;

/// Lets a client derive keys for a scope, from the tenant's derivation masters.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward client grant gateway-2 --derive team-a/reports

The scope and all below it; `*` is every scope. A master must be for the scope, too
(`keyward key masters`). When the command ends, every node knows."
)]
pub(super) struct GrantScope {
    /// Name of the client.
    name: String,
    /// The scope; may be repeated.
    #[arg(long, value_name = "SCOPE", required = true)]
    derive: Vec<String>,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    place: Place,
}

/// Takes back what was granted; when the command ends, no node derives for the client any more.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward client withdraw gateway-2 --derive team-a/reports

The scope is one that was granted, in the same words: `keyward client list` shows them."
)]
pub(super) struct Withdraw {
    /// Name of the client.
    name: String,
    /// The scope; may be repeated.
    #[arg(long, value_name = "SCOPE", required = true)]
    derive: Vec<String>,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    place: Place,
}

impl GrantScope {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = (self.tenant.as_str(), self.name.as_str());
        change(&self.place, client, &self.derive, Grant::Give).await
    }
}

impl Withdraw {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = (self.tenant.as_str(), self.name.as_str());
        change(&self.place, client, &self.derive, Grant::Withdraw).await
    }
}

async fn change(
    place: &Place,
    (tenant, name): (&str, &str),
    scopes: &[String],
    grant: Grant,
) -> Result<(), Failure> {
    let opened = assembly::open(&place.config()?).await?;
    let (store, hsm) = (&opened.store, &opened.hsm);
    let tenant = founding::tenant_named(store, hsm, tenant)
        .await?
        .ok_or_else(|| Failure::Refused(format!("there is no tenant {tenant:?}")))?;
    let now = opened.clock.now();
    let left = granting::derive(store, hsm, (tenant, name), scopes, grant, now).await?;
    // Nodes use what they remember for one lease at the most (DESIGN §1.4).
    tokio::time::sleep(lease::LENGTH + Duration::from_millis(250)).await;
    match left.as_slice() {
        [] => println!("{name} may derive for no scope but those of its own masters"),
        scopes => println!("{name} may derive for {}", scopes.join(" ")),
    }
    Ok(())
}
