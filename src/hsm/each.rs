//! What is done in each of several tokens, not in the first that serves.

use std::sync::Arc;

use super::line::Seat;
use super::master::prefix;
use super::pool::{Cost, Inner, Pool};
use super::replica::{agree, lacking};
use super::{Hsm, HsmError, known};

/// One of the tokens of this process, with what is asked of it.
#[derive(Debug)]
pub struct Each<T> {
    /// As the configuration names it: the label of a module's token, the directory of an embedded one.
    pub token: String,
    /// Why it did not: a token that is away among others.
    pub done: Result<T, HsmError>,
}

/// What a token is and holds.
#[derive(Clone, Debug)]
pub struct Holding {
    pub label: String,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    /// By name (`kek-v2`, `anchored-…`): SHA-256 of what it answers.
    pub masters: std::collections::BTreeMap<String, [u8; 32]>,
}

impl Pool {
    fn members(&self) -> Vec<Arc<Inner>> {
        match &self.tokens {
            Some(tokens) => tokens.all.to_vec(),
            None => vec![Arc::clone(&self.inner)],
        }
    }

    /// Runs a job on one token of the set; with one token, on it.
    async fn at<T, F>(&self, token: &Arc<Inner>, job: F) -> Result<T, HsmError>
    where
        T: Send + 'static,
        F: Fn(&Seat<'_>) -> Result<T, HsmError> + Send + 'static,
    {
        if self.tokens.is_none() {
            return self.run(Cost::Long, [], move |seat, []| job(seat)).await;
        }
        let token = Arc::clone(token);
        self.send(move |_, _| {
            let (result, epoch) = token.once(&job);
            match result {
                Err(error) if token.is_lost(&error, epoch) => Err(HsmError::Unavailable(
                    token.away().unwrap_or_else(|| error.to_string()),
                )),
                other => other,
            }
        })
        .await
    }
}

/// What it is called, told apart from others of the same name.
fn names(tokens: &[Arc<Inner>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for token in tokens {
        let name = token.name();
        let same = |other: &&String| **other == name || other.starts_with(&format!("{name} #"));
        let before = names.iter().filter(same).count();
        names.push(match before {
            0 => name,
            more => format!("{name} #{}", more + 1),
        });
    }
    names
}

impl Hsm {
    /// Runs a job in every token of this process.
    pub(super) async fn each<T, F>(&self, job: F) -> Vec<Each<T>>
    where
        T: Send + 'static,
        F: Fn(&Seat<'_>) -> Result<T, HsmError> + Clone + Send + 'static,
    {
        let tokens = self.pool.members();
        let mut all = Vec::new();
        for (token, name) in tokens.iter().zip(names(&tokens)) {
            let done = self.pool.at(token, job.clone()).await;
            all.push(Each { token: name, done });
        }
        all
    }

    /// Runs a job in the token at a position of the configuration, from 0.
    pub(super) async fn at<T, F>(&self, position: usize, job: F) -> Result<T, HsmError>
    where
        T: Send + 'static,
        F: Fn(&Seat<'_>) -> Result<T, HsmError> + Send + 'static,
    {
        match self.pool.members().get(position) {
            Some(token) => self.pool.at(token, job).await,
            None => Err(HsmError::BadInput(format!("there is no token {position}"))),
        }
    }

    /// What each token of this process is called.
    pub fn token_names(&self) -> Vec<String> {
        names(&self.pool.members())
    }

    /// What each token of this process is and holds, by what it answers.
    pub async fn holdings(&self) -> Vec<Each<Holding>> {
        self.each(|seat| {
            let info = seat.line.module.token_info(seat.line.slot)?;
            let prefix = prefix(&seat.inner.config);
            Ok(Holding {
                label: info.label,
                manufacturer: info.manufacturer,
                model: info.model,
                serial: info.serial,
                masters: known::all(&seat.line.anchor(), &seat.line.probe, &prefix)?,
            })
        })
        .await
    }

    /// Finds the masters that are in each token, and leaves a token that lacks one or has another.
    ///
    /// # Errors
    /// When none of them has what is required.
    pub(super) async fn look_in_each_token(&self) -> Result<(), HsmError> {
        let (mut first, mut found) = (None, false);
        for token in self.pool.members() {
            let looked = self.pool.at(&token, look).await;
            let Err(error) = looked else {
                found = true;
                continue;
            };
            if let (HsmError::Damaged(why) | HsmError::Lost(why), true) =
                (&error, self.pool.tokens.is_some())
            {
                token.leave_now(why);
            }
            first.get_or_insert(error);
        }
        match first {
            Some(error) if !found => Err(error),
            _ => Ok(()),
        }
    }
}

fn look(seat: &Seat<'_>) -> Result<(), HsmError> {
    let config = &seat.inner.config;
    let anchor = seat.line.anchor();
    seat.line.masters.look_again(&anchor, config)?;
    if seat.inner.reference.is_none() && !config.replicas.crossed {
        return Ok(());
    }
    let held = known::held(&anchor, &seat.line.probe, &prefix(config))?;
    match &seat.inner.reference {
        Some(reference) => agree(reference, config, held),
        None => lacking(config, &held),
    }
}
