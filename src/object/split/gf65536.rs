//! GF(2^16) as 2.1 §13.1 builds it: GF(2^8)[y] modulo y^2+y+m, an element uy+v being the bytes (u, v).

use super::gf256::Gf256;
use super::shamir::Field;

/// m = x^5+x^4+x^3+x. Of trace 1 in both fields below, so that y^2+y+m has no root in either.
const M: u8 = 0x3a;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gf65536 {
    pub below: Gf256,
}

impl Field for Gf65536 {
    const WIDTH: usize = 2;

    /// (ry+s)(uy+v) with y^2 = y+m. The standard prints the constant term as "ru + svm", under which
    /// 1 would not be the unit; the modulus and its own formula of the inverse give rum + sv.
    fn multiply(self, a: u16, b: u16) -> u16 {
        let ([r, s], [u, v]) = (a.to_be_bytes(), b.to_be_bytes());
        let times = |a, b| self.below.times(a, b);
        let sv = times(s, v);
        let y = times(r ^ s, u ^ v) ^ sv;
        let constant = times(times(r, u), M) ^ sv;
        u16::from_be_bytes([y, constant])
    }

    fn invert(self, a: u16) -> u16 {
        let [u, v] = a.to_be_bytes();
        let times = |a, b| self.below.times(a, b);
        let d = times(u ^ v, v) ^ times(M, times(u, u));
        let inverse = self.below.inverse(d);
        u16::from_be_bytes([times(u, inverse), times(u ^ v, inverse)])
    }
}
