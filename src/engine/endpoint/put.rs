//! Put (1.4 §5.2, 2.1 §6.2.3): a new object is given as if the client had asked for it with Get.

use super::super::access::Permission;
use super::super::context::{Context, Destroyed};
use super::super::error::Fault;
use super::message;
use super::queue::Item;
use super::subscription::Subscription;
use crate::object::{delivery, renewal};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    BlockCipherMode, LinkType, Operation, PutFunction, WrappingMethod,
};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::{
    CryptographicParameters, EncryptionKeyInformation, KeyWrappingSpecification,
};
use crate::protocol::object::AnyObject;
use crate::protocol::structure::Bytes;
use crate::store::record::Commit;
use crate::structure;

structure! {
    struct PutPayload {
        unique_identifier: String = UNIQUE_IDENTIFIER;
        put_function: PutFunction = PUT_FUNCTION;
        replaced_unique_identifier: Option<String> = REPLACED_UNIQUE_IDENTIFIER;
        object: AnyObject = OBJECTS;
        attributes: Attributes = ATTRIBUTES;
    }
}

/// AES key wrap (RFC 3394) of the Key Value under the subscription's key: "the key wrapping
/// specification SHALL be exchanged prior to the transfer via out-of-band mechanisms" (1.4 §5.2).
fn specification(key: &str) -> KeyWrappingSpecification {
    KeyWrappingSpecification {
        wrapping_method: WrappingMethod::ENCRYPT,
        encryption_key_information: Some(EncryptionKeyInformation {
            unique_identifier: Identifier::Text(key.to_owned()),
            cryptographic_parameters: Some(CryptographicParameters {
                block_cipher_mode: Some(BlockCipherMode::NIST_KEY_WRAP),
                ..CryptographicParameters::default()
            }),
        }),
        mac_signature_key_information: None,
        attribute_name: Vec::new(),
        encoding_option: None,
    }
}

/// The payload.
///
/// # Errors
/// As Get: among others Sensitive, where the object would leave in clear.
pub(super) async fn make(
    context: &mut Context,
    subscription: &Subscription,
    item: &Item,
) -> Result<Bytes, Fault> {
    let object = context
        .object_named(&item.identifier, Permission::Get, Destroyed::Refused)
        .await?;
    // Only what has a key block can be wrapped.
    let wrapping = subscription
        .wrap_with
        .as_deref()
        .filter(|_| object.skeleton.key_block().is_some() && object.blob.is_some())
        .map(specification);
    let wish = delivery::Wish {
        format: None,
        wrap_type: None,
        compression: None,
        wrapping: wrapping.as_ref(),
    };
    let whole = delivery::deliver(context, &object, &wish).await?;
    let replaced = renewal::linked(&object.attributes, LinkType::REPLACED_OBJECT_LINK);
    let payload = PutPayload {
        unique_identifier: object.unique_identifier.clone(),
        put_function: match replaced {
            Some(_) => PutFunction::REPLACE,
            None => PutFunction::NEW,
        },
        replaced_unique_identifier: replaced,
        object: AnyObject(Some(whole)),
        attributes: context.shown(&object).await?,
    };
    let payload = message::payload(Operation::PUT, context.version, &payload)?;
    // Fresh stays: it ends "as soon as the object has been served via the Get operation" (2.1 §4.24).
    let changes = context.take_changes();
    if !changes.is_empty() {
        let audit = Vec::new();
        let done = context.engine.commit(Commit { changes, audit }).await;
        context.committed(&done);
        done?;
    }
    Ok(payload)
}
