//! Public keys out of private ones, computed by OpenSSL.

use openssl::asn1::Asn1Object;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;

use super::{Curve, FieldPrivate, FieldPublic, Format, Hint, PublicKey, Unsigned};

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
