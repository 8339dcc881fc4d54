//! What administrators do at the command line, in the transaction that does it. Commands have a log
//! of their own: a node's numbers belong to its server, which may be running beside them.

use super::record::{Line, Outcome};
use super::spool;
use crate::store::record::{Change, Commit, TenantId};
use crate::store::{Store, StoreError};

/// The name of the commands' log.
pub const NODE: &str = "command-line";

/// Who has done what no administrator asked for.
pub const SERVER: &str = "server";
pub const ADMINISTRATOR: &str = "administrator";

/// Times to take another number when two commands took the same.
const ATTEMPTS: u32 = 5;

/// A deed of an administrator.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// As `keyward` calls it: `client add`.
    pub command: &'a str,
    pub tenant: TenantId,
    /// What it was done to: an identity, a tenant, a key.
    pub object: &'a str,
    /// Seconds since 1970.
    pub time: i64,
}

/// Writes changes with the record of the deed, whole or not at all.
///
/// # Errors
/// The store's own; `Conflict` when others keep writing to the commands' log.
pub async fn write(store: &Store, changes: Vec<Change>, deed: Deed<'_>) -> Result<(), StoreError> {
    write_by(store, changes, deed, ADMINISTRATOR).await
}

/// The same where `by` had it done: a server that makes what a deployment lacks.
pub async fn write_by(
    store: &Store,
    changes: Vec<Change>,
    deed: Deed<'_>,
    by: &str,
) -> Result<(), StoreError> {
    let mut body = Vec::new();
    Line {
        phase: "outcome",
        time: deed.time,
        tenant: deed.tenant.0,
        identity: by,
        address: NODE,
        request: "",
        item: 0,
        items: None,
        operation: deed.command,
        objects: &[deed.object.to_owned()],
        version: None,
        mechanism: None,
        by: None,
        function: None,
        credentials: &[],
        words: None,
        why: None,
        suppressed: None,
        result: Outcome::Success.name(),
    }
    .append(&mut body);
    for _ in 0..ATTEMPTS {
        let sequence = store.audit_head(NODE).await? + 1;
        let commit = Commit {
            changes: changes.clone(),
            audit: vec![spool::row(NODE, sequence, &body)],
        };
        match store.apply(commit).await {
            // Somebody else's command has taken the number.
            Err(StoreError::Damaged(_)) if store.audit_head(NODE).await? >= sequence => {}
            other => return other,
        }
    }
    Err(StoreError::Conflict)
}
