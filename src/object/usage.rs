//! Whether a key may be used, and how its material reaches the token.

use zeroize::Zeroizing;

use super::conversion;
use super::derivation_master;
use super::format::Named;
use super::managed::{Form, Sealed};
use super::material;
use super::pair_algorithm;
use super::service::place::{self, Clear};
use super::state::{self, Transition};
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::hsm::{Encoding, KeyKind, PairSpec, UseKey};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CryptographicAlgorithm, KeyFormatType, ObjectType, State};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::CryptographicParameters;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::structure::Structure;
use crate::protocol::tag;
use crate::store::record::Blob;

/// To protect new data, or to process data that is protected (2.1 §4.36, §4.40, 1.4 §3.25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Protect,
    Process,
}

/// Whether mask, state and dates allow the use.
pub fn allowed(
    context: &Context,
    key: &Sealed,
    mask: CryptographicUsageMask,
    purpose: Purpose,
) -> Result<(), Fault> {
    let has = key
        .attributes
        .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
        .unwrap_or(0);
    if !CryptographicUsageMask::from(has.cast_unsigned()).intersects(mask) {
        return Err(Fault::new(
            Reason::IncompatibleCryptographicUsageMask,
            format!("the key's Cryptographic Usage Mask does not have {mask}"),
        ));
    }
    let state = key.state(context.now);
    let states: &[State] = match purpose {
        Purpose::Protect => &[State::ACTIVE],
        // 1.4 §3.22: a deactivated or compromised key still opens what it protected.
        Purpose::Process => &[State::ACTIVE, State::DEACTIVATED, State::COMPROMISED],
    };
    if !states.contains(&state) {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            format!("the key is {state}; {}", advice(state)),
        ));
    }
    let date = |tag| key.attributes.date(tag);
    let closed = match purpose {
        Purpose::Protect => date(tag::PROTECT_STOP_DATE).is_some_and(|stop| stop <= context.now),
        Purpose::Process => date(tag::PROCESS_START_DATE).is_some_and(|start| start > context.now),
    };
    if closed {
        return Err(Fault::new(
            Reason::WrongKeyLifecycleState,
            "the key's Process Start Date has not come or its Protect Stop Date has passed",
        ));
    }
    Ok(())
}

/// What the client can do about a key that is in the wrong state.
fn advice(state: State) -> &'static str {
    match state::next(Transition::Activate, state) {
        Some(_) => "activate it before it is used",
        None => "it protects nothing new any more; use another key",
    }
}

/// The door to a key for a cryptographic operation: there, permitted, and in a state for it; with
/// the parameters that count.
pub async fn key(
    context: &mut Context,
    identifier: Option<&Identifier>,
    permission: Permission,
    (mask, purpose): (CryptographicUsageMask, Purpose),
    given: Option<&CryptographicParameters>,
) -> Result<(Sealed, CryptographicParameters), Fault> {
    let key = context
        .object(identifier, permission, Destroyed::Refused)
        .await?;
    allowed(context, &key, mask, purpose)?;
    let asked = parameters(&key, given)?;
    Ok((key, asked))
}

/// The Cryptographic Parameters of a request; without them the key's first ones (1.4 §4.29, 2.1 §6.1.17).
pub fn parameters(
    key: &Sealed,
    given: Option<&CryptographicParameters>,
) -> Result<CryptographicParameters, Fault> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    match key.attributes.get(tag::CRYPTOGRAPHIC_PARAMETERS) {
        Some(ttlv::Value::Structure(items)) => Ok(CryptographicParameters::from_items(items)?),
        _ => Ok(CryptographicParameters::default()),
    }
}

/// Cryptographic Algorithm of the key; one that is an extension under its own number.
pub fn algorithm(key: &Sealed) -> Option<CryptographicAlgorithm> {
    algorithm_of(&key.attributes)
}

fn algorithm_of(attributes: &Attributes) -> Option<CryptographicAlgorithm> {
    attributes
        .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
        .map(|number| pair_algorithm::current(CryptographicAlgorithm(number)))
}

/// A key whose material is, or was made to be, what a token takes.
#[derive(Debug)]
pub struct Ready {
    binding: Zeroizing<Vec<u8>>,
    /// The bytes of a transparent or wrapped key, sealed anew for this use.
    blob: Option<Blob>,
    kind: KeyKind,
    encoding: Encoding,
}

/// What the token makes of a private key; None where it has nothing for the algorithm.
pub fn private_kind(key: &Sealed) -> Option<KeyKind> {
    private_kind_of(&key.attributes)
}

/// The same of a key that has no row yet.
pub fn private_kind_of(attributes: &Attributes) -> Option<KeyKind> {
    let algorithm = algorithm_of(attributes)?;
    let curve = conversion::recommended_curve(attributes);
    if let Some(named) = Named::from_kmip(algorithm.0, curve) {
        return PairSpec::Named(named).kind();
    }
    match algorithm {
        CryptographicAlgorithm::RSA => Some(KeyKind::RsaPrivate),
        CryptographicAlgorithm::EC
        | CryptographicAlgorithm::ECDSA
        | CryptographicAlgorithm::ECDH => Some(KeyKind::EcPrivate),
        _ => None,
    }
}

/// How a private key's bytes are written; the token takes PKCS#8, and gets it when it loads the key.
fn encoding(key: &Sealed) -> Option<Encoding> {
    match key.skeleton.key_block()?.key_format_type {
        KeyFormatType::PKCS_8 => Some(Encoding::Direct),
        KeyFormatType::PKCS_1 => Some(Encoding::Pkcs1),
        KeyFormatType::EC_PRIVATE_KEY => Some(Encoding::Sec1),
        _ => None,
    }
}

/// Makes a key ready for the token.
pub async fn ready(context: &mut Context, key: &Sealed, kind: KeyKind) -> Result<Ready, Fault> {
    derivation_master::refuse(key)?;
    let private = key.object_type() == ObjectType::PRIVATE_KEY;
    let symmetric = matches!(
        key.object_type(),
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA
    );
    if !(private && !kind.is_secret() || symmetric && kind.is_secret()) {
        return Err(Fault::new(
            Reason::InvalidObjectType,
            format!(
                "a {} cannot be used for this; expected a {}",
                key.object_type(),
                if kind.is_secret() {
                    "symmetric key"
                } else {
                    "private key"
                }
            ),
        ));
    }
    let binding = material::binding(&context.engine.deployment, key);
    let block = key.skeleton.key_block();
    let raw =
        key.form == Form::Bytes && block.is_some_and(|block| block.key_wrapping_data.is_none());
    if key.blob.is_none() {
        return Err(Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the key's meta-data",
        ));
    }
    let own = match private {
        true => encoding(key),
        false => Some(Encoding::Direct),
    };
    if let Some(encoding) = own
        && raw
    {
        return Ok(Ready {
            binding,
            blob: None,
            kind,
            encoding,
        });
    }
    let format = match private {
        true => KeyFormatType::PKCS_8,
        false => KeyFormatType::RAW,
    };
    let bytes = place::material(context, key, format).await?;
    let keys = &context.caller.tenant.keys;
    let blob = context.engine.hsm.seal(keys, &binding, &bytes).await?;
    Ok(Ready {
        binding,
        blob: Some(blob),
        kind,
        encoding: Encoding::Direct,
    })
}

/// The key as plain bytes, unwrapped and out of its transparent structure.
pub async fn raw_bytes(context: &mut Context, key: &Sealed) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let bytes = place::material(context, key, KeyFormatType::RAW).await?;
    Ok(match bytes {
        Clear::Once(bytes) => bytes,
        Clear::Kept(bytes) => Zeroizing::new(bytes.to_vec()),
    })
}

impl Ready {
    /// The key as the token room wants it.
    pub fn key<'a>(&'a self, context: &'a Context, key: &'a Sealed) -> Result<UseKey<'a>, Fault> {
        let blob = self.blob.as_ref().or(key.blob.as_ref()).ok_or_else(|| {
            Fault::new(
                Reason::KeyValueNotPresent,
                "this server has only the key's meta-data",
            )
        })?;
        Ok(UseKey {
            tenant: key.tenant,
            unique_identifier: &key.unique_identifier,
            version: key.version(),
            kind: self.kind,
            encoding: self.encoding,
            blob,
            aad: &self.binding,
            keys: &context.caller.tenant.keys,
        })
    }
}
