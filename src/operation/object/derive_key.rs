//! Derive Key (1.4 §4.6, 2.1 §6.1.14).

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::hsm::KeyKind;
use crate::object::creation::{self, Birth, Origin};
use crate::object::derivation::{self, DerivationError};
use crate::object::format::HashAlgorithm;
use crate::object::managed::{Form, Sealed};
use crate::object::{material, usage};
use crate::operation::Handler;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, KeyFormatType, LinkType,
    ObjectType, SecretDataType, State, UniqueIdentifier,
};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::{CryptographicParameters, KeyBlock};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::{Object, SecretData, SymmetricKey};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct DeriveKeyRequest {
        object_type: ObjectType = OBJECT_TYPE;
        unique_identifier: Vec<Identifier> = UNIQUE_IDENTIFIER;
        derivation_method: DerivationMethod = DERIVATION_METHOD;
        derivation_parameters: DerivationParameters = DERIVATION_PARAMETERS;
        attributes: Attributes = ATTRIBUTES;
    }
    /// 2.1 §7.11, 1.4 §2.1.11.
    pub struct DerivationParameters {
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
        initialization_vector: Option<Bytes> = INITIALIZATION_VECTOR;
        derivation_data: Option<Bytes> = DERIVATION_DATA;
        salt: Option<Bytes> = SALT;
        iteration_count: Option<i32> = ITERATION_COUNT;
    }
    pub struct DeriveKeyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct DeriveKey;

impl From<DerivationError> for Fault {
    fn from(error: DerivationError) -> Self {
        Fault::new(Reason::CryptographicFailure, error.to_string())
    }
}

/// The hash that the parameters ask for; SHA-256 unless they say otherwise, PBKDF2's SHA-1 (TC-DERIVEKEY-3).
fn hashing(request: &DeriveKeyRequest) -> Result<(HashingAlgorithm, HashAlgorithm), Fault> {
    let default = match request.derivation_method {
        DerivationMethod::PBKDF2 => HashingAlgorithm::SHA_1,
        _ => HashingAlgorithm::SHA_256,
    };
    let asked = request
        .derivation_parameters
        .cryptographic_parameters
        .as_ref();
    let number = asked
        .and_then(|asked| asked.hashing_algorithm)
        .unwrap_or(default);
    let algorithm = HashAlgorithm::from_number(number.0).ok_or_else(|| {
        Fault::new(
            Reason::UnsupportedCryptographicParameters,
            format!("derivation with {number} is not supported"),
        )
    })?;
    Ok((number, algorithm))
}

/// Each base: derivable, in a state that allows it.
async fn bases(context: &mut Context, request: &DeriveKeyRequest) -> Result<Vec<Sealed>, Fault> {
    if request.unique_identifier.is_empty() {
        return Err(Fault::new(
            Reason::InvalidField,
            "Derive Key names its base keys; the ID Placeholder is not used here",
        ));
    }
    let mut bases = Vec::with_capacity(request.unique_identifier.len());
    for identifier in &request.unique_identifier {
        let base = context
            .object(Some(identifier), Permission::DeriveKey, Destroyed::Refused)
            .await?;
        derivable(context, &base)?;
        bases.push(base);
    }
    Ok(bases)
}

fn derivable(context: &Context, base: &Sealed) -> Result<(), Fault> {
    if !matches!(
        base.object_type(),
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA
    ) {
        return Err(Fault::new(
            Reason::InvalidObjectType,
            format!("nothing is derived from a {}", base.object_type()),
        ));
    }
    let mask = base
        .attributes
        .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
        .unwrap_or(0);
    if !CryptographicUsageMask::from_integer(mask).contains(CryptographicUsageMask::DERIVE_KEY) {
        return Err(Fault::new(
            Reason::NotDerivable,
            "the base's Cryptographic Usage Mask does not have Derive Key",
        ));
    }
    // Before 2.0 the cases derive from bases that were never activated (TC-DERIVEKEY-*-1x).
    let state = base.state(context.now);
    let allowed =
        state == State::ACTIVE || (state == State::PRE_ACTIVE && context.version < Version::V2_0);
    if !allowed {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            format!("the base is {state}; expected an active one"),
        ));
    }
    Ok(())
}

/// The derivation data: the request's, or the bytes of a second base that is secret data (2.1 §6.1.14).
async fn data(
    context: &mut Context,
    request: &DeriveKeyRequest,
    bases: &[Sealed],
) -> Result<Option<Bytes>, Fault> {
    if let Some(data) = &request.derivation_parameters.derivation_data {
        return Ok(Some(data.clone()));
    }
    match bases.get(1) {
        Some(second) => usage::raw_bytes(context, second).await.map(Some),
        None => Ok(None),
    }
}

/// HMAC blocks in the token, one per input.
async fn blocks(
    context: &mut Context,
    base: &Sealed,
    number: HashingAlgorithm,
    inputs: &[Vec<u8>],
) -> Result<Vec<Bytes>, Fault> {
    let ready = usage::ready(context, base, KeyKind::Generic).await?;
    let using = ready.key(context, base)?;
    let mut blocks = Vec::with_capacity(inputs.len());
    for input in inputs {
        blocks.push(context.engine.hsm.hmac(&using, number.0, input).await?);
    }
    Ok(blocks)
}

async fn derive(
    context: &mut Context,
    request: &DeriveKeyRequest,
    bases: &[Sealed],
    length: usize,
) -> Result<Bytes, Fault> {
    let base = bases
        .first()
        .ok_or_else(|| Fault::new(Reason::InvalidField, "there is no base key"))?;
    let (number, algorithm) = hashing(request)?;
    let given = &request.derivation_parameters;
    match request.derivation_method {
        DerivationMethod::HMAC => {
            let data = data(context, request, bases).await?.unwrap_or_default();
            if let Some(salt) = &given.salt {
                // With a Salt, even an empty one, PyKMIP and its kin mean HKDF (RFC 5869).
                let key = usage::raw_bytes(context, base).await?;
                return Ok(derivation::hkdf(algorithm, &key, salt, &data, length)?);
            }
            let inputs = derivation::hmac_inputs(&data, length, algorithm.output_len())?;
            Ok(derivation::assemble(
                &blocks(context, base, number, &inputs).await?,
                length,
            )?)
        }
        DerivationMethod::NIST800_108_C => {
            let data = data(context, request, bases).await?.unwrap_or_default();
            let inputs = derivation::counter_inputs(&data, length, algorithm.output_len())?;
            Ok(derivation::assemble(
                &blocks(context, base, number, &inputs).await?,
                length,
            )?)
        }
        DerivationMethod::HASH => {
            let data = data(context, request, bases).await?;
            // 1.4 §4.6: the data is hashed, or, without any, the key itself.
            let key = match data {
                Some(_) => None,
                None => Some(usage::raw_bytes(context, base).await?),
            };
            Ok(derivation::hash_key(
                algorithm,
                key.as_ref().map(|key| key.as_slice()),
                data.as_ref().map(|data| data.as_slice()),
                length,
            )?)
        }
        DerivationMethod::PBKDF2 => {
            let salt = given
                .salt
                .clone()
                .ok_or_else(|| Fault::new(Reason::MissingData, "PBKDF2 needs a Salt"))?;
            let rounds = given.iteration_count.ok_or_else(|| {
                Fault::new(Reason::MissingData, "PBKDF2 needs an Iteration Count")
            })?;
            let password = usage::raw_bytes(context, base).await?;
            // Millions of rounds must not hold up other clients.
            let derived = tokio::task::spawn_blocking(move || {
                derivation::pbkdf2(algorithm, &password, &salt, rounds, length)
            })
            .await;
            match derived {
                Ok(derived) => Ok(derived?),
                Err(_) => Err(Fault::new(
                    Reason::Internal,
                    "the derivation did not finish",
                )),
            }
        }
        other => Err(Fault::new(
            Reason::FeatureNotSupported,
            format!("the derivation method {other} is not supported yet"),
        )),
    }
}

fn skeleton(
    object_type: ObjectType,
    algorithm: Option<CryptographicAlgorithm>,
    length: i32,
) -> Result<Object, Fault> {
    let key_block = KeyBlock {
        key_format_type: KeyFormatType::RAW,
        key_compression_type: None,
        key_value: None,
        cryptographic_algorithm: algorithm,
        cryptographic_length: Some(length),
        key_wrapping_data: None,
    };
    match object_type {
        ObjectType::SYMMETRIC_KEY => Ok(Object::SymmetricKey(SymmetricKey { key_block })),
        ObjectType::SECRET_DATA => Ok(Object::SecretData(SecretData {
            secret_data_type: SecretDataType::SEED,
            key_block,
        })),
        other => Err(Fault::new(
            Reason::InvalidObjectType,
            format!("Derive Key makes symmetric keys and secret data, not {other}"),
        )),
    }
}

impl Handler for DeriveKey {
    type Request = DeriveKeyRequest;
    type Response = DeriveKeyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        let mut attributes =
            creation::admit(context.version, request.object_type, &request.attributes)?;
        let length = creation::required(
            attributes.integer(tag::CRYPTOGRAPHIC_LENGTH),
            tag::CRYPTOGRAPHIC_LENGTH,
        )?;
        if length <= 0 || length % 8 != 0 {
            return Err(Fault::new(
                Reason::InvalidAttributeValue,
                format!("Cryptographic Length is {length} bits; expected a multiple of 8"),
            ));
        }
        let bytes = derivation::output_len(length)?;
        let algorithm = attributes
            .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
            .map(CryptographicAlgorithm);
        if request.object_type == ObjectType::SYMMETRIC_KEY {
            creation::required(algorithm, tag::CRYPTOGRAPHIC_ALGORITHM)?;
        }
        let skeleton = skeleton(request.object_type, algorithm, length)?;
        let bases = bases(context, request).await?;
        inherit(&bases, &mut attributes);
        let derived = derive(context, request, &bases, bytes).await?;
        let unique_identifier = creation::new_identifier();
        for base in &bases {
            creation::link(
                &mut attributes,
                LinkType::DERIVATION_BASE_OBJECT_LINK.0,
                &base.unique_identifier,
            );
            let mut changed = base.edit();
            creation::link(
                &mut changed.attributes,
                LinkType::DERIVED_KEY_LINK.0,
                &unique_identifier,
            );
            context.update(changed).await?;
        }
        register(context, &unique_identifier, skeleton, attributes, &derived).await?;
        context.produce(UniqueIdentifier::DERIVE_KEY, &unique_identifier);
        Ok(DeriveKeyResponse { unique_identifier })
    }
}

/// A derived object is no less protected than its strictest base (DESIGN §4.3).
fn inherit(bases: &[Sealed], attributes: &mut Attributes) {
    if bases
        .iter()
        .any(|base| base.attributes.boolean(tag::SENSITIVE) == Some(true))
    {
        attributes.set(tag::SENSITIVE, ttlv::Value::Boolean(true));
    }
    if bases
        .iter()
        .any(|base| base.attributes.boolean(tag::EXTRACTABLE) == Some(false))
    {
        attributes.set(tag::EXTRACTABLE, ttlv::Value::Boolean(false));
    }
}

async fn register(
    context: &mut Context,
    unique_identifier: &str,
    skeleton: Object,
    attributes: Attributes,
    derived: &Bytes,
) -> Result<(), Fault> {
    let (tenant, class) = (context.tenant(), Class::Served);
    let object_type = skeleton.object_type();
    let binding = material::bound_to(
        &context.engine.deployment,
        tenant,
        unique_identifier,
        object_type,
        class,
    );
    let blob = context
        .engine
        .hsm
        .seal(&context.caller.tenant.keys, &binding, derived)
        .await?;
    let birth = Birth {
        object_type,
        unique_identifier,
        class,
        format: Some(KeyFormatType::RAW),
        digestible: Some(derived),
        origin: Origin::Derived,
    };
    let material = (Form::Bytes, Some(blob));
    let draft = creation::keep(context, &birth, skeleton, material, attributes);
    context.insert(draft).await
}
