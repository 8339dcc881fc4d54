//! Tenant keys: one wraps keys of class *token*, another seals everything else; never one for both
//! (a key that may unwrap and decrypt reads what it protects).

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use token::Value::{Flag, Number, Template};
use token::raw::{
    CK_ULONG, CKA_CLASS, CKA_DECRYPT, CKA_DERIVE, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_KEY_TYPE,
    CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN, CKA_TOKEN, CKA_UNWRAP, CKA_UNWRAP_TEMPLATE,
    CKA_VALUE_LEN, CKA_VERIFY, CKA_WRAP, CKK_AES, CKM_AES_KEY_GEN, CKO_SECRET_KEY,
};
use token::{Attribute, Handle, Mechanism, Session};
use zeroize::Zeroizing;

use super::line::{Loaded, Seat};
use super::master::MasterKind;
use super::pool::{Cost, TRIES};
use super::probe::SENSITIVE_ONLY;
use super::source::Missing;
use super::{Hsm, HsmError};
use crate::store::record::{Blob, BlobKind, TenantId};

/// Length of the initialisation vector before a sealed blob's ciphertext, in bytes.
const IV: usize = 12;
/// Length of the tag after it.
const TAG: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Purpose {
    /// KWP of keys of class *token*; may wrap and unwrap only.
    Wrap = 1,
    /// AES-GCM of everything else; may encrypt and decrypt only.
    Seal = 2,
}

/// A key under a master, as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    pub kek_version: u32,
    pub bytes: Vec<u8>,
}

/// A tenant's keys, ready for use; cheap to clone. A key enters the token at its first use and
/// leaves it after the last clone is gone.
#[derive(Clone, Debug)]
pub struct TenantKeys {
    ring: Arc<Ring>,
}

#[derive(Debug)]
struct Ring {
    tenant: TenantId,
    wrap: ArcSwap<Versions>,
    seal: ArcSwap<Versions>,
}

type Versions = BTreeMap<u32, Arc<TenantKey>>;

#[derive(Debug)]
struct TenantKey {
    purpose: Purpose,
    wrapped: WrappedKey,
    loaded: ArcSwapOption<Loaded>,
}

impl TenantKeys {
    /// Keys by purpose and version; the highest version of a purpose makes new blobs.
    pub fn new(
        tenant: TenantId,
        keys: impl IntoIterator<Item = (Purpose, u32, WrappedKey)>,
    ) -> TenantKeys {
        let ring = Ring {
            tenant,
            wrap: ArcSwap::default(),
            seal: ArcSwap::default(),
        };
        let ring = TenantKeys {
            ring: Arc::new(ring),
        };
        ring.renew(keys);
        ring
    }

    /// Takes over the keys as they stand now, in all clones; what did not change stays loaded.
    fn renew(&self, keys: impl IntoIterator<Item = (Purpose, u32, WrappedKey)>) {
        let (mut wrap, mut seal) = (Versions::new(), Versions::new());
        for (purpose, version, wrapped) in keys {
            let known = self.of(purpose).load().get(&version).cloned();
            let key = known.filter(|known| known.wrapped == wrapped);
            let key = key.unwrap_or_else(|| {
                Arc::new(TenantKey {
                    purpose,
                    wrapped,
                    loaded: ArcSwapOption::empty(),
                })
            });
            match purpose {
                Purpose::Wrap => wrap.insert(version, key),
                Purpose::Seal => seal.insert(version, key),
            };
        }
        self.ring.wrap.store(Arc::new(wrap));
        self.ring.seal.store(Arc::new(seal));
    }

    pub fn tenant(&self) -> TenantId {
        self.ring.tenant
    }

    fn of(&self, purpose: Purpose) -> &ArcSwap<Versions> {
        match purpose {
            Purpose::Wrap => &self.ring.wrap,
            Purpose::Seal => &self.ring.seal,
        }
    }

    /// The version that makes new blobs.
    pub fn newest(&self, purpose: Purpose) -> Result<u32, HsmError> {
        self.of(purpose)
            .load()
            .last_key_value()
            .map(|(version, _)| *version)
            .ok_or_else(|| {
                HsmError::BadKey(format!(
                    "tenant {} has no {purpose:?} key",
                    self.ring.tenant.0
                ))
            })
    }

    fn get(&self, purpose: Purpose, version: u32) -> Result<Arc<TenantKey>, HsmError> {
        self.of(purpose)
            .load()
            .get(&version)
            .cloned()
            .ok_or_else(|| {
                HsmError::Lost(format!(
                    "tenant {} has no {purpose:?} key of version {version} (any more)",
                    self.ring.tenant.0
                ))
            })
    }
}

/// What a tenant key may do, as PKCS#11 says it. `extractable` only for the moment between its
/// generation and its wrapping.
fn template(purpose: Purpose, extractable: bool) -> [Attribute<'static>; 13] {
    let (wrap, seal) = (purpose == Purpose::Wrap, purpose == Purpose::Seal);
    [
        (CKA_CLASS, Number(CKO_SECRET_KEY as CK_ULONG)),
        (CKA_KEY_TYPE, Number(CKK_AES as CK_ULONG)),
        (CKA_TOKEN, Flag(false)),
        (CKA_PRIVATE, Flag(true)),
        (CKA_SENSITIVE, Flag(true)),
        (CKA_EXTRACTABLE, Flag(extractable)),
        (CKA_WRAP, Flag(wrap)),
        (CKA_UNWRAP, Flag(wrap)),
        (CKA_ENCRYPT, Flag(seal)),
        (CKA_DECRYPT, Flag(seal)),
        (CKA_SIGN, Flag(false)),
        (CKA_VERIFY, Flag(false)),
        (CKA_DERIVE, Flag(false)),
    ]
}

/// A tenant key on its way from one KEK to another: of no use but to be wrapped.
pub(super) fn passing_tenant_key(purpose: Purpose) -> [Attribute<'static>; 13] {
    template(purpose, true)
}

impl Hsm {
    /// A new AES-256 key, generated in the token and wrapped by the newest KEK.
    pub async fn new_tenant_key(&self, purpose: Purpose) -> Result<WrappedKey, HsmError> {
        self.pool
            .run(Cost::Short, [], move |seat, []| {
                let (kek_version, kek) = seat.line.masters.newest_kek()?;
                let mut generated = template(purpose, true).to_vec();
                generated.push((CKA_VALUE_LEN, Number(32)));
                let key = seat
                    .session
                    .generate_key(Mechanism::Plain(CKM_AES_KEY_GEN), &generated)?;
                let key = seat.temporary(key);
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                let bytes = seat.session.wrap(wrapping, kek, key.handle)?;
                Ok(WrappedKey { kek_version, bytes })
            })
            .await
    }

    /// Under which version of the KEK new tenant keys are wrapped; older ones are to be re-wrapped.
    pub async fn newest_kek(&self) -> Result<u32, HsmError> {
        self.pool
            .run(Cost::Short, [], |seat, []| {
                Ok(seat.line.masters.newest_kek()?.0)
            })
            .await
    }

    /// AES-256-GCM under the tenant's newest seal key. `aad` names what the blob belongs to
    /// (deployment, tenant, identifier, type, class, version): it opens with the same only.
    pub async fn seal(
        &self,
        keys: &TenantKeys,
        aad: &[u8],
        clear: &[u8],
    ) -> Result<Blob, HsmError> {
        let version = keys.newest(Purpose::Seal)?;
        self.count_seal(keys, version).await?;
        let bytes = self
            .with_tenant_key(
                keys,
                Purpose::Seal,
                version,
                [aad, clear],
                |seat, key, [aad, clear]| seal_with(seat.session, key, aad, clear),
            )
            .await?;
        let length = u32::try_from(clear.len())
            .map_err(|_| HsmError::BadInput("material of 4 GiB or more".into()))?;
        Ok(Blob {
            kind: BlobKind::Sealed,
            key_version: version,
            length,
            bytes,
        })
    }

    /// # Errors
    /// [`HsmError::Integrity`] when the blob was changed, or sealed for something else.
    pub async fn open_sealed(
        &self,
        keys: &TenantKeys,
        aad: &[u8],
        blob: &Blob,
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        if blob.kind != BlobKind::Sealed {
            return Err(HsmError::BadKey(
                "the blob is not sealed: its key stays in the token".into(),
            ));
        }
        let length = blob.length as usize;
        self.with_tenant_key(
            keys,
            Purpose::Seal,
            blob.key_version,
            [aad, &blob.bytes],
            move |seat, key, [aad, bytes]| open_with(seat.session, key, aad, bytes, length),
        )
        .await
    }

    /// Runs a short job with the handle of a tenant key, which is loaded where it is not.
    pub(super) async fn with_tenant_key<T, F, const N: usize>(
        &self,
        keys: &TenantKeys,
        purpose: Purpose,
        version: u32,
        inputs: [&[u8]; N],
        job: F,
    ) -> Result<T, HsmError>
    where
        T: Send + 'static,
        F: Fn(&Seat<'_>, Handle, [&[u8]; N]) -> Result<T, HsmError> + Clone + Send + 'static,
    {
        let mut tries = TRIES;
        loop {
            let anew = tries < TRIES;
            let loaded = self.tenant_key(keys, purpose, version, anew).await?;
            let job = job.clone();
            let result = self
                .pool
                .run(Cost::Short, inputs, move |seat, inputs| {
                    job(seat, seat.handle(&loaded)?, inputs)
                })
                .await;
            match result {
                Err(HsmError::Stale) if tries > 0 => tries -= 1,
                other => return other.map_err(HsmError::settled),
            }
        }
    }

    /// The tenant key in the token; `anew` when the handle that is known went stale.
    pub(super) async fn tenant_key(
        &self,
        keys: &TenantKeys,
        purpose: Purpose,
        version: u32,
        anew: bool,
    ) -> Result<Arc<Loaded>, HsmError> {
        let mut key = match keys.get(purpose, version) {
            Ok(key) => key,
            Err(unknown) => {
                let missing = Missing::Tenant(keys.tenant(), purpose, version);
                self.renew_tenant_keys(keys, missing, unknown).await?;
                keys.get(purpose, version)?
            }
        };
        if !anew && let Some(loaded) = key.loaded.load_full() {
            return Ok(loaded);
        }
        if !self.find_kek(key.wrapped.kek_version).await {
            // Another process moved it to a newer KEK and destroyed this one.
            let gone = key.wrapped.kek_version;
            let unknown = HsmError::Lost(format!("the token has no kek-v{gone} (any more)"));
            self.renew_tenant_keys(keys, Missing::Kek(gone), unknown)
                .await?;
            key = keys.get(purpose, version)?;
        }
        let kek_version = key.wrapped.kek_version;
        let purpose = key.purpose;
        let loaded = self
            .pool
            .run(Cost::Short, [&key.wrapped.bytes], move |seat, [wrapped]| {
                let kek = seat.line.masters.kek(kek_version)?;
                let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                let mut template = template(purpose, false).to_vec();
                if purpose == Purpose::Wrap && seat.line.probe.unwrap_template {
                    template.push((CKA_UNWRAP_TEMPLATE, Template(SENSITIVE_ONLY)));
                }
                seat.load(|anchor| {
                    let key = anchor
                        .unwrap(wrapping, kek, wrapped, &template)
                        .map_err(unwrapping)?;
                    // Zero: some tokens do not tell the length of what they unwrapped.
                    if !matches!(anchor.number(key, CKA_VALUE_LEN)?, 0 | 32) {
                        anchor.destroy(key)?;
                        return Err(HsmError::Integrity("a tenant key is not 256 bits long"));
                    }
                    Ok(key)
                })
            })
            .await?;
        key.loaded.store(Some(Arc::clone(&loaded)));
        Ok(loaded)
    }

    /// Reads a tenant's keys anew; `otherwise` when there is nothing to read them from, or a version
    /// was looked for a moment ago.
    async fn renew_tenant_keys(
        &self,
        keys: &TenantKeys,
        missing: Missing,
        otherwise: HsmError,
    ) -> Result<(), HsmError> {
        let Some(rows) = self.source.rows() else {
            return Err(otherwise);
        };
        // A KEK that is gone was looked for just now; the rows were not.
        if !matches!(missing, Missing::Kek(_)) && !self.source.may_look(missing) {
            return Err(otherwise);
        }
        keys.renew(rows.tenant_keys(keys.tenant()).await?);
        Ok(())
    }

    /// Whether the token has a version of the KEK, also one that another process made meanwhile.
    pub(super) async fn find_kek(&self, version: u32) -> bool {
        self.find_master(MasterKind::Kek, version, Missing::Kek(version))
            .await
    }
}

/// iv ‖ ciphertext ‖ tag; the vector is from the token's generator.
pub(super) fn seal_with(
    session: &Session,
    key: Handle,
    aad: &[u8],
    clear: &[u8],
) -> Result<Vec<u8>, HsmError> {
    let mut iv = [0; IV];
    session.random(&mut iv)?;
    let mechanism = Mechanism::Gcm {
        iv: &iv,
        aad,
        tag_bits: 8 * TAG as u32,
    };
    let sealed = session.encrypt(mechanism, key, clear, TAG)?;
    let mut bytes = Vec::with_capacity(IV + sealed.len());
    bytes.extend_from_slice(&iv);
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

pub(super) fn open_with(
    session: &Session,
    key: Handle,
    aad: &[u8],
    bytes: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, HsmError> {
    const FAILED: HsmError = HsmError::Integrity("a sealed blob was changed or moved");
    let (iv, sealed) = bytes.split_at_checked(IV).ok_or(FAILED)?;
    if sealed.len() != length + TAG {
        return Err(FAILED);
    }
    let mechanism = Mechanism::Gcm {
        iv,
        aad,
        tag_bits: 8 * TAG as u32,
    };
    session
        .decrypt(mechanism, key, sealed)
        .map_err(|error| decrypting(error, FAILED))
}

/// What tokens answer when a tag does not hold; not agreed upon between them.
pub(super) fn decrypting(error: token::Error, failed: HsmError) -> HsmError {
    use token::raw;
    match error.code() {
        Some(
            raw::CKR_ENCRYPTED_DATA_INVALID
            | raw::CKR_ENCRYPTED_DATA_LEN_RANGE
            | raw::CKR_AEAD_DECRYPT_FAILED
            | raw::CKR_DATA_INVALID
            | raw::CKR_DATA_LEN_RANGE
            | raw::CKR_GENERAL_ERROR
            | raw::CKR_FUNCTION_FAILED
            | raw::CKR_DEVICE_ERROR,
        ) => failed,
        _ => error.into(),
    }
}

/// The same for key wrap.
pub(super) fn unwrapping(error: token::Error) -> HsmError {
    use token::raw;
    match error.code() {
        Some(
            raw::CKR_WRAPPED_KEY_INVALID
            | raw::CKR_WRAPPED_KEY_LEN_RANGE
            | raw::CKR_ENCRYPTED_DATA_INVALID
            | raw::CKR_GENERAL_ERROR
            | raw::CKR_FUNCTION_FAILED
            | raw::CKR_DEVICE_ERROR,
        ) => HsmError::Integrity("a wrapped key was changed, or is another key's"),
        _ => error.into(),
    }
}
