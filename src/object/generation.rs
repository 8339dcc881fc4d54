//! New symmetric material: what Create makes, and Re-key makes again.

use ttlv::Value;

use super::creation::{self, Birth, Origin};
use super::managed::{Draft, Form};
use super::material;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{HsmError, KeyKind, SecretSpec};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CryptographicAlgorithm, KeyFormatType, ObjectType};
use crate::protocol::key_block::KeyBlock;
use crate::protocol::object::{Object, SymmetricKey};
use crate::protocol::tag;
use crate::store::record::Class;

/// Longest key that is made, in bits: HMAC keys may be longer than any cipher's.
const LONGEST: i32 = 4096;

/// What a symmetric key to be made must have (1.4 §4.1), the length in bits.
pub fn algorithm_and_length(
    attributes: &Attributes,
) -> Result<(CryptographicAlgorithm, i32), Fault> {
    let algorithm = creation::required(
        attributes
            .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
            .map(CryptographicAlgorithm),
        tag::CRYPTOGRAPHIC_ALGORITHM,
    )?;
    let length = creation::required(
        attributes.integer(tag::CRYPTOGRAPHIC_LENGTH),
        tag::CRYPTOGRAPHIC_LENGTH,
    )?;
    if !(1..=LONGEST).contains(&length) || length % 8 != 0 {
        return Err(Fault::new(
            Reason::InvalidAttributeValue,
            format!(
                "Cryptographic Length is {length} bits; expected a multiple of 8 from 8 to {LONGEST}"
            ),
        ));
    }
    Ok((algorithm, length))
}

/// What the token makes of a symmetric key of this algorithm, when it is made and when it is used.
pub fn kind_of(algorithm: CryptographicAlgorithm) -> KeyKind {
    match algorithm {
        CryptographicAlgorithm::AES => KeyKind::Aes,
        CryptographicAlgorithm::DES3 => KeyKind::TripleDes,
        CryptographicAlgorithm::CHACHA20 | CryptographicAlgorithm::CHACHA20POLY1305 => {
            KeyKind::ChaCha20
        }
        // HMAC keys, stream ciphers and whatever a client names: bytes of the generator.
        _ => KeyKind::Generic,
    }
}

/// Bytes of a key of so many bits. Triple DES lengths are given with or without parity (168 and 192,
/// 112 and 128).
pub fn bytes_of(algorithm: CryptographicAlgorithm, bits: i32) -> Result<usize, Fault> {
    let bits = match (algorithm, bits) {
        (CryptographicAlgorithm::DES3, 168) => 192,
        (CryptographicAlgorithm::DES3, 112) => 128,
        _ => bits,
    };
    let fits = match algorithm {
        // 512 bits are the two keys of XTS (IEEE 1619).
        CryptographicAlgorithm::AES => matches!(bits, 128 | 192 | 256 | 512),
        CryptographicAlgorithm::DES3 => matches!(bits, 128 | 192),
        _ => true,
    };
    match usize::try_from(bits / 8) {
        Ok(bytes) if fits => Ok(bytes),
        _ => Err(Fault::new(
            Reason::InvalidAttributeValue,
            format!("no key of {algorithm} with {bits} bits can be made"),
        )),
    }
}

/// Bytes of a new key.
pub fn bytes_of_new(algorithm: CryptographicAlgorithm, bits: i32) -> Result<usize, Fault> {
    if algorithm == CryptographicAlgorithm::DES {
        // No mechanism here computes with it; what somebody still has can be registered.
        return Err(Fault::new(
            Reason::InvalidAttributeValue,
            "no key of DES is made: its 56 bits are searched through in a day; take AES, or register the key that there is",
        ));
    }
    bytes_of(algorithm, bits)
}

/// A key that the token does not make is the request's fault.
pub fn not_made(error: HsmError) -> Fault {
    match error {
        HsmError::BadKey(what) | HsmError::Refused(what) => {
            Fault::new(Reason::UnsupportedCryptographicParameters, what)
        }
        other => other.into(),
    }
}

/// A symmetric key with the algorithm and the length that its attributes name.
pub async fn symmetric(
    context: &mut Context,
    unique_identifier: &str,
    class: Class,
    attributes: &mut Attributes,
) -> Result<Draft, Fault> {
    let (algorithm, length) = algorithm_and_length(attributes)?;
    let quantum_safe = attributes.boolean(tag::QUANTUM_SAFE) == Some(true);
    if quantum_safe && length < 256 {
        return Err(Fault::new(
            Reason::NotQuantumSafe,
            format!("a key of {length} bits is not quantum safe; expected 256 or more"),
        ));
    }
    let skeleton = Object::SymmetricKey(SymmetricKey {
        key_block: KeyBlock {
            key_format_type: KeyFormatType::RAW,
            key_compression_type: None,
            key_value: None,
            cryptographic_algorithm: Some(algorithm),
            cryptographic_length: Some(length),
            key_wrapping_data: None,
        },
    });
    let bytes = bytes_of_new(algorithm, length)?;
    let spec = SecretSpec {
        // No token makes a key of two, so that one is bytes of the generator, never of class token.
        kind: match (kind_of(algorithm), bytes, class) {
            (KeyKind::Aes, 64, Class::Served | Class::Cached) => KeyKind::Generic,
            (kind, ..) => kind,
        },
        length: bytes,
    };
    born(
        context,
        unique_identifier,
        class,
        skeleton,
        spec,
        attributes,
    )
    .await
}

/// Has the token make the key: wrapped there (class *token*), or from its generator and sealed.
pub async fn born(
    context: &mut Context,
    unique_identifier: &str,
    class: Class,
    skeleton: Object,
    spec: SecretSpec,
    attributes: &mut Attributes,
) -> Result<Draft, Fault> {
    let object_type = skeleton.object_type();
    let tenant = context.tenant();
    let keys = &context.caller.tenant.keys;
    let hsm = &context.engine.hsm;
    let binding = material::bound_to(
        &context.engine.deployment,
        tenant,
        unique_identifier,
        object_type,
        class,
    );
    let blob = hsm
        .generate(keys, spec, class, &binding)
        .await
        .map_err(not_made)?;
    let digestible = match class {
        Class::Token => None,
        // For the Digest that the object always has (1.4 §3.17).
        Class::Served | Class::Cached => Some(hsm.open_sealed(keys, &binding, &blob).await?),
    };
    let birth = Birth {
        object_type,
        unique_identifier,
        class,
        format: Some(KeyFormatType::RAW),
        digestible: digestible.as_ref().map(|bytes| bytes.as_slice()),
        origin: Origin::Generated,
    };
    if object_type == ObjectType::SYMMETRIC_KEY {
        attributes.set_if_absent(tag::QUANTUM_SAFE, Value::Boolean(spec.length >= 32));
    }
    let material = (Form::Bytes, Some(blob));
    Ok(creation::keep(
        context,
        &birth,
        skeleton,
        material,
        std::mem::take(attributes),
    ))
}
