//! Derive Key (1.4 §4.6, 2.1 §6.1.14): what is derived from what, and how the result is kept. How it is
//! derived stands in `method`.

mod apart;
mod asymmetric;
mod method;
mod pseudorandom;

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::creation::{self, Birth, Origin};
use crate::object::derivation::{self, DerivationError};
use crate::object::managed::{Form, Sealed};
use crate::object::{derivation_master, material, wrapping};
use crate::operation::Handler;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, DerivationMethod, KeyFormatType, LinkType, ObjectType, SecretDataType,
    State, UniqueIdentifier,
};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::{CryptographicParameters, KeyBlock};
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::object::{Object, SecretData, SymmetricKey};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::record::{Blob, Class};
use crate::structure;
use method::{Bases, MethodRow};

structure! {
    pub struct DeriveKeyRequest {
        object_type: ObjectType = OBJECT_TYPE;
        unique_identifier: Vec<Identifier> = UNIQUE_IDENTIFIER;
        derivation_method: DerivationMethod = DERIVATION_METHOD;
        derivation_parameters: DerivationParameters = DERIVATION_PARAMETERS;
        attributes: Attributes = ATTRIBUTES;
    }
    /// 2.1 §7.12, 1.4 §4.6. Derivation Data may be repeated since 2.1 (AWS Signature Version 4).
    pub struct DerivationParameters {
        cryptographic_parameters: Option<CryptographicParameters> = CRYPTOGRAPHIC_PARAMETERS;
        initialization_vector: Option<Bytes> = INITIALIZATION_VECTOR;
        derivation_data: Vec<Bytes> = DERIVATION_DATA;
        salt: Option<Bytes> = SALT;
        iteration_count: Option<i32> = ITERATION_COUNT;
    }
    pub struct DeriveKeyResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct DeriveKey;

/// What came of a derivation.
pub(super) enum Derived {
    Clear(Bytes),
    /// Derived and wrapped in the token: nobody has seen it.
    InToken(Blob),
}

impl From<DerivationError> for Fault {
    fn from(error: DerivationError) -> Self {
        let reason = match error {
            // 1.4 §11.7: the length exceeds the output of the method.
            DerivationError::TooLong { .. } | DerivationError::Library => {
                Reason::CryptographicFailure
            }
            DerivationError::Length
            | DerivationError::Iterations
            | DerivationError::Input
            | DerivationError::OneInput => Reason::InvalidField,
        };
        Fault::new(reason, error.to_string())
    }
}

/// Each base: derivable, of a type that the method takes, in a state that allows it.
async fn bases(
    context: &mut Context,
    request: &DeriveKeyRequest,
    row: &MethodRow,
) -> Result<Vec<Sealed>, Fault> {
    let given = request.unique_identifier.len();
    if !row.bases.count().contains(&given) {
        return Err(Fault::new(
            Reason::InvalidField,
            format!(
                "{given} bases are named; {} takes {}",
                row.method,
                row.bases.spoken()
            ),
        ));
    }
    let mut bases = Vec::with_capacity(given);
    for identifier in &request.unique_identifier {
        // 1.4 §4.6: the ID Placeholder is not used in place of a base; each is named.
        let base = context
            .object(Some(identifier), Permission::DeriveKey, Destroyed::Refused)
            .await?;
        derivable(context, &base, row.bases)?;
        bases.push(base);
    }
    Ok(bases)
}

fn derivable(context: &Context, base: &Sealed, kinds: Bases) -> Result<(), Fault> {
    if !kinds.types().contains(&base.object_type()) {
        return Err(Fault::new(
            Reason::InvalidObjectType,
            format!("this method derives nothing from a {}", base.object_type()),
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

/// What a request says of the object to be made.
struct Wanted {
    attributes: Attributes,
    skeleton: Object,
    /// In bytes.
    length: usize,
}

fn wanted(context: &Context, request: &DeriveKeyRequest) -> Result<Wanted, Fault> {
    let attributes = creation::admit(context.version, request.object_type, &request.attributes)?;
    let bits = creation::required(
        attributes.integer(tag::CRYPTOGRAPHIC_LENGTH),
        tag::CRYPTOGRAPHIC_LENGTH,
    )?;
    if bits <= 0 || bits % 8 != 0 {
        return Err(Fault::new(
            Reason::InvalidAttributeValue,
            format!("Cryptographic Length is {bits} bits; expected a multiple of 8"),
        ));
    }
    let length = derivation::output_len(bits)?;
    let algorithm = attributes
        .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
        .map(CryptographicAlgorithm);
    if request.object_type == ObjectType::SYMMETRIC_KEY {
        creation::required(algorithm, tag::CRYPTOGRAPHIC_ALGORITHM)?;
    }
    let skeleton = skeleton(request.object_type, algorithm, bits)?;
    Ok(Wanted {
        attributes,
        skeleton,
        length,
    })
}

impl Handler for DeriveKey {
    type Request = DeriveKeyRequest;
    type Response = DeriveKeyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        let Wanted {
            mut attributes,
            skeleton,
            length,
        } = wanted(context, request)?;
        let row = method::row(context.version, request.derivation_method)?;
        let bases = bases(context, request, row).await?;
        let object_type = skeleton.object_type();
        let class = creation::inherit(&context.caller, &bases, object_type, &mut attributes)?;
        wrapping::guard(context, &bases, &mut attributes).await?;
        let derived = match bases.iter().find(|base| derivation_master::is_master(base)) {
            Some(master) => from_master(context, request, master, bases.len(), length).await?,
            None => method::derive(context, request, &bases, length).await?,
        };
        // The bases' Derived Key Links follow from these (`object::derivation_links`): a base is not
        // written, however many keys are derived from it.
        for base in &bases {
            creation::link(
                &mut attributes,
                LinkType::DERIVATION_BASE_OBJECT_LINK.0,
                &base.unique_identifier,
            );
        }
        let unique_identifier = creation::new_identifier();
        let made = (skeleton, class);
        register(context, &unique_identifier, made, attributes, derived).await?;
        context.produce(UniqueIdentifier::DERIVE_KEY, &unique_identifier);
        Ok(DeriveKeyResponse { unique_identifier })
    }
}

/// From a derivation master: the one block, for the one input, that MAC gives too (DESIGN §4.4).
async fn from_master(
    context: &mut Context,
    request: &DeriveKeyRequest,
    master: &Sealed,
    bases: usize,
    length: usize,
) -> Result<Derived, Fault> {
    let given = &request.derivation_parameters;
    let only = request.derivation_method == DerivationMethod::NIST800_108_C
        && bases == 1
        && given.salt.is_none()
        && given.initialization_vector.is_none()
        && given.iteration_count.is_none();
    let [data] = given.derivation_data.as_slice() else {
        return Err(derivation_master::not_canonical(
            "there is no Derivation Data",
        ));
    };
    if !only {
        return Err(derivation_master::not_canonical(
            "a master derives by NIST800-108-C only, alone and with nothing but Derivation Data",
        ));
    }
    if let Some(asked) = &given.cryptographic_parameters {
        derivation_master::parameters(asked)?;
    }
    if length != derivation_master::LENGTH {
        return Err(derivation_master::not_canonical(
            "Cryptographic Length is not 256, which the input says",
        ));
    }
    // The counter is the method's to write.
    let input = Bytes::new([&derivation_master::COUNTER, data.as_slice()].concat());
    derivation_master::block(context, master, &input)
        .await
        .map(Derived::Clear)
}

async fn register(
    context: &mut Context,
    unique_identifier: &str,
    (skeleton, class): (Object, Class),
    attributes: Attributes,
    derived: Derived,
) -> Result<(), Fault> {
    let (hsm, keys) = (&context.engine.hsm, &context.caller.tenant.keys);
    let object_type = skeleton.object_type();
    let (class, blob, clear) = match (derived, class) {
        (Derived::InToken(blob), _) => (Class::Token, blob, None),
        (Derived::Clear(bytes), Class::Token) => {
            (class, hsm.wrap_derived(keys, &bytes).await?, None)
        }
        (Derived::Clear(bytes), Class::Served | Class::Cached) => {
            let binding = material::bound_to(
                &context.engine.deployment,
                context.tenant(),
                unique_identifier,
                object_type,
                class,
            );
            (class, hsm.seal(keys, &binding, &bytes).await?, Some(bytes))
        }
    };
    let birth = Birth {
        object_type,
        unique_identifier,
        class,
        format: Some(KeyFormatType::RAW),
        digestible: clear.as_ref().map(|bytes| bytes.as_slice()),
        origin: Origin::Derived,
    };
    let material = (Form::Bytes, Some(blob));
    let draft = creation::keep(context, &birth, skeleton, material, attributes);
    context.insert(draft).await
}
