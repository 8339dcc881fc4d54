//! The next versions of masters that several tokens hold (DESIGN §4.1, docs/decisions/replicas.md):
//! made in one token, brought to the others, used when all have them. Whoever is stopped on the way
//! leaves a version that nobody uses; the next command goes on or makes it anew.

use super::current::admit;
use super::holders::{self, Holders};
use super::row::Version;
use super::version::{self, GIVEN_UP};
use super::{Ground, MastersError, refused, waiting};
use crate::hsm::{Answer, MasterKind, Next, Request};
use crate::store::StoreError;

/// Transport keys, the fingerprints of which an operator has typed.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Of the tokens of this process but the first, in their order.
    pub here: Vec<Request>,
    /// Of other machines' tokens.
    pub elsewhere: Vec<Request>,
}

/// What a rotation has to do.
#[derive(Debug)]
pub struct Plan {
    /// Versions that were on their way, and are used now.
    pub used: Vec<String>,
    /// Versions that are on their way, and the tokens that lack them.
    pub waits: Vec<Waits>,
    /// Versions that are to be made.
    make: Vec<(MasterKind, u32)>,
}

/// A version that is not used yet, because tokens lack it.
#[derive(Clone, Debug)]
pub struct Waits {
    pub version: String,
    pub tokens: Vec<String>,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Carried {
    pub used: Vec<String>,
    pub waits: Vec<Waits>,
    /// For the tokens of other machines, in the order of their requests.
    pub answers: Vec<Answer>,
}

impl Plan {
    /// Whether tokens are asked for transport keys.
    pub fn needs_targets(&self) -> bool {
        !self.make.is_empty()
    }
}

/// Looks what a rotation of these masters has to do, and lets versions be used that are in all
/// tokens by now. `anew`: what is on its way is given up, and made again.
///
/// # Errors
/// Refused when another process is at it.
pub async fn plan(
    ground: Ground<'_>,
    kinds: &[MasterKind],
    anew: bool,
) -> Result<Plan, MastersError> {
    admit(ground.store, ground.hsm).await?;
    ground.hsm.look_for_masters().await?;
    let holders = holders::report(ground).await?;
    let mut plan = Plan {
        used: Vec::new(),
        waits: Vec::new(),
        make: Vec::new(),
    };
    for kind in kinds {
        let next = version::newest(ground, *kind).await?.saturating_add(1);
        let (body, row) = version::read(ground, *kind, next).await?;
        let name = kind.called(next);
        let Some(check) = body.check.clone().filter(|_| body.made.is_none()) else {
            let since = ground.clock.now().saturating_sub(body.begun);
            if row > 0 && since < GIVEN_UP {
                return version::busy(*kind, next);
            }
            plan.make.push((*kind, next));
            continue;
        };
        let tokens = holders.without(&name, &check);
        match () {
            () if tokens.is_empty() => {
                settle(ground, (*kind, next), (body, row)).await?;
                plan.used.push(name);
            }
            // One that is not complete here was cut off; what is missing elsewhere may be on its way.
            () if anew || (ground.hsm.ceremony() && !holders.here_have(&name, &check)) => {
                plan.make.push((*kind, next));
            }
            () => plan.waits.push(Waits {
                version: name,
                tokens,
            }),
        }
    }
    Ok(plan)
}

/// Transport keys of the tokens of this process, for the operator to vouch for. `elsewhere`: requests
/// of other machines.
///
/// # Errors
/// Refused when a token is away, or one of another machine is not among the requests.
pub async fn transport_keys(
    ground: Ground<'_>,
    elsewhere: &[Request],
) -> Result<Vec<Request>, MastersError> {
    let holders = holders::report(ground).await?;
    check_presence(ground, &holders, elsewhere)?;
    let mut keys = Vec::new();
    for each in ground.hsm.transport_keys().await {
        keys.push(each.done?);
    }
    Ok(keys)
}

/// # Errors
/// Refused when a token of this process is away.
pub(super) fn all_answer(holders: &Holders) -> Result<(), MastersError> {
    let away = holders.away();
    if away.is_empty() {
        return Ok(());
    }
    refused(format!(
        "a new master has to reach every token, and one does not answer: {}. Bring it back and give the command again; no master was made",
        away.join("; ")
    ))
}

fn check_presence(
    ground: Ground<'_>,
    holders: &Holders,
    elsewhere: &[Request],
) -> Result<(), MastersError> {
    all_answer(holders)?;
    if !ground.hsm.ceremony() {
        return Ok(());
    }
    let requested: Vec<&str> = elsewhere.iter().map(|one| one.token.as_str()).collect();
    let unasked = holders.unasked(&requested);
    if unasked.is_empty() {
        return Ok(());
    }
    let unasked: Vec<String> = unasked
        .iter()
        .map(|one| one.called(&holders.node))
        .collect();
    refused(format!(
        "other tokens hold these masters, too, and no request of theirs is given: {}. On each one's machine `keyward token request FILE`, then give `--request FILE` here; one that is gone for good is left out after `keyward token forget`. Nothing was changed",
        unasked.join("; ")
    ))
}

/// Makes what is to be made.
///
/// # Errors
/// Refused when a token is away, or another process is at it. What was made until then is used by
/// nobody, and the next command makes it anew.
pub async fn carry_out(
    ground: Ground<'_>,
    plan: Plan,
    targets: &Targets,
) -> Result<Carried, MastersError> {
    let mut carried = Carried {
        used: plan.used,
        waits: plan.waits,
        answers: Vec::new(),
    };
    if plan.make.is_empty() {
        return Ok(carried);
    }
    let holders = holders::report(ground).await?;
    check_presence(ground, &holders, &targets.elsewhere)?;
    // First of all nobody takes what is on its way for complete any more.
    let mut rows = Vec::new();
    for (kind, next) in &plan.make {
        let (mut body, row) = version::read(ground, *kind, *next).await?;
        if body.made.is_some() {
            return refused(format!(
                "{} was made, and the tokens here do not have it",
                kind.called(*next)
            ));
        }
        // Another process may have begun while the operator typed.
        let since = ground.clock.now().saturating_sub(body.begun);
        if row > 0 && body.check.is_none() && since < GIVEN_UP {
            return version::busy(*kind, *next);
        }
        (body.begun, body.check) = (ground.clock.now(), None);
        version::begin(ground, (*kind, *next), (&body, row)).await?;
        rows.push(((*kind, *next), (body, row + 1)));
    }
    carried.answers = make(ground, &plan.make, targets).await?;
    let holders = holders::report(ground).await?;
    for (place, (mut body, row)) in rows {
        let name = place.0.called(place.1);
        let check = holders.own_answer(&name).map(str::to_owned);
        let Some(check) = check else {
            return refused(format!("{name} is not in the token that made it"));
        };
        body.check = Some(check.clone());
        version::begin(ground, place, (&body, row)).await?;
        let tokens = holders.without(&name, &check);
        match tokens.is_empty() {
            true => {
                settle(ground, place, (body, row + 1)).await?;
                carried.used.push(name);
            }
            false => carried.waits.push(Waits {
                version: name,
                tokens,
            }),
        }
    }
    Ok(carried)
}

/// In the first token, and in those of this process; answers for the others.
async fn make(
    ground: Ground<'_>,
    versions: &[(MasterKind, u32)],
    targets: &Targets,
) -> Result<Vec<Answer>, MastersError> {
    if !ground.hsm.ceremony() {
        // Cloned by the vendor's tools, as the first versions were.
        for (kind, version) in versions {
            ground.hsm.make_for_cloning(*kind, *version).await?;
        }
        return Ok(Vec::new());
    }
    let next = versions
        .iter()
        .map(|(kind, version)| Next::Version(*kind, *version));
    let (here, elsewhere) = (targets.here.clone(), targets.elsewhere.clone());
    Ok(ground.hsm.bring(next.collect(), here, elsewhere).await?)
}

/// All tokens have it: says so to everybody, and uses it only then. Another ceremony may take it back
/// until it is written, and what was made under it would be lost. Who is first is right.
async fn settle(
    ground: Ground<'_>,
    (kind, version): (MasterKind, u32),
    row: (Version, i64),
) -> Result<(), MastersError> {
    // A key of row MACs that comes with it is made under it.
    ground.hsm.look_for_masters().await?;
    match version::settle(ground, kind, version, row).await {
        Ok(()) | Err(MastersError::Store(StoreError::Conflict | StoreError::Exists)) => {
            Ok(admit(ground.store, ground.hsm).await?)
        }
        other => other,
    }
}

/// Lets versions be used that are in all tokens by now.
///
/// # Errors
/// When the database or the token does not answer.
pub async fn complete(ground: Ground<'_>) -> Result<Plan, MastersError> {
    let mut plan = Plan {
        used: Vec::new(),
        waits: Vec::new(),
        make: Vec::new(),
    };
    if !ground.hsm.shares_masters() {
        return Ok(plan);
    }
    admit(ground.store, ground.hsm).await?;
    let holders = holders::report(ground).await?;
    for kind in MasterKind::ALL {
        let next = version::newest(ground, kind).await?.saturating_add(1);
        let (body, row) = version::read(ground, kind, next).await?;
        let Some(check) = body.check.clone().filter(|_| body.made.is_none()) else {
            continue;
        };
        let (version, tokens) = (
            kind.called(next),
            holders.without(&kind.called(next), &check),
        );
        match tokens.is_empty() {
            true => {
                settle(ground, (kind, next), (body, row)).await?;
                plan.used.push(version);
            }
            false => plan.waits.push(Waits { version, tokens }),
        }
    }
    Ok(plan)
}

/// Takes what another machine made for a token of this one; `position` in the configuration, from 0.
///
/// # Errors
/// Refused when the database knows of no such masters on their way.
pub async fn import(
    ground: Ground<'_>,
    position: usize,
    answer: Answer,
) -> Result<Plan, MastersError> {
    let mut anchored = Vec::new();
    for (name, known) in answer.masters() {
        let expected = match MasterKind::parse(name) {
            Some((kind, version)) => {
                let (body, _) = version::read(ground, kind, version).await?;
                body.check.filter(|_| body.made.is_none())
            }
            None => {
                let one = waiting::find(ground, name).await?;
                let check = one.as_ref().map(|_| hex::encode(known));
                anchored.extend(one);
                check
            }
        };
        if expected.as_deref() != Some(hex::encode(known).as_str()) {
            return refused(format!(
                "the database does not know this {name}: the ceremony that it is of is over, or was begun anew; take the newest answer"
            ));
        }
    }
    ground.hsm.take_next(position, answer).await?;
    let mut plan = complete(ground).await?;
    for one in anchored {
        match waiting::activate(ground, &one).await? {
            tokens if tokens.is_empty() => plan.used.push(one.name),
            tokens => plan.waits.push(Waits {
                version: one.name,
                tokens,
            }),
        }
    }
    Ok(plan)
}
