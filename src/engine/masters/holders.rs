//! Which tokens hold the masters, of all nodes. Each node says in the database what is in its own
//! tokens; what is made or destroyed in all of them is held against that (docs/decisions/replicas.md).

use std::collections::BTreeMap;

use super::receipt::Token;
use super::row::{Held, Holder};
use super::version::Place;
use super::{Ground, MastersError, refused};
use crate::audit::administration::{self, Deed};
use crate::engine::entity::{self, Verified};
use crate::hsm::HsmError;
use crate::store::StoreError;
use crate::store::record::{Commit, EntityKind, TenantId};

/// Times to write a row that others write at the same moment.
const ATTEMPTS: u32 = 8;

/// A token of some node.
#[derive(Clone, Debug)]
pub(super) struct One {
    pub node: String,
    pub held: Held,
    /// Of this process: why it does not answer.
    pub away: Option<String>,
    /// It is in this process' configuration.
    pub here: bool,
}

impl One {
    /// As an administrator of this node knows it.
    pub fn called(&self, node: &str) -> String {
        let name = &self.held.name;
        match (self.node == node, &self.away) {
            (true, None) if self.here => format!("the token {name}"),
            (true, None) => format!(
                "the token {name}, which this node does not have configured any more (`keyward token forget`)"
            ),
            (true, Some(why)) => format!("the token {name}, which is away ({why})"),
            (false, _) => format!("the token {name} of node {}", self.node),
        }
    }

    /// Of a name (`kek-v2`) or a whole label.
    fn answer(&self, name: &str) -> Option<&str> {
        let masters = self.held.masters.as_ref()?;
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        masters.get(name).map(String::as_str)
    }

    /// Whether it holds, or may hold, a master: what is away may have got some since it was seen.
    fn may_have(&self, name: &str) -> bool {
        self.held.masters.is_none() || self.away.is_some() || self.answer(name).is_some()
    }

    /// What a receipt says of it.
    pub fn token(&self) -> Token {
        Token {
            label: self.held.label.clone(),
            manufacturer: self.held.manufacturer.clone(),
            model: self.held.model.clone(),
            serial: self.held.serial.clone(),
            node: self.node.clone(),
        }
    }

    /// As a request for a ceremony names it.
    fn requests_as(&self) -> String {
        let Held { label, serial, .. } = &self.held;
        format!("{label} {serial}").trim().to_owned()
    }
}

/// All tokens of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Holders {
    /// This node.
    pub node: String,
    pub all: Vec<One>,
}

impl Holders {
    fn called<'a>(&self, ones: impl Iterator<Item = &'a One>) -> Vec<String> {
        ones.map(|one| one.called(&self.node)).collect()
    }

    /// Tokens that do not hold the master that answers `check`.
    pub fn without(&self, name: &str, check: &str) -> Vec<String> {
        let all = self.all.iter();
        self.called(all.filter(|one| one.answer(name) != Some(check)))
    }

    /// Tokens that hold a master, or may.
    pub fn with(&self, name: &str) -> Vec<String> {
        self.called(self.all.iter().filter(|one| one.may_have(name)))
    }

    /// What the first token of this process answers for a master.
    pub fn own_answer(&self, name: &str) -> Option<&str> {
        self.all.iter().find(|one| one.here)?.answer(name)
    }

    /// Whether each token of this process holds the same master, one that `check` names.
    pub fn here_have(&self, name: &str, check: &str) -> bool {
        let mut here = self.all.iter().filter(|one| one.here);
        here.all(|one| one.answer(name) == Some(check))
    }

    /// Every token, and whether it has a master.
    pub fn places(&self, name: &str) -> Vec<Place> {
        let place = |one: &One| Place {
            node: one.node.clone(),
            token: one.held.name.clone(),
            answer: one.answer(name).map(str::to_owned),
            away: one.away.clone(),
        };
        self.all.iter().map(place).collect()
    }

    /// Whether a token of this process answers.
    pub fn answers(&self, token: &str) -> bool {
        let mut here = self.all.iter().filter(|one| one.here);
        here.any(|one| one.held.name == token && one.away.is_none())
    }

    /// Names of masters that begin so, in any token.
    pub fn beginning(&self, prefix: &str) -> Vec<String> {
        let held = self.all.iter().filter_map(|one| one.held.masters.as_ref());
        let names = held.flat_map(|masters| masters.keys());
        let names = names.filter(|name| name.starts_with(prefix));
        names.cloned().collect()
    }

    /// Tokens of this process that do not answer.
    pub fn away(&self) -> Vec<String> {
        self.called(self.all.iter().filter(|one| one.away.is_some()))
    }

    /// Tokens of other nodes for which there is no request; `requested` are the requests' tokens.
    pub fn unasked(&self, requested: &[&str]) -> Vec<&One> {
        let others = self.all.iter().filter(|one| !one.here);
        let unasked = others.filter(|one| !requested.contains(&one.requests_as().as_str()));
        unasked.collect()
    }
}

async fn rows(ground: Ground<'_>) -> Result<Vec<Verified<Holder>>, MastersError> {
    let mut all = Vec::new();
    for row in ground.store.entities(EntityKind::Holder, None).await? {
        all.push(entity::verify::<Holder>(ground.hsm, row).await?);
    }
    Ok(all)
}

/// Says in the database what is in this process' tokens, and answers what is in all.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn report(ground: Ground<'_>) -> Result<Holders, MastersError> {
    let node = ground.hsm.node();
    let (mut seen, mut away) = (Vec::new(), BTreeMap::new());
    for each in ground.hsm.holdings().await {
        match each.done {
            Ok(holding) => {
                let masters = holding.masters.iter();
                let masters = masters.map(|(name, answer)| (name.clone(), hex::encode(answer)));
                seen.push(Held {
                    name: each.token,
                    label: holding.label,
                    manufacturer: holding.manufacturer,
                    model: holding.model,
                    serial: holding.serial,
                    masters: Some(masters.collect()),
                });
            }
            Err(HsmError::Unavailable(why)) => drop(away.insert(each.token, why)),
            Err(error) => drop(away.insert(each.token, error.to_string())),
        }
    }
    for _ in 0..ATTEMPTS {
        let rows = rows(ground).await?;
        let own = rows.iter().find(|row| row.key == node);
        let (mut body, version) =
            own.map_or_else(Default::default, |row| (row.body.clone(), row.version));
        let before = body.clone();
        for held in &seen {
            match body.tokens.iter_mut().find(|known| known.name == held.name) {
                Some(known) => known.clone_from(held),
                None => body.tokens.push(held.clone()),
            }
        }
        // One that was never seen may hold anything.
        for name in away.keys() {
            if !body.tokens.iter().any(|known| known.name == *name) {
                body.tokens.push(Held {
                    name: name.clone(),
                    ..Held::default()
                });
            }
        }
        if body != before && !write(ground, node, version, &body).await? {
            continue;
        }
        let names = ground.hsm.token_names();
        let one = |node: &str, held: &Held| {
            let here = node == ground.hsm.node() && names.contains(&held.name);
            One {
                node: node.to_owned(),
                away: away.get(&held.name).filter(|_| here).cloned(),
                here,
                held: held.clone(),
            }
        };
        let mut all: Vec<One> = body.tokens.iter().map(|held| one(node, held)).collect();
        all.sort_by_key(|one| names.iter().position(|name| *name == one.held.name));
        // Those that are configured first, in their order.
        all.sort_by_key(|one| !one.here);
        for row in rows.iter().filter(|row| row.key != node) {
            all.extend(row.body.tokens.iter().map(|held| one(&row.key, held)));
        }
        return Ok(Holders {
            node: node.to_owned(),
            all,
        });
    }
    Err(StoreError::Conflict.into())
}

/// Whether it was written: somebody else of this node may be first.
async fn write(
    ground: Ground<'_>,
    node: &str,
    version: i64,
    body: &Holder,
) -> Result<bool, MastersError> {
    let (hsm, kind) = (ground.hsm, EntityKind::Holder);
    let put = entity::put(hsm, kind, TenantId(0), node, version + 1, body).await?;
    let commit = Commit {
        changes: vec![put],
        audit: Vec::new(),
    };
    match ground.store.apply(commit).await {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict | StoreError::Exists) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Forgets the tokens of a node, or one of them: they are gone for good, and nothing waits for them.
///
/// # Errors
/// Refused when there is no such node or token.
pub async fn forget(
    ground: Ground<'_>,
    node: &str,
    token: Option<&str>,
) -> Result<Vec<String>, MastersError> {
    let rows = rows(ground).await?;
    let Some(row) = rows.iter().find(|row| row.key == node) else {
        let known: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        return refused(format!(
            "no node {node:?} has tokens with these masters; there are: {}",
            known.join(", ")
        ));
    };
    let (gone, tokens): (Vec<Held>, Vec<Held>) = (row.body.tokens.iter().cloned())
        .partition(|held| token.is_none_or(|token| held.name == token));
    if gone.is_empty() {
        return refused(format!(
            "node {node} has no token {:?}",
            token.unwrap_or_default()
        ));
    }
    let body = Holder { tokens };
    let (hsm, kind, next) = (ground.hsm, EntityKind::Holder, row.version + 1);
    let put = entity::put(hsm, kind, TenantId(0), node, next, &body).await?;
    let deed = Deed {
        command: "token forget",
        tenant: TenantId(0),
        object: node,
        time: ground.clock.now(),
    };
    administration::write_by(ground.store, vec![put], deed, ground.by).await?;
    Ok(gone.into_iter().map(|held| held.name).collect())
}

/// Whether tokens of other nodes hold the masters, too.
///
/// # Errors
/// When the database does not answer.
pub async fn others_hold(ground: Ground<'_>) -> Result<bool, MastersError> {
    if !ground.hsm.shares_masters() {
        return Ok(false);
    }
    let holders = report(ground).await?;
    Ok(holders.all.iter().any(|one| one.node != holders.node))
}
