//! Versions of the masters come and go, and what is under an older one moves to the newest.

use token::{Handle, Mechanism};

use super::anchored::wipe;
use super::line::{Loaded, Seat};
use super::master::MasterKind;
use super::pool::Cost;
use super::rewrap::passing;
use super::source::Missing;
use super::tenant::{open_with, passing_tenant_key, seal_with, unwrapping};
use super::use_key::KeyKind;
use super::{Each, Hsm, HsmError, KeySource, Purpose, TenantKeys, WrappedKey, making};
use crate::store::record::{Blob, BlobKind};

impl Hsm {
    /// Says where versions are that other processes make; once, after the database is open.
    pub fn know(&self, source: Box<dyn KeySource>) {
        self.source.set(source);
    }

    /// Finds masters that another process made, and lets go of those that it destroyed.
    pub async fn look_for_masters(&self) -> Result<(), HsmError> {
        self.look_in_each_token().await?;
        self.look_for_row_mac_keys().await
    }

    /// Whether the token has a version, also one that another process made meanwhile.
    pub(super) async fn find_master(
        &self,
        kind: MasterKind,
        version: u32,
        missing: Missing,
    ) -> bool {
        let used = version <= self.pool.inner.config.replicas.admitted.newest(kind);
        if (used && self.has_master(kind, version).await) || !self.source.may_look(missing) {
            return self.has_master(kind, version).await;
        }
        if let Err(error) = self.look_for_masters().await {
            tracing::warn!(%error, "masters cannot be looked for in the token");
        }
        self.has_master(kind, version).await
    }

    async fn has_master(&self, kind: MasterKind, version: u32) -> bool {
        let has = self.pool.run(Cost::Short, [], move |seat, []| {
            Ok(seat.line.masters.versions(kind).contains(&version))
        });
        has.await.unwrap_or(false)
    }

    /// Versions of a master that are used or were, in the token that serves, as this process knows
    /// them, oldest first.
    pub async fn master_versions(&self, kind: MasterKind) -> Result<Vec<u32>, HsmError> {
        self.pool
            .run(Cost::Short, [], move |seat, []| {
                Ok(seat.line.masters.admitted(kind))
            })
            .await
    }

    /// Makes the version that comes next; one that is there already is no error.
    ///
    /// # Errors
    /// [`HsmError::BadInput`] when it does not come next; [`HsmError::Refused`] when other tokens
    /// hold the masters, too.
    pub async fn make_master(&self, kind: MasterKind, version: u32) -> Result<(), HsmError> {
        self.only_here()?;
        self.pool
            .run(Cost::Long, [], move |seat, []| {
                let anchor = seat.line.anchor();
                making::make_next(&anchor, &seat.inner.config, &seat.line.probe, kind, version)?;
                seat.line.masters.look_again(&anchor, &seat.inner.config)
            })
            .await
    }

    /// Makes the version that comes next in the first token alone, which its vendor's tools clone.
    ///
    /// # Errors
    /// [`HsmError::BadInput`] when it does not come next.
    pub async fn make_for_cloning(&self, kind: MasterKind, version: u32) -> Result<(), HsmError> {
        self.at(0, move |seat| {
            let (anchor, config) = (seat.line.anchor(), &seat.inner.config);
            making::make_next(&anchor, config, &seat.line.probe, kind, version)?;
            seat.line.masters.look_again(&anchor, config)
        })
        .await
    }

    /// Destroys a version of a master in each token that answers; nobody brings it back. Whether something is still under
    /// it is the caller's to know.
    ///
    /// # Errors
    /// Of each token; [`HsmError::BadInput`] when it is the newest.
    pub async fn destroy_master(&self, kind: MasterKind, version: u32) -> Vec<Each<()>> {
        let done = self.each(move |seat| {
            let anchor = seat.line.anchor();
            let newest = seat.line.masters.admitted(kind).last().copied();
            making::destroy(&anchor, &seat.inner.config, kind, version, newest)?;
            seat.line.masters.look_again(&anchor, &seat.inner.config)?;
            // Also where it is gone: whoever destroyed it may have been stopped here.
            wipe(seat)
        });
        done.await
    }

    pub(super) fn only_here(&self) -> Result<(), HsmError> {
        match self.shares_masters() {
            false => Ok(()),
            true => Err(HsmError::Refused(
                "a master in one token where others hold the masters, too: they would not have it (docs/tokens.md)".into(),
            )),
        }
    }

    /// A tenant's key from the KEK that wraps it to the newest one; it stays in the token.
    pub async fn rewrap_tenant_key(
        &self,
        purpose: Purpose,
        key: &WrappedKey,
    ) -> Result<WrappedKey, HsmError> {
        let version = key.kek_version;
        self.find_kek(version).await;
        self.pool
            .run(Cost::Short, [&key.bytes], move |seat, [wrapped]| {
                let old = seat.line.masters.kek(version)?;
                let (kek_version, new) = seat.line.masters.newest_kek()?;
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                let key = seat
                    .session
                    .unwrap(wrapping, old, wrapped, &passing_tenant_key(purpose))
                    .map_err(unwrapping)?;
                let key = seat.temporary(key);
                let bytes = seat.session.wrap(wrapping, new, key.handle)?;
                Ok(WrappedKey { kek_version, bytes })
            })
            .await
            .map_err(HsmError::settled)
    }

    /// Material under the newest version of its tenant's key: keys of class *token* without leaving
    /// the token, sealed bytes through memory that is wiped. `kind` is asked for the former only.
    pub async fn rewrap_blob(
        &self,
        keys: &TenantKeys,
        kind: Option<KeyKind>,
        aad: &[u8],
        blob: &Blob,
    ) -> Result<Blob, HsmError> {
        let purpose = match blob.kind {
            BlobKind::Wrapped => Purpose::Wrap,
            BlobKind::Sealed => Purpose::Seal,
            BlobKind::Anchored => {
                return Err(HsmError::BadKey(
                    "an anchored master is under no key of its tenant".into(),
                ));
            }
        };
        let newest = keys.newest(purpose)?;
        if purpose == Purpose::Seal {
            self.count_seal(keys, newest).await?;
        }
        let length = blob.length as usize;
        let inputs = [aad, blob.bytes.as_slice()];
        let mut stale = false;
        let bytes = loop {
            let old = self
                .tenant_key(keys, purpose, blob.key_version, stale)
                .await?;
            let new = self.tenant_key(keys, purpose, newest, stale).await?;
            let job = move |seat: &Seat<'_>, [aad, bytes]: [&[u8]; 2]| {
                let (old, new) = two(seat, &old, &new)?;
                match (purpose, kind) {
                    (Purpose::Seal, _) => {
                        let clear = open_with(seat.session, old, aad, bytes, length)?;
                        seal_with(seat.session, new, aad, &clear)
                    }
                    (Purpose::Wrap, Some(kind)) => {
                        let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                        let key = seat
                            .session
                            .unwrap(wrapping, old, bytes, &passing(kind, seat))
                            .map_err(unwrapping)?;
                        let key = seat.temporary(key);
                        Ok(seat.session.wrap(wrapping, new, key.handle)?)
                    }
                    (Purpose::Wrap, None) => Err(HsmError::BadKey(
                        "a wrapped key of a kind that is not known".into(),
                    )),
                }
            };
            match self.pool.run(Cost::Short, inputs, job).await {
                Err(HsmError::Stale) if !stale => stale = true,
                other => break other.map_err(HsmError::settled)?,
            }
        };
        Ok(Blob {
            key_version: newest,
            bytes,
            ..blob.clone()
        })
    }
}

fn two(seat: &Seat<'_>, old: &Loaded, new: &Loaded) -> Result<(Handle, Handle), HsmError> {
    Ok((seat.handle(old)?, seat.handle(new)?))
}
