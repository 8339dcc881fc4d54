use std::borrow::Cow;

use cryptoki_sys as raw;

/// What a PKCS#11 call answered. Never holds key material or PINs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A C function answered something else than CKR_OK.
    #[error("{call} answered {}", name(*code))]
    Call {
        call: Cow<'static, str>,
        code: raw::CK_RV,
    },
    /// The module's function list lacks the function.
    #[error("the module has no {0}")]
    Missing(Cow<'static, str>),
    #[error("the module {path} cannot be loaded: {reason}")]
    Load { path: String, reason: String },
    /// The embedded token's directory or files are not as they must be.
    #[error("{0}")]
    Files(String),
    /// The process that holds the token does not start, or has ended.
    #[error("{0}")]
    Process(String),
}

impl Error {
    pub(crate) fn call(call: &'static str, code: raw::CK_RV) -> Error {
        Error::Call {
            call: Cow::Borrowed(call),
            code,
        }
    }

    pub(crate) fn missing(call: &'static str) -> Error {
        Error::Missing(Cow::Borrowed(call))
    }

    /// The CK_RV of a failed call.
    pub fn code(&self) -> Option<raw::CK_RV> {
        match self {
            Error::Call { code, .. } => Some(*code),
            _ => None,
        }
    }
}

pub(crate) fn check(call: &'static str, code: raw::CK_RV) -> Result<(), Error> {
    if code == raw::CKR_OK {
        Ok(())
    } else {
        Err(Error::call(call, code))
    }
}

macro_rules! names {
    ($($name:ident)*) => {
        fn name(code: raw::CK_RV) -> String {
            match code {
                $(raw::$name => stringify!($name).to_owned(),)*
                other => format!("{other:#x}"),
            }
        }
    };
}

names! {
    CKR_ARGUMENTS_BAD CKR_ATTRIBUTE_READ_ONLY CKR_ATTRIBUTE_SENSITIVE CKR_ATTRIBUTE_TYPE_INVALID
    CKR_ATTRIBUTE_VALUE_INVALID CKR_BUFFER_TOO_SMALL CKR_CRYPTOKI_ALREADY_INITIALIZED
    CKR_CRYPTOKI_NOT_INITIALIZED CKR_DATA_INVALID CKR_DATA_LEN_RANGE CKR_DEVICE_ERROR
    CKR_DEVICE_MEMORY CKR_DEVICE_REMOVED CKR_ENCRYPTED_DATA_INVALID CKR_ENCRYPTED_DATA_LEN_RANGE
    CKR_FUNCTION_FAILED CKR_FUNCTION_NOT_SUPPORTED CKR_GENERAL_ERROR CKR_HOST_MEMORY
    CKR_KEY_FUNCTION_NOT_PERMITTED CKR_KEY_HANDLE_INVALID CKR_KEY_NOT_WRAPPABLE
    CKR_KEY_SIZE_RANGE CKR_KEY_TYPE_INCONSISTENT CKR_KEY_UNEXTRACTABLE CKR_MECHANISM_INVALID
    CKR_MECHANISM_PARAM_INVALID CKR_OBJECT_HANDLE_INVALID CKR_OPERATION_ACTIVE
    CKR_OPERATION_NOT_INITIALIZED CKR_PIN_INCORRECT CKR_PIN_INVALID CKR_PIN_LEN_RANGE
    CKR_PIN_LOCKED CKR_PIN_EXPIRED CKR_SESSION_CLOSED CKR_SESSION_COUNT CKR_SESSION_HANDLE_INVALID
    CKR_SIGNATURE_INVALID CKR_SIGNATURE_LEN_RANGE CKR_SLOT_ID_INVALID CKR_TEMPLATE_INCOMPLETE
    CKR_TEMPLATE_INCONSISTENT CKR_TOKEN_NOT_PRESENT CKR_TOKEN_NOT_RECOGNIZED
    CKR_UNWRAPPING_KEY_HANDLE_INVALID CKR_USER_ALREADY_LOGGED_IN CKR_USER_NOT_LOGGED_IN
    CKR_USER_PIN_NOT_INITIALIZED CKR_WRAPPED_KEY_INVALID CKR_WRAPPED_KEY_LEN_RANGE
    CKR_WRAPPING_KEY_HANDLE_INVALID CKR_WRAPPING_KEY_TYPE_INCONSISTENT
}
