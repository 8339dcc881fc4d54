//! From a source to a session on its token.

use std::path::{Path, PathBuf};

use token::{Module, Program, Session, Slot, User, raw};

use super::probe::Probe;
use super::{HsmError, Pin, Source};

/// Directory of the second embedded token, which keeps no keys.
const FORGE: &str = "forge";

/// A token that was found.
pub(super) struct Found {
    pub module: Module,
    pub slot: Slot,
    pub pin: UserPin,
}

/// Where the PIN of a token's user is.
pub(super) enum UserPin {
    Here(Pin),
    /// With the embedded token, and read by whatever process that is in.
    In(PathBuf),
}

/// Finds a token; an embedded one that is not there is made where it is given a `label`, and held
/// in a process of its own where it is given a `program` for that.
pub(super) fn find(
    source: &Source,
    label: Option<&str>,
    program: Option<&Program>,
) -> Result<Found, HsmError> {
    match source {
        Source::Embedded { dir } => embedded(Module::embedded(program)?, dir, label),
        Source::Module { path, label, pin } => {
            let module = Module::load(path)?;
            for slot in module.slots()? {
                let info = module.token_info(slot)?;
                if info.initialised && info.label == *label {
                    let pin = UserPin::Here(pin.clone());
                    return Ok(Found { module, slot, pin });
                }
            }
            Err(HsmError::Unavailable(format!(
                "the module {} has no token labelled {label:?}",
                path.display()
            )))
        }
    }
}

fn embedded(module: Module, dir: &Path, label: Option<&str>) -> Result<Found, HsmError> {
    let slot = match label {
        Some(label) => module.create_embedded(dir, label)?,
        None => module.open_embedded(dir)?,
    };
    let pin = UserPin::In(dir.to_owned());
    Ok(Found { module, slot, pin })
}

/// The second embedded token, where slow keys are made; in the process of the first.
pub(super) fn forge(source: &Source, module: &Module) -> Result<Option<Found>, HsmError> {
    let Source::Embedded { dir } = source else {
        return Ok(None);
    };
    embedded(module.clone(), &dir.join(FORGE), Some("keyward forge")).map(Some)
}

impl Found {
    /// A session with its user logged in.
    pub fn log_in(&self) -> Result<Session, token::Error> {
        let session = self.module.open_session(self.slot)?;
        let done = match &self.pin {
            UserPin::Here(pin) => session.login(User::User, &pin.0),
            UserPin::In(dir) => session.login_embedded(dir),
        };
        match done {
            Err(error) if error.code() != Some(raw::CKR_USER_ALREADY_LOGGED_IN) => {
                drop(session.close());
                Err(error)
            }
            _ => Ok(session),
        }
    }
}

/// Whether a login failed for its PIN.
pub(super) fn refuses_pin(error: &token::Error) -> bool {
    matches!(
        error.code(),
        Some(
            raw::CKR_PIN_INCORRECT
                | raw::CKR_PIN_LOCKED
                | raw::CKR_PIN_INVALID
                | raw::CKR_PIN_LEN_RANGE
                | raw::CKR_PIN_EXPIRED
        )
    )
}

/// A token whose masters are not looked at.
pub(super) struct Bare {
    pub session: Session,
    pub probe: Probe,
    /// Label and serial number.
    pub name: String,
}

/// Reaches a token for what is done once, in this process; see [`find`] for `label`.
pub(super) fn bare(source: &Source, label: Option<&str>) -> Result<Bare, HsmError> {
    let found = find(source, label, None)?;
    let session = found.log_in()?;
    let probe = Probe::run(&session, found.module.mechanisms(found.slot)?)?;
    let info = found.module.token_info(found.slot)?;
    Ok(Bare {
        session,
        probe,
        name: format!("{} {}", info.label, info.serial).trim().to_owned(),
    })
}
