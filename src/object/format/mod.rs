//! Formats of key material: what a key or certificate is made of, and how it is written (KMIP 2.1 §4.26, §11.25).
//!
//! Pure functions. Nothing here knows a message, an attribute or a version.

mod certificate;
mod computed;
mod curve;
mod ec;
mod field;
mod integer;
mod key;
mod name;
mod named;
mod pkcs12;
mod rsa;
mod table;

pub use certificate::{Certificate, SignatureAlgorithm};
pub(crate) use computed::group as openssl_group;
pub use curve::Curve;
pub use ec::{EcPrivate, EcPublic, PointForm};
pub use field::{FieldPrivate, FieldPublic, Group};
pub use integer::Unsigned;
pub use key::{Hint, Other, PrivateKey, PublicKey, convert};
pub use name::{Name, NameAttribute};
pub use named::{Inner, Named, NamedPrivate, NamedPublic};
pub(crate) use pkcs12::LONGEST_CHAIN;
pub use pkcs12::{Container, ContainerError};
pub use rsa::{RsaPart, RsaPrivate, RsaPublic};
pub use table::{Algorithm, Format, Kind, ObjectKind, created_format, default_format, possible};

/// Why key material could not be read or written. Never says anything about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes are not what their format says they are.
    #[error("the key material is malformed: {0}; register it in the format it has, or as Opaque")]
    Malformed(&'static str),
    /// The key is sound but has no such form, or lacks parts that the form needs.
    #[error(
        "the key cannot be given in this format: {0}; ask for it in the format it was registered in"
    )]
    NotPossible(&'static str),
    /// An EncryptedPrivateKeyInfo: it is returned as registered and cannot be looked into.
    #[error(
        "the key material is an encrypted PKCS#8 structure, whose password this server does not have; ask for it as PKCS#8"
    )]
    Encrypted,
}

/// Shorthand for the commonest error.
pub(crate) struct Malformed(pub(crate) &'static str);

impl From<Malformed> for FormatError {
    fn from(error: Malformed) -> FormatError {
        FormatError::Malformed(error.0)
    }
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
pub(crate) use fixtures::{FIELD, RSA_PKCS8, RSA_SPKI};
#[cfg(test)]
mod tests;
