//! `keyward certificate-authority`: the authority behind Certify.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use der::pem::{LineEnding, encode_string};
use sha2::{Digest, Sha256};

use super::Failure;
use super::assembly::{self, Opened};
use super::place::Place;
use crate::audit::administration::ADMINISTRATOR;
use crate::engine::authority::{Authority, Ground};
use crate::engine::entity::{Rows, Verified};
use crate::engine::founding;
use crate::engine::freshness::Freshness;
use crate::object::format::Certificate;
use crate::store::record::TenantId;

/// The authority that issues certificates for Certify; it vouches for no client of this server.
#[derive(Debug, Args)]
#[command(after_help = "Example: keyward certificate-authority show > issuing-ca.pem")]
pub(super) struct CertificateAuthorityFamily {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(Show),
    Crl(Crl),
}

/// Writes the authority's certificate in PEM, for those who are to believe what it issues.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward certificate-authority show --tenant storage

An authority is made when it is first wanted: by this command or by the first Certify."
)]
struct Show {
    /// Each tenant has an authority of its own.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Signs a new revocation list of all certificates that were issued and revoked.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward certificate-authority crl --der --out /var/www/keyward.crl

Let it run again before the days are over: a list that is past its time is not believed any more."
)]
struct Crl {
    /// Each tenant has an authority of its own.
    #[arg(long, default_value = "default")]
    tenant: String,
    /// For how long the list is good.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// DER instead of PEM.
    #[arg(long, requires = "out")]
    der: bool,
    /// The file to be written; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

impl CertificateAuthorityFamily {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Show(command) => super::block_on(command.run()),
            Command::Crl(command) => super::block_on(command.run()),
        }
    }
}

/// A tenant's authority, with what it takes to sign with it.
struct Desk {
    opened: Opened,
    freshness: Freshness,
}

impl Desk {
    async fn open(place: &Place) -> Result<Desk, Failure> {
        Ok(Desk {
            opened: assembly::open(&place.config()?).await?,
            freshness: Freshness::default(),
        })
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            rows: Rows {
                store: &self.opened.store,
                hsm: &self.opened.hsm,
                freshness: &self.freshness,
            },
            deployment: &self.opened.deployment,
            now: self.opened.clock.now(),
            by: ADMINISTRATOR,
        }
    }

    async fn authority(&self, tenant: &str) -> Result<Verified<Authority>, Failure> {
        let (store, hsm) = (&self.opened.store, &self.opened.hsm);
        let number: TenantId = founding::tenant_named(store, hsm, tenant)
            .await?
            .ok_or_else(|| Failure::Refused(format!("there is no tenant {tenant:?}")))?;
        Ok(self.ground().authority(number, tenant).await?)
    }
}

fn pem(label: &'static str, der: &[u8]) -> Result<String, Failure> {
    encode_string(label, LineEnding::LF, der)
        .map_err(|error| Failure::Refused(format!("{label} cannot be written in PEM: {error}")))
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let desk = Desk::open(&self.place).await?;
        let authority = desk.authority(&self.tenant).await?.body;
        let pem = pem("CERTIFICATE", &authority.certificate)?;
        if !self.json {
            print!("{pem}");
            return Ok(());
        }
        let parsed = Certificate::parse(&authority.certificate)
            .map_err(|error| Failure::Refused(format!("the authority's certificate: {error}")))?;
        let shown = serde_json::json!({
            "tenant": self.tenant,
            "subject": parsed.subject.text,
            "serial": parsed.serial_text(),
            "fingerprint": hex::encode(Sha256::digest(&authority.certificate)),
            "unique_identifier": authority.object,
            "certificate": pem,
        });
        println!("{shown}");
        Ok(())
    }
}

impl Crl {
    async fn run(self) -> Result<(), Failure> {
        let desk = Desk::open(&self.place).await?;
        let authority = desk.authority(&self.tenant).await?;
        let ground = desk.ground();
        let revoked = ground.revoked(authority.tenant).await?;
        let until = ground.now + i64::from(self.days) * 86_400;
        let list = ground.revocation_list(&authority, &revoked, until).await?;
        let text = match self.der {
            true => list,
            false => pem("X509 CRL", &list)?.into_bytes(),
        };
        match &self.out {
            Some(path) => std::fs::write(path, text).map_err(Failure::path(path))?,
            None => print!("{}", String::from_utf8_lossy(&text)),
        }
        eprintln!(
            "{} certificates are revoked; the next list is due within {} days",
            revoked.len(),
            self.days
        );
        Ok(())
    }
}
