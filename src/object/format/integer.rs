//! Big integers as keys carry them: positive, big-endian.

use zeroize::Zeroizing;

use super::{FormatError, Malformed};

/// A positive integer that may be secret, as its magnitude without leading zero bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsigned(Zeroizing<Vec<u8>>);

impl Unsigned {
    /// From a magnitude, with or without leading zero bytes. Zero itself is no part of any key: `Malformed`.
    pub fn from_magnitude(bytes: &[u8]) -> Result<Unsigned, FormatError> {
        let first = bytes
            .iter()
            .position(|byte| *byte != 0)
            .ok_or(Malformed("an integer that must be positive is zero"))?;
        Ok(Unsigned(Zeroizing::new(
            bytes.get(first..).unwrap_or_default().to_vec(),
        )))
    }

    /// From a KMIP Big Integer, two's complement with any amount of sign padding (KMIP 2.1 §9.1.1.4).
    /// A negative number is `Malformed`.
    pub fn from_twos_complement(bytes: &[u8]) -> Result<Unsigned, FormatError> {
        if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
            return Err(Malformed("an integer that must be positive is negative").into());
        }
        Unsigned::from_magnitude(bytes)
    }

    /// The value without leading zero bytes; never empty.
    pub fn magnitude(&self) -> &[u8] {
        &self.0
    }

    /// The shortest two's complement form: a zero byte leads where the top bit is set.
    pub fn twos_complement(&self) -> Zeroizing<Vec<u8>> {
        let sign = usize::from(self.0.first().is_some_and(|byte| byte & 0x80 != 0));
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.0.len() + sign));
        bytes.resize(sign, 0);
        bytes.extend_from_slice(&self.0);
        bytes
    }

    /// The magnitude with leading zero bytes up to `length`; None when it is longer.
    pub fn padded(&self, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let zeros = length.checked_sub(self.0.len())?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.resize(zeros, 0);
        bytes.extend_from_slice(&self.0);
        Some(bytes)
    }

    /// Length in bits.
    pub fn bits(&self) -> usize {
        let lead = self
            .0
            .first()
            .map_or(0, |byte| byte.leading_zeros() as usize);
        self.0.len() * 8 - lead
    }
}

/// Shows the length only: the value may be a secret.
impl std::fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unsigned[{} bits]", self.bits())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn signs() {
        let high = Unsigned::from_magnitude(&[0, 0, 0x80, 1]).unwrap();
        assert_eq!(high.magnitude(), [0x80, 1]);
        assert_eq!(*high.twos_complement(), [0, 0x80, 1]);
        assert_eq!(high.bits(), 16);
        assert_eq!(*high.padded(4).unwrap(), [0, 0, 0x80, 1]);
        assert!(high.padded(1).is_none());
        assert_eq!(
            *Unsigned::from_magnitude(&[0x7f]).unwrap().twos_complement(),
            [0x7f]
        );
        assert!(Unsigned::from_twos_complement(&[0xff, 1]).is_err());
        for zero in [&[][..], &[0], &[0, 0]] {
            assert!(Unsigned::from_magnitude(zero).is_err());
            assert!(Unsigned::from_twos_complement(zero).is_err());
        }
    }

    proptest! {
        #[test]
        fn padding_changes_nothing(zeros in 0usize..9, bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
            prop_assume!(bytes.iter().any(|byte| *byte != 0));
            let value = Unsigned::from_magnitude(&bytes).unwrap();
            let mut padded = vec![0; zeros];
            padded.extend_from_slice(&value.twos_complement());
            prop_assert_eq!(&Unsigned::from_twos_complement(&padded).unwrap(), &value);
            prop_assert_eq!(&Unsigned::from_magnitude(&value.padded(64).unwrap()).unwrap(), &value);
        }
    }
}
