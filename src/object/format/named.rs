//! Algorithms whose keys have no parameters: the object identifier says all (RFC 8410 §3, RFC 9881 §2, RFC 9909 §3,
//! RFC 9935 §3).

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};
use zeroize::Zeroizing;

use super::{FormatError, Malformed};

/// What stands inside the privateKey of a PKCS#8 structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// An OCTET STRING of the key's bytes (RFC 8410 §7).
    OctetString,
    /// The key's bytes themselves (RFC 9909 §6).
    Bare,
    /// A choice of seed, expanded key or both (RFC 9881 §6, RFC 9935 §6).
    SeedOrExpanded,
}

/// One row per algorithm: KMIP's Cryptographic Algorithm (KMIP 2.1 §11.12, from 0x39 on KMIP 3.0's) and Recommended
/// Curve (0: none), OID, Cryptographic Length in bits, bytes of the public and of the private key, form of the latter.
macro_rules! named {
    ($($name:ident $algorithm:literal $curve:literal $oid:literal $bits:literal $public:literal $private:literal $inner:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Named { $($name),* }

        impl Named {
            pub const ALL: &'static [Named] = &[$(Named::$name),*];

            /// The number in KMIP's Cryptographic Algorithm enumeration.
            pub fn cryptographic_algorithm(self) -> u32 {
                match self { $(Named::$name => $algorithm),* }
            }

            /// The number in KMIP's Recommended Curve enumeration, where the algorithm alone does not say which.
            pub fn recommended_curve(self) -> Option<u32> {
                let number: u32 = match self { $(Named::$name => $curve),* };
                (number != 0).then_some(number)
            }

            pub fn oid(self) -> ObjectIdentifier {
                match self { $(Named::$name => const { ObjectIdentifier::new_unwrap($oid) }),* }
            }

            /// Cryptographic Length in bits: of the curve, else of the public key (no version of KMIP says).
            pub fn bits(self) -> usize {
                match self { $(Named::$name => $bits),* }
            }

            pub fn public_bytes(self) -> usize {
                match self { $(Named::$name => $public),* }
            }

            pub fn private_bytes(self) -> usize {
                match self { $(Named::$name => $private),* }
            }

            pub fn inner(self) -> Inner {
                match self { $(Named::$name => Inner::$inner),* }
            }
        }
    };
}

named! {
    Ed25519 0x37 0 "1.3.101.112" 256 32 32 OctetString
    Ed448 0x38 0 "1.3.101.113" 448 57 57 OctetString
    X25519 0x1A 0x45 "1.3.101.110" 256 32 32 OctetString
    X448 0x1A 0x46 "1.3.101.111" 448 56 56 OctetString
    MlKem512 0x39 0 "2.16.840.1.101.3.4.4.1" 6400 800 1632 SeedOrExpanded
    MlKem768 0x3A 0 "2.16.840.1.101.3.4.4.2" 9472 1184 2400 SeedOrExpanded
    MlKem1024 0x3B 0 "2.16.840.1.101.3.4.4.3" 12544 1568 3168 SeedOrExpanded
    MlDsa44 0x3C 0 "2.16.840.1.101.3.4.3.17" 10496 1312 2560 SeedOrExpanded
    MlDsa65 0x3D 0 "2.16.840.1.101.3.4.3.18" 15616 1952 4032 SeedOrExpanded
    MlDsa87 0x3E 0 "2.16.840.1.101.3.4.3.19" 20736 2592 4896 SeedOrExpanded
    SlhDsaSha2_128s 0x3F 0 "2.16.840.1.101.3.4.3.20" 256 32 64 Bare
    SlhDsaSha2_128f 0x40 0 "2.16.840.1.101.3.4.3.21" 256 32 64 Bare
    SlhDsaSha2_192s 0x41 0 "2.16.840.1.101.3.4.3.22" 384 48 96 Bare
    SlhDsaSha2_192f 0x42 0 "2.16.840.1.101.3.4.3.23" 384 48 96 Bare
    SlhDsaSha2_256s 0x43 0 "2.16.840.1.101.3.4.3.24" 512 64 128 Bare
    SlhDsaSha2_256f 0x44 0 "2.16.840.1.101.3.4.3.25" 512 64 128 Bare
    SlhDsaShake128s 0x45 0 "2.16.840.1.101.3.4.3.26" 256 32 64 Bare
    SlhDsaShake128f 0x46 0 "2.16.840.1.101.3.4.3.27" 256 32 64 Bare
    SlhDsaShake192s 0x47 0 "2.16.840.1.101.3.4.3.28" 384 48 96 Bare
    SlhDsaShake192f 0x48 0 "2.16.840.1.101.3.4.3.29" 384 48 96 Bare
    SlhDsaShake256s 0x49 0 "2.16.840.1.101.3.4.3.30" 512 64 128 Bare
    SlhDsaShake256f 0x4A 0 "2.16.840.1.101.3.4.3.31" 512 64 128 Bare
}

impl Named {
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Named> {
        Named::ALL.iter().copied().find(|named| named.oid() == oid)
    }

    /// By what KMIP says of a key: its Cryptographic Algorithm and, for algorithms that are a family, its curve.
    pub fn from_kmip(algorithm: u32, curve: Option<u32>) -> Option<Named> {
        Named::ALL
            .iter()
            .copied()
            .find(|named| match named.recommended_curve() {
                None => named.cryptographic_algorithm() == algorithm,
                own => own == curve && is_agreement(algorithm),
            })
    }
}

/// EC and ECDH; ECDSA is not done on CURVE25519 and CURVE448.
fn is_agreement(algorithm: u32) -> bool {
    matches!(algorithm, 0x0E | 0x1A)
}

/// Either or both.
type SeedAndExpanded<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// A private key of a [`Named`] algorithm.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedPrivate {
    pub named: Named,
    /// Content of PKCS#8's privateKey.
    content: Zeroizing<Vec<u8>>,
    /// Where the structure brought it (RFC 5958 §2).
    public: Option<Vec<u8>>,
}

/// A public key of a [`Named`] algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPublic {
    pub named: Named,
    key: Vec<u8>,
}

/// Never shows the key.
impl std::fmt::Debug for NamedPrivate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedPrivate")
            .field("named", &self.named)
            .finish_non_exhaustive()
    }
}

impl NamedPrivate {
    /// From the content of PKCS#8's privateKey.
    pub fn from_content(
        named: Named,
        content: &[u8],
        public: Option<&[u8]>,
    ) -> Result<NamedPrivate, FormatError> {
        let fits = match named.inner() {
            Inner::OctetString => {
                octets(content).is_some_and(|key| key.len() == named.private_bytes())
            }
            Inner::Bare => content.len() == named.private_bytes(),
            Inner::SeedOrExpanded => seed_and_expanded(content).is_some_and(|(seed, expanded)| {
                seed.is_none_or(|seed| matches!(seed.len(), 32 | 64))
                    && expanded.is_none_or(|key| key.len() == named.private_bytes())
            }),
        };
        if !fits {
            return Err(
                Malformed("the private key is not as long as its algorithm demands").into(),
            );
        }
        let public = public
            .map(|public| NamedPublic::new(named, public))
            .transpose()?
            .map(|public| public.key);
        Ok(NamedPrivate {
            named,
            content: Zeroizing::new(content.to_vec()),
            public,
        })
    }

    /// From the key's bytes: KMIP's Raw.
    pub fn from_raw(named: Named, key: &[u8]) -> Result<NamedPrivate, FormatError> {
        let content = match named.inner() {
            Inner::OctetString => OctetStringRef::new(key)
                .and_then(|key| key.to_der())
                .map(Zeroizing::new)
                .map_err(|_| Malformed("the private key is too long"))?,
            Inner::Bare => Zeroizing::new(key.to_vec()),
            Inner::SeedOrExpanded => {
                return Err(FormatError::NotPossible(
                    "its bytes alone do not say whether they are the seed or the expanded key",
                ));
            }
        };
        NamedPrivate::from_content(named, &content, None)
    }

    /// The key's bytes; None where the structure may hold one of two.
    pub fn raw(&self) -> Option<&[u8]> {
        match self.named.inner() {
            Inner::OctetString => octets(&self.content),
            Inner::Bare => Some(&self.content),
            Inner::SeedOrExpanded => None,
        }
    }

    /// Of an algorithm whose keys come as either or both: the seed and the expanded key.
    pub fn seed_and_expanded(&self) -> SeedAndExpanded<'_> {
        match self.named.inner() {
            Inner::SeedOrExpanded => seed_and_expanded(&self.content).unwrap_or_default(),
            Inner::OctetString | Inner::Bare => (None, None),
        }
    }

    /// Content of PKCS#8's privateKey.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The public key where the structure brought it.
    pub fn carried_public(&self) -> Option<NamedPublic> {
        Some(NamedPublic {
            named: self.named,
            key: self.public.clone()?,
        })
    }
}

impl NamedPublic {
    pub fn new(named: Named, key: &[u8]) -> Result<NamedPublic, FormatError> {
        if key.len() != named.public_bytes() {
            return Err(Malformed("the public key is not as long as its algorithm demands").into());
        }
        Ok(NamedPublic {
            named,
            key: key.to_vec(),
        })
    }

    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

fn octets(der: &[u8]) -> Option<&[u8]> {
    <&OctetStringRef>::from_der(der)
        .ok()
        .map(OctetStringRef::as_bytes)
}

/// `CHOICE { seed [0], expandedKey OCTET STRING, both SEQUENCE { seed, expandedKey } }`, all OCTET STRINGs.
fn seed_and_expanded(der: &[u8]) -> Option<SeedAndExpanded<'_>> {
    let any = AnyRef::from_der(der).ok()?;
    match any.tag() {
        Tag::OctetString => Some((None, Some(any.value()))),
        Tag::Sequence => {
            let mut reader = SliceReader::new(any.value()).ok()?;
            let seed = <&OctetStringRef>::decode(&mut reader).ok()?;
            let expanded = <&OctetStringRef>::decode(&mut reader).ok()?;
            reader
                .is_finished()
                .then_some((Some(seed.as_bytes()), Some(expanded.as_bytes())))
        }
        Tag::ContextSpecific {
            constructed: false,
            number: TagNumber(0),
        } => Some((Some(any.value()), None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_row_is_found_by_its_keys() {
        for named in Named::ALL {
            assert_eq!(Named::from_oid(named.oid()), Some(*named));
            assert_eq!(
                Named::from_kmip(named.cryptographic_algorithm(), named.recommended_curve()),
                Some(*named)
            );
        }
        assert_eq!(Named::from_kmip(0x0E, Some(0x45)), Some(Named::X25519));
        assert_eq!(Named::from_kmip(0x06, Some(0x45)), None);
        assert_eq!(Named::from_kmip(0x1A, Some(0x07)), None);
        assert_eq!(Named::from_kmip(0x1A, None), None);
    }

    #[test]
    fn lengths_are_checked() {
        for named in Named::ALL {
            assert!(NamedPublic::new(*named, &vec![1; named.public_bytes()]).is_ok());
            assert!(NamedPublic::new(*named, &vec![1; named.public_bytes() - 1]).is_err());
            let raw = vec![1; named.private_bytes()];
            let short = raw.get(1..).unwrap();
            match named.inner() {
                Inner::SeedOrExpanded => assert!(NamedPrivate::from_raw(*named, &raw).is_err()),
                _ => {
                    let key = NamedPrivate::from_raw(*named, &raw).unwrap();
                    assert_eq!(key.raw(), Some(raw.as_slice()));
                    assert!(NamedPrivate::from_raw(*named, short).is_err());
                }
            }
        }
    }
}
