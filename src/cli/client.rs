//! `keyward client`: who may connect.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::diagnose::Diagnose;
use super::grant::{GrantScope, Withdraw};
use super::mapping::Named;
use super::place::Place;
use super::subscription::{Subscribe, Subscriptions, Unsubscribe};
use super::{Failure, assembly};
use crate::engine::client_profile;
use crate::engine::directory::fingerprint_key;
use crate::engine::founding;
use crate::engine::lease;
use crate::engine::tenant::Identity;
use crate::pki::Pki;

/// Identities of clients and the certificates that prove them.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward client add backup-server")]
pub(super) struct ClientFamily {
    #[command(subcommand)]
    command: ClientCommand,
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    Add(Add),
    List(List),
    Revoke(Revoke),
    Profile(Profile),
    Diagnose(Diagnose),
    Grant(GrantScope),
    Withdraw(Withdraw),
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    Subscriptions(Subscriptions),
}

/// Adds an identity, with a new certificate of the built-in authority or one that it has.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward client add backup-server --out ./for-backup

With --certificate another authority's certificate is registered, by its fingerprint; with a name
(--subject, --cn, --san-dns, --san-email, --san-uri) every certificate of an authority in tls.client_ca
that has it, also later ones."
)]
struct Add {
    /// Name of the identity, unique in its tenant.
    name: String,
    /// The tenant it belongs to.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// Where NAME.pem and NAME.key are written [default: clients in the server's directory]
    #[arg(long, value_name = "DIR", conflicts_with = "Named")]
    out: Option<PathBuf>,
    /// A certificate that exists, PEM: no new one is made.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "Named"])]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    named: Named,
    /// Client profiles, for example `standard` or `fortigate`; may be repeated.
    #[arg(long, value_name = "PROFILE", value_parser = client_profile::parse)]
    profile: Vec<String>,
    /// The certificate alone is not enough: requests must show a credential of a `keyward user`, too.
    #[arg(long)]
    require_credential: bool,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Shows all identities.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward client list --json")]
struct List {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Revokes an identity for good; when the command ends no node answers it any more.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward client revoke backup-server --yes")]
struct Revoke {
    name: String,
    #[arg(long, default_value = "default")]
    tenant: String,
    /// Do not ask: the name cannot be used again.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

/// Shows, adds or removes what a known client needs beyond the standard, for one identity.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward client profile firewall-3 --add fortigate

Without --add or --remove it shows the identity's profiles and how each deviates from the standard."
)]
struct Profile {
    name: String,
    #[arg(long, default_value = "default")]
    tenant: String,
    /// A profile to add; may be repeated.
    #[arg(long, value_name = "PROFILE", value_parser = client_profile::parse)]
    add: Vec<String>,
    /// A profile to take away; may be repeated.
    #[arg(long, value_name = "PROFILE", value_parser = client_profile::parse)]
    remove: Vec<String>,
    /// Whether requests must show a credential of a `keyward user` besides the certificate.
    #[arg(long, value_name = "true|false")]
    require_credential: Option<bool>,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

impl ClientFamily {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            ClientCommand::Add(command) => super::block_on(command.run()),
            ClientCommand::List(command) => super::block_on(command.run()),
            ClientCommand::Revoke(command) => super::block_on(command.run()),
            ClientCommand::Profile(command) => super::block_on(command.run()),
            ClientCommand::Diagnose(command) => super::block_on(command.run()),
            ClientCommand::Grant(command) => super::block_on(command.run()),
            ClientCommand::Withdraw(command) => super::block_on(command.run()),
            ClientCommand::Subscribe(command) => super::block_on(command.run()),
            ClientCommand::Unsubscribe(command) => super::block_on(command.run()),
            ClientCommand::Subscriptions(command) => super::block_on(command.run()),
        }
    }
}

fn certificate_key(path: &Path) -> Result<String, Failure> {
    let der = CertificateDer::from_pem_file(path)
        .map_err(|error| Failure::Certificate(path.to_owned(), error.to_string()))?;
    Ok(fingerprint_key(&der))
}

impl Add {
    async fn run(self) -> Result<(), Failure> {
        let config = self.place.config()?;
        let named = self.named.key(config.identity.mapping)?;
        let opened = assembly::open(&config).await?;
        let tenant = founding::tenant_named(&opened.store, &opened.hsm, &self.tenant)
            .await?
            .ok_or_else(|| Failure::Refused(format!("there is no tenant {:?}", self.tenant)))?;
        let mut files = None;
        let key = match (&self.certificate, named) {
            (Some(certificate), _) => certificate_key(certificate)?,
            (None, Some(named)) => named,
            (None, None) => {
                let directory = self.place.directory();
                let pki = Pki::open(&directory.join("pki"), &[])?;
                let out = self
                    .out
                    .clone()
                    .unwrap_or_else(|| directory.join("clients"));
                let pair = pki.client(&self.name, &out)?;
                let key = certificate_key(&pair.certificate)?;
                files = Some((pair, pki.bundle()));
                key
            }
        };
        let identity = Identity {
            name: self.name.clone(),
            created: opened.clock.now(),
            profiles: self.profile.clone(),
            requires_credential: self.require_credential,
            derive: Vec::new(),
        };
        founding::add_identity(&opened.store, &opened.hsm, tenant, &identity, &key).await?;
        if self.json {
            let shown = serde_json::json!({
                "name": self.name,
                "tenant": self.tenant,
                "mapping": key,
                "certificate": files.as_ref().map(|(pair, _)| &pair.certificate),
                "key": files.as_ref().map(|(pair, _)| &pair.key),
                "ca": files.as_ref().map(|(_, ca)| ca),
            });
            println!("{shown}");
            return Ok(());
        }
        println!("{} may connect as {}", key, self.name);
        if let Some((pair, ca)) = files {
            println!("  certificate  {}", pair.certificate.display());
            println!("  key          {}", pair.key.display());
            println!("  CA           {}", ca.display());
        }
        Ok(())
    }
}

/// A date of the log, for people.
pub(super) fn date(seconds: i64) -> String {
    use time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_else(|| seconds.to_string())
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let identities = founding::identities(&opened.store, &opened.hsm).await?;
        if self.json {
            println!("{}", serde_json::json!(identities));
            return Ok(());
        }
        for identity in identities {
            let state = identity
                .revoked
                .map(|when| format!("revoked {}", date(when)));
            println!(
                "{}/{}  since {}  {}",
                identity.tenant,
                identity.name,
                date(identity.created),
                state.unwrap_or_else(|| "active".to_owned())
            );
            for certificate in identity.certificates {
                println!("    {certificate}");
            }
            for scope in identity.derive {
                println!("    derives for {scope}");
            }
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let tenant = founding::tenant_named(&opened.store, &opened.hsm, &self.tenant)
            .await?
            .ok_or_else(|| Failure::Refused(format!("there is no tenant {:?}", self.tenant)))?;
        if !self.yes && !super::confirmed(&format!("Revoke {:?} for good?", self.name))? {
            return Err(Failure::Refused("nothing was changed".to_owned()));
        }
        founding::revoke_identity(
            &opened.store,
            &opened.hsm,
            &opened.clock,
            tenant,
            &self.name,
        )
        .await?;
        // Nodes use what they remember for one lease at the most (DESIGN §1.4).
        tokio::time::sleep(lease::LENGTH + Duration::from_millis(250)).await;
        println!("{} is revoked", self.name);
        Ok(())
    }
}

impl Profile {
    async fn run(self) -> Result<(), Failure> {
        let opened = assembly::open(&self.place.config()?).await?;
        let tenant = founding::tenant_named(&opened.store, &opened.hsm, &self.tenant)
            .await?
            .ok_or_else(|| Failure::Refused(format!("there is no tenant {:?}", self.tenant)))?;
        let changes =
            !self.add.is_empty() || !self.remove.is_empty() || self.require_credential.is_some();
        let identity = founding::change_identity(
            &opened.store,
            &opened.hsm,
            &opened.clock,
            (tenant, &self.name),
            changes.then_some("client profile"),
            |identity| {
                identity
                    .profiles
                    .retain(|name| !self.remove.contains(name) && !self.add.contains(name));
                identity.profiles.extend(self.add.iter().cloned());
                identity.requires_credential = self
                    .require_credential
                    .unwrap_or(identity.requires_credential);
            },
        )
        .await?;
        if changes {
            // Nodes use what they remember for one lease at the most (DESIGN §1.4).
            tokio::time::sleep(lease::LENGTH + Duration::from_millis(250)).await;
        }
        let profiles = identity.profiles.iter();
        let profiles: Vec<_> = profiles
            .filter_map(|name| client_profile::named(name))
            .collect();
        if self.json {
            let shown: Vec<_> = profiles
                .iter()
                .map(|profile| {
                    serde_json::json!({ "name": profile.name, "deviations": profile.deviations })
                })
                .collect();
            let shown = serde_json::json!({
                "name": identity.name,
                "profiles": shown,
                "requires_credential": identity.requires_credential,
            });
            println!("{shown}");
            return Ok(());
        }
        if identity.requires_credential {
            println!("{} must show a credential", identity.name);
        }
        for profile in profiles {
            println!("{}  {}", identity.name, profile.name);
            for deviation in profile.deviations {
                println!("    {}: {}", deviation.name(), deviation.habit());
            }
        }
        Ok(())
    }
}
