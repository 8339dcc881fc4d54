//! Create Key Pair (1.4 §4.2, 2.1 §6.1.9).

use ttlv::Value;

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::object::creation;
use crate::object::format::Format;
use crate::object::pair::{self, Half};
use crate::object::pair_algorithm;
use crate::operation::Handler;
use crate::operation::object::create::{class_stored, pair_storable};
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{ObjectType, UniqueIdentifier};
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
pub fn joined(
    common: Option<&Attributes>,
    own: Option<&Attributes>,
    half: ObjectType,
) -> Attributes {
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
pub fn token_format(format: Format) -> Result<(), Fault> {
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

impl Handler for CreateKeyPair {
    type Request = CreateKeyPairRequest;
    type Response = CreateKeyPairResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        pair_storable(
            context,
            request.common_protection_storage_masks.as_ref(),
            request.private_protection_storage_masks.as_ref(),
            request.public_protection_storage_masks.as_ref(),
        )?;
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
        let class = class_stored(
            context,
            &private,
            request
                .private_protection_storage_masks
                .as_ref()
                .or(request.common_protection_storage_masks.as_ref()),
            Reason::PrivateProtectionStorageUnavailable,
        )?;
        if class == Class::Token && private.has(tag::KEY_FORMAT_TYPE) {
            token_format(wanted.formats.0)?;
        }
        // Barbican asks without masks: a pair that nobody may use helps nobody.
        let (private_mask, public_mask) = wanted.usual_masks();
        for (attributes, mask) in [(&mut private, private_mask), (&mut public, public_mask)] {
            let mask = Value::Integer(mask.to_integer());
            attributes.set_if_absent(tag::CRYPTOGRAPHIC_USAGE_MASK, mask);
        }
        let (private, public) = (Half::new(private), Half::new(public));
        let private_id = private.unique_identifier.clone();
        let public_id = public.unique_identifier.clone();
        let (private, public) = pair::make(context, &wanted, class, private, public).await?;
        context.insert(private).await?;
        context.insert(public).await?;
        context.also_produce(UniqueIdentifier::CREATE_KEY_PAIR_PUBLIC_KEY, &public_id);
        context.also_produce(UniqueIdentifier::CREATE_KEY_PAIR_PRIVATE_KEY, &private_id);
        context.produce(UniqueIdentifier::CREATE_KEY_PAIR, &private_id);
        Ok(CreateKeyPairResponse {
            private_key_unique_identifier: private_id,
            public_key_unique_identifier: public_id,
        })
    }
}
