//! The token behind domain verbs: masters, tenant keys, sealing, row MACs, key generation and use.
//!
//! Nobody outside this module sees a PKCS#11 handle, session, template or mechanism. Keys reach
//! the database as [`WrappedKey`] and [`Blob`](crate::store::record::Blob) and come back the same
//! way; where they are in clear is the business of their class (DESIGN §4).

mod admitted;
mod anchored;
mod ceremony;
mod cipher;
mod crossing;
mod decipher;
mod der;
mod derive;
mod each;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod issuing;
mod kdf108;
mod kind;
mod known;
mod line;
mod making;
mod master;
mod masters;
mod material;
mod mechanism;
mod next;
mod pair;
mod passage;
mod pool;
mod probe;
mod reach;
mod replica;
mod rewrap;
mod row_mac;
mod seals;
mod source;
mod tenant;
#[cfg(test)]
mod tests;
mod transport;
mod use_key;
pub mod uses;
mod vector;
mod version;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use token::raw::CKM_ECDSA;
use token::{Locked, Mechanism};
use zeroize::Zeroizing;

use admitted::Admitted;

pub use admitted::Current;
pub use anchored::MOST_ANCHORED;
pub use ceremony::{known_answers, make_masters, take_masters};
pub use cipher::Ciphertext;
pub use crossing::Answer;
pub use derive::{TokenKdf, prf_length};
pub use each::{Each, Holding};
pub use error::HsmError;
pub use kdf108::{Kdf108, Mode108};
pub use master::MasterKind;
pub use material::SecretSpec;
pub use mechanism::{AES, CipherParameters, Encipherment, Signature, TRIPLE_DES, WrapMethod};
pub use next::Next;
pub use pair::{Maker, Pair, PairSpec};
use pool::{Cost, Pool, Start};
pub use replica::TokenState;
pub use seals::WORN;
pub use source::{KeySource, Reply};
pub use tenant::{Purpose, TenantKeys, WrappedKey};
pub use token::Program;
pub use transport::{Request, is_typed, request};
pub use use_key::{Encoding, KeyKind, UseKey};

use crate::object::format::{Curve, EcPublic, Format, PublicKey};

/// Which token holds the masters.
#[derive(Clone, Debug)]
pub enum Source {
    /// kryoptic, in this process or one of its own ([`Config::isolation`]); `dir` holds its database
    /// and PINs and belongs to the server alone.
    Embedded { dir: PathBuf },
    /// Any PKCS#11 module; the token is found by its label, the PIN is the user's.
    Module {
        path: PathBuf,
        label: String,
        pin: Pin,
    },
}

/// A PIN that no Debug shows.
#[derive(Clone)]
pub struct Pin(pub Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin(..)")
    }
}

#[derive(Clone, Debug)]
pub struct Config {
    pub source: Source,
    /// Names the masters in the token: several deployments may share one.
    pub deployment: String,
    /// Names this node's audit key.
    pub node: String,
    /// Threads for calls that take longer than a hop to a thread; for a module outside this
    /// process also how many calls it gets at a time.
    pub workers: usize,
    /// How many loaded keys stay in the token for their next use.
    pub loaded_keys: usize,
    /// What an administrator says of the module: Protection Storage Mask (KMIP 2.1 §9.5) follows.
    pub hardware: bool,
    pub replicas: Replicas,
    /// Starts a process for each embedded token; None: they are in this one.
    pub isolation: Option<Program>,
}

/// More tokens with the same masters, and how the masters came to be.
#[derive(Clone, Debug, Default)]
pub struct Replicas {
    /// In the order in which they are asked after the first.
    pub sources: Vec<Source>,
    /// The masters were made in a ceremony: they were extractable then, and are not now.
    pub crossed: bool,
    /// What the first token decides for all: whether `mac-v` makes row MACs or wraps the keys that do.
    macs_in_token: Option<bool>,
    /// The versions that are used.
    admitted: Arc<Admitted>,
}

impl Replicas {
    /// `crossed`: made in a ceremony.
    pub fn new(sources: Vec<Source>, crossed: bool) -> Replicas {
        let admitted = match crossed || !sources.is_empty() {
            // Until the database says otherwise.
            true => Admitted::up_to(1),
            false => Admitted::default(),
        };
        Replicas {
            sources,
            crossed,
            macs_in_token: None,
            admitted: Arc::new(admitted),
        }
    }
}

impl Config {
    /// Row MACs are made in the embedded token; elsewhere, where a call costs milliseconds, with a
    /// key that the token wraps.
    fn macs_in_token(&self) -> bool {
        let embedded = matches!(self.source, Source::Embedded { .. });
        self.replicas.macs_in_token.unwrap_or(embedded)
    }

    /// Whether it is one of several tokens.
    fn is_of_set(&self) -> bool {
        self.replicas.macs_in_token.is_some()
    }

    /// The same for one token of the set.
    fn of(&self, source: &Source) -> Config {
        Config {
            source: source.clone(),
            replicas: Replicas {
                sources: Vec::new(),
                crossed: self.replicas.crossed,
                macs_in_token: Some(self.macs_in_token()),
                admitted: Arc::clone(&self.replicas.admitted),
            },
            ..self.clone()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    Software,
    Hardware,
}

/// What the token is and does, found by doing.
#[derive(Clone, Debug)]
pub struct Info {
    pub label: String,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    pub protection: Protection,
    /// The mechanism number that was proven to be AES Key Wrap with Padding (RFC 5649).
    pub key_wrap_padded: u64,
    /// Unwrapped material keeps its length where it is no multiple of 8 bytes.
    pub exact_lengths: bool,
    /// AES key wrap also encrypts arbitrary bytes (else they pass through a session object).
    pub wraps_bytes: bool,
    /// The token itself sees to it that wrapped keys come back sensitive (CKA_UNWRAP_TEMPLATE).
    pub unwrap_template: bool,
    pub mechanisms: Vec<u64>,
    /// Versions of the masters present.
    pub kek_versions: Vec<u32>,
    pub mac_versions: Vec<u32>,
}

/// The token. One per process and deployment; share it behind an `Arc`.
#[derive(Debug)]
pub struct Hsm {
    pool: Pool,
    row_macs: row_mac::RowMacs,
    loaded: use_key::LoadedKeys,
    source: source::Source,
    seals: seals::Seals,
    /// What the token lists, as it was at start.
    mechanisms: HashSet<u64>,
    vectors: vector::Vectors,
}

impl Hsm {
    /// First start: makes an embedded token where there is none, and the masters' first version.
    ///
    /// # Errors
    /// [`HsmError::AlreadyInitialised`] when the token has masters of this deployment.
    pub fn init(config: Config) -> Result<Hsm, HsmError> {
        Hsm::start(config, Start::Create)
    }

    /// A further node's first start on a deployment's token: makes this node's audit key.
    pub fn join(config: Config) -> Result<Hsm, HsmError> {
        Hsm::start(config, Start::Join)
    }

    /// Every later start: finds the masters and checks what they may be used for.
    pub fn open(config: Config) -> Result<Hsm, HsmError> {
        Hsm::start(config, Start::Open)
    }

    fn start(config: Config, start: Start) -> Result<Hsm, HsmError> {
        let loaded = use_key::LoadedKeys::new(config.loaded_keys);
        let pool = Pool::start(config, start)?;
        Ok(Hsm {
            loaded,
            mechanisms: pool.mechanisms(),
            pool,
            row_macs: row_mac::RowMacs::default(),
            source: source::Source::default(),
            seals: seals::Seals::default(),
            vectors: vector::Vectors::default(),
        })
    }

    /// Whether the token answers now; a token that is away is looked for again (for readiness
    /// probes: at most once a second whatever the number of askers).
    pub async fn available(&self) -> bool {
        // Of several tokens each is looked at by itself.
        let database = self.pool.inner.database();
        if self.pool.tokens.is_none() && database.is_some_and(|database| !database.exists()) {
            return false;
        }
        let asked = self.pool.run(Cost::Short, [], |seat, []| {
            // Whatever it is: the pool looks whether everything stands, and builds it anew if not.
            seat.line
                .stands(seat.session)
                .map_err(|error| HsmError::Unavailable(error.to_string()))?;
            Ok(seat.session.random(&mut [0; 8])?)
        });
        asked.await.is_ok()
    }

    /// How many tokens of this process hold the masters.
    pub fn replicas(&self) -> usize {
        self.pool
            .tokens
            .as_ref()
            .map_or(1, |tokens| tokens.all.len())
    }

    /// This node's name.
    pub fn node(&self) -> &str {
        &self.pool.inner.config.node
    }

    /// Whether the masters were made in a ceremony.
    pub fn ceremony(&self) -> bool {
        self.pool.inner.config.replicas.crossed
    }

    /// Whether other tokens hold the masters, too: here or, since a ceremony, anywhere.
    pub fn shares_masters(&self) -> bool {
        self.replicas() > 1 || self.ceremony()
    }

    /// Each of several tokens; empty where there is one.
    pub fn tokens(&self) -> Vec<TokenState> {
        self.pool
            .tokens
            .as_ref()
            .map_or_else(Vec::new, |tokens| tokens.states())
    }

    /// The Random Number Generator attribute of what this token makes (KMIP 2.1 §4.46): the
    /// embedded one has OpenSSL's HMAC_DRBG with SHA-256 (SP 800-90A), of others nothing is known.
    pub fn generator(&self) -> ttlv::Value<'static> {
        use crate::protocol::enumeration::{DRBGAlgorithm, HashingAlgorithm, RNGAlgorithm};
        use crate::protocol::tag;
        use ttlv::{Node, Value};
        let number = |tag, number| Node::new(tag, Value::Enumeration(number));
        ttlv::Value::Structure(match self.pool.inner.inline {
            true => vec![
                number(tag::RNG_ALGORITHM, RNGAlgorithm::DRBG.0),
                number(tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256.0),
                number(tag::DRBG_ALGORITHM, DRBGAlgorithm::HMAC.0),
            ],
            false => vec![number(tag::RNG_ALGORITHM, RNGAlgorithm::UNSPECIFIED.0)],
        })
    }

    /// What an administrator says of modules, and none of the tokens is the embedded one.
    fn is_hardware(&self) -> bool {
        let (first, tokens) = (&self.pool.inner, self.pool.tokens.as_ref());
        let embedded =
            |tokens: &std::sync::Arc<replica::Tokens>| tokens.all.iter().any(|token| token.inline);
        first.config.hardware && !first.inline && !tokens.is_some_and(embedded)
    }

    /// The token's kind as KMIP says it (2.1 §12.2).
    pub fn protection(&self) -> crate::protocol::mask::ProtectionStorageMask {
        use crate::protocol::mask::ProtectionStorageMask;
        match self.is_hardware() {
            true => ProtectionStorageMask::HARDWARE,
            false => ProtectionStorageMask::SOFTWARE,
        }
    }

    pub async fn info(&self) -> Result<Info, HsmError> {
        let hardware = self.is_hardware();
        self.pool
            .run(Cost::Long, [], move |seat, []| {
                let token = seat.line.module.token_info(seat.line.slot)?;
                let (probe, masters) = (&seat.line.probe, &seat.line.masters);
                Ok(Info {
                    label: token.label,
                    manufacturer: token.manufacturer,
                    model: token.model,
                    serial: token.serial,
                    protection: if hardware {
                        Protection::Hardware
                    } else {
                        Protection::Software
                    },
                    key_wrap_padded: probe.key_wrap_padded,
                    exact_lengths: probe.exact_lengths,
                    wraps_bytes: probe.wraps_bytes,
                    unwrap_template: probe.unwrap_template,
                    mechanisms: probe.mechanisms.clone(),
                    kek_versions: masters.versions(MasterKind::Kek),
                    mac_versions: masters.versions(MasterKind::Mac),
                })
            })
            .await
    }

    /// Bytes of the token's generator; at most 64 KiB.
    pub async fn random(&self, length: usize) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        if length > 1 << 16 {
            return Err(HsmError::BadInput(
                "at most 65536 random bytes at a time".into(),
            ));
        }
        self.pool
            .run(Cost::Short, [], move |seat, []| {
                let mut bytes = Zeroizing::new(vec![0; length]);
                seat.session.random(&mut bytes)?;
                Ok(bytes)
            })
            .await
    }

    /// Additional input to the token's generator; bytes that it took, 0 where it takes none.
    pub async fn seed(&self, seed: &[u8]) -> Result<usize, HsmError> {
        self.pool
            .run(Cost::Short, [seed], |seat, [seed]| {
                Ok(if seat.session.seed(seed)? {
                    seed.len()
                } else {
                    0
                })
            })
            .await
    }

    /// ECDSA P-256 over SHA-256 of `message` with this node's audit key: 64 bytes, r ‖ s.
    pub async fn sign_checkpoint(&self, message: &[u8]) -> Result<Vec<u8>, HsmError> {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(message);
        self.pool
            .run(Cost::Short, [&digest], |seat, [digest]| {
                let mechanism = Mechanism::Plain(CKM_ECDSA);
                let key = seat.line.masters.audit.ok_or_else(|| {
                    HsmError::Unavailable("this token does not have the node's audit key".into())
                })?;
                let signature = seat.session.sign(mechanism, key, digest, 64)?;
                Ok(signature.to_vec())
            })
            .await
    }

    /// The audit key's SubjectPublicKeyInfo (DER), P-256.
    pub async fn audit_public_key(&self) -> Result<Vec<u8>, HsmError> {
        self.pool
            .run(Cost::Short, [], |seat, []| {
                let point = seat.line.masters.audit_point.as_deref();
                let point = point.ok_or_else(|| {
                    HsmError::Unavailable("this token does not know the node's audit key".into())
                })?;
                EcPublic::new(Curve::P256, point)
                    .and_then(|point| PublicKey::Ec(point).write(Format::X509))
                    .map_err(|error| HsmError::Damaged(error.to_string()))
            })
            .await
    }
}

/// Key bytes that a library computes with: kept from swap and core dumps.
type LockedKey = Locked<hmac::Hmac<sha2::Sha256>>;
