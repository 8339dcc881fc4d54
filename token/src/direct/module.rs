use std::collections::HashMap;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use cryptoki_sys as raw;

use super::session::Session;
use crate::calls::{Slot, TokenInfo};
use crate::error::{Error, check};

/// It stays for the life of the process: unloading a module that has threads or exit handlers of
/// its own is not survived by all of them.
pub struct Module {
    pub(crate) list: &'static raw::CK_FUNCTION_LIST,
    embedded: bool,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module")
            .field("embedded", &self.embedded)
            .finish_non_exhaustive()
    }
}

/// Reads a function from the list and calls it.
macro_rules! call {
    ($module:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let function = $module.list.$function
            .ok_or_else(|| $crate::error::Error::missing(stringify!($function)))?;
        // SAFETY: the function comes from the module's own list, which is static; every pointer
        // given is to memory that outlives the call and is as long as the length given with it.
        $crate::error::check(stringify!($function), unsafe { function($($argument),*) })
    }};
}
pub(crate) use call;

impl Module {
    /// The embedded token's module: the function list of the kryoptic linked into this program.
    /// Taken from the library directly; nothing is looked up by name, so it works in every
    /// executable, tests too.
    pub(crate) fn embedded() -> Result<&'static Module, Error> {
        static EMBEDDED: OnceLock<Module> = OnceLock::new();
        if let Some(module) = EMBEDDED.get() {
            return Ok(module);
        }
        let mut list: *mut raw::CK_FUNCTION_LIST = std::ptr::null_mut();
        // Both crates describe the same C structure (PKCS#11 v3.2 §3.6), so only the pointer's type changes.
        let code = kryoptic_lib::fns::general::fn_get_function_list((&raw mut list).cast());
        check("C_GetFunctionList", code)?;
        // SAFETY: C_GetFunctionList answered OK, so the pointer is to a list that lives as long as the module.
        let list = unsafe { list.as_ref() }.ok_or_else(|| Error::missing("C_GetFunctionList"))?;
        Ok(EMBEDDED.get_or_init(|| Module {
            list,
            embedded: true,
        }))
    }

    pub fn load(path: &Path) -> Result<&'static Module, Error> {
        static LOADED: Mutex<Option<HashMap<PathBuf, &'static Module>>> = Mutex::new(None);
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.get_or_insert_default();
        if let Some(module) = loaded.get(path) {
            return Ok(module);
        }
        let failed = |reason: libloading::Error| Error::Load {
            path: path.display().to_string(),
            reason: reason.to_string(),
        };
        // SAFETY: loading a library runs its initialisers; the administrator names the module.
        let library = unsafe { libloading::Library::new(path) }.map_err(failed)?;
        let mut list: *mut raw::CK_FUNCTION_LIST = std::ptr::null_mut();
        // SAFETY: PKCS#11 fixes the type of the function of this name.
        let code = unsafe {
            type GetFunctionList =
                unsafe extern "C" fn(*mut *mut raw::CK_FUNCTION_LIST) -> raw::CK_RV;
            let get: libloading::Symbol<'_, GetFunctionList> =
                library.get(b"C_GetFunctionList\0").map_err(failed)?;
            get(&raw mut list)
        };
        check("C_GetFunctionList", code)?;
        std::mem::forget(library);
        // SAFETY: the library is never unloaded, so its list is static.
        let list = unsafe { list.as_ref() }.ok_or_else(|| Error::missing("C_GetFunctionList"))?;
        let module: &'static Module = Box::leak(Box::new(Module {
            list,
            embedded: false,
        }));
        module.initialise(None)?;
        loaded.insert(path.to_owned(), module);
        Ok(module)
    }

    /// C_Initialize with threads allowed. `reserved` is kryoptic's way to name its database.
    pub(crate) fn initialise(&self, reserved: Option<&CString>) -> Result<(), Error> {
        let mut arguments = raw::CK_C_INITIALIZE_ARGS {
            CreateMutex: None,
            DestroyMutex: None,
            LockMutex: None,
            UnlockMutex: None,
            flags: raw::CKF_OS_LOCKING_OK,
            pReserved: reserved
                .map_or(std::ptr::null_mut(), |text| text.as_ptr().cast_mut().cast()),
        };
        match call!(self, C_Initialize, (&raw mut arguments).cast()) {
            Err(error) if error.code() == Some(raw::CKR_CRYPTOKI_ALREADY_INITIALIZED) => Ok(()),
            other => other,
        }
    }

    pub fn reinitialise(&self) -> Result<(), Error> {
        if self.embedded {
            return Ok(());
        }
        match call!(self, C_Finalize, std::ptr::null_mut()) {
            Err(error) if error.code() != Some(raw::CKR_CRYPTOKI_NOT_INITIALIZED) => Err(error),
            _ => self.initialise(None),
        }
    }

    pub fn slots(&self) -> Result<Vec<Slot>, Error> {
        loop {
            let mut count: raw::CK_ULONG = 0;
            call!(
                self,
                C_GetSlotList,
                raw::CK_TRUE,
                std::ptr::null_mut(),
                &raw mut count
            )?;
            let mut slots = vec![0; count as usize];
            match call!(
                self,
                C_GetSlotList,
                raw::CK_TRUE,
                slots.as_mut_ptr(),
                &raw mut count
            ) {
                // A token came between the two calls.
                Err(error) if error.code() == Some(raw::CKR_BUFFER_TOO_SMALL) => continue,
                other => other?,
            }
            slots.truncate(count as usize);
            return Ok(slots);
        }
    }

    pub fn token_info(&self, slot: Slot) -> Result<TokenInfo, Error> {
        let mut info = raw::CK_TOKEN_INFO::default();
        call!(self, C_GetTokenInfo, slot, &raw mut info)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Ok(TokenInfo {
            label: text(&info.label),
            manufacturer: text(&info.manufacturerID),
            model: text(&info.model),
            serial: text(&info.serialNumber),
            initialised: info.flags & raw::CKF_TOKEN_INITIALIZED != 0,
            user_pin_set: info.flags & raw::CKF_USER_PIN_INITIALIZED != 0,
        })
    }

    pub fn mechanisms(&self, slot: Slot) -> Result<Vec<raw::CK_MECHANISM_TYPE>, Error> {
        let mut count: raw::CK_ULONG = 0;
        call!(
            self,
            C_GetMechanismList,
            slot,
            std::ptr::null_mut(),
            &raw mut count
        )?;
        let mut list = vec![0; count as usize];
        call!(
            self,
            C_GetMechanismList,
            slot,
            list.as_mut_ptr(),
            &raw mut count
        )?;
        list.truncate(count as usize);
        Ok(list)
    }

    /// C_InitToken; `label` is padded to the 32 bytes PKCS#11 wants.
    pub fn initialise_token(&self, slot: Slot, so_pin: &[u8], label: &str) -> Result<(), Error> {
        let mut padded = [b' '; 32];
        for (to, from) in padded.iter_mut().zip(label.bytes()) {
            *to = from;
        }
        call!(
            self,
            C_InitToken,
            slot,
            so_pin.as_ptr().cast_mut(),
            so_pin.len() as raw::CK_ULONG,
            padded.as_mut_ptr()
        )
    }

    pub fn open_session(&'static self, slot: Slot) -> Result<Session, Error> {
        let mut handle: raw::CK_SESSION_HANDLE = 0;
        call!(
            self,
            C_OpenSession,
            slot,
            raw::CKF_SERIAL_SESSION | raw::CKF_RW_SESSION,
            std::ptr::null_mut(),
            None,
            &raw mut handle
        )?;
        Ok(Session {
            module: self,
            handle,
        })
    }

    pub fn close_all(&self, slot: Slot) -> Result<(), Error> {
        call!(self, C_CloseAllSessions, slot)
    }
}
