//! Split keys (2.1 §2.8 and §13.1, 1.4 §2.2.5): a secret in parts of which so many make it again.
//!
//! Pure functions over bytes; randomness is the caller's. Nothing in here branches on, or looks up
//! by, a secret.

mod gf256;
mod gf65536;
pub mod origin;
mod prime_field;
mod shamir;
#[cfg(test)]
mod tests;
mod xor;

use openssl::error::ErrorStack;
use subtle::ConstantTimeEq as _;

use crate::protocol::enumeration::{SplitKeyMethod, SplitKeyPolynomial};
use crate::protocol::structure::{BigInteger, Bytes};
use crate::protocol::version::Version;
use gf256::Gf256;
use gf65536::Gf65536;
use prime_field::Prime;

/// The most parts that this server makes or joins; GF(2^8) has no more numbers for them.
pub const MOST_PARTS: i32 = 255;

/// Why a secret is not split, or its parts not joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    #[error("the Split Key Method {0} is not supported")]
    Method(SplitKeyMethod),
    #[error(
        "{parts} parts with a threshold of {threshold} cannot be made: expected a threshold of 2 or more and no more than the parts"
    )]
    Counts { parts: i32, threshold: i32 },
    #[error("with XOR all parts are needed: Split Key Threshold must be Split Key Parts")]
    XorThreshold,
    #[error("{0} parts are too many; expected {MOST_PARTS} at most")]
    TooMany(i32),
    #[error(
        "Prime Field Size is no prime greater than 2 to the power of the secret's length in bits, and at most 4400 bits long; leave it out and the server takes one"
    )]
    Prime,
    #[error("Prime Field Size belongs to Polynomial Sharing Prime Field and to no other method")]
    NeedlessPrime,
    #[error(
        "Polynomial Sharing GF(2^16) shares pieces of two bytes, and the secret has {0}; take Polynomial Sharing GF(2^8)"
    )]
    Odd(usize),
    #[error("a secret of {0} bytes cannot be split with this method; take GF(2^8) or XOR")]
    Length(usize),
    #[error("{given} parts are given and {threshold} are needed")]
    TooFew { given: usize, threshold: i32 },
    #[error("the parts do not belong together: they differ in {0}")]
    Foreign(&'static str),
    #[error("the part numbered {0} is given twice")]
    Twice(i32),
    #[error("a part says of itself what cannot be: {0}")]
    Unsound(&'static str),
    #[error(
        "the parts given do not lie on one polynomial: one of them was changed or is another key's"
    )]
    Inconsistent,
    #[error("the library that computes in prime fields failed")]
    Library,
}

impl From<ErrorStack> for SplitError {
    fn from(_: ErrorStack) -> Self {
        SplitError::Library
    }
}

/// Which GF(2^8) a method computes in, by the version in which the parts were made. The standard
/// changed its mind: 1.x says FIPS 197's polynomial of GF(2^16) and nothing of the later method
/// GF(2^8), 2.0 the other for both. TC-SJ-2 and TC-SJ-3 show the other for GF(2^8) in 1.4 too.
static POLYNOMIALS: &[(SplitKeyMethod, Version, SplitKeyPolynomial)] = &[
    (
        SplitKeyMethod::POLYNOMIAL_SHARING_GF2_8,
        Version::V1_2,
        SplitKeyPolynomial::POLYNOMIAL_285,
    ),
    (
        SplitKeyMethod::POLYNOMIAL_SHARING_GF2_16,
        Version::V1_0,
        SplitKeyPolynomial::POLYNOMIAL_283,
    ),
    (
        SplitKeyMethod::POLYNOMIAL_SHARING_GF2_16,
        Version::V2_0,
        SplitKeyPolynomial::POLYNOMIAL_285,
    ),
];

/// The polynomial of a method in a version; None where the method has none.
pub fn polynomial(method: SplitKeyMethod, version: Version) -> Option<SplitKeyPolynomial> {
    POLYNOMIALS
        .iter()
        .rfind(|(row, since, _)| *row == method && *since <= version)
        .map(|(_, _, polynomial)| *polynomial)
}

#[derive(Debug)]
enum Arithmetic {
    Xor,
    Gf256(Gf256),
    Gf65536(Gf65536),
    Prime(Prime),
}

/// How a secret is split: checked, and ready to do it.
#[derive(Debug)]
pub struct Scheme {
    arithmetic: Arithmetic,
    parts: u16,
    threshold: u16,
}

/// What Create Split Key asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: SplitKeyMethod,
    pub parts: i32,
    pub threshold: i32,
    pub prime: Option<&'a BigInteger>,
    pub polynomial: Option<SplitKeyPolynomial>,
}

impl Asked<'_> {
    /// A scheme for a secret of that many bytes.
    ///
    /// # Errors
    /// Where the standard or this server does not have such parts. A threshold of 1 is refused:
    /// every part would be the key.
    pub fn scheme(&self, length: usize) -> Result<Scheme, SplitError> {
        let (parts, threshold) = (self.parts, self.threshold);
        if parts > MOST_PARTS {
            return Err(SplitError::TooMany(parts));
        }
        let counts = SplitError::Counts { parts, threshold };
        if threshold < 2 || threshold > parts {
            return Err(counts);
        }
        if self.method == SplitKeyMethod::XOR && threshold != parts {
            return Err(SplitError::XorThreshold);
        }
        if length == 0 {
            return Err(SplitError::Length(0));
        }
        let arithmetic = match self.arithmetic()? {
            Some(Arithmetic::Gf65536(_)) if !length.is_multiple_of(2) => {
                return Err(SplitError::Odd(length));
            }
            Some(Arithmetic::Prime(prime)) if !prime.suits(length)? => {
                return Err(SplitError::Prime);
            }
            Some(arithmetic) => arithmetic,
            None => Arithmetic::Prime(Prime::above(length)?.ok_or(SplitError::Length(length))?),
        };
        Ok(Scheme {
            arithmetic,
            parts: u16::try_from(parts).map_err(|_| counts.clone())?,
            threshold: u16::try_from(threshold).map_err(|_| counts)?,
        })
    }

    /// None where the method is of prime fields and no prime is given.
    fn arithmetic(&self) -> Result<Option<Arithmetic>, SplitError> {
        let prime_field = self.method == SplitKeyMethod::POLYNOMIAL_SHARING_PRIME_FIELD;
        if self.prime.is_some() && !prime_field {
            return Err(SplitError::NeedlessPrime);
        }
        let below = Gf256::new(
            self.polynomial
                .unwrap_or(SplitKeyPolynomial::POLYNOMIAL_285),
        );
        Ok(Some(match self.method {
            SplitKeyMethod::XOR => Arithmetic::Xor,
            SplitKeyMethod::POLYNOMIAL_SHARING_GF2_8 => Arithmetic::Gf256(below),
            SplitKeyMethod::POLYNOMIAL_SHARING_GF2_16 => Arithmetic::Gf65536(Gf65536 { below }),
            SplitKeyMethod::POLYNOMIAL_SHARING_PRIME_FIELD => match self.prime {
                Some(prime) => Arithmetic::Prime(Prime::read(&prime.0)?.ok_or(SplitError::Prime)?),
                None => return Ok(None),
            },
            other => return Err(SplitError::Method(other)),
        }))
    }
}

impl Scheme {
    /// How many bytes of a generator a secret of `length` bytes takes.
    pub fn randomness(&self, length: usize) -> usize {
        match &self.arithmetic {
            Arithmetic::Xor => xor::randomness(self.parts, length),
            Arithmetic::Gf256(_) | Arithmetic::Gf65536(_) => {
                shamir::randomness(self.threshold, length)
            }
            Arithmetic::Prime(prime) => prime.randomness(self.threshold),
        }
    }

    /// Prime Field Size, where there is one.
    pub fn prime_field_size(&self) -> Option<BigInteger> {
        match &self.arithmetic {
            Arithmetic::Prime(prime) => Some(BigInteger(prime.write())),
            _ => None,
        }
    }

    /// The parts, from number 1 on. `random` is as long as [`Scheme::randomness`] says.
    pub fn split(&self, secret: &[u8], random: &[u8]) -> Result<Vec<Bytes>, SplitError> {
        if random.len() != self.randomness(secret.len()) {
            return Err(SplitError::Library);
        }
        Ok(match &self.arithmetic {
            Arithmetic::Xor => xor::split(secret, random),
            Arithmetic::Gf256(field) => shamir::split(*field, secret, random, self.parts),
            Arithmetic::Gf65536(field) => shamir::split(*field, secret, random, self.parts),
            Arithmetic::Prime(prime) => prime.split(secret, random, self.parts)?,
        })
    }
}

/// A part that came back, with what it says of itself.
#[derive(Clone, Debug)]
pub struct Part {
    pub method: SplitKeyMethod,
    pub parts: i32,
    pub threshold: i32,
    pub identifier: i32,
    pub prime: Option<BigInteger>,
    pub polynomial: Option<SplitKeyPolynomial>,
    pub share: Bytes,
}

/// Whether all parts say the same of something.
fn same<T: PartialEq>(
    parts: &[Part],
    of: impl Fn(&Part) -> T,
    name: &'static str,
) -> Result<(), SplitError> {
    let mut values = parts.iter().map(of);
    let first = values.next();
    match values.all(|value| Some(value) == first) {
        true => Ok(()),
        false => Err(SplitError::Foreign(name)),
    }
}

/// The points of the parts: their numbers, each once and in bounds, and their shares.
fn points(parts: &[Part]) -> Result<Vec<(u16, &[u8])>, SplitError> {
    let mut points: Vec<(u16, &[u8])> = Vec::with_capacity(parts.len());
    for part in parts {
        // A field has no more part numbers than elements.
        let most = match part.method {
            SplitKeyMethod::POLYNOMIAL_SHARING_GF2_8 => i32::from(u8::MAX),
            _ => i32::from(u16::MAX),
        };
        let bounds = 1..=part.parts.min(most);
        let number = u16::try_from(part.identifier)
            .ok()
            .filter(|_| bounds.contains(&part.identifier))
            .ok_or(SplitError::Unsound("Key Part Identifier"))?;
        if points.iter().any(|(other, _)| *other == number) {
            return Err(SplitError::Twice(part.identifier));
        }
        points.push((number, part.share.as_slice()));
    }
    Ok(points)
}

/// The secret of these parts. Of a prime field it is as long as the prime: the caller knows how many
/// bytes the secret has.
///
/// # Errors
/// Parts that differ in what they say of themselves, that are too few, or of which one does not
/// fit the others.
pub fn join(parts: &[Part]) -> Result<Bytes, SplitError> {
    let Some(first) = parts.first() else {
        return Err(SplitError::TooFew {
            given: 0,
            threshold: 2,
        });
    };
    same(parts, |part| part.method, "Split Key Method")?;
    same(parts, |part| part.parts, "Split Key Parts")?;
    same(parts, |part| part.threshold, "Split Key Threshold")?;
    same(parts, |part| part.prime.clone(), "Prime Field Size")?;
    same(parts, |part| part.polynomial, "the field")?;
    same(parts, |part| part.share.len(), "length")?;
    let points = points(parts)?;
    let too_few = SplitError::TooFew {
        given: parts.len(),
        threshold: first.threshold,
    };
    let threshold = match usize::try_from(first.threshold) {
        Ok(threshold) if threshold >= 1 => threshold,
        _ => return Err(SplitError::Unsound("Split Key Threshold")),
    };
    if first.share.is_empty() {
        return Err(SplitError::Unsound("Key Material"));
    }
    let asked = Asked {
        method: first.method,
        parts: first.parts,
        threshold: first.threshold,
        prime: first.prime.as_ref(),
        polynomial: first.polynomial,
    };
    let arithmetic = asked.arithmetic()?;
    if matches!(arithmetic, Some(Arithmetic::Xor)) {
        if Ok(points.len()) != usize::try_from(first.parts) {
            return Err(too_few);
        }
        let shares: Vec<&[u8]> = points.iter().map(|(_, share)| *share).collect();
        return Ok(xor::join(&shares));
    }
    let (given, more) = points.split_at_checked(threshold).ok_or(too_few)?;
    let value = |at| match &arithmetic {
        Some(Arithmetic::Gf256(field)) => Ok(shamir::interpolate(*field, given, at)),
        Some(Arithmetic::Gf65536(_)) if !first.share.len().is_multiple_of(2) => {
            Err(SplitError::Unsound("Key Material"))
        }
        Some(Arithmetic::Gf65536(field)) => Ok(shamir::interpolate(*field, given, at)),
        Some(Arithmetic::Prime(prime)) => prime
            .interpolate(given, at)?
            .ok_or(SplitError::Unsound("Prime Field Size")),
        Some(Arithmetic::Xor) | None => Err(SplitError::Unsound("Prime Field Size")),
    };
    for (number, share) in more {
        if !bool::from(value(*number)?.as_slice().ct_eq(share)) {
            return Err(SplitError::Inconsistent);
        }
    }
    value(0)
}
