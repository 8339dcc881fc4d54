//! Private and public keys of any algorithm: PKCS#8 (RFC 5958), SubjectPublicKeyInfo (RFC 5280), conversions.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, SliceReader};
use pkcs8::PrivateKeyInfoRef;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::{
    Algorithm, Curve, EcPrivate, EcPublic, FieldPrivate, FieldPublic, Format, FormatError, Kind,
    Malformed, Named, NamedPrivate, NamedPublic, RsaPrivate, RsaPublic, computed,
};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// A key that travels as the structure it came in: PrivateKeyInfo or SubjectPublicKeyInfo.
#[derive(Clone, PartialEq, Eq)]
pub struct Other {
    pub algorithm: ObjectIdentifier,
    der: Zeroizing<Vec<u8>>,
}

impl Other {
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

/// Never shows the key.
impl std::fmt::Debug for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Other")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateKey {
    Rsa(RsaPrivate),
    Ec(EcPrivate),
    Field(FieldPrivate),
    Named(NamedPrivate),
    Other(Other),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    Rsa(RsaPublic),
    Ec(EcPublic),
    Field(FieldPublic),
    Named(NamedPublic),
    Other(Other),
}

/// What the bytes of a Raw key do not say themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    pub curve: Option<Curve>,
    pub named: Option<Named>,
}

impl PrivateKey {
    /// From key material in a byte-string format. Transparent ones are built from their parts.
    pub fn parse(format: Format, bytes: &[u8], hint: Hint) -> Result<PrivateKey, FormatError> {
        match (format, hint.named, hint.curve) {
            (Format::Pkcs1, ..) => Ok(PrivateKey::Rsa(RsaPrivate::from_pkcs1(bytes)?)),
            (Format::EcPrivateKey, ..) => Ok(PrivateKey::Ec(EcPrivate::from_sec1(bytes, None)?)),
            (Format::Pkcs8, ..) => PrivateKey::from_pkcs8(bytes),
            (Format::Raw, Some(named), _) => {
                Ok(PrivateKey::Named(NamedPrivate::from_raw(named, bytes)?))
            }
            (Format::Raw, None, Some(curve)) => {
                Ok(PrivateKey::Ec(EcPrivate::new(curve, bytes, None)?))
            }
            _ => Err(FormatError::NotPossible(
                "private keys in the format it has are only kept as they came",
            )),
        }
    }

    /// In a byte-string format.
    pub fn write(&self, format: Format) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        match (self, format) {
            (PrivateKey::Rsa(key), Format::Pkcs1) => key.to_pkcs1(),
            (PrivateKey::Ec(key), Format::EcPrivateKey) => key.to_sec1(true),
            (PrivateKey::Ec(key), Format::Raw) => Ok(Zeroizing::new(key.scalar().to_vec())),
            (PrivateKey::Other(key), Format::Pkcs8) => Ok(key.der.clone()),
            (PrivateKey::Named(key), Format::Raw) => match key.raw() {
                Some(raw) => Ok(Zeroizing::new(raw.to_vec())),
                None => Err(FormatError::NotPossible(
                    "a private key of this algorithm may be a seed or expanded, which only PKCS#8 tells apart",
                )),
            },
            (PrivateKey::Rsa(key), Format::Pkcs8) => private_key_info(
                AlgorithmIdentifierRef {
                    oid: RSA_ENCRYPTION,
                    parameters: Some(AnyRef::NULL),
                },
                &key.to_pkcs1()?,
            ),
            (PrivateKey::Ec(key), Format::Pkcs8) => {
                let curve = key.curve.oid();
                private_key_info(
                    AlgorithmIdentifierRef {
                        oid: EC_PUBLIC_KEY,
                        parameters: Some(AnyRef::from(&curve)),
                    },
                    &key.to_sec1(false)?,
                )
            }
            (PrivateKey::Field(key), Format::Pkcs8) => {
                let parameters = key.group.parameters()?;
                private_key_info(key.group.identifier(&parameters)?, &key.content()?)
            }
            (PrivateKey::Named(key), Format::Pkcs8) => {
                private_key_info(bare(key.named), key.content())
            }
            _ => Err(FormatError::NotPossible(
                "a private key of this algorithm has no such format",
            )),
        }
    }

    fn from_pkcs8(bytes: &[u8]) -> Result<PrivateKey, FormatError> {
        let info = PrivateKeyInfoRef::from_der(bytes).map_err(|_| match is_encrypted(bytes) {
            true => FormatError::Encrypted,
            false => FormatError::Malformed("it is not a DER PrivateKeyInfo"),
        })?;
        let content = info.private_key.as_bytes();
        if let Some(named) = Named::from_oid(info.algorithm.oid) {
            let public = info.public_key.and_then(|public| public.as_bytes());
            return Ok(PrivateKey::Named(NamedPrivate::from_content(
                named, content, public,
            )?));
        }
        if let Some(key) = FieldPrivate::from_content(&info.algorithm, content)? {
            return Ok(PrivateKey::Field(key));
        }
        match (info.algorithm.oid, curve(&info.algorithm)) {
            (RSA_ENCRYPTION, _) => Ok(PrivateKey::Rsa(RsaPrivate::from_pkcs1(content)?)),
            (EC_PUBLIC_KEY, Some(curve)) => {
                Ok(PrivateKey::Ec(EcPrivate::from_sec1(content, Some(curve))?))
            }
            (algorithm, _) => Ok(PrivateKey::Other(Other {
                algorithm,
                der: Zeroizing::new(bytes.to_vec()),
            })),
        }
    }

    /// The public key where it is in the structure or can be computed.
    pub fn public(&self) -> Option<PublicKey> {
        match self {
            PrivateKey::Rsa(key) => key.public().map(PublicKey::Rsa),
            PrivateKey::Ec(key) => key.public().map(PublicKey::Ec),
            PrivateKey::Field(key) => computed::field_public(key).map(PublicKey::Field),
            PrivateKey::Named(key) => key
                .carried_public()
                .map(PublicKey::Named)
                .or_else(|| computed::public(&self.write(Format::Pkcs8).ok()?)),
            PrivateKey::Other(key) => {
                let info = PrivateKeyInfoRef::from_der(&key.der).ok()?;
                let spki = SubjectPublicKeyInfoRef {
                    algorithm: info.algorithm,
                    subject_public_key: info.public_key?,
                };
                Some(PublicKey::Other(Other {
                    algorithm: key.algorithm,
                    der: Zeroizing::new(spki.to_der().ok()?),
                }))
            }
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            PrivateKey::Rsa(_) => Algorithm::Rsa,
            PrivateKey::Ec(_) => Algorithm::Ec,
            PrivateKey::Field(key) => key.group.algorithm,
            PrivateKey::Named(key) => Algorithm::Named(key.named),
            PrivateKey::Other(_) => Algorithm::Other,
        }
    }

    /// KMIP's Cryptographic Length in bits; None where this server cannot tell.
    pub fn bits(&self) -> Option<usize> {
        match self {
            PrivateKey::Rsa(key) => Some(key.bits()),
            PrivateKey::Ec(key) => Some(key.curve.bits()),
            PrivateKey::Field(key) => Some(key.group.bits()),
            PrivateKey::Named(key) => Some(key.named.bits()),
            PrivateKey::Other(_) => None,
        }
    }

    pub fn curve(&self) -> Option<Curve> {
        match self {
            PrivateKey::Ec(key) => Some(key.curve),
            _ => None,
        }
    }
}

impl PublicKey {
    /// From key material in a byte-string format. Raw needs the hint: it is an EC point, or the bytes of a named
    /// algorithm's key.
    pub fn parse(format: Format, bytes: &[u8], hint: Hint) -> Result<PublicKey, FormatError> {
        match (format, hint) {
            (Format::Pkcs1, _) => Ok(PublicKey::Rsa(RsaPublic::from_pkcs1(bytes)?)),
            (Format::X509, _) => PublicKey::from_spki(bytes),
            (
                Format::Raw,
                Hint {
                    named: Some(named), ..
                },
            ) => Ok(PublicKey::Named(NamedPublic::new(named, bytes)?)),
            (
                Format::Raw,
                Hint {
                    curve: Some(curve), ..
                },
            ) => Ok(PublicKey::Ec(EcPublic::new(curve, bytes)?)),
            _ => Err(FormatError::NotPossible(
                "public keys in the format it has are only kept as they came",
            )),
        }
    }

    /// In a byte-string format.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, FormatError> {
        match (self, format) {
            (PublicKey::Rsa(key), Format::Pkcs1) => key.to_pkcs1(),
            (PublicKey::Ec(key), Format::Raw) => Ok(key.point().to_vec()),
            (PublicKey::Named(key), Format::Raw) => Ok(key.key().to_vec()),
            (PublicKey::Other(key), Format::X509) => Ok(key.der.to_vec()),
            (PublicKey::Rsa(key), Format::X509) => public_key_info(
                AlgorithmIdentifierRef {
                    oid: RSA_ENCRYPTION,
                    parameters: Some(AnyRef::NULL),
                },
                &key.to_pkcs1()?,
            ),
            (PublicKey::Ec(key), Format::X509) => {
                let curve = key.curve.oid();
                public_key_info(
                    AlgorithmIdentifierRef {
                        oid: EC_PUBLIC_KEY,
                        parameters: Some(AnyRef::from(&curve)),
                    },
                    key.point(),
                )
            }
            (PublicKey::Field(key), Format::X509) => {
                let parameters = key.group.parameters()?;
                public_key_info(key.group.identifier(&parameters)?, &key.content()?)
            }
            (PublicKey::Named(key), Format::X509) => public_key_info(bare(key.named), key.key()),
            _ => Err(FormatError::NotPossible(
                "a public key of this algorithm has no such format",
            )),
        }
    }

    fn from_spki(bytes: &[u8]) -> Result<PublicKey, FormatError> {
        let info = SubjectPublicKeyInfoRef::from_der(bytes)
            .map_err(|_| Malformed("it is not a DER SubjectPublicKeyInfo"))?;
        let key = info.subject_public_key.as_bytes().ok_or(Malformed(
            "the public key in the SubjectPublicKeyInfo is not made of whole bytes",
        ))?;
        if let Some(named) = Named::from_oid(info.algorithm.oid) {
            return Ok(PublicKey::Named(NamedPublic::new(named, key)?));
        }
        if let Some(key) = FieldPublic::from_content(&info.algorithm, key)? {
            return Ok(PublicKey::Field(key));
        }
        match (info.algorithm.oid, curve(&info.algorithm)) {
            (RSA_ENCRYPTION, _) => Ok(PublicKey::Rsa(RsaPublic::from_pkcs1(key)?)),
            (EC_PUBLIC_KEY, Some(curve)) => Ok(PublicKey::Ec(EcPublic::new(curve, key)?)),
            (algorithm, _) => Ok(PublicKey::Other(Other {
                algorithm,
                der: Zeroizing::new(bytes.to_vec()),
            })),
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Rsa(_) => Algorithm::Rsa,
            PublicKey::Ec(_) => Algorithm::Ec,
            PublicKey::Field(key) => key.group.algorithm,
            PublicKey::Named(key) => Algorithm::Named(key.named),
            PublicKey::Other(_) => Algorithm::Other,
        }
    }

    /// KMIP's Cryptographic Length in bits; None where this server cannot tell.
    pub fn bits(&self) -> Option<usize> {
        match self {
            PublicKey::Rsa(key) => Some(key.modulus.bits()),
            PublicKey::Ec(key) => Some(key.curve.bits()),
            PublicKey::Field(key) => Some(key.group.bits()),
            PublicKey::Named(key) => Some(key.named.bits()),
            PublicKey::Other(_) => None,
        }
    }

    pub fn curve(&self) -> Option<Curve> {
        match self {
            PublicKey::Ec(key) => Some(key.curve),
            _ => None,
        }
    }
}

/// The material of a key in another byte-string format. Asked for the format it has, the bytes come back as they are,
/// read or not. `hint` is needed for Raw only. Transparent formats go through `PrivateKey` and `PublicKey`.
pub fn convert(
    kind: Kind,
    from: Format,
    to: Format,
    hint: Hint,
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    if from == to {
        return Ok(Zeroizing::new(bytes.to_vec()));
    }
    match kind {
        Kind::Private => PrivateKey::parse(from, bytes, hint)?.write(to),
        Kind::Public => PublicKey::parse(from, bytes, hint)?
            .write(to)
            .map(Zeroizing::new),
    }
}

/// EncryptedPrivateKeyInfo of RFC 5958 §3: an algorithm and a byte string.
fn is_encrypted(bytes: &[u8]) -> bool {
    let parts = || -> der::Result<bool> {
        let mut reader = SliceReader::new(AnyRef::from_der(bytes)?.value())?;
        AlgorithmIdentifierRef::decode(&mut reader)?;
        <&OctetStringRef>::decode(&mut reader)?;
        Ok(reader.is_finished())
    };
    parts().unwrap_or(false)
}

fn curve(algorithm: &AlgorithmIdentifierRef<'_>) -> Option<Curve> {
    let oid = algorithm.parameters?.decode_as::<ObjectIdentifier>().ok()?;
    Curve::from_oid(oid).filter(|_| algorithm.oid == EC_PUBLIC_KEY)
}

fn bare(named: Named) -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifierRef {
        oid: named.oid(),
        parameters: None,
    }
}

fn private_key_info(
    algorithm: AlgorithmIdentifierRef<'_>,
    key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    OctetStringRef::new(key)
        .and_then(|key| PrivateKeyInfoRef::new(algorithm, key).to_der())
        .map(Zeroizing::new)
        .map_err(|_| too_long())
}

fn public_key_info(
    algorithm: AlgorithmIdentifierRef<'_>,
    key: &[u8],
) -> Result<Vec<u8>, FormatError> {
    BitStringRef::from_bytes(key)
        .and_then(|subject_public_key| {
            SubjectPublicKeyInfoRef {
                algorithm,
                subject_public_key,
            }
            .to_der()
        })
        .map_err(|_| too_long())
}

pub(super) fn too_long() -> FormatError {
    FormatError::NotPossible("the key is too long for DER")
}
