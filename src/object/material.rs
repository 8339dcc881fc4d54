//! Material of an object: out of the message into the seal, and back.

use zeroize::Zeroizing;

use super::managed::{Form, Managed};
use crate::protocol::enumeration::ObjectType;
use crate::protocol::key_block::{KeyMaterial, KeyValue};
use crate::protocol::object::Object;
use crate::protocol::structure::Bytes;
use crate::store::record::{Class, TenantId};

/// Takes the material out of an object; what is left is its skeleton. None for an object without
/// key value.
pub fn take(object: &mut Object) -> Option<(Form, Bytes)> {
    if let Some(value) = object.value_mut() {
        return Some((Form::Bytes, std::mem::take(value)));
    }
    Some(match object.key_block_mut()?.key_value.take()? {
        KeyValue::Wrapped(bytes) => (Form::Wrapped, bytes),
        KeyValue::Plain {
            material: KeyMaterial::Bytes(bytes),
            ..
        } => (Form::Bytes, bytes),
        KeyValue::Plain {
            material: KeyMaterial::Transparent(bytes),
            ..
        } => (Form::Transparent, bytes),
    })
}

/// Puts material back into a copy of the skeleton.
pub fn restore(object: &Managed, bytes: Bytes) -> Object {
    let mut whole = object.skeleton.clone();
    if let Some(value) = whole.value_mut() {
        *value = bytes;
        return whole;
    }
    if let Some(block) = whole.key_block_mut() {
        block.key_value = Some(match object.form {
            Form::Wrapped => KeyValue::Wrapped(bytes),
            Form::Bytes => KeyValue::bytes(bytes),
            Form::Transparent => KeyValue::Plain {
                material: KeyMaterial::Transparent(bytes),
                attributes: None,
            },
        });
    }
    whole
}

/// What a sealed blob is bound to (DESIGN §4.2): a blob moved to another row does not open.
pub fn bound_to(
    deployment: &str,
    tenant: TenantId,
    unique_identifier: &str,
    object_type: ObjectType,
    class: Class,
) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(96 + unique_identifier.len()));
    for part in [deployment.as_bytes(), unique_identifier.as_bytes()] {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&tenant.0.to_be_bytes());
    out.extend_from_slice(&object_type.0.to_be_bytes());
    out.push(class as u8);
    out
}

/// [`bound_to`] for an object that has its row.
pub fn binding(deployment: &str, object: &Managed) -> Zeroizing<Vec<u8>> {
    bound_to(
        deployment,
        object.tenant,
        &object.unique_identifier,
        object.object_type(),
        object.class,
    )
}
