//! RSA keys: their parts, and PKCS#1 (RFC 8017 appendix A.1).

use der::asn1::UintRef;
use der::{Decode, Encode};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use zeroize::Zeroizing;

use super::{FormatError, Malformed, Unsigned, computed};

/// One row per field of KMIP's transparent RSA structures, in their order (KMIP 2.1 §3.7, Table 21).
macro_rules! parts {
    ($($part:ident $field:ident $name:literal)*) => {
        /// A field of Transparent RSA Private Key; the public structure has the modulus and the public exponent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RsaPart { $($part),* }

        impl RsaPart {
            /// In the order of the structure.
            pub const ALL: &'static [RsaPart] = &[$(RsaPart::$part),*];

            /// KMIP's name of the field.
            pub fn name(self) -> &'static str {
                match self { $(RsaPart::$part => $name),* }
            }
        }

        impl RsaPrivate {
            pub fn part(&self, part: RsaPart) -> Option<&Unsigned> {
                match part { $(RsaPart::$part => self.$field.as_ref()),* }
            }

            fn slot(&mut self, part: RsaPart) -> &mut Option<Unsigned> {
                match part { $(RsaPart::$part => &mut self.$field),* }
            }
        }

        /// An RSA private key as far as its parts were given; the modulus always is.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct RsaPrivate { $($field: Option<Unsigned>),* }
    };
}

parts! {
    Modulus modulus "Modulus"
    PrivateExponent private_exponent "Private Exponent"
    PublicExponent public_exponent "Public Exponent"
    P p "P"
    Q q "Q"
    PrimeExponentP prime_exponent_p "Prime Exponent P"
    PrimeExponentQ prime_exponent_q "Prime Exponent Q"
    CrtCoefficient crt_coefficient "CRT Coefficient"
}

/// An RSA public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaPublic {
    pub modulus: Unsigned,
    pub public_exponent: Unsigned,
}

impl RsaPrivate {
    /// From the fields of Transparent RSA Private Key. `Malformed` without a modulus, or without one of the sets of
    /// which KMIP 2.1 §3.7 demands one: Private Exponent; P and Q; Prime Exponent P and Prime Exponent Q.
    pub fn from_parts(
        parts: impl IntoIterator<Item = (RsaPart, Unsigned)>,
    ) -> Result<RsaPrivate, FormatError> {
        let mut key = RsaPrivate::default();
        for (part, value) in parts {
            if key.slot(part).replace(value).is_some() {
                return Err(Malformed("an RSA private key has a field twice").into());
            }
        }
        let has = |part| key.part(part).is_some();
        if !has(RsaPart::Modulus) {
            return Err(Malformed("an RSA private key lacks the modulus").into());
        }
        let usable = has(RsaPart::PrivateExponent)
            || has(RsaPart::P) && has(RsaPart::Q)
            || has(RsaPart::PrimeExponentP) && has(RsaPart::PrimeExponentQ);
        if !usable {
            return Err(
                Malformed("an RSA private key has neither private exponent, nor both primes, nor both prime exponents").into()
            );
        }
        Ok(key)
    }

    /// The fields that are there, in the structure's order.
    pub fn parts(&self) -> impl Iterator<Item = (RsaPart, &Unsigned)> {
        RsaPart::ALL
            .iter()
            .filter_map(|part| Some((*part, self.part(*part)?)))
    }

    /// None where the public exponent was not given.
    pub fn public(&self) -> Option<RsaPublic> {
        Some(RsaPublic {
            modulus: self.modulus.clone()?,
            public_exponent: self.public_exponent.clone()?,
        })
    }

    /// Length of the modulus in bits.
    pub fn bits(&self) -> usize {
        self.modulus.as_ref().map_or(0, Unsigned::bits)
    }

    /// From a DER RSAPrivateKey with two primes.
    pub fn from_pkcs1(der: &[u8]) -> Result<RsaPrivate, FormatError> {
        let key = RsaPrivateKeyRef::from_der(der)
            .map_err(|_| Malformed("it is not a DER RSAPrivateKey"))?;
        if key.other_prime_infos.is_some() {
            return Err(FormatError::NotPossible(
                "an RSA key with more than two primes has no other form",
            ));
        }
        RsaPrivate::from_parts([
            (RsaPart::Modulus, unsigned(key.modulus)?),
            (RsaPart::PrivateExponent, unsigned(key.private_exponent)?),
            (RsaPart::PublicExponent, unsigned(key.public_exponent)?),
            (RsaPart::P, unsigned(key.prime1)?),
            (RsaPart::Q, unsigned(key.prime2)?),
            (RsaPart::PrimeExponentP, unsigned(key.exponent1)?),
            (RsaPart::PrimeExponentQ, unsigned(key.exponent2)?),
            (RsaPart::CrtCoefficient, unsigned(key.coefficient)?),
        ])
    }

    /// As a DER RSAPrivateKey, which has no optional parts: those that are missing are computed. `NotPossible` where
    /// the others do not give them.
    pub fn to_pkcs1(&self) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        let whole = match RsaPart::ALL.iter().all(|part| self.part(*part).is_some()) {
            true => None,
            false => computed::complete_rsa(self),
        };
        let whole = whole.as_ref().unwrap_or(self);
        let part = |part| {
            let value = whole.part(part).ok_or(FormatError::NotPossible(
                "the RSA key was registered without the parts from which PKCS#1 and PKCS#8 follow",
            ))?;
            uint(value)
        };
        let key = RsaPrivateKeyRef {
            modulus: part(RsaPart::Modulus)?,
            public_exponent: part(RsaPart::PublicExponent)?,
            private_exponent: part(RsaPart::PrivateExponent)?,
            prime1: part(RsaPart::P)?,
            prime2: part(RsaPart::Q)?,
            exponent1: part(RsaPart::PrimeExponentP)?,
            exponent2: part(RsaPart::PrimeExponentQ)?,
            coefficient: part(RsaPart::CrtCoefficient)?,
            other_prime_infos: None,
        };
        Ok(Zeroizing::new(key.to_der().map_err(|_| too_long())?))
    }
}

impl RsaPublic {
    /// From a DER RSAPublicKey.
    pub fn from_pkcs1(der: &[u8]) -> Result<RsaPublic, FormatError> {
        let key = RsaPublicKeyRef::from_der(der)
            .map_err(|_| Malformed("it is not a DER RSAPublicKey"))?;
        Ok(RsaPublic {
            modulus: unsigned(key.modulus)?,
            public_exponent: unsigned(key.public_exponent)?,
        })
    }

    /// As a DER RSAPublicKey.
    pub fn to_pkcs1(&self) -> Result<Vec<u8>, FormatError> {
        let key = RsaPublicKeyRef {
            modulus: uint(&self.modulus)?,
            public_exponent: uint(&self.public_exponent)?,
        };
        key.to_der().map_err(|_| too_long())
    }
}

fn unsigned(value: UintRef<'_>) -> Result<Unsigned, FormatError> {
    Unsigned::from_magnitude(value.as_bytes())
}

fn uint(value: &Unsigned) -> Result<UintRef<'_>, FormatError> {
    UintRef::new(value.magnitude()).map_err(|_| too_long())
}

fn too_long() -> FormatError {
    FormatError::NotPossible("the key is too long for DER")
}
