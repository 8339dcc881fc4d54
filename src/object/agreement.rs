//! Key agreement by library, for keys that may be in the server's memory: ECDH on prime curves,
//! X25519, X448, Diffie-Hellman. Derive Key's Asymmetric Key method (KMIP 1.4 §4.6, 2.1 §11.14).

use openssl::bn::{BigNum, BigNumContext};
use openssl::derive::Deriver;
use openssl::dh::Dh;
use openssl::ec::{EcKey, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{HasParams, Id, PKey, PKeyRef, Private, Public};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bits of a Diffie-Hellman prime: below, it is broken; above, one request costs seconds.
const DH_BITS: std::ops::RangeInclusive<i32> = 2048..=8192;

/// Bits of the smallest field that curves of the standard's table have.
const SMALLEST_FIELD: u32 = 160;

/// Why two keys do not agree. Says nothing of the private one's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    #[error("the private key is not one that keys are agreed on with: {0}")]
    Private(&'static str),
    #[error("the public key is not one that keys are agreed on with: {0}")]
    Public(&'static str),
    #[error("the keys are of different algorithms, curves or groups")]
    Different,
    /// A point of small order: the secret would not depend on the private key (RFC 7748 §6.1).
    #[error("the public key gives a secret of zeros; it is not a sound one")]
    Zero,
}

/// What a token takes of a public key, and the length of the secret: the uncompressed point of an EC
/// key (SEC 1 §2.3.3), proven to be on its curve, or the bytes of an X25519 or X448 key, proven not
/// to be of small order; None for a key of another algorithm.
///
/// # Errors
/// `Public` when it is no SubjectPublicKeyInfo or its point is not on its curve, `Zero`.
pub fn point(spki: &[u8]) -> Result<Option<(Vec<u8>, usize)>, AgreementError> {
    let public = public(spki)?;
    let own = match public.id() {
        Id::X25519 => PKey::generate_x25519(),
        Id::X448 => PKey::generate_x448(),
        Id::EC => return uncompressed(&public).map(Some),
        _ => return Ok(None),
    };
    // Such a point gives zeros with every private key: those are multiples of the cofactor.
    let own = own.map_err(|_| NO_POINT)?;
    derive(&own, &public).map_err(|_| AgreementError::Zero)?;
    let point = public.raw_public_key().map_err(|_| NO_POINT)?;
    let length = point.len();
    Ok(Some((point, length)))
}

fn uncompressed(public: &PKeyRef<Public>) -> Result<(Vec<u8>, usize), AgreementError> {
    let key = public.ec_key().map_err(|_| NO_POINT)?;
    let mut numbers = BigNumContext::new().map_err(|_| NO_POINT)?;
    let form = PointConversionForm::UNCOMPRESSED;
    let point = key.public_key().to_bytes(key.group(), form, &mut numbers);
    let point = point.map_err(|_| NO_POINT)?;
    // Half of it behind the first byte is one coordinate.
    let field = point.len() / 2;
    Ok((point, field))
}

const NO_POINT: AgreementError = AgreementError::Public("its point is not on its curve");

/// The shared secret of a private key (PKCS#8) and another's public key (SubjectPublicKeyInfo): as
/// long as the curve's field or the group's prime, leading zeros included.
pub fn agree(pkcs8: &[u8], spki: &[u8]) -> Result<Zeroizing<Vec<u8>>, AgreementError> {
    let private = PKey::private_key_from_pkcs8(pkcs8)
        .map_err(|_| AgreementError::Private("it cannot be read"))?;
    let public = public(spki)?;
    if private.id() != public.id() {
        return Err(AgreementError::Different);
    }
    let length = match private.id() {
        Id::EC => field(&private, &public)?,
        Id::X25519 => 32,
        Id::X448 => 56,
        Id::DH | Id::DHX => prime(&private, &public)?,
        _ => return Err(AgreementError::Private("it is of another algorithm")),
    };
    let secret = derive(&private, &public).map_err(|_| match private.id() {
        // OpenSSL itself refuses a result of zeros for these two.
        Id::X25519 | Id::X448 => AgreementError::Zero,
        _ => AgreementError::Different,
    })?;
    // Diffie-Hellman comes without leading zeros (SP 800-56A §5.7.1.1 wants them).
    let mut padded = Zeroizing::new(vec![0; length.saturating_sub(secret.len())]);
    padded.reserve_exact(secret.len());
    padded.extend_from_slice(&secret);
    if bool::from(padded.ct_eq(&Zeroizing::new(vec![0; padded.len()]))) {
        return Err(AgreementError::Zero);
    }
    Ok(padded)
}

fn derive(
    private: &PKeyRef<Private>,
    public: &PKeyRef<Public>,
) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
    let mut deriver = Deriver::new(private)?;
    // Validates a public key of Diffie-Hellman, too (EVP_PKEY_derive_set_peer).
    deriver.set_peer(public)?;
    deriver.derive_to_vec().map(Zeroizing::new)
}

fn public(spki: &[u8]) -> Result<PKey<Public>, AgreementError> {
    let public = PKey::public_key_from_der(spki).map_err(|_| {
        AgreementError::Public("it cannot be read, or its point is not on its curve")
    })?;
    if let Ok(key) = public.ec_key() {
        key.check_key().map_err(|_| NO_POINT)?;
    }
    Ok(public)
}

/// Bytes of the field of the curve that both keys are on.
fn field(private: &PKeyRef<Private>, public: &PKeyRef<Public>) -> Result<usize, AgreementError> {
    const UNREADABLE: AgreementError = AgreementError::Private("it cannot be read");
    fn curve<T: HasParams>(key: &EcKey<T>) -> Option<Nid> {
        // A curve that is given by its equation has no name, and anything may be wrong with it.
        let group = key.group();
        group
            .curve_name()
            .filter(|_| group.degree() >= SMALLEST_FIELD)
    }
    let (own, other) = (private.ec_key(), public.ec_key());
    let (own, other) = (own.map_err(|_| UNREADABLE)?, other.map_err(|_| NO_POINT)?);
    own.check_key()
        .map_err(|_| AgreementError::Private("it is not sound"))?;
    let named = curve(&own).ok_or(AgreementError::Private("its curve is not supported"))?;
    if curve(&other) != Some(named) {
        return Err(AgreementError::Different);
    }
    usize::try_from(own.group().degree().div_ceil(8)).map_err(|_| UNREADABLE)
}

/// Bytes of the prime of the group that both keys are in; the public number lies in [2, p − 2] and,
/// where the group's order is known, in the subgroup (SP 800-56A §5.6.2.3.1).
fn prime(private: &PKeyRef<Private>, public: &PKeyRef<Public>) -> Result<usize, AgreementError> {
    const UNSOUND: AgreementError = AgreementError::Public("its number is not in its group");
    let own: Dh<Private> = private
        .dh()
        .map_err(|_| AgreementError::Private("it cannot be read"))?;
    let other: Dh<Public> = public.dh().map_err(|_| UNSOUND)?;
    let p = own.prime_p();
    if !DH_BITS.contains(&p.num_bits()) {
        return Err(AgreementError::Private(
            "its prime has fewer than 2048 or more than 8192 bits",
        ));
    }
    if p != other.prime_p() || own.generator() != other.generator() {
        return Err(AgreementError::Different);
    }
    let check = || -> Result<bool, ErrorStack> {
        let one = BigNum::from_u32(1)?;
        let mut below = p.to_owned()?;
        below.sub_word(1)?;
        let number = other.public_key();
        if *number <= *one || *number >= *below {
            return Ok(false);
        }
        let Some(order) = own.prime_q() else {
            return Ok(true);
        };
        let mut power = BigNum::new()?;
        let mut numbers = BigNumContext::new()?;
        power.mod_exp(number, order, p, &mut numbers)?;
        Ok(power == one)
    };
    match check() {
        Ok(true) => usize::try_from(p.num_bytes()).map_err(|_| UNSOUND),
        Ok(false) | Err(_) => Err(UNSOUND),
    }
}

#[cfg(test)]
#[path = "agreement_tests.rs"]
mod tests;
