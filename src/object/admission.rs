//! An object from outside becomes a managed one: Register and Import.

use ttlv::Value;

use super::creation::{self, Birth, Origin};
use super::managed::Form;
use super::{container, inspection, material, template, wrapping};
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{LinkType, ObjectType};
use crate::protocol::identifier::Identifier;
use crate::protocol::key_block::KeyValue;
use crate::protocol::object::Object;
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::record::Class;

/// Seals the object's bytes and writes its row; attributes were admitted before. `replaced` is the
/// version of the row that it takes the place of.
pub async fn admit(
    context: &mut Context,
    unique_identifier: &str,
    mut object: Object,
    mut attributes: Attributes,
    origin: Origin,
    replaced: Option<i64>,
) -> Result<(), Fault> {
    inherit(context.version, &mut object, &mut attributes);
    let chain = container::open(context, &mut object, &mut attributes).await?;
    container::register_chain(context, chain, origin, &mut attributes).await?;
    link_wrapping_key(context, &object, &mut attributes).await?;
    if creation::class_asked(&attributes)? == Class::Token {
        return into_token(context, unique_identifier, &object, attributes, replaced).await;
    }
    wrapping::check_registered(context, &object).await?;
    let object_type = object.object_type();
    let taken = material::take(&mut object);
    let wrapped = object
        .key_block()
        .is_some_and(|block| block.key_wrapping_data.is_some());
    if let Object::Template(given) = &object {
        template::check(&given.attributes)?;
    } else if taken.is_none()
        && !attributes.has(tag::KEY_VALUE_LOCATION)
        && object.key_block().is_none()
    {
        return Err(Fault::new(Reason::InvalidField, "the object has no value"));
    }
    if let Some((form, bytes)) = &taken
        && !wrapped
    {
        inspection::describe(&object, *form, bytes, &mut attributes);
    }
    let class = creation::class_of_clear(&context.caller, object_type, &attributes)?;
    let keys = &context.caller.tenant.keys;
    let tenant = context.tenant();
    let (form, blob) = match &taken {
        Some((form, bytes)) => {
            let binding = material::bound_to(
                &context.engine.deployment,
                tenant,
                unique_identifier,
                object_type,
                class,
            );
            (
                *form,
                Some(context.engine.hsm.seal(keys, &binding, bytes).await?),
            )
        }
        None => (Form::Bytes, None),
    };
    let birth = Birth {
        object_type,
        unique_identifier,
        class,
        format: inspection::format_of(&object),
        digestible: taken
            .as_ref()
            .map(|(_, bytes): &(Form, Bytes)| bytes.as_slice()),
        origin,
    };
    let skeleton = object.clone();
    let mut draft = creation::keep(context, &birth, skeleton, (form, blob), attributes);
    if let Some((form, bytes)) = &taken
        && !wrapped
    {
        inspection::second_digest(&object, *form, bytes, &mut draft.attributes);
    }
    match replaced {
        None => context.insert(draft).await,
        Some(version) => context.replace(draft, version).await,
    }
}

/// A wrapped key that is to be of class *token* goes there inside the token.
async fn into_token(
    context: &mut Context,
    unique_identifier: &str,
    object: &Object,
    mut attributes: Attributes,
    replaced: Option<i64>,
) -> Result<(), Fault> {
    let taken = wrapping::take_into_token(context, object, &attributes).await?;
    if object.object_type() == ObjectType::SYMMETRIC_KEY {
        let bits = i32::try_from(u64::from(taken.blob.length) * 8).unwrap_or(i32::MAX);
        attributes.set_if_absent(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits));
    }
    let birth = Birth {
        object_type: object.object_type(),
        unique_identifier,
        class: Class::Token,
        format: inspection::format_of(&taken.skeleton),
        digestible: None,
        origin: Origin::Unwrapped,
    };
    let material = (Form::Bytes, Some(taken.blob));
    let draft = creation::keep(context, &birth, taken.skeleton, material, attributes);
    match replaced {
        None => context.insert(draft).await,
        Some(version) => context.replace(draft, version).await,
    }
}

/// What the Key Block says counts as attributes (2.1 §6.1.43 Table 293): algorithm, length and what
/// Key Value carries, as far as a client may set it.
fn inherit(version: Version, object: &mut Object, attributes: &mut Attributes) {
    let object_type = object.object_type();
    let Some(block) = object.key_block_mut() else {
        return;
    };
    if let Some(KeyValue::Plain {
        attributes: carried,
        ..
    }) = &mut block.key_value
        && let Some(carried) = carried.take()
    {
        for attribute in carried.0 {
            let known = attributes.all(&attribute.reference).next().is_some();
            let one = Attributes(vec![attribute]);
            if let (false, Ok(admitted)) = (known, creation::admit(version, object_type, &one)) {
                admitted.0.into_iter().for_each(|one| attributes.add(one));
            }
        }
    }
    if let Some(algorithm) = block.cryptographic_algorithm {
        attributes.set_if_absent(
            tag::CRYPTOGRAPHIC_ALGORITHM,
            Value::Enumeration(algorithm.0),
        );
    }
    if let Some(length) = block.cryptographic_length {
        attributes.set_if_absent(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(length));
    }
}

/// Wrapping Key Link (2.1 §6.1.43), where the wrapping key is one of ours.
async fn link_wrapping_key(
    context: &mut Context,
    object: &Object,
    attributes: &mut Attributes,
) -> Result<(), Fault> {
    let information = object
        .key_block()
        .and_then(|block| block.key_wrapping_data.as_ref())
        .and_then(|data| data.encryption_key_information.as_ref());
    let Some(Identifier::Text(identifier)) =
        information.map(|information| &information.unique_identifier)
    else {
        return Ok(());
    };
    match context
        .object_named(identifier, Permission::GetAttributes, Destroyed::Allowed)
        .await
    {
        Ok(key) => creation::link(
            attributes,
            LinkType::WRAPPING_KEY_LINK.0,
            &key.unique_identifier,
        ),
        // Wrapped by a key of somebody else: kept and returned as it is (PyKMIP's suite registers one).
        Err(fault) if fault.reason == Reason::ObjectNotFound => {}
        Err(fault) if fault.reason == Reason::ObjectArchived => {
            creation::link(attributes, LinkType::WRAPPING_KEY_LINK.0, identifier);
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}
