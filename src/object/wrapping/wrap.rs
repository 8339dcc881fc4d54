//! Out: Key Value of an object that is about to leave.

use super::authenticate;
use super::door;
use super::encoding;
use super::method::{self, Over, Plan};
use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::managed::Sealed;
use crate::operation::crypto::parameters;
use crate::protocol::key_block::{
    CryptographicParameters, KeyValue, KeyWrappingData, KeyWrappingSpecification,
};
use crate::protocol::object::Object;
use crate::protocol::structure::Bytes;

/// Wraps the Key Value of an object. `sensitive`: its value may be seen under encryption only.
pub async fn wrap(
    context: &mut Context,
    object: &Sealed,
    whole: &mut Object,
    specification: &KeyWrappingSpecification,
    sensitive: bool,
) -> Result<(), Fault> {
    let plan = plan(specification)?;
    if sensitive && plan.encryption.is_none() {
        return Err(Fault::new(
            Reason::Sensitive,
            "the object is sensitive, and MAC/sign alone shows it; ask with a wrapping method that encrypts",
        ));
    }
    let encoding = encoding::option(specification.encoding_option);
    let attributes = encoding::named(object, &specification.attribute_name, context.now);
    let block = whole.key_block_mut().ok_or_else(|| {
        Fault::new(
            Reason::InvalidObjectType,
            "only objects with a key block can be wrapped",
        )
    })?;
    let value = block.key_value.as_ref().ok_or_else(|| {
        Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the object's meta-data",
        )
    })?;
    let clear = encoding::encode(value, encoding, attributes, context.version)?;
    let Under {
        wrapped,
        iv,
        parameters,
    } = encrypted(context, &plan, &clear, sensitive).await?;
    let mac = match plan.authentication {
        Some((information, Over::Clear)) => {
            Some(authenticate::make(context, information, &clear).await?)
        }
        Some((information, Over::Wrapped)) => {
            Some(authenticate::make(context, information, &wrapped).await?)
        }
        None => None,
    };
    let in_structure = encoding::stands_in_structure(context.version, object, encoding);
    if let Some(block) = whole.key_block_mut() {
        block.key_value = Some(match in_structure {
            true => KeyValue::bytes(wrapped),
            false => KeyValue::Wrapped(wrapped),
        });
        block.key_wrapping_data = Some(data(specification, parameters, mac, iv));
    }
    Ok(())
}

pub(super) fn plan(specification: &KeyWrappingSpecification) -> Result<Plan<'_>, Fault> {
    Plan::new(
        specification.wrapping_method,
        specification.encryption_key_information.as_ref(),
        specification.mac_signature_key_information.as_ref(),
    )
}

/// Key Wrapping Data that says how a specification was followed. `parameters`: what was done where the
/// specification does not say.
pub(super) fn data(
    specification: &KeyWrappingSpecification,
    parameters: Option<CryptographicParameters>,
    mac: Option<Bytes>,
    iv: Option<Bytes>,
) -> KeyWrappingData {
    let mut information = specification.encryption_key_information.clone();
    if let Some(information) = &mut information
        && information.cryptographic_parameters.is_none()
    {
        information.cryptographic_parameters = parameters;
    }
    KeyWrappingData {
        wrapping_method: specification.wrapping_method,
        encryption_key_information: information,
        mac_signature_key_information: specification.mac_signature_key_information.clone(),
        mac_signature: mac,
        iv_counter_nonce: iv,
        encoding_option: specification.encoding_option,
    }
}

/// What came of an encryption key.
struct Under {
    wrapped: Bytes,
    /// The initialisation vector.
    iv: Option<Bytes>,
    parameters: Option<CryptographicParameters>,
}

/// The bytes under the plan's encryption key; as they are where it has none.
async fn encrypted(
    context: &mut Context,
    plan: &Plan<'_>,
    clear: &Bytes,
    sensitive: bool,
) -> Result<Under, Fault> {
    let Some(information) = plan.encryption else {
        return Ok(Under {
            wrapped: clear.clone(),
            iv: None,
            parameters: None,
        });
    };
    let (key, asked) = door::encryption_key(context, information, Permission::WrapWith).await?;
    door::approved(context, sensitive, &key)?;
    // 1.4 §3.21, 2.1 §4.59: what a key may protect is counted, wrapping included.
    parameters::charge(context, &key, clear.len()).await?;
    let bound = plan.over(Over::Wrapped).is_some();
    let (wrapped, iv) = method::protect(context, &key, &asked, clear, bound).await?;
    Ok(Under {
        wrapped,
        iv,
        parameters: method::said(&key, &asked)?,
    })
}
