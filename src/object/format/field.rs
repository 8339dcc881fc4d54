//! DSA and Diffie-Hellman keys: numbers modulo a prime (RFC 3279 §2.3.2, §2.3.3; PKCS #3; RFC 5958).

use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, SliceReader, Tag, Tagged};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::key::too_long;
use super::{Algorithm, FormatError, Malformed, Unsigned};

const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
/// dhKeyAgreement: no Q.
const PKCS3_DH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.3.1");
/// dhpublicnumber: with Q, perhaps with J.
const X942_DH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10046.2.1");

/// The domain parameters of KMIP's transparent DSA and DH structures (KMIP 1.4 §2.1.7.2 to §2.1.7.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// DSA or DH.
    pub algorithm: Algorithm,
    pub p: Unsigned,
    /// DSA always has it.
    pub q: Option<Unsigned>,
    pub g: Unsigned,
    /// Of DH with Q only.
    pub j: Option<Unsigned>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPrivate {
    pub group: Group,
    pub x: Unsigned,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPublic {
    pub group: Group,
    pub y: Unsigned,
}

impl Group {
    /// Length of P in bits.
    pub fn bits(&self) -> usize {
        self.p.bits()
    }

    fn oid(&self) -> ObjectIdentifier {
        match (self.algorithm, &self.q) {
            (Algorithm::Dsa, _) => DSA,
            (_, Some(_)) => X942_DH,
            (_, None) => PKCS3_DH,
        }
    }

    /// The algorithm's parameters, DER. Validation parameters and the length of private values stay behind: KMIP has no
    /// place for them.
    pub(super) fn parameters(&self) -> Result<Vec<u8>, FormatError> {
        let numbers: Vec<&Unsigned> = match (self.algorithm, &self.q) {
            (Algorithm::Dsa, q) => {
                let q = q.as_ref().ok_or(FormatError::NotPossible(
                    "the DSA key was registered without Q",
                ))?;
                vec![&self.p, q, &self.g]
            }
            (_, Some(q)) => [&self.p, &self.g, q].into_iter().chain(&self.j).collect(),
            (_, None) => vec![&self.p, &self.g],
        };
        let mut content = Vec::new();
        for number in numbers {
            content.extend(integer(number)?.iter());
        }
        AnyRef::new(Tag::Sequence, &content)
            .and_then(|sequence| sequence.to_der())
            .map_err(|_| too_long())
    }

    pub(super) fn identifier<'a>(
        &self,
        parameters: &'a [u8],
    ) -> Result<AlgorithmIdentifierRef<'a>, FormatError> {
        Ok(AlgorithmIdentifierRef {
            oid: self.oid(),
            parameters: Some(AnyRef::from_der(parameters).map_err(|_| too_long())?),
        })
    }

    /// None for another algorithm, and for DSA whose parameters stand elsewhere (RFC 3279 §2.3.2).
    fn read(identifier: &AlgorithmIdentifierRef<'_>) -> Result<Option<Group>, FormatError> {
        let Some(parameters) = identifier.parameters else {
            return Ok(None);
        };
        let mut reader = match identifier.oid {
            DSA | PKCS3_DH | X942_DH if parameters.tag() == Tag::Sequence => {
                SliceReader::new(parameters.value()).map_err(malformed)?
            }
            _ => return Ok(None),
        };
        let first = number(&mut reader)?;
        let second = number(&mut reader)?;
        Ok(Some(match identifier.oid {
            DSA => Group {
                algorithm: Algorithm::Dsa,
                p: first,
                q: Some(second),
                g: number(&mut reader)?,
                j: None,
            },
            X942_DH => Group {
                algorithm: Algorithm::Dh,
                p: first,
                g: second,
                q: Some(number(&mut reader)?),
                j: match Tag::peek(&reader) {
                    Ok(Tag::Integer) => Some(number(&mut reader)?),
                    _ => None,
                },
            },
            _ => Group {
                algorithm: Algorithm::Dh,
                p: first,
                g: second,
                q: None,
                j: None,
            },
        }))
    }
}

impl FieldPrivate {
    /// From PKCS#8; None where it is of another algorithm.
    pub(super) fn from_content(
        identifier: &AlgorithmIdentifierRef<'_>,
        content: &[u8],
    ) -> Result<Option<FieldPrivate>, FormatError> {
        let Some(group) = Group::read(identifier)? else {
            return Ok(None);
        };
        let x = whole_number(content)?;
        Ok(Some(FieldPrivate { group, x }))
    }

    /// Content of PKCS#8's privateKey.
    pub(super) fn content(&self) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        integer(&self.x)
    }
}

impl FieldPublic {
    /// From SubjectPublicKeyInfo; None where it is of another algorithm.
    pub(super) fn from_content(
        identifier: &AlgorithmIdentifierRef<'_>,
        content: &[u8],
    ) -> Result<Option<FieldPublic>, FormatError> {
        let Some(group) = Group::read(identifier)? else {
            return Ok(None);
        };
        let y = whole_number(content)?;
        Ok(Some(FieldPublic { group, y }))
    }

    /// Content of the SubjectPublicKeyInfo's bit string.
    pub(super) fn content(&self) -> Result<Zeroizing<Vec<u8>>, FormatError> {
        integer(&self.y)
    }
}

fn malformed(_: der::Error) -> FormatError {
    FormatError::Malformed("its DSA or DH numbers are not DER integers")
}

fn number(reader: &mut SliceReader<'_>) -> Result<Unsigned, FormatError> {
    let value = UintRef::decode(reader).map_err(malformed)?;
    Unsigned::from_magnitude(value.as_bytes())
}

fn whole_number(content: &[u8]) -> Result<Unsigned, FormatError> {
    let value = UintRef::from_der(content)
        .map_err(|_| Malformed("its DSA or DH key is not a DER integer"))?;
    Unsigned::from_magnitude(value.as_bytes())
}

fn integer(number: &Unsigned) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    UintRef::new(number.magnitude())
        .and_then(|number| number.to_der())
        .map(Zeroizing::new)
        .map_err(|_| too_long())
}
