//! Automatic rotation (2.1 §4.48 to §4.54): the server re-keys by itself what is due, as the owner
//! would by Re-key, Re-key Key Pair or Re-certify.
//!
//! Every node looks; the database decides. A rotation is a new version of the replaced object's row,
//! so of several nodes that rotate it one commits and the others meet a conflict and drop what they
//! made (DESIGN §5).

use std::collections::HashMap;
use std::sync::Arc;

use super::Engine;
use super::batch::Sender;
use super::context::Context;
use super::directory::Caller;
use super::endpoint::Roles;
use super::entity::EntityError;
use super::error::{Fault, Reason};
use super::founding::{self, FoundingError};
use super::tenant::Identity;
use crate::audit::{Outcome, Trace};
use crate::object::managed::Sealed;
use crate::object::{index, inspection, renewal};
use crate::operation::Handler;
use crate::operation::certificate::re_certify::{ReCertify, ReCertifyRequest};
use crate::operation::renew::re_key::{ReKey, ReKeyRequest};
use crate::operation::renew::re_key_key_pair::{ReKeyKeyPair, ReKeyKeyPairRequest};
use crate::protocol::enumeration::{ObjectType, Operation, State};
use crate::protocol::identifier::Identifier;
use crate::protocol::structure::Interval;
use crate::protocol::tag;
use crate::protocol::version::Version;
use crate::store::StoreError;
use crate::store::filter::{Filter, Term};
use crate::store::record::{Commit, TenantId};

/// Objects per look.
const PAGE: u32 = 100;
/// How long an object whose rotation failed is left alone, in seconds, unless it changes.
const REST: i64 = 3600;
/// In the audit log, where a client's address stands.
const ADDRESS: &str = "server";

/// Objects whose rotation failed: in which version, and when it is tried again.
#[derive(Debug, Default)]
pub struct Failed(HashMap<(TenantId, String), (i64, i64)>);

impl Failed {
    fn rests(&self, object: &Sealed, now: i64) -> bool {
        let place = (object.tenant, object.unique_identifier.clone());
        self.0
            .get(&place)
            .is_some_and(|(version, until)| *version == object.version() && now < *until)
    }

    fn note(&mut self, object: &Sealed, now: i64) {
        let place = (object.tenant, object.unique_identifier.clone());
        self.0
            .insert(place, (object.version(), now.saturating_add(REST)));
    }
}

/// Looks for what is due for as long as the engine lives.
pub(super) fn keep(engine: &Arc<Engine>) {
    let (weak, period) = (Arc::downgrade(engine), engine.settings.rotation);
    tokio::spawn(async move {
        let mut failed = Failed::default();
        loop {
            tokio::time::sleep(period).await;
            let Some(engine) = weak.upgrade() else { return };
            if let Err(error) = turn(&engine, &mut failed).await {
                tracing::warn!(%error, "keys whose rotation is due cannot be looked for");
            }
        }
    });
}

/// Rotates what is due now in all tenants; answers how much this node rotated.
///
/// # Errors
/// When the tenants cannot be read, or what is due cannot be searched.
pub async fn turn(engine: &Arc<Engine>, failed: &mut Failed) -> Result<u64, FoundingError> {
    let now = engine.clock.now();
    failed.0.retain(|_, (_, until)| now < *until);
    let mut rotated = 0;
    for (tenant, _) in founding::tenants(&engine.store, &engine.hsm).await? {
        if engine.tenant(tenant).await?.shredded {
            continue;
        }
        rotated += in_tenant(engine, tenant, now, failed).await?;
    }
    Ok(rotated)
}

async fn in_tenant(
    engine: &Arc<Engine>,
    tenant: TenantId,
    now: i64,
    failed: &mut Failed,
) -> Result<u64, FoundingError> {
    let mut rotated = 0;
    let mut filter = Filter {
        tenant,
        owner: None,
        terms: vec![Term::Between {
            attribute: tag::ROTATE_INTERVAL.0,
            name: index::DUE.to_owned(),
            low: i64::MIN,
            high: now,
        }],
        online: true,
        archived: false,
        destroyed: false,
        // What stays due is passed over in the next look.
        offset: 0,
        maximum: Some(PAGE),
        count: false,
    };
    loop {
        let hits = engine.store.locate(&filter).await?.unique_identifiers;
        let last = hits.len() < PAGE as usize;
        for identifier in hits {
            if one(engine, tenant, &identifier, now, failed).await {
                rotated += 1;
            } else {
                filter.offset = filter.offset.saturating_add(1);
            }
        }
        if last {
            return Ok(rotated);
        }
    }
}

/// Rotates one object; whether this node did.
async fn one(
    engine: &Arc<Engine>,
    tenant: TenantId,
    identifier: &str,
    now: i64,
    failed: &mut Failed,
) -> bool {
    let object = match engine.fetch(tenant, identifier).await {
        Ok(Some(object)) => object,
        Ok(None) => return false,
        Err(error) => {
            tracing::error!(identifier, %error, "an object whose rotation is due is not used");
            return false;
        }
    };
    // Index rows are a hint; and a Deactivation Date may have come.
    let lives = matches!(object.state(now), State::PRE_ACTIVE | State::ACTIVE);
    let due = renewal::due(&object.attributes).is_some_and(|due| due <= now);
    if !due || !lives || failed.rests(&object, now) {
        return false;
    }
    match rotate(engine, &object).await {
        Ok(rotated) => rotated,
        Err(fault) => {
            tracing::warn!(identifier, reason = fault.reason.name(), message = %fault.message,
                "an automatic rotation failed; it is tried again in an hour");
            failed.note(&object, now);
            false
        }
    }
}

/// What replaces objects of a type.
fn operation(object: &Sealed) -> Result<Operation, Fault> {
    match object.object_type() {
        ObjectType::SYMMETRIC_KEY => Ok(Operation::RE_KEY),
        ObjectType::PRIVATE_KEY | ObjectType::PUBLIC_KEY => Ok(Operation::RE_KEY_KEY_PAIR),
        ObjectType::CERTIFICATE => Ok(Operation::RE_CERTIFY),
        other => Err(Fault::new(
            Reason::FeatureNotSupported,
            format!("objects of type {other} are not rotated automatically"),
        )),
    }
}

async fn rotate(engine: &Arc<Engine>, object: &Sealed) -> Result<bool, Fault> {
    let operation = operation(object)?;
    let sender = sender(engine, object).await?;
    let correlation = engine.correlation_value();
    engine.audit.admit().await?;
    let now = engine.clock.now();
    let mut trace = engine
        .audit
        .begin(operation, &sender, now, (&correlation, 0));
    engine.audit.intend(&trace).await;
    let result = match prepare(engine, &sender, object, now).await {
        Ok(context) => commit(engine, context, &mut trace).await,
        Err(fault) => Err(fault),
    };
    let failure = result.as_ref().err().map(|fault| fault.reason);
    engine.metrics.operation(operation, failure);
    match result {
        Ok(true) => Ok(true),
        Ok(false) => {
            tracing::debug!(
                identifier = object.unique_identifier,
                "another node was first"
            );
            engine.audit.done(trace, Outcome::Undone).await;
            Ok(false)
        }
        Err(fault) => {
            engine
                .audit
                .done(trace, Outcome::Failure(fault.reason))
                .await;
            Err(fault)
        }
    }
}

/// The owner as caller, with none of the permissions that only some clients have.
async fn sender(engine: &Engine, object: &Sealed) -> Result<Sender, Fault> {
    let tenant = engine
        .tenant(object.tenant)
        .await
        .map_err(|error| match error {
            EntityError::Store(error) => error.into(),
            EntityError::Unsound(error) => super::context::unsound("tenant", &error),
        })?;
    Ok(Sender {
        caller: Ok(Arc::new(Caller {
            tenant_id: object.tenant,
            tenant,
            identity: Identity {
                name: object.owner.clone(),
                created: 0,
                profiles: Vec::new(),
                requires_credential: false,
                derive: Vec::new(),
            },
            credential: None,
        })),
        address: ADDRESS.to_owned(),
        roles: Roles::Fixed,
    })
}

/// Runs the operation; its changes wait in the context.
async fn prepare(
    engine: &Arc<Engine>,
    sender: &Sender,
    object: &Sealed,
    now: i64,
) -> Result<Context, Fault> {
    let caller = Arc::clone(sender.caller.as_ref().map_err(Clone::clone)?);
    let mut context = Context::new(Arc::clone(engine), caller, Version::NEWEST, now);
    // 2.1 §4.54: the Offset of the equivalent operation.
    let offset = match object.attributes.get(tag::ROTATE_OFFSET) {
        Some(ttlv::Value::Interval(seconds)) => Some(Interval(*seconds)),
        _ => None,
    };
    renew(&mut context, object, offset).await?;
    Ok(context)
}

/// The equivalent of what a client would ask for.
async fn renew(
    context: &mut Context,
    object: &Sealed,
    offset: Option<Interval>,
) -> Result<(), Fault> {
    let own = || object.unique_identifier.clone();
    if object.object_type() == ObjectType::SYMMETRIC_KEY {
        let request = ReKeyRequest {
            unique_identifier: Some(Identifier::Text(own())),
            offset,
            attributes: None,
            protection_storage_masks: None,
        };
        return ReKey::run(context, &request).await.map(|_| ());
    }
    if object.object_type() == ObjectType::CERTIFICATE {
        let request = ReCertifyRequest {
            unique_identifier: Some(Identifier::Text(own())),
            offset,
            certificate_request_unique_identifier: None,
            certificate_request_type: None,
            certificate_request_value: None,
            attributes: None,
            protection_storage_masks: None,
        };
        return ReCertify::run(context, &request).await.map(|_| ());
    }
    let (_, to_private) = inspection::PAIR_LINKS;
    let private = match object.object_type() {
        ObjectType::PUBLIC_KEY => renewal::linked(&object.attributes, to_private),
        _ => None,
    };
    let request = ReKeyKeyPairRequest {
        private_key_unique_identifier: Some(Identifier::Text(private.unwrap_or_else(own))),
        offset,
        common_attributes: None,
        private_key_attributes: None,
        public_key_attributes: None,
        common_protection_storage_masks: None,
        private_protection_storage_masks: None,
        public_protection_storage_masks: None,
    };
    ReKeyKeyPair::run(context, &request).await.map(|_| ())
}

/// Whether this node's replacement is the one.
async fn commit(
    engine: &Engine,
    mut context: Context,
    trace: &mut Trace<'_>,
) -> Result<bool, Fault> {
    trace.touched.append(&mut context.touched);
    let commit = Commit {
        changes: context.take_changes(),
        audit: vec![engine.audit.outcome(trace)],
    };
    match engine.commit(commit).await {
        Ok(()) => {
            trace.commit();
            Ok(true)
        }
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
