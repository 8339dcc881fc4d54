//! Puts the server together: store, token, engine. The one place that knows them all.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus_client::registry::Registry;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::{Failure, token_process};
use crate::clock::Clock;
use crate::config::{Config, DatabaseUrl, IdentityMapping, Replica, TokenSource};
use crate::engine::Engine;
use crate::engine::directory::{MappingField, fingerprint_key};
use crate::engine::founding::{self, FIRST_TENANT, FoundingError, Opening};
use crate::engine::freshness::Freshness;
use crate::engine::key_cache::Bounds;
use crate::engine::service::KmipService;
use crate::engine::session::register::{NewUser, Register};
use crate::engine::settings::{CertificateSettings, MessageLimits, Settings};
use crate::engine::tenant::{Classes, Identity, Tenant};
use crate::hsm::{Hsm, HsmError, Pin, Program, Replicas, Source};
use crate::net::{Fingerprint, Readiness, Service, Standing, Trust};
use crate::store::{Options, Store, StoreError};

/// What the network side is given.
pub(super) struct Assembled<S> {
    pub(super) engine: Arc<Engine>,
    pub(super) service: Arc<S>,
    pub(super) ready: Readiness,
}

/// Store and token of a configuration, founded where they are new.
pub(super) struct Opened {
    pub(super) store: Arc<Store>,
    pub(super) hsm: Arc<Hsm>,
    pub(super) deployment: String,
    pub(super) clock: Clock,
}

/// How often readiness and the list of registered certificates are looked at.
const LOOK: Duration = Duration::from_secs(1);

fn url(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    }
}

/// The token as the room behind it is told, of a deployment whose masters were made in a ceremony
/// or not.
pub(super) fn token(
    config: &Config,
    deployment: &str,
    ceremony: bool,
) -> Result<crate::hsm::Config, HsmError> {
    let (source, hardware) = match &config.token_source {
        TokenSource::Embedded { directory } => (embedded(directory), false),
        TokenSource::Module {
            path,
            label,
            pin_file,
            hardware,
        } => (module(path, label, pin_file)?, *hardware),
    };
    let replicas = config.token.replicas.iter().map(|replica| match replica {
        Replica::Embedded(directory) => Ok(embedded(directory)),
        Replica::Module {
            path,
            label,
            pin_file,
        } => module(path, label, pin_file),
    });
    Ok(crate::hsm::Config {
        source,
        deployment: deployment.to_owned(),
        node: config.server.node.as_str().to_owned(),
        workers: config.token.workers.get(),
        loaded_keys: config.token.loaded_keys.get(),
        hardware,
        replicas: Replicas::new(replicas.collect::<Result<_, HsmError>>()?, ceremony),
        isolation: None,
    })
}

fn embedded(directory: &Path) -> Source {
    Source::Embedded {
        dir: directory.to_owned(),
    }
}

fn module(path: &Path, label: &str, pin_file: &Path) -> Result<Source, HsmError> {
    Ok(Source::Module {
        path: path.to_owned(),
        label: label.to_owned(),
        pin: pin(pin_file)?,
    })
}

/// The PIN without the line end that editors leave.
fn pin(file: &Path) -> Result<Pin, HsmError> {
    let mut pin = Zeroizing::new(std::fs::read(file).map_err(|error| {
        HsmError::Unavailable(format!(
            "the PIN file {} cannot be read: {error}",
            file.display()
        ))
    })?);
    while pin.last().is_some_and(u8::is_ascii_whitespace) {
        pin.pop();
    }
    Ok(Pin(pin))
}

/// Opens what `config` names, for a command: the embedded token is in this process, which soon ends.
pub(super) async fn open(config: &Config) -> Result<Opened, Failure> {
    open_isolated(config, None).await
}

/// The same for a server: the embedded token is where `token.isolation` says.
pub(super) async fn open_to_serve(config: &Config) -> Result<Opened, Failure> {
    open_isolated(config, token_process::program(config)).await
}

/// The first time it makes the deployment and its first tenant.
async fn open_isolated(config: &Config, isolation: Option<Program>) -> Result<Opened, Failure> {
    open_with(config, |opening| {
        let mut token = token(config, opening.deployment, opening.ceremony)?;
        token.isolation = isolation;
        match opening.first {
            true => Hsm::init(token),
            false => Hsm::open(token),
        }
    })
    .await
}

pub(super) async fn store(config: &Config) -> Result<Arc<Store>, Failure> {
    let options = Options {
        url: url(&config.database.url),
        migrate_url: config.database.migrate_url.as_ref().map(url),
        connections: config.database.connections.get(),
    };
    Ok(Arc::new(Store::open_with(&options).await?))
}

/// The same with a token that `token` opens.
pub(super) async fn open_with(
    config: &Config,
    token: impl FnOnce(Opening<'_>) -> Result<Hsm, HsmError>,
) -> Result<Opened, Failure> {
    let clock = Clock::System;
    let store = store(config).await?;
    let first = Tenant {
        name: "default".to_owned(),
        share: true,
        duplicate_names: false,
        withheld: Vec::new(),
        classes: Classes::default(),
    };
    let (hsm, deployment) = founding::token(&store, &clock, &first, token).await?;
    Ok(Opened {
        store,
        hsm,
        deployment,
        clock,
    })
}

/// Registers the first client of a quickstart, once.
pub(super) async fn enrol(opened: &Opened, name: &str, certificate: &Path) -> Result<(), Failure> {
    let der = CertificateDer::from_pem_file(certificate)
        .map_err(|error| Failure::Certificate(certificate.to_owned(), error.to_string()))?;
    let key = fingerprint_key(&der);
    let known = founding::identities(&opened.store, &opened.hsm).await?;
    if known
        .iter()
        .any(|identity| identity.certificates.contains(&key))
    {
        return Ok(());
    }
    let identity = Identity {
        name: name.to_owned(),
        created: opened.clock.now(),
        // The first client may do whatever the standard lets a client do.
        profiles: vec![crate::engine::access::STANDARD.to_owned()],
        requires_credential: false,
        derive: Vec::new(),
    };
    let added =
        founding::add_identity(&opened.store, &opened.hsm, FIRST_TENANT, &identity, &key).await;
    match added {
        // The client gave itself another certificate (Re-Provision): this one stays retired.
        Err(FoundingError::Store(StoreError::Exists)) => Ok(()),
        other => Ok(other?),
    }
}

/// Users that the standard's test cases name and none of them makes (TC-CREG-2). They open nothing:
/// a credential only narrows what a certificate may do.
const SUITE_USERS: [(&str, &str); 1] = [("one-time-user", "one-time-password")];

/// Makes the users of the test suites, once. Only ever called with `--interop`.
pub(super) async fn suite_users(opened: &Opened) -> Result<(), Failure> {
    let register = Register {
        store: &opened.store,
        hsm: &opened.hsm,
        clock: &opened.clock,
        tenant: FIRST_TENANT,
        freshness: Freshness::default(),
    };
    let known = register.list().await?;
    for (name, password) in SUITE_USERS {
        if known.iter().any(|user| user.name == name) {
            continue;
        }
        let new = NewUser {
            name,
            password: Some(password),
            hashed: true,
            device: None,
            identity: None,
            operations: None,
        };
        register.add(new).await?;
    }
    Ok(())
}

fn settings(config: &Config) -> Settings {
    let limits = &config.limits;
    Settings {
        node: config.server.node.as_str().to_owned(),
        limits: MessageLimits {
            ttlv: ttlv::Limits {
                depth: limits.depth.get(),
                items: limits.items.get(),
                bytes: limits.message_bytes.get(),
            },
            batch: limits.batch.get(),
            response: limits.response_bytes.get(),
            ..MessageLimits::default()
        },
        mapping: vec![MappingField::Fingerprint, mapping(config.identity.mapping)],
        strict_audit: config.audit.strict,
        anchor: config.audit.anchor.clone(),
        https: config.https.listen.is_some(),
        archive: config.archive.directory.clone(),
        archive_orphans: config.archive.orphans.get(),
        lease_time: u32::try_from(limits.lease.get().as_secs()).unwrap_or(u32::MAX),
        interop: config.server.interop,
        certificates: CertificateSettings {
            longest: i64::try_from(config.certificates.days.get()).unwrap_or(1) * 86_400,
            list_url: (config.certificates.crl_url.as_ref()).map(|url| url.as_str().to_owned()),
            trusted: config.certificates.trusted.clone(),
            revocations: config.certificates.crl.clone(),
        },
        rotation: config.server.rotation.get(),
        rewrap_rate: config.token.rewrap_rate.get() as u64,
        cached: Bounds {
            keys: config.cached.keys.get(),
            age: config.cached.age.get(),
        },
    }
}

fn mapping(mapping: IdentityMapping) -> MappingField {
    match mapping {
        IdentityMapping::Fingerprint => MappingField::Fingerprint,
        IdentityMapping::Subject => MappingField::Subject,
        IdentityMapping::CommonName => MappingField::CommonName,
        IdentityMapping::SanDns => MappingField::SanDns,
        IdentityMapping::SanEmail => MappingField::SanEmail,
        IdentityMapping::SanUri => MappingField::SanUri,
    }
}

/// Starts the engine. `trust` is told of certificates registered by fingerprint, now and whenever
/// they change.
pub(super) async fn assemble(
    config: &Config,
    opened: Opened,
    registry: &mut Registry,
    trust: &Arc<Trust>,
) -> Result<Assembled<impl Service>, Failure> {
    if config.server.interop {
        tracing::warn!(
            "the Interop operation is served: this is for test suites, never for production"
        );
    }
    let engine = Engine::open(
        opened.store,
        opened.hsm,
        opened.clock,
        settings(config),
        opened.deployment,
    )
    .await?;
    engine.metrics.register(registry);
    engine.metrics.tokens(&engine.hsm.tokens());
    trust.register(registered(&engine).await?);
    let ready = Arc::new(AtomicBool::new(true));
    tokio::spawn(watch(
        Arc::clone(&engine),
        Arc::clone(trust),
        Arc::clone(&ready),
    ));
    let hsm = Arc::clone(&engine.hsm);
    let ready: Readiness = Arc::new(move || match ready.load(Ordering::Acquire) {
        true if hsm.tokens().iter().any(|token| token.away.is_some()) => Ok(Standing::Degraded),
        true => Ok(Standing::Whole),
        false => Err("the token or the database does not answer".to_owned()),
    });
    let service = Arc::new(KmipService::new(Arc::clone(&engine)));
    Ok(Assembled {
        engine,
        service,
        ready,
    })
}

async fn registered(engine: &Engine) -> Result<HashSet<Fingerprint>, Failure> {
    let identities = founding::identities(&engine.store, &engine.hsm).await?;
    let certificates = identities
        .iter()
        .filter(|identity| identity.revoked.is_none())
        .flat_map(|identity| &identity.certificates);
    Ok(certificates
        .filter_map(|key| key.strip_prefix("fingerprint:"))
        .filter_map(|digits| hex::decode(digits).ok())
        .filter_map(|bytes| Fingerprint::try_from(bytes).ok())
        .collect())
}

/// Keeps readiness and the registered certificates up to date.
async fn watch(engine: Arc<Engine>, trust: Arc<Trust>, ready: Arc<AtomicBool>) {
    let mut known = engine.directory.generation();
    loop {
        tokio::time::sleep(LOOK).await;
        ready.store(engine.ready().await, Ordering::Release);
        engine.metrics.tokens(&engine.hsm.tokens());
        let generation = engine.directory.generation();
        if generation != known {
            match registered(&engine).await {
                Ok(fingerprints) => {
                    trust.register(fingerprints);
                    known = generation;
                }
                Err(error) => tracing::warn!(%error, "the registered certificates cannot be read"),
            }
        }
    }
}
