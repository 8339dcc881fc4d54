//! One call of a PKCS#11 function: its input, the caller's library, and how it can end.

use std::sync::Arc;

use super::parameters::{Buffer, Malformed, Reader, announced};
use crate::engine::context::Context;
use crate::engine::cryptoki::{self, Active, Away, Kind, Library, Owner, Session};
use crate::engine::error::{Fault, Reason};
use crate::operation::Handler;
use crate::protocol::enumeration::{Operation, Pkcs11ReturnCode as Code};
use crate::protocol::structure::Bytes;

/// How a call ends when it does not end well.
#[derive(Debug)]
pub enum Stop {
    /// No answer of PKCS#11 at all.
    Fault(Fault),
    /// An answer of PKCS#11, now and then with output.
    Code(Code, Option<Bytes>),
}

/// Output Parameters of a function that answers OK.
pub type Answer = Result<Option<Bytes>, Stop>;

impl From<Malformed> for Stop {
    fn from(error: Malformed) -> Self {
        Stop::Fault(error.into())
    }
}

impl From<Code> for Stop {
    fn from(code: Code) -> Self {
        Stop::Code(code, None)
    }
}

impl From<Away> for Stop {
    fn from(away: Away) -> Self {
        match away {
            Away::Unknown => Code::CRYPTOKI_NOT_INITIALIZED.into(),
            Away::Full => Code::HOST_MEMORY.into(),
        }
    }
}

macro_rules! codes {
    ($($($reason:ident)|+ = $code:ident;)*) => {
        /// What PKCS#11 calls a refusal of a KMIP operation.
        fn code(reason: Reason) -> Code {
            match reason {
                $($(Reason::$reason)|+ => Code::$code,)*
                _ => Code::FUNCTION_FAILED,
            }
        }
    };
}

codes! {
    ObjectNotFound | ObjectDestroyed | ObjectArchived | KeyValueNotPresent | ItemNotFound = KEY_HANDLE_INVALID;
    PermissionDenied | WrongKeyLifecycleState | IncompatibleCryptographicUsageMask | UsageLimitExceeded
        = KEY_FUNCTION_NOT_PERMITTED;
    InvalidObjectType | KeyFormatTypeNotSupported = KEY_TYPE_INCONSISTENT;
    BadCryptographicParameters | MissingInitializationVector | InvalidTagLength = MECHANISM_PARAM_INVALID;
    UnsupportedCryptographicParameters = MECHANISM_INVALID;
    MissingData | InvalidField = ARGUMENTS_BAD;
    InvalidCorrelationValue = OPERATION_NOT_INITIALIZED;
    FeatureNotSupported = FUNCTION_NOT_SUPPORTED;
    ServerLimitExceeded = HOST_MEMORY;
    Unavailable = DEVICE_ERROR;
    Internal = GENERAL_ERROR;
}

/// The same for what one kind of operation says of its data.
pub fn refusal(fault: &Fault, kind: Option<Kind>) -> Stop {
    if fault.reason == Reason::NotAuthorised {
        // The message's credentials, not the key: as every operation answers it.
        return Stop::Fault(fault.clone());
    }
    let code = match (fault.reason, kind) {
        (Reason::CryptographicFailure, Some(Kind::Decrypt)) => Code::ENCRYPTED_DATA_INVALID,
        (Reason::CryptographicFailure, Some(_)) => Code::DATA_LEN_RANGE,
        (reason, _) => code(reason),
    };
    tracing::debug!(reason = fault.reason.name(), message = %fault.message, "refused to PKCS#11");
    code.into()
}

/// A call.
#[derive(Debug)]
pub struct Call<'a> {
    pub context: &'a mut Context,
    pub owner: Owner,
    /// Correlation Value; empty: none.
    pub value: &'a [u8],
    pub input: Reader<'a>,
    /// The Correlation Value of a new library.
    pub opened: Option<Bytes>,
}

impl Call<'_> {
    /// Uses the caller's library, which grows by up to `room` bytes.
    pub fn library<R>(&self, room: usize, f: impl FnOnce(&mut Library) -> R) -> Result<R, Stop> {
        let libraries = &self.context.engine.cryptoki;
        Ok(libraries.with(self.value, &self.owner, room, f)?)
    }

    /// Uses one of its sessions.
    pub fn session<R>(
        &self,
        handle: u64,
        room: usize,
        f: impl FnOnce(&mut Session) -> Result<R, Code>,
    ) -> Result<R, Stop> {
        let found = self.library(room, |library| library.session(handle).map(f))?;
        Ok(found.ok_or(Code::SESSION_HANDLE_INVALID)??)
    }

    /// Unique Identifier of an object handle.
    pub fn object(&self, handle: u64, otherwise: Code) -> Result<Arc<str>, Stop> {
        let found = self.library(0, |library| library.object(handle))?;
        Ok(found.ok_or(otherwise)?)
    }

    /// Refuses a second operation of a kind.
    pub fn idle(&self, session: u64, kind: Kind) -> Result<(), Stop> {
        self.session(session, 0, |session| {
            match session.active.contains_key(&kind) {
                true => Err(Code::OPERATION_ACTIVE),
                false => Ok(()),
            }
        })
    }

    /// Keeps an operation in its session.
    pub fn put(&self, session: u64, kind: Kind, active: Active) -> Result<(), Stop> {
        let room = cryptoki::room_of(&active);
        self.session(session, room, |session| {
            session.active.insert(kind, active);
            Ok(())
        })
    }

    /// Takes an operation out of its session while it is worked on; it is back should the item be
    /// rolled back, for the item is then run again.
    pub fn take(&mut self, session: u64, kind: Kind) -> Result<Active, Stop> {
        let active = self.session(session, 0, |session| {
            session
                .active
                .remove(&kind)
                .ok_or(Code::OPERATION_NOT_INITIALIZED)
        })?;
        let engine = Arc::clone(&self.context.engine);
        let (value, owner, again) = (self.value.to_vec(), self.owner.clone(), active.clone());
        self.context.on_roll_back(move || {
            // A session that was closed meanwhile has no use for it.
            let _ = engine.cryptoki.with(&value, &owner, 0, |library| {
                if let Some(session) = library.session(session) {
                    session.active.insert(kind, again);
                }
            });
        });
        Ok(active)
    }

    /// Goes to the door of a KMIP operation: rights of the message's credentials must be for it, as
    /// they were for PKCS#11.
    pub fn enter(&mut self, operation: Operation) -> Result<(), Stop> {
        let narrowing = &mut self.context.admitted.narrowing;
        let entered = narrowing.again(operation);
        entered.map_err(Stop::Fault)
    }

    /// Runs a KMIP operation, with all that it checks, charges and records.
    pub async fn through<H: Handler>(
        &mut self,
        operation: Operation,
        request: &H::Request,
        kind: Option<Kind>,
    ) -> Result<H::Response, Stop> {
        self.enter(operation)?;
        let before = self.context.snapshot();
        match Box::pin(H::run(self.context, request)).await {
            Ok(response) => Ok(response),
            Err(fault) => {
                self.context.roll_back(before);
                Err(refusal(&fault, kind))
            }
        }
    }
}

/// What a call does that asks for a length, or has too little room: the operation goes on.
pub fn room(buffer: Buffer, needed: usize) -> Option<Answer> {
    match buffer.length {
        None => Some(Ok(Some(announced(needed)))),
        Some(length) if length < needed => Some(too_small(needed)),
        Some(_) => None,
    }
}

pub fn too_small(needed: usize) -> Answer {
    Err(Stop::Code(Code::BUFFER_TOO_SMALL, Some(announced(needed))))
}
