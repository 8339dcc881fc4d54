//! Later versions of masters that several tokens hold, and anchored masters: each made in one token
//! and brought to the others in a ceremony (`crossing`). Nobody uses one until the database says that
//! all tokens have it, so what a ceremony left that did not end is removed by the next one.

use std::collections::BTreeSet;

use token::Session;

use super::anchored::{anchored_blob, room};
use super::crossing::{self, Answer, Desk, arrive, make, set_out};
use super::kind::Kind;
use super::line::Seat;
use super::master::{self, prefix};
use super::transport::{self, Request};
use super::{Config, Each, Hsm, HsmError, MasterKind, known};
use crate::store::record::{Blob, TenantId};

/// A master that is to be made in a ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Version(MasterKind, u32),
    /// By its label, [`Hsm::anchored_label`].
    Anchored(TenantId, String),
}

impl Next {
    fn kind(&self, config: &Config) -> Kind {
        match self {
            Next::Version(kind, _) => Kind::of(*kind, config),
            Next::Anchored(..) => Kind::Anchored,
        }
    }

    /// Within its deployment: `kek-v2`.
    fn name(&self, prefix: &str) -> String {
        match self {
            Next::Version(kind, version) => kind.called(*version),
            Next::Anchored(_, label) => label
                .strip_prefix(prefix)
                .unwrap_or(label.as_str())
                .to_owned(),
        }
    }
}

/// Destroys masters by their names; those that are not there are no error.
fn remove(session: &Session, config: &Config, names: &[String]) -> Result<(), HsmError> {
    for name in names {
        // None that is used: the caller knows, and this does not take its word.
        if MasterKind::parse(name).is_some() && config.replicas.admitted.uses(name) {
            return Err(HsmError::BadInput(format!("{name} is in use")));
        }
        let label = format!("{}{name}", prefix(config));
        for key in master::find_labelled(session, &label, token::raw::CKO_SECRET_KEY)? {
            session.destroy(key)?;
        }
    }
    Ok(())
}

/// Takes away what was made where it does not end.
struct Undo<'a> {
    session: &'a Session,
    config: &'a Config,
    names: Vec<String>,
    armed: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.armed
            && let Err(error) = remove(self.session, self.config, &self.names)
        {
            tracing::error!(%error, "what a ceremony left in the token cannot be removed");
        }
    }
}

fn desk<'a>(session: &'a Session, seat: &'a Seat<'_>) -> Desk<'a> {
    Desk {
        session,
        probe: &seat.line.probe,
    }
}

/// Makes them here and wraps them for the targets.
fn send(seat: &Seat<'_>, next: &[Next], targets: &[Request]) -> Result<Vec<Answer>, HsmError> {
    let (anchor, config) = (seat.line.anchor(), &seat.inner.config);
    let prefix = prefix(config);
    let names: Vec<String> = next.iter().map(|next| next.name(&prefix)).collect();
    for one in next {
        if let Next::Anchored(tenant, _) = one {
            room(&anchor, config, *tenant)?;
        }
    }
    remove(&anchor, config, &names)?;
    let mut undo = Undo {
        session: &anchor,
        config,
        names: names.clone(),
        armed: true,
    };
    let mut passages = set_out(desk(&anchor, seat), config, crossing::NEXT, targets)?;
    for (next, name) in next.iter().zip(&names) {
        make(
            desk(&anchor, seat),
            config,
            next.kind(config),
            name,
            &mut passages,
        )?;
    }
    seat.line.masters.look_again(&anchor, config)?;
    undo.armed = false;
    Ok(passages.into_iter().map(|(_, answer)| answer).collect())
}

/// Names of the masters in an answer.
fn names(answer: &Answer) -> Result<Vec<String>, HsmError> {
    let mut names = BTreeSet::new();
    for (name, _) in answer.masters() {
        // Two objects of one name, and the token would open no more.
        if !names.insert(name) {
            return Err(HsmError::BadInput(format!(
                "the answer has {name} twice, expected each master once: it was changed on its way; \
                 take the file as the other machine wrote it"
            )));
        }
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Takes what was wrapped for this token.
fn take(seat: &Seat<'_>, answer: &Answer) -> Result<(), HsmError> {
    answer.is_for(crossing::NEXT)?;
    let (anchor, config) = (seat.line.anchor(), &seat.inner.config);
    if answer.deployment != config.deployment {
        return Err(HsmError::BadInput(format!(
            "the answer is of the deployment {}, this one is {}",
            answer.deployment, config.deployment
        )));
    }
    let names = names(answer)?;
    let mine = transport::unwrapping_key(&anchor, &answer.target);
    // Given once more, it must not cost the token what it brought.
    let held = known::all(&anchor, &seat.line.probe, &prefix(config))?;
    if answer
        .masters()
        .all(|(name, known)| held.get(name) == Some(known))
    {
        // Cut off before its transport key went.
        return mine.map_or(Ok(()), |_| transport::remove(&anchor));
    }
    // An answer that cannot be opened brings nothing in the place of what would be removed.
    mine?;
    // What an earlier ceremony brought, and nobody used.
    remove(&anchor, config, &names)?;
    let mut undo = Undo {
        session: &anchor,
        config,
        names,
        armed: true,
    };
    arrive(desk(&anchor, seat), config, answer)?;
    // Only a token that opens with them keeps them.
    seat.line.masters.look_again(&anchor, config)?;
    undo.armed = false;
    transport::remove(&anchor)
}

impl Hsm {
    /// The transport key of each token of this process but the first, in which masters are made.
    pub async fn transport_keys(&self) -> Vec<Each<Request>> {
        let mut all = Vec::new();
        for (position, token) in self.token_names().into_iter().enumerate().skip(1) {
            let done = self.at(position, |seat| {
                let info = seat.line.module.token_info(seat.line.slot)?;
                let name = format!("{} {}", info.label, info.serial).trim().to_owned();
                transport::request_of(desk(&seat.line.anchor(), seat), name)
            });
            let done = done.await;
            all.push(Each { token, done });
        }
        all
    }

    /// Makes masters in the first token and wraps them for the targets, whose fingerprints the
    /// operator has typed. Answers in the order of the targets. Nobody uses them before
    /// [`Hsm::admit`]; what was left of earlier ones that were not used is destroyed.
    ///
    /// # Errors
    /// [`HsmError::BadInput`] when one of them is in use. After any error the token has none of them.
    pub async fn make_next(
        &self,
        next: Vec<Next>,
        targets: Vec<Request>,
    ) -> Result<Vec<Answer>, HsmError> {
        self.at(0, move |seat| send(seat, &next, &targets)).await
    }

    /// Takes masters that were wrapped for the token at a position of the configuration, from 0. Where
    /// the token has them all, nothing is done.
    ///
    /// # Errors
    /// [`HsmError::BadInput`] when it is not for this token, or was used: then what the token has stays.
    /// [`HsmError::Integrity`] when a master is not the one that was wrapped. After such an error
    /// the token has none of them, and its transport key waits for another answer.
    pub async fn take_next(&self, position: usize, answer: Answer) -> Result<(), HsmError> {
        self.at(position, move |seat| take(seat, &answer)).await
    }

    /// Makes masters in the first token and takes them into the others of this process, whose
    /// transport keys are `here`; answers for `elsewhere`.
    ///
    /// # Errors
    /// Those of [`Hsm::make_next`] and [`Hsm::take_next`].
    pub async fn bring(
        &self,
        next: Vec<Next>,
        here: Vec<Request>,
        elsewhere: Vec<Request>,
    ) -> Result<Vec<Answer>, HsmError> {
        let local = here.len();
        let all = here.into_iter().chain(elsewhere).collect();
        let mut answers = self.make_next(next, all).await?;
        let elsewhere = answers.split_off(local.min(answers.len()));
        for (position, answer) in answers.into_iter().enumerate() {
            self.take_next(position + 1, answer).await?;
        }
        Ok(elsewhere)
    }

    /// What the row of an anchored master of several tokens says of it.
    pub fn anchored_blob(&self, tenant: TenantId, master: &str, version: u32) -> Blob {
        anchored_blob(self.anchored_label(tenant, master, version))
    }
}
