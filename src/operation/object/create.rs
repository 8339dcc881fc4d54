//! Create (1.4 §4.1, 2.1 §6.1.8): a symmetric key, or secret data (TC-CREATE-SD), made in the token.

use ttlv::Value;

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{HsmError, KeyKind, SecretSpec};
use crate::object::creation::{self, Birth, Origin};
use crate::object::managed::{Draft, Form};
use crate::object::material;
use crate::operation::Handler;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, ObjectType, SecretDataType, UniqueIdentifier,
};
use crate::protocol::key_block::KeyBlock;
use crate::protocol::object::{Object, SecretData, SymmetricKey};
use crate::protocol::tag;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct CreateRequest {
        object_type: ObjectType = OBJECT_TYPE;
        attributes: Attributes = ATTRIBUTES;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct CreateResponse {
        object_type: ObjectType = OBJECT_TYPE;
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

/// Longest key that is made, in bits: HMAC keys may be longer than any cipher's.
const LONGEST: i32 = 4096;

#[derive(Debug)]
pub struct Create;

impl Handler for Create {
    type Request = CreateRequest;
    type Response = CreateResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        if !matches!(
            request.object_type,
            ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA
        ) {
            return Err(Fault::new(
                Reason::InvalidObjectType,
                format!(
                    "Create makes symmetric keys and secret data, not {}; use Register",
                    request.object_type
                ),
            ));
        }
        let mut attributes =
            creation::admit(context.version, request.object_type, &request.attributes)?;
        storable(context, request.protection_storage_masks.as_ref())?;
        let class = creation::class_asked(&attributes)?;
        let unique_identifier = creation::new_identifier();
        let draft = match request.object_type {
            ObjectType::SYMMETRIC_KEY => {
                symmetric(context, &unique_identifier, class, &mut attributes).await?
            }
            _ => secret(context, &unique_identifier, class, &mut attributes).await?,
        };
        context.insert(draft).await?;
        context.produce(UniqueIdentifier::CREATE, &unique_identifier);
        Ok(CreateResponse {
            object_type: request.object_type,
            unique_identifier,
        })
    }
}

/// Whether one of the permissible Protection Storage Masks is what this server offers (2.1 §6.1.8).
pub fn storable(context: &Context, masks: Option<&ProtectionStorageMasks>) -> Result<(), Fault> {
    let Some(masks) = masks.filter(|masks| !masks.protection_storage_mask.is_empty()) else {
        return Ok(());
    };
    let ours = context.engine.hsm.protection();
    if masks
        .protection_storage_mask
        .iter()
        .any(|mask| ours.contains(*mask))
    {
        return Ok(());
    }
    Err(Fault::new(
        Reason::ProtectionStorageUnavailable,
        format!(
            "none of the Protection Storage Masks asked for is offered; this server offers {ours}"
        ),
    ))
}

fn algorithm_and_length(attributes: &Attributes) -> Result<(CryptographicAlgorithm, i32), Fault> {
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

fn kind_of(algorithm: CryptographicAlgorithm) -> KeyKind {
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

/// Triple DES lengths are given with or without parity (168 and 192, 112 and 128).
fn bytes_of(algorithm: CryptographicAlgorithm, bits: i32) -> Result<usize, Fault> {
    let bits = match (algorithm, bits) {
        (CryptographicAlgorithm::DES3, 168) => 192,
        (CryptographicAlgorithm::DES3, 112) => 128,
        _ => bits,
    };
    let fits = match algorithm {
        CryptographicAlgorithm::AES => matches!(bits, 128 | 192 | 256),
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

fn not_made(error: HsmError) -> Fault {
    match error {
        HsmError::BadKey(what) => Fault::new(Reason::UnsupportedCryptographicParameters, what),
        other => other.into(),
    }
}

async fn symmetric(
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
    let spec = SecretSpec {
        kind: kind_of(algorithm),
        length: bytes_of(algorithm, length)?,
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

async fn secret(
    context: &mut Context,
    unique_identifier: &str,
    class: Class,
    attributes: &mut Attributes,
) -> Result<Draft, Fault> {
    // TC-CREATE-SD gives Cryptographic Algorithm and Length for what is to be a secret of that length.
    let length = attributes.integer(tag::CRYPTOGRAPHIC_LENGTH).unwrap_or(256);
    let spec = SecretSpec {
        kind: KeyKind::Generic,
        length: usize::try_from(length / 8).unwrap_or(0),
    };
    let skeleton = Object::SecretData(SecretData {
        secret_data_type: SecretDataType::PASSWORD,
        key_block: KeyBlock {
            key_format_type: KeyFormatType::RAW,
            key_compression_type: None,
            key_value: None,
            cryptographic_algorithm: attributes
                .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
                .map(CryptographicAlgorithm),
            // Secret data has no length of its own in its key block (TC-CREATE-SD).
            cryptographic_length: None,
            key_wrapping_data: None,
        },
    });
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
async fn born(
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
