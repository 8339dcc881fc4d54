//! What the parts of a key that are there say of the others: public keys out of private ones, the parts of RSA keys.
//! OpenSSL computes.

use openssl::asn1::Asn1Object;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;

use super::{
    Curve, FieldPrivate, FieldPublic, Format, Hint, PointForm, PublicKey, RsaPart, RsaPrivate,
    Unsigned,
};

/// Longest modulus that is computed with, in bits: OpenSSL's own limit for DH and DSA.
const LONGEST: usize = 10_000;

pub(crate) fn group(curve: Curve) -> Result<EcGroup, ErrorStack> {
    let oid = Asn1Object::from_str(&curve.oid().to_string())?;
    EcGroup::from_curve_name(oid.nid())
}

/// The uncompressed point of a private scalar.
pub(super) fn point(curve: Curve, scalar: &[u8]) -> Option<Vec<u8>> {
    let compute = || -> Result<Vec<u8>, ErrorStack> {
        let group = group(curve)?;
        let mut scalar = BigNum::from_slice(scalar)?;
        scalar.set_const_time();
        let mut context = BigNumContext::new_secure()?;
        let mut point = EcPoint::new(&group)?;
        point.mul_generator2(&group, &scalar, &mut context)?;
        let bytes = point.to_bytes(&group, PointConversionForm::UNCOMPRESSED, &mut context);
        scalar.clear();
        bytes
    };
    // A multiple of the order gives the point at infinity, which is one byte.
    compute()
        .ok()
        .filter(|point| point.len() == 1 + 2 * curve.field_bytes())
}

/// A point in another form.
pub(super) fn in_form(curve: Curve, point: &[u8], form: PointForm) -> Option<Vec<u8>> {
    let form = match form {
        PointForm::Uncompressed => PointConversionForm::UNCOMPRESSED,
        PointForm::Compressed => PointConversionForm::COMPRESSED,
        PointForm::Hybrid => PointConversionForm::HYBRID,
    };
    let compute = || -> Result<Vec<u8>, ErrorStack> {
        let group = group(curve)?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&group, point, &mut context)?;
        point.to_bytes(&group, form, &mut context)
    };
    compute().ok()
}

/// G to the power of X.
pub(super) fn field_public(key: &FieldPrivate) -> Option<FieldPublic> {
    if key.group.bits() > LONGEST || key.x.bits() > LONGEST || key.group.g.bits() > LONGEST {
        return None;
    }
    let compute = || -> Result<Vec<u8>, ErrorStack> {
        let number = |value: &Unsigned| BigNum::from_slice(value.magnitude());
        let (p, g) = (number(&key.group.p)?, number(&key.group.g)?);
        let mut x = number(&key.x)?;
        x.set_const_time();
        let mut y = BigNum::new()?;
        let done = y.mod_exp(&g, &x, &p, &mut *BigNumContext::new_secure()?);
        x.clear();
        done.map(|()| y.to_vec())
    };
    Some(FieldPublic {
        group: key.group.clone(),
        y: Unsigned::from_magnitude(&compute().ok()?).ok()?,
    })
}

/// Of any private key that OpenSSL reads as PKCS#8.
pub(super) fn public(pkcs8: &[u8]) -> Option<PublicKey> {
    let info = PKey::private_key_from_pkcs8(pkcs8)
        .and_then(|key| key.public_key_to_der())
        .ok()?;
    PublicKey::parse(Format::X509, &info, Hint::default()).ok()
}

/// All parts of an RSA key from its primes, or from both exponents; None where the parts are not enough, or are not those
/// of one key.
pub(super) fn complete_rsa(key: &RsaPrivate) -> Option<RsaPrivate> {
    if key.bits() > LONGEST || key.parts().any(|(_, part)| part.bits() > LONGEST) {
        return None;
    }
    complete(key).ok().flatten()
}

/// A number that is or may be a secret.
fn secret(value: &Unsigned) -> Result<BigNum, ErrorStack> {
    let mut number = BigNum::from_slice(value.magnitude())?;
    number.set_const_time();
    Ok(number)
}

fn complete(key: &RsaPrivate) -> Result<Option<RsaPrivate>, ErrorStack> {
    let part = |part| key.part(part).map(secret).transpose();
    let Some(n) = part(RsaPart::Modulus)? else {
        return Ok(None);
    };
    let (e, d) = (
        part(RsaPart::PublicExponent)?,
        part(RsaPart::PrivateExponent)?,
    );
    let mut context = BigNumContext::new_secure()?;
    let primes = match (part(RsaPart::P)?, part(RsaPart::Q)?, &e, &d) {
        (Some(p), Some(q), ..) => Some((p, q)),
        (_, _, Some(e), Some(d)) => factors(&n, e, d, &mut context)?,
        _ => None,
    };
    let Some((p, q)) = primes else {
        return Ok(None);
    };
    let mut product = BigNum::new()?;
    product.checked_mul(&p, &q, &mut context)?;
    if product != n {
        return Ok(None);
    }
    let (p1, q1) = (less_one(&p)?, less_one(&q)?);
    // Carmichael's function: the least common multiple.
    let (mut gcd, mut all, mut lambda) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    gcd.gcd(&p1, &q1, &mut context)?;
    all.checked_mul(&p1, &q1, &mut context)?;
    lambda.checked_div(&all, &gcd, &mut context)?;
    let given = (e, d, part(RsaPart::PrimeExponentP)?);
    let Some((e, d)) = exponents(given, &p1, &lambda, &mut context)? else {
        return Ok(None);
    };
    let (mut dp, mut dq) = (BigNum::new()?, BigNum::new()?);
    dp.checked_rem(&d, &p1, &mut context)?;
    dq.checked_rem(&d, &q1, &mut context)?;
    let coefficient = inverse(&q, &p, &mut context)?;
    let parts = [
        (RsaPart::Modulus, &n),
        (RsaPart::PrivateExponent, &d),
        (RsaPart::PublicExponent, &e),
        (RsaPart::P, &p),
        (RsaPart::Q, &q),
        (RsaPart::PrimeExponentP, &dp),
        (RsaPart::PrimeExponentQ, &dq),
        (RsaPart::CrtCoefficient, &coefficient),
    ];
    let parts = parts
        .into_iter()
        .map(|(part, number)| Some((part, Unsigned::from_magnitude(&number.to_vec()).ok()?)))
        .collect::<Option<Vec<_>>>();
    Ok(parts.and_then(|parts| RsaPrivate::from_parts(parts).ok()))
}

/// Both exponents from one of them, or from that of P; `p1` is P - 1.
fn exponents(
    given: (Option<BigNum>, Option<BigNum>, Option<BigNum>),
    p1: &BigNumRef,
    lambda: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<Option<(BigNum, BigNum)>, ErrorStack> {
    Ok(Some(match given {
        (Some(e), Some(d), _) => (e, d),
        (None, Some(d), _) => (inverse(&d, lambda, context)?, d),
        (Some(e), None, _) => {
            let d = inverse(&e, lambda, context)?;
            (e, d)
        }
        // The public exponent is shorter than P - 1.
        (None, None, Some(dp)) => {
            let e = inverse(&dp, p1, context)?;
            let d = inverse(&e, lambda, context)?;
            (e, d)
        }
        (None, None, None) => return Ok(None),
    }))
}

fn inverse(
    of: &BigNumRef,
    modulus: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<BigNum, ErrorStack> {
    let mut out = BigNum::new()?;
    out.set_const_time();
    out.mod_inverse(of, modulus, context).map(|()| out)
}

fn less_one(number: &BigNumRef) -> Result<BigNum, ErrorStack> {
    let mut out = number.to_owned()?;
    out.sub_word(1)?;
    out.set_const_time();
    Ok(out)
}

/// Tries of which each finds the primes with a probability of one half or more.
const TRIES: usize = 20;
/// Longest modulus whose primes are looked for, and longest public exponent (SP 800-56B rev. 2 §6.2.1), in bits: what
/// is no key takes all tries.
const LONGEST_FACTORED: i32 = 4096;
const LONGEST_EXPONENT: i32 = 256;

/// SP 800-56B rev. 2, appendix C.1: the primes from both exponents; P the greater.
fn factors(
    n: &BigNumRef,
    e: &BigNumRef,
    d: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<Option<(BigNum, BigNum)>, ErrorStack> {
    let mut product = BigNum::new()?;
    product.checked_mul(e, d, context)?;
    let k = less_one(&product)?;
    let is_long = n.num_bits() > LONGEST_FACTORED
        || e.num_bits() > LONGEST_EXPONENT
        || d.num_bits() > n.num_bits();
    if is_long || k.num_bits() < 2 || k.is_bit_set(0) || n.num_bits() < 8 || !n.is_bit_set(0) {
        return Ok(None);
    }
    let twos = (0..k.num_bits())
        .take_while(|bit| !k.is_bit_set(*bit))
        .count();
    let mut r = BigNum::new()?;
    r.rshift(&k, i32::try_from(twos).unwrap_or(i32::MAX))?;
    let (one, last) = (BigNum::from_u32(1)?, less_one(n)?);
    for _ in 0..TRIES {
        let mut g = BigNum::new()?;
        n.rand_range(&mut g)?;
        let mut x = BigNum::new()?;
        if g.num_bits() < 2 {
            continue;
        }
        x.mod_exp(&g, &r, n, context)?;
        for _ in 0..twos {
            let mut square = BigNum::new()?;
            square.mod_sqr(&x, n, context)?;
            if square == one && x != one && x != last {
                let (mut p, mut q) = (BigNum::new()?, BigNum::new()?);
                p.gcd(&*less_one(&x)?, n, context)?;
                q.checked_div(n, &p, context)?;
                if p < q {
                    std::mem::swap(&mut p, &mut q);
                }
                p.set_const_time();
                q.set_const_time();
                return Ok(Some((p, q)));
            }
            x = square;
        }
        if x != one {
            // The exponents are not each other's inverses.
            return Ok(None);
        }
    }
    Ok(None)
}
