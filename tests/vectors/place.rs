//! Where mechanisms are computed.

use std::sync::atomic::{AtomicU64, Ordering};

use keyward::hsm::{
    CipherParameters, Config, Encipherment, Encoding, Hsm, HsmError, KeyKind, Purpose, Replicas,
    Signature, Source, TenantKeys, UseKey,
};
use keyward::library::{self, LibraryError};
use keyward::mechanism::{Row, Shape};
use keyward::store::record::{Blob, TenantId};
use tokio::sync::Mutex;

use crate::softhsm;
use crate::tally::Outcome;

const TENANT: TenantId = TenantId(7);
const AAD: &[u8] = b"deployment/tenant/identifier";

struct Sealed {
    kind: KeyKind,
    material: Vec<u8>,
    name: String,
    blob: Blob,
}

pub struct Token {
    name: &'static str,
    pub hsm: Hsm,
    keys: TenantKeys,
    /// The key of the case before: the next one has it more often than not.
    last: Mutex<Option<Sealed>>,
    names: AtomicU64,
    _home: Option<tempfile::TempDir>,
}

pub enum Place {
    Library,
    Token(Box<Token>),
}

fn config(source: Source) -> Config {
    Config {
        source,
        deployment: "vectors".into(),
        node: "n1".into(),
        workers: 1,
        loaded_keys: 16,
        hardware: false,
        replicas: Replicas::default(),
        isolation: None,
    }
}

impl Place {
    async fn token(name: &'static str, hsm: Hsm, home: Option<tempfile::TempDir>) -> Place {
        let mut keys = Vec::new();
        for purpose in [Purpose::Wrap, Purpose::Seal] {
            keys.push((purpose, 1, hsm.new_tenant_key(purpose).await.unwrap()));
        }
        Place::Token(Box::new(Token {
            name,
            hsm,
            keys: TenantKeys::new(TENANT, keys),
            last: Mutex::new(None),
            names: AtomicU64::new(0),
            _home: home,
        }))
    }

    /// Its directory stays: kryoptic opens every database it was ever given again.
    pub async fn embedded() -> Place {
        let dir = tempfile::Builder::new()
            .prefix("keyward-test-token-")
            .tempdir()
            .unwrap()
            .keep();
        let hsm = Hsm::init(config(Source::Embedded { dir })).unwrap();
        Place::token("embedded token", hsm, None).await
    }

    /// None where SoftHSM is not installed.
    pub async fn softhsm() -> Option<Place> {
        let home = tempfile::tempdir().unwrap();
        let source = softhsm::token(home.path(), "vectors")?;
        let hsm = Hsm::init(config(source)).unwrap();
        Some(Place::token("SoftHSM", hsm, Some(home)).await)
    }

    pub fn name(&self) -> &'static str {
        match self {
            Place::Library => "library",
            Place::Token(token) => token.name,
        }
    }

    /// Why the service would not ask this place: the row is not the token's.
    pub fn lacks(&self, row: &'static Row) -> Option<Outcome> {
        match self {
            Place::Token(token) if !token.hsm.has(row) => {
                Some(Outcome::Refused("not listed".into()))
            }
            _ => None,
        }
    }
}

impl Token {
    async fn with_key<T>(
        &self,
        kind: KeyKind,
        material: &[u8],
        job: impl AsyncFnOnce(&UseKey<'_>) -> T,
    ) -> T {
        let mut last = self.last.lock().await;
        let same = last
            .as_ref()
            .is_some_and(|last| last.kind == kind && last.material == material);
        if !same {
            let name = format!("key-{}", self.names.fetch_add(1, Ordering::Relaxed));
            let blob = self.hsm.seal(&self.keys, AAD, material).await.unwrap();
            *last = Some(Sealed {
                kind,
                material: material.to_vec(),
                name,
                blob,
            });
        }
        let Sealed { name, blob, .. } = last.as_ref().unwrap();
        job(&UseKey {
            tenant: TENANT,
            unique_identifier: name,
            version: 1,
            kind,
            encoding: Encoding::Direct,
            blob,
            aad: AAD,
            keys: &self.keys,
        })
        .await
    }
}

fn of_token<T: AsRef<[u8]>>(result: Result<T, HsmError>) -> Outcome {
    match result {
        Ok(data) => Outcome::Data(data.as_ref().to_vec()),
        Err(error @ (HsmError::Refused(_) | HsmError::BadKey(_))) => {
            Outcome::Refused(error.to_string())
        }
        Err(error @ (HsmError::Integrity(_) | HsmError::BadInput(_))) => {
            Outcome::Failed(error.to_string())
        }
        Err(error) => Outcome::Broken(error.to_string()),
    }
}

fn of_library<T: AsRef<[u8]>>(result: Result<T, LibraryError>) -> Outcome {
    match result {
        Ok(data) => Outcome::Data(data.as_ref().to_vec()),
        Err(error @ (LibraryError::Refused(_) | LibraryError::BadKey(_))) => {
            Outcome::Refused(error.to_string())
        }
        Err(error @ (LibraryError::Integrity | LibraryError::BadInput(_))) => {
            Outcome::Failed(error.to_string())
        }
        Err(error) => Outcome::Broken(error.to_string()),
    }
}

/// A symmetric cipher's call.
pub struct Sealing<'a> {
    pub row: &'static Row,
    pub padding: keyward::mechanism::padding::Padding,
    pub padding_method: u32,
    pub key: &'a [u8],
    pub iv: &'a [u8],
    pub aad: &'a [u8],
    pub tag_length: usize,
}

impl Sealing<'_> {
    fn kind(&self) -> KeyKind {
        match self.row.shape {
            Shape::ChaCha20 | Shape::ChaCha20Poly1305 => KeyKind::ChaCha20,
            _ if self.row.name.starts_with("des3") => KeyKind::TripleDes,
            _ => KeyKind::Aes,
        }
    }

    fn parameters(&self) -> CipherParameters {
        CipherParameters {
            algorithm: self.row.algorithm.0,
            mode: self.row.mode.map_or(0, |mode| mode.0),
            padding: self.padding_method,
            tag_length: self.tag_length as u32,
            counter_bits: 128,
        }
    }

    fn call(&self) -> library::cipher::Call<'_> {
        library::cipher::Call {
            row: self.row,
            iv: self.iv,
            aad: self.aad,
            tag_length: self.tag_length,
            counter_bits: 128,
        }
    }

    /// Ciphertext, then the tag.
    pub async fn seal(&self, place: &Place, clear: &[u8]) -> Outcome {
        match place {
            Place::Library => {
                let mut padded = clear.to_vec();
                if let Some(block) = self.row.shape.pads() {
                    self.padding.lay(&mut padded, block);
                }
                let sealed = self.call().encrypt(self.key, &padded);
                of_library(sealed.map(|(data, tag)| [data, tag].concat()))
            }
            Place::Token(token) => {
                token
                    .with_key(self.kind(), self.key, async |key| {
                        let parameters = self.parameters();
                        let sealed = token.hsm.encrypt(key, parameters, self.iv, self.aad, clear);
                        let joined = |sealed: keyward::hsm::Ciphertext| [sealed.data, sealed.tag];
                        of_token(sealed.await.map(|sealed| joined(sealed).concat()))
                    })
                    .await
            }
        }
    }

    /// As the service asks, which looks at vector and tag first.
    pub async fn open(&self, place: &Place, data: &[u8], tag: &[u8]) -> Outcome {
        if !self.row.shape.takes_iv(self.iv.len()) || !self.row.shape.takes_tag(tag.len()) {
            return Outcome::Failed("vector or tag".into());
        }
        match place {
            Place::Library => {
                let clear = self.call().decrypt(self.key, data, tag);
                let clear = clear.and_then(|clear| match self.row.shape.pads() {
                    Some(block) => self
                        .padding
                        .take(clear, block)
                        .map_err(|_| LibraryError::Integrity),
                    None => Ok(clear),
                });
                of_library(clear.map(|clear| clear.to_vec()))
            }
            Place::Token(token) => {
                token
                    .with_key(self.kind(), self.key, async |key| {
                        let parameters = self.parameters();
                        let hsm = &token.hsm;
                        let clear = hsm.decrypt(key, parameters, self.iv, self.aad, data, tag);
                        of_token(clear.await.map(|clear| clear.to_vec()))
                    })
                    .await
            }
        }
    }
}

impl Place {
    pub async fn mac(&self, row: &'static Row, key: &[u8], iv: &[u8], data: &[u8]) -> Outcome {
        let kind = match row.name {
            "aes-cmac" | "aes-gmac" => KeyKind::Aes,
            "des3-cmac" => KeyKind::TripleDes,
            _ => KeyKind::Generic,
        };
        match self {
            Place::Library => {
                of_library(library::mac::mac(row, key, iv, data).map(|mac| mac.to_vec()))
            }
            Place::Token(token) => {
                token
                    .with_key(kind, key, async |key| {
                        let mac = token.hsm.mac(key, row, iv, data).await;
                        of_token(mac.map(|mac| mac.to_vec()))
                    })
                    .await
            }
        }
    }

    pub async fn decipher(
        &self,
        row: &'static Row,
        pkcs8: &[u8],
        oaep: Option<library::public_key::Oaep<'_>>,
        data: &[u8],
    ) -> Outcome {
        match self {
            Place::Library => {
                let key = library::public_key::private(pkcs8);
                let clear = key.and_then(|key| library::public_key::decrypt(row, &key, oaep, data));
                of_library(clear.map(|clear| clear.to_vec()))
            }
            Place::Token(token) => {
                let how = match oaep {
                    None => Encipherment::Pkcs1,
                    Some(oaep) => Encipherment::Oaep {
                        hash: oaep.hash.algorithm,
                        mask: oaep.mask.algorithm,
                        label: oaep.label,
                    },
                };
                token
                    .with_key(KeyKind::RsaPrivate, pkcs8, async |key| {
                        let clear = token.hsm.decipher(key, how, data).await;
                        of_token(clear.map(|clear| clear.to_vec()))
                    })
                    .await
            }
        }
    }

    /// A signature by the token; of ECDSA r ‖ s.
    pub async fn sign(&self, kind: KeyKind, pkcs8: &[u8], how: Signature, data: &[u8]) -> Outcome {
        match self {
            Place::Library => Outcome::Broken("the library signs by another door".into()),
            Place::Token(token) => {
                token
                    .with_key(kind, pkcs8, async |key| {
                        of_token(token.hsm.sign(key, how, data).await)
                    })
                    .await
            }
        }
    }
}
