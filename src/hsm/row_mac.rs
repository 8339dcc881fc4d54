//! Row MACs: HMAC-SHA-256. In the embedded token with its own key; elsewhere, where a call costs
//! milliseconds, with a key that the token generated and wraps and locked memory holds.

use std::collections::BTreeMap;

use arc_swap::ArcSwap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use token::Value::{Flag, Number};
use token::raw::{
    CK_ULONG, CKA_CLASS, CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_PRIVATE, CKA_SENSITIVE, CKA_TOKEN,
    CKA_VALUE, CKA_VALUE_LEN, CKK_GENERIC_SECRET, CKM_GENERIC_SECRET_KEY_GEN, CKM_SHA256_HMAC,
    CKO_SECRET_KEY,
};
use token::{Locked, Mechanism};

use super::master::MasterKind;
use super::pool::Cost;
use super::source::Missing;
use super::tenant::unwrapping;
use super::{Hsm, HsmError, LockedKey, WrappedKey};

/// Keys that library code computes with, by version; empty with the embedded token.
#[derive(Debug, Default)]
pub(super) struct RowMacs {
    keys: ArcSwap<BTreeMap<u32, Arc<LockedKey>>>,
}

impl Hsm {
    /// Whether this token needs row MAC keys that it wraps ([`Hsm::new_row_mac_key`] at the first
    /// start, [`Hsm::use_row_mac_key`] at every one).
    pub fn wants_row_mac_key(&self) -> bool {
        !self.pool.inner.inline
    }

    /// A new row MAC key under the token's newest mac master; for the deployment's row.
    pub async fn new_row_mac_key(&self) -> Result<WrappedKey, HsmError> {
        self.only_outside()?;
        let newest = self
            .pool
            .run(Cost::Short, [], |seat, []| {
                Ok(seat.line.masters.newest_mac()?.0)
            })
            .await?;
        self.new_row_mac_key_under(newest).await
    }

    /// The same under a version that is in all tokens and not used yet: the key comes with it.
    pub async fn new_row_mac_key_under(&self, kek_version: u32) -> Result<WrappedKey, HsmError> {
        self.only_outside()?;
        self.pool
            .run(Cost::Short, [], move |seat, []| {
                let master = seat.line.masters.mac(kek_version)?;
                let key = seat.session.generate_key(
                    Mechanism::Plain(CKM_GENERIC_SECRET_KEY_GEN),
                    &[
                        (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
                        (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET as CK_ULONG)),
                        (CKA_TOKEN, Flag(false)),
                        (CKA_PRIVATE, Flag(true)),
                        (CKA_SENSITIVE, Flag(true)),
                        (CKA_EXTRACTABLE, Flag(true)),
                        (CKA_VALUE_LEN, Number(32)),
                    ],
                )?;
                let key = seat.temporary(key);
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                let bytes = seat.session.wrap(wrapping, master, key.handle)?;
                Ok(WrappedKey { kek_version, bytes })
            })
            .await
    }

    /// Unwraps a row MAC key into locked memory, where it serves `version`.
    pub async fn use_row_mac_key(&self, version: u32, key: &WrappedKey) -> Result<(), HsmError> {
        self.only_outside()?;
        let kek_version = key.kek_version;
        let key = self
            .pool
            .run(Cost::Short, [&key.bytes], move |seat, [wrapped]| {
                let master = seat.line.masters.mac(kek_version)?;
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                let template = [
                    (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
                    (CKA_KEY_TYPE, Number(CKK_GENERIC_SECRET as CK_ULONG)),
                    (CKA_TOKEN, Flag(false)),
                    (CKA_SENSITIVE, Flag(false)),
                    (CKA_EXTRACTABLE, Flag(true)),
                ];
                let key = seat
                    .session
                    .unwrap(wrapping, master, wrapped, &template)
                    .map_err(unwrapping)?;
                let key = seat.temporary(key);
                Ok(seat.session.attribute(key.handle, CKA_VALUE)?)
            })
            .await?;
        let hmac = Hmac::<Sha256>::new_from_slice(&key)
            .map_err(|_| HsmError::BadKey("the row MAC key has no usable length".into()))?;
        // The state of an HMAC with an all-zero key takes the key's place before the memory is given back.
        let locked = Locked::new(hmac, |hmac| {
            if let Ok(zero) = Hmac::new_from_slice(&[0; 32]) {
                *hmac = zero;
            }
        });
        if !locked.granted() {
            tracing::warn!(
                "the system does not lock memory (RLIMIT_MEMLOCK): the row MAC key may be swapped out"
            );
        }
        let locked = Arc::new(locked);
        self.row_macs.keys.rcu(|keys| {
            let mut keys = BTreeMap::clone(keys);
            keys.insert(version, Arc::clone(&locked));
            keys
        });
        Ok(())
    }

    /// Takes up row MAC keys that another process made, and lets go of those that are given up.
    pub(super) async fn look_for_row_mac_keys(&self) -> Result<(), HsmError> {
        let (true, Some(rows)) = (self.wants_row_mac_key(), self.source.rows()) else {
            return Ok(());
        };
        let listed = rows.row_mac_keys().await?;
        for (version, key) in &listed {
            if !self.row_macs.keys.load().contains_key(version) {
                self.use_row_mac_key(*version, key).await?;
            }
        }
        self.row_macs.keys.rcu(|keys| {
            let mut keys = BTreeMap::clone(keys);
            keys.retain(|version, _| listed.iter().any(|(known, _)| known == version));
            keys
        });
        Ok(())
    }

    /// Whether there is a row MAC key of this version, also one made meanwhile.
    async fn find_row_mac_key(&self, version: u32) -> bool {
        let known = || self.row_macs.keys.load().contains_key(&version);
        if known() || !self.source.may_look(Missing::Mac(version)) {
            return known();
        }
        if let Err(error) = self.look_for_masters().await {
            tracing::warn!(%error, "row MAC keys cannot be looked for");
        }
        known()
    }

    fn only_outside(&self) -> Result<(), HsmError> {
        if self.wants_row_mac_key() {
            return Ok(());
        }
        Err(HsmError::Refused(
            "row MAC keys outside: the embedded token computes row MACs itself".into(),
        ))
    }

    /// The version that makes new MACs.
    pub async fn row_mac_version(&self) -> Result<u32, HsmError> {
        if self.wants_row_mac_key() {
            return self
                .row_macs
                .keys
                .load()
                .last_key_value()
                .map(|(version, _)| *version)
                .ok_or_else(|| {
                    HsmError::BadKey("no row MAC key was given (use_row_mac_key)".into())
                });
        }
        self.pool
            .run(Cost::Short, [], |seat, []| {
                Ok(seat.line.masters.newest_mac()?.0)
            })
            .await
    }

    pub async fn row_mac(&self, version: u32, data: &[u8]) -> Result<[u8; 32], HsmError> {
        if self.wants_row_mac_key() {
            self.find_row_mac_key(version).await;
            let keys = self.row_macs.keys.load();
            let key = keys.get(&version).ok_or_else(|| {
                HsmError::BadKey(format!("there is no row MAC key of version {version}"))
            })?;
            let mut mac = Hmac::<Sha256>::clone(key);
            mac.update(data);
            return Ok(mac.finalize().into_bytes().into());
        }
        let (kind, missing) = (MasterKind::Mac, Missing::Mac(version));
        if version > self.pool.inner.config.replicas.admitted.newest(kind) {
            // Another node was quicker, and what this one saw of it may have been made anew since.
            self.find_master(kind, version, missing).await;
        }
        let made = self.row_mac_in_token(version, data).await;
        if matches!(made, Err(HsmError::BadKey(_)))
            && self.find_master(kind, version, missing).await
        {
            return self.row_mac_in_token(version, data).await;
        }
        made
    }

    async fn row_mac_in_token(&self, version: u32, data: &[u8]) -> Result<[u8; 32], HsmError> {
        self.pool
            .run(Cost::Short, [data], move |seat, [data]| {
                let mut mac = [0; 32];
                let key = seat.line.masters.mac(version)?;
                let mechanism = Mechanism::Plain(CKM_SHA256_HMAC);
                match seat.session.sign_into(mechanism, key, data, &mut mac)? {
                    32 => Ok(mac),
                    _ => Err(HsmError::Damaged("a row MAC is not 32 bytes long".into())),
                }
            })
            .await
            .map_err(HsmError::settled)
    }

    /// Computes the MAC and compares in constant time.
    ///
    /// # Errors
    /// [`HsmError::Integrity`] when it differs.
    pub async fn verify_row_mac(
        &self,
        version: u32,
        data: &[u8],
        mac: &[u8; 32],
    ) -> Result<(), HsmError> {
        let expected = self.row_mac(version, data).await?;
        if bool::from(expected.ct_eq(mac)) {
            Ok(())
        } else {
            Err(HsmError::Integrity(
                "a row does not carry the MAC of its contents",
            ))
        }
    }
}
