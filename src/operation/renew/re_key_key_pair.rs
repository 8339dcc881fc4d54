//! Re-key Key Pair (since 1.1; 1.4 §4.5, 2.1 §6.1.47): a new pair in the place of an existing one.

use super::re_key::attributes;
use crate::engine::access::Permission;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::managed::Sealed;
use crate::object::pair::{self, Half};
use crate::object::pair_algorithm::{self, Wanted};
use crate::object::{inspection, renewal};
use crate::operation::Handler;
use crate::operation::object::create::pair_storable;
use crate::operation::object::create_key_pair::{joined, token_format};
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{ObjectType, UniqueIdentifier};
use crate::protocol::identifier::Identifier;
use crate::protocol::structure::Interval;
use crate::protocol::tag;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct ReKeyKeyPairRequest {
        private_key_unique_identifier: Option<Identifier> = PRIVATE_KEY_UNIQUE_IDENTIFIER;
        offset: Option<Interval> = OFFSET;
        common_attributes: Option<Attributes> = COMMON_ATTRIBUTES;
        private_key_attributes: Option<Attributes> = PRIVATE_KEY_ATTRIBUTES;
        public_key_attributes: Option<Attributes> = PUBLIC_KEY_ATTRIBUTES;
        common_protection_storage_masks: Option<ProtectionStorageMasks> = COMMON_PROTECTION_STORAGE_MASKS, since V2_0;
        private_protection_storage_masks: Option<ProtectionStorageMasks> = PRIVATE_PROTECTION_STORAGE_MASKS, since V2_0;
        public_protection_storage_masks: Option<ProtectionStorageMasks> = PUBLIC_PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct ReKeyKeyPairResponse {
        private_key_unique_identifier: String = PRIVATE_KEY_UNIQUE_IDENTIFIER;
        public_key_unique_identifier: String = PUBLIC_KEY_UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct ReKeyKeyPair;

/// The public half: the private key's link names it.
async fn public_half(context: &mut Context, private: &Sealed) -> Result<Sealed, Fault> {
    let (to_public, _) = inspection::PAIR_LINKS;
    let identifier = renewal::linked(&private.attributes, to_public).ok_or_else(|| {
        Fault::new(
            Reason::PermissionDenied,
            "the private key has no Public Key Link, so its pair is not known; add the Link first",
        )
    })?;
    context
        .object_named(&identifier, Permission::ReKey, Destroyed::Refused)
        .await
}

/// Whether the request asks for another kind of pair than there is.
fn kind(wanted: &Attributes) -> bool {
    [tag::CRYPTOGRAPHIC_ALGORITHM, tag::CRYPTOGRAPHIC_LENGTH]
        .iter()
        .any(|tag| wanted.has(*tag))
}

/// The pair to be made, in the existing keys' formats where these are possible; `given`: the request
/// names formats, and means them.
fn asked(
    (private, public): (&mut Attributes, &mut Attributes),
    class: Class,
    given: bool,
) -> Result<Wanted, Fault> {
    if class == Class::Token && !given {
        // What the token wraps has one format.
        private.remove(tag::KEY_FORMAT_TYPE);
    }
    match pair_algorithm::wanted(private, public) {
        Ok(wanted) if class == Class::Token && given => {
            token_format(wanted.formats.0)?;
            Ok(wanted)
        }
        Err(fault) if fault.reason == Reason::KeyFormatTypeNotSupported && !given => {
            // Registered in a form in which none is made, or another algorithm is wanted.
            private.remove(tag::KEY_FORMAT_TYPE);
            public.remove(tag::KEY_FORMAT_TYPE);
            pair_algorithm::wanted(private, public)
        }
        other => other,
    }
}

impl Handler for ReKeyKeyPair {
    type Request = ReKeyKeyPairRequest;
    type Response = ReKeyKeyPairResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        pair_storable(
            context,
            request.common_protection_storage_masks.as_ref(),
            request.private_protection_storage_masks.as_ref(),
            request.public_protection_storage_masks.as_ref(),
        )?;
        let existing = context
            .object(
                request.private_key_unique_identifier.as_ref(),
                Permission::ReKey,
                Destroyed::Refused,
            )
            .await?;
        renewal::renewable(&existing, ObjectType::PRIVATE_KEY)?;
        let existing_public = public_half(context, &existing).await?;
        renewal::renewable(&existing_public, ObjectType::PUBLIC_KEY)?;

        let wanted = |own: &Option<Attributes>, half| {
            joined(request.common_attributes.as_ref(), own.as_ref(), half)
        };
        let for_private = wanted(&request.private_key_attributes, ObjectType::PRIVATE_KEY);
        let for_public = wanted(&request.public_key_attributes, ObjectType::PUBLIC_KEY);
        let mut private = attributes(context, &existing, &for_private, request.offset)?;
        let mut public = attributes(context, &existing_public, &for_public, request.offset)?;
        let class = renewal::class(&context.caller, &existing, &for_private)?;
        if !kind(&for_private)
            && !private.has(tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS)
            && let Some(curve) = pair::curve(context, &existing_public).await?
        {
            private.set(tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS, pair::on_curve(curve));
        }
        let given = [&for_private, &for_public]
            .iter()
            .any(|wanted| wanted.has(tag::KEY_FORMAT_TYPE));
        let asked = asked((&mut private, &mut public), class, given)?;
        let (private, public) = pair::make(
            context,
            &asked,
            class,
            Half::new(private),
            Half::new(public),
        )
        .await?;
        let private_id = private.unique_identifier.clone();
        let public_id = public.unique_identifier.clone();
        renewal::replace(context, &existing, private).await?;
        renewal::replace(context, &existing_public, public).await?;
        context.also_produce(UniqueIdentifier::RE_KEY_KEY_PAIR_PUBLIC_KEY, &public_id);
        context.also_produce(UniqueIdentifier::RE_KEY_KEY_PAIR_PRIVATE_KEY, &private_id);
        context.produce(UniqueIdentifier::RE_KEY_KEY_PAIR, &private_id);
        Ok(ReKeyKeyPairResponse {
            private_key_unique_identifier: private_id,
            public_key_unique_identifier: public_id,
        })
    }
}
