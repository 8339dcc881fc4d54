//! Polynomial sharing (2.1 §13.1, Shamir 1979) in a field whose elements are whole bytes: each piece
//! of the secret is the value at 0 of a random polynomial, part n holds the values at n.

use crate::protocol::structure::Bytes;

/// A field of characteristic 2: addition and subtraction are XOR. Its operations take the same time
/// for all values.
pub(super) trait Field: Copy {
    /// Of an element, in bytes (1 or 2).
    const WIDTH: usize;
    fn multiply(self, a: u16, b: u16) -> u16;
    fn invert(self, a: u16) -> u16;
}

/// Bytes of the generator that a threshold takes: a coefficient for each power but the 0th.
pub(super) fn randomness(threshold: u16, length: usize) -> usize {
    usize::from(threshold.saturating_sub(1)) * length
}

fn element(piece: &[u8]) -> u16 {
    piece
        .iter()
        .fold(0, |element, byte| (element << 8) | u16::from(*byte))
}

/// `to` = `to` × `by` + `plus`, piece by piece.
fn multiply_add<F: Field>(field: F, to: &mut [u8], by: u16, plus: &[u8]) {
    for (to, plus) in to
        .chunks_exact_mut(F::WIDTH)
        .zip(plus.chunks_exact(F::WIDTH))
    {
        let value = field.multiply(element(to), by) ^ element(plus);
        let bytes = value.to_be_bytes();
        to.copy_from_slice(bytes.get(2 - F::WIDTH..).unwrap_or_default());
    }
}

/// Shares 1 to `parts`. `random` holds the coefficients of x, x^2, … one after the other, each as
/// long as the secret; their number is the threshold less one.
pub(super) fn split<F: Field>(field: F, secret: &[u8], random: &[u8], parts: u16) -> Vec<Bytes> {
    (1..=parts)
        .map(|x| {
            let mut share = Bytes::new(vec![0; secret.len()]);
            // Horner's rule, from the highest power down.
            for coefficient in random.chunks_exact(secret.len()).rev() {
                multiply_add(field, &mut share, x, coefficient);
            }
            multiply_add(field, &mut share, x, secret);
            share
        })
        .collect()
}

/// The values at `at` of the polynomials through these points: 0 gives the secret. All shares have
/// the same length, no two the same number.
pub(super) fn interpolate<F: Field>(field: F, points: &[(u16, &[u8])], at: u16) -> Bytes {
    let length = points.first().map_or(0, |(_, share)| share.len());
    let mut value = Bytes::new(vec![0; length]);
    for (x, share) in points {
        // Lagrange's weight is public: it depends on part numbers only.
        let (mut above, mut below) = (1, 1);
        for (other, _) in points.iter().filter(|(other, _)| other != x) {
            above = field.multiply(above, at ^ other);
            below = field.multiply(below, x ^ other);
        }
        let weight = field.multiply(above, field.invert(below));
        let mut term = Bytes::new(share.to_vec());
        let sum = std::mem::take(&mut value);
        multiply_add(field, &mut term, weight, &sum);
        value = term;
    }
    value
}
