//! Which key pairs are made (2.1 §6.1.9): algorithm, curve and length as a client names them, and what becomes of them.

use super::conversion;
use super::creation;
use super::format::{
    Algorithm, Curve, Format, Hint, Kind, Named, ObjectKind, PrivateKey, PublicKey, created_format,
    possible,
};
use super::managed::Form;
use super::transparent;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{KeyKind, PairSpec};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CryptographicAlgorithm, KeyFormatType, RecommendedCurve};
use crate::protocol::key_block::KeyMaterial;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::protocol::version::Version;

/// Shortest and longest RSA modulus, in bits; a multiple of [`RSA_STEP`]. Longer ones take the token most of a minute,
/// in which it makes no other and clients stop waiting.
const RSA_BITS: (i32, i32) = (2048, 4096);
const RSA_STEP: i32 = 256;
/// Curves of less strength (112 bits, SP 800-57 part 1 §5.6.1) are for keys that exist, not for new ones.
const SHORTEST_CURVE: usize = 224;
/// KMIP 3.0's numbers may come as extensions before 3.0 (2.1 §11.12: 8XXXXXXX).
const EXTENSION: u32 = 0x8000_0000;

/// Names of elliptic curve keys: KMIP 1.0 and 1.1 have ECDSA and ECDH only.
static ELLIPTIC: &[CryptographicAlgorithm] = &[
    CryptographicAlgorithm::EC,
    CryptographicAlgorithm::ECDSA,
    CryptographicAlgorithm::ECDH,
];

/// A kind of key pair: one row of what Create Key Pair makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairAlgorithm {
    pub algorithm: CryptographicAlgorithm,
    pub curve: Option<RecommendedCurve>,
    /// Shortest and longest Cryptographic Length, in bits.
    pub bits: (i32, i32),
    pub kind: KeyKind,
    /// The PKCS#11 mechanism by which a token that has it makes the pair; None: the library makes it.
    pub mechanism: Option<&'static str>,
    /// Whether the library makes it (never of class token) where the token does not.
    pub library: bool,
    /// Key Format Types of the halves unless the client asks for others.
    pub formats: (Format, Format),
    which: Which,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Rsa,
    Curve(Curve),
    Named(Named),
}

/// A pair that a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub algorithm: CryptographicAlgorithm,
    pub spec: PairSpec,
    /// Cryptographic Length in bits.
    pub length: i32,
    pub curve: Option<RecommendedCurve>,
    pub kind: KeyKind,
    /// Key Format Types of the private and of the public key.
    pub formats: (Format, Format),
}

impl Wanted {
    /// Cryptographic Usage Masks of the private and the public key where the client says none (Barbican): a pair that
    /// nobody may use helps nobody.
    pub fn usual_masks(&self) -> (CryptographicUsageMask, CryptographicUsageMask) {
        match self.kind {
            KeyKind::MontgomeryPrivate => (
                CryptographicUsageMask::KEY_AGREEMENT,
                CryptographicUsageMask::KEY_AGREEMENT,
            ),
            _ => (CryptographicUsageMask::SIGN, CryptographicUsageMask::VERIFY),
        }
    }
}

impl PairAlgorithm {
    /// None: no mechanism of this server uses such keys (ML-KEM).
    fn new(
        algorithm: CryptographicAlgorithm,
        curve: Option<u32>,
        bits: usize,
        which: Which,
    ) -> Option<PairAlgorithm> {
        let (spec, family) = match which {
            Which::Rsa => (PairSpec::Rsa { bits: 2048 }, Algorithm::Rsa),
            Which::Curve(curve) => (PairSpec::Ec { curve }, Algorithm::Ec),
            Which::Named(named) => (PairSpec::Named(named), Algorithm::Named(named)),
        };
        let bits = i32::try_from(bits).unwrap_or(i32::MAX);
        Some(PairAlgorithm {
            algorithm,
            curve: curve.map(RecommendedCurve),
            bits: match which {
                Which::Rsa => RSA_BITS,
                Which::Curve(_) | Which::Named(_) => (bits, bits),
            },
            kind: spec.kind()?,
            mechanism: spec.mechanism_name(),
            library: which != Which::Rsa,
            formats: (
                created_format(ObjectKind::PrivateKey(family)),
                created_format(ObjectKind::PublicKey(family)),
            ),
            which,
        })
    }

    fn spec(&self, length: i32) -> PairSpec {
        match self.which {
            Which::Rsa => PairSpec::Rsa {
                bits: length.cast_unsigned(),
            },
            Which::Curve(curve) => PairSpec::Ec { curve },
            Which::Named(named) => PairSpec::Named(named),
        }
    }

    /// The length that a request without one means: there is one only.
    fn only_length(&self) -> Option<i32> {
        (self.bits.0 == self.bits.1).then_some(self.bits.0)
    }

    fn check_length(&self, length: i32) -> Result<(), Fault> {
        let (shortest, longest) = self.bits;
        if (shortest..=longest).contains(&length) && (shortest == longest || length % RSA_STEP == 0)
        {
            return Ok(());
        }
        let expected = match self.only_length() {
            Some(only) => format!("{only}, or leave it out"),
            None => format!("a multiple of {RSA_STEP} from {shortest} to {longest}"),
        };
        Err(Fault::new(
            Reason::InvalidAttributeValue,
            format!(
                "Cryptographic Length is {length} bits, which {} keys do not have here; expected {expected}",
                self.algorithm
            ),
        ))
    }
}

/// Every kind of pair: those of the format room's tables that somebody makes.
pub fn pair_algorithms() -> impl Iterator<Item = PairAlgorithm> {
    let rsa = PairAlgorithm::new(CryptographicAlgorithm::RSA, None, 0, Which::Rsa);
    let curves = Curve::ALL
        .iter()
        .filter(|curve| curve.bits() >= SHORTEST_CURVE)
        .filter_map(|curve| {
            PairAlgorithm::new(
                CryptographicAlgorithm::EC,
                Some(curve.recommended_curve()),
                curve.bits(),
                Which::Curve(*curve),
            )
        });
    let named = Named::ALL.iter().filter_map(|named| {
        PairAlgorithm::new(
            CryptographicAlgorithm(named.cryptographic_algorithm()),
            named.recommended_curve(),
            named.bits(),
            Which::Named(*named),
        )
    });
    rsa.into_iter().chain(curves).chain(named)
}

/// What KMIP 3.0 numbers and older versions have as extensions (2.1 §7.13): name, Cryptographic Algorithm.
pub fn extensions() -> impl Iterator<Item = (String, CryptographicAlgorithm)> {
    pair_algorithms()
        .filter(|row| !row.algorithm.is_in(Version::NEWEST) && matches!(row.which, Which::Named(_)))
        .map(|row| {
            let extension = CryptographicAlgorithm(row.algorithm.0 | EXTENSION);
            (row.algorithm.to_string(), extension)
        })
}

/// The algorithm under the number of the version that has it.
pub fn current(algorithm: CryptographicAlgorithm) -> CryptographicAlgorithm {
    let number = algorithm.0 & !EXTENSION;
    match Named::from_kmip(number, None) {
        Some(_) => CryptographicAlgorithm(number),
        None => algorithm,
    }
}

/// What the attributes of a private key to be made ask for.
pub fn wanted(private: &Attributes, public: &Attributes) -> Result<Wanted, Fault> {
    let asked = creation::required(
        private
            .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
            .map(CryptographicAlgorithm),
        tag::CRYPTOGRAPHIC_ALGORITHM,
    )?;
    let asked = current(asked);
    let length = private.integer(tag::CRYPTOGRAPHIC_LENGTH);
    let curve = conversion::recommended_curve(private).map(RecommendedCurve);
    let row = find(asked, curve, length)?;
    let length = creation::required(length.or(row.only_length()), tag::CRYPTOGRAPHIC_LENGTH)?;
    row.check_length(length)?;
    Ok(Wanted {
        algorithm: asked,
        spec: row.spec(length),
        length,
        curve: row.curve,
        kind: row.kind,
        formats: (
            format(Kind::Private, private, &row)?,
            format(Kind::Public, public, &row)?,
        ),
    })
}

fn find(
    algorithm: CryptographicAlgorithm,
    curve: Option<RecommendedCurve>,
    length: Option<i32>,
) -> Result<PairAlgorithm, Fault> {
    let is_elliptic = ELLIPTIC.contains(&algorithm);
    let fits = |row: &PairAlgorithm| match (is_elliptic, curve) {
        (false, _) => row.algorithm == algorithm,
        // Without a curve the length names NIST's, which come first.
        (true, None) => row.algorithm == CryptographicAlgorithm::EC && row.only_length() == length,
        (true, Some(_)) => row.algorithm == CryptographicAlgorithm::EC && row.curve == curve,
    };
    let signs_only = algorithm == CryptographicAlgorithm::ECDSA;
    pair_algorithms()
        .filter(|row| !(signs_only && row.kind == KeyKind::MontgomeryPrivate))
        .find(fits)
        .ok_or_else(|| {
            let what = match (is_elliptic, curve) {
                (true, Some(curve)) => format!("{algorithm} on {curve}"),
                (true, None) => format!(
                    "{algorithm} without a Recommended Curve in Cryptographic Domain Parameters and of this length"
                ),
                (false, _) => algorithm.to_string(),
            };
            Fault::new(
                Reason::UnsupportedCryptographicParameters,
                format!("key pairs of {what} are not made"),
            )
        })
}

/// The Key Format Type that the client asks for (2.1 §4.26), else the usual one.
fn format(kind: Kind, attributes: &Attributes, row: &PairAlgorithm) -> Result<Format, Fault> {
    let Some(number) = attributes.enumeration(tag::KEY_FORMAT_TYPE) else {
        return Ok(match kind {
            Kind::Private => row.formats.0,
            Kind::Public => row.formats.1,
        });
    };
    let family = match row.which {
        Which::Rsa => Algorithm::Rsa,
        Which::Curve(_) => Algorithm::Ec,
        Which::Named(named) => Algorithm::Named(named),
    };
    Format::from_number(number)
        .filter(|format| possible(kind, family).contains(format))
        .ok_or_else(|| {
            Fault::new(
                Reason::KeyFormatTypeNotSupported,
                format!(
                    "keys of {} cannot be made as {}",
                    row.algorithm,
                    KeyFormatType(number)
                ),
            )
        })
}

/// A half as it is kept: `der` is PKCS#8 or SubjectPublicKeyInfo.
pub fn kept(kind: Kind, format: Format, der: &[u8]) -> Result<(Form, Bytes), Fault> {
    let material = match kind {
        Kind::Private => {
            let key = PrivateKey::parse(Format::Pkcs8, der, Hint::default())?;
            match transparent::write_private(&key, format)? {
                Some(structure) => structure,
                None => KeyMaterial::Bytes(key.write(format)?),
            }
        }
        Kind::Public => {
            let key = PublicKey::parse(Format::X509, der, Hint::default())?;
            match transparent::write_public(&key, format)? {
                Some(structure) => structure,
                None => KeyMaterial::Bytes(Bytes::new(key.write(format)?)),
            }
        }
    };
    Ok(match material {
        KeyMaterial::Bytes(bytes) => (Form::Bytes, bytes),
        KeyMaterial::Transparent(bytes) => (Form::Transparent, bytes),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use ttlv::Node;

    use super::*;

    fn asked(algorithm: u32, curve: Option<u32>, length: Option<i32>) -> Result<Wanted, Reason> {
        let mut attributes = Attributes::default();
        let number = ttlv::Value::Enumeration;
        attributes.set(tag::CRYPTOGRAPHIC_ALGORITHM, number(algorithm));
        if let Some(curve) = curve {
            attributes.set(
                tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
                ttlv::Value::Structure(vec![Node::new(tag::RECOMMENDED_CURVE, number(curve))]),
            );
        }
        if let Some(length) = length {
            attributes.set(tag::CRYPTOGRAPHIC_LENGTH, ttlv::Value::Integer(length));
        }
        wanted(&attributes, &Attributes::default()).map_err(|fault| fault.reason)
    }

    #[test]
    fn every_row_is_found_by_what_it_says_of_itself() {
        let mut count = 0;
        for row in pair_algorithms() {
            count += 1;
            let curve = row.curve.map(|curve| curve.0);
            let found = asked(row.algorithm.0, curve, Some(row.bits.0)).unwrap();
            assert_eq!(found.spec, row.spec(row.bits.0));
            assert_eq!((found.formats, found.length), (row.formats, row.bits.0));
            assert_eq!(
                asked(row.algorithm.0, curve, Some(row.bits.0 - 1)).unwrap_err(),
                Reason::InvalidAttributeValue
            );
            assert_eq!(
                asked(row.algorithm.0, curve, None).is_ok(),
                row.which != Which::Rsa
            );
        }
        assert!(count > 50, "{count}");
    }

    #[test]
    fn names_of_older_versions_and_extensions() {
        let ec = CryptographicAlgorithm::EC.0;
        let ecdsa = CryptographicAlgorithm::ECDSA.0;
        let p384 = PairSpec::Ec { curve: Curve::P384 };
        assert_eq!(asked(ecdsa, None, Some(384)).unwrap().spec, p384);
        assert_eq!(asked(ec, None, Some(384)).unwrap().algorithm.0, ec);
        let x25519 = PairSpec::Named(Named::X25519);
        assert_eq!(asked(ec, Some(0x45), None).unwrap().spec, x25519);
        let refused = Reason::UnsupportedCryptographicParameters;
        assert_eq!(asked(ecdsa, Some(0x45), None).unwrap_err(), refused);
        // P-192, and what is no algorithm of pairs.
        assert_eq!(asked(ec, Some(0x01), None).unwrap_err(), refused);
        let aes = CryptographicAlgorithm::AES.0;
        assert_eq!(asked(aes, None, Some(256)).unwrap_err(), refused);
        let ml_dsa = asked(EXTENSION | CryptographicAlgorithm::ML_DSA_65.0, None, None).unwrap();
        assert_eq!(ml_dsa.algorithm, CryptographicAlgorithm::ML_DSA_65);
        assert_eq!(extensions().count(), 15);
        for (name, number) in extensions() {
            assert!(name.contains("DSA"), "{name}");
            assert!(asked(number.0, None, None).is_ok());
        }
    }

    #[test]
    fn formats_are_the_client_s_where_the_key_has_them() {
        let mut private = Attributes::default();
        let number = ttlv::Value::Enumeration;
        private.set(
            tag::CRYPTOGRAPHIC_ALGORITHM,
            number(CryptographicAlgorithm::ED25519.0),
        );
        private.set(tag::KEY_FORMAT_TYPE, number(KeyFormatType::RAW.0));
        let public = Attributes::default();
        let found = wanted(&private, &public).unwrap();
        assert_eq!(found.formats, (Format::Raw, Format::X509));
        private.set(tag::KEY_FORMAT_TYPE, number(KeyFormatType::PKCS_1.0));
        assert_eq!(
            wanted(&private, &public).unwrap_err().reason,
            Reason::KeyFormatTypeNotSupported
        );
    }
}
