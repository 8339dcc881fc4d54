//! What the server reads off registered material by itself: lengths, certificate fields. Material
//! that it cannot read is kept all the same, undescribed.

use ttlv::{Node, Tag, Value};

use super::format::{
    Algorithm, Certificate as X509, Name, NameAttribute, ObjectKind, default_format,
};
use super::managed::Form;
use super::{conversion, creation, transparent};
use crate::protocol::attributes::{Attribute, Attributes};
use crate::protocol::enumeration::{
    CertificateType, CryptographicAlgorithm, KeyFormatType, LinkType,
};
use crate::protocol::key_block::KeyMaterial;
use crate::protocol::object::Object;
use crate::protocol::tag;

/// Key Format Type of an object: its key block's; certificates and opaque objects have fixed ones
/// (TC-CERTATTR-1 and TC-IMPEXP-5 show Raw for a certificate).
pub fn format_of(object: &Object) -> Option<KeyFormatType> {
    match object {
        Object::Certificate(_) => Some(KeyFormatType::RAW),
        Object::OpaqueObject(_) | Object::CertificateRequest(_) | Object::Template(_) => None,
        other => other.key_block().map(|block| block.key_format_type),
    }
}

/// Adds what the material itself says, where the client did not.
pub fn describe(object: &Object, form: Form, bytes: &[u8], attributes: &mut Attributes) {
    match object {
        Object::Certificate(certificate) => {
            attributes.set(
                tag::CERTIFICATE_TYPE,
                Value::Enumeration(certificate.certificate_type.0),
            );
            attributes.set(
                tag::CERTIFICATE_LENGTH,
                Value::Integer(i32::try_from(bytes.len()).unwrap_or(i32::MAX)),
            );
            if certificate.certificate_type == CertificateType::X_509
                && let Ok(parsed) = X509::parse(bytes)
            {
                certificate_fields(&parsed, attributes);
            }
        }
        Object::SymmetricKey(key) => {
            let length = match (form, key.key_block.key_format_type) {
                (Form::Bytes, KeyFormatType::RAW) => Some(bytes.len()),
                (Form::Transparent, KeyFormatType::TRANSPARENT_SYMMETRIC_KEY) => {
                    transparent::symmetric_key(bytes).map(|key| key.len())
                }
                _ => None,
            };
            if let Some(bits) = length.and_then(|length| i32::try_from(length * 8).ok()) {
                attributes.set_if_absent(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits));
            }
        }
        Object::PrivateKey(key) => {
            let read = key_material(form, bytes).and_then(|material| {
                conversion::private_key(&key.key_block, attributes, &material).ok()
            });
            if let Some(key) = read {
                key_fields(key.algorithm(), key.bits(), attributes);
            }
        }
        Object::PublicKey(key) => {
            let read = key_material(form, bytes).and_then(|material| {
                conversion::public_key(&key.key_block, attributes, &material).ok()
            });
            if let Some(key) = read {
                key_fields(key.algorithm(), key.bits(), attributes);
            }
        }
        _ => {}
    }
}

fn key_material(form: Form, bytes: &[u8]) -> Option<KeyMaterial> {
    match form {
        Form::Bytes => Some(KeyMaterial::Bytes(bytes.to_vec().into())),
        Form::Transparent => Some(KeyMaterial::Transparent(bytes.to_vec().into())),
        Form::Wrapped => None,
    }
}

/// What an asymmetric key is (1.4 §3.4, §3.5).
fn key_fields(algorithm: Algorithm, bits: Option<usize>, attributes: &mut Attributes) {
    if let Some(algorithm) = key_algorithm(algorithm) {
        attributes.set_if_absent(
            tag::CRYPTOGRAPHIC_ALGORITHM,
            Value::Enumeration(algorithm.0),
        );
    }
    if let Some(bits) = bits.and_then(|bits| i32::try_from(bits).ok()) {
        attributes.set_if_absent(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits));
    }
}

fn text(value: &str) -> Value<'static> {
    Value::TextString(value.to_owned().into())
}

fn bytes(value: &[u8]) -> Value<'static> {
    Value::ByteString(value.to_vec().into())
}

/// X.509 Certificate Identifier (1.4 §3.10, 2.1 §4.61).
pub fn certificate_identifier(certificate: &X509, serial: &[u8]) -> Value<'static> {
    Value::Structure(vec![
        Node::new(
            tag::ISSUER_DISTINGUISHED_NAME,
            bytes(&certificate.issuer.der),
        ),
        Node::new(tag::CERTIFICATE_SERIAL_NUMBER, bytes(serial)),
    ])
}

/// Certificate attributes (1.4 §3.9 to §3.15, 2.1 §4.6 to §4.8, §4.61 to §4.63).
fn certificate_fields(certificate: &X509, attributes: &mut Attributes) {
    attributes.set_if_absent(
        tag::X_509_CERTIFICATE_IDENTIFIER,
        certificate_identifier(certificate, &certificate.serial_der()),
    );
    attributes.set_if_absent(
        tag::X_509_CERTIFICATE_SUBJECT,
        dn(
            &certificate.subject,
            tag::SUBJECT_DISTINGUISHED_NAME,
            tag::SUBJECT_ALTERNATIVE_NAME,
        ),
    );
    attributes.set_if_absent(
        tag::X_509_CERTIFICATE_ISSUER,
        dn(
            &certificate.issuer,
            tag::ISSUER_DISTINGUISHED_NAME,
            tag::ISSUER_ALTERNATIVE_NAME,
        ),
    );
    attributes.set_if_absent(
        tag::CERTIFICATE_IDENTIFIER,
        Value::Structure(vec![
            Node::new(tag::ISSUER, text(&certificate.issuer.text)),
            Node::new(tag::SERIAL_NUMBER, text(&certificate.serial_text())),
        ]),
    );
    attributes.set_if_absent(
        tag::CERTIFICATE_SUBJECT,
        old_dn(
            &certificate.subject,
            tag::CERTIFICATE_SUBJECT_DISTINGUISHED_NAME,
            tag::CERTIFICATE_SUBJECT_ALTERNATIVE_NAME,
        ),
    );
    attributes.set_if_absent(
        tag::CERTIFICATE_ISSUER,
        old_dn(
            &certificate.issuer,
            tag::CERTIFICATE_ISSUER_DISTINGUISHED_NAME,
            tag::CERTIFICATE_ISSUER_ALTERNATIVE_NAME,
        ),
    );
    if let Some(algorithm) = certificate
        .signature_algorithm
        .map(|algorithm| algorithm.number())
    {
        attributes.set_if_absent(
            tag::DIGITAL_SIGNATURE_ALGORITHM,
            Value::Enumeration(algorithm),
        );
    }
    if let Some(key) = &certificate.public_key {
        key_fields(key.algorithm(), key.bits(), attributes);
    }
    for (name, prefix) in [
        (&certificate.subject, "Certificate Subject "),
        (&certificate.issuer, "Certificate Issuer "),
    ] {
        flat_fields(name, prefix, attributes);
    }
}

/// The fields that 1.4 made attributes of their own (TC-CERTATTR-1-14, 2.1 §4.5): rows of the attribute
/// table, found by their names.
fn flat_fields(name: &Name, prefix: &str, attributes: &mut Attributes) {
    for part in NameAttribute::ALL {
        let Some(row) = crate::protocol::attribute::by_name(&format!("{prefix}{}", part.name()))
        else {
            continue;
        };
        for value in name.values(*part) {
            attributes.add(Attribute::standard(row.tag, text(value)));
        }
    }
}

fn dn(name: &Name, tag: Tag, alternative: Tag) -> Value<'static> {
    let mut fields = vec![Node::new(tag, bytes(&name.der))];
    fields.extend(
        name.alternatives
            .iter()
            .map(|name| Node::new(alternative, bytes(name))),
    );
    Value::Structure(fields)
}

fn old_dn(name: &Name, tag: Tag, alternative: Tag) -> Value<'static> {
    let mut fields = vec![Node::new(tag, text(&name.text))];
    fields.extend(
        name.alternative_texts
            .iter()
            .map(|name| Node::new(alternative, text(name))),
    );
    Value::Structure(fields)
}

/// The standard's number of an asymmetric algorithm.
pub fn key_algorithm(algorithm: Algorithm) -> Option<CryptographicAlgorithm> {
    Some(match algorithm {
        Algorithm::Rsa => CryptographicAlgorithm::RSA,
        Algorithm::Ec => CryptographicAlgorithm::EC,
        Algorithm::Dsa => CryptographicAlgorithm::DSA,
        Algorithm::Dh => CryptographicAlgorithm::DH,
        Algorithm::Named(named) => CryptographicAlgorithm(named.cryptographic_algorithm()),
        Algorithm::Other => return None,
    })
}

/// Type of the link from a private key to its public key and back.
pub const PAIR_LINKS: (LinkType, LinkType) =
    (LinkType::PUBLIC_KEY_LINK, LinkType::PRIVATE_KEY_LINK);

/// Since 2.0 there is a second Digest, in the format that every server can produce, where that is
/// not the registered one (2.1 §4.21, Table 81; TC-IMPEXP-4). Before 2.0 it is not shown.
pub fn second_digest(object: &Object, form: Form, bytes: &[u8], attributes: &mut Attributes) {
    let (Some(block), Some(material)) = (object.key_block(), key_material(form, bytes)) else {
        return;
    };
    let kind = match object {
        Object::PrivateKey(_) => {
            let key = conversion::private_key(block, attributes, &material);
            key.ok().map(|key| ObjectKind::PrivateKey(key.algorithm()))
        }
        Object::PublicKey(_) => {
            let key = conversion::public_key(block, attributes, &material);
            key.ok().map(|key| ObjectKind::PublicKey(key.algorithm()))
        }
        Object::SymmetricKey(_) => Some(ObjectKind::SymmetricKey),
        _ => None,
    };
    let Some(kind) = kind else {
        return;
    };
    let wanted = KeyFormatType(default_format(kind).number());
    if wanted == block.key_format_type {
        return;
    }
    let object_type = object.object_type();
    if let Ok(converted) = conversion::convert(object_type, block, attributes, &material, wanted) {
        let digest = creation::digest(converted.bytes(), Some(wanted));
        attributes.add(Attribute::standard(tag::DIGEST, digest));
    }
}
