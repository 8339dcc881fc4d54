use token::raw;

/// Why the token did not do it. Texts name calls, mechanisms and versions, never secrets.
#[derive(Debug, thiserror::Error)]
pub enum HsmError {
    /// The token is away or its login is refused. May pass; `Hsm::available` says when.
    #[error("the token is not available: {0}")]
    Unavailable(String),
    /// This token does not do that: another token or another mechanism is needed.
    #[error("the token does not support {0}")]
    Refused(String),
    /// The key is not of the kind, length or purpose that the operation needs.
    #[error("the key does not fit the operation: {0}")]
    BadKey(String),
    /// The input does not fit the mechanism (block length, initialisation vector, tag length).
    #[error("the input does not fit the mechanism: {0}")]
    BadInput(String),
    /// What was opened, unwrapped or verified is not what was sealed, wrapped or signed:
    /// changed, moved to another object, or under another key.
    #[error("integrity check failed: {0}")]
    Integrity(&'static str),
    /// A key that protects this was destroyed, or is of another deployment: nobody opens it any more.
    #[error("it is under a key that there is no more: {0}")]
    Lost(String),
    /// A tenant's seal key was used as often as GCM allows.
    #[error("a seal key is used up: {0}")]
    UsedUp(String),
    /// The token holds something else than it must: masters missing, doubled or with other attributes.
    #[error("the token is damaged: {0}")]
    Damaged(String),
    /// `init` on a token that has this deployment's masters.
    #[error("the token is already initialised for this deployment")]
    AlreadyInitialised,
    /// The handle belongs to sessions that are gone; the caller of the pool loads it again.
    #[error("the key's handle is stale")]
    Stale,
}

impl HsmError {
    /// For callers outside, who hold no handles: a handle that stays unknown after it was loaded
    /// anew means that the token's objects changed underneath.
    pub(super) fn settled(self) -> HsmError {
        match self {
            HsmError::Stale => {
                HsmError::Unavailable("it does not know its own objects any more".into())
            }
            other => other,
        }
    }
}

/// Whether the call only names key, mechanism and parameters.
fn begins(error: &token::Error) -> bool {
    matches!(error, token::Error::Call { call, .. } if call.ends_with("Init"))
}

impl From<token::Error> for HsmError {
    fn from(error: token::Error) -> HsmError {
        let Some(code) = error.code() else {
            return match error {
                token::Error::Missing(name) => HsmError::Refused(name.into_owned()),
                other => HsmError::Unavailable(other.to_string()),
            };
        };
        let text = error.to_string();
        match code {
            // Parameters that the token does not have (a hash of OAEP or PSS): no data was seen yet.
            raw::CKR_ARGUMENTS_BAD if begins(&error) => HsmError::Refused(text),
            raw::CKR_MECHANISM_INVALID
            | raw::CKR_FUNCTION_NOT_SUPPORTED
            | raw::CKR_MECHANISM_PARAM_INVALID => HsmError::Refused(text),
            raw::CKR_KEY_FUNCTION_NOT_PERMITTED
            | raw::CKR_KEY_TYPE_INCONSISTENT
            | raw::CKR_KEY_SIZE_RANGE
            | raw::CKR_KEY_UNEXTRACTABLE
            | raw::CKR_KEY_NOT_WRAPPABLE
            | raw::CKR_WRAPPING_KEY_HANDLE_INVALID
            | raw::CKR_WRAPPING_KEY_TYPE_INCONSISTENT
            | raw::CKR_WRAPPING_KEY_SIZE_RANGE
            | raw::CKR_UNWRAPPING_KEY_HANDLE_INVALID
            | raw::CKR_UNWRAPPING_KEY_SIZE_RANGE
            | raw::CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT
            | raw::CKR_TEMPLATE_INCONSISTENT
            | raw::CKR_TEMPLATE_INCOMPLETE
            | raw::CKR_ATTRIBUTE_VALUE_INVALID
            | raw::CKR_ATTRIBUTE_TYPE_INVALID
            | raw::CKR_ATTRIBUTE_SENSITIVE => HsmError::BadKey(text),
            raw::CKR_DATA_INVALID | raw::CKR_DATA_LEN_RANGE | raw::CKR_ARGUMENTS_BAD => {
                HsmError::BadInput(text)
            }
            raw::CKR_ENCRYPTED_DATA_INVALID | raw::CKR_ENCRYPTED_DATA_LEN_RANGE => {
                HsmError::Integrity("the encrypted data is not what this key encrypted")
            }
            raw::CKR_WRAPPED_KEY_INVALID | raw::CKR_WRAPPED_KEY_LEN_RANGE => {
                HsmError::Integrity("the wrapped key is not what this key wrapped")
            }
            raw::CKR_OBJECT_HANDLE_INVALID | raw::CKR_KEY_HANDLE_INVALID => HsmError::Stale,
            _ => HsmError::Unavailable(text),
        }
    }
}
