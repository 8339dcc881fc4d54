//! Managed keys in use: from their row into the token once, then one call on a handle.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use token::Value::{Bytes, Flag, Number};
use token::raw::{
    CK_ATTRIBUTE_TYPE, CK_ULONG, CKA_CLASS, CKA_DECRYPT, CKA_DERIVE, CKA_ENCRYPT, CKA_EXTRACTABLE,
    CKA_KEY_TYPE, CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN, CKA_TOKEN, CKA_UNWRAP, CKA_VALUE,
    CKA_VALUE_LEN, CKA_VERIFY, CKA_WRAP, CKK_AES, CKK_CHACHA20, CKK_DES3, CKK_EC, CKK_EC_EDWARDS,
    CKK_EC_MONTGOMERY, CKK_GENERIC_SECRET, CKK_ML_DSA, CKK_RSA, CKK_SLH_DSA, CKO_PRIVATE_KEY,
    CKO_SECRET_KEY,
};
use token::{Attribute, Handle, Mechanism, Session};
use zeroize::Zeroizing;

use super::line::{Loaded, Seat};
use super::passage::import_private;
use super::pool::{Cost, TRIES, lock};
use super::tenant::{open_with, unwrapping};
use super::{Hsm, HsmError, Purpose, TenantKeys};
use crate::object::format::{Format, Hint, Kind, Named, convert};
use crate::store::record::{Blob, BlobKind, TenantId};

/// What a managed key's material is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    Aes,
    /// 16 (two keys) or 24 bytes.
    TripleDes,
    /// 32 bytes.
    ChaCha20,
    /// HMAC keys and secrets of any length.
    Generic,
    /// PKCS#8 (RFC 5958), DER; so are all private keys.
    RsaPrivate,
    /// On a curve in short Weierstrass form.
    EcPrivate,
    /// Ed25519, Ed448.
    EdwardsPrivate,
    /// X25519, X448.
    MontgomeryPrivate,
    MlDsaPrivate,
    SlhDsaPrivate,
}

/// How a private key is written inside its blob; secrets are their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Secrets: their bytes. Private keys: PKCS#8, as the token takes it.
    Direct,
    /// RSAPrivateKey of RFC 8017.
    Pkcs1,
    /// ECPrivateKey of RFC 5915, with its curve.
    Sec1,
}

impl Encoding {
    /// The same key as PKCS#8.
    fn pkcs8(self, clear: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let from = match self {
            Encoding::Direct => return Ok(clear),
            Encoding::Pkcs1 => Format::Pkcs1,
            Encoding::Sec1 => Format::EcPrivateKey,
        };
        convert(Kind::Private, from, Format::Pkcs8, Hint::default(), &clear)
            .map_err(|error| HsmError::BadKey(error.to_string()))
    }
}

/// A managed key as its row holds it, verified. `version` is the row's: a changed row is another key.
#[derive(Clone, Copy, Debug)]
pub struct UseKey<'a> {
    pub tenant: TenantId,
    pub unique_identifier: &'a str,
    pub version: i64,
    pub kind: KeyKind,
    pub encoding: Encoding,
    pub blob: &'a Blob,
    /// Of a sealed blob, as given to [`Hsm::seal`].
    pub aad: &'a [u8],
    pub keys: &'a TenantKeys,
}

/// What a handle may do: a key wanted for two roles has two handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Cipher,
    /// HMAC: any key is a secret of bytes.
    Mac,
    /// CMAC and their like: the key keeps its kind.
    BlockMac,
    /// Wrapping bytes.
    Wrap,
    /// Wrapping keys that stay in the token.
    Rewrap,
    Sign,
    /// Private keys that decrypt.
    Decipher,
    Derive,
}

impl Role {
    const ALL: [Role; 8] = [
        Role::Cipher,
        Role::Mac,
        Role::BlockMac,
        Role::Wrap,
        Role::Rewrap,
        Role::Sign,
        Role::Decipher,
        Role::Derive,
    ];

    fn usages(self, wraps_bytes: bool) -> &'static [CK_ATTRIBUTE_TYPE] {
        match self {
            Role::Cipher => &[CKA_ENCRYPT, CKA_DECRYPT],
            Role::Wrap if wraps_bytes => &[CKA_ENCRYPT, CKA_DECRYPT],
            Role::Wrap | Role::Rewrap => &[CKA_WRAP, CKA_UNWRAP],
            Role::Mac | Role::BlockMac => &[CKA_SIGN, CKA_VERIFY],
            Role::Decipher => &[CKA_DECRYPT],
            Role::Sign => &[CKA_SIGN],
            Role::Derive => &[CKA_DERIVE],
        }
    }
}

/// Loaded keys, bounded; the one not used for longest leaves the token.
pub(super) type LoadedKeys = Cache<Id, Arc<Loaded>>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    tenant: i64,
    unique_identifier: Box<str>,
    version: i64,
    role: Role,
}

/// The same without a copy of the identifier; must hash alike.
#[derive(Hash)]
struct IdRef<'a> {
    tenant: i64,
    unique_identifier: &'a str,
    version: i64,
    role: Role,
}

impl Equivalent<Id> for IdRef<'_> {
    fn equivalent(&self, id: &Id) -> bool {
        self.tenant == id.tenant
            && self.version == id.version
            && self.role == id.role
            && *self.unique_identifier == *id.unique_identifier
    }
}

impl<'a> IdRef<'a> {
    fn of(key: &UseKey<'a>, role: Role) -> IdRef<'a> {
        IdRef {
            tenant: key.tenant.0,
            unique_identifier: key.unique_identifier,
            version: key.version,
            role,
        }
    }

    fn owned(&self) -> Id {
        Id {
            tenant: self.tenant,
            unique_identifier: self.unique_identifier.into(),
            version: self.version,
            role: self.role,
        }
    }
}

const SECRET_USAGES: [CK_ATTRIBUTE_TYPE; 7] = [
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_SIGN,
    CKA_VERIFY,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_DERIVE,
];
const PRIVATE_USAGES: [CK_ATTRIBUTE_TYPE; 4] = [CKA_DECRYPT, CKA_SIGN, CKA_UNWRAP, CKA_DERIVE];

impl KeyKind {
    /// None for key encapsulation, which no mechanism of this server does.
    pub fn of_named(named: Named) -> Option<KeyKind> {
        Some(match named {
            Named::Ed25519 | Named::Ed448 => KeyKind::EdwardsPrivate,
            Named::X25519 | Named::X448 => KeyKind::MontgomeryPrivate,
            Named::MlDsa44 | Named::MlDsa65 | Named::MlDsa87 => KeyKind::MlDsaPrivate,
            Named::MlKem512 | Named::MlKem768 | Named::MlKem1024 => return None,
            _ => KeyKind::SlhDsaPrivate,
        })
    }

    pub fn is_secret(self) -> bool {
        matches!(
            self,
            KeyKind::Aes | KeyKind::TripleDes | KeyKind::ChaCha20 | KeyKind::Generic
        )
    }

    /// A session object, sensitive and not extractable, with the role's usages and no other.
    pub(super) fn template(self, role: Role, wraps_bytes: bool) -> Vec<Attribute<'static>> {
        // HMAC takes any key as bytes, whatever it is otherwise for.
        let key_type = match (self, role) {
            (KeyKind::Generic, _) | (_, Role::Mac) => CKK_GENERIC_SECRET,
            (KeyKind::Aes, _) => CKK_AES,
            (KeyKind::TripleDes, _) => CKK_DES3,
            (KeyKind::ChaCha20, _) => CKK_CHACHA20,
            (KeyKind::RsaPrivate, _) => CKK_RSA,
            (KeyKind::EcPrivate, _) => CKK_EC,
            (KeyKind::EdwardsPrivate, _) => CKK_EC_EDWARDS,
            (KeyKind::MontgomeryPrivate, _) => CKK_EC_MONTGOMERY,
            (KeyKind::MlDsaPrivate, _) => CKK_ML_DSA,
            (KeyKind::SlhDsaPrivate, _) => CKK_SLH_DSA,
        };
        let (class, usages): (_, &[CK_ATTRIBUTE_TYPE]) = if self.is_secret() {
            (CKO_SECRET_KEY, &SECRET_USAGES)
        } else {
            (CKO_PRIVATE_KEY, &PRIVATE_USAGES)
        };
        let granted = role.usages(wraps_bytes);
        let mut template = vec![
            (CKA_CLASS, Number(class as CK_ULONG)),
            (CKA_KEY_TYPE, Number(key_type as CK_ULONG)),
            (CKA_TOKEN, Flag(false)),
            (CKA_PRIVATE, Flag(true)),
            (CKA_SENSITIVE, Flag(true)),
            (CKA_EXTRACTABLE, Flag(false)),
        ];
        template.extend(
            usages
                .iter()
                .map(|usage| (*usage, Flag(granted.contains(usage)))),
        );
        template
    }
}

impl Hsm {
    /// Takes a key out of the token (all versions' handles stay valid until their users end);
    /// after Destroy, Revoke and every change of its row.
    pub async fn forget(
        &self,
        tenant: TenantId,
        unique_identifier: &str,
        version: i64,
    ) -> Result<(), HsmError> {
        let mut known = false;
        for role in Role::ALL {
            let removed = self.loaded.remove(&IdRef {
                tenant: tenant.0,
                unique_identifier,
                version,
                role,
            });
            known |= removed.is_some();
        }
        match known {
            true => self.bury().await,
            false => Ok(()),
        }
    }

    /// Destroys, in the token, the session objects that nobody uses any more.
    pub async fn bury(&self) -> Result<(), HsmError> {
        if lock(&self.pool.inner.graveyard).is_empty() {
            return Ok(());
        }
        self.pool.run(Cost::Short, [], |seat, []| seat.bury()).await
    }

    /// Takes all keys of a tenant out of the token.
    pub async fn forget_tenant(&self, tenant: TenantId) -> Result<(), HsmError> {
        self.loaded.retain(|id, _| id.tenant != tenant.0);
        self.pool.run(Cost::Short, [], |seat, []| seat.bury()).await
    }

    /// How many keys are loaded for their next use.
    pub fn loaded_keys(&self) -> usize {
        self.loaded.len()
    }

    /// Runs a job with the handle of a managed key, loaded where it is not.
    pub(super) async fn with_key<T, F, const N: usize>(
        &self,
        key: &UseKey<'_>,
        role: Role,
        cost: Cost,
        inputs: [&[u8]; N],
        job: F,
    ) -> Result<T, HsmError>
    where
        T: Send + 'static,
        F: Fn(&Seat<'_>, Handle, [&[u8]; N]) -> Result<T, HsmError> + Clone + Send + 'static,
    {
        let id = IdRef::of(key, role);
        let mut tries = TRIES;
        loop {
            let loaded = match self.loaded.get(&id) {
                Some(loaded) => loaded,
                None => {
                    let loaded = self.load(key, role).await?;
                    self.loaded.insert(id.owned(), Arc::clone(&loaded));
                    loaded
                }
            };
            let job = job.clone();
            let result = self
                .pool
                .run(cost, inputs, move |seat, inputs| {
                    job(seat, seat.handle(&loaded)?, inputs)
                })
                .await;
            match result {
                Err(HsmError::Stale) if tries > 0 => {
                    tries -= 1;
                    self.loaded.remove(&id);
                }
                other => return other.map_err(HsmError::settled),
            }
        }
    }

    /// Runs a short job with the handles of a managed key and of the tenant key that wraps keys, in
    /// one token.
    pub(super) async fn with_wrap_key<T, F, const N: usize>(
        &self,
        key: &UseKey<'_>,
        role: Role,
        (keys, version): (&TenantKeys, u32),
        inputs: [&[u8]; N],
        job: F,
    ) -> Result<T, HsmError>
    where
        T: Send + 'static,
        F: Fn(&Seat<'_>, Handle, Handle, [&[u8]; N]) -> Result<T, HsmError>
            + Clone
            + Send
            + 'static,
    {
        let mut tries = TRIES;
        loop {
            let anew = tries < TRIES;
            let wrapping = self.tenant_key(keys, Purpose::Wrap, version, anew).await?;
            let job = job.clone();
            let job = move |seat: &Seat<'_>, key, inputs: [&[u8]; N]| {
                Ok(match seat.handle(&wrapping) {
                    Ok(wrapping) => Some(job(seat, key, wrapping, inputs)?),
                    // Not this key's handle: that one is loaded, and only this one is to be, too.
                    Err(_) => None,
                })
            };
            match self.with_key(key, role, Cost::Short, inputs, job).await? {
                Some(done) => return Ok(done),
                None if tries > 0 => tries -= 1,
                None => return Err(HsmError::Stale.settled()),
            }
        }
    }

    async fn load(&self, key: &UseKey<'_>, role: Role) -> Result<Arc<Loaded>, HsmError> {
        let (kind, encoding) = (key.kind, key.encoding);
        let length = key.blob.length as usize;
        let purpose = match key.blob.kind {
            BlobKind::Wrapped => Purpose::Wrap,
            BlobKind::Sealed => Purpose::Seal,
            BlobKind::Anchored => return self.load_anchored(key, role).await,
        };
        let inputs = [key.aad, key.blob.bytes.as_slice()];
        self.with_tenant_key(
            key.keys,
            purpose,
            key.blob.key_version,
            inputs,
            move |seat, tenant_key, [aad, bytes]| {
                let template = kind.template(role, seat.line.probe.wraps_bytes);
                match purpose {
                    Purpose::Wrap => {
                        let wrapping = Mechanism::Plain(seat.line.probe.key_wrap_padded);
                        seat.load(|anchor| {
                            let handle = anchor
                                .unwrap(wrapping, tenant_key, bytes, &template)
                                .map_err(unwrapping)?;
                            // Of DES keys PKCS#11 has no CKA_VALUE_LEN: their type says it.
                            if kind.is_secret() && kind != KeyKind::TripleDes {
                                check_length(anchor, handle, length)?;
                            }
                            Ok(handle)
                        })
                    }
                    Purpose::Seal => {
                        let clear = encoding.pkcs8(open_with(
                            seat.session,
                            tenant_key,
                            aad,
                            bytes,
                            length,
                        )?)?;
                        seat.load(|anchor| import(seat, anchor, kind, role, &clear, template))
                    }
                }
            },
        )
        .await
    }
}

/// Some tokens pad what they unwrap with zeros to 8 bytes. HMAC pads keys with zeros to its block
/// itself (RFC 2104 §2), of 64 bytes at least: up to there it is the same key.
fn check_length(session: &Session, handle: Handle, length: usize) -> Result<(), HsmError> {
    let found = session.number(handle, CKA_VALUE_LEN)? as usize;
    // Zero: some tokens do not tell the length of what they unwrapped.
    if found == 0 || found == length || (found == length.next_multiple_of(8) && found <= 64) {
        return Ok(());
    }
    session.destroy(handle)?;
    Err(HsmError::Integrity(
        "a key has another length than its row says",
    ))
}

/// Makes clear material a sensitive session object.
fn import(
    seat: &Seat<'_>,
    anchor: &Session,
    kind: KeyKind,
    role: Role,
    clear: &[u8],
    template: Vec<Attribute<'static>>,
) -> Result<Handle, HsmError> {
    if !kind.is_secret() {
        return import_private(seat, anchor, clear, &template);
    }
    // Room from the start: a vector that grows leaves its old bytes behind.
    let mut value = Zeroizing::new(Vec::with_capacity(clear.len().max(64)));
    value.extend_from_slice(clear);
    match (kind, role, clear.len()) {
        // Two-key triple DES is the three-key one with the first key again (SP 800-67 §3.2).
        (KeyKind::TripleDes, Role::Cipher, 16) => value.extend(clear.iter().take(8)),
        // Some tokens refuse HMAC keys shorter than the digest; zeros change no MAC (RFC 2104 §2).
        (_, Role::Mac, length) if length < 64 && !seat.inner.inline => value.resize(64, 0),
        _ => {}
    }
    let mut template: Vec<Attribute<'_>> = template;
    template.push((CKA_VALUE, Bytes(&value)));
    Ok(anchor.create(&template)?)
}
