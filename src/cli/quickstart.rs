//! `keyward quickstart`: a server from nothing, in one directory.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, screen, serve};
use crate::config::{Address, Config, DatabaseUrl};
use crate::pki::Pki;
use crate::secret::{private_directory, write_private};

/// Common Name of the first client's certificate.
pub(super) const FIRST_CLIENT: &str = "first-client";

/// Makes a server in a directory, or takes the one that is there, and serves until SIGTERM.
///
/// The first time it makes certificates, a token with its masters, and a database.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward quickstart --dir ./keyward-data --https 127.0.0.1:5697

Every key of `keyward config show` that has no option here can be set by environment."
)]
pub(super) struct Quickstart {
    /// Where everything is kept; only its owner can enter it.
    #[arg(long, value_name = "DIR", default_value = "./keyward-data")]
    dir: PathBuf,
    /// Where KMIP is served.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5696")]
    listen: Address,
    /// Where KMIP over HTTPS, /healthz, /readyz and /metrics are served.
    #[arg(long, value_name = "HOST:PORT")]
    https: Option<Address>,
    /// postgres://USER@HOST/NAME, or sqlite:PATH [default: SQLite in DIR]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// A PKCS#11 library [default: the embedded token, in DIR]
    #[arg(long, value_name = "MODULE.so", requires_all = ["token_label", "token_pin_file"])]
    token: Option<PathBuf>,
    /// The label of the token in that library.
    #[arg(long, value_name = "LABEL", requires = "token")]
    token_label: Option<String>,
    /// A file that holds the token's PIN.
    #[arg(long, value_name = "FILE", requires = "token")]
    token_pin_file: Option<PathBuf>,
    /// Answer the Interop operation, for test suites. Never in production.
    #[arg(long)]
    interop: bool,
}

const REPLICAS: &str = "KEYWARD_TOKEN_REPLICAS";

impl Quickstart {
    pub(super) fn run(self) -> Result<(), Failure> {
        private_directory(&self.dir).map_err(Failure::path(&self.dir))?;
        // Printed paths must work from anywhere.
        let dir = self.dir.canonicalize().map_err(Failure::path(&self.dir))?;
        let hosts = [Some(&self.listen), self.https.as_ref()];
        let hosts: Vec<String> = hosts
            .into_iter()
            .flatten()
            .map(|address| address.host().to_owned())
            .collect();
        let pki = Pki::open(&dir.join("pki"), &hosts)?;
        let client = pki.first_client(FIRST_CLIENT)?;
        // For later starts and for the other commands: `keyward client add NAME --dir DIR`.
        let file = dir.join(super::place::FILE);
        let settings = self.settings(&dir, &pki, &Earlier::read(&file));
        write_private(&file, Config::file_of(&settings).as_bytes())
            .map_err(Failure::path(&file))?;
        let loaded = Config::load(None, serve::environment().chain(settings))?;
        serve::start_log(&loaded.config)?;
        loaded
            .warnings
            .iter()
            .for_each(|warning| tracing::warn!("{warning}"));
        let config = loaded.config;
        let first = (FIRST_CLIENT, client.certificate.clone());
        serve::run(&config, Some((first.0, &first.1)), |addresses| {
            screen::quickstart(&config, *addresses, &pki, &client);
            screen::ready(*addresses);
            Ok(())
        })
    }

    /// What the options say, in the words of the environment.
    fn settings(&self, dir: &Path, pki: &Pki, earlier: &Earlier) -> Vec<(String, String)> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let server = pki.server();
        let mut settings = vec![
            ("KEYWARD_LISTEN", self.listen.to_string()),
            (
                "KEYWARD_HTTPS_LISTEN",
                self.https
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
            ("KEYWARD_INTEROP", self.interop.to_string()),
            ("KEYWARD_AUDIT_ANCHOR", text(dir.join("anchor"))),
            ("KEYWARD_ARCHIVE_DIRECTORY", text(dir.join("archive"))),
            ("KEYWARD_TLS_CERTIFICATE", text(server.certificate)),
            ("KEYWARD_TLS_KEY", text(server.key)),
            ("KEYWARD_TLS_CLIENT_CA", text(pki.client_authority())),
            (
                "KEYWARD_DATABASE_URL",
                self.database
                    .clone()
                    .or_else(|| earlier.value("database", "url"))
                    .unwrap_or(format!("sqlite:{}", text(dir.join("keyward.db")))),
            ),
        ];
        match &self.token {
            None if earlier.value("token", "kind").as_deref() == Some("module") => {
                let value = |key| earlier.value("token", key).unwrap_or_default();
                settings.extend([
                    ("KEYWARD_TOKEN_KIND", value("kind")),
                    ("KEYWARD_TOKEN_PATH", value("path")),
                    ("KEYWARD_TOKEN_LABEL", value("label")),
                    ("KEYWARD_TOKEN_PIN_FILE", value("pin_file")),
                ]);
            }
            None => settings.extend([
                ("KEYWARD_TOKEN_KIND", "embedded".to_owned()),
                ("KEYWARD_TOKEN_PATH", text(dir.join("token"))),
            ]),
            Some(module) => settings.extend([
                ("KEYWARD_TOKEN_KIND", "module".to_owned()),
                ("KEYWARD_TOKEN_PATH", text(module.clone())),
                (
                    "KEYWARD_TOKEN_LABEL",
                    self.token_label.clone().unwrap_or_default(),
                ),
                (
                    "KEYWARD_TOKEN_PIN_FILE",
                    self.token_pin_file.clone().map(text).unwrap_or_default(),
                ),
            ]),
        }
        // What the environment says for this start counts for this start.
        let replicas = earlier.list("token", "replicas");
        if !replicas.is_empty() && std::env::var_os(REPLICAS).is_none() {
            settings.push((REPLICAS, replicas));
        }
        settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// What an earlier start in the directory was told: a later one need not be told again which
/// database and token hold its keys.
struct Earlier(toml::Table);

impl Earlier {
    /// Nothing, where there was no earlier start.
    fn read(file: &Path) -> Earlier {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        Earlier(text.parse().unwrap_or_default())
    }

    fn value(&self, section: &str, key: &str) -> Option<String> {
        let value = self.0.get(section)?.get(key)?.as_str()?;
        Some(value.to_owned())
    }

    /// A list as the environment has it.
    fn list(&self, section: &str, key: &str) -> String {
        let list = self.0.get(section).and_then(|section| section.get(key));
        let parts = list.and_then(|list| list.as_array()).into_iter().flatten();
        let parts: Vec<&str> = parts.filter_map(|part| part.as_str()).collect();
        parts.join(",")
    }
}

/// How the database is called on the screen: without its password.
pub(super) fn shown(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(path) => format!("SQLite, {}", path.display()),
        DatabaseUrl::Postgres(_) => "PostgreSQL".to_owned(),
    }
}
