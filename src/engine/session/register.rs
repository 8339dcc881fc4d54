//! Users as administrators make and change them: in the transaction that records who did it.

use serde::Serialize;
use zeroize::Zeroizing;

use super::password::{self, Hashed, Verifier};
use super::rights::Right;
use super::user::{self, Device, Secrets, User, UserError};
use crate::audit::administration::{self, Deed};
use crate::clock::Clock;
use crate::engine::directory::Directory;
use crate::engine::entity::{EntityError, Rows, Verified};
use crate::engine::founding::FoundingError;
use crate::engine::freshness::Freshness;
use crate::hsm::{Hsm, TenantKeys};
use crate::object::managed::Unsound;
use crate::protocol::enumeration::Operation;
use crate::store::Store;
use crate::store::record::{EntityKind, TenantId};

/// Where an administrator's command works: beside the servers, with nothing remembered.
#[derive(Debug)]
pub struct Register<'a> {
    pub store: &'a Store,
    pub hsm: &'a Hsm,
    pub clock: &'a Clock,
    pub tenant: TenantId,
    /// For rows that were read here.
    pub freshness: Freshness,
}

/// What a new user is to be like.
#[derive(Debug)]
pub struct NewUser<'a> {
    pub name: &'a str,
    /// Only a device may be without.
    pub password: Option<&'a str>,
    /// Whether Hashed Password is served, too.
    pub hashed: bool,
    pub device: Option<Device>,
    pub identity: Option<&'a str>,
    /// None: all.
    pub operations: Option<Vec<Operation>>,
}

/// A user as `user list` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    pub name: String,
    pub created: i64,
    pub removed: Option<i64>,
    pub identity: Option<String>,
    pub device: Option<Device>,
    pub operations: Option<Vec<String>>,
    /// Whether a password, hashed passwords and how many one-time passwords there are.
    pub password: bool,
    pub hashed: bool,
    pub one_time_passwords: usize,
}

fn refused(text: impl Into<String>) -> FoundingError {
    FoundingError::Refused(text.into())
}

impl From<UserError> for FoundingError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Entity(error) => error.into(),
            UserError::Token(error) => error.into(),
            UserError::Password(error) => refused(error.to_string()),
        }
    }
}

impl Register<'_> {
    fn rows(&self) -> Rows<'_> {
        Rows {
            store: self.store,
            hsm: self.hsm,
            freshness: &self.freshness,
        }
    }

    async fn keys(&self) -> Result<TenantKeys, FoundingError> {
        let directory = Directory::default();
        let tenant = directory.tenant(&self.rows(), self.tenant, false).await?;
        Ok(tenant.keys.clone())
    }

    async fn users(&self) -> Result<Vec<Verified<User>>, EntityError> {
        self.rows().all::<User>(EntityKind::User, self.tenant).await
    }

    /// The user of this name who is not removed.
    async fn named(&self, name: &str) -> Result<Verified<User>, FoundingError> {
        let users = self.users().await?;
        users
            .into_iter()
            .find(|row| row.body.name == name && row.body.removed.is_none())
            .ok_or_else(|| {
                refused(format!(
                    "the tenant has no user {name:?}; see `keyward user list`"
                ))
            })
    }

    async fn write(&self, user: &User, version: i64, command: &str) -> Result<(), FoundingError> {
        let change = user.put(self.hsm, self.tenant, version).await?;
        let deed = Deed {
            command,
            tenant: self.tenant,
            object: &user.name,
            time: self.clock.now(),
        };
        administration::write(self.store, vec![change], deed).await?;
        Ok(())
    }

    async fn salt(&self) -> Result<[u8; 16], FoundingError> {
        let random = self.hsm.random(16).await?;
        let salt = <[u8; 16]>::try_from(random.as_slice());
        salt.map_err(|_| EntityError::from(Unsound::Damaged("random bytes".to_owned())).into())
    }

    async fn new_password(
        &self,
        secrets: &mut Secrets,
        name: &str,
        password: &str,
        hashed: bool,
    ) -> Result<(), FoundingError> {
        let characters = password.chars().count();
        if characters < password::SHORTEST || password.len() > password::LONGEST {
            return Err(refused(format!(
                "the password has {characters} characters; expected at least {} and at most {} bytes",
                password::SHORTEST,
                password::LONGEST
            )));
        }
        let verifier = Verifier::make(password, self.salt().await?).map_err(UserError::from)?;
        secrets.verifier = Some(verifier);
        secrets.hashed = match hashed {
            true => Hashed::make(name, password).map_err(UserError::from)?,
            false => Vec::new(),
        };
        Ok(())
    }

    /// Makes a user.
    ///
    /// # Errors
    /// Refused for a name, device or password that cannot be, or that is taken.
    pub async fn add(&self, new: NewUser<'_>) -> Result<(), FoundingError> {
        if !user::is_name(new.name) {
            return Err(refused(
                "a user's name has 1 to 128 characters, and no control characters",
            ));
        }
        if new.password.is_none() && new.device.is_none() {
            return Err(refused(
                "a user needs a password; only a device can be without",
            ));
        }
        if new.hashed && new.device.is_some() {
            return Err(refused("hashed passwords are for users, not for devices"));
        }
        let key = match &new.device {
            Some(device) if device.is_empty() => {
                return Err(refused("a device shows something of itself"));
            }
            Some(device) => device.key(),
            None => user::key(new.name),
        };
        let rows = self.users().await?;
        let alive = |row: &&Verified<User>| row.body.removed.is_none();
        if rows
            .iter()
            .filter(alive)
            .any(|row| row.body.name == new.name || row.key == key)
        {
            return Err(refused(format!(
                "there is a user {:?}, or a device that shows the same",
                new.name
            )));
        }
        if let Some(identity) = new.identity
            && self
                .store
                .entity(EntityKind::Identity, self.tenant, identity)
                .await?
                .is_none()
        {
            return Err(refused(format!(
                "the tenant has no identity {identity:?}; see `keyward client list`"
            )));
        }
        let before = rows.iter().find(|row| row.key == key);
        let right = |operations: Vec<Operation>| {
            vec![Right {
                operations: Some(operations.iter().map(|operation| operation.0).collect()),
                ..Right::default()
            }]
        };
        let mut user = User {
            name: new.name.to_owned(),
            created: self.clock.now(),
            removed: None,
            epoch: before.map_or(1, |row| row.body.epoch.saturating_add(1)),
            identity: new.identity.map(str::to_owned),
            device: new.device,
            rights: new.operations.map(right),
            // Whoever recorded hashed passwords of the user before cannot use them again.
            last_timestamp: before.and_then(|row| row.body.last_timestamp),
            secrets: None,
        };
        if let Some(password) = new.password {
            let mut secrets = Secrets::default();
            self.new_password(&mut secrets, new.name, password, new.hashed)
                .await?;
            user.set_secrets(self.hsm, &self.keys().await?, &secrets)
                .await?;
        }
        let version = before.map_or(0, |row| row.version) + 1;
        self.write(&user, version, "user add").await
    }

    /// Removes a user: its password and its tickets are worth nothing from now on.
    pub async fn remove(&self, name: &str) -> Result<(), FoundingError> {
        let row = self.named(name).await?;
        let mut user = row.body;
        user.removed = Some(self.clock.now());
        user.epoch = user.epoch.saturating_add(1);
        user.secrets = None;
        self.write(&user, row.version + 1, "user remove").await
    }

    /// Sets another password; the user's tickets end.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<(), FoundingError> {
        let row = self.named(name).await?;
        let (mut user, keys) = (row.body, self.keys().await?);
        let mut secrets = user.secrets(self.hsm, &keys).await?;
        let hashed = !secrets.hashed.is_empty();
        self.new_password(&mut secrets, name, password, hashed)
            .await?;
        user.set_secrets(self.hsm, &keys, &secrets).await?;
        user.epoch = user.epoch.saturating_add(1);
        self.write(&user, row.version + 1, "user password").await
    }

    /// Makes one-time passwords in the place of those that were; they are shown this once.
    pub async fn one_time(
        &self,
        name: &str,
        count: u8,
    ) -> Result<Vec<Zeroizing<String>>, FoundingError> {
        let row = self.named(name).await?;
        let (mut user, keys) = (row.body, self.keys().await?);
        if user.device.is_some() {
            return Err(refused("one-time passwords are for users, not for devices"));
        }
        let mut secrets = user.secrets(self.hsm, &keys).await?;
        let mut codes = Vec::new();
        for _ in 0..count {
            let random = self.hsm.random(16).await?;
            codes.push(Zeroizing::new(hex::encode(&*random)));
        }
        let kept = codes
            .iter()
            .map(|code| hex::encode(password::one_time(code)));
        secrets.one_time = kept.collect();
        user.set_secrets(self.hsm, &keys, &secrets).await?;
        self.write(&user, row.version + 1, "user one-time").await?;
        Ok(codes)
    }

    /// All users, those that were removed too.
    pub async fn list(&self) -> Result<Vec<Listed>, FoundingError> {
        let keys = self.keys().await?;
        let mut listed = Vec::new();
        for row in self.users().await? {
            let user = row.body;
            let secrets = user.secrets(self.hsm, &keys).await?;
            let rights = user.rights.unwrap_or_default();
            let operations: Vec<String> = rights
                .iter()
                .filter_map(|right| right.operations.as_ref())
                .flatten()
                .map(|number| Operation(*number).to_string())
                .collect();
            listed.push(Listed {
                name: user.name,
                created: user.created,
                removed: user.removed,
                identity: user.identity,
                device: user.device,
                operations: (!rights.is_empty()).then_some(operations),
                password: secrets.verifier.is_some(),
                hashed: !secrets.hashed.is_empty(),
                one_time_passwords: secrets.one_time.len(),
            });
        }
        Ok(listed)
    }
}
