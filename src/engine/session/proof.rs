//! One credential of a user against the user's row.

use zeroize::Zeroizing;

use super::attempts::Wrong;
use super::password::{self, Hashed, Shown, Verifier};
use super::user::{self, Secrets, User, UserError};
use super::{Proven, row_fault, unproven};
use crate::engine::Engine;
use crate::engine::directory::Caller;
use crate::engine::entity::{self, Verified};
use crate::engine::error::{Fault, Reason};
use crate::engine::token_error;
use crate::protocol::credential::Secret;
use crate::protocol::structure::Bytes;
use crate::store::StoreError;
use crate::store::record::{Change, Commit, EntityKind};

/// Times that a row is read again because somebody else changed it.
const ATTEMPTS: u32 = 16;
/// Microseconds that a client's clock may be ahead, so that one mistake does not shut it out for good.
const AHEAD: i64 = 600 * 1_000_000;

/// What is shown for being a user.
#[derive(Clone, Copy, Debug)]
pub enum Claim<'a> {
    Password(Option<&'a Secret>),
    OneTime {
        password: Option<&'a Secret>,
        code: &'a Secret,
    },
    Hashed {
        shown: Shown<'a>,
        microseconds: i64,
    },
}

/// Who shows it.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    pub engine: &'a Engine,
    pub caller: &'a Caller,
    pub address: &'a str,
    pub now: i64,
}

/// Whether a claim holds.
enum Verdict {
    /// With the row that the use of the credential leaves behind, if any.
    Right {
        change: Option<Box<Change>>,
        answer: Option<Bytes>,
    },
    Wrong,
    /// Shown before, or of the future: nobody guessed.
    Stale,
}

fn user_fault(error: UserError) -> Fault {
    match error {
        UserError::Entity(error) => row_fault(error),
        UserError::Token(error) => token_error::fault(&error),
        UserError::Password(error) => {
            tracing::error!(%error, "a user cannot be verified");
            unproven()
        }
    }
}

impl Claimant<'_> {
    /// The user, and the Server Hashed Password where one belongs into the answer.
    pub async fn prove(&self, key: &str, claim: Claim<'_>) -> Result<(User, Option<Bytes>), Fault> {
        self.wait().await?;
        if let Claim::Password(Some(password)) = claim
            && let Some(user) = self.known(key, password).await?
        {
            return Ok((user, None));
        }
        let doorman = &self.engine.doorman;
        let permit = doorman.permits.acquire().await;
        let _permit = permit.map_err(|_| unproven())?;
        // Others may have guessed while this one waited.
        self.wait().await?;
        for _ in 0..ATTEMPTS {
            let row = self.user(key).await?;
            let verdict = match &row {
                Some(row) => self.verdict(row, claim).await?,
                None => self.nobody(claim).await?,
            };
            let (Some(row), Verdict::Right { change, answer }) = (row, &verdict) else {
                if matches!(verdict, Verdict::Wrong) {
                    self.note_wrong().await?;
                }
                return Err(unproven());
            };
            if let Some(change) = change {
                match self.commit((**change).clone()).await {
                    Ok(()) => {}
                    Err(StoreError::Conflict) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            if let Claim::Password(Some(password)) = claim {
                let proven = proven(key, &row.body);
                doorman
                    .known
                    .learn(self.caller.tenant_id, &proven, &password.0);
            }
            return Ok((row.body, answer.clone()));
        }
        Err(StoreError::Conflict.into())
    }

    async fn commit(&self, change: Change) -> Result<(), StoreError> {
        let commit = Commit {
            changes: vec![change],
            audit: Vec::new(),
        };
        self.engine.commit(commit).await
    }

    /// The user that this identity may be; None hides why not.
    async fn user(&self, key: &str) -> Result<Option<Verified<User>>, Fault> {
        let row = user::read(&self.engine.rows(), self.caller.tenant_id, key).await;
        let row = row.map_err(row_fault)?;
        Ok(row.filter(|row| row.body.is_open_to(&self.caller.identity.name)))
    }

    async fn known(&self, key: &str, password: &Secret) -> Result<Option<User>, Fault> {
        let row = self.user(key).await?;
        let known = &self.engine.doorman.known;
        Ok(row
            .map(|row| row.body)
            .filter(|user| known.accepts(self.caller.tenant_id, &proven(key, user), &password.0)))
    }

    async fn verdict(&self, row: &Verified<User>, claim: Claim<'_>) -> Result<Verdict, Fault> {
        let secrets = row
            .body
            .secrets(&self.engine.hsm, &self.caller.tenant.keys)
            .await
            .map_err(user_fault)?;
        let right = |change, answer| Verdict::Right { change, answer };
        Ok(match claim {
            // A name alone proves nothing; a device's serial number may, beside the certificate.
            Claim::Password(None) if row.body.device.is_none() => Verdict::Wrong,
            Claim::Password(shown) => match self.is_right(&secrets, shown).await? {
                true => right(None, None),
                false => Verdict::Wrong,
            },
            Claim::OneTime { password, code } => {
                // The password is optional in the credential, but not for a user who has one.
                let is_right = self.is_right(&secrets, password).await?;
                match self.use_code(row, secrets, code).await? {
                    Some(change) if is_right => right(Some(Box::new(change)), None),
                    _ => Verdict::Wrong,
                }
            }
            Claim::Hashed {
                shown,
                microseconds,
            } => {
                let Some(answer) = Hashed::answer(&secrets.hashed, &shown) else {
                    return Ok(Verdict::Wrong);
                };
                match self.note_time(row, microseconds).await? {
                    Some(change) => right(Some(Box::new(change)), Some(answer)),
                    None => Verdict::Stale,
                }
            }
        })
    }

    /// Does for nobody what is done for somebody.
    async fn nobody(&self, claim: Claim<'_>) -> Result<Verdict, Fault> {
        if let Claim::Password(shown)
        | Claim::OneTime {
            password: shown, ..
        } = claim
        {
            self.is_right(&Secrets::default(), shown).await?;
        }
        Ok(Verdict::Wrong)
    }

    /// Whether the password is the user's; for a user without one, whether none was shown.
    async fn is_right(&self, secrets: &Secrets, shown: Option<&Secret>) -> Result<bool, Fault> {
        let verifier = secrets.verifier.clone();
        let Some(shown) = shown else {
            return Ok(verifier.is_none());
        };
        if shown.0.len() > password::LONGEST {
            return Ok(false);
        }
        let shown = Zeroizing::new(shown.0.to_string());
        let verified = tokio::task::spawn_blocking(move || match verifier {
            Some(verifier) => verifier.accepts(&shown),
            None => Verifier::accept_nothing(&shown),
        });
        match verified.await {
            Ok(verified) => verified.map_err(|error| user_fault(error.into())),
            Err(error) => {
                tracing::error!(%error, "a password was not verified");
                Err(unproven())
            }
        }
    }

    /// The row without the code that was used; None when it is not one of the user's.
    async fn use_code(
        &self,
        row: &Verified<User>,
        mut secrets: Secrets,
        code: &Secret,
    ) -> Result<Option<Change>, Fault> {
        let shown = hex::encode(password::one_time(&code.0));
        let before = secrets.one_time.len();
        secrets.one_time.retain(|kept| *kept != shown);
        if secrets.one_time.len() == before {
            return Ok(None);
        }
        let mut user = row.body.clone();
        user.set_secrets(&self.engine.hsm, &self.caller.tenant.keys, &secrets)
            .await
            .map_err(user_fault)?;
        self.changed(&user, row.version).await.map(Some)
    }

    /// The row with the time of a hashed password; None when the time is not later than the last
    /// (2.1 §9.11: it SHALL monotonically increase).
    async fn note_time(
        &self,
        row: &Verified<User>,
        microseconds: i64,
    ) -> Result<Option<Change>, Fault> {
        let last = row.body.last_timestamp;
        let ahead = microseconds.saturating_sub(self.now.saturating_mul(1_000_000));
        if last.is_some_and(|last| microseconds <= last) || ahead > AHEAD {
            return Ok(None);
        }
        let mut user = row.body.clone();
        user.last_timestamp = Some(microseconds);
        self.changed(&user, row.version).await.map(Some)
    }

    async fn changed(&self, user: &User, version: i64) -> Result<Change, Fault> {
        user.put(&self.engine.hsm, self.caller.tenant_id, version + 1)
            .await
            .map_err(row_fault)
    }

    /// Refuses while identity or address has to wait.
    async fn wait(&self) -> Result<(), Fault> {
        let row = self.wrong().await?;
        let of_identity = row.and_then(|row| row.body.wait(self.now()));
        let of_address = self.engine.doorman.addresses.wait(self.address, self.now());
        match of_identity.max(of_address) {
            None => Ok(()),
            Some(seconds) => Err(Fault::new(
                Reason::AuthenticationNotSuccessful,
                format!("too many wrong credentials; the next is looked at in {seconds} seconds"),
            )),
        }
    }

    /// Not the message's one moment: it may have waited.
    fn now(&self) -> i64 {
        self.engine.clock.now()
    }

    async fn wrong(&self) -> Result<Option<Verified<Wrong>>, Fault> {
        let (tenant, name) = (self.caller.tenant_id, &self.caller.identity.name);
        let row = self
            .engine
            .rows()
            .read::<Wrong>(EntityKind::Attempts, tenant, name)
            .await;
        row.map_err(row_fault)
    }

    async fn note_wrong(&self) -> Result<(), Fault> {
        self.engine
            .doorman
            .addresses
            .wrong(self.address, self.now());
        let (tenant, name) = (self.caller.tenant_id, &self.caller.identity.name);
        for _ in 0..ATTEMPTS {
            let row = self.wrong().await?;
            let (body, version) = match row {
                Some(row) => (row.body, row.version),
                None => (Wrong::default(), 0),
            };
            let body = body.of_identity(self.now());
            let kind = EntityKind::Attempts;
            let put = entity::put(&self.engine.hsm, kind, tenant, name, version + 1, &body).await;
            match self.commit(put.map_err(row_fault)?).await {
                Err(StoreError::Conflict | StoreError::Exists) => {}
                other => return other.map_err(Fault::from),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

fn proven(key: &str, user: &User) -> Proven {
    Proven {
        key: key.to_owned(),
        epoch: user.epoch,
    }
}
