//! Polynomial sharing in GF(p) (2.1 §13.1): the secret is one integer, as are the shares, written
//! big-endian in as many bytes as the prime has.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;

use crate::protocol::structure::Bytes;

/// Beyond a coefficient's own length, so that its remainder modulo p is uniform but for 2^-128.
const EXCESS: usize = 16;

/// The largest prime that is worked with, in bits: RSA-4096 in PKCS#8 fits below it.
pub(super) const LARGEST: i32 = 19937;

/// The largest prime of a client, in bits: what it takes to see that it is one grows with the
/// fourth power.
pub(super) const LARGEST_OF_CLIENT: i32 = 4400;

/// Primes 2^exponent - less, for secrets of fewer bits than the exponent; where the difference is
/// 1 they are Mersenne's.
static PRIMES: &[(i32, u32)] = &[
    (130, 5),
    (221, 3),
    (285, 9),
    (414, 17),
    (521, 1),
    (1279, 1),
    (2203, 1),
    (4253, 1),
    (9941, 1),
    (LARGEST, 1),
];

/// The number of a prime field, checked.
#[derive(Debug)]
pub(super) struct Prime(BigNum);

impl Prime {
    /// One that is greater than 2^L, L being the bits of a secret of that many bytes; None where
    /// the secret is too long.
    pub fn above(length: usize) -> Result<Option<Prime>, ErrorStack> {
        let Some((exponent, less)) = PRIMES
            .iter()
            .find(|(exponent, _)| usize::try_from(*exponent).is_ok_and(|bits| bits > 8 * length))
        else {
            return Ok(None);
        };
        let mut prime = BigNum::new()?;
        prime.set_bit(*exponent)?;
        prime.sub_word(*less)?;
        Ok(Some(Prime(prime)))
    }

    /// A number as messages write it, in two's complement, known to be prime or not; None where it
    /// is negative, even or too large.
    pub fn read(twos_complement: &[u8]) -> Result<Option<Prime>, ErrorStack> {
        if twos_complement.first().is_none_or(|first| *first > 0x7f) {
            return Ok(None);
        }
        let number = BigNum::from_slice(twos_complement)?;
        let fits = number.is_odd() && (2..=LARGEST).contains(&number.num_bits());
        Ok(fits.then_some(Prime(number)))
    }

    /// Whether it is a prime (Miller and Rabin, at most 2^-128 wrong) greater than any secret of
    /// `length` bytes.
    pub fn suits(&self, length: usize) -> Result<bool, ErrorStack> {
        let bits = usize::try_from(self.0.num_bits()).unwrap_or(0);
        if bits <= 8 * length || self.0.num_bits() > LARGEST_OF_CLIENT {
            return Ok(false);
        }
        // 0: as many rounds as OpenSSL takes for a number of that size.
        self.0.is_prime(0, &mut *BigNumContext::new()?)
    }

    /// In two's complement.
    pub fn write(&self) -> Bytes {
        let mut bytes = self.0.to_vec();
        if bytes.first().is_some_and(|first| *first > 0x7f) {
            bytes.insert(0, 0);
        }
        Bytes::new(bytes)
    }

    /// Length of a share in bytes.
    fn width(&self) -> usize {
        usize::try_from(self.0.num_bytes()).unwrap_or(0)
    }

    /// Bytes of the generator that a threshold takes.
    pub fn randomness(&self, threshold: u16) -> usize {
        usize::from(threshold.saturating_sub(1)) * (self.width() + EXCESS)
    }

    /// An integer modulo p whose memory is cleared when it goes and on which OpenSSL works in
    /// constant time.
    fn secret(&self, bytes: &[u8], context: &mut BigNumContext) -> Result<BigNum, ErrorStack> {
        let mut number = BigNum::new_secure()?;
        number.copy_from_slice(bytes)?;
        number.set_const_time();
        let mut reduced = BigNum::new_secure()?;
        reduced.set_const_time();
        reduced.nnmod(&number, &self.0, context)?;
        Ok(reduced)
    }

    fn share(&self, number: &BigNumRef) -> Result<Bytes, ErrorStack> {
        Ok(Bytes::new(number.to_vec_padded(self.0.num_bytes())?))
    }

    /// Shares 1 to `parts`; `random` as long as [`Prime::randomness`] says.
    pub fn split(
        &self,
        secret: &[u8],
        random: &[u8],
        parts: u16,
    ) -> Result<Vec<Bytes>, ErrorStack> {
        let mut context = BigNumContext::new_secure()?;
        let mut coefficients = vec![self.secret(secret, &mut context)?];
        for bytes in random.chunks_exact(self.width() + EXCESS) {
            coefficients.push(self.secret(bytes, &mut context)?);
        }
        let mut shares = Vec::with_capacity(usize::from(parts));
        for x in 1..=parts {
            let x = BigNum::from_u32(u32::from(x))?;
            let mut value = BigNum::new_secure()?;
            value.set_const_time();
            for coefficient in coefficients.iter().rev() {
                let mut product = BigNum::new_secure()?;
                product.set_const_time();
                product.mod_mul(&value, &x, &self.0, &mut context)?;
                value.mod_add(&product, coefficient, &self.0, &mut context)?;
            }
            shares.push(self.share(&value)?);
        }
        Ok(shares)
    }

    /// The value at `at` of the polynomial through these points: 0 gives the secret, in as many
    /// bytes as the prime. None where p is no prime.
    pub fn interpolate(
        &self,
        points: &[(u16, &[u8])],
        at: u16,
    ) -> Result<Option<Bytes>, ErrorStack> {
        let mut context = BigNumContext::new_secure()?;
        let mut sum = BigNum::new_secure()?;
        sum.set_const_time();
        for (x, share) in points {
            let others = || {
                points
                    .iter()
                    .map(|(other, _)| *other)
                    .filter(|other| other != x)
            };
            let above = product(others().map(|other| (at, other)))?;
            let below = product(others().map(|other| (*x, other)))?;
            let Ok(weight) = self.quotient(&above, &below, &mut context) else {
                return Ok(None);
            };
            let share = self.secret(share, &mut context)?;
            let mut term = BigNum::new_secure()?;
            term.set_const_time();
            term.mod_mul(&share, &weight, &self.0, &mut context)?;
            let before = std::mem::replace(&mut sum, BigNum::new_secure()?);
            sum.set_const_time();
            sum.mod_add(&before, &term, &self.0, &mut context)?;
        }
        self.share(&sum).map(Some)
    }

    fn quotient(
        &self,
        above: &BigNumRef,
        below: &BigNumRef,
        context: &mut BigNumContext,
    ) -> Result<BigNum, ErrorStack> {
        let mut positive = BigNum::new()?;
        positive.nnmod(below, &self.0, context)?;
        let mut inverse = BigNum::new()?;
        inverse.mod_inverse(&positive, &self.0, context)?;
        let mut reduced = BigNum::new()?;
        reduced.nnmod(above, &self.0, context)?;
        let mut quotient = BigNum::new()?;
        quotient.mod_mul(&reduced, &inverse, &self.0, context)?;
        Ok(quotient)
    }
}

/// The product of differences of part numbers, which are public.
fn product(pairs: impl Iterator<Item = (u16, u16)>) -> Result<BigNum, ErrorStack> {
    let mut product = BigNum::from_u32(1)?;
    let mut negative = false;
    for (a, b) in pairs {
        product.mul_word(u32::from(a.abs_diff(b)))?;
        negative ^= a < b;
    }
    product.set_negative(negative);
    Ok(product)
}
