//! Who a message says it is from, besides the certificate (1.4 §6.6, 2.1 §9.4): users and devices of
//! the identity's tenant, and tickets. A credential never changes the tenant or the identity; it is
//! proven and narrows, or it is refused and with it the message.

pub mod attempts;
pub mod known;
pub mod password;
pub mod proof;
pub mod register;
pub mod rights;
pub mod ticket;
pub mod user;

use std::sync::atomic::AtomicU16;
use std::time::Duration;

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use self::attempts::Addresses;
use self::known::Known;
use self::password::Shown;
use self::proof::{Claim, Claimant};
use self::rights::Narrowing;
use self::user::{Device, User};
use super::Engine;
use super::batch::Sender;
use super::client_profile::Deviation;
use super::context;
use super::directory::Caller;
use super::entity::EntityError;
use super::error::{Fault, Reason};
use crate::protocol::credential::{Authentication, Credential, CredentialFields};
use crate::protocol::enumeration::{CredentialType, HashingAlgorithm};
use crate::protocol::structure::Bytes;

/// Credentials of one message. All must be satisfied, and a password costs memory and time.
const MOST: usize = 4;
/// Passwords that are verified at the same time.
const AT_ONCE: usize = 2;
/// A refusal takes at least so long: what is quickly found wrong is told no sooner than the rest.
const SLOWEST: Duration = Duration::from_millis(100);

/// What the server keeps for verifying credentials.
#[derive(Debug)]
pub struct Doorman {
    addresses: Addresses,
    known: Known,
    permits: Semaphore,
    logins: AtomicU16,
}

impl Doorman {
    /// `key`: 32 random bytes of this process.
    pub fn new(key: Zeroizing<Vec<u8>>) -> Self {
        Doorman {
            addresses: Addresses::default(),
            known: Known::new(key),
            permits: Semaphore::new(AT_ONCE),
            logins: AtomicU16::new(0),
        }
    }
}

/// A user that was proven, as tickets name it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    pub key: String,
    pub epoch: u32,
}

/// What the credentials of a message came to.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    /// SHA-256 of the client's certificate.
    pub fingerprint: [u8; 32],
    pub user: Option<Proven>,
    /// Key of the ticket's row.
    pub ticket: Option<String>,
    pub narrowing: Narrowing,
    /// For the audit record: `user:NAME`, `device:NAME`, `ticket:NAME`.
    pub labels: Vec<String>,
    /// The answer to a Hashed Password (2.1 §8.5).
    pub server_hashed_password: Option<Bytes>,
}

/// Why a message goes no further.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub fault: Fault,
    /// What anybody may ask is still answered: no credential was shown where one is required.
    pub open: bool,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal { fault, open: false }
    }
}

/// One sentence for all that is wrong, so that it tells nobody who exists.
pub(crate) fn unproven() -> Fault {
    Fault::new(
        Reason::AuthenticationNotSuccessful,
        "the credential in the request header is not that of a user of this tenant; correct it, or ask an \
         administrator: `keyward user list`",
    )
}

/// A row that cannot be had.
pub(crate) fn row_fault(error: EntityError) -> Fault {
    match error {
        EntityError::Store(error) => error.into(),
        EntityError::Unsound(error) => context::unsound("a row of a credential", &error),
    }
}

/// Verifies the credentials of a message.
pub async fn authenticate(
    engine: &Engine,
    sender: &Sender,
    caller: &Caller,
    authentication: Option<&Authentication>,
    now: i64,
) -> Result<Admitted, Refusal> {
    let begun = tokio::time::Instant::now();
    let mut admitted = Admitted {
        fingerprint: fingerprint(caller),
        ..Admitted::default()
    };
    if let Some(authentication) = authentication {
        let shown = all(engine, sender, caller, authentication, now);
        if let Err(fault) = shown.collect(&mut admitted).await {
            tracing::warn!(
                identity = caller.identity.name,
                address = sender.address,
                reason = fault.reason.name(),
                "refused a credential"
            );
            tokio::time::sleep_until(begun + SLOWEST).await;
            return Err(fault.into());
        }
    }
    if caller.identity.requires_credential && admitted.user.is_none() {
        return Err(Refusal {
            fault: Fault::new(
                Reason::AuthenticationNotSuccessful,
                "this identity must show a credential of a user in the request header, and showed none",
            ),
            open: true,
        });
    }
    Ok(admitted)
}

/// Credentials on their way to be verified.
struct All<'a> {
    engine: &'a Engine,
    sender: &'a Sender,
    caller: &'a Caller,
    credentials: &'a [Credential],
    now: i64,
}

fn all<'a>(
    engine: &'a Engine,
    sender: &'a Sender,
    caller: &'a Caller,
    authentication: &'a Authentication,
    now: i64,
) -> All<'a> {
    All {
        engine,
        sender,
        caller,
        credentials: &authentication.credential,
        now,
    }
}

impl All<'_> {
    async fn collect(&self, admitted: &mut Admitted) -> Result<(), Fault> {
        if self.credentials.is_empty() || self.credentials.len() > MOST {
            return Err(Fault::new(
                Reason::InvalidMessage,
                format!(
                    "Authentication holds {} credentials; expected 1 to {MOST}",
                    self.credentials.len()
                ),
            ));
        }
        // A ticket's request is counted only when all else is right.
        let is_ticket =
            |credential: &&Credential| credential.credential_type == CredentialType::TICKET;
        let (tickets, others): (Vec<_>, Vec<_>) = self.credentials.iter().partition(is_ticket);
        for credential in others.into_iter().chain(tickets) {
            self.one(credential, admitted).await?;
        }
        Ok(())
    }

    async fn one(&self, credential: &Credential, admitted: &mut Admitted) -> Result<(), Fault> {
        let missing = || {
            Fault::new(
                Reason::InvalidMessage,
                "the credential lacks a required field",
            )
        };
        let Some(fields) = &credential.credential_value.0 else {
            return Err(unproven());
        };
        let ignored = self.caller.deviates(Deviation::CredentialsIgnored);
        let username = || fields.username.as_ref().map(|name| user::key(&name.0));
        match credential.credential_type {
            CredentialType::USERNAME_AND_PASSWORD | CredentialType::DEVICE if ignored => Ok(()),
            CredentialType::USERNAME_AND_PASSWORD => {
                let key = username().ok_or_else(missing)?;
                let claim = Claim::Password(fields.password.as_ref());
                self.user(&key, claim, admitted).await
            }
            CredentialType::DEVICE => {
                let device = device(fields);
                if device.is_empty() {
                    return Err(missing());
                }
                let claim = Claim::Password(fields.password.as_ref());
                self.user(&device.key(), claim, admitted).await
            }
            CredentialType::ONE_TIME_PASSWORD => {
                let key = username().ok_or_else(missing)?;
                let claim = Claim::OneTime {
                    password: fields.password.as_ref(),
                    code: fields.one_time_password.as_ref().ok_or_else(missing)?,
                };
                self.user(&key, claim, admitted).await
            }
            CredentialType::HASHED_PASSWORD => {
                let key = username().ok_or_else(missing)?;
                let time = fields.time_stamp.ok_or_else(missing)?;
                let algorithm = fields.hashing_algorithm;
                let shown = Shown {
                    algorithm: algorithm.unwrap_or(HashingAlgorithm::SHA_256),
                    timestamp: time.value,
                    hashed: fields.hashed_password.as_ref().ok_or_else(missing)?,
                };
                let claim = Claim::Hashed {
                    shown,
                    microseconds: time.microseconds(),
                };
                self.user(&key, claim, admitted).await
            }
            CredentialType::TICKET => {
                let shown = fields.ticket.as_ref().ok_or_else(missing)?;
                ticket::admit(self.engine, self.caller, shown, admitted, self.now).await
            }
            CredentialType::ATTESTATION => Err(Fault::new(
                Reason::AttestationFailed,
                "this server verifies no attestation; leave the Attestation credential out",
            )),
            _ => Err(unproven()),
        }
    }

    async fn user(
        &self,
        key: &str,
        claim: Claim<'_>,
        admitted: &mut Admitted,
    ) -> Result<(), Fault> {
        let claimant = Claimant {
            engine: self.engine,
            caller: self.caller,
            address: &self.sender.address,
            now: self.now,
        };
        let (user, answer) = claimant.prove(key, claim).await?;
        admitted.take(key, &user);
        admitted.server_hashed_password = answer.or(admitted.server_hashed_password.take());
        Ok(())
    }
}

impl Admitted {
    /// Notes a user that was proven.
    fn take(&mut self, key: &str, user: &User) {
        let kind = if user.device.is_some() {
            "device"
        } else {
            "user"
        };
        self.labels.push(format!("{kind}:{}", user.name));
        if let Some(rights) = &user.rights {
            self.narrowing.add(rights.clone());
        }
        // With several, the first stands for the session that a Login begins.
        self.user.get_or_insert_with(|| Proven {
            key: key.to_owned(),
            epoch: user.epoch,
        });
    }
}

fn device(fields: &CredentialFields) -> Device {
    Device {
        serial_number: fields.device_serial_number.clone(),
        identifier: fields.device_identifier.clone(),
        network: fields.network_identifier.clone(),
        machine: fields.machine_identifier.clone(),
        media: fields.media_identifier.clone(),
    }
}

/// Of the certificate that the caller shows; zeros for the server itself, which shows no tickets.
fn fingerprint(caller: &Caller) -> [u8; 32] {
    caller
        .credential
        .map_or([0; 32], |credential| credential.fingerprint)
}
