//! Knows who asks, opens the doors, runs the batch, writes the audit.

pub mod access;
pub mod archive;
pub mod asynchronous;
pub mod authority;
pub mod batch;
pub mod client_profile;
pub mod context;
pub mod credential;
pub mod cryptoki;
pub mod directory;
pub mod endpoint;
pub mod entity;
pub mod envelope;
pub mod error;
#[cfg(test)]
pub(crate) mod fixture;
pub mod founding;
pub mod freshness;
pub mod granting;
pub mod key_cache;
pub mod lease;
pub mod masters;
pub mod metrics;
pub mod rotation;
pub mod row;
pub mod service;
pub mod session;
pub mod settings;
pub mod streams;
pub mod tenant;
pub mod text;
pub mod token_error;
pub mod turns;
mod unread;
pub mod unsettled;
mod verified;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls_pki_types::CertificateDer;

use self::batch::Sender;
use self::directory::{Caller, Directory, Stranger};
use self::endpoint::{Endpoints, Roles};
use self::error::{Fault, Reason};
use self::freshness::Freshness;
use self::key_cache::KeyCache;
use self::lease::Lease;
use self::metrics::Metrics;
use self::session::Doorman;
use self::settings::Settings;
use self::streams::Streams;
use self::turns::Turns;
use self::verified::Verified;
use crate::audit::Audit;
use crate::audit::sealer::{self, SealError, Sealer};
use crate::clock::Clock;
use crate::hsm::Hsm;
use crate::object::index;
use crate::object::managed::{Sealed, Unsound};
use crate::object::service::gcm_uses::{GcmUses, Taken};
use crate::store::archive::Archive;
use crate::store::filter::Filter;
use crate::store::record::{Commit, EntityKind, TenantId};
use crate::store::{Store, StoreError};

#[derive(Debug)]
pub struct Engine {
    pub store: Arc<Store>,
    pub hsm: Arc<Hsm>,
    pub clock: Clock,
    pub settings: Settings,
    pub audit: Audit,
    /// None where the database's newest checkpoint is not to be trusted: nothing is signed on top of it.
    pub sealer: Option<Sealer>,
    pub directory: Directory,
    pub metrics: Metrics,
    pub deployment: String,
    freshness: Freshness,
    verified: Verified,
    lease: Lease,
    masters: Arc<masters::Look>,
    pub jobs: asynchronous::Jobs,
    /// Cryptographic operations in several parts.
    pub streams: Streams,
    /// What clients' virtual PKCS#11 libraries hold.
    pub cryptoki: cryptoki::Libraries,
    pub gcm_uses: GcmUses,
    /// Keys of class *cached*.
    pub cached: KeyCache,
    /// Connections on which this server asks.
    pub endpoints: Arc<Endpoints>,
    doorman: Doorman,
    /// Messages that were refused before an operation was known.
    unread: unread::Unread,
    /// For charges against Usage Limits.
    pub turns: Turns,
    /// Where material of archived objects is.
    archive: Archive,
    answers: AtomicU64,
}

/// Why a row cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unsound(#[from] Unsound),
}

impl FetchError {
    pub fn fault(self, identifier: &str) -> Fault {
        match self {
            FetchError::Store(error) => error.into(),
            FetchError::Unsound(error) => context::unsound(identifier, &error),
        }
    }
}

impl Engine {
    pub async fn open(
        store: Arc<Store>,
        hsm: Arc<Hsm>,
        clock: Clock,
        settings: Settings,
        deployment: String,
    ) -> Result<Arc<Engine>, founding::FoundingError> {
        let (node, anchor) = (settings.node.clone(), settings.anchor.as_deref());
        let sealer = Sealer::resume(
            Arc::clone(&store),
            Arc::clone(&hsm),
            &deployment,
            &node,
            anchor,
        )
        .await;
        let sealer = match sealer {
            Ok(sealer) => Some(sealer),
            Err(SealError::Store(error)) => return Err(error.into()),
            Err(SealError::Token(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "the audit log is not sealed");
                None
            }
        };
        let sealed = match &sealer {
            Some(sealer) => Some(sealer.size().await),
            None => None,
        };
        let audit = Audit::open(Arc::clone(&store), node, sealed, settings.strict_audit).await?;
        let doorman = Doorman::new(hsm.random(32).await?);
        let position = store.journal_head().await?;
        let engine = Arc::new(Engine {
            store,
            hsm,
            clock,
            audit,
            sealer,
            directory: Directory::default(),
            metrics: Metrics::default(),
            deployment,
            freshness: Freshness::default(),
            verified: Verified::default(),
            lease: Lease::default(),
            masters: Arc::default(),
            jobs: asynchronous::Jobs::default(),
            streams: Streams::default(),
            cryptoki: cryptoki::Libraries::default(),
            gcm_uses: GcmUses::default(),
            cached: KeyCache::new(settings.cached),
            endpoints: Arc::default(),
            doorman,
            unread: unread::Unread::default(),
            turns: Turns::default(),
            archive: Archive::new(settings.archive.clone()),
            answers: AtomicU64::new(0),
            settings,
        });
        lease::keep(&engine, position);
        key_cache::keep(&engine);
        streams::keep(&engine);
        asynchronous::resume(&engine).await?;
        sealer::keep(&engine);
        archive::keep(&engine);
        rotation::keep(&engine);
        masters::keep(&engine);
        endpoint::keep(&engine);
        unread::keep(&engine);
        Ok(engine)
    }

    /// Who a certificate belongs to; a refusal otherwise.
    pub async fn sender(
        &self,
        certificate: &CertificateDer<'_>,
        fingerprint: &[u8; 32],
        address: String,
    ) -> Sender {
        let remember = self.lease.is_live();
        let caller = self
            .directory
            .caller(
                &self.rows(),
                certificate,
                fingerprint,
                &self.settings.mapping,
                remember,
            )
            .await
            .map_err(|stranger| stranger_fault(&stranger, &address));
        Sender {
            caller,
            address,
            roles: Roles::Fixed,
        }
    }

    /// A tenant's settings and keys, for what the server does by itself.
    async fn tenant(
        &self,
        tenant: TenantId,
    ) -> Result<Arc<directory::TenantInForce>, entity::EntityError> {
        self.directory
            .tenant(&self.rows(), tenant, self.lease.is_live())
            .await
    }

    /// An identity as caller without its certificate, for what it asked for earlier.
    ///
    /// # Errors
    /// When it was revoked since.
    pub async fn caller_named(&self, tenant: TenantId, name: &str) -> Result<Arc<Caller>, Fault> {
        let remember = self.lease.is_live();
        let found = self
            .directory
            .caller_named(&self.rows(), tenant, name, remember)
            .await;
        found
            .map(Arc::new)
            .map_err(|stranger| stranger_fault(&stranger, "server"))
    }

    /// The door to rows that are no objects.
    pub(crate) fn rows(&self) -> entity::Rows<'_> {
        entity::Rows {
            store: &self.store,
            hsm: &self.hsm,
            freshness: &self.freshness,
        }
    }

    /// The tenant's issuing authority (Certify), made where there is none.
    pub async fn issuing_authority(
        &self,
        tenant: TenantId,
        tenant_name: &str,
    ) -> Result<authority::Authority, founding::FoundingError> {
        let ground = authority::Ground {
            rows: self.rows(),
            deployment: &self.deployment,
            now: self.clock.now(),
            by: crate::audit::administration::SERVER,
        };
        Ok(ground.authority(tenant, tenant_name).await?.body)
    }

    /// The same where there is one; nothing is made.
    pub async fn known_issuing_authority(
        &self,
        tenant: TenantId,
    ) -> Result<Option<authority::Authority>, founding::FoundingError> {
        let known = authority::known(&self.rows(), tenant).await?;
        Ok(known.map(|row| row.body))
    }

    /// Unique Identifier of the object of a certificate that the tenant's authority issued.
    pub async fn issued_certificate(
        &self,
        tenant: TenantId,
        serial: &[u8],
    ) -> Result<Option<String>, entity::EntityError> {
        let (rows, key) = (self.rows(), authority::serial_key(serial));
        let row = rows
            .read::<authority::Issued>(EntityKind::IssuedCertificate, tenant, &key)
            .await?;
        Ok(row.map(|row| row.body.object))
    }

    /// A row, verified and not older than what this node has seen.
    pub async fn fetch(
        &self,
        tenant: TenantId,
        identifier: &str,
    ) -> Result<Option<Sealed>, FetchError> {
        let seen = self.freshness.seen(tenant, identifier);
        let fetched = self
            .store
            .fetch(tenant, identifier)
            .await
            .map_err(|error| match error {
                // A row that no server wrote, such as one with half a blob.
                StoreError::Damaged(what) => FetchError::Unsound(Unsound::Damaged(what)),
                other => other.into(),
            });
        let Some(record) = fetched? else {
            return if seen.is_some() {
                Err(Unsound::Gone.into())
            } else {
                Ok(None)
            };
        };
        if seen.is_some_and(|seen| seen > record.version) {
            return Err(Unsound::Stale.into());
        }
        if record.tenant != tenant || record.unique_identifier != identifier {
            return Err(Unsound::Mac.into());
        }
        let version = record.version;
        let object = match self.verified.same(&record) {
            Some(object) => object,
            None => {
                let object = Sealed::verify(&self.hsm, record.clone()).await?;
                self.verified.remember(record, &object);
                object
            }
        };
        if seen != Some(version) {
            self.freshness.note(0, tenant, identifier, version);
        }
        Ok(Some(object))
    }

    /// Whether nobody has changed an object since it was fetched: this node's own changes are known
    /// at once, others' within the lease (DESIGN §1.4).
    pub fn is_newest(&self, object: &Sealed) -> bool {
        self.lease.is_live()
            && self
                .freshness
                .seen(object.tenant, &object.unique_identifier)
                == Some(object.version())
    }

    /// Which hits of a search are hits: index rows are a hint, only objects' rows have a MAC
    /// (`docs/decisions/locate.md`). The order stays.
    ///
    /// # Errors
    /// When the row of a hit is not what was written: it may be the one that is searched for.
    pub async fn confirm(&self, filter: &Filter, hits: Vec<String>) -> Result<Vec<String>, Fault> {
        let mut confirmed = Vec::with_capacity(hits.len());
        for identifier in hits {
            // An object is never deleted, so a hit without a row never was one.
            let fetched = self.fetch(filter.tenant, &identifier).await;
            if let Some(object) = fetched.map_err(|error| error.fault(&identifier))?
                && filter.holds(&object.columns(), &index::entries(&object.attributes))
            {
                confirmed.push(identifier);
            } else {
                tracing::error!(
                    identifier,
                    "the index leads to an object that does not match; it is left out"
                );
            }
        }
        Ok(confirmed)
    }

    /// Writes changes and their audit rows, whole or not at all.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let versions = freshness::versions(&commit);
        self.refuse_old_macs(&commit).await?;
        self.store.apply(commit).await?;
        self.note(versions).await;
        Ok(())
    }

    /// What is written is what this node has seen.
    async fn note(&self, versions: freshness::Versions) {
        let entities = versions
            .iter()
            .any(|(kind, ..)| EntityKind::says_who(*kind));
        // This node's own changes hold at once; others learn of them from the journal.
        if entities {
            self.directory.forget();
            self.cached.clear();
        }
        for (kind, tenant, key, version) in versions {
            self.freshness.note(kind, tenant, &key, version);
            if kind == 0 {
                self.verified.forget(tenant, &key);
                self.forget_key(tenant, &key, version).await;
            }
        }
        if entities {
            self.directory.forget();
            // What is withdrawn holds everywhere once it is answered: other nodes use what they
            // remember for one lease at the most (DESIGN §1.4). SQLite has one node.
            if matches!(*self.store, Store::Postgres(_)) {
                tokio::time::sleep(lease::LENGTH).await;
            }
        }
    }

    /// Takes up to `size` uses of a key out of the `limit` that it has; None when none are left.
    ///
    /// # Errors
    /// `Conflict` when another node took some at the same time: ask again.
    pub async fn take_gcm_uses(
        &self,
        key: &Sealed,
        size: u64,
        limit: u64,
    ) -> Result<Option<u64>, StoreError> {
        let (kind, id) = (EntityKind::GcmUses, key.unique_identifier.as_str());
        let damaged = |error: entity::EntityError| match error {
            entity::EntityError::Store(error) => error,
            entity::EntityError::Unsound(error) => StoreError::Damaged(error.to_string()),
        };
        let row = self.rows().read::<Taken>(kind, key.tenant, id).await;
        let (uses, version) = match row.map_err(damaged)? {
            Some(row) => (row.body.uses, row.version),
            None => (0, 0),
        };
        let taken = size.min(limit.saturating_sub(uses));
        if taken == 0 {
            return Ok(None);
        }
        let body = Taken { uses: uses + taken };
        let change = entity::put(&self.hsm, kind, key.tenant, id, version + 1, &body).await;
        let commit = Commit {
            changes: vec![change.map_err(damaged)?],
            audit: Vec::new(),
        };
        match self.commit(commit).await {
            Ok(()) => Ok(Some(taken)),
            // Another node took the key's first block.
            Err(StoreError::Exists) => Err(StoreError::Conflict),
            Err(error) => Err(error),
        }
    }

    /// Names an answer, so that a client's report can be found in the log (2.1 §9.10).
    pub fn correlation_value(&self) -> String {
        format!(
            "{}-{}",
            self.settings.node,
            self.answers.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// Ends in order: waits until every record is in the database, and seals them.
    pub async fn close(&self) {
        self.unread_over(Duration::ZERO);
        self.audit.flush().await;
        if let Some(sealer) = &self.sealer
            && let Err(error) = sealer.seal().await
        {
            tracing::warn!(%error, "the end of the audit log is not sealed; the next start does it");
        }
    }

    /// Ready to serve: database and token answer.
    pub async fn ready(&self) -> bool {
        self.hsm.available().await && self.store.ping().await.is_ok()
    }
}

fn stranger_fault(stranger: &Stranger, address: &str) -> Fault {
    tracing::warn!(%stranger, address, "refused a client");
    match stranger {
        Stranger::Entity(_) => Fault::new(
            Reason::Unavailable,
            "the server cannot check who you are at the moment; try again later",
        ),
        Stranger::Shredded(_) => Fault::new(
            Reason::PermissionDenied,
            "the tenant of this certificate was shredded: its keys are destroyed for ever, and nothing is done for it any more",
        ),
        Stranger::Unknown | Stranger::Revoked(_) | Stranger::Retired(_) => Fault::new(
            Reason::AuthenticationNotSuccessful,
            "this certificate is not registered, or no longer; an administrator can add it with `keyward client add`",
        ),
    }
}
