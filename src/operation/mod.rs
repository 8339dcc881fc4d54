//! One file per KMIP operation; this table is the only place that knows them all.

pub mod asynchronous;
pub mod attribute;
pub mod certificate;
pub mod crypto;
pub mod lifecycle;
pub mod object;
pub mod pkcs11;
mod provision;
pub mod renew;
pub mod server;
pub mod session;
pub mod split;

use std::future::Future;
use std::sync::Arc;

use ttlv::{Node, Tag, Value};

use crate::engine::Engine;
use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::protocol::enumeration::Operation;
use crate::protocol::message::encode_payload;
use crate::protocol::seam;
use crate::protocol::structure::{Bytes, Structure};
use crate::protocol::tag;
use crate::protocol::version::Version;

/// An operation: its payloads and what it does.
pub trait Handler {
    type Request: Structure + Send + Sync;
    type Response: Structure + Send;

    fn run(
        context: &mut Context,
        request: &Self::Request,
    ) -> impl Future<Output = Result<Self::Response, Fault>> + Send;
}

/// What the server asks of itself about an operation.
#[derive(Clone, Copy, Debug)]
pub struct OperationRow {
    pub operation: Operation,
    /// Needs no identity: what anybody with a trusted certificate may ask.
    pub anonymous: bool,
    /// Changes objects: its intent is recorded before it runs.
    pub changes: bool,
    /// May take seconds: answered later where the client allows it.
    pub long: bool,
    /// Never answered later: about operations that are, or about the session or connection that asks.
    pub immediate: bool,
}

impl OperationRow {
    /// Whether this server, as configured, serves it at all.
    pub fn is_served(&self, engine: &Engine) -> bool {
        // 2.1 §6.1.26: Interop SHALL NOT be available in a production system.
        self.operation != Operation::INTEROP || engine.settings.interop
    }
}

macro_rules! operations {
    ($($operation:ident = $handler:path, $anonymous:ident, $changes:ident;)*) => {
        /// What this server implements, in the order of the numbers.
        pub static OPERATIONS: &[OperationRow] = &[$(OperationRow {
            operation: Operation::$operation,
            anonymous: stringify!($anonymous).len() == "anybody".len(),
            changes: stringify!($changes).len() == "changes".len()
                || stringify!($changes).len() == "long".len(),
            long: stringify!($changes).len() == "long".len(),
            immediate: stringify!($changes).len() == "now".len(),
        },)*];

        /// Runs an operation on a payload in the newest form; answers the encoded response payload
        /// and adds the Unique Identifiers in it to `answered`.
        pub async fn run(
            context: &mut Context,
            operation: Operation,
            payload: &[Node<'_>],
            answered: &mut Vec<String>,
        ) -> Result<Bytes, Fault> {
            match operation {
                $(Operation::$operation => {
                    Box::pin(one::<$handler>(context, operation, payload, answered)).await
                })*
                other => Err(unsupported(other)),
            }
        }
    };
}

operations! {
    CREATE = object::create::Create, known, changes;
    CREATE_KEY_PAIR = object::create_key_pair::CreateKeyPair, known, long;
    REGISTER = object::register::Register, known, changes;
    RE_KEY = renew::re_key::ReKey, known, changes;
    DERIVE_KEY = object::derive_key::DeriveKey, known, changes;
    CERTIFY = certificate::certify::Certify, known, changes;
    RE_CERTIFY = certificate::re_certify::ReCertify, known, changes;
    LOCATE = object::locate::Locate, known, reads;
    CHECK = object::check::Check, known, reads;
    GET = object::get::Get, known, reads;
    GET_ATTRIBUTES = attribute::get_attributes::GetAttributes, known, reads;
    GET_ATTRIBUTE_LIST = attribute::get_attribute_list::GetAttributeList, known, reads;
    ADD_ATTRIBUTE = attribute::add_attribute::AddAttribute, known, changes;
    MODIFY_ATTRIBUTE = attribute::modify_attribute::ModifyAttribute, known, changes;
    DELETE_ATTRIBUTE = attribute::delete_attribute::DeleteAttribute, known, changes;
    OBTAIN_LEASE = lifecycle::obtain_lease::ObtainLease, known, reads;
    GET_USAGE_ALLOCATION = lifecycle::get_usage_allocation::GetUsageAllocation, known, changes;
    ACTIVATE = lifecycle::activate::Activate, known, changes;
    REVOKE = lifecycle::revoke::Revoke, known, changes;
    DESTROY = lifecycle::destroy::Destroy, known, changes;
    ARCHIVE = lifecycle::archive::Archive, known, changes;
    RECOVER = lifecycle::recover::Recover, known, changes;
    VALIDATE = certificate::validate::Validate, known, reads;
    QUERY = server::query::Query, anybody, reads;
    DISCOVER_VERSIONS = server::discover_versions::DiscoverVersions, anybody, reads;
    RE_KEY_KEY_PAIR = renew::re_key_key_pair::ReKeyKeyPair, known, long;
    ENCRYPT = crypto::encrypt::Encrypt, known, reads;
    DECRYPT = crypto::decrypt::Decrypt, known, reads;
    MAC = crypto::mac::Mac, known, reads;
    MAC_VERIFY = crypto::mac_verify::MacVerify, known, reads;
    CANCEL = asynchronous::cancel::Cancel, known, now;
    POLL = asynchronous::poll::Poll, known, now;
    SIGN = crypto::sign::Sign, known, reads;
    SIGNATURE_VERIFY = crypto::signature_verify::SignatureVerify, known, reads;
    RNG_RETRIEVE = crypto::rng_retrieve::RngRetrieve, known, reads;
    RNG_SEED = crypto::rng_seed::RngSeed, known, reads;
    HASH = crypto::hash::Hash, known, reads;
    CREATE_SPLIT_KEY = split::create_split_key::CreateSplitKey, known, changes;
    JOIN_SPLIT_KEY = split::join_split_key::JoinSplitKey, known, changes;
    IMPORT = object::import::Import, known, changes;
    EXPORT = object::export::Export, known, reads;
    LOG = server::log::Log, known, reads;
    LOGIN = session::login::Login, known, now;
    LOGOUT = session::logout::Logout, known, now;
    DELEGATED_LOGIN = session::delegated_login::DelegatedLogin, known, now;
    ADJUST_ATTRIBUTE = attribute::adjust_attribute::AdjustAttribute, known, changes;
    SET_ATTRIBUTE = attribute::set_attribute::SetAttribute, known, changes;
    SET_ENDPOINT_ROLE = server::set_endpoint_role::SetEndpointRole, known, now;
    RE_PROVISION = renew::re_provision::ReProvision, known, changes;
    PING = server::ping::Ping, anybody, reads;
    SET_DEFAULTS = server::set_defaults::SetDefaults, known, changes;
    SET_CONSTRAINTS = server::set_constraints::SetConstraints, known, changes;
    GET_CONSTRAINTS = server::get_constraints::GetConstraints, known, reads;
    QUERY_ASYNCHRONOUS_REQUESTS = asynchronous::query_asynchronous_requests::QueryAsynchronousRequests, known, now;
    PROCESS = asynchronous::process::Process, known, now;
    PKCS_11 = pkcs11::Pkcs11, known, reads;
    INTEROP = server::interop::Interop, known, reads;
}

fn unsupported(operation: Operation) -> Fault {
    Fault::new(
        Reason::OperationNotSupported,
        format!("the operation {operation} is not supported"),
    )
}

/// The row of an operation; None when the server does not have it.
pub fn row(operation: Operation) -> Option<&'static OperationRow> {
    OPERATIONS.iter().find(|row| row.operation == operation)
}

async fn one<H: Handler>(
    context: &mut Context,
    operation: Operation,
    payload: &[Node<'_>],
    answered: &mut Vec<String>,
) -> Result<Bytes, Fault> {
    if !operation.is_in(context.version) {
        return Err(unsupported(operation));
    }
    let provided = provision::complete(context, operation, payload).await?;
    let request = H::Request::from_items(provided.as_deref().unwrap_or(payload))?;
    let version = context.version;
    let response = H::run(context, &request).await?;
    let items = response.to_items(version)?;
    for item in items.iter().filter(|item| IDENTIFIERS.contains(&item.tag)) {
        if let Value::TextString(text) = &item.value {
            answered.push(text.to_string());
        }
    }
    Ok(encode_payload(&seam::response(operation, version, items)))
}

/// Fields of answers that are Unique Identifiers (2.1 §4.58 counts them).
static IDENTIFIERS: &[Tag] = &[
    tag::UNIQUE_IDENTIFIER,
    tag::PRIVATE_KEY_UNIQUE_IDENTIFIER,
    tag::PUBLIC_KEY_UNIQUE_IDENTIFIER,
];

/// What anybody may ask; the answer in the newest form.
pub fn run_anonymous(
    engine: &Arc<Engine>,
    operation: Operation,
    version: Version,
    payload: &[Node<'_>],
) -> Result<Vec<Node<'static>>, Fault> {
    fn owned(items: Vec<Node<'_>>) -> Vec<Node<'static>> {
        items.into_iter().map(Node::into_owned).collect()
    }
    match operation {
        Operation::QUERY => {
            let request = server::query::QueryRequest::from_items(payload)?;
            Ok(owned(
                server::query::answer(engine, version, None, &request).to_items(version)?,
            ))
        }
        Operation::DISCOVER_VERSIONS => {
            let request = server::discover_versions::DiscoverVersionsRequest::from_items(payload)?;
            Ok(owned(
                server::discover_versions::answer(&request).to_items(version)?,
            ))
        }
        Operation::PING if operation.is_in(version) => Ok(Vec::new()),
        other => Err(unsupported(other)),
    }
}
