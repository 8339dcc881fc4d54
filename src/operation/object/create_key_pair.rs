//! Create Key Pair (1.4 §4.2, 2.1 §6.1.9).

use ttlv::{Node, Value};

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::Pair;
use crate::object::creation::{self, Birth, Origin};
use crate::object::format::{Format, Kind};
use crate::object::managed::Form;
use crate::object::{inspection, material, pair_algorithm};
use crate::operation::Handler;
use crate::operation::object::create::{not_made, storable};
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, ObjectType, UniqueIdentifier,
};
use crate::protocol::key_block::KeyBlock;
use crate::protocol::object::{Object, PrivateKey, PublicKey};
use crate::protocol::structure::Bytes;
use crate::protocol::tag;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct CreateKeyPairRequest {
        common_attributes: Option<Attributes> = COMMON_ATTRIBUTES;
        private_key_attributes: Option<Attributes> = PRIVATE_KEY_ATTRIBUTES;
        public_key_attributes: Option<Attributes> = PUBLIC_KEY_ATTRIBUTES;
        common_protection_storage_masks: Option<ProtectionStorageMasks> = COMMON_PROTECTION_STORAGE_MASKS, since V2_0;
        private_protection_storage_masks: Option<ProtectionStorageMasks> = PRIVATE_PROTECTION_STORAGE_MASKS, since V2_0;
        public_protection_storage_masks: Option<ProtectionStorageMasks> = PUBLIC_PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct CreateKeyPairResponse {
        private_key_unique_identifier: String = PRIVATE_KEY_UNIQUE_IDENTIFIER;
        public_key_unique_identifier: String = PUBLIC_KEY_UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct CreateKeyPair;

/// One half's attributes: its own take precedence over the common ones; several instances unite (Table 190).
fn joined(common: Option<&Attributes>, own: Option<&Attributes>, half: ObjectType) -> Attributes {
    let mut joined = own.cloned().unwrap_or_default();
    for attribute in common.into_iter().flat_map(Attributes::iter) {
        let many = attribute
            .reference
            .row()
            .is_none_or(|row| row.permits_many(half));
        let present = joined.all(&attribute.reference).next().is_some();
        if !present
            || (many
                && joined
                    .all(&attribute.reference)
                    .all(|other| other.value != attribute.value))
        {
            joined.0.push(attribute.clone());
        }
    }
    joined
}

/// A private key of class token is kept as the token wraps it.
fn token_format(format: Format) -> Result<(), Fault> {
    match format {
        Format::Pkcs8 => Ok(()),
        other => Err(Fault::new(
            Reason::KeyFormatTypeNotSupported,
            format!(
                "a private key of class token is kept as PKCS#8, not as {}",
                other.name()
            ),
        )),
    }
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

impl Handler for CreateKeyPair {
    type Request = CreateKeyPairRequest;
    type Response = CreateKeyPairResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        for masks in [
            &request.common_protection_storage_masks,
            &request.private_protection_storage_masks,
            &request.public_protection_storage_masks,
        ] {
            storable(context, masks.as_ref())?;
        }
        let half = |own: &Option<Attributes>, object_type| {
            let joined = joined(
                request.common_attributes.as_ref(),
                own.as_ref(),
                object_type,
            );
            creation::admit(context.version, object_type, &joined)
        };
        let mut private = half(&request.private_key_attributes, ObjectType::PRIVATE_KEY)?;
        let mut public = half(&request.public_key_attributes, ObjectType::PUBLIC_KEY)?;
        let wanted = pair_algorithm::wanted(&private, &public)?;
        let (algorithm, spec, length) = (wanted.algorithm, wanted.spec, wanted.length);
        let class = creation::class_asked(&private)?;
        if class == Class::Token && private.has(tag::KEY_FORMAT_TYPE) {
            token_format(wanted.formats.0)?;
        }
        for attributes in [&mut private, &mut public] {
            attributes.set(tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(length));
            attributes.set(
                tag::CRYPTOGRAPHIC_ALGORITHM,
                Value::Enumeration(algorithm.0),
            );
            if let Some(curve) = wanted.curve {
                attributes.set_if_absent(
                    tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS,
                    Value::Structure(vec![Node::new(
                        tag::RECOMMENDED_CURVE,
                        Value::Enumeration(curve.0),
                    )]),
                );
            }
        }
        let (private_mask, public_mask) = wanted.usual_masks();
        for (attributes, mask) in [(&mut private, private_mask), (&mut public, public_mask)] {
            let mask = Value::Integer(mask.to_integer());
            attributes.set_if_absent(tag::CRYPTOGRAPHIC_USAGE_MASK, mask);
        }
        let (private_id, public_id) = (creation::new_identifier(), creation::new_identifier());
        let (to_public, to_private) = inspection::PAIR_LINKS;
        creation::link(&mut private, to_public.0, &public_id);
        creation::link(&mut public, to_private.0, &private_id);

        let tenant = context.tenant();
        let binding = material::bound_to(
            &context.engine.deployment,
            tenant,
            &private_id,
            ObjectType::PRIVATE_KEY,
            class,
        );
        let pair: Pair = context
            .engine
            .hsm
            .generate_pair(&context.caller.tenant.keys, spec, class, &binding)
            .await
            .map_err(not_made)?;
        context.computed(
            spec.mechanism_name().unwrap_or("key pair generation"),
            pair.maker.name(),
        );
        let (private_format, public_format) = wanted.formats;
        private_half(
            context,
            &private_id,
            class,
            &pair,
            block(private_format, algorithm, length),
            private,
        )
        .await?;
        public_half(
            context,
            &public_id,
            &pair,
            block(public_format, algorithm, length),
            public,
        )
        .await?;
        context.also_produce(UniqueIdentifier::CREATE_KEY_PAIR_PUBLIC_KEY, &public_id);
        context.also_produce(UniqueIdentifier::CREATE_KEY_PAIR_PRIVATE_KEY, &private_id);
        context.produce(UniqueIdentifier::CREATE_KEY_PAIR, &private_id);
        Ok(CreateKeyPairResponse {
            private_key_unique_identifier: private_id,
            public_key_unique_identifier: public_id,
        })
    }
}

async fn private_half(
    context: &mut Context,
    unique_identifier: &str,
    class: Class,
    pair: &Pair,
    mut block: KeyBlock,
    attributes: Attributes,
) -> Result<(), Fault> {
    let keys = &context.caller.tenant.keys;
    let tenant = context.tenant();
    let object_type = ObjectType::PRIVATE_KEY;
    let binding = material::bound_to(
        &context.engine.deployment,
        tenant,
        unique_identifier,
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
        unique_identifier,
        class,
        format: Some(block.key_format_type),
        digestible: clear.as_ref().map(|bytes| bytes.as_slice()),
        origin: Origin::Generated,
    };
    let skeleton = Object::PrivateKey(PrivateKey { key_block: block });
    let material = (form, Some(blob));
    let draft = creation::keep(context, &birth, skeleton, material, attributes);
    context.insert(draft).await
}

async fn public_half(
    context: &mut Context,
    unique_identifier: &str,
    pair: &Pair,
    block: KeyBlock,
    attributes: Attributes,
) -> Result<(), Fault> {
    let keys = &context.caller.tenant.keys;
    let tenant = context.tenant();
    let object_type = ObjectType::PUBLIC_KEY;
    let class = Class::Served;
    let format = Format::from_number(block.key_format_type.0).unwrap_or(Format::X509);
    let (form, kept) = pair_algorithm::kept(Kind::Public, format, &pair.public_key_info)?;
    let binding = material::bound_to(
        &context.engine.deployment,
        tenant,
        unique_identifier,
        object_type,
        class,
    );
    let blob = context.engine.hsm.seal(keys, &binding, &kept).await?;
    let birth = Birth {
        object_type,
        unique_identifier,
        class,
        format: Some(block.key_format_type),
        digestible: Some(&kept),
        origin: Origin::Generated,
    };
    let skeleton = Object::PublicKey(PublicKey { key_block: block });
    let material = (form, Some(blob));
    let draft = creation::keep(context, &birth, skeleton, material, attributes);
    context.insert(draft).await
}
