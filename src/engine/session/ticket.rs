//! Tickets of Login and Delegated Login (2.1 §6.1.12, §6.1.30). A ticket is bound to the tenant, the
//! identity and the certificate that asked for it, and read from the database whenever it is shown:
//! Logout holds on every node at once.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::rights::{Charge, Right};
use super::{Admitted, Proven, row_fault, user};
use crate::engine::Engine;
use crate::engine::context::Context;
use crate::engine::directory::Caller;
use crate::engine::entity::{self, Verified};
use crate::engine::error::{Fault, Reason};
use crate::engine::token_error;
use crate::protocol::credential;
use crate::protocol::enumeration::TicketType;
use crate::protocol::structure::Bytes;
use crate::store::StoreError;
use crate::store::record::{Commit, EntityKind, TenantId};

/// Seconds that a ticket lives when none are asked for, and at the most.
pub const USUAL: i64 = 3600;
pub const LONGEST: i64 = 24 * 3600;
/// Tickets of an identity that live at the same time. Each has its row, which the next one takes
/// over, so that rows do not grow with logins.
const MOST: u16 = 256;
/// Random bytes of a ticket; the number of its row stands before them.
const RANDOM: usize = 32;
/// Times that a use is counted again because another came between.
const ATTEMPTS: u32 = 200;

/// Body of a Ticket's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    pub identity: String,
    /// SHA-256 of the certificate that asked for it.
    #[serde(with = "hex::serde")]
    pub fingerprint: [u8; 32],
    /// The user that was proven when it was asked for.
    pub user: Option<Proven>,
    /// SHA-256 of the ticket's value.
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
    /// Seconds since 1970.
    pub created: i64,
    pub expires: i64,
    pub ended: Option<i64>,
    /// Messages that may still be sent with it.
    pub requests_left: Option<i64>,
    /// Operations that may still be performed with it.
    pub uses_left: Option<i64>,
    /// None: what the identity may do.
    pub rights: Option<Vec<Right>>,
}

/// What a new ticket is to be like.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub expires: i64,
    pub requests_left: Option<i64>,
    pub uses_left: Option<i64>,
    pub rights: Option<Vec<Right>>,
}

pub fn invalid() -> Fault {
    Fault::new(
        Reason::InvalidTicket,
        "the ticket is not one of this client, or no longer; get another with Login",
    )
}

fn exhausted() -> Fault {
    Fault::new(
        Reason::UsageLimitExceeded,
        "the ticket is used up; get another with Login",
    )
}

fn row_key(identity: &str, number: u16) -> String {
    format!("{identity}/{number}")
}

impl Ticket {
    fn is_alive(&self, now: i64) -> bool {
        self.ended.is_none() && now < self.expires
    }

    /// Whether nothing can be done with it any more.
    fn is_spent(&self) -> bool {
        self.requests_left == Some(0) || self.uses_left == Some(0)
    }
}

async fn read(
    engine: &Engine,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Verified<Ticket>>, Fault> {
    let rows = engine.rows();
    let row = rows.read::<Ticket>(EntityKind::Ticket, tenant, key).await;
    row.map_err(row_fault)
}

/// Writes the next version of a ticket by itself: a use stays used whatever becomes of the batch.
async fn write(
    engine: &Engine,
    tenant: TenantId,
    key: &str,
    version: i64,
    body: &Ticket,
) -> Result<(), StoreError> {
    let damaged = |error: entity::EntityError| match error {
        entity::EntityError::Store(error) => error,
        entity::EntityError::Unsound(error) => StoreError::Damaged(error.to_string()),
    };
    let put = entity::put(&engine.hsm, EntityKind::Ticket, tenant, key, version, body).await;
    let commit = Commit {
        changes: vec![put.map_err(damaged)?],
        audit: Vec::new(),
    };
    engine.commit(commit).await
}

/// The row of a ticket that this caller shows, alive.
async fn find(
    engine: &Engine,
    caller: &Caller,
    fingerprint: &[u8; 32],
    shown: &credential::Ticket,
    now: i64,
) -> Result<(String, Verified<Ticket>), Fault> {
    if shown.ticket_type != TicketType::LOGIN {
        return Err(invalid());
    }
    let value = shown.ticket_value.as_slice();
    let number = match value {
        [high, low, rest @ ..] if rest.len() == RANDOM => u16::from_be_bytes([*high, *low]),
        _ => return Err(invalid()),
    };
    // Looked for among the caller's own: a stranger's is not there.
    let key = row_key(&caller.identity.name, number);
    let row = read(engine, caller.tenant_id, &key).await?;
    let row = row.ok_or_else(invalid)?;
    let hash: [u8; 32] = Sha256::digest(value).into();
    let right = hash.ct_eq(&row.body.hash) & fingerprint.ct_eq(&row.body.fingerprint);
    if !bool::from(right) || row.body.identity != caller.identity.name || !row.body.is_alive(now) {
        return Err(invalid());
    }
    Ok((key, row))
}

/// Takes a ticket as a message's credential, and one of its requests where they are counted.
pub(super) async fn admit(
    engine: &Engine,
    caller: &Caller,
    shown: &credential::Ticket,
    admitted: &mut Admitted,
    now: i64,
) -> Result<(), Fault> {
    if admitted.ticket.is_some() {
        return Err(Fault::new(
            Reason::InvalidMessage,
            "the request header holds two tickets; expected one",
        ));
    }
    for _ in 0..ATTEMPTS {
        let (key, row) = find(engine, caller, &admitted.fingerprint, shown, now).await?;
        let mut ticket = row.body;
        let user_rights = still(engine, caller, ticket.user.as_ref()).await?;
        if let Some(left) = ticket.requests_left {
            if left <= 0 {
                return Err(exhausted());
            }
            ticket.requests_left = Some(left - 1);
            let written = write(engine, caller.tenant_id, &key, row.version + 1, &ticket).await;
            match written {
                Err(StoreError::Conflict) => continue,
                other => other?,
            }
        }
        admitted.labels.push(format!("ticket:{key}"));
        user_rights
            .into_iter()
            .for_each(|rights| admitted.narrowing.add(rights));
        let whole = ticket.uses_left.is_some();
        admitted.narrowing.add_ticket(&key, whole, ticket.rights);
        if admitted.user.is_none() {
            admitted.user = ticket.user;
        }
        admitted.ticket = Some(key);
        return Ok(());
    }
    Err(StoreError::Conflict.into())
}

/// The rights of the user that a ticket was made for; a ticket ends with its user and with the
/// user's password.
async fn still(
    engine: &Engine,
    caller: &Caller,
    proven: Option<&Proven>,
) -> Result<Option<Vec<Right>>, Fault> {
    let Some(proven) = proven else {
        return Ok(None);
    };
    let row = user::read(&engine.rows(), caller.tenant_id, &proven.key).await;
    let user = row.map_err(row_fault)?.map(|row| row.body);
    let same =
        |user: &user::User| user.epoch == proven.epoch && user.is_open_to(&caller.identity.name);
    let user = user.filter(same).ok_or_else(invalid)?;
    Ok(user.rights)
}

/// Takes what an operation uses.
pub async fn charge(engine: &Engine, tenant: TenantId, charge: &Charge) -> Result<(), Fault> {
    for _ in 0..ATTEMPTS {
        let row = read(engine, tenant, &charge.ticket).await?;
        let row = row.ok_or_else(invalid)?;
        let mut ticket = row.body;
        // Between the header and here another request may have ended it.
        if ticket.ended.is_some() {
            return Err(invalid());
        }
        if charge.whole {
            let left = ticket.uses_left.filter(|left| *left > 0);
            ticket.uses_left = Some(left.ok_or_else(exhausted)? - 1);
        }
        if !charge.rights.is_empty() {
            let rights = ticket.rights.iter_mut().flatten().enumerate();
            let mut fitting = rights.filter(|(place, _)| charge.rights.contains(place));
            let left =
                fitting.find_map(|(_, right)| right.uses_left.as_mut().filter(|left| **left > 0));
            *left.ok_or_else(exhausted)? -= 1;
        }
        match write(engine, tenant, &charge.ticket, row.version + 1, &ticket).await {
            Err(StoreError::Conflict) => {}
            other => return other.map_err(Fault::from),
        }
    }
    Err(StoreError::Conflict.into())
}

/// Makes a ticket for the context's caller; it is written with the item.
pub async fn make(context: &mut Context, wanted: Wanted) -> Result<credential::Ticket, Fault> {
    let engine = std::sync::Arc::clone(&context.engine);
    let (tenant, identity) = (context.tenant(), context.caller.identity.name.clone());
    let mut place = None;
    // Logins at the same time look for their rows in different places.
    let start = engine.doorman.logins.fetch_add(1, Ordering::Relaxed);
    for number in (0..MOST).map(|step| start.wrapping_add(step) % MOST) {
        let key = row_key(&identity, number);
        if context.puts(EntityKind::Ticket, &key) {
            continue;
        }
        let Some(row) = read(&engine, tenant, &key).await? else {
            place = Some((number, key, 0));
            break;
        };
        if !row.body.is_alive(context.now) {
            place = Some((number, key, row.version));
            break;
        }
        // A spent one is still told from an unknown one while there is room.
        if row.body.is_spent() && place.is_none() {
            place = Some((number, key, row.version));
        }
    }
    let (number, key, version) = place.ok_or_else(|| {
        Fault::new(
            Reason::ServerLimitExceeded,
            format!(
                "this identity has {MOST} tickets; end some with Logout, or wait until they run out"
            ),
        )
    })?;
    let random = engine.hsm.random(RANDOM).await;
    let random = random.map_err(|error| token_error::fault(&error))?;
    let mut value = Bytes::new(number.to_be_bytes().to_vec());
    value.extend_from_slice(&random);
    let ticket = Ticket {
        identity,
        fingerprint: context.admitted.fingerprint,
        user: context.admitted.user.clone(),
        hash: Sha256::digest(&*value).into(),
        created: context.now,
        expires: wanted.expires,
        ended: None,
        requests_left: wanted.requests_left,
        uses_left: wanted.uses_left,
        rights: wanted.rights,
    };
    put(context, &key, version + 1, &ticket).await?;
    Ok(credential::Ticket {
        ticket_type: TicketType::LOGIN,
        ticket_value: value,
    })
}

/// Ends a ticket of the context's caller.
pub async fn end(context: &mut Context, shown: &credential::Ticket) -> Result<(), Fault> {
    let engine = std::sync::Arc::clone(&context.engine);
    let caller = std::sync::Arc::clone(&context.caller);
    let fingerprint = context.admitted.fingerprint;
    let (key, row) = find(&engine, &caller, &fingerprint, shown, context.now).await?;
    let mut ticket = row.body;
    ticket.ended = Some(context.now);
    put(context, &key, row.version + 1, &ticket).await
}

async fn put(context: &mut Context, key: &str, version: i64, ticket: &Ticket) -> Result<(), Fault> {
    let (kind, tenant) = (EntityKind::Ticket, context.tenant());
    let change = entity::put(&context.engine.hsm, kind, tenant, key, version, ticket).await;
    context.put(change.map_err(row_fault)?);
    Ok(())
}
