//! The key behind Certify: a token object that signs certificates and their revocation lists
//! (DESIGN §6). It is no managed object, and no operation of a client reaches it by a name.

use std::collections::BTreeMap;

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use sha2::{Digest, Sha384};
use token::raw::{CKM_ECDSA, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
use token::{Handle, Mechanism, Session};

use super::line::Seat;
use super::master::{self, ISSUING, prefix};
use super::pool::{Cost, lock};
use super::{Config, Hsm, HsmError, der};
use super::{making, masters};
use crate::object::format::{Curve, EcPublic, Format, PublicKey};

/// Length of a coordinate of P-384, in bytes.
const SIZE: usize = 48;

/// A key that issues certificates.
#[derive(Clone, Debug)]
pub(super) struct Issuing {
    pub key: Handle,
    /// Uncompressed point of P-384, 97 bytes.
    pub point: Vec<u8>,
}

/// Makes a key that issues certificates; its name must be new.
fn make(session: &Session, config: &Config, name: &str) -> Result<(), HsmError> {
    let label = format!("{}{}{name}", prefix(config), ISSUING.name);
    making::make_pair(session, config, &ISSUING, &label, der::P384)
}

pub(super) fn find(session: &Session, config: &Config, name: &str) -> Result<Issuing, HsmError> {
    let label = format!("{}{}{name}", prefix(config), ISSUING.name);
    let (key, point) = masters::open_pair(session, config, &ISSUING, &label, 48)?;
    Ok(Issuing { key, point })
}

fn remove(session: &Session, config: &Config, name: &str) -> Result<(), HsmError> {
    let label = format!("{}{}{name}", prefix(config), ISSUING.name);
    for class in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
        for key in master::find_labelled(session, &label, class)? {
            session.destroy(key)?;
        }
    }
    Ok(())
}

/// Names of the keys that issue certificates, in the order in which they were made.
fn names(session: &Session, config: &Config) -> Result<Vec<String>, HsmError> {
    let start = format!("{}{}", prefix(config), ISSUING.name);
    let mut names = Vec::new();
    for key in master::find(session, &prefix(config), CKO_PRIVATE_KEY)? {
        let label = master::label(session, key)?;
        names.extend(label.strip_prefix(&start).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

pub(super) fn open(
    session: &Session,
    config: &Config,
) -> Result<BTreeMap<String, Issuing>, HsmError> {
    let mut keys = BTreeMap::new();
    for name in names(session, config)? {
        match find(session, config, &name) {
            Ok(key) => drop(keys.insert(name, key)),
            // Nobody can use it, and everything else works: who asks for it is told.
            Err(HsmError::Damaged(what)) => tracing::error!(what, "an issuing key is not used"),
            Err(error) => return Err(error),
        }
    }
    Ok(keys)
}

impl Seat<'_> {
    fn issuing(&self, name: &str) -> Result<Issuing, HsmError> {
        if let Some(issuing) = lock(&self.line.masters.issuing).get(name) {
            return Ok(issuing.clone());
        }
        // Made by another process since this one connected.
        let found = find(&self.line.anchor(), &self.inner.config, name)?;
        lock(&self.line.masters.issuing).insert(name.to_owned(), found.clone());
        Ok(found)
    }
}

impl Hsm {
    /// Makes a P-384 key pair that issues certificates and answers its name. Names are in the
    /// order of their making; two processes that make one at the same moment make two.
    ///
    /// # Errors
    /// [`HsmError::Refused`] with several tokens: their ceremony made one, which all of them have.
    pub async fn make_issuing_key(&self) -> Result<String, HsmError> {
        if self.replicas() > 1 {
            return Err(HsmError::Refused(
                "an issuing key of several tokens that is made outside of a ceremony".into(),
            ));
        }
        let name = uuid::Uuid::now_v7().simple().to_string();
        self.pool
            .run(Cost::Long, [name.clone().as_bytes()], move |seat, _| {
                make(&seat.line.anchor(), &seat.inner.config, &name)?;
                seat.issuing(&name)?;
                Ok(name.clone())
            })
            .await
    }

    /// Names of all of them in the token, oldest first.
    pub async fn issuing_keys(&self) -> Result<Vec<String>, HsmError> {
        self.pool
            .run(Cost::Long, [], |seat, []| {
                names(&seat.line.anchor(), &seat.inner.config)
            })
            .await
    }

    /// Destroys one that never issued anything.
    pub async fn remove_issuing_key(&self, name: &str) -> Result<(), HsmError> {
        let name = name.to_owned();
        self.pool
            .run(Cost::Long, [], move |seat, []| {
                lock(&seat.line.masters.issuing).remove(&name);
                remove(&seat.line.anchor(), &seat.inner.config, &name)
            })
            .await
    }

    /// SubjectPublicKeyInfo (DER), P-384.
    ///
    /// # Errors
    /// [`HsmError::Damaged`] when the token has no such key, or one that could have left it.
    pub async fn issuing_public_key(&self, name: &str) -> Result<Vec<u8>, HsmError> {
        let name = name.to_owned();
        self.pool
            .run(Cost::Long, [], move |seat, []| {
                EcPublic::new(Curve::P384, &seat.issuing(&name)?.point)
                    .and_then(|point| PublicKey::Ec(point).write(Format::X509))
                    .map_err(|error| HsmError::Damaged(error.to_string()))
            })
            .await
    }

    /// ECDSA P-384 over SHA-384 of `message`: an ECDSA-Sig-Value (RFC 3279 §2.2.3) in DER.
    pub async fn sign_certificate(&self, name: &str, message: &[u8]) -> Result<Vec<u8>, HsmError> {
        let name = name.to_owned();
        let digest = Sha384::digest(message);
        let signature = self
            .pool
            .run(Cost::Short, [&digest], move |seat, [digest]| {
                let key = seat.issuing(&name)?.key;
                let mechanism = Mechanism::Plain(CKM_ECDSA);
                let signature = seat.session.sign(mechanism, key, digest, 2 * SIZE)?;
                Ok(signature.to_vec())
            })
            .await?;
        let bad = |_| HsmError::Damaged("a signature of P-384 is not r and s".into());
        let (r, s) = signature
            .split_at_checked(SIZE)
            .filter(|(_, s)| s.len() == SIZE)
            .ok_or_else(|| HsmError::Damaged("a signature of P-384 is not 96 bytes long".into()))?;
        let (r, s) = (
            BigNum::from_slice(r).map_err(bad)?,
            BigNum::from_slice(s).map_err(bad)?,
        );
        EcdsaSig::from_private_components(r, s)
            .and_then(|signature| signature.to_der())
            .map_err(bad)
    }
}
