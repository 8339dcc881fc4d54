//! Create (1.4 §4.1, 2.1 §6.1.8): a symmetric key, or secret data (TC-CREATE-SD), made in the token.

use crate::engine::access::Permission;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::hsm::{KeyKind, SecretSpec};
use crate::object::managed::Draft;
use crate::object::{creation, generation};
use crate::operation::Handler;
use crate::operation::server::query::ProtectionStorageMasks;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{
    CryptographicAlgorithm, KeyFormatType, ObjectType, SecretDataType, UniqueIdentifier,
};
use crate::protocol::key_block::KeyBlock;
use crate::protocol::object::{Object, SecretData};
use crate::protocol::tag;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct CreateRequest {
        object_type: ObjectType = OBJECT_TYPE;
        attributes: Attributes = ATTRIBUTES;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    pub struct CreateResponse {
        object_type: ObjectType = OBJECT_TYPE;
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Create;

impl Handler for Create {
    type Request = CreateRequest;
    type Response = CreateResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        context.permit(Permission::Create)?;
        if !matches!(
            request.object_type,
            ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA
        ) {
            return Err(Fault::new(
                Reason::InvalidObjectType,
                format!(
                    "Create makes symmetric keys and secret data, not {}; use Register",
                    request.object_type
                ),
            ));
        }
        let mut attributes =
            creation::admit(context.version, request.object_type, &request.attributes)?;
        let class = class_stored(
            context,
            &attributes,
            request.protection_storage_masks.as_ref(),
            Reason::ProtectionStorageUnavailable,
        )?;
        let unique_identifier = creation::new_identifier();
        let draft = match request.object_type {
            ObjectType::SYMMETRIC_KEY => {
                generation::symmetric(context, &unique_identifier, class, &mut attributes).await?
            }
            _ => secret(context, &unique_identifier, class, &mut attributes).await?,
        };
        context.insert(draft).await?;
        context.produce(UniqueIdentifier::CREATE, &unique_identifier);
        Ok(CreateResponse {
            object_type: request.object_type,
            unique_identifier,
        })
    }
}

/// The class of what is to be made: as its attributes name it, else the first that one of the
/// Protection Storage Masks, which stand in the order of preference, is content with (DESIGN §4.3).
///
/// # Errors
/// `reason` where no class is.
pub fn class_stored(
    context: &Context,
    attributes: &Attributes,
    masks: Option<&ProtectionStorageMasks>,
    reason: Reason,
) -> Result<Class, Fault> {
    let first = creation::class_of_new(&context.caller, attributes)?;
    let Some(masks) = masks.filter(|masks| !masks.protection_storage_mask.is_empty()) else {
        return Ok(first);
    };
    let mut classes = vec![first];
    if creation::class_named(attributes)?.is_none() {
        classes.extend([Class::Served, Class::Token]);
    }
    for mask in &masks.protection_storage_mask {
        for class in &classes {
            if creation::protection(&context.engine.hsm, *class).contains(*mask) {
                return Ok(*class);
            }
        }
    }
    Err(Fault::new(
        reason,
        "none of the Protection Storage Masks asked for is offered for such a key; Query tells which are",
    ))
}

/// Whether one of the permissible Protection Storage Masks is what this server offers (2.1 §6.1.8).
pub fn storable(context: &Context, masks: Option<&ProtectionStorageMasks>) -> Result<(), Fault> {
    storable_as(context, masks, Reason::ProtectionStorageUnavailable)
}

/// The same for a pair, in the words of the half that cannot be kept (2.1 §6.1.9.1, §6.1.47.1).
pub fn pair_storable(
    context: &Context,
    common: Option<&ProtectionStorageMasks>,
    private: Option<&ProtectionStorageMasks>,
    public: Option<&ProtectionStorageMasks>,
) -> Result<(), Fault> {
    for masks in [common, private] {
        storable_as(context, masks, Reason::PrivateProtectionStorageUnavailable)?;
    }
    storable_as(context, public, Reason::PublicProtectionStorageUnavailable)
}

fn storable_as(
    context: &Context,
    masks: Option<&ProtectionStorageMasks>,
    reason: Reason,
) -> Result<(), Fault> {
    let Some(masks) = masks.filter(|masks| !masks.protection_storage_mask.is_empty()) else {
        return Ok(());
    };
    let ours = creation::protection(&context.engine.hsm, Class::Served)
        | creation::protection(&context.engine.hsm, Class::Token);
    if masks
        .protection_storage_mask
        .iter()
        .any(|mask| ours.contains(*mask))
    {
        return Ok(());
    }
    Err(Fault::new(
        reason,
        format!(
            "none of the Protection Storage Masks asked for is offered; this server offers {ours}"
        ),
    ))
}

async fn secret(
    context: &mut Context,
    unique_identifier: &str,
    class: Class,
    attributes: &mut Attributes,
) -> Result<Draft, Fault> {
    // TC-CREATE-SD gives Cryptographic Algorithm and Length for what is to be a secret of that length.
    let length = attributes.integer(tag::CRYPTOGRAPHIC_LENGTH).unwrap_or(256);
    let spec = SecretSpec {
        kind: KeyKind::Generic,
        length: usize::try_from(length / 8).unwrap_or(0),
    };
    let skeleton = Object::SecretData(SecretData {
        secret_data_type: SecretDataType::PASSWORD,
        key_block: KeyBlock {
            key_format_type: KeyFormatType::RAW,
            key_compression_type: None,
            key_value: None,
            cryptographic_algorithm: attributes
                .enumeration(tag::CRYPTOGRAPHIC_ALGORITHM)
                .map(CryptographicAlgorithm),
            // Secret data has no length of its own in its key block (TC-CREATE-SD).
            cryptographic_length: None,
            key_wrapping_data: None,
        },
    });
    generation::born(
        context,
        unique_identifier,
        class,
        skeleton,
        spec,
        attributes,
    )
    .await
}
