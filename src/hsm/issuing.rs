//! The key behind Certify: a token object that signs certificates and their revocation lists
//! (DESIGN §6). It is no managed object, and no operation of a client reaches it by a name.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use sha2::{Digest, Sha384};
use token::Mechanism;
use token::raw::CKM_ECDSA;

use super::line::Seat;
use super::master::{self, Issuing};
use super::pool::{Cost, lock};
use super::{Hsm, HsmError, der};

/// Length of a coordinate of P-384, in bytes.
const SIZE: usize = 48;

impl Seat<'_> {
    fn issuing(&self, name: &str) -> Result<Issuing, HsmError> {
        if let Some(issuing) = lock(&self.line.masters.issuing).get(name) {
            return Ok(issuing.clone());
        }
        // Made by another process since this one connected.
        let found = master::find_issuing(&self.line.anchor(), &self.inner.config, name)?;
        lock(&self.line.masters.issuing).insert(name.to_owned(), found.clone());
        Ok(found)
    }
}

impl Hsm {
    /// Makes a P-384 key pair that issues certificates and answers its name. Names are in the
    /// order of their making; two processes that make one at the same moment make two.
    pub async fn make_issuing_key(&self) -> Result<String, HsmError> {
        let name = uuid::Uuid::now_v7().simple().to_string();
        self.pool
            .run(Cost::Long, [name.clone().as_bytes()], move |seat, _| {
                master::make_issuing(&seat.line.anchor(), &seat.inner.config, &name)?;
                seat.issuing(&name)?;
                Ok(name.clone())
            })
            .await
    }

    /// Names of all of them in the token, oldest first.
    pub async fn issuing_keys(&self) -> Result<Vec<String>, HsmError> {
        self.pool
            .run(Cost::Long, [], |seat, []| {
                master::issuing_names(&seat.line.anchor(), &seat.inner.config)
            })
            .await
    }

    /// Destroys one that never issued anything.
    pub async fn remove_issuing_key(&self, name: &str) -> Result<(), HsmError> {
        let name = name.to_owned();
        self.pool
            .run(Cost::Long, [], move |seat, []| {
                lock(&seat.line.masters.issuing).remove(&name);
                master::remove_issuing(&seat.line.anchor(), &seat.inner.config, &name)
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
                Ok(der::ec_public_key(der::P384, &seat.issuing(&name)?.point))
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
