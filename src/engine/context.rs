//! The doors: an operation reaches objects, keys and the store only through its context, which
//! knows who asks, what the batch has done so far and what is to be written.

pub mod allocation;
mod changes;
mod entities;
mod files;
mod located;

use std::collections::HashMap;
use std::sync::Arc;

use self::allocation::Credit;
use self::changes::{Restore, Staged};
use self::entities::StagedEntity;
use self::files::Files;
use super::Engine;
use super::access::{self, Decision, Permission};
use super::directory::Caller;
use super::endpoint::Roles;
use super::error::{Fault, Reason};
use super::session::{Admitted, ticket};
use super::unsettled::Unsettled;
use crate::object::derivation_master;
use crate::object::managed::{Sealed, Unsound};
use crate::object::state;
use crate::protocol::enumeration::UniqueIdentifier;
use crate::protocol::identifier::Identifier;
use crate::protocol::version::Version;
use crate::store::record::{Change, EntityKind, TenantId};

/// Whether an operation can do with a destroyed object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destroyed {
    Refused,
    Allowed,
}

/// Identifiers that this batch has produced (ID Placeholder and the enumeration of 2.1 §11.58).
#[derive(Debug, Default)]
pub struct Produced {
    placeholder: Option<String>,
    by_operation: Vec<(UniqueIdentifier, String)>,
    /// Every Unique Identifier of the response so far, in order (2.1 §4.58).
    by_position: Vec<String>,
}

/// What had been produced at some moment: both lists only grow.
#[derive(Clone, Debug)]
struct Mark {
    placeholder: Option<String>,
    by_operation: usize,
    by_position: usize,
}

impl Produced {
    fn mark(&self) -> Mark {
        Mark {
            placeholder: self.placeholder.clone(),
            by_operation: self.by_operation.len(),
            by_position: self.by_position.len(),
        }
    }

    fn back_to(&mut self, mark: Mark) {
        self.placeholder = mark.placeholder;
        self.by_operation.truncate(mark.by_operation);
        self.by_position.truncate(mark.by_position);
    }
}

#[derive(Debug)]
pub struct Context {
    pub engine: Arc<Engine>,
    pub caller: Arc<Caller>,
    pub version: Version,
    /// Seconds since 1970, one moment for the whole message.
    pub now: i64,
    /// Identifiers that the item touched, for its audit record.
    pub touched: Vec<String>,
    /// The mechanism that the item used and who computed it, for its audit record.
    pub computed: Option<(&'static str, &'static str)>,
    /// Who asks and who answers on the connection once the message is answered.
    pub roles: Roles,
    /// The PKCS#11 function that the item asked for and, where it did not answer OK, what it answered
    /// instead: for its audit record.
    pub function: Option<(&'static str, Option<&'static str>)>,
    /// What the client said, for its audit record.
    pub words: Option<String>,
    /// What the message's credentials came to.
    pub admitted: Admitted,
    produced: Produced,
    staged: HashMap<String, Staged>,
    /// Rows that are no objects, to be written with the same commit.
    rows: Vec<Change>,
    /// Rows that are no objects and that this batch reads back.
    entities: HashMap<(EntityKind, String), StagedEntity>,
    credit: Credit,
    files: Files,
    /// What earlier items wrote that may not be durable yet.
    pub(super) unsettled: Unsettled,
    /// What brings the node's memory back to where it was, newest last.
    restores: Vec<Restore>,
    /// The object that was opened last: a batch often does the same with one key many times.
    last: Option<Sealed>,
}

impl Context {
    pub fn new(engine: Arc<Engine>, caller: Arc<Caller>, version: Version, now: i64) -> Self {
        Context {
            engine,
            caller,
            version,
            now,
            touched: Vec::new(),
            computed: None,
            roles: Roles::Fixed,
            function: None,
            words: None,
            admitted: Admitted::default(),
            produced: Produced::default(),
            staged: HashMap::new(),
            rows: Vec::new(),
            entities: HashMap::new(),
            credit: Credit::default(),
            files: Files::default(),
            unsettled: Unsettled::default(),
            restores: Vec::new(),
            last: None,
        }
    }

    pub fn tenant(&self) -> TenantId {
        self.caller.tenant_id
    }

    /// The identifier that a request means; without one, the ID Placeholder (2.1 §4.58, §6.1).
    pub fn identifier(&self, given: Option<&Identifier>) -> Result<String, Fault> {
        let found = match given {
            None => self.produced.placeholder.clone(),
            Some(Identifier::Text(text)) => return Ok(text.clone()),
            Some(Identifier::Reference(number)) => {
                let wanted = UniqueIdentifier(*number);
                if wanted == UniqueIdentifier::ID_PLACEHOLDER {
                    self.produced.placeholder.clone()
                } else {
                    let mut found = self.produced.by_operation.iter().rev();
                    found
                        .find(|(operation, _)| *operation == wanted)
                        .map(|(_, id)| id.clone())
                }
            }
            Some(Identifier::Position(position)) => {
                let count = i64::try_from(self.produced.by_position.len()).unwrap_or(i64::MAX);
                let place = if *position < 0 {
                    count + i64::from(*position)
                } else {
                    i64::from(*position)
                };
                usize::try_from(place)
                    .ok()
                    .and_then(|place| self.produced.by_position.get(place).cloned())
            }
        };
        found.ok_or_else(|| {
            Fault::new(
                Reason::ObjectNotFound,
                "the request names no Unique Identifier and no earlier item of the batch set the ID Placeholder",
            )
        })
    }

    /// Sets the ID Placeholder, and what the 2.x enumeration calls this result.
    pub fn produce(&mut self, operation: UniqueIdentifier, identifier: &str) {
        self.produced.placeholder = Some(identifier.to_owned());
        self.also_produce(operation, identifier);
    }

    /// A further name of a result, without touching the ID Placeholder.
    pub fn also_produce(&mut self, operation: UniqueIdentifier, identifier: &str) {
        self.produced
            .by_operation
            .push((operation, identifier.to_owned()));
    }

    /// Sets the ID Placeholder alone: the enumeration of 2.1 §11.58 has no name for this result.
    pub fn place(&mut self, identifier: &str) {
        self.produced.placeholder = Some(identifier.to_owned());
    }

    pub fn empty_placeholder(&mut self) {
        self.produced.placeholder = None;
    }

    /// Notes the Unique Identifiers that an item answered.
    pub(super) fn answered(&mut self, identifiers: Vec<String>) {
        self.produced.by_position.extend(identifiers);
    }

    /// Whether the caller may do this where there is no object yet.
    pub fn permit(&mut self, permission: Permission) -> Result<(), Fault> {
        if self.touched.is_empty() {
            self.admitted.narrowing.cover_none()?;
        }
        match access::decide_tenant(&self.caller, permission) {
            Decision::Allow => Ok(()),
            Decision::Deny | Decision::Hide => Err(denied(permission)),
        }
    }

    /// Whether the caller may do this, too, with an object that was let through a door.
    pub fn permit_with(&self, object: &Sealed, permission: Permission) -> Result<(), Fault> {
        match access::decide(&self.caller, object, permission) {
            Decision::Allow => Ok(()),
            Decision::Deny | Decision::Hide => Err(denied(permission)),
        }
    }

    /// Notes which mechanism is used and who computes it.
    pub fn computed(&mut self, mechanism: &'static str, by: &'static str) {
        self.computed = Some((mechanism, by));
    }

    /// The version that an object's row will have once what this item changed is written.
    pub fn version_of(&self, object: &Sealed) -> i64 {
        self.staged
            .get(&object.unique_identifier)
            .map_or(object.version(), |staged| staged.row.record.version)
    }

    /// The door to an object: found, verified, fresh and permitted, or a refusal.
    pub async fn object(
        &mut self,
        given: Option<&Identifier>,
        permission: Permission,
        destroyed: Destroyed,
    ) -> Result<Sealed, Fault> {
        let identifier = self.identifier(given)?;
        self.object_named(&identifier, permission, destroyed).await
    }

    pub async fn object_named(
        &mut self,
        identifier: &str,
        permission: Permission,
        destroyed: Destroyed,
    ) -> Result<Sealed, Fault> {
        let object = match self.reopened(identifier) {
            Some(object) => object,
            None => self
                .peek(identifier)
                .await?
                .ok_or_else(|| Fault::not_found(identifier))?,
        };
        match access::decide(&self.caller, &object, permission) {
            Decision::Allow => {}
            Decision::Deny => return Err(denied(permission)),
            Decision::Hide => return Err(Fault::not_found(identifier)),
        }
        self.admitted.narrowing.cover(&object)?;
        derivation_master::permit(&object, permission)?;
        self.touch(&object.unique_identifier);
        if destroyed == Destroyed::Refused && state::is_destroyed(&object.attributes) {
            return Err(Fault::new(
                Reason::ObjectDestroyed,
                "the object is destroyed; only its attributes remain",
            ));
        }
        if object.archived && !reaches_archived(permission, self.version) {
            return Err(Fault::new(
                Reason::ObjectArchived,
                "the object is archived; recover it first",
            ));
        }
        self.last = Some(object.clone());
        Ok(object)
    }

    /// The object that an earlier item of the message opened, unless somebody has changed it since.
    fn reopened(&mut self, identifier: &str) -> Option<Sealed> {
        let staged = self.staged.contains_key(identifier);
        self.last
            .take_if(|last| last.unique_identifier == identifier)
            .filter(|last| !staged && self.engine.is_newest(last))
    }

    /// For the audit record, once each.
    fn touch(&mut self, identifier: &str) {
        if self.touched.iter().all(|known| known != identifier) {
            self.touched.push(identifier.to_owned());
        }
    }

    /// An object without asking for permission: for checks that tell the caller nothing of it.
    pub async fn peek(&self, identifier: &str) -> Result<Option<Sealed>, Fault> {
        if let Some(staged) = self.staged.get(identifier) {
            return staged
                .row
                .sealed()
                .map(Some)
                .map_err(|error| unsound(identifier, &error));
        }
        self.settled().await?;
        self.engine
            .fetch(self.tenant(), identifier)
            .await
            .map_err(|error| error.fault(identifier))
    }

    /// Waits until what earlier items wrote is durable: before that nothing else can read it.
    ///
    /// # Errors
    /// Where some of it was lost.
    pub(super) async fn settled(&self) -> Result<(), Fault> {
        self.unsettled.settle(&self.engine).await
    }

    /// Whether nothing but rows follows from this item's going through.
    pub(super) fn only_writes(&self) -> bool {
        self.restores.is_empty()
    }

    /// Whether the tenant has an object of this identifier, visible or not.
    pub async fn is_taken(&self, identifier: &str) -> Result<bool, Fault> {
        Ok(self.peek(identifier).await?.is_some())
    }

    /// Ends an operation that went well: what it takes from a ticket is taken, by itself, so that it
    /// stays used whatever becomes of the batch.
    ///
    /// # Errors
    /// Not Authorised where it used no object and only rights for objects are there.
    pub(super) async fn settle(&mut self) -> Result<(), Fault> {
        if self.touched.is_empty() {
            self.admitted.narrowing.cover_none()?;
        }
        match self.admitted.narrowing.charge() {
            Some(charge) => ticket::charge(&self.engine, self.tenant(), &charge).await,
            None => Ok(()),
        }
    }
}

/// What can be done with an archived object, and since which version: 1.4 §11 answers Object Archived
/// to everything but Recover; 2.x has no such reason for these.
static ON_ARCHIVED: &[(Permission, Version)] = &[
    (Permission::Recover, Version::V1_0),
    (Permission::GetAttributes, Version::V2_0),
    (Permission::Destroy, Version::V2_0),
];

fn reaches_archived(permission: Permission, version: Version) -> bool {
    ON_ARCHIVED
        .iter()
        .any(|(reaching, since)| *reaching == permission && *since <= version)
}

fn denied(permission: Permission) -> Fault {
    Fault::new(
        Reason::PermissionDenied,
        format!(
            "this identity lacks the permission {:?}; an administrator can grant it",
            permission.name()
        ),
    )
}

/// A row that cannot be trusted: the client learns that, the log learns why.
pub fn unsound(identifier: &str, error: &Unsound) -> Fault {
    match error {
        Unsound::Token(error) => super::token_error::fault(error),
        other => {
            tracing::error!(identifier, error = %other, "a row is not what this server wrote; it is not used");
            Fault::new(
                Reason::Internal,
                "the stored object failed its integrity check and is not used; tell the administrator",
            )
        }
    }
}
