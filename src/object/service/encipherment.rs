//! Encrypt with a public, decrypt with a private RSA key.

use super::place::{self, Place};
use super::{bad, hash_row, not_decrypted, unsupported};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::hsm::{self, HsmError, KeyKind};
use crate::library;
use crate::library::public_key::Oaep;
use crate::mechanism::hash::HashRow;
use crate::mechanism::{self, Row, Service, Shape};
use crate::object::managed::Sealed;
use crate::object::usage;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, HashingAlgorithm, MaskGenerator, PaddingMethod,
};
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;

/// How data is put under an RSA key.
#[derive(Clone, Debug)]
pub struct Encipherment {
    pub row: &'static Row,
    hash: &'static HashRow,
    mask: &'static HashRow,
    label: Bytes,
}

/// The hash of the mask generation function: SHA-1 where nothing is said (2.1 §4.16).
pub fn mask(
    asked: &CryptographicParameters,
    otherwise: HashingAlgorithm,
) -> Result<&'static HashRow, Fault> {
    if let Some(generator) = asked.mask_generator
        && generator != MaskGenerator::MGF1
    {
        return Err(unsupported(format!("the mask generator {generator}")));
    }
    hash_row(asked.mask_generator_hashing_algorithm.unwrap_or(otherwise))
}

/// What the request (or the key) asks for; OAEP where neither names a padding.
pub fn asked(key: &Sealed, asked: &CryptographicParameters) -> Result<Encipherment, Fault> {
    let algorithm = asked
        .cryptographic_algorithm
        .or_else(|| usage::algorithm(key))
        .unwrap_or(CryptographicAlgorithm::RSA);
    let padding = asked.padding_method.unwrap_or(PaddingMethod::OAEP);
    let row = mechanism::find(Service::Encipherment, algorithm, None, Some(padding))
        .ok_or_else(|| unsupported(format!("encryption with {algorithm} and padding {padding}")))?;
    let hash = asked.hashing_algorithm.unwrap_or(HashingAlgorithm::SHA_1);
    Ok(Encipherment {
        row,
        hash: hash_row(hash)?,
        mask: mask(asked, HashingAlgorithm::SHA_1)?,
        label: asked.p_source.clone().unwrap_or_default(),
    })
}

impl Encipherment {
    fn oaep(&self) -> Option<Oaep<'_>> {
        (self.row.shape == Shape::RsaOaep).then_some(Oaep {
            hash: self.hash,
            mask: self.mask,
            label: &self.label,
        })
    }

    pub async fn encrypt(
        &self,
        context: &mut Context,
        key: &Sealed,
        data: &[u8],
    ) -> Result<Bytes, Fault> {
        place::noted(context, self.row, Place::Library);
        let public = place::public_key(context, key).await?;
        let sealed = library::public_key::encrypt(self.row, &public, self.oaep(), data)?;
        Ok(Bytes::new(sealed))
    }

    /// # Errors
    /// [`not_decrypted`] whatever does not hold.
    pub async fn decrypt(
        &self,
        context: &mut Context,
        key: &Sealed,
        data: &[u8],
    ) -> Result<Bytes, Fault> {
        if usage::algorithm(key) != Some(CryptographicAlgorithm::RSA) {
            return Err(bad("only RSA keys decrypt"));
        }
        if self.row.shape == Shape::RsaPkcs1 {
            context.permit_with(key, Permission::DecryptPkcs1)?;
        }
        if place::of(context, key, self.row)? == Place::Token {
            let how = match self.oaep() {
                None => hsm::Encipherment::Pkcs1,
                Some(oaep) => hsm::Encipherment::Oaep {
                    hash: oaep.hash.algorithm,
                    mask: oaep.mask.algorithm,
                    label: oaep.label,
                },
            };
            let ready = usage::ready(context, key, KeyKind::RsaPrivate).await?;
            let using = ready.key(context, key)?;
            match context.engine.hsm.decipher(&using, how, data).await {
                Ok(clear) => return Ok(clear),
                Err(HsmError::Integrity(_) | HsmError::BadInput(_)) => return Err(not_decrypted()),
                Err(error) if place::falls_back(context, key, self.row, &error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let private = place::private_key(context, key).await?;
        let (row, data) = (self.row, data.to_vec());
        let own = self.clone();
        // Milliseconds: not on a thread that others wait for.
        let clear = tokio::task::spawn_blocking(move || {
            library::public_key::decrypt(row, &private, own.oaep(), &data)
        })
        .await
        .map_err(|_| not_decrypted())?;
        clear.map_err(|_| not_decrypted())
    }
}
