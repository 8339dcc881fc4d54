//! Query (1.4 §4.25, 2.1 §6.1.40). Answers follow from the tables: what a version does not have is not told.

use std::sync::Arc;

use ttlv::Value;

use crate::engine::Engine;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::object::pair_algorithm;
use crate::operation::{self, Handler};
use crate::protocol::enumeration::{
    BatchErrorContinuationOption, ItemType, ObjectType, Operation, QueryFunction,
    ShreddingAlgorithm, UnwrapMode,
};
use crate::protocol::mask::ProtectionStorageMask;
use crate::protocol::object::OBJECTS;
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::structure;

structure! {
    pub struct QueryRequest {
        query_function: Vec<QueryFunction> = QUERY_FUNCTION;
    }
    pub struct QueryResponse {
        operation: Vec<Operation> = OPERATION;
        object_type: Vec<ObjectType> = OBJECT_TYPE;
        vendor_identification: Option<String> = VENDOR_IDENTIFICATION;
        server_information: Option<ServerInformation> = SERVER_INFORMATION;
        application_namespace: Vec<String> = APPLICATION_NAMESPACE;
        extension_information: Vec<ExtensionInformation> = EXTENSION_INFORMATION, since V2_0;
        rng_parameters: Vec<Value<'static>> = RNG_PARAMETERS, since V1_3;
        capability_information: Vec<CapabilityInformation> = CAPABILITY_INFORMATION, since V1_3;
        protection_storage_masks: Option<ProtectionStorageMasks> = PROTECTION_STORAGE_MASKS, since V2_0;
    }
    /// 2.1 §7.32; a structure of the vendor's own before 2.0, so left empty there.
    pub struct ServerInformation {
        server_name: Option<String> = SERVER_NAME, since V2_0;
        server_version: Option<String> = SERVER_VERSION, since V2_0;
        product_name: Option<String> = PRODUCT_NAME, since V2_0;
    }
    /// 2.1 §7.13. Before 2.0 it describes tags only, and this server has none of its own there.
    pub struct ExtensionInformation {
        extension_name: String = EXTENSION_NAME;
        extension_tag: Option<i32> = EXTENSION_TAG;
        extension_type: Option<ItemType> = EXTENSION_TYPE;
        extension_enumeration: Option<i32> = EXTENSION_ENUMERATION, since V2_0;
    }
    /// 2.1 §7.3.
    pub struct CapabilityInformation {
        streaming_capability: Option<bool> = STREAMING_CAPABILITY, since V1_3;
        asynchronous_capability: Option<bool> = ASYNCHRONOUS_CAPABILITY, since V1_3;
        attestation_capability: Option<bool> = ATTESTATION_CAPABILITY, since V1_3;
        batch_undo_capability: Option<bool> = BATCH_UNDO_CAPABILITY, since V1_4;
        batch_continue_capability: Option<bool> = BATCH_CONTINUE_CAPABILITY, since V1_4;
        unwrap_mode: Option<UnwrapMode> = UNWRAP_MODE, since V1_3;
        shredding_algorithm: Option<ShreddingAlgorithm> = SHREDDING_ALGORITHM, since V1_3;
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

pub fn answer(engine: &Arc<Engine>, version: Version, request: &QueryRequest) -> QueryResponse {
    let asks = |function: QueryFunction| request.query_function.contains(&function);
    let mut response = QueryResponse {
        operation: Vec::new(),
        object_type: Vec::new(),
        vendor_identification: None,
        server_information: None,
        application_namespace: Vec::new(),
        extension_information: extensions(
            asks(QueryFunction::QUERY_EXTENSION_LIST),
            asks(QueryFunction::QUERY_EXTENSION_MAP),
        ),
        rng_parameters: Vec::new(),
        capability_information: Vec::new(),
        protection_storage_masks: None,
    };
    if asks(QueryFunction::QUERY_OPERATIONS) {
        response.operation = operation::OPERATIONS
            .iter()
            .filter(|row| row.operation.is_in(version) && row.is_served(engine))
            .map(|row| row.operation)
            .collect();
    }
    if asks(QueryFunction::QUERY_OBJECTS) {
        response.object_type = OBJECTS
            .iter()
            .filter(|(_, _, since)| *since <= version)
            .map(|(object_type, _, _)| *object_type)
            .collect();
    }
    if asks(QueryFunction::QUERY_SERVER_INFORMATION) {
        response.vendor_identification = Some(VENDOR.to_owned());
        response.server_information = Some(ServerInformation {
            server_name: Some(engine.settings.node.clone()),
            server_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            product_name: Some(VENDOR.to_owned()),
        });
    }
    if asks(QueryFunction::QUERY_RNGS) {
        response.rng_parameters.push(engine.hsm.generator());
    }
    if asks(QueryFunction::QUERY_CAPABILITIES) {
        response.capability_information.push(CapabilityInformation {
            streaming_capability: Some(true),
            asynchronous_capability: Some(true),
            attestation_capability: Some(false),
            batch_undo_capability: Some(can(BatchErrorContinuationOption::UNDO)),
            batch_continue_capability: Some(can(BatchErrorContinuationOption::CONTINUE)),
            unwrap_mode: Some(UnwrapMode::PROCESSED),
            shredding_algorithm: Some(ShreddingAlgorithm::CRYPTOGRAPHIC),
        });
    }
    if asks(QueryFunction::QUERY_STORAGE_PROTECTION_MASKS) {
        response.protection_storage_masks = Some(ProtectionStorageMasks {
            protection_storage_mask: vec![engine.hsm.protection()],
        });
    }
    response
}

/// Values beyond this version's enumerations. The list has the names, the map the rest too.
fn extensions(list: bool, map: bool) -> Vec<ExtensionInformation> {
    if !list && !map {
        return Vec::new();
    }
    pair_algorithm::extensions()
        .map(|(extension_name, algorithm)| ExtensionInformation {
            extension_name,
            extension_tag: map
                .then(|| i32::try_from(tag::CRYPTOGRAPHIC_ALGORITHM.0).ok())
                .flatten(),
            extension_type: map.then_some(ItemType::ENUMERATION),
            extension_enumeration: map.then(|| algorithm.0.cast_signed()),
        })
        .collect()
}

/// All three continuation options are served (`engine/batch.rs`).
fn can(_: BatchErrorContinuationOption) -> bool {
    true
}

impl Handler for Query {
    type Request = QueryRequest;
    type Response = QueryResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let mut response = answer(&context.engine, context.version, request);
        // Who shows a ticket is told what the ticket allows (2.1 §6.1.12).
        let narrowing = &context.admitted.narrowing;
        response
            .operation
            .retain(|operation| narrowing.permits(*operation));
        Ok(response)
    }
}
