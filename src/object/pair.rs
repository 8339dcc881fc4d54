//! A new key pair: what Create Key Pair makes, and Re-key Key Pair makes again.

use ttlv::Value;

use super::creation::{self, Birth, Origin};
use super::format::{Format, Kind, convert};
use super::managed::{Draft, Form};
use super::{inspection, material};
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::hsm::{Pair, PairSpec};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{CryptographicAlgorithm, KeyFormatType, ObjectType};
use crate::protocol::key_block::KeyBlock;
use crate::protocol::object::{Object, PrivateKey, PublicKey};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::store::record::Class;

/// What pair is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub algorithm: CryptographicAlgorithm,
    pub spec: PairSpec,
    /// Cryptographic Length, in bits.
    pub length: i32,
    /// In which formats the private and the public half are kept.
    pub formats: (Format, Format),
}

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
    context: &Context,
    plan: &Plan,
    class: Class,
    mut private: Half,
    mut public: Half,
) -> Result<(Draft, Draft), Fault> {
    for half in [&mut private, &mut public] {
        let attributes = &mut half.attributes;
        attributes.set(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(plan.length));
        attributes.set(
            tag::CRYPTOGRAPHIC_ALGORITHM,
            Value::Enumeration(plan.algorithm.0),
        );
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
        .generate_pair(&context.caller.tenant.keys, plan.spec, class, &binding)
        .await?;
    let (private_format, public_format) = plan.formats;
    let block = |format| block(format, plan.algorithm, plan.length);
    Ok((
        private_half(context, class, &pair, block(private_format), private).await?,
        public_half(context, &pair, block(public_format), public).await?,
    ))
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
    let (blob, clear): (_, Option<Bytes>) = match class {
        // In the token the key stays what the token wrapped: PKCS#8.
        Class::Token => {
            block.key_format_type = KeyFormatType::PKCS_8;
            (pair.private.clone(), None)
        }
        Class::Served | Class::Cached => {
            let pkcs8 = context
                .engine
                .hsm
                .open_sealed(keys, &binding, &pair.private)
                .await?;
            let format = Format::from_number(block.key_format_type.0).unwrap_or(Format::Pkcs8);
            let kept = convert(Kind::Private, Format::Pkcs8, format, None, &pkcs8)?;
            (
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
    let material = (Form::Bytes, Some(blob));
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
    let kept = convert(
        Kind::Public,
        Format::X509,
        format,
        None,
        &pair.public_key_info,
    )?;
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
    let material = (Form::Bytes, Some(blob));
    Ok(creation::keep(
        context,
        &birth,
        skeleton,
        material,
        half.attributes,
    ))
}
