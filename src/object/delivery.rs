//! How an object leaves the server (1.4 §4.11, 2.1 §6.1.19, DESIGN §4.3): in which format, wrapped
//! or not, and whether at all.

use super::managed::Sealed;
use super::{container, conversion, material, wrapping};
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::protocol::enumeration::{KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType};
use crate::protocol::key_block::{KeyValue, KeyWrappingSpecification};
use crate::protocol::object::Object;
use crate::protocol::tag;
use crate::store::record::Class;

/// What the client asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    pub format: Option<KeyFormatType>,
    pub wrap_type: Option<KeyWrapType>,
    pub compression: Option<KeyCompressionType>,
    pub wrapping: Option<&'a KeyWrappingSpecification>,
}

/// The object as the client gets it.
pub async fn deliver(
    context: &mut Context,
    object: &Sealed,
    wish: &Wish<'_>,
) -> Result<Object, Fault> {
    if let Some(compression) = wish.compression
        && object.object_type() != ObjectType::PUBLIC_KEY
    {
        return Err(Fault::new(
            Reason::KeyCompressionTypeNotSupported,
            format!("the key compression type {compression} is not supported; ask without one"),
        ));
    }
    if object.blob.is_none() {
        // A meta-data-only object (1.4 §2.1.4, TC-MDO): the answer has no Key Value.
        return match wish
            .format
            .is_some_and(|format| Some(format) != stored_format(object))
        {
            true => Err(Fault::new(
                Reason::KeyValueNotPresent,
                "this server has only the object's meta-data",
            )),
            false => Ok(object.skeleton.clone()),
        };
    }
    let guarded = !as_registered(object, wish) && wrapping::is_guarded(context, object).await?;
    let sensitive = guarded
        || object.class == Class::Token
        || object.attributes.boolean(tag::SENSITIVE) == Some(true);
    may_leave(object, wish, sensitive)?;
    if object.class == Class::Token {
        return wrapping::wrap_in_token(context, object, wish).await;
    }
    let mut whole = open(context, object, wish).await?;
    if let Some(specification) = wish.wrapping {
        wrapping::wrap(context, object, &mut whole, specification, sensitive).await?;
    }
    Ok(whole)
}

/// The object in clear, in the format asked for. Whether it may leave was decided before.
pub async fn open(
    context: &mut Context,
    object: &Sealed,
    wish: &Wish<'_>,
) -> Result<Object, Fault> {
    let Some(blob) = &object.blob else {
        return Err(Fault::new(
            Reason::KeyValueNotPresent,
            "this server has only the object's meta-data",
        ));
    };
    if object.class == Class::Token {
        return Err(Fault::new(
            Reason::UnsupportedCryptographicParameters,
            "the key is of class token: it is used in the token only, and the token does not do this",
        ));
    }
    let binding = material::binding(&context.engine.deployment, object);
    let clear = context
        .engine
        .hsm
        .open_sealed(&context.caller.tenant.keys, &binding, blob)
        .await?;
    let mut whole = material::restore(object, clear);
    if is_registered_wrapped(&whole) {
        if as_registered(object, wish) {
            return same_format(object, wish).map(|()| whole);
        }
        wrapping::unwrap(context, &mut whole).await?;
    }
    if wish.format == Some(KeyFormatType::PKCS_12) && container::is_for(object) {
        Box::pin(container::make(context, object, &mut whole)).await?;
        return Ok(whole);
    }
    convert(object, &mut whole, wish)?;
    if let Some(compression) = wish.compression {
        compress(object, &mut whole, compression)?;
    }
    Ok(whole)
}

/// Whether an object leaves in the wrapping in which it came, if it came in one.
fn as_registered(object: &Sealed, wish: &Wish<'_>) -> bool {
    is_registered_wrapped(&object.skeleton)
        && wish.wrapping.is_none()
        && matches!(wish.wrap_type, None | Some(KeyWrapType::AS_REGISTERED))
}

/// Sensitive leaves only wrapped, not extractable never (1.4 §3.47, §3.49; 2.1 §4.23, §4.55).
fn may_leave(object: &Sealed, wish: &Wish<'_>, sensitive: bool) -> Result<(), Fault> {
    if object.attributes.boolean(tag::EXTRACTABLE) == Some(false) {
        return Err(Fault::new(
            Reason::NotExtractable,
            "the object is not extractable: it never leaves the server",
        ));
    }
    if sensitive && wish.wrapping.is_none() {
        return Err(Fault::new(
            Reason::Sensitive,
            "the object is sensitive: it leaves the server only wrapped; ask with a Key Wrapping Specification",
        ));
    }
    Ok(())
}

fn stored_format(object: &Sealed) -> Option<KeyFormatType> {
    object
        .skeleton
        .key_block()
        .map(|block| block.key_format_type)
}

fn same_format(object: &Sealed, wish: &Wish<'_>) -> Result<(), Fault> {
    match (wish.format, stored_format(object)) {
        (Some(wanted), Some(stored)) if wanted != stored => Err(Fault::new(
            Reason::KeyFormatTypeNotSupported,
            "the object is wrapped: it can be had in its registered format only",
        )),
        _ => Ok(()),
    }
}

fn is_registered_wrapped(object: &Object) -> bool {
    object
        .key_block()
        .is_some_and(|block| block.key_wrapping_data.is_some())
}

fn convert(object: &Sealed, whole: &mut Object, wish: &Wish<'_>) -> Result<(), Fault> {
    let Some(wanted) = wish.format else {
        return Ok(());
    };
    let object_type = object.object_type();
    if whole.key_block().is_none() {
        return match conversion::is_form_of(whole, wanted) {
            true => Ok(()),
            false => Err(Fault::new(
                Reason::KeyFormatTypeNotSupported,
                format!("a {object_type} cannot be given as {wanted}; ask without Key Format Type"),
            )),
        };
    }
    let Some(block) = whole.key_block_mut() else {
        return Ok(());
    };
    if block.key_format_type == wanted {
        return Ok(());
    }
    let Some(KeyValue::Plain { material, .. }) = &block.key_value else {
        return Ok(());
    };
    let converted = conversion::convert(object_type, block, &object.attributes, material, wanted)?;
    block.key_value = Some(KeyValue::Plain {
        material: converted,
        attributes: None,
    });
    block.key_format_type = wanted;
    Ok(())
}

fn compress(object: &Sealed, whole: &mut Object, wanted: KeyCompressionType) -> Result<(), Fault> {
    if let Some(block) = whole.key_block_mut()
        && let Some(KeyValue::Plain { material, .. }) = &block.key_value
    {
        let material = conversion::compress(block, &object.attributes, material, wanted)?;
        block.key_value = Some(KeyValue::Plain {
            material,
            attributes: None,
        });
        block.key_compression_type = Some(wanted);
    }
    Ok(())
}
