//! Query (1.4 §4.25, 2.1 §6.1.40). Answers follow from the tables: what a version does not have is not told.

use std::sync::Arc;

use ttlv::Value;

use crate::engine::Engine;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::object::rules::Rules;
use crate::object::{application, creation, pair_algorithm};
use crate::operation::server::profile;
use crate::operation::{self, Handler};
use crate::protocol::enumeration::{
    AttestationType, ClientRegistrationMethod, DestroyAction, ItemType, ObjectType, Operation,
    ProfileName, QueryFunction, RNGMode, ShreddingAlgorithm, UnwrapMode,
};
use crate::protocol::extension::EXTENSIONS;
use crate::protocol::mask::ProtectionStorageMask;
use crate::protocol::object::OBJECTS;
use crate::protocol::rules::{DefaultsInformation, ObjectGroups};
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::record::Class;
use crate::structure;

structure! {
    pub struct QueryRequest {
        query_function: Vec<QueryFunction> = QUERY_FUNCTION;
        object_groups: Option<ObjectGroups> = OBJECT_GROUPS, since V2_1;
    }
    pub struct QueryResponse {
        operation: Vec<Operation> = OPERATION;
        object_type: Vec<ObjectType> = OBJECT_TYPE;
        vendor_identification: Option<String> = VENDOR_IDENTIFICATION;
        server_information: Option<ServerInformation> = SERVER_INFORMATION;
        application_namespace: Vec<String> = APPLICATION_NAMESPACE;
        extension_information: Vec<ExtensionInformation> = EXTENSION_INFORMATION, since V1_1;
        attestation_type: Vec<AttestationType> = ATTESTATION_TYPE, since V1_2;
        rng_parameters: Vec<Value<'static>> = RNG_PARAMETERS, since V1_3;
        profile_information: Vec<ProfileInformation> = PROFILE_INFORMATION, since V1_3;
        validation_information: Vec<Value<'static>> = VALIDATION_INFORMATION, since V1_3;
        capability_information: Vec<CapabilityInformation> = CAPABILITY_INFORMATION, since V1_3;
        client_registration_method: Vec<ClientRegistrationMethod> = CLIENT_REGISTRATION_METHOD, since V1_3;
        defaults_information: Option<DefaultsInformation> = DEFAULTS_INFORMATION, since V2_0;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    /// 2.1 §7.32; a structure of the vendor's own before 2.0, so left empty there.
    pub struct ServerInformation {
        server_name: Option<String> = SERVER_NAME, since V2_0;
        server_version: Option<String> = SERVER_VERSION, since V2_0;
        product_name: Option<String> = PRODUCT_NAME, since V2_0;
    }
    /// 2.1 §7.13, 1.4 §2.1.9.
    pub struct ExtensionInformation {
        extension_name: String = EXTENSION_NAME;
        extension_tag: Option<i32> = EXTENSION_TAG;
        /// A number before 2.0, an enumeration since.
        type_number: Option<i32> = EXTENSION_TYPE, until V1_4;
        extension_type: Option<ItemType> = EXTENSION_TYPE, since V2_0;
        extension_enumeration: Option<i32> = EXTENSION_ENUMERATION, since V2_0;
        extension_attribute: Option<bool> = EXTENSION_ATTRIBUTE, since V2_0;
        extension_description: Option<String> = EXTENSION_DESCRIPTION, since V2_0;
    }
    /// 2.1 §7.31, 1.4 §2.1.19.
    pub struct ProfileInformation { profile_name: ProfileName = PROFILE_NAME; }
    /// 2.1 §7.5, 1.4 §2.1.21.
    pub struct CapabilityInformation {
        streaming_capability: Option<bool> = STREAMING_CAPABILITY, since V1_3;
        asynchronous_capability: Option<bool> = ASYNCHRONOUS_CAPABILITY, since V1_3;
        attestation_capability: Option<bool> = ATTESTATION_CAPABILITY, since V1_3;
        batch_undo_capability: Option<bool> = BATCH_UNDO_CAPABILITY, since V1_4;
        batch_continue_capability: Option<bool> = BATCH_CONTINUE_CAPABILITY, since V1_4;
        unwrap_mode: Option<UnwrapMode> = UNWRAP_MODE, since V1_3;
        destroy_action: Option<DestroyAction> = DESTROY_ACTION, since V1_3;
        shredding_algorithm: Option<ShreddingAlgorithm> = SHREDDING_ALGORITHM, since V1_3;
        rng_mode: Option<RNGMode> = RNG_MODE, since V1_3;
        quantum_safe_capability: Option<bool> = QUANTUM_SAFE_CAPABILITY, since V2_0;
    }
    /// 2.1 §7.25.
    pub struct ProtectionStorageMasks {
        protection_storage_mask: Vec<ProtectionStorageMask> = PROTECTION_STORAGE_MASK;
    }
}

/// Vendor Identification of this server.
pub const VENDOR: &str = "Keyward";

#[derive(Debug)]
pub struct Query;

/// What the caller's tenant adds to an answer.
pub type OfTenant<'a> = Option<&'a Rules>;

type Answer = fn(&mut QueryResponse, &Arc<Engine>, Version, OfTenant<'_>, &QueryRequest);

/// What answers each Query Function; one that a version does not have is not told, because neither
/// are the fields that answer it.
static FUNCTIONS: &[(QueryFunction, Answer)] = &[
    (QueryFunction::QUERY_OPERATIONS, operations),
    (QueryFunction::QUERY_OBJECTS, objects),
    (QueryFunction::QUERY_SERVER_INFORMATION, server),
    (QueryFunction::QUERY_APPLICATION_NAMESPACES, namespaces),
    (QueryFunction::QUERY_EXTENSION_LIST, extension_list),
    (QueryFunction::QUERY_EXTENSION_MAP, extension_map),
    // Attestation is refused: no server of this kind can judge a client's platform.
    (QueryFunction::QUERY_ATTESTATION_TYPES, nothing),
    (QueryFunction::QUERY_RNGS, generators),
    // Nobody has validated this server.
    (QueryFunction::QUERY_VALIDATIONS, nothing),
    (QueryFunction::QUERY_PROFILES, profiles),
    (QueryFunction::QUERY_CAPABILITIES, capabilities),
    (
        QueryFunction::QUERY_CLIENT_REGISTRATION_METHODS,
        registration,
    ),
    (QueryFunction::QUERY_DEFAULTS_INFORMATION, defaults),
    (QueryFunction::QUERY_STORAGE_PROTECTION_MASKS, protection),
];

pub fn answer(
    engine: &Arc<Engine>,
    version: Version,
    tenant: OfTenant<'_>,
    request: &QueryRequest,
) -> QueryResponse {
    let mut response = QueryResponse {
        operation: Vec::new(),
        object_type: Vec::new(),
        vendor_identification: None,
        server_information: None,
        application_namespace: Vec::new(),
        extension_information: Vec::new(),
        attestation_type: Vec::new(),
        rng_parameters: Vec::new(),
        profile_information: Vec::new(),
        validation_information: Vec::new(),
        capability_information: Vec::new(),
        client_registration_method: Vec::new(),
        defaults_information: None,
        protection_storage_masks: None,
    };
    for (function, answer) in FUNCTIONS {
        if request.query_function.contains(function) {
            answer(&mut response, engine, version, tenant, request);
        }
    }
    response
}

fn nothing(_: &mut QueryResponse, _: &Arc<Engine>, _: Version, _: OfTenant<'_>, _: &QueryRequest) {}

fn operations(
    response: &mut QueryResponse,
    engine: &Arc<Engine>,
    version: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    response.operation = operation::OPERATIONS
        .iter()
        .filter(|row| row.operation.is_in(version) && row.is_served(engine))
        .map(|row| row.operation)
        .collect();
}

fn objects(
    response: &mut QueryResponse,
    _: &Arc<Engine>,
    version: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    response.object_type = OBJECTS
        .iter()
        .filter(|(_, _, versions)| versions.contains(version))
        .map(|(object_type, _, _)| *object_type)
        .collect();
}

fn server(
    response: &mut QueryResponse,
    engine: &Arc<Engine>,
    _: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    response.vendor_identification = Some(VENDOR.to_owned());
    response.server_information = Some(ServerInformation {
        server_name: Some(engine.settings.node.clone()),
        server_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        product_name: Some(VENDOR.to_owned()),
    });
}

fn namespaces(
    response: &mut QueryResponse,
    _: &Arc<Engine>,
    _: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    response.application_namespace = application::NAMESPACES
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
}

fn extension_list(
    response: &mut QueryResponse,
    _: &Arc<Engine>,
    version: Version,
    _: OfTenant<'_>,
    request: &QueryRequest,
) {
    // With both, only the map is answered (2.1 §6.1.40).
    let map = QueryFunction::QUERY_EXTENSION_MAP;
    if !request.query_function.contains(&map) {
        response.extension_information = extensions(version, false);
    }
}

fn extension_map(
    response: &mut QueryResponse,
    _: &Arc<Engine>,
    version: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    response.extension_information = extensions(version, true);
}

fn generators(
    response: &mut QueryResponse,
    engine: &Arc<Engine>,
    _: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    response.rng_parameters.push(engine.hsm.generator());
}

fn profiles(
    response: &mut QueryResponse,
    engine: &Arc<Engine>,
    version: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    response.profile_information = profile::of(version, &engine.settings)
        .map(|profile_name| ProfileInformation { profile_name })
        .collect();
}

fn capabilities(
    response: &mut QueryResponse,
    _: &Arc<Engine>,
    _: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    response.capability_information.push(CapabilityInformation {
        streaming_capability: Some(true),
        asynchronous_capability: Some(true),
        attestation_capability: Some(false),
        batch_undo_capability: Some(true),
        batch_continue_capability: Some(true),
        unwrap_mode: Some(UnwrapMode::PROCESSED),
        // Attributes stay (1.4 §4.21).
        destroy_action: Some(DestroyAction::KEY_MATERIAL_DELETED),
        shredding_algorithm: Some(ShreddingAlgorithm::CRYPTOGRAPHIC),
        // The token's generator serves all clients.
        rng_mode: Some(RNGMode::SHARED_INSTANTIATION),
        quantum_safe_capability: Some(true),
    });
}

fn registration(
    response: &mut QueryResponse,
    _: &Arc<Engine>,
    _: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    // `keyward client add` makes a certificate, or takes one that a client made.
    response.client_registration_method = vec![
        ClientRegistrationMethod::SERVER_PRE_GENERATED,
        ClientRegistrationMethod::CLIENT_REGISTERED,
    ];
}

fn defaults(
    response: &mut QueryResponse,
    _: &Arc<Engine>,
    _: Version,
    tenant: OfTenant<'_>,
    request: &QueryRequest,
) {
    response.defaults_information =
        tenant.and_then(|rules| rules.defaults(request.object_groups.as_ref()));
}

fn protection(
    response: &mut QueryResponse,
    engine: &Arc<Engine>,
    _: Version,
    _: OfTenant<'_>,
    _: &QueryRequest,
) {
    let mut masks = vec![creation::protection(&engine.hsm, Class::Served)];
    let token = creation::protection(&engine.hsm, Class::Token);
    if !masks.contains(&token) {
        masks.push(token);
    }
    response.protection_storage_masks = Some(ProtectionStorageMasks {
        protection_storage_mask: masks,
    });
}

/// Tags of the server's own, and values beyond this version's enumerations. The list has the names,
/// the map the rest too. Values have no field of their own before 2.0.
fn extensions(version: Version, map: bool) -> Vec<ExtensionInformation> {
    let tags = EXTENSIONS.iter().map(|row| ExtensionInformation {
        extension_name: row.name.to_owned(),
        extension_tag: map.then(|| row.tag.0.cast_signed()),
        type_number: map.then(|| row.item_type.0.cast_signed()),
        extension_type: map.then_some(row.item_type),
        extension_enumeration: None,
        extension_attribute: map.then_some(true),
        extension_description: map.then(|| row.description.to_owned()),
    });
    let algorithm_tag = tag::CRYPTOGRAPHIC_ALGORITHM.0.cast_signed();
    let expressible =
        tag::by_tag(tag::EXTENSION_ENUMERATION).is_some_and(|row| row.versions.contains(version));
    let values =
        pair_algorithm::extensions()
            .filter(|_| expressible)
            .map(|(extension_name, algorithm)| ExtensionInformation {
                extension_name,
                extension_tag: map.then_some(algorithm_tag),
                type_number: None,
                extension_type: map.then_some(ItemType::ENUMERATION),
                extension_enumeration: map.then(|| algorithm.0.cast_signed()),
                extension_attribute: None,
                extension_description: None,
            });
    tags.chain(values).collect()
}

impl Handler for Query {
    type Request = QueryRequest;
    type Response = QueryResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let rules = context.rules().await?;
        let mut response = answer(&context.engine, context.version, Some(&rules), request);
        // Who shows a ticket is told what the ticket allows (2.1 §6.1.12).
        let narrowing = &context.admitted.narrowing;
        response
            .operation
            .retain(|operation| narrowing.permits(*operation));
        Ok(response)
    }
}
