//! `keyward serve`: the production form, and what it shares with quickstart.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{Failure, assembly};
use crate::config::{Config, LogFormat, MinimumTls};
use crate::net::{
    LegacyFiles, Limits, NetMetrics, Pages, Parts, Server, Tls, TlsFiles, TlsMinimum,
};
use crate::secret;

/// Serves what a configuration describes, until SIGTERM.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: keyward serve --config /etc/keyward/keyward.toml

SIGTERM and SIGINT end it once the open requests are answered, SIGHUP reads the certificates again."
)]
pub(super) struct Serve {
    /// TOML, as `keyward config show` explains it; each key is also set by environment.
    #[arg(long, value_name = "FILE", env = "KEYWARD_CONFIG")]
    config: Option<PathBuf>,
}

/// Where the ports are, as bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) kmip: SocketAddr,
    pub(super) https: Option<SocketAddr>,
    pub(super) legacy: Option<SocketAddr>,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let loaded = Config::load(self.config.as_deref(), environment())?;
        start_log(&loaded.config)?;
        loaded
            .warnings
            .iter()
            .for_each(|warning| tracing::warn!("{warning}"));
        run(&loaded.config, None, |addresses| {
            super::screen::ready(*addresses);
            Ok(())
        })
    }
}

/// The environment's variables that are text; others cannot be ours.
pub(super) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name != "KEYWARD_CONFIG")
}

pub(super) fn start_log(config: &Config) -> Result<(), Failure> {
    // Migrations tell of every start at the level info.
    let filter = EnvFilter::try_new(format!("refinery_core=warn,{}", config.log.level.as_str()))
        .map_err(|error| Failure::Log(error.to_string()))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.log.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Serves until told to end. `ready` is called once, when connections are accepted.
pub(super) fn run(
    config: &Config,
    first_client: Option<(&str, &std::path::Path)>,
    ready: impl FnOnce(&Addresses) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if config.server.lock_memory {
        secret::lock_memory().map_err(Failure::io("server.lock_memory"))?;
    } else if secret::swaps() {
        tracing::warn!(
            "this host swaps, and keys may reach its disk: set server.lock_memory, or encrypt the swap"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("the threads of the server"))?;
    let served = runtime.block_on(serve(config, first_client, ready));
    // What still runs is cut off; whatever was acknowledged is in the database.
    runtime.shutdown_background();
    served
}

async fn serve(
    config: &Config,
    first_client: Option<(&str, &std::path::Path)>,
    ready: impl FnOnce(&Addresses) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // First of all, or a signal during the start would end the process rudely.
    let (end, hang_up) = (
        ended()?,
        signal(SignalKind::hangup()).map_err(Failure::io("SIGHUP"))?,
    );
    let tls = Arc::new(Tls::open(
        tls_files(config),
        config.https.probes_without_certificate,
    )?);
    let [https, legacy] = [&config.https.listen, &config.legacy.listen]
        .map(|it| it.as_ref().map(ToString::to_string));
    let kmip = config.server.listen.to_string();
    let server = Server::bind(&kmip, https.as_deref(), legacy.as_deref())
        .await
        .map_err(Failure::io("the address cannot be served"))?;
    if let Some(address) = &legacy {
        tracing::warn!(
            %address,
            "legacy.listen is served: TLS 1.2 with CBC and RSA key exchange, without forward secrecy \
             where the client wants it so. Only for clients that cannot do better; let no other reach it"
        );
    }
    let mut registry = Registry::default();
    let metrics = NetMetrics::register(&mut registry);
    let opened = assembly::open_to_serve(config).await?;
    if let Some((name, certificate)) = first_client {
        assembly::enrol(&opened, name, certificate).await?;
        if config.server.interop {
            assembly::suite_users(&opened).await?;
        }
    }
    let assembled = assembly::assemble(config, opened, &mut registry, tls.trust()).await?;
    let addresses = Addresses {
        kmip: server.kmip_address().map_err(Failure::io("listen"))?,
        https: server
            .https_address()
            .map_err(Failure::io("https.listen"))?,
        legacy: server
            .legacy_address()
            .map_err(Failure::io("legacy.listen"))?,
    };
    let parts = Parts {
        service: assembled.service,
        tls: Arc::clone(&tls),
        limits: limits(config),
        metrics,
        pages: Pages {
            registry: Arc::new(registry),
            ready: assembled.ready,
        },
    };
    let watch = tokio::spawn(follow(Arc::clone(&tls), config.tls.watch.get(), hang_up));
    ready(&addresses)?;
    let cut = server.run(parts, end).await;
    watch.abort();
    // Records of reads wait up to 100 ms; none is lost by an orderly end.
    let drain = config.limits.drain.get();
    if tokio::time::timeout(drain, assembled.engine.close())
        .await
        .is_err()
    {
        tracing::error!("the last audit records could not be written within limits.drain");
    }
    if cut > 0 {
        tracing::warn!(
            connections = cut,
            "cut off: their requests took longer than limits.drain"
        );
    }
    Ok(())
}

/// Reloads the certificates when they change and when SIGHUP asks for it.
async fn follow(
    tls: Arc<Tls>,
    period: std::time::Duration,
    mut hang_up: tokio::signal::unix::Signal,
) {
    let asked = async {
        while hang_up.recv().await.is_some() {
            tls.reload_logged();
        }
    };
    tokio::join!(tls.watch(period), asked);
}

/// Completes at SIGTERM or SIGINT.
fn ended() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::io("SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::io("SIGINT"))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

pub(super) fn tls_files(config: &Config) -> TlsFiles {
    let tls = &config.tls;
    TlsFiles {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        client_authorities: tls.client_ca.clone(),
        revocations: tls.crl.clone(),
        revocations_complete: tls.crl_complete,
        minimum: match tls.minimum {
            MinimumTls::Tls12 => TlsMinimum::Tls12,
            MinimumTls::Tls13 => TlsMinimum::Tls13,
        },
        legacy: config.legacy.listen.is_some().then(|| {
            let or = |own: &Option<PathBuf>, else_: &PathBuf| own.clone().unwrap_or(else_.clone());
            LegacyFiles {
                certificate: or(&config.legacy.certificate, &tls.certificate),
                key: or(&config.legacy.key, &tls.key),
            }
        }),
    }
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        message: limits.message_bytes.get(),
        connections: limits.connections.get(),
        handshake: limits.handshake.get(),
        idle: limits.idle.get(),
        request: limits.request.get(),
        response: limits.response.get(),
        drain: limits.drain.get(),
    }
}
