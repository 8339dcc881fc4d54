//! The ceremony in which the masters of several tokens are made (DESIGN §4.1): the first version of
//! all of them, with the deployment. Later versions: `next`. What crosses, and how: `crossing`.

use token::Session;
use token::raw::{CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_SECRET_KEY};

use super::crossing::{self, Answer, Desk, P256, arrive, make, put_public, set_out};
use super::kind::Kind;
use super::master::{self, AUDIT, ISSUING, KEK, MAC, prefix};
use super::transport::{self, Request, grouped};
use super::{Config, HsmError, Source, der, known, making, reach};

/// Removes what a ceremony that did not end left of a deployment.
struct Undo<'a> {
    session: &'a Session,
    prefix: String,
    armed: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.armed
            && let Err(error) = remove(self.session, &self.prefix)
        {
            tracing::error!(%error, "what a ceremony left in the token cannot be removed");
        }
    }
}

fn remove(session: &Session, prefix: &str) -> Result<(), HsmError> {
    for class in [CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
        for key in master::find(session, prefix, class)? {
            session.destroy(key)?;
        }
    }
    Ok(())
}

fn new_here(session: &Session, prefix: &str) -> Result<(), HsmError> {
    match master::find(session, prefix, CKO_SECRET_KEY)?.is_empty() {
        true => Ok(()),
        false => Err(HsmError::AlreadyInitialised),
    }
}

/// Makes the masters in the token of `config` and wraps them for `targets`, whose fingerprints the
/// operator has typed. Answers in the order of the targets.
///
/// # Errors
/// [`HsmError::AlreadyInitialised`]; after any error nothing of the deployment is in the token.
pub fn make_masters(config: &Config, targets: &[Request]) -> Result<Vec<Answer>, HsmError> {
    let label = format!("keyward {}", config.deployment);
    let token = reach::bare(&config.source, Some(&label))?;
    let mut config = config.of(&config.source);
    config.replicas.crossed = true;
    let (config, session, prefix) = (&config, &token.session, prefix(&config));
    new_here(session, &prefix)?;
    let mut undo = Undo {
        session,
        prefix: prefix.clone(),
        armed: true,
    };
    making::make_audit_key(session, config)?;
    let audit = format!("{prefix}{}{}", AUDIT.name, config.node);
    let audit_point = master::point(session, &audit, P256)?;
    let desk = Desk::of(&token);
    let mut passages = set_out(desk, config, crossing::FOUNDING, targets)?;
    for (_, answer) in &mut passages {
        answer.audit_point.clone_from(&audit_point);
    }
    let issuing = uuid::Uuid::now_v7().simple().to_string();
    // The KEK last: its presence says that the others are there.
    for (kind, name) in [
        (Kind::of_mac(config), format!("{}1", MAC.name)),
        (Kind::Issuing, format!("{}{issuing}", ISSUING.name)),
        (Kind::Kek, format!("{}1", KEK.name)),
    ] {
        make(desk, config, kind, &name, &mut passages)?;
    }
    undo.armed = false;
    Ok(passages.into_iter().map(|(_, answer)| answer).collect())
}

/// Takes masters that were wrapped for this token. It gets the audit key of its own node; of the
/// node that made the masters only the public half.
///
/// # Errors
/// [`HsmError::Integrity`] when a master is not the one that was wrapped; after any error nothing
/// of the deployment is in the token, and its transport key waits for another answer.
pub fn take_masters(config: &Config, source: &Source, answer: &Answer) -> Result<(), HsmError> {
    answer.is_for(crossing::FOUNDING)?;
    let token = reach::bare(source, None)?;
    let session = &token.session;
    let mut config = config.of(source);
    config.deployment.clone_from(&answer.deployment);
    config.replicas.crossed = true;
    let prefix = prefix(&config);
    new_here(session, &prefix)?;
    let mut undo = Undo {
        session,
        prefix: prefix.clone(),
        armed: true,
    };
    arrive(Desk::of(&token), &config, answer)?;
    let audit = format!("{prefix}{}{}", AUDIT.name, answer.node());
    put_public(session, &prefix, &audit, der::P256, &answer.audit_point)?;
    if answer.node() != config.node {
        making::make_audit_key(session, &config)?;
    }
    transport::remove(session)?;
    undo.armed = false;
    Ok(())
}

/// Known answers of a deployment's masters in a token, by name, in groups; for `token check`.
pub fn known_answers(source: &Source, deployment: &str) -> Result<Vec<(String, String)>, HsmError> {
    let token = reach::bare(source, None)?;
    let prefix = format!("keyward/{deployment}/");
    let held = known::all(&token.session, &token.probe, &prefix)?;
    let shown = |(name, answer)| (name, grouped(answer));
    Ok(held.into_iter().map(shown).collect())
}
