//! Create Split Key (1.4 §4.38, 2.1 §6.1.10): a key, given or new, in parts that are objects.

use ttlv::Value;

use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::hsm::SecretSpec;
use crate::object::creation::{self, Birth, Origin};
use crate::object::generation::{algorithm_and_length, bytes_of_new, kind_of, not_made};
use crate::object::managed::{Form, Sealed};
use crate::object::split::{self, Asked, Scheme};
use crate::object::{delivery, material, wrapping};
use crate::operation::Handler;
use crate::operation::object::create::storable;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, KeyWrapType, LinkType, ObjectType, SplitKeyMethod,
    UniqueIdentifier,
};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::{KeyBlock, KeyValue};
use crate::protocol::object::{Object, SplitKey};
use crate::protocol::structure::{BigInteger, Bytes};
use crate::protocol::tag;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct CreateSplitKeyRequest {
        object_type: ObjectType = OBJECT_TYPE;
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        split_key_parts: i32 = SPLIT_KEY_PARTS;
        split_key_threshold: i32 = SPLIT_KEY_THRESHOLD;
        split_key_method: SplitKeyMethod = SPLIT_KEY_METHOD;
        prime_field_size: Option<BigInteger> = PRIME_FIELD_SIZE;
        attributes: Option<Attributes> = ATTRIBUTES;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct CreateSplitKeyResponse {
        unique_identifier: Vec<String> = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct CreateSplitKey;

/// The most bytes that the token's generator gives in one call.
const DRAW: usize = 1 << 16;

/// What is split, and what its parts say of it.
struct Whole {
    base: Option<Sealed>,
    secret: Bytes,
    algorithm: Option<CryptographicAlgorithm>,
    /// In bits.
    length: i32,
}

impl Handler for CreateSplitKey {
    type Request = CreateSplitKeyRequest;
    type Response = CreateSplitKeyResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        if request.object_type != ObjectType::SPLIT_KEY {
            return Err(Fault::new(
                Reason::InvalidObjectType,
                format!(
                    "Create Split Key makes objects of type SplitKey, not {}",
                    request.object_type
                ),
            ));
        }
        storable(context, request.protection_storage_masks.as_ref())?;
        let asked_for = request.attributes.clone().unwrap_or_default();
        let mut attributes = creation::admit(context.version, request.object_type, &asked_for)?;
        admissible(context, &attributes)?;
        let whole = match &request.unique_identifier {
            Some(identifier) => given(context, identifier, &mut attributes).await?,
            None => new(context, &attributes).await?,
        };
        let (scheme, shares) = divide(context, request, &whole.secret).await?;
        let unique_identifiers =
            register(context, request, &whole, &scheme, &shares, &attributes).await?;
        if let Some(base) = &whole.base {
            let mut changed = base.edit();
            for part in &unique_identifiers {
                creation::link(&mut changed.attributes, LinkType::CHILD_LINK.0, part);
            }
            context.update(changed).await?;
        }
        // "the split whose Key Part Identifier is 1"
        if let Some(first) = unique_identifiers.first() {
            context.produce(UniqueIdentifier::CREATE_SPLIT_KEY, first);
        }
        Ok(CreateSplitKeyResponse {
            unique_identifier: unique_identifiers,
        })
    }
}

/// What parts cannot have: class *token*, since their arithmetic is the server's, and one Name
/// for several objects (1.4 §3.2).
fn admissible(context: &Context, attributes: &Attributes) -> Result<(), Fault> {
    if creation::class_asked(attributes)? == Class::Token {
        return Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            "parts of keys are of class served: the token does not split keys",
        ));
    }
    if attributes.has(tag::NAME) && !context.caller.tenant.settings.duplicate_names {
        return Err(Fault::new(
            Reason::NonUniqueNameAttribute,
            "a Name cannot be that of all parts; give each its own afterwards",
        ));
    }
    Ok(())
}

/// An existing key; its attributes take precedence over the request's.
async fn given(
    context: &mut Context,
    identifier: &Identifier,
    attributes: &mut Attributes,
) -> Result<Whole, Fault> {
    let base = context
        .object(
            Some(identifier),
            Permission::CreateSplitKey,
            Destroyed::Refused,
        )
        .await?;
    let format = match base.object_type() {
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA => KeyFormatType::RAW,
        // One form for all algorithms, which says which one it is: Join Split Key reads it.
        ObjectType::PRIVATE_KEY => KeyFormatType::PKCS_8,
        other => {
            return Err(Fault::new(
                Reason::InvalidObjectType,
                format!("a {other} is no secret to be split"),
            ));
        }
    };
    if base.class == Class::Token {
        return Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            "the key is of class token and never in clear outside it, so that it cannot be split",
        ));
    }
    let secret = clear(context, &base, format).await?;
    for tag in [
        tag::CRYPTOGRAPHIC_ALGORITHM,
        tag::CRYPTOGRAPHIC_LENGTH,
        tag::CRYPTOGRAPHIC_USAGE_MASK,
    ] {
        if let Some(value) = base.attributes.get(tag) {
            attributes.set(tag, value.clone());
        }
    }
    let bases = std::slice::from_ref(&base);
    creation::inherit(&context.caller, bases, ObjectType::SPLIT_KEY, attributes)?;
    wrapping::guard(context, bases, attributes).await?;
    creation::link(attributes, LinkType::PARENT_LINK.0, &base.unique_identifier);
    let bits = i32::try_from(8 * secret.len()).unwrap_or(i32::MAX);
    Ok(Whole {
        algorithm: attributes
            .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
            .map(CryptographicAlgorithm),
        length: attributes
            .integer(tag::CRYPTOGRAPHIC_LENGTH)
            .unwrap_or(bits),
        secret,
        base: Some(base),
    })
}

/// The bytes of a key in a format, out of whatever it was registered in.
async fn clear(
    context: &mut Context,
    base: &Sealed,
    format: KeyFormatType,
) -> Result<Bytes, Fault> {
    let wish = delivery::Wish {
        format: Some(format),
        wrap_type: Some(KeyWrapType::NOT_WRAPPED),
        compression: None,
        wrapping: None,
    };
    let whole = delivery::open(context, base, &wish).await?;
    match whole.key_block().and_then(|block| block.key_value.as_ref()) {
        Some(KeyValue::Plain { material, .. }) => Ok(material.bytes().clone()),
        _ => Err(Fault::new(
            Reason::KeyFormatTypeNotSupported,
            "the key cannot be brought into a form that can be split",
        )),
    }
}

/// A new symmetric key, which exists in its parts only.
async fn new(context: &mut Context, attributes: &Attributes) -> Result<Whole, Fault> {
    let (algorithm, length) = algorithm_and_length(attributes)?;
    let asymmetric = [
        CryptographicAlgorithm::RSA,
        CryptographicAlgorithm::DSA,
        CryptographicAlgorithm::DH,
        CryptographicAlgorithm::EC,
        CryptographicAlgorithm::ECDSA,
        CryptographicAlgorithm::ECDH,
        CryptographicAlgorithm::ECMQV,
    ];
    if asymmetric.contains(&algorithm) {
        return Err(Fault::new(
            Reason::BadCryptographicParameters,
            format!(
                "new split keys are symmetric; make a key pair of {algorithm} first and split its private key"
            ),
        ));
    }
    let spec = SecretSpec {
        kind: kind_of(algorithm),
        length: bytes_of_new(algorithm, length)?,
    };
    let keys = &context.caller.tenant.keys;
    let hsm = &context.engine.hsm;
    // Sealed for this moment only: the generator's keys come so.
    let blob = hsm
        .generate(keys, spec, Class::Served, &[])
        .await
        .map_err(not_made)?;
    Ok(Whole {
        base: None,
        secret: hsm.open_sealed(keys, &[], &blob).await?,
        algorithm: Some(algorithm),
        length,
    })
}

async fn random(context: &Context, length: usize) -> Result<Bytes, Fault> {
    let mut random = Bytes::new(Vec::with_capacity(length));
    while random.len() < length {
        let draw = DRAW.min(length - random.len());
        random.extend_from_slice(&context.engine.hsm.random(draw).await?);
    }
    Ok(random)
}

async fn divide(
    context: &Context,
    request: &CreateSplitKeyRequest,
    secret: &Bytes,
) -> Result<(Scheme, Vec<Bytes>), Fault> {
    let method = request.split_key_method;
    let (parts, threshold) = (request.split_key_parts, request.split_key_threshold);
    let prime = request.prime_field_size.clone();
    let polynomial = split::polynomial(method, context.version);
    let length = secret.len();
    // Primes are looked at, and polynomials of many parts computed, off the threads that serve.
    let scheme = blocking(move || {
        Asked {
            method,
            parts,
            threshold,
            prime: prime.as_ref(),
            polynomial,
        }
        .scheme(length)
    })
    .await??;
    let random = random(context, scheme.randomness(length)).await?;
    let secret = secret.clone();
    let (scheme, shares) = blocking(move || {
        let shares = scheme.split(&secret, &random);
        (scheme, shares)
    })
    .await?;
    Ok((scheme, shares?))
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Fault::new(Reason::Internal, "the computation did not finish"))
}

async fn register(
    context: &mut Context,
    request: &CreateSplitKeyRequest,
    whole: &Whole,
    scheme: &Scheme,
    shares: &[Bytes],
    attributes: &Attributes,
) -> Result<Vec<String>, Fault> {
    let split = creation::new_identifier();
    let polynomial = split::polynomial(request.split_key_method, context.version);
    let mut unique_identifiers = Vec::with_capacity(shares.len());
    for (number, share) in (1..).zip(shares) {
        let mut attributes = attributes.clone();
        split::origin::mark(&mut attributes, &split, polynomial);
        attributes.set_if_absent(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(whole.length));
        let part = Object::SplitKey(SplitKey {
            split_key_parts: request.split_key_parts,
            key_part_identifier: number,
            split_key_threshold: request.split_key_threshold,
            split_key_method: request.split_key_method,
            prime_field_size: scheme.prime_field_size(),
            key_block: KeyBlock {
                key_format_type: KeyFormatType::RAW,
                key_compression_type: None,
                key_value: None,
                cryptographic_algorithm: whole.algorithm,
                cryptographic_length: Some(whole.length),
                key_wrapping_data: None,
            },
        });
        let unique_identifier = creation::new_identifier();
        let bases = whole.base.as_slice();
        keep(context, &unique_identifier, part, share, attributes, bases).await?;
        unique_identifiers.push(unique_identifier);
    }
    Ok(unique_identifiers)
}

/// Seals a part, or what parts were joined to, and writes its row. Without `bases` it is new.
pub(super) async fn keep(
    context: &mut Context,
    unique_identifier: &str,
    skeleton: Object,
    bytes: &Bytes,
    attributes: Attributes,
    bases: &[Sealed],
) -> Result<(), Fault> {
    let object_type = skeleton.object_type();
    let class = Class::Served;
    let binding = material::bound_to(
        &context.engine.deployment,
        context.tenant(),
        unique_identifier,
        object_type,
        class,
    );
    let keys = &context.caller.tenant.keys;
    let blob = context.engine.hsm.seal(keys, &binding, bytes).await?;
    let birth = Birth {
        object_type,
        unique_identifier,
        class,
        format: skeleton.key_block().map(|block| block.key_format_type),
        digestible: Some(bytes),
        origin: match bases {
            [] => Origin::Generated,
            _ => Origin::Derived,
        },
    };
    let material = (Form::Bytes, Some(blob));
    let mut draft = creation::keep(context, &birth, skeleton, material, attributes);
    // It was never less protected only if that holds of what it is made of (2.1 §4.3, §4.33).
    for tag in [tag::ALWAYS_SENSITIVE, tag::NEVER_EXTRACTABLE] {
        if bases
            .iter()
            .any(|base| base.attributes.boolean(tag) != Some(true))
        {
            draft.attributes.set(tag, Value::Boolean(false));
        }
    }
    context.insert(draft).await
}
