//! A new key pair: what Create Key Pair makes, and Re-key Key Pair makes again.

use ttlv::{Node, Value};

use super::creation::{self, Birth, Origin};
use super::delivery::{self, Wish};
use super::format::{Format, Kind, PublicKey as PublicMaterial};
use super::generation::not_made;
use super::managed::{Draft, Form, Sealed};
use super::pair_algorithm::{self, Wanted};
use super::{conversion, inspection, material};
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::hsm::Pair;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CryptographicAlgorithm, KeyFormatType, ObjectType};
use crate::protocol::key_block::{KeyBlock, KeyValue};
use crate::protocol::object::{Object, PrivateKey, PublicKey};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::store::record::Class;

/// One half as it is to be: its identifier and its attributes, admitted before.
#[derive(Debug)]
pub struct Half {
    pub unique_identifier: String,
    pub attributes: Attributes,
}

impl Half {
    pub fn new(attributes: Attributes) -> Half {
        Half {
            unique_identifier: creation::new_identifier(),
            attributes,
        }
    }
}

/// Makes a pair in the token, its halves linked to each other: the drafts of private and public key.
///
/// # Errors
/// The token's, where it cannot make such a pair.
pub async fn make(
    context: &mut Context,
    wanted: &Wanted,
    class: Class,
    mut private: Half,
    mut public: Half,
) -> Result<(Draft, Draft), Fault> {
    for half in [&mut private, &mut public] {
        let attributes = &mut half.attributes;
        attributes.set(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(wanted.length));
        attributes.set(
            tag::CRYPTOGRAPHIC_ALGORITHM,
            Value::Enumeration(wanted.algorithm.0),
        );
        if let Some(curve) = wanted.curve {
            attributes.set_if_absent(tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS, on_curve(curve.0));
        }
    }
    let (to_public, to_private) = inspection::PAIR_LINKS;
    creation::link(
        &mut private.attributes,
        to_public.0,
        &public.unique_identifier,
    );
    creation::link(
        &mut public.attributes,
        to_private.0,
        &private.unique_identifier,
    );
    let binding = material::bound_to(
        &context.engine.deployment,
        context.tenant(),
        &private.unique_identifier,
        ObjectType::PRIVATE_KEY,
        class,
    );
    let pair = context
        .engine
        .hsm
        .generate_pair(&context.caller.tenant.keys, wanted.spec, class, &binding)
        .await
        .map_err(not_made)?;
    context.computed(
        wanted
            .spec
            .mechanism_name()
            .unwrap_or("key pair generation"),
        pair.maker.name(),
    );
    let (private_format, public_format) = wanted.formats;
    let block = |format| block(format, wanted.algorithm, wanted.length);
    Ok((
        private_half(context, class, &pair, block(private_format), private).await?,
        public_half(context, &pair, block(public_format), public).await?,
    ))
}

/// The Recommended Curve of an existing public key; a registered one need not name it among its
/// attributes. None where there is none, or where the key cannot be read.
pub async fn curve(context: &mut Context, public: &Sealed) -> Result<Option<u32>, Fault> {
    let wish = Wish {
        format: None,
        wrap_type: None,
        compression: None,
        wrapping: None,
    };
    let whole = delivery::open(context, public, &wish).await?;
    let Some(block) = whole.key_block() else {
        return Ok(None);
    };
    let Some(KeyValue::Plain { material, .. }) = &block.key_value else {
        return Ok(None);
    };
    let key = conversion::public_key(block, &public.attributes, material).ok();
    Ok(key.and_then(|key| match key {
        PublicMaterial::Ec(key) => Some(key.curve.recommended_curve()),
        PublicMaterial::Named(key) => key.named.recommended_curve(),
        _ => None,
    }))
}

/// Cryptographic Domain Parameters that name a curve and nothing else (2.1 §4.16).
pub fn on_curve(recommended_curve: u32) -> Value<'static> {
    Value::Structure(vec![Node::new(
        tag::RECOMMENDED_CURVE,
        Value::Enumeration(recommended_curve),
    )])
}

fn block(format: Format, algorithm: CryptographicAlgorithm, length: i32) -> KeyBlock {
    KeyBlock {
        key_format_type: KeyFormatType(format.number()),
        key_compression_type: None,
        key_value: None,
        cryptographic_algorithm: Some(algorithm),
        cryptographic_length: Some(length),
        key_wrapping_data: None,
    }
}

async fn private_half(
    context: &Context,
    class: Class,
    pair: &Pair,
    mut block: KeyBlock,
    half: Half,
) -> Result<Draft, Fault> {
    let keys = &context.caller.tenant.keys;
    let tenant = context.tenant();
    let object_type = ObjectType::PRIVATE_KEY;
    let binding = material::bound_to(
        &context.engine.deployment,
        tenant,
        &half.unique_identifier,
        object_type,
        class,
    );
    let (form, blob, clear): (_, _, Option<Bytes>) = match class {
        // In the token the key stays what the token wrapped: PKCS#8.
        Class::Token => {
            block.key_format_type = KeyFormatType::PKCS_8;
            (Form::Bytes, pair.private.clone(), None)
        }
        Class::Served | Class::Cached => {
            let pkcs8 = context
                .engine
                .hsm
                .open_sealed(keys, &binding, &pair.private)
                .await?;
            let format = Format::from_number(block.key_format_type.0).unwrap_or(Format::Pkcs8);
            let (form, kept) = pair_algorithm::kept(Kind::Private, format, &pkcs8)?;
            (
                form,
                context.engine.hsm.seal(keys, &binding, &kept).await?,
                Some(kept),
            )
        }
    };
    let birth = Birth {
        object_type,
        unique_identifier: &half.unique_identifier,
        class,
        format: Some(block.key_format_type),
        digestible: clear.as_ref().map(|bytes| bytes.as_slice()),
        origin: Origin::Generated,
    };
    let skeleton = Object::PrivateKey(PrivateKey { key_block: block });
    let material = (form, Some(blob));
    Ok(creation::keep(
        context,
        &birth,
        skeleton,
        material,
        half.attributes,
    ))
}

async fn public_half(
    context: &Context,
    pair: &Pair,
    block: KeyBlock,
    half: Half,
) -> Result<Draft, Fault> {
    let keys = &context.caller.tenant.keys;
    let tenant = context.tenant();
    let object_type = ObjectType::PUBLIC_KEY;
    let class = Class::Served;
    let format = Format::from_number(block.key_format_type.0).unwrap_or(Format::X509);
    let (form, kept) = pair_algorithm::kept(Kind::Public, format, &pair.public_key_info)?;
    let binding = material::bound_to(
        &context.engine.deployment,
        tenant,
        &half.unique_identifier,
        object_type,
        class,
    );
    let blob = context.engine.hsm.seal(keys, &binding, &kept).await?;
    let birth = Birth {
        object_type,
        unique_identifier: &half.unique_identifier,
        class,
        format: Some(block.key_format_type),
        digestible: Some(&kept),
        origin: Origin::Generated,
    };
    let skeleton = Object::PublicKey(PublicKey { key_block: block });
    let material = (form, Some(blob));
    Ok(creation::keep(
        context,
        &birth,
        skeleton,
        material,
        half.attributes,
    ))
}
