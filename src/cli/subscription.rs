//! `keyward client subscribe`, `unsubscribe` and `subscriptions`: who is told of changes.

use std::time::Duration;

use clap::Args;

use super::place::Place;
use super::{Failure, assembly};
use crate::engine::endpoint::subscription::{Desk, OWN, Subscription};
use crate::engine::{founding, lease};

/// Has a client told of changes, over connections whose roles it turns (Set Endpoint Role).
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward client subscribe gateway-2 --notify own --notify group:backups --put

Takes the place of what the client was subscribed to before. It is told of objects only as far as
it may look at them, and is given them only as Get would give them: nothing sensitive in clear.
What happens while it is not connected it is told when it is again, up to 30 days and 4096 objects."
)]
pub(super) struct Subscribe {
    /// Name of the client.
    name: String,
    /// `own`: its own objects; `group:NAME`: those of an Object Group. May be repeated.
    #[arg(long, value_name = "WHAT", required = true)]
    notify: Vec<String>,
    /// Give it new objects, too, and what replaces others (Re-key, automatic rotation).
    #[arg(long)]
    put: bool,
    /// Unique Identifier of the key that wraps keys which are given (AES key wrap).
    #[arg(long, value_name = "ID", requires = "put")]
    wrap_with: Option<String>,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    place: Place,
}

/// Ends a client's subscription: when the command ends, it is told of nothing any more.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward client unsubscribe gateway-2")]
pub(super) struct Unsubscribe {
    /// Name of the client.
    name: String,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    place: Place,
}

/// Shows who is told of what.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward client subscriptions --json")]
pub(super) struct Subscriptions {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

impl Subscribe {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut subscription = Subscription {
            put: self.put,
            wrap_with: self.wrap_with,
            ..Subscription::default()
        };
        for what in &self.notify {
            match what.split_once(':') {
                None if what == OWN => subscription.own = true,
                Some(("group", name)) if !name.is_empty() => {
                    subscription.groups.push(name.to_owned());
                }
                _ => {
                    return Err(Failure::Refused(format!(
                        "nothing is called {what:?}; expected `{OWN}` or `group:NAME`"
                    )));
                }
            }
        }
        change(&self.place, (&self.tenant, &self.name), &subscription).await?;
        println!("{} is told of {}", self.name, self.notify.join(" "));
        Ok(())
    }
}

impl Unsubscribe {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = (self.tenant.as_str(), self.name.as_str());
        change(&self.place, client, &Subscription::default()).await?;
        println!("{} is told of nothing", self.name);
        Ok(())
    }
}

async fn change(
    place: &Place,
    (tenant, name): (&str, &str),
    subscription: &Subscription,
) -> Result<(), Failure> {
    let opened = assembly::open(&place.config()?).await?;
    let tenant = founding::tenant_named(&opened.store, &opened.hsm, tenant)
        .await?
        .ok_or_else(|| Failure::Refused(format!("there is no tenant {tenant:?}")))?;
    let desk = Desk {
        store: &opened.store,
        hsm: &opened.hsm,
        clock: &opened.clock,
    };
    desk.subscribe(tenant, name, subscription).await?;
    // Nodes use what they remember for one lease at the most (DESIGN §1.4).
    tokio::time::sleep(lease::LENGTH + Duration::from_millis(250)).await;
    Ok(())
}

impl Subscriptions {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let tenants = founding::tenants(&opened.store, &opened.hsm).await?;
        let tenants: Vec<_> = tenants
            .into_iter()
            .map(|(id, tenant)| (id, tenant.name))
            .collect();
        let desk = Desk {
            store: &opened.store,
            hsm: &opened.hsm,
            clock: &opened.clock,
        };
        let listed = desk.all(&tenants).await?;
        if self.json {
            println!("{}", serde_json::json!(listed));
            return Ok(());
        }
        for entry in listed {
            let subscription = entry.subscription;
            let own = subscription.own.then(|| OWN.to_owned());
            let groups = subscription
                .groups
                .iter()
                .map(|name| format!("group:{name}"));
            let told: Vec<String> = own.into_iter().chain(groups).collect();
            let given = match (subscription.put, subscription.wrap_with) {
                (false, _) => String::new(),
                (true, None) => ", is given new objects".to_owned(),
                (true, Some(key)) => format!(", is given new objects, keys wrapped with {key}"),
            };
            println!(
                "{}/{}  is told of {}{given}",
                entry.tenant,
                entry.name,
                told.join(" ")
            );
        }
        Ok(())
    }
}
