//! Key Format Types, and which key can have which.

use super::{Inner, Named};

/// One row per Key Format Type (KMIP 2.1 §11.25; 0x0E to 0x13 are KMIP 1.4 §9.1.3.2.3, reserved since 2.0).
macro_rules! formats {
    ($($name:ident $number:literal $text:literal)*) => {
        /// How key material is written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Format { $($name),* }

        impl Format {
            pub const ALL: &'static [Format] = &[$(Format::$name),*];

            /// The number in KMIP's Key Format Type enumeration.
            pub fn number(self) -> u32 {
                match self { $(Format::$name => $number),* }
            }

            pub fn name(self) -> &'static str {
                match self { $(Format::$name => $text),* }
            }
        }
    };
}

formats! {
    Raw 0x01 "Raw"
    Opaque 0x02 "Opaque"
    Pkcs1 0x03 "PKCS#1"
    Pkcs8 0x04 "PKCS#8"
    X509 0x05 "X.509"
    EcPrivateKey 0x06 "ECPrivateKey"
    TransparentSymmetricKey 0x07 "Transparent Symmetric Key"
    TransparentDsaPrivateKey 0x08 "Transparent DSA Private Key"
    TransparentDsaPublicKey 0x09 "Transparent DSA Public Key"
    TransparentRsaPrivateKey 0x0A "Transparent RSA Private Key"
    TransparentRsaPublicKey 0x0B "Transparent RSA Public Key"
    TransparentDhPrivateKey 0x0C "Transparent DH Private Key"
    TransparentDhPublicKey 0x0D "Transparent DH Public Key"
    TransparentEcdsaPrivateKey 0x0E "Transparent ECDSA Private Key"
    TransparentEcdsaPublicKey 0x0F "Transparent ECDSA Public Key"
    TransparentEcdhPrivateKey 0x10 "Transparent ECDH Private Key"
    TransparentEcdhPublicKey 0x11 "Transparent ECDH Public Key"
    TransparentEcmqvPrivateKey 0x12 "Transparent ECMQV Private Key"
    TransparentEcmqvPublicKey 0x13 "Transparent ECMQV Public Key"
    TransparentEcPrivateKey 0x14 "Transparent EC Private Key"
    TransparentEcPublicKey 0x15 "Transparent EC Public Key"
    Pkcs12 0x16 "PKCS#12"
    Pkcs10 0x17 "PKCS#10"
}

impl Format {
    pub fn from_number(number: u32) -> Option<Format> {
        Format::ALL
            .iter()
            .copied()
            .find(|format| format.number() == number)
    }

    /// Whether Key Material is a structure in this format, and a byte string otherwise (KMIP 2.1 §3.2).
    pub fn is_transparent(self) -> bool {
        (Format::TransparentSymmetricKey.number()..=Format::TransparentEcPublicKey.number())
            .contains(&self.number())
    }
}

/// Which half of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Private,
    Public,
}

/// Families of asymmetric keys as far as formats tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Rsa,
    /// On a curve of `Curve`.
    Ec,
    Dsa,
    Dh,
    Named(Named),
    /// Anything else that a SubjectPublicKeyInfo or PrivateKeyInfo can name.
    Other,
}

/// KMIP 2.x has one pair of transparent EC formats, 1.x one for each scheme too.
const EC_PRIVATE: &[Format] = &[
    Format::TransparentEcPrivateKey,
    Format::TransparentEcdsaPrivateKey,
    Format::TransparentEcdhPrivateKey,
    Format::TransparentEcmqvPrivateKey,
];
const EC_PUBLIC: &[Format] = &[
    Format::TransparentEcPublicKey,
    Format::TransparentEcdsaPublicKey,
    Format::TransparentEcdhPublicKey,
    Format::TransparentEcmqvPublicKey,
];

impl Format {
    pub fn is_ec_private(self) -> bool {
        EC_PRIVATE.contains(&self)
    }

    pub fn is_ec_public(self) -> bool {
        EC_PUBLIC.contains(&self)
    }
}

/// Every format that a key of this kind and family can be read from and written to, if it is not lacking parts that the
/// format needs; the format a key was registered in is always possible besides (KMIP 2.1 §6.1.19).
/// Raw is the point of SEC 1 §2.3.3 and the scalar of EC keys, and the bytes of the key where it has no parameters.
pub fn possible(kind: Kind, algorithm: Algorithm) -> &'static [Format] {
    use Format as F;
    match (kind, algorithm) {
        (Kind::Private, Algorithm::Rsa) => &[F::Pkcs1, F::Pkcs8, F::TransparentRsaPrivateKey],
        (Kind::Public, Algorithm::Rsa) => &[F::Pkcs1, F::X509, F::TransparentRsaPublicKey],
        (Kind::Private, Algorithm::Dsa) => &[F::Pkcs8, F::TransparentDsaPrivateKey],
        (Kind::Public, Algorithm::Dsa) => &[F::X509, F::TransparentDsaPublicKey],
        (Kind::Private, Algorithm::Dh) => &[F::Pkcs8, F::TransparentDhPrivateKey],
        (Kind::Public, Algorithm::Dh) => &[F::X509, F::TransparentDhPublicKey],
        (Kind::Private, Algorithm::Ec) => &[
            F::EcPrivateKey,
            F::Pkcs8,
            F::Raw,
            F::TransparentEcPrivateKey,
            F::TransparentEcdsaPrivateKey,
            F::TransparentEcdhPrivateKey,
            F::TransparentEcmqvPrivateKey,
        ],
        (Kind::Private, Algorithm::Named(Named::X25519 | Named::X448)) => &[
            F::Pkcs8,
            F::Raw,
            F::TransparentEcPrivateKey,
            F::TransparentEcdsaPrivateKey,
            F::TransparentEcdhPrivateKey,
            F::TransparentEcmqvPrivateKey,
        ],
        (Kind::Public, Algorithm::Ec | Algorithm::Named(Named::X25519 | Named::X448)) => &[
            F::X509,
            F::Raw,
            F::TransparentEcPublicKey,
            F::TransparentEcdsaPublicKey,
            F::TransparentEcdhPublicKey,
            F::TransparentEcmqvPublicKey,
        ],
        (Kind::Private, Algorithm::Named(named)) => match named.inner() {
            Inner::SeedOrExpanded => &[F::Pkcs8],
            Inner::OctetString | Inner::Bare => &[F::Pkcs8, F::Raw],
        },
        (Kind::Public, Algorithm::Named(_)) => &[F::X509, F::Raw],
        (Kind::Private, Algorithm::Other) => &[F::Pkcs8],
        (Kind::Public, Algorithm::Other) => &[F::X509],
    }
}

/// What kind of object a default is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    Certificate,
    CertificateRequest,
    OpaqueObject,
    PgpKey,
    SecretData,
    SymmetricKey,
    SplitKey,
    PrivateKey(Algorithm),
    PublicKey(Algorithm),
}

/// KMIP 2.1 §4.26, Table 81: the format that every server must be able to produce, that objects made by the server have
/// unless the client asks for another, and in which the mandatory Digest is computed (§4.21). A registered object is given
/// as registered, not in this format (TC-ECC-1-20); it only gets a second Digest for it where it differs (TC-IMPEXP-4-20).
/// Keys that the table leaves out have the structure that carries any algorithm. The table says X.509 for certificates;
/// OASIS cases TC-CERTATTR-1-20 and TC-IMPEXP-5-20 show Raw as a certificate's Key Format Type (over the same bytes).
pub fn default_format(object: ObjectKind) -> Format {
    match object {
        ObjectKind::Certificate => Format::X509,
        ObjectKind::CertificateRequest => Format::Pkcs10,
        ObjectKind::OpaqueObject => Format::Opaque,
        ObjectKind::PgpKey
        | ObjectKind::SecretData
        | ObjectKind::SymmetricKey
        | ObjectKind::SplitKey => Format::Raw,
        ObjectKind::PrivateKey(Algorithm::Rsa) | ObjectKind::PublicKey(Algorithm::Rsa) => {
            Format::Pkcs1
        }
        ObjectKind::PrivateKey(Algorithm::Ec) => Format::TransparentEcPrivateKey,
        ObjectKind::PublicKey(Algorithm::Ec) => Format::TransparentEcPublicKey,
        ObjectKind::PrivateKey(Algorithm::Dsa) => Format::TransparentDsaPrivateKey,
        ObjectKind::PublicKey(Algorithm::Dsa) => Format::TransparentDsaPublicKey,
        ObjectKind::PrivateKey(_) => Format::Pkcs8,
        ObjectKind::PublicKey(_) => Format::X509,
    }
}

/// The format a server-made object has for clients before 2.0. KMIP 1.4 §3.17 leaves it to the server; these are the
/// ones that clients of 1.x read: PKCS#1 as in the profile's AKLC-M-1-14, else ECPrivateKey and X.509 as in TC-ECC-1-14
/// (the transparent EC types came only with 1.3).
pub fn created_format(object: ObjectKind) -> Format {
    match object {
        ObjectKind::PrivateKey(Algorithm::Ec) => Format::EcPrivateKey,
        ObjectKind::PublicKey(Algorithm::Ec) => Format::X509,
        other => default_format(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_again() {
        for format in Format::ALL {
            assert_eq!(Format::from_number(format.number()), Some(*format));
            assert_eq!(
                format.is_transparent(),
                format.name().starts_with("Transparent"),
                "{}",
                format.name()
            );
        }
        assert_eq!(Format::from_number(0x18), None);
    }

    #[test]
    fn defaults_are_formats_the_key_can_have() {
        let families = [
            Algorithm::Rsa,
            Algorithm::Ec,
            Algorithm::Dsa,
            Algorithm::Dh,
            Algorithm::Other,
        ];
        let named = Named::ALL.iter().map(|named| Algorithm::Named(*named));
        for algorithm in families.into_iter().chain(named) {
            for (kind, object) in [
                (Kind::Private, ObjectKind::PrivateKey(algorithm)),
                (Kind::Public, ObjectKind::PublicKey(algorithm)),
            ] {
                let formats = possible(kind, algorithm);
                assert!(formats.contains(&default_format(object)), "{algorithm:?}");
                assert!(formats.contains(&created_format(object)), "{algorithm:?}");
                let transparent = formats.iter().filter(|format| format.is_transparent());
                assert!(transparent.count() <= 4);
            }
        }
    }
}
