//! GF(2^8), as the bytes of a polynomial over GF(2) modulo one of degree 8.

use super::shamir::Field;
use crate::protocol::enumeration::SplitKeyPolynomial;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gf256 {
    /// The modulus without its highest term.
    reduction: u8,
}

impl Gf256 {
    /// x^8+x^4+x^3+x+1: 283, FIPS 197.
    pub const FIPS_197: Gf256 = Gf256 { reduction: 0x1b };
    /// x^8+x^4+x^3+x^2+1: 285.
    pub const POLYNOMIAL_285: Gf256 = Gf256 { reduction: 0x1d };

    pub fn new(polynomial: SplitKeyPolynomial) -> Gf256 {
        match polynomial {
            SplitKeyPolynomial::POLYNOMIAL_283 => Gf256::FIPS_197,
            _ => Gf256::POLYNOMIAL_285,
        }
    }

    /// In the same time for all values: no branch and no table looks at them.
    pub fn times(self, a: u8, b: u8) -> u8 {
        let (mut product, mut power) = (0, a);
        for bit in 0..8 {
            product ^= power & ((b >> bit) & 1).wrapping_neg();
            let carry = (power >> 7).wrapping_neg();
            power = (power << 1) ^ (carry & self.reduction);
        }
        product
    }

    /// a^254, which is 1/a; 0 of 0.
    pub fn inverse(self, a: u8) -> u8 {
        let (mut result, mut square) = (1, a);
        // 254 = 2 + 4 + … + 128.
        for _ in 0..7 {
            square = self.times(square, square);
            result = self.times(result, square);
        }
        result
    }
}

impl Field for Gf256 {
    const WIDTH: usize = 1;

    fn multiply(self, a: u16, b: u16) -> u16 {
        let [_, a] = a.to_be_bytes();
        let [_, b] = b.to_be_bytes();
        u16::from(self.times(a, b))
    }

    fn invert(self, a: u16) -> u16 {
        let [_, a] = a.to_be_bytes();
        u16::from(self.inverse(a))
    }
}
