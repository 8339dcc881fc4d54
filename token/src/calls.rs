//! What can be asked of a module and of a session: a row for each call, however the token is
//! reached. A row makes the method, which calls the module in this process or asks the one that
//! holds it, and what that one does when it is asked.

use std::path::Path;

use cryptoki_sys as raw;
use zeroize::Zeroizing;

use crate::apart::{Connection, Process, Program, Reader, Wire};
use crate::attribute::Attribute;
use crate::direct;
use crate::error::Error;
use crate::mechanism::Mechanism;

pub type Slot = raw::CK_SLOT_ID;

/// A PKCS#11 object handle; of meaning to its token, and until its session ends.
pub type Handle = raw::CK_OBJECT_HANDLE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    SecurityOfficer,
    User,
}

/// What C_GetTokenInfo tells.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    pub label: String,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    pub initialised: bool,
    pub user_pin_set: bool,
}

/// A PKCS#11 module, initialised.
#[derive(Clone, Debug)]
pub enum Module {
    /// In this process.
    Direct(&'static direct::Module),
    /// The embedded token in a process of its own, which ends with the last of these.
    Apart(std::sync::Arc<Process>),
}

/// A session. One thread uses it at a time: an operation is two calls and its state is the
/// session's. Dropping it does not close it (see [`Module::open_session`]), but where the token is
/// in another process.
#[derive(Debug)]
pub enum Session {
    Direct(direct::Session),
    Apart(Connection),
}

macro_rules! calls {
    ($Type:ident, $Call:ident, $Direct:ty:
        $($(#[doc = $about:literal])* $name:ident($($argument:ident: $Argument:ty),*) -> $Answer:ty;)*
    ) => {
        impl $Type {
            $($(#[doc = $about])*
            pub fn $name(&self, $($argument: $Argument),*) -> Result<$Answer, Error> {
                match self {
                    $Type::Direct(direct) => direct.$name($($argument),*),
                    $Type::Apart(apart) => apart.ask($Call::$name as u8, |_message| {
                        $($argument.put(_message);)*
                    }),
                }
            })*
        }

        #[allow(non_camel_case_types, reason = "named as the methods")]
        pub(crate) enum $Call { $($name),* }

        impl $Call {
            /// Does what another process asks; None when that cannot be read.
            pub(crate) fn answer(direct: $Direct, call: u8, _from: &mut Reader<'_>, to: &mut Vec<u8>) -> Option<()> {
                $(if call == $Call::$name as u8 {
                    direct.$name($(<$Argument>::take(_from)?),*).put(to);
                    return Some(());
                })*
                None
            }
        }
    };
}

calls! { Module, ModuleCall, &'static direct::Module:
    /// Slots with a token in them.
    slots() -> Vec<Slot>;
    token_info(slot: Slot) -> TokenInfo;
    mechanisms(slot: Slot) -> Vec<raw::CK_MECHANISM_TYPE>;
    /// Ends every session of the module's process on the slot, and with the last one the login.
    close_all(slot: Slot) -> ();
    /// Makes an embedded token: its directory (0700), PINs (0600) and database (0600, WAL) where
    /// they are missing, and initialises it. Continues an initialisation that was interrupted; a
    /// token that is ready is opened as it is.
    create_embedded(directory: &Path, label: &str) -> Slot;
    /// Opens an embedded token that was created before.
    open_embedded(directory: &Path) -> Slot;
}

calls! { Session, SessionCall, &direct::Session:
    /// Fails unless the session stands and the user is logged in.
    alive() -> ();
    /// Login is per token: it holds for all sessions of the module's process.
    login(user: User, pin: &[u8]) -> ();
    /// Logs the user in with the PIN that an embedded token's directory holds.
    login_embedded(directory: &Path) -> ();
    logout() -> ();
    /// Sets the user PIN; the security officer must be logged in.
    initialise_pin(pin: &[u8]) -> ();
    /// At most `limit` objects that match the template.
    find(template: &[Attribute<'_>], limit: usize) -> Vec<Handle>;
    create(template: &[Attribute<'_>]) -> Handle;
    copy(object: Handle, template: &[Attribute<'_>]) -> Handle;
    /// C_SetAttributeValue.
    set(object: Handle, template: &[Attribute<'_>]) -> ();
    destroy(object: Handle) -> ();
    /// The value of one attribute.
    attribute(object: Handle, kind: raw::CK_ATTRIBUTE_TYPE) -> Zeroizing<Vec<u8>>;
    generate_key(mechanism: Mechanism<'_>, template: &[Attribute<'_>]) -> Handle;
    /// Public and private handle.
    generate_pair(mechanism: Mechanism<'_>, public: &[Attribute<'_>], private: &[Attribute<'_>]) -> (Handle, Handle);
    wrap(mechanism: Mechanism<'_>, wrapping: Handle, key: Handle) -> Vec<u8>;
    unwrap(mechanism: Mechanism<'_>, unwrapping: Handle, wrapped: &[u8], template: &[Attribute<'_>]) -> Handle;
    /// C_DeriveKey.
    derive(mechanism: Mechanism<'_>, base: Handle, template: &[Attribute<'_>]) -> Handle;
    /// `extra`: how many bytes longer than the data the result may be (padding, tag).
    encrypt(mechanism: Mechanism<'_>, key: Handle, data: &[u8], extra: usize) -> Zeroizing<Vec<u8>>;
    decrypt(mechanism: Mechanism<'_>, key: Handle, data: &[u8]) -> Zeroizing<Vec<u8>>;
    /// Signature or MAC of at most `length` bytes.
    sign(mechanism: Mechanism<'_>, key: Handle, data: &[u8], length: usize) -> Zeroizing<Vec<u8>>;
    /// False when the signature does not hold.
    verify(mechanism: Mechanism<'_>, key: Handle, data: &[u8], signature: &[u8]) -> bool;
    /// Bytes of the generator.
    draw(length: usize) -> Zeroizing<Vec<u8>>;
    /// Additional input to the generator; false where the token takes none.
    seed(seed: &[u8]) -> bool;
}

impl Module {
    /// The embedded token's module: in this process, or in one of its own that `program` starts
    /// now and for this module alone.
    ///
    /// # Errors
    /// [`Error::Process`] when the process does not start.
    pub fn embedded(program: Option<&Program>) -> Result<Module, Error> {
        match program {
            None => direct::Module::embedded().map(Module::Direct),
            Some(program) => Ok(Module::Apart(Process::start(program)?.into())),
        }
    }

    /// Loads and initialises the module at a path; the same path again gives the same module.
    pub fn load(path: &Path) -> Result<Module, Error> {
        direct::Module::load(path).map(Module::Direct)
    }

    /// C_Finalize and C_Initialize: some modules see a token that returned only after it. All
    /// sessions of the process on this module are gone. Nothing for the embedded token, whose
    /// other slots may be in use.
    pub fn reinitialise(&self) -> Result<(), Error> {
        match self {
            Module::Direct(module) => module.reinitialise(),
            Module::Apart(_) => Ok(()),
        }
    }

    /// The process that it is in; None: this one.
    pub fn process(&self) -> Option<u32> {
        match self {
            Module::Direct(_) => None,
            Module::Apart(process) => Some(process.id()),
        }
    }

    /// A read-write session; never closed but by [`Session::close`] or `close_all`.
    pub fn open_session(&self, slot: Slot) -> Result<Session, Error> {
        match self {
            Module::Direct(module) => module.open_session(slot).map(Session::Direct),
            Module::Apart(process) => process.open_session(slot).map(Session::Apart),
        }
    }
}

impl Session {
    pub fn close(self) -> Result<(), Error> {
        match self {
            Session::Direct(session) => session.close(),
            // With its connection.
            Session::Apart(_) => Ok(()),
        }
    }

    /// A CK_BBOOL attribute.
    pub fn flag(&self, object: Handle, kind: raw::CK_ATTRIBUTE_TYPE) -> Result<bool, Error> {
        Ok(self
            .attribute(object, kind)?
            .first()
            .is_some_and(|byte| *byte != raw::CK_FALSE))
    }

    /// A CK_ULONG attribute.
    pub fn number(
        &self,
        object: Handle,
        kind: raw::CK_ATTRIBUTE_TYPE,
    ) -> Result<raw::CK_ULONG, Error> {
        let bytes = self.attribute(object, kind)?;
        <[u8; size_of::<raw::CK_ULONG>()]>::try_from(bytes.as_slice())
            .map(raw::CK_ULONG::from_ne_bytes)
            .map_err(|_| Error::call("C_GetAttributeValue", raw::CKR_ATTRIBUTE_VALUE_INVALID))
    }

    /// As [`Session::sign`] into a buffer of the caller's, for MACs whose length is known.
    /// Returns how many bytes were written.
    pub fn sign_into(
        &self,
        mechanism: Mechanism<'_>,
        key: Handle,
        data: &[u8],
        into: &mut [u8],
    ) -> Result<usize, Error> {
        if let Session::Direct(session) = self {
            return session.sign_into(mechanism, key, data, into);
        }
        let signature = self.sign(mechanism, key, data, into.len())?;
        let place = into.get_mut(..signature.len());
        let place = place.ok_or_else(|| Error::call("C_Sign", raw::CKR_BUFFER_TOO_SMALL))?;
        place.copy_from_slice(&signature);
        Ok(signature.len())
    }

    /// Fills `into` from the generator.
    pub fn random(&self, into: &mut [u8]) -> Result<(), Error> {
        if let Session::Direct(session) = self {
            return session.random(into);
        }
        let drawn = self.draw(into.len())?;
        if drawn.len() != into.len() {
            return Err(Error::call("C_GenerateRandom", raw::CKR_GENERAL_ERROR));
        }
        into.copy_from_slice(&drawn);
        Ok(())
    }
}
