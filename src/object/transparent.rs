//! Transparent keys: Key Material as a structure of numbers (1.4 §2.1.7, 2.1 §3.3).

use ttlv::{Limits, Node, Tag, Value};
use zeroize::Zeroizing;

use super::format::{
    Algorithm, Curve, EcPrivate, EcPublic, FieldPrivate, FieldPublic, Format, FormatError, Group,
    Named, NamedPrivate, NamedPublic, PrivateKey, PublicKey, RsaPart, RsaPrivate, RsaPublic,
    Unsigned,
};
use crate::protocol::key_block::KeyMaterial;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;

/// Fields of Transparent RSA Private Key (1.4 §2.1.7.4).
static RSA_FIELDS: &[(RsaPart, Tag)] = &[
    (RsaPart::Modulus, tag::MODULUS),
    (RsaPart::PrivateExponent, tag::PRIVATE_EXPONENT),
    (RsaPart::PublicExponent, tag::PUBLIC_EXPONENT),
    (RsaPart::P, tag::P),
    (RsaPart::Q, tag::Q),
    (RsaPart::PrimeExponentP, tag::PRIME_EXPONENT_P),
    (RsaPart::PrimeExponentQ, tag::PRIME_EXPONENT_Q),
    (RsaPart::CrtCoefficient, tag::CRT_COEFFICIENT),
];

/// Key Material of these fields.
pub fn structure(items: Vec<Node<'_>>) -> KeyMaterial {
    let node = Node::structure(tag::KEY_MATERIAL, items);
    let mut out = Bytes::new(Vec::with_capacity(ttlv::binary::encoded_len(&node)));
    ttlv::binary::encode(&node, &mut out);
    KeyMaterial::Transparent(out)
}

/// The key of a Transparent Symmetric Key.
pub fn symmetric_key(encoded: &[u8]) -> Option<Bytes> {
    let node = ttlv::binary::decode(encoded, &Limits::default()).ok()?;
    match &node.child(tag::KEY)?.value {
        Value::ByteString(bytes) => Some(Zeroizing::new(bytes.to_vec())),
        _ => None,
    }
}

/// The key as a structure; None where the format is no transparent one.
pub fn write_private(key: &PrivateKey, target: Format) -> Result<Option<KeyMaterial>, FormatError> {
    if !target.is_transparent() {
        return Ok(None);
    }
    let items = match (key, target) {
        (PrivateKey::Rsa(key), Format::TransparentRsaPrivateKey) => RSA_FIELDS
            .iter()
            .filter_map(|(part, tag)| Some(big(*tag, key.part(*part)?)))
            .collect(),
        (PrivateKey::Field(key), Format::TransparentDsaPrivateKey)
            if key.group.algorithm == Algorithm::Dsa =>
        {
            field_key(&key.group, big(tag::X, &key.x))
        }
        (PrivateKey::Field(key), Format::TransparentDhPrivateKey)
            if key.group.algorithm == Algorithm::Dh =>
        {
            field_key(&key.group, big(tag::X, &key.x))
        }
        (PrivateKey::Ec(key), target) if target.is_ec_private() => {
            vec![
                recommended(key.curve.recommended_curve()),
                big(tag::D, &key.d()?),
            ]
        }
        (PrivateKey::Named(key), target) if target.is_ec_private() => {
            let (Some(curve), Some(raw)) = (key.named.recommended_curve(), key.raw()) else {
                return Err(no_structure());
            };
            vec![recommended(curve), big(tag::D, &little_endian(raw)?)]
        }
        _ => return Err(no_structure()),
    };
    Ok(Some(structure(items)))
}

/// The key as a structure; None where the format is no transparent one.
pub fn write_public(key: &PublicKey, target: Format) -> Result<Option<KeyMaterial>, FormatError> {
    if !target.is_transparent() {
        return Ok(None);
    }
    let items = match (key, target) {
        (PublicKey::Rsa(key), Format::TransparentRsaPublicKey) => vec![
            big(tag::MODULUS, &key.modulus),
            big(tag::PUBLIC_EXPONENT, &key.public_exponent),
        ],
        (PublicKey::Field(key), Format::TransparentDsaPublicKey)
            if key.group.algorithm == Algorithm::Dsa =>
        {
            field_key(&key.group, big(tag::Y, &key.y))
        }
        (PublicKey::Field(key), Format::TransparentDhPublicKey)
            if key.group.algorithm == Algorithm::Dh =>
        {
            field_key(&key.group, big(tag::Y, &key.y))
        }
        (PublicKey::Ec(key), target) if target.is_ec_public() => vec![
            recommended(key.curve.recommended_curve()),
            Node::bytes(tag::Q_STRING, key.point()),
        ],
        (PublicKey::Named(key), target) if target.is_ec_public() => {
            let curve = key.named.recommended_curve().ok_or_else(no_structure)?;
            vec![recommended(curve), Node::bytes(tag::Q_STRING, key.key())]
        }
        _ => return Err(no_structure()),
    };
    Ok(Some(structure(items)))
}

pub fn read_private(source: Format, encoded: &[u8]) -> Result<PrivateKey, FormatError> {
    let node = decode(encoded)?;
    match source {
        Format::TransparentRsaPrivateKey => {
            let mut parts = Vec::with_capacity(RSA_FIELDS.len());
            for (part, tag) in RSA_FIELDS {
                parts.extend(optional(&node, *tag)?.map(|number| (*part, number)));
            }
            Ok(PrivateKey::Rsa(RsaPrivate::from_parts(parts)?))
        }
        Format::TransparentDsaPrivateKey | Format::TransparentDhPrivateKey => {
            Ok(PrivateKey::Field(FieldPrivate {
                group: group(source == Format::TransparentDsaPrivateKey, &node)?,
                x: number(&node, tag::X)?,
            }))
        }
        source if source.is_ec_private() => {
            let d = number(&node, tag::D)?;
            match curve(&node)? {
                Of::Curve(curve) => Ok(PrivateKey::Ec(EcPrivate::new(curve, d.magnitude(), None)?)),
                Of::Named(named) => {
                    let mut raw = d
                        .padded(named.private_bytes())
                        .ok_or(FormatError::Malformed("D is longer than its curve"))?;
                    raw.reverse();
                    Ok(PrivateKey::Named(NamedPrivate::from_raw(named, &raw)?))
                }
            }
        }
        _ => Err(no_structure()),
    }
}

pub fn read_public(source: Format, encoded: &[u8]) -> Result<PublicKey, FormatError> {
    let node = decode(encoded)?;
    match source {
        Format::TransparentRsaPublicKey => Ok(PublicKey::Rsa(RsaPublic {
            modulus: number(&node, tag::MODULUS)?,
            public_exponent: number(&node, tag::PUBLIC_EXPONENT)?,
        })),
        Format::TransparentDsaPublicKey | Format::TransparentDhPublicKey => {
            Ok(PublicKey::Field(FieldPublic {
                group: group(source == Format::TransparentDsaPublicKey, &node)?,
                y: number(&node, tag::Y)?,
            }))
        }
        source if source.is_ec_public() => {
            let point = match node.child(tag::Q_STRING).map(|item| &item.value) {
                Some(Value::ByteString(point)) => point,
                _ => return Err(lacking()),
            };
            match curve(&node)? {
                Of::Curve(curve) => Ok(PublicKey::Ec(EcPublic::new(curve, point)?)),
                Of::Named(named) => Ok(PublicKey::Named(NamedPublic::new(named, point)?)),
            }
        }
        _ => Err(no_structure()),
    }
}

/// Which family a Recommended Curve belongs to.
enum Of {
    Curve(Curve),
    Named(Named),
}

fn curve(node: &Node<'_>) -> Result<Of, FormatError> {
    let Some(Value::Enumeration(number)) =
        node.child(tag::RECOMMENDED_CURVE).map(|item| &item.value)
    else {
        return Err(lacking());
    };
    if let Some(curve) = Curve::from_recommended_curve(*number) {
        return Ok(Of::Curve(curve));
    }
    Named::ALL
        .iter()
        .find(|named| named.recommended_curve() == Some(*number))
        .map(|named| Of::Named(*named))
        .ok_or(FormatError::NotPossible(
            "keys on this curve are only kept as they came",
        ))
}

fn group(is_dsa: bool, node: &Node<'_>) -> Result<Group, FormatError> {
    let q = optional(node, tag::Q)?;
    if is_dsa && q.is_none() {
        return Err(lacking());
    }
    Ok(Group {
        algorithm: if is_dsa {
            Algorithm::Dsa
        } else {
            Algorithm::Dh
        },
        p: number(node, tag::P)?,
        g: number(node, tag::G)?,
        j: optional(node, tag::J)?.filter(|_| !is_dsa && q.is_some()),
        q,
    })
}

fn field_key(group: &Group, key: Node<'static>) -> Vec<Node<'static>> {
    let mut items = vec![big(tag::P, &group.p)];
    items.extend(group.q.as_ref().map(|q| big(tag::Q, q)));
    items.push(big(tag::G, &group.g));
    items.extend(group.j.as_ref().map(|j| big(tag::J, j)));
    items.push(key);
    items
}

fn recommended(curve: u32) -> Node<'static> {
    Node::new(tag::RECOMMENDED_CURVE, Value::Enumeration(curve))
}

fn big(tag: Tag, number: &Unsigned) -> Node<'static> {
    Node::new(
        tag,
        Value::BigInteger(number.twos_complement().to_vec().into()),
    )
}

/// RFC 7748 §5: the scalar of X25519 and X448 is the number that its bytes write little-endian.
fn little_endian(raw: &[u8]) -> Result<Unsigned, FormatError> {
    let mut bytes = Zeroizing::new(raw.to_vec());
    bytes.reverse();
    Unsigned::from_magnitude(&bytes)
}

fn decode(encoded: &[u8]) -> Result<Node<'_>, FormatError> {
    ttlv::binary::decode(encoded, &Limits::default())
        .map_err(|_| FormatError::Malformed("its Key Material is no structure"))
}

fn number(node: &Node<'_>, tag: Tag) -> Result<Unsigned, FormatError> {
    optional(node, tag)?.ok_or_else(lacking)
}

fn optional(node: &Node<'_>, tag: Tag) -> Result<Option<Unsigned>, FormatError> {
    match node.child(tag).map(|item| &item.value) {
        None => Ok(None),
        Some(Value::BigInteger(bytes)) => Unsigned::from_twos_complement(bytes).map(Some),
        Some(_) => Err(lacking()),
    }
}

fn lacking() -> FormatError {
    FormatError::Malformed("its Key Material lacks a field that the Key Format Type demands")
}

fn no_structure() -> FormatError {
    FormatError::NotPossible("a key of this algorithm has no such transparent form")
}
