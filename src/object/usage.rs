//! Whether a key may be used, and how its material reaches the token.

use zeroize::Zeroizing;

use super::delivery;
use super::derivation_master;
use super::managed::{Form, Sealed};
use super::material;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::hsm::{KeyKind, UseKey};
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
            format!("the key is {state}; activate it before it is used"),
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

/// Cryptographic Algorithm of the key.
pub fn algorithm(key: &Sealed) -> Option<CryptographicAlgorithm> {
    key.attributes
        .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
        .map(CryptographicAlgorithm)
}

/// A key whose material is, or was made to be, what a token takes.
#[derive(Debug)]
pub struct Ready {
    binding: Zeroizing<Vec<u8>>,
    /// The bytes of a transparent or wrapped key, sealed anew for this use.
    blob: Option<Blob>,
    kind: KeyKind,
}

/// Makes a symmetric key or secret ready for the token.
pub async fn ready(context: &mut Context, key: &Sealed, kind: KeyKind) -> Result<Ready, Fault> {
    derivation_master::refuse(key)?;
    if !matches!(
        key.object_type(),
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA
    ) {
        return Err(Fault::new(
            Reason::InvalidObjectType,
            format!(
                "a {} cannot be used for this; expected a symmetric key",
                key.object_type()
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
    if raw {
        return Ok(Ready {
            binding,
            blob: None,
            kind,
        });
    }
    let bytes = raw_bytes(context, key).await?;
    let keys = &context.caller.tenant.keys;
    let blob = context.engine.hsm.seal(keys, &binding, &bytes).await?;
    Ok(Ready {
        binding,
        blob: Some(blob),
        kind,
    })
}

/// The key as plain bytes, unwrapped and out of its transparent structure.
pub async fn raw_bytes(context: &mut Context, key: &Sealed) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let wish = delivery::Wish {
        format: Some(KeyFormatType::RAW),
        wrap_type: Some(crate::protocol::enumeration::KeyWrapType::NOT_WRAPPED),
        compression: None,
        wrapping: None,
    };
    let whole = delivery::open(context, key, &wish).await?;
    match whole.key_block().and_then(|block| block.key_value.as_ref()) {
        Some(crate::protocol::key_block::KeyValue::Plain { material, .. }) => {
            Ok(material.bytes().clone())
        }
        _ => Err(Fault::new(
            Reason::KeyFormatTypeNotSupported,
            "the key cannot be brought into raw form",
        )),
    }
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
            blob,
            aad: &self.binding,
            keys: &context.caller.tenant.keys,
        })
    }
}
