//! Elliptic curve keys: scalar and point, SEC1 (RFC 5915).

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::{Curve, FormatError, Malformed, Unsigned, computed};

/// An EC private key.
#[derive(Clone, PartialEq, Eq)]
pub struct EcPrivate {
    pub curve: Curve,
    scalar: Zeroizing<Vec<u8>>,
    /// As the structure carried it.
    point: Option<Vec<u8>>,
}

/// An EC public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcPublic {
    pub curve: Curve,
    point: Vec<u8>,
}

/// How a point is written (SEC 1 §2.3.3, X9.62 §4.3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointForm {
    Uncompressed,
    Compressed,
    Hybrid,
}

/// Never shows the scalar.
impl std::fmt::Debug for EcPrivate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EcPrivate")
            .field("curve", &self.curve)
            .field("point", &self.point.is_some())
            .finish()
    }
}

impl EcPrivate {
    /// `scalar` is big-endian, of any length whose value fits the curve (D of Transparent EC Private Key is one).
    pub fn new(
        curve: Curve,
        scalar: &[u8],
        point: Option<&[u8]>,
    ) -> Result<EcPrivate, FormatError> {
        let scalar = Unsigned::from_magnitude(scalar)?
            .padded(curve.scalar_bytes())
            .ok_or(Malformed("the private scalar is longer than its curve"))?;
        let point = point
            .map(|point| EcPublic::new(curve, point))
            .transpose()?
            .map(|public| public.point);
        Ok(EcPrivate {
            curve,
            scalar,
            point,
        })
    }

    /// As long as the curve's order, big-endian.
    pub fn scalar(&self) -> &[u8] {
        &self.scalar
    }

    /// The key's D as KMIP's Big Integer wants it.
    pub fn d(&self) -> Result<Unsigned, FormatError> {
        Unsigned::from_magnitude(&self.scalar)
    }

    /// The public key: from the structure, else computed; None for a scalar that is no private key.
    pub fn public(&self) -> Option<EcPublic> {
        let point = match &self.point {
            Some(point) => point.clone(),
            None => computed::point(self.curve, &self.scalar)?,
        };
        Some(EcPublic {
            curve: self.curve,
            point,
        })
    }

    /// From a DER ECPrivateKey. `curve` is what surrounds it (PKCS#8's algorithm), used where the structure names none.
    pub fn from_sec1(der: &[u8], curve: Option<Curve>) -> Result<EcPrivate, FormatError> {
        let key = EcPrivateKey::from_der(der)
            .map_err(|_| Malformed("it is not a DER ECPrivateKey with a named curve"))?;
        let named = key
            .parameters
            .map(|EcParameters::NamedCurve(oid)| known(oid))
            .transpose()?;
        let curve = match (named, curve) {
            (Some(named), Some(outer)) if named != outer => {
                return Err(Malformed("the EC private key names two different curves").into());
            }
            (Some(curve), _) | (None, Some(curve)) => curve,
            (None, None) => {
                return Err(Malformed("the EC private key does not name its curve").into());
            }
        };
        EcPrivate::new(curve, key.private_key, key.public_key)
    }

    /// As a DER ECPrivateKey with its point where known. Inside PKCS#8 the curve stands in the algorithm
    /// and not here again (`named` false), as RFC 5958 writers do.
    pub fn to_sec1(&self, named: bool) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        let public = self.public();
        let key = EcPrivateKey {
            private_key: &self.scalar,
            parameters: named.then(|| EcParameters::NamedCurve(self.curve.oid())),
            public_key: public.as_ref().map(EcPublic::point),
        };
        Ok(Zeroizing::new(key.to_der().map_err(|_| {
            FormatError::NotPossible("the key is too long for DER")
        })?))
    }
}

impl EcPublic {
    /// `point` as SEC 1 §2.3.3 or X9.62 §4.3.6 (hybrid) writes it, compressed or not. Its form and length are checked, not that it is on the curve.
    pub fn new(curve: Curve, point: &[u8]) -> Result<EcPublic, FormatError> {
        let field = curve.field_bytes();
        let length = match point.first() {
            Some(2 | 3) => 1 + field,
            Some(4 | 6 | 7) => 1 + 2 * field,
            _ => return Err(Malformed("an EC point begins with 02, 03, 04, 06 or 07").into()),
        };
        if point.len() != length {
            return Err(Malformed("an EC point is not as long as its curve demands").into());
        }
        Ok(EcPublic {
            curve,
            point: point.to_vec(),
        })
    }

    /// The same point in another form; `NotPossible` where it is none of its curve.
    pub fn in_form(&self, form: PointForm) -> Result<EcPublic, FormatError> {
        let point = computed::in_form(self.curve, &self.point, form)
            .ok_or(FormatError::NotPossible("its point is not on its curve"))?;
        EcPublic::new(self.curve, &point)
    }

    /// The point as it was given: KMIP's Q String.
    pub fn point(&self) -> &[u8] {
        &self.point
    }
}

fn known(oid: ObjectIdentifier) -> Result<Curve, FormatError> {
    Curve::from_oid(oid).ok_or(FormatError::NotPossible(
        "keys on this curve are only kept as they came",
    ))
}
