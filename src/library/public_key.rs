//! Asymmetric cryptography: with public keys always, with private ones of class *served*.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::md_ctx::MdCtx;
use openssl::pkey::{HasPublic, Id, KeyType, PKey, PKeyRef, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;
use openssl::x509::X509;
use zeroize::Zeroizing;

use super::{LibraryError, digest};
use crate::mechanism::hash::HashRow;
use crate::mechanism::{Row, Shape};

/// Hash functions and label of OAEP (RFC 8017 §7.1).
#[derive(Clone, Copy, Debug)]
pub struct Oaep<'a> {
    pub hash: &'static HashRow,
    /// Of the mask generation function.
    pub mask: &'static HashRow,
    pub label: &'a [u8],
}

/// Hash functions and salt of PSS (RFC 8017 §8.1).
#[derive(Clone, Copy, Debug)]
pub struct Pss {
    pub mask: &'static HashRow,
    /// In bytes; None: when signing as long as the digest, when verifying whatever the signature has.
    pub salt: Option<usize>,
}

/// A PKCS#8 private key.
pub fn private(pkcs8: &[u8]) -> Result<PKey<Private>, LibraryError> {
    PKey::private_key_from_pkcs8(pkcs8)
        .map_err(|_| LibraryError::BadKey("this is no private key that the library knows".into()))
}

/// A SubjectPublicKeyInfo.
pub fn public(info: &[u8]) -> Result<PKey<Public>, LibraryError> {
    PKey::public_key_from_der(info)
        .map_err(|_| LibraryError::BadKey("this is no public key that the library knows".into()))
}

/// The public key of an X.509 certificate (DER).
pub fn certified(certificate: &[u8]) -> Result<PKey<Public>, LibraryError> {
    X509::from_der(certificate)
        .and_then(|certificate| certificate.public_key())
        .map_err(|_| LibraryError::BadKey("the certificate's public key cannot be read".into()))
}

/// r ‖ s, as tokens give it, as the DER that KMIP clients expect (RFC 3279 §2.2.3).
pub fn ecdsa_der(signature: &[u8]) -> Result<Vec<u8>, LibraryError> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let (r, s) = (BigNum::from_slice(r)?, BigNum::from_slice(s)?);
    Ok(EcdsaSig::from_private_components(r, s)?.to_der()?)
}

/// The way back: r ‖ s, each in `half` bytes.
///
/// # Errors
/// `BadInput` for what is no signature, or one of longer halves.
pub fn ecdsa_halves(signature: &[u8], half: usize) -> Result<Vec<u8>, LibraryError> {
    let bad = |_| LibraryError::BadInput("the ECDSA signature cannot be read".into());
    let signature = EcdsaSig::from_der(signature).map_err(bad)?;
    let half = i32::try_from(half).unwrap_or(0);
    let mut out = signature.r().to_vec_padded(half).map_err(bad)?;
    out.extend(signature.s().to_vec_padded(half).map_err(bad)?);
    Ok(out)
}

/// The key types of a row; what does not fit must not be tried.
fn fits<T: HasPublic>(row: &Row, key: &PKeyRef<T>) -> bool {
    match row.library {
        // Keys that say themselves that they are for PSS only (RFC 4055 §1.2).
        Some("RSA") if key.id() == Id::RSA_PSS => row.shape == Shape::RsaPss,
        Some("RSA") => key.id() == Id::RSA,
        Some("EC") => key.id() == Id::EC,
        Some("DSA") => key.id() == Id::DSA,
        Some("ED25519") => key.id() == Id::ED25519,
        Some("ED448") => key.id() == Id::ED448,
        Some("ML-DSA-44") => key.is_a(KeyType::ML_DSA_44),
        Some("ML-DSA-65") => key.is_a(KeyType::ML_DSA_65),
        Some("ML-DSA-87") => key.is_a(KeyType::ML_DSA_87),
        // Newer keys have no number: OpenSSL tells them by name only, and refuses what does not fit.
        _ => matches!(key.id().as_raw(), -1 | 0),
    }
}

fn check<T: HasPublic>(row: &Row, key: &PKeyRef<T>) -> Result<(), LibraryError> {
    match fits(row, key) {
        true => Ok(()),
        false => Err(LibraryError::BadKey(format!(
            "it is none that {} is done with",
            row.name
        ))),
    }
}

fn with_oaep<T>(context: &mut PkeyCtx<T>, oaep: Option<Oaep<'_>>) -> Result<(), LibraryError> {
    match oaep {
        None => context.set_rsa_padding(Padding::PKCS1)?,
        Some(oaep) => {
            context.set_rsa_padding(Padding::PKCS1_OAEP)?;
            let hash = digest::fetch(oaep.hash)?;
            context.set_rsa_oaep_md(&hash)?;
            let mask = digest::fetch(oaep.mask)?;
            context.set_rsa_mgf1_md(&mask)?;
            if !oaep.label.is_empty() {
                context.set_rsa_oaep_label(oaep.label)?;
            }
        }
    }
    Ok(())
}

/// RSA encryption; without `oaep` RSAES-PKCS1-v1_5.
pub fn encrypt(
    row: &Row,
    key: &PKeyRef<Public>,
    oaep: Option<Oaep<'_>>,
    data: &[u8],
) -> Result<Vec<u8>, LibraryError> {
    check(row, key)?;
    let mut context = PkeyCtx::new(key)?;
    context.encrypt_init()?;
    with_oaep(&mut context, oaep)?;
    let mut out = Vec::new();
    context.encrypt_to_vec(data, &mut out).map_err(|_| {
        LibraryError::BadInput(format!(
            "{} bytes are more than {} takes with this key",
            data.len(),
            row.name
        ))
    })?;
    Ok(out)
}

/// RSA decryption. PKCS#1 v1.5 gives made-up bytes where the padding does not hold (implicit
/// rejection, OpenSSL's default since 3.2): there is nothing to tell a caller apart by.
pub fn decrypt(
    row: &Row,
    key: &PKeyRef<Private>,
    oaep: Option<Oaep<'_>>,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
    check(row, key)?;
    // RFC 8017 §7.1.2 and §7.2.2. OpenSSL takes a shorter one that stands for the same number.
    if data.len() != key.size() {
        return Err(LibraryError::Integrity);
    }
    let mut context = PkeyCtx::new(key)?;
    context.decrypt_init()?;
    with_oaep(&mut context, oaep)?;
    let mut out = Zeroizing::new(Vec::with_capacity(key.size()));
    context
        .decrypt_to_vec(data, &mut out)
        .map_err(|_| LibraryError::Integrity)?;
    Ok(out)
}

fn with_digest<T>(
    context: &mut PkeyCtx<T>,
    row: &Row,
    hash: Option<&'static HashRow>,
    pss: Option<Pss>,
    signing: bool,
) -> Result<(), LibraryError> {
    match (row.shape, pss) {
        (Shape::RsaPss, Some(pss)) => {
            context.set_rsa_padding(Padding::PKCS1_PSS)?;
            if let Some(hash) = hash {
                let hash = digest::fetch(hash)?;
                context.set_signature_md(&hash)?;
            }
            let mask = digest::fetch(pss.mask)?;
            context.set_rsa_mgf1_md(&mask)?;
            let salt = match pss.salt.map(i32::try_from) {
                Some(Ok(salt)) => RsaPssSaltlen::custom(salt),
                Some(Err(_)) => return Err(LibraryError::BadInput("a salt of this length".into())),
                None if signing => RsaPssSaltlen::DIGEST_LENGTH,
                // -2: whatever the signature says (RSA_PSS_SALTLEN_AUTO).
                None => RsaPssSaltlen::custom(-2),
            };
            context.set_rsa_pss_saltlen(salt)?;
        }
        (Shape::RsaPkcs1Signature, _) => {
            context.set_rsa_padding(Padding::PKCS1)?;
            if let Some(hash) = hash {
                let hash = digest::fetch(hash)?;
                context.set_signature_md(&hash)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// A signature over a digest (`hash` says of which function), or, for rows of whole messages, over
/// the message. ECDSA and DSA as DER.
pub fn sign(
    row: &Row,
    key: &PKeyRef<Private>,
    hash: Option<&'static HashRow>,
    pss: Option<Pss>,
    data: &[u8],
) -> Result<Vec<u8>, LibraryError> {
    check(row, key)?;
    let mut out = Vec::new();
    if row.shape == Shape::MessageSignature {
        let mut context = MdCtx::new()?;
        context.digest_sign_init(None, key)?;
        context.digest_sign_to_vec(data, &mut out)?;
        return Ok(out);
    }
    let mut context = PkeyCtx::new(key)?;
    context.sign_init()?;
    with_digest(&mut context, row, hash, pss, true)?;
    context
        .sign_to_vec(data, &mut out)
        .map_err(|_| LibraryError::BadInput(format!("{} does not sign this", row.name)))?;
    Ok(out)
}

/// Whether a signature holds. A key of another kind, or a signature that is none, does not hold.
pub fn verify(
    row: &Row,
    key: &PKeyRef<Public>,
    hash: Option<&'static HashRow>,
    pss: Option<Pss>,
    data: &[u8],
    signature: &[u8],
) -> Result<bool, LibraryError> {
    if !fits(row, key) {
        return Ok(false);
    }
    if row.shape == Shape::MessageSignature {
        let mut context = MdCtx::new()?;
        context.digest_verify_init(None, key)?;
        return Ok(context.digest_verify(data, signature).unwrap_or(false));
    }
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    with_digest(&mut context, row, hash, pss, false)?;
    Ok(context.verify(data, signature).unwrap_or(false))
}
