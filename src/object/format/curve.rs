//! Elliptic curves by name, KMIP Recommended Curve number and object identifier.

use der::asn1::ObjectIdentifier;

/// One row per curve: name in KMIP's table, Recommended Curve (KMIP 2.1 §11.45), OID, bits of the field, bits of the order.
macro_rules! curves {
    ($($name:ident $text:literal $number:literal $oid:literal $bits:literal $order:literal)*) => {
        /// A curve in short Weierstrass form, over a prime or a binary field. CURVE25519 and CURVE448 are no such
        /// curves: see [`Named`](super::Named).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Curve { $($name),* }

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

            /// Length of the order of the base point, in bits.
            pub fn order_bits(self) -> usize {
                match self { $(Curve::$name => $order),* }
            }
        }
    };
}

curves! {
    P192 "P-192" 0x01 "1.2.840.10045.3.1.1" 192 192
    K163 "K-163" 0x02 "1.3.132.0.1" 163 163
    B163 "B-163" 0x03 "1.3.132.0.15" 163 163
    P224 "P-224" 0x04 "1.3.132.0.33" 224 224
    K233 "K-233" 0x05 "1.3.132.0.26" 233 232
    B233 "B-233" 0x06 "1.3.132.0.27" 233 233
    P256 "P-256" 0x07 "1.2.840.10045.3.1.7" 256 256
    K283 "K-283" 0x08 "1.3.132.0.16" 283 281
    B283 "B-283" 0x09 "1.3.132.0.17" 283 282
    P384 "P-384" 0x0A "1.3.132.0.34" 384 384
    K409 "K-409" 0x0B "1.3.132.0.36" 409 407
    B409 "B-409" 0x0C "1.3.132.0.37" 409 409
    P521 "P-521" 0x0D "1.3.132.0.35" 521 521
    K571 "K-571" 0x0E "1.3.132.0.38" 571 570
    B571 "B-571" 0x0F "1.3.132.0.39" 571 570
    Secp112r1 "SECP112R1" 0x10 "1.3.132.0.6" 112 112
    Secp112r2 "SECP112R2" 0x11 "1.3.132.0.7" 112 110
    Secp128r1 "SECP128R1" 0x12 "1.3.132.0.28" 128 128
    Secp128r2 "SECP128R2" 0x13 "1.3.132.0.29" 128 126
    Secp160k1 "SECP160K1" 0x14 "1.3.132.0.9" 160 161
    Secp160r1 "SECP160R1" 0x15 "1.3.132.0.8" 160 161
    Secp160r2 "SECP160R2" 0x16 "1.3.132.0.30" 160 161
    Secp192k1 "SECP192K1" 0x17 "1.3.132.0.31" 192 192
    Secp224k1 "SECP224K1" 0x18 "1.3.132.0.32" 224 225
    Secp256k1 "SECP256K1" 0x19 "1.3.132.0.10" 256 256
    Sect113r1 "SECT113R1" 0x1A "1.3.132.0.4" 113 113
    Sect113r2 "SECT113R2" 0x1B "1.3.132.0.5" 113 113
    Sect131r1 "SECT131R1" 0x1C "1.3.132.0.22" 131 131
    Sect131r2 "SECT131R2" 0x1D "1.3.132.0.23" 131 131
    Sect163r1 "SECT163R1" 0x1E "1.3.132.0.2" 163 162
    Sect193r1 "SECT193R1" 0x1F "1.3.132.0.24" 193 193
    Sect193r2 "SECT193R2" 0x20 "1.3.132.0.25" 193 193
    Sect239k1 "SECT239K1" 0x21 "1.3.132.0.3" 239 238
    AnsiX9P192v2 "ANSIX9P192V2" 0x22 "1.2.840.10045.3.1.2" 192 192
    AnsiX9P192v3 "ANSIX9P192V3" 0x23 "1.2.840.10045.3.1.3" 192 192
    AnsiX9P239v1 "ANSIX9P239V1" 0x24 "1.2.840.10045.3.1.4" 239 239
    AnsiX9P239v2 "ANSIX9P239V2" 0x25 "1.2.840.10045.3.1.5" 239 239
    AnsiX9P239v3 "ANSIX9P239V3" 0x26 "1.2.840.10045.3.1.6" 239 239
    AnsiX9C2pnb163v1 "ANSIX9C2PNB163V1" 0x27 "1.2.840.10045.3.0.1" 163 163
    AnsiX9C2pnb163v2 "ANSIX9C2PNB163V2" 0x28 "1.2.840.10045.3.0.2" 163 162
    AnsiX9C2pnb163v3 "ANSIX9C2PNB163V3" 0x29 "1.2.840.10045.3.0.3" 163 162
    AnsiX9C2pnb176v1 "ANSIX9C2PNB176V1" 0x2A "1.2.840.10045.3.0.4" 176 161
    AnsiX9C2tnb191v1 "ANSIX9C2TNB191V1" 0x2B "1.2.840.10045.3.0.5" 191 191
    AnsiX9C2tnb191v2 "ANSIX9C2TNB191V2" 0x2C "1.2.840.10045.3.0.6" 191 190
    AnsiX9C2tnb191v3 "ANSIX9C2TNB191V3" 0x2D "1.2.840.10045.3.0.7" 191 189
    AnsiX9C2pnb208w1 "ANSIX9C2PNB208W1" 0x2E "1.2.840.10045.3.0.10" 208 193
    AnsiX9C2tnb239v1 "ANSIX9C2TNB239V1" 0x2F "1.2.840.10045.3.0.11" 239 238
    AnsiX9C2tnb239v2 "ANSIX9C2TNB239V2" 0x30 "1.2.840.10045.3.0.12" 239 237
    AnsiX9C2tnb239v3 "ANSIX9C2TNB239V3" 0x31 "1.2.840.10045.3.0.13" 239 236
    AnsiX9C2pnb272w1 "ANSIX9C2PNB272W1" 0x32 "1.2.840.10045.3.0.16" 272 257
    AnsiX9C2pnb304w1 "ANSIX9C2PNB304W1" 0x33 "1.2.840.10045.3.0.17" 304 289
    AnsiX9C2tnb359v1 "ANSIX9C2TNB359V1" 0x34 "1.2.840.10045.3.0.18" 359 353
    AnsiX9C2pnb368w1 "ANSIX9C2PNB368W1" 0x35 "1.2.840.10045.3.0.19" 368 353
    AnsiX9C2tnb431r1 "ANSIX9C2TNB431R1" 0x36 "1.2.840.10045.3.0.20" 431 418
    BrainpoolP160r1 "BRAINPOOLP160R1" 0x37 "1.3.36.3.3.2.8.1.1.1" 160 160
    BrainpoolP160t1 "BRAINPOOLP160T1" 0x38 "1.3.36.3.3.2.8.1.1.2" 160 160
    BrainpoolP192r1 "BRAINPOOLP192R1" 0x39 "1.3.36.3.3.2.8.1.1.3" 192 192
    BrainpoolP192t1 "BRAINPOOLP192T1" 0x3A "1.3.36.3.3.2.8.1.1.4" 192 192
    BrainpoolP224r1 "BRAINPOOLP224R1" 0x3B "1.3.36.3.3.2.8.1.1.5" 224 224
    BrainpoolP224t1 "BRAINPOOLP224T1" 0x3C "1.3.36.3.3.2.8.1.1.6" 224 224
    BrainpoolP256r1 "BRAINPOOLP256R1" 0x3D "1.3.36.3.3.2.8.1.1.7" 256 256
    BrainpoolP256t1 "BRAINPOOLP256T1" 0x3E "1.3.36.3.3.2.8.1.1.8" 256 256
    BrainpoolP320r1 "BRAINPOOLP320R1" 0x3F "1.3.36.3.3.2.8.1.1.9" 320 320
    BrainpoolP320t1 "BRAINPOOLP320T1" 0x40 "1.3.36.3.3.2.8.1.1.10" 320 320
    BrainpoolP384r1 "BRAINPOOLP384R1" 0x41 "1.3.36.3.3.2.8.1.1.11" 384 384
    BrainpoolP384t1 "BRAINPOOLP384T1" 0x42 "1.3.36.3.3.2.8.1.1.12" 384 384
    BrainpoolP512r1 "BRAINPOOLP512R1" 0x43 "1.3.36.3.3.2.8.1.1.13" 512 512
    BrainpoolP512t1 "BRAINPOOLP512T1" 0x44 "1.3.36.3.3.2.8.1.1.14" 512 512
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

    /// Whether over a binary field.
    pub fn is_binary(self) -> bool {
        ["K-", "B-", "SECT", "ANSIX9C2"]
            .iter()
            .any(|family| self.name().starts_with(family))
    }

    /// Bytes of one coordinate.
    pub fn field_bytes(self) -> usize {
        self.bits().div_ceil(8)
    }

    /// Bytes of a private scalar (RFC 5915 §3).
    pub fn scalar_bytes(self) -> usize {
        self.order_bits().div_ceil(8)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use openssl::asn1::Asn1Object;
    use openssl::bn::{BigNum, BigNumContext};
    use openssl::ec::EcGroup;

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
        assert_eq!(Curve::ALL.len(), 0x44);
    }

    #[test]
    fn openssl_knows_every_curve_by_the_same_facts() {
        for curve in Curve::ALL {
            let oid = Asn1Object::from_str(&curve.oid().to_string()).unwrap();
            let group = EcGroup::from_curve_name(oid.nid()).unwrap();
            assert_eq!(group.degree() as usize, curve.bits(), "{curve:?}");
            assert_eq!(group.order_bits() as usize, curve.order_bits(), "{curve:?}");
            // The prime, or the polynomial, which is one bit longer than the field.
            let mut context = BigNumContext::new().unwrap();
            let [mut p, mut a, mut b] = [(); 3].map(|()| BigNum::new().unwrap());
            group
                .components_gfp(&mut p, &mut a, &mut b, &mut context)
                .unwrap();
            let is_binary = p.num_bits() as usize == curve.bits() + 1;
            assert_eq!(curve.is_binary(), is_binary, "{curve:?}");
        }
    }
}
