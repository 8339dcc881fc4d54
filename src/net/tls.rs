//! The TLS side of the ports: which certificate is shown, which are accepted, and how both are
//! exchanged while the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};
use openssl::ssl::SslContext;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{
    ProducesTickets, ServerSessionMemoryCache, StoresServerSessions,
};
use tokio_rustls::rustls::{self, ServerConfig, SupportedProtocolVersion};

use super::legacy::{self, LegacyFiles};
use super::trust::{ClientAuthorities, Optional, Trust};

/// TLS 1.2 sessions kept for clients that cannot do tickets; a few hundred bytes and the
/// client's certificates each.
const SESSION_IDS: usize = 1024;

/// Where the certificates are. PEM throughout.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate and the intermediates up to its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Authorities of clients; none at all is allowed, then only registered certificates enter.
    pub client_authorities: Vec<PathBuf>,
    pub revocations: Option<PathBuf>,
    /// See [`ClientAuthorities::revocations_complete`].
    pub revocations_complete: bool,
    pub minimum: TlsMinimum,
    /// Where the legacy port is served: what it shows.
    pub legacy: Option<LegacyFiles>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMinimum {
    Tls12,
    Tls13,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: {cause}")]
    File { path: PathBuf, cause: String },
    #[error("{path} holds no {what}; expected PEM")]
    Empty { path: PathBuf, what: &'static str },
    #[error("the certificates do not work together: {0}")]
    Refused(#[from] rustls::Error),
    #[error("the certificate of the legacy port does not serve TLS 1.2: {0}")]
    Legacy(#[from] openssl::error::ErrorStack),
}

/// What a port keeps over reloads. What may be resumed on one port may not be on the other,
/// because they ask different things of a client.
#[derive(Debug)]
struct Port {
    verifier: Arc<dyn ClientCertVerifier>,
    tickets: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
    protocols: Vec<Vec<u8>>,
}

/// The certificates in use; [`Tls::reload`] exchanges them for what the files hold by then.
/// New handshakes get the new ones, connections keep what they have, if it is still trusted.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    trust: Arc<Trust>,
    kmip: Port,
    kmip_now: ArcSwap<ServerConfig>,
    https: Port,
    https_now: ArcSwap<ServerConfig>,
    legacy_now: ArcSwapOption<SslContext>,
    stamps: Mutex<Vec<Stamp>>,
}

/// When and how large a file was when it was read.
type Stamp = Option<(SystemTime, u64)>;

/// What the files hold.
struct Material {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    authorities: ClientAuthorities,
    legacy: Option<SslContext>,
}

impl Tls {
    /// Reads the files. `probes_without_certificate`: the HTTPS port lets clients without a
    /// certificate through its handshake, to its health pages.
    pub fn open(files: TlsFiles, probes_without_certificate: bool) -> Result<Tls, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let stamps = Mutex::new(files.stamps());
        let material = files.read()?;
        let trust = Arc::new(Trust::new(Arc::clone(&provider), &material.authorities)?);
        let mandatory: Arc<dyn ClientCertVerifier> = Arc::clone(&trust) as _;
        let https_verifier = match probes_without_certificate {
            true => Arc::new(Optional(Arc::clone(&trust))),
            false => Arc::clone(&mandatory),
        };
        let kmip = Port::new(mandatory, Vec::new())?;
        let https = Port::new(https_verifier, vec![b"http/1.1".to_vec()])?;
        let kmip_now = ArcSwap::from_pointee(kmip.configure(&files, &provider, &material)?);
        let https_now = ArcSwap::from_pointee(https.configure(&files, &provider, &material)?);
        Ok(Tls {
            files,
            provider,
            trust,
            kmip,
            kmip_now,
            https,
            https_now,
            legacy_now: ArcSwapOption::from_pointee(material.legacy),
            stamps,
        })
    }

    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    pub(super) fn kmip(&self) -> Arc<ServerConfig> {
        self.kmip_now.load_full()
    }

    pub(super) fn https(&self) -> Arc<ServerConfig> {
        self.https_now.load_full()
    }

    /// None: there is no legacy port.
    pub(super) fn legacy(&self) -> Option<Arc<SslContext>> {
        self.legacy_now.load_full()
    }

    /// Reads the files again. Nothing changes unless all of them are good.
    pub fn reload(&self) -> Result<(), TlsError> {
        // Taken before reading: a file that changes meanwhile is then seen as changed.
        let stamps = self.files.stamps();
        let material = self.files.read()?;
        let kmip = self
            .kmip
            .configure(&self.files, &self.provider, &material)?;
        let https = self
            .https
            .configure(&self.files, &self.provider, &material)?;
        self.trust.replace(&material.authorities)?;
        self.kmip_now.store(Arc::new(kmip));
        self.https_now.store(Arc::new(https));
        self.legacy_now.store(material.legacy.map(Arc::new));
        *self.stamps.lock().unwrap_or_else(PoisonError::into_inner) = stamps;
        Ok(())
    }

    /// Looks at the files every `period` and reloads when one has another time or size. A failed
    /// attempt is logged and repeated only when they change again. Never returns.
    pub async fn watch(&self, period: Duration) {
        loop {
            tokio::time::sleep(period).await;
            let now = self.files.stamps();
            if *self.stamps.lock().unwrap_or_else(PoisonError::into_inner) == now {
                continue;
            }
            self.reload_logged();
            *self.stamps.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }

    /// [`Tls::reload`] where nobody waits for the result.
    pub fn reload_logged(&self) {
        match self.reload() {
            Ok(()) => tracing::info!("certificates reloaded"),
            Err(error) => {
                tracing::error!(%error, "certificates not reloaded, the old ones stay in use")
            }
        }
    }
}

impl Port {
    fn new(
        verifier: Arc<dyn ClientCertVerifier>,
        protocols: Vec<Vec<u8>>,
    ) -> Result<Port, TlsError> {
        let sessions = ServerSessionMemoryCache::new(SESSION_IDS);
        Ok(Port {
            verifier,
            tickets: aws_lc_rs::Ticketer::new()?,
            sessions,
            protocols,
        })
    }

    fn configure(
        &self,
        files: &TlsFiles,
        provider: &Arc<CryptoProvider>,
        material: &Material,
    ) -> Result<ServerConfig, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(files.minimum.versions())?
            .with_client_cert_verifier(Arc::clone(&self.verifier))
            .with_single_cert(material.chain.clone(), material.key.clone_key())?;
        config.session_storage = Arc::clone(&self.sessions);
        config.ticketer = Arc::clone(&self.tickets);
        config.alpn_protocols.clone_from(&self.protocols);
        // Early data can be replayed, and a replayed Destroy is a destroyed key (DESIGN §6).
        config.max_early_data_size = 0;
        Ok(config)
    }
}

impl TlsMinimum {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static FROM_12: [&SupportedProtocolVersion; 2] =
            [&rustls::version::TLS13, &rustls::version::TLS12];
        static FROM_13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
        match self {
            TlsMinimum::Tls12 => &FROM_12,
            TlsMinimum::Tls13 => &FROM_13,
        }
    }
}

impl TlsFiles {
    fn read(&self) -> Result<Material, TlsError> {
        let chain = certificates(&self.certificate)?;
        let key = private_key(&self.key)?;
        let legacy = match &self.legacy {
            Some(files) => {
                let chain = certificates(&files.certificate)?;
                Some(legacy::context(&chain, &private_key(&files.key)?)?)
            }
            None => None,
        };
        let mut authorities = ClientAuthorities {
            revocations_complete: self.revocations_complete,
            ..Default::default()
        };
        for path in &self.client_authorities {
            authorities.certificates.extend(certificates(path)?);
        }
        if let Some(path) = &self.revocations {
            authorities.revocations =
                pem_items::<CertificateRevocationListDer>(path, "revocation list")?;
        }
        Ok(Material {
            chain,
            key,
            authorities,
            legacy,
        })
    }

    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |path: &PathBuf| {
            let data = std::fs::metadata(path).ok()?;
            Some((data.modified().ok()?, data.len()))
        };
        let legacy = self.legacy.iter();
        [&self.certificate, &self.key]
            .into_iter()
            .chain(legacy.flat_map(|files| [&files.certificate, &files.key]))
            .chain(&self.client_authorities)
            .chain(&self.revocations)
            .map(stamp)
            .collect()
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|cause| match cause {
        pem::Error::NoItemsFound => TlsError::Empty {
            path: path.to_owned(),
            what: "private key",
        },
        // Not the cause's own words: they may quote the file.
        pem::Error::Io(cause) => TlsError::File {
            path: path.to_owned(),
            cause: cause.to_string(),
        },
        _ => TlsError::File {
            path: path.to_owned(),
            cause: "not a private key in PEM".to_owned(),
        },
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    pem_items(path, "certificate")
}

fn pem_items<T: PemObject>(path: &Path, what: &'static str) -> Result<Vec<T>, TlsError> {
    let fail = |cause: pem::Error| TlsError::File {
        path: path.to_owned(),
        cause: cause.to_string(),
    };
    let items = T::pem_file_iter(path)
        .map_err(fail)?
        .collect::<Result<Vec<T>, _>>()
        .map_err(fail)?;
    if items.is_empty() {
        return Err(TlsError::Empty {
            path: path.to_owned(),
            what,
        });
    }
    Ok(items)
}
