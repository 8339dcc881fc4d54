//! Key Format Type of a delivered key: the standard's numbers and structures ⇄ the format room.

use ttlv::{Node, Value};
use zeroize::Zeroizing;

use super::format::{Curve, Format, FormatError, Hint, Named, PointForm, PrivateKey, PublicKey};
use super::transparent;
use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CertificateRequestType, CertificateType, CryptographicAlgorithm, KeyCompressionType,
    KeyFormatType, ObjectType,
};
use crate::protocol::key_block::{KeyBlock, KeyMaterial};
use crate::protocol::object::Object;
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
    attributes: &Attributes,
    material: &KeyMaterial,
    to: KeyFormatType,
) -> Result<KeyMaterial, Fault> {
    let from = block.key_format_type;
    if from == to {
        return Ok(material.clone());
    }
    let (Some(source), Some(target)) = (Format::from_number(from.0), Format::from_number(to.0))
    else {
        return Err(not_possible(from, to));
    };
    let converted = match object_type {
        ObjectType::SYMMETRIC_KEY
        | ObjectType::SECRET_DATA
        | ObjectType::SPLIT_KEY
        | ObjectType::PGP_KEY => symmetric(object_type, source, target, material),
        ObjectType::PRIVATE_KEY => {
            let key = private_key(block, attributes, material)?;
            match transparent::write_private(&key, target)? {
                Some(structure) => Some(structure),
                None => Some(KeyMaterial::Bytes(key.write(target)?)),
            }
        }
        ObjectType::PUBLIC_KEY => {
            let key = public_key(block, attributes, material)?;
            match transparent::write_public(&key, target)? {
                Some(structure) => Some(structure),
                None => Some(KeyMaterial::Bytes(Zeroizing::new(key.write(target)?))),
            }
        }
        _ => None,
    };
    converted.ok_or_else(|| not_possible(from, to))
}

/// The point of an EC public key in the form that a Key Compression Type names (1.4 §9.1.3.2.2, 2.1 §11.24).
pub fn compress(
    block: &KeyBlock,
    attributes: &Attributes,
    material: &KeyMaterial,
    wanted: KeyCompressionType,
) -> Result<KeyMaterial, Fault> {
    let refused = || {
        Fault::new(
            Reason::KeyCompressionTypeNotSupported,
            format!("the key cannot be given with compression type {wanted}; ask without one"),
        )
    };
    let PublicKey::Ec(key) = public_key(block, attributes, material)? else {
        return Err(refused());
    };
    let form = match (wanted, key.curve.is_binary()) {
        (KeyCompressionType::EC_PUBLIC_KEY_TYPE_UNCOMPRESSED, _) => PointForm::Uncompressed,
        (KeyCompressionType::EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME, false)
        | (KeyCompressionType::EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_CHAR2, true) => {
            PointForm::Compressed
        }
        (KeyCompressionType::EC_PUBLIC_KEY_TYPE_X9_62_HYBRID, _) => PointForm::Hybrid,
        _ => return Err(refused()),
    };
    let key = PublicKey::Ec(key.in_form(form)?);
    let format = source(block)?;
    Ok(match transparent::write_public(&key, format)? {
        Some(structure) => structure,
        None => KeyMaterial::Bytes(Zeroizing::new(key.write(format)?)),
    })
}

/// Whether an object without key block may be asked for as this; it has one form (2.1 §4.26, Table 81).
pub fn is_form_of(object: &Object, format: KeyFormatType) -> bool {
    match object {
        Object::Certificate(certificate) => match format {
            KeyFormatType::RAW => true,
            KeyFormatType::X_509 => certificate.certificate_type == CertificateType::X_509,
            _ => false,
        },
        Object::CertificateRequest(request) => match format {
            KeyFormatType::RAW => true,
            KeyFormatType::PKCS_10 => {
                request.certificate_request_type == CertificateRequestType::PKCS_10
            }
            _ => false,
        },
        Object::OpaqueObject(_) => matches!(format, KeyFormatType::RAW | KeyFormatType::OPAQUE),
        _ => false,
    }
}

/// The private key in a Key Block.
pub fn private_key(
    block: &KeyBlock,
    attributes: &Attributes,
    material: &KeyMaterial,
) -> Result<PrivateKey, Fault> {
    let source = source(block)?;
    match material {
        KeyMaterial::Bytes(bytes) => Ok(PrivateKey::parse(source, bytes, hint(block, attributes))?),
        KeyMaterial::Transparent(encoded) => Ok(transparent::read_private(source, encoded)?),
    }
}

/// The public key in a Key Block.
pub fn public_key(
    block: &KeyBlock,
    attributes: &Attributes,
    material: &KeyMaterial,
) -> Result<PublicKey, Fault> {
    let source = source(block)?;
    match material {
        KeyMaterial::Bytes(bytes) => Ok(PublicKey::parse(source, bytes, hint(block, attributes))?),
        KeyMaterial::Transparent(encoded) => Ok(transparent::read_public(source, encoded)?),
    }
}

fn source(block: &KeyBlock) -> Result<Format, Fault> {
    Format::from_number(block.key_format_type.0).ok_or_else(|| {
        Fault::new(
            Reason::KeyFormatTypeNotSupported,
            format!(
                "keys in the format {} are only kept as they came",
                block.key_format_type
            ),
        )
    })
}

/// Curves that a length alone names: NIST's.
static USUAL: &[(i32, Curve)] = &[
    (192, Curve::P192),
    (224, Curve::P224),
    (256, Curve::P256),
    (384, Curve::P384),
    (521, Curve::P521),
];

/// Of which algorithm and curve a Raw key is.
fn hint(block: &KeyBlock, attributes: &Attributes) -> Hint {
    let algorithm = block
        .cryptographic_algorithm
        .map(|algorithm| algorithm.0)
        .or_else(|| attributes.enumeration(tag::CRYPTOGRAPHIC_ALGORITHM));
    let length = block
        .cryptographic_length
        .or_else(|| attributes.integer(tag::CRYPTOGRAPHIC_LENGTH));
    let Some(algorithm) = algorithm else {
        return Hint::default();
    };
    let wanted = recommended_curve(attributes);
    let is_elliptic = matches!(
        CryptographicAlgorithm(algorithm),
        CryptographicAlgorithm::EC
            | CryptographicAlgorithm::ECDSA
            | CryptographicAlgorithm::ECDH
            | CryptographicAlgorithm::ECMQV
    );
    let curve = match wanted {
        Some(wanted) => Curve::from_recommended_curve(wanted),
        None => USUAL
            .iter()
            .find(|(bits, _)| Some(*bits) == length)
            .map(|(_, curve)| *curve),
    };
    Hint {
        named: Named::from_kmip(algorithm, wanted),
        curve: curve.filter(|_| is_elliptic),
    }
}

/// Recommended Curve of Cryptographic Domain Parameters (1.4 §3.7, 2.1 §4.14).
pub fn recommended_curve(attributes: &Attributes) -> Option<u32> {
    let Value::Structure(fields) = attributes.get(tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS)? else {
        return None;
    };
    fields
        .iter()
        .find(|field| field.tag == tag::RECOMMENDED_CURVE)
        .and_then(|field| match field.value {
            Value::Enumeration(number) => Some(number),
            _ => None,
        })
}

/// Raw, Opaque and Transparent Symmetric Key hold the same bytes.
fn symmetric(
    object_type: ObjectType,
    source: Format,
    target: Format,
    material: &KeyMaterial,
) -> Option<KeyMaterial> {
    let plain = |format| matches!(format, Format::Raw | Format::Opaque);
    match (material, target) {
        (KeyMaterial::Bytes(bytes), _) if plain(source) && plain(target) => {
            Some(KeyMaterial::Bytes(bytes.clone()))
        }
        (KeyMaterial::Bytes(bytes), Format::TransparentSymmetricKey)
            if plain(source) && object_type != ObjectType::PGP_KEY =>
        {
            Some(transparent::structure(vec![Node::bytes(
                tag::KEY,
                bytes.as_slice(),
            )]))
        }
        (KeyMaterial::Transparent(encoded), _)
            if source == Format::TransparentSymmetricKey && plain(target) =>
        {
            transparent::symmetric_key(encoded).map(KeyMaterial::Bytes)
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "conversion_tests.rs"]
mod tests;
