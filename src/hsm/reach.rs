//! From a source to a session on its token.

use token::{EmbeddedToken, Module, Session, Slot, User, raw};
use zeroize::Zeroizing;

use super::probe::Probe;
use super::{HsmError, Source};

/// Directory of the second embedded token, which keeps no keys.
const FORGE: &str = "forge";

/// A token that was found, and its user's PIN.
pub(super) struct Found {
    pub module: &'static Module,
    pub slot: Slot,
    pub pin: Zeroizing<Vec<u8>>,
}

/// Finds a token; an embedded one that is not there is made where it is given a `label`.
pub(super) fn find(source: &Source, label: Option<&str>) -> Result<Found, HsmError> {
    match source {
        Source::Embedded { dir } => {
            let token = match label {
                Some(label) => EmbeddedToken::create(dir, label)?,
                None => EmbeddedToken::open(dir)?,
            };
            Ok(Found {
                module: token.module,
                slot: token.slot,
                pin: token.user_pin,
            })
        }
        Source::Module { path, label, pin } => {
            let module = Module::load(path)?;
            for slot in module.slots()? {
                let info = module.token_info(slot)?;
                if info.initialised && info.label == *label {
                    let pin = pin.0.clone();
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

/// The second embedded token, where slow keys are made.
pub(super) fn forge(source: &Source) -> Result<Option<Found>, HsmError> {
    let Source::Embedded { dir } = source else {
        return Ok(None);
    };
    let forge = EmbeddedToken::create(&dir.join(FORGE), "keyward forge")?;
    Ok(Some(Found {
        module: forge.module,
        slot: forge.slot,
        pin: forge.user_pin,
    }))
}

impl Found {
    /// A session with its user logged in.
    pub fn log_in(&self) -> Result<Session, token::Error> {
        let session = self.module.open_session(self.slot)?;
        match session.login(User::User, &self.pin) {
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

/// Reaches a token for what is done once; see [`find`] for `label`.
pub(super) fn bare(source: &Source, label: Option<&str>) -> Result<Bare, HsmError> {
    let found = find(source, label)?;
    let session = found.log_in()?;
    let probe = Probe::run(&session, found.module.mechanisms(found.slot)?)?;
    let info = found.module.token_info(found.slot)?;
    Ok(Bare {
        session,
        probe,
        name: format!("{} {}", info.label, info.serial).trim().to_owned(),
    })
}
