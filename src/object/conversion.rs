//! Key Format Type of a delivered key: the standard's numbers and structures ⇄ the format room.

use ttlv::{Limits, Node, Value};
use zeroize::Zeroizing;

use super::format::{
    Curve, EcPrivate, EcPublic, Format, FormatError, Kind, PrivateKey, PublicKey, RsaPart,
    RsaPrivate, RsaPublic, Unsigned, convert as convert_bytes,
};
use crate::engine::error::{Fault, Reason};
use crate::protocol::enumeration::{KeyFormatType, ObjectType};
use crate::protocol::key_block::{KeyBlock, KeyMaterial};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;

fn not_possible(from: KeyFormatType, to: KeyFormatType) -> Fault {
    Fault::new(
        Reason::KeyFormatTypeNotSupported,
        format!("the key is kept as {from} and cannot be given as {to}"),
    )
}

impl From<FormatError> for Fault {
    fn from(error: FormatError) -> Self {
        Fault::new(Reason::KeyFormatTypeNotSupported, error.to_string())
    }
}

/// Key Material in another format.
pub fn convert(
    object_type: ObjectType,
    block: &KeyBlock,
    material: &KeyMaterial,
    to: KeyFormatType,
) -> Result<KeyMaterial, Fault> {
    let from = block.key_format_type;
    let (Some(source), Some(target)) = (Format::from_number(from.0), Format::from_number(to.0))
    else {
        return Err(not_possible(from, to));
    };
    match object_type {
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA | ObjectType::SPLIT_KEY => {
            symmetric(source, target, material).ok_or_else(|| not_possible(from, to))
        }
        ObjectType::PRIVATE_KEY => private(source, target, material, from, to),
        ObjectType::PUBLIC_KEY => public(source, target, material, from, to),
        _ => Err(not_possible(from, to)),
    }
}

/// Raw, Opaque and Transparent Symmetric Key hold the same bytes.
fn symmetric(source: Format, target: Format, material: &KeyMaterial) -> Option<KeyMaterial> {
    let plain = |format| matches!(format, Format::Raw | Format::Opaque);
    match (material, target) {
        (KeyMaterial::Bytes(bytes), _) if plain(source) && plain(target) => {
            Some(KeyMaterial::Bytes(bytes.clone()))
        }
        (KeyMaterial::Bytes(bytes), Format::TransparentSymmetricKey) if plain(source) => {
            Some(structure(vec![Node::bytes(tag::KEY, bytes.as_slice())]))
        }
        (KeyMaterial::Transparent(encoded), _)
            if source == Format::TransparentSymmetricKey && plain(target) =>
        {
            let node = ttlv::binary::decode(encoded, &Limits::default()).ok()?;
            match &node.child(tag::KEY)?.value {
                Value::ByteString(bytes) => {
                    Some(KeyMaterial::Bytes(Zeroizing::new(bytes.to_vec())))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn structure(items: Vec<Node<'_>>) -> KeyMaterial {
    let node = Node::structure(tag::KEY_MATERIAL, items);
    let mut out = Bytes::new(Vec::with_capacity(ttlv::binary::encoded_len(&node)));
    ttlv::binary::encode(&node, &mut out);
    KeyMaterial::Transparent(out)
}

fn private(
    source: Format,
    target: Format,
    material: &KeyMaterial,
    from: KeyFormatType,
    to: KeyFormatType,
) -> Result<KeyMaterial, Fault> {
    if let (KeyMaterial::Bytes(bytes), false) = (material, target.is_transparent()) {
        return Ok(KeyMaterial::Bytes(convert_bytes(
            Kind::Private,
            source,
            target,
            None,
            bytes,
        )?));
    }
    let key = match material {
        KeyMaterial::Bytes(bytes) => PrivateKey::parse(source, bytes)?,
        KeyMaterial::Transparent(encoded) => {
            read_private(source, encoded).ok_or_else(|| not_possible(from, to))?
        }
    };
    if !target.is_transparent() {
        return Ok(KeyMaterial::Bytes(key.write(target)?));
    }
    match (&key, target) {
        (PrivateKey::Rsa(key), Format::TransparentRsaPrivateKey) => Ok(rsa_structure(key)),
        (PrivateKey::Ec(key), target) if is_ec_private(target) => ec_private_structure(key),
        _ => Err(not_possible(from, to)),
    }
}

fn public(
    source: Format,
    target: Format,
    material: &KeyMaterial,
    from: KeyFormatType,
    to: KeyFormatType,
) -> Result<KeyMaterial, Fault> {
    let key = match material {
        KeyMaterial::Bytes(bytes) => PublicKey::parse(source, bytes, None)?,
        KeyMaterial::Transparent(encoded) => {
            read_public(source, encoded).ok_or_else(|| not_possible(from, to))?
        }
    };
    if !target.is_transparent() {
        return Ok(KeyMaterial::Bytes(Zeroizing::new(key.write(target)?)));
    }
    match (&key, target) {
        (PublicKey::Rsa(key), Format::TransparentRsaPublicKey) => Ok(structure(vec![
            Node::new(tag::MODULUS, big(&key.modulus)),
            Node::new(tag::PUBLIC_EXPONENT, big(&key.public_exponent)),
        ])),
        (PublicKey::Ec(key), target) if is_ec_public(target) => Ok(structure(vec![
            Node::new(
                tag::RECOMMENDED_CURVE,
                Value::Enumeration(key.curve.recommended_curve()),
            ),
            Node::bytes(tag::Q_STRING, key.point()),
        ])),
        _ => Err(not_possible(from, to)),
    }
}

fn is_ec_private(format: Format) -> bool {
    matches!(
        format,
        Format::TransparentEcPrivateKey
            | Format::TransparentEcdsaPrivateKey
            | Format::TransparentEcdhPrivateKey
            | Format::TransparentEcmqvPrivateKey
    )
}

fn is_ec_public(format: Format) -> bool {
    matches!(
        format,
        Format::TransparentEcPublicKey
            | Format::TransparentEcdsaPublicKey
            | Format::TransparentEcdhPublicKey
            | Format::TransparentEcmqvPublicKey
    )
}

fn big(number: &Unsigned) -> Value<'static> {
    Value::BigInteger(number.twos_complement().to_vec().into())
}

/// Fields of Transparent RSA Private Key (1.4 §2.1.7.4).
static RSA_FIELDS: &[(RsaPart, ttlv::Tag)] = &[
    (RsaPart::Modulus, tag::MODULUS),
    (RsaPart::PrivateExponent, tag::PRIVATE_EXPONENT),
    (RsaPart::PublicExponent, tag::PUBLIC_EXPONENT),
    (RsaPart::P, tag::P),
    (RsaPart::Q, tag::Q),
    (RsaPart::PrimeExponentP, tag::PRIME_EXPONENT_P),
    (RsaPart::PrimeExponentQ, tag::PRIME_EXPONENT_Q),
    (RsaPart::CrtCoefficient, tag::CRT_COEFFICIENT),
];

fn rsa_structure(key: &RsaPrivate) -> KeyMaterial {
    let items = key
        .parts()
        .filter_map(|(part, number)| {
            let (_, tag) = RSA_FIELDS.iter().find(|(own, _)| *own == part)?;
            Some(Node::new(*tag, big(number)))
        })
        .collect();
    structure(items)
}

fn ec_private_structure(key: &EcPrivate) -> Result<KeyMaterial, Fault> {
    Ok(structure(vec![
        Node::new(
            tag::RECOMMENDED_CURVE,
            Value::Enumeration(key.curve.recommended_curve()),
        ),
        Node::new(tag::D, big(&key.d()?)),
    ]))
}

fn number(node: &Node<'_>, tag: ttlv::Tag) -> Option<Unsigned> {
    match &node.child(tag)?.value {
        Value::BigInteger(bytes) => Unsigned::from_twos_complement(bytes).ok(),
        _ => None,
    }
}

fn curve(node: &Node<'_>) -> Option<Curve> {
    match node.child(tag::RECOMMENDED_CURVE)?.value {
        Value::Enumeration(number) => Curve::from_recommended_curve(number),
        _ => None,
    }
}

fn read_private(source: Format, encoded: &[u8]) -> Option<PrivateKey> {
    let node = ttlv::binary::decode(encoded, &Limits::default()).ok()?;
    if source == Format::TransparentRsaPrivateKey {
        let parts = RSA_FIELDS
            .iter()
            .filter_map(|(part, tag)| number(&node, *tag).map(|number| (*part, number)));
        return RsaPrivate::from_parts(parts).ok().map(PrivateKey::Rsa);
    }
    if !is_ec_private(source) {
        return None;
    }
    let curve = curve(&node)?;
    let scalar = number(&node, tag::D)?.padded(curve.field_bytes())?;
    EcPrivate::new(curve, &scalar, None)
        .ok()
        .map(PrivateKey::Ec)
}

fn read_public(source: Format, encoded: &[u8]) -> Option<PublicKey> {
    let node = ttlv::binary::decode(encoded, &Limits::default()).ok()?;
    if source == Format::TransparentRsaPublicKey {
        return Some(PublicKey::Rsa(RsaPublic {
            modulus: number(&node, tag::MODULUS)?,
            public_exponent: number(&node, tag::PUBLIC_EXPONENT)?,
        }));
    }
    if !is_ec_public(source) {
        return None;
    }
    match &node.child(tag::Q_STRING)?.value {
        Value::ByteString(point) => EcPublic::new(curve(&node)?, point).ok().map(PublicKey::Ec),
        _ => None,
    }
}
