//! Sign and verify.

use super::encipherment::mask;
use super::place::{self, Place};
use super::{bad, hash_row, unsupported};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm;
use crate::library;
use crate::library::public_key::Pss;
use crate::mechanism::hash::{self, HashRow};
use crate::mechanism::{self, Row, Service, Shape};
use crate::object::managed::Sealed;
use crate::object::pair_algorithm;
use crate::object::usage;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, DigitalSignatureAlgorithm, HashingAlgorithm, ObjectType, PaddingMethod,
};
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::structure::Bytes;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum Signed<'a> {
    Data(&'a [u8]),
    /// The caller's, or that of a stream (KMIP 1.4 §4.31 Digested Data).
    Digest(&'a [u8]),
}

/// A signature scheme as it will be run.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    pub row: &'static Row,
    /// As asked or by default; with digested data and no word of it, the digest's length tells.
    hash: Option<&'static HashRow>,
    /// Of PSS: hash of the mask generation function, and salt in bytes.
    mask: Option<&'static HashRow>,
    salt: Option<usize>,
}

/// A digest and its hash, where that is known.
type Digest = (Vec<u8>, Option<&'static HashRow>);

/// The hash where nothing is said.
const DEFAULT_HASH: HashingAlgorithm = HashingAlgorithm::SHA_256;

macro_rules! signature_algorithms {
    ($($name:ident = $algorithm:ident $padding:expr, $hash:expr;)*) => {
        /// Digital Signature Algorithm as algorithm, padding and hash (KMIP 2.1 §11.16).
        static SIGNATURE_ALGORITHMS: &[(
            DigitalSignatureAlgorithm,
            CryptographicAlgorithm,
            Option<PaddingMethod>,
            Option<HashingAlgorithm>,
        )] = &[$((
            DigitalSignatureAlgorithm::$name,
            CryptographicAlgorithm::$algorithm,
            $padding,
            $hash,
        ),)*];
    };
}

const PKCS1: Option<PaddingMethod> = Some(PaddingMethod::PKCS1_V1_5);

signature_algorithms! {
    SHA_1_WITH_RSA_ENCRYPTION = RSA PKCS1, Some(HashingAlgorithm::SHA_1);
    SHA_224_WITH_RSA_ENCRYPTION = RSA PKCS1, Some(HashingAlgorithm::SHA_224);
    SHA_256_WITH_RSA_ENCRYPTION = RSA PKCS1, Some(HashingAlgorithm::SHA_256);
    SHA_384_WITH_RSA_ENCRYPTION = RSA PKCS1, Some(HashingAlgorithm::SHA_384);
    SHA_512_WITH_RSA_ENCRYPTION = RSA PKCS1, Some(HashingAlgorithm::SHA_512);
    RSASSA_PSS = RSA Some(PaddingMethod::PSS), None;
    DSA_WITH_SHA_1 = DSA None, Some(HashingAlgorithm::SHA_1);
    DSA_WITH_SHA224 = DSA None, Some(HashingAlgorithm::SHA_224);
    DSA_WITH_SHA256 = DSA None, Some(HashingAlgorithm::SHA_256);
    ECDSA_WITH_SHA_1 = ECDSA None, Some(HashingAlgorithm::SHA_1);
    ECDSA_WITH_SHA224 = ECDSA None, Some(HashingAlgorithm::SHA_224);
    ECDSA_WITH_SHA256 = ECDSA None, Some(HashingAlgorithm::SHA_256);
    ECDSA_WITH_SHA384 = ECDSA None, Some(HashingAlgorithm::SHA_384);
    ECDSA_WITH_SHA512 = ECDSA None, Some(HashingAlgorithm::SHA_512);
    SHA3_256_WITH_RSA_ENCRYPTION = RSA PKCS1, Some(HashingAlgorithm::SHA3_256);
    SHA3_384_WITH_RSA_ENCRYPTION = RSA PKCS1, Some(HashingAlgorithm::SHA3_384);
    SHA3_512_WITH_RSA_ENCRYPTION = RSA PKCS1, Some(HashingAlgorithm::SHA3_512);
}

/// What the request (or the key) asks for.
pub fn asked(key: &Sealed, asked: &CryptographicParameters) -> Result<Scheme, Fault> {
    let named = match asked.digital_signature_algorithm {
        None => None,
        Some(name) => Some(
            SIGNATURE_ALGORITHMS
                .iter()
                .find(|(own, ..)| *own == name)
                .ok_or_else(|| unsupported(format!("the signature algorithm {name}")))?,
        ),
    };
    let algorithm = named
        .map(|(_, algorithm, ..)| *algorithm)
        .or(asked.cryptographic_algorithm.map(pair_algorithm::current))
        .or_else(|| usage::algorithm(key))
        .ok_or_else(|| bad("the key has no Cryptographic Algorithm"))?;
    let padding = match algorithm {
        CryptographicAlgorithm::RSA => named
            .and_then(|(_, _, padding, _)| *padding)
            .or(asked.padding_method)
            .or(PKCS1),
        _ => None,
    };
    let row = mechanism::find(Service::Signature, algorithm, None, padding).ok_or_else(|| {
        unsupported(match padding {
            Some(padding) => format!("signing with {algorithm} and padding {padding}"),
            None => format!("signing with {algorithm}"),
        })
    })?;
    let hash = named
        .and_then(|(.., hash)| *hash)
        .or(asked.hashing_algorithm);
    let salt = asked.salt_length.map(|length| {
        usize::try_from(length)
            .map_err(|_| bad(format!("a Salt Length of {length}; expected 0 or more")))
    });
    // 2.1 §4.16 says SHA-1 where no mask generator's hash is named, but every library takes the
    // digest's, and so do the OASIS cases (CS-AC-M-2).
    let mask = match asked.mask_generator_hashing_algorithm {
        None => None,
        Some(other) => Some(mask(asked, other)?),
    };
    Ok(Scheme {
        row,
        hash: hash.map(hash_row).transpose()?,
        mask,
        salt: salt.transpose()?,
    })
}

impl Scheme {
    fn pss(&self, hash: Option<&'static HashRow>) -> Option<Pss> {
        match (self.row.shape, self.mask.or(hash)) {
            (Shape::RsaPss, Some(mask)) => Some(Pss {
                mask,
                salt: self.salt,
            }),
            _ => None,
        }
    }

    /// The hash of a message; None where the whole message is signed.
    pub fn message_hash(&self) -> Result<Option<&'static HashRow>, Fault> {
        match self.row.shape {
            Shape::MessageSignature => Ok(None),
            _ => match self.hash {
                Some(row) => Ok(Some(row)),
                None => hash_row(DEFAULT_HASH).map(Some),
            },
        }
    }

    /// Digest and hash; None for whole messages. Digested data of no hash's length is signed as it
    /// is (TC-RSA-SIGN-DIGESTEDDATA, TC-ECDSA-SIGN-DIGESTEDDATA).
    fn digest(&self, signed: Signed<'_>) -> Result<Option<Digest>, Fault> {
        match (signed, self.message_hash()?) {
            (Signed::Data(_), None) => Ok(None),
            (Signed::Digest(_), None) => Err(unsupported(format!(
                "{} over digested data: it signs whole messages",
                self.row.name
            ))),
            (Signed::Data(data), Some(row)) => {
                Ok(Some((library::digest::hash(row, data)?, Some(row))))
            }
            (Signed::Digest(digest), Some(_)) => {
                let row = self.hash.or_else(|| hash::of_length(digest.len()));
                if let Some(row) = row
                    && row.length != digest.len()
                {
                    return Err(Fault::new(
                        Reason::CryptographicFailure,
                        format!(
                            "Digested Data has {} bytes; a digest of {} has {}",
                            digest.len(),
                            row.algorithm,
                            row.length
                        ),
                    ));
                }
                Ok(Some((digest.to_vec(), row)))
            }
        }
    }

    pub async fn sign(
        &self,
        context: &mut Context,
        key: &Sealed,
        signed: Signed<'_>,
    ) -> Result<Bytes, Fault> {
        if key.object_type() != ObjectType::PRIVATE_KEY {
            return Err(Fault::new(
                Reason::InvalidObjectType,
                format!(
                    "a {} cannot sign; expected a private key",
                    key.object_type()
                ),
            ));
        }
        let digest = self.digest(signed)?;
        if place::of(context, key, self.row)? == Place::Token {
            match self.in_token(context, key, &digest, signed).await? {
                Ok(signature) => return Ok(Bytes::new(signature)),
                Err(error) if place::falls_back(context, key, self.row, &error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let private = place::private_key(context, key).await?;
        let (input, hash) = match (digest, signed) {
            (Some((digest, hash)), _) => (digest, hash),
            (None, Signed::Data(data) | Signed::Digest(data)) => (data.to_vec(), None),
        };
        let scheme = *self;
        // RSA and the newer schemes take milliseconds: not on a thread that others wait for.
        let made = tokio::task::spawn_blocking(move || {
            library::public_key::sign(scheme.row, &private, hash, scheme.pss(hash), &input)
        })
        .await
        .map_err(|_| Fault::new(Reason::CryptographicFailure, "the signature was not made"))?;
        Ok(Bytes::new(made?))
    }

    async fn in_token(
        &self,
        context: &mut Context,
        key: &Sealed,
        digest: &Option<Digest>,
        signed: Signed<'_>,
    ) -> Result<Result<Vec<u8>, hsm::HsmError>, Fault> {
        let Some(kind) = usage::private_kind(key) else {
            return Ok(Err(hsm::HsmError::BadKey("its algorithm".into())));
        };
        let ready = usage::ready(context, key, kind).await?;
        let using = ready.key(context, key)?;
        let hsm = &context.engine.hsm;
        let (Signed::Data(message) | Signed::Digest(message)) = signed;
        let (scheme, input) = match (self.row.shape, digest) {
            (Shape::RsaPkcs1Signature, Some((digest, hash))) => {
                let info = match hash {
                    None => digest.clone(),
                    Some(hash) => hash.digest_info(digest).ok_or_else(|| {
                        unsupported(format!("signing {} digests", hash.algorithm))
                    })?,
                };
                (hsm::Signature::RsaPkcs1Info, info)
            }
            (Shape::RsaPss, Some((digest, Some(hash)))) => {
                let salt = self.salt.unwrap_or(hash.length);
                let scheme = hsm::Signature::RsaPssDigest {
                    hash: hash.algorithm,
                    mask: self.mask.unwrap_or(hash).algorithm,
                    salt_length: u32::try_from(salt).unwrap_or(u32::MAX),
                };
                (scheme, digest.clone())
            }
            (Shape::DigestSignature, Some((digest, _))) => {
                let made = hsm.sign(&using, hsm::Signature::EcdsaDigest, digest).await;
                return Ok(match made {
                    Ok(rs) => Ok(library::public_key::ecdsa_der(&rs)?),
                    Err(error) => Err(error),
                });
            }
            (Shape::RsaPss, _) => {
                return Err(bad("PSS over digested data needs a Hashing Algorithm"));
            }
            _ => {
                let scheme = hsm::Signature::Message { row: self.row };
                return Ok(hsm.sign(&using, scheme, message).await);
            }
        };
        Ok(hsm.sign(&using, scheme, &input).await)
    }

    /// Whether the signature holds. A key of another kind than the parameters say verifies nothing.
    pub async fn verify(
        &self,
        context: &mut Context,
        key: &Sealed,
        signed: Signed<'_>,
        signature: &[u8],
    ) -> Result<bool, Fault> {
        place::noted(context, self.row, Place::Library);
        let public = place::public_key(context, key).await?;
        let digest = self.digest(signed)?;
        let (Signed::Data(message) | Signed::Digest(message)) = signed;
        let (input, hash) = match &digest {
            Some((digest, hash)) => (digest.as_slice(), *hash),
            None => (message, None),
        };
        Ok(library::public_key::verify(
            self.row,
            &public,
            hash,
            self.pss(hash),
            input,
            signature,
        )?)
    }
}
