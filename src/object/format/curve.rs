//! Elliptic curves by name, KMIP Recommended Curve number and object identifier.

use der::asn1::ObjectIdentifier;

/// One row per curve: name in KMIP's table, Recommended Curve (KMIP 2.1 §11.45), OID, bits of the field.
macro_rules! curves {
    ($($(#[$doc:meta])* $name:ident $text:literal $number:literal $oid:literal $bits:literal)*) => {
        /// A prime curve whose keys can be taken apart. Others travel as the structure they came in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Curve { $($(#[$doc])* $name),* }

        impl Curve {
            pub const ALL: &'static [Curve] = &[$(Curve::$name),*];

            /// The name in KMIP's Recommended Curve table.
            pub fn name(self) -> &'static str {
                match self { $(Curve::$name => $text),* }
            }

            /// The number in KMIP's Recommended Curve enumeration.
            pub fn recommended_curve(self) -> u32 {
                match self { $(Curve::$name => $number),* }
            }

            pub fn oid(self) -> ObjectIdentifier {
                match self { $(Curve::$name => const { ObjectIdentifier::new_unwrap($oid) }),* }
            }

            /// Length of the field, and so the Cryptographic Length and Q length, in bits.
            pub fn bits(self) -> usize {
                match self { $(Curve::$name => $bits),* }
            }
        }
    };
}

curves! {
    P192 "P-192" 0x01 "1.2.840.10045.3.1.1" 192
    P224 "P-224" 0x04 "1.3.132.0.33" 224
    P256 "P-256" 0x07 "1.2.840.10045.3.1.7" 256
    P384 "P-384" 0x0A "1.3.132.0.34" 384
    P521 "P-521" 0x0D "1.3.132.0.35" 521
    Secp192k1 "SECP192K1" 0x17 "1.3.132.0.31" 192
    Secp256k1 "SECP256K1" 0x19 "1.3.132.0.10" 256
    BrainpoolP192r1 "BRAINPOOLP192R1" 0x39 "1.3.36.3.3.2.8.1.1.3" 192
    BrainpoolP224r1 "BRAINPOOLP224R1" 0x3B "1.3.36.3.3.2.8.1.1.5" 224
    BrainpoolP256r1 "BRAINPOOLP256R1" 0x3D "1.3.36.3.3.2.8.1.1.7" 256
    BrainpoolP256t1 "BRAINPOOLP256T1" 0x3E "1.3.36.3.3.2.8.1.1.8" 256
    BrainpoolP320r1 "BRAINPOOLP320R1" 0x3F "1.3.36.3.3.2.8.1.1.9" 320
    BrainpoolP320t1 "BRAINPOOLP320T1" 0x40 "1.3.36.3.3.2.8.1.1.10" 320
    BrainpoolP384r1 "BRAINPOOLP384R1" 0x41 "1.3.36.3.3.2.8.1.1.11" 384
    BrainpoolP384t1 "BRAINPOOLP384T1" 0x42 "1.3.36.3.3.2.8.1.1.12" 384
    BrainpoolP512r1 "BRAINPOOLP512R1" 0x43 "1.3.36.3.3.2.8.1.1.13" 512
    BrainpoolP512t1 "BRAINPOOLP512T1" 0x44 "1.3.36.3.3.2.8.1.1.14" 512
}

impl Curve {
    pub fn from_recommended_curve(number: u32) -> Option<Curve> {
        Curve::ALL
            .iter()
            .copied()
            .find(|curve| curve.recommended_curve() == number)
    }

    pub fn from_oid(oid: ObjectIdentifier) -> Option<Curve> {
        Curve::ALL.iter().copied().find(|curve| curve.oid() == oid)
    }

    /// Bytes of one coordinate, and of a scalar (these curves have cofactor 1).
    pub fn field_bytes(self) -> usize {
        self.bits().div_ceil(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_both_keys_and_no_two_share_one() {
        for curve in Curve::ALL {
            assert_eq!(Curve::from_oid(curve.oid()), Some(*curve));
            assert_eq!(
                Curve::from_recommended_curve(curve.recommended_curve()),
                Some(*curve)
            );
        }
        assert_eq!(Curve::P521.field_bytes(), 66);
        assert_eq!(Curve::from_recommended_curve(0x45), None);
    }
}
