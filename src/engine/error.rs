//! The one mapping from what went wrong inside to the Result Reason a client sees (1.4 §9.1.3.2.29,
//! 2.1 §11.46, §12). What a client is told is public; causes go to the log.

use std::borrow::Cow;

use crate::hsm::HsmError;
use crate::protocol::enumeration::ResultReason;
use crate::protocol::structure::{Inexpressible, Malformed, spoken};
use crate::protocol::version::Version;
use crate::store::StoreError;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $first:ident $(, $since:ident $later:ident)*;)*) => {
        /// What can go wrong. A row: the reason of 1.0 and the versions that answer another one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            pub fn in_version(self, version: Version) -> ResultReason {
                match self {
                    $(Reason::$name => {
                        #[allow(unused_mut, reason = "most rows have one reason for all versions")]
                        let mut reason = ResultReason::$first;
                        $(if version >= Version::$since { reason = ResultReason::$later; })*
                        reason
                    })*
                }
            }

            /// A label for metrics and the audit record.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$name => stringify!($name),)* }
            }
        }
    };
}

reasons! {
    /// The message is no message.
    InvalidMessage = INVALID_MESSAGE;
    UnsupportedProtocolVersion = INVALID_MESSAGE, V2_0 UNSUPPORTED_PROTOCOL_VERSION;
    UnknownMessageExtension = FEATURE_NOT_SUPPORTED, V2_0 UNKNOWN_MESSAGE_EXTENSION;
    AuthenticationNotSuccessful = AUTHENTICATION_NOT_SUCCESSFUL;
    OperationNotSupported = OPERATION_NOT_SUPPORTED;
    FeatureNotSupported = FEATURE_NOT_SUPPORTED;
    ResponseTooLarge = RESPONSE_TOO_LARGE;
    MissingData = MISSING_DATA;
    InvalidField = INVALID_FIELD;
    /// A client does not take what it is sent (Put, Notify), or not in a form that can be read.
    NotTaken = GENERAL_FAILURE;
    ServerLimitExceeded = GENERAL_FAILURE, V2_0 SERVER_LIMIT_EXCEEDED;
    Internal = GENERAL_FAILURE;
    Unavailable = GENERAL_FAILURE;
    /// Tickets came with 2.0.
    InvalidTicket = AUTHENTICATION_NOT_SUCCESSFUL, V2_0 INVALID_TICKET;
    /// The rights of a credential do not allow it.
    NotAuthorised = PERMISSION_DENIED, V2_0 NOT_AUTHORISED;
    AttestationFailed = PERMISSION_DENIED, V1_2 ATTESTATION_FAILED;
    /// Not there, or not for this caller to know of.
    ObjectNotFound = ITEM_NOT_FOUND, V2_0 OBJECT_NOT_FOUND;
    /// Object Destroyed came with 2.0; before that the object is simply gone.
    ObjectDestroyed = ITEM_NOT_FOUND, V2_0 OBJECT_DESTROYED;
    /// Destroy of what is destroyed (1.4 §11.20).
    DestroyedBefore = PERMISSION_DENIED, V2_0 OBJECT_DESTROYED;
    ObjectArchived = OBJECT_ARCHIVED;
    /// 1.4 §11.2 "Templates that do not exist are given in request".
    TemplateNotFound = ITEM_NOT_FOUND, V2_0 OBJECT_NOT_FOUND;
    ObjectAlreadyExists = INVALID_FIELD, V1_4 OBJECT_ALREADY_EXISTS;
    PermissionDenied = PERMISSION_DENIED;
    WrongKeyLifecycleState = PERMISSION_DENIED, V2_1 WRONG_KEY_LIFECYCLE_STATE;
    IncompatibleCryptographicUsageMask = PERMISSION_DENIED, V2_0 INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK;
    UsageLimitExceeded = PERMISSION_DENIED, V2_0 USAGE_LIMIT_EXCEEDED;
    /// 1.4 §11.19, 2.1 §6.1.23.1.
    NoUsageLimits = ILLEGAL_OPERATION, V2_0 ATTRIBUTE_NOT_FOUND;
    InvalidObjectType = INVALID_FIELD, V2_0 INVALID_OBJECT_TYPE;
    /// Activate and Revoke of what has no state; wrapping with what is no key (1.4 §11.12, §11.19).
    NotForThisObject = ILLEGAL_OPERATION, V2_0 INVALID_OBJECT_TYPE;
    /// 1.4 §11.11, 2.1 §6.1.7.1.
    NotCheckable = ILLEGAL_OPERATION, V2_0 ILLEGAL_OBJECT_TYPE;
    /// 1.4 §11.5, §11.6: "Object specified is not able to be re-keyed".
    NotRenewable = PERMISSION_DENIED, V2_0 INVALID_OBJECT_TYPE;
    /// 1.4 §11.5: an Offset, dates, and no Activation Date.
    NothingToOffset = ILLEGAL_OPERATION, V2_0 INVALID_FIELD;
    /// 1.4 §11.7: the base is not for derivation.
    NotDerivable = INVALID_FIELD, V2_0 INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK;
    /// 1.4 §11.8, §11.9: not a public key, or one for which no certificate can be made.
    NotCertifiable = PERMISSION_DENIED, V2_0 INVALID_OBJECT_TYPE;
    /// 2.1 §6.1.6.1 keeps this reason for Certify, where the other operations have Object Not Found.
    ItemNotFound = ITEM_NOT_FOUND;
    InvalidCsr = INVALID_FIELD, V2_0 INVALID_CSR;
    Sensitive = PERMISSION_DENIED, V1_4 SENSITIVE;
    NotExtractable = PERMISSION_DENIED, V1_4 NOT_EXTRACTABLE;
    KeyFormatTypeNotSupported = KEY_FORMAT_TYPE_NOT_SUPPORTED;
    KeyCompressionTypeNotSupported = KEY_COMPRESSION_TYPE_NOT_SUPPORTED;
    KeyWrapTypeNotSupported = FEATURE_NOT_SUPPORTED, V2_0 KEY_WRAP_TYPE_NOT_SUPPORTED;
    EncodingOptionError = FEATURE_NOT_SUPPORTED, V1_1 ENCODING_OPTION_ERROR;
    KeyValueNotPresent = INVALID_FIELD, V1_2 KEY_VALUE_NOT_PRESENT;
    WrappingObjectNotFound = ITEM_NOT_FOUND, V2_0 WRAPPING_OBJECT_NOT_FOUND;
    WrappingObjectDestroyed = ITEM_NOT_FOUND, V2_0 WRAPPING_OBJECT_DESTROYED;
    WrappingObjectArchived = OBJECT_ARCHIVED, V2_0 WRAPPING_OBJECT_ARCHIVED;
    /// 1.4 §11.4, 2.1 §12: PKCS#12 whose password is not one, or is another's.
    BadPassword = INVALID_FIELD, V2_0 BAD_PASSWORD;
    /// TC-PKCS12-2-14 and -20 answer these; 2.1 counts it to Bad Password.
    PasswordNotActive = PERMISSION_DENIED, V2_0 WRONG_KEY_LIFECYCLE_STATE, V2_1 BAD_PASSWORD;
    CryptographicFailure = CRYPTOGRAPHIC_FAILURE;
    BadCryptographicParameters = INVALID_FIELD, V2_0 BAD_CRYPTOGRAPHIC_PARAMETERS;
    UnsupportedCryptographicParameters = FEATURE_NOT_SUPPORTED, V2_0 UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS;
    /// CS-BC-M-11 to -13 answer Invalid Message in every version.
    MissingInitializationVector = INVALID_MESSAGE;
    /// CS-BC-M-GCM-1 answers General Failure in every version.
    InvalidTagLength = GENERAL_FAILURE;
    /// QS-M-2 answers General Failure.
    NotQuantumSafe = GENERAL_FAILURE;
    InvalidAsynchronousCorrelationValue = INVALID_FIELD, V2_0 INVALID_ASYNCHRONOUS_CORRELATION_VALUE;
    InvalidCorrelationValue = INVALID_FIELD, V2_0 INVALID_CORRELATION_VALUE;
    /// 2.1 §6.1.37.1.
    Pkcs11CodecError = INVALID_FIELD, V2_0 PKCS_11_CODEC_ERROR;
    Pkcs11InvalidFunction = INVALID_FIELD, V2_0 PKCS_11_INVALID_FUNCTION;
    Pkcs11InvalidInterface = INVALID_FIELD, V2_0 PKCS_11_INVALID_INTERFACE;
    /// What a tenant's Set Constraints demand; the reason came with the operation.
    ConstraintViolation = PERMISSION_DENIED, V2_1 CONSTRAINT_VIOLATION;
    ApplicationNamespaceNotSupported = APPLICATION_NAMESPACE_NOT_SUPPORTED;
    InvalidDataType = INVALID_FIELD, V2_0 INVALID_DATA_TYPE;
    NumericRange = INVALID_FIELD, V2_0 NUMERIC_RANGE;
    InvalidAttribute = INVALID_FIELD, V2_0 INVALID_ATTRIBUTE;
    InvalidAttributeValue = INVALID_FIELD, V2_0 INVALID_ATTRIBUTE_VALUE;
    UnsupportedAttribute = INVALID_FIELD, V2_0 UNSUPPORTED_ATTRIBUTE;
    AttributeReadOnly = PERMISSION_DENIED, V2_0 ATTRIBUTE_READ_ONLY;
    /// Adjust and Set Attribute say Read Only Attribute where the others say Attribute Read Only.
    ReadOnlyAttribute = PERMISSION_DENIED, V2_0 READ_ONLY_ATTRIBUTE;
    AttributeSingleValued = INVALID_FIELD, V2_0 ATTRIBUTE_SINGLE_VALUED;
    /// Add Attribute of a second value (1.4 §11.16).
    AttributeExists = ILLEGAL_OPERATION, V2_0 ATTRIBUTE_SINGLE_VALUED;
    /// Modify Attribute of what the object does not have (1.4 §11.17).
    AttributeNotThere = INVALID_FIELD, V2_0 ATTRIBUTE_NOT_FOUND;
    MultiValuedAttribute = INVALID_FIELD, V2_0 MULTI_VALUED_ATTRIBUTE;
    AttributeNotFound = ITEM_NOT_FOUND, V2_0 ATTRIBUTE_NOT_FOUND;
    AttributeInstanceNotFound = ITEM_NOT_FOUND, V2_0 ATTRIBUTE_INSTANCE_NOT_FOUND;
    NonUniqueNameAttribute = INVALID_FIELD, V2_0 NON_UNIQUE_NAME_ATTRIBUTE;
    /// The same by Add and Modify Attribute (1.4 §11.16, §11.17).
    NameInUse = ILLEGAL_OPERATION, V2_0 NON_UNIQUE_NAME_ATTRIBUTE;
    PrivateProtectionStorageUnavailable = FEATURE_NOT_SUPPORTED, V2_0 PRIVATE_PROTECTION_STORAGE_UNAVAILABLE;
    PublicProtectionStorageUnavailable = FEATURE_NOT_SUPPORTED, V2_0 PUBLIC_PROTECTION_STORAGE_UNAVAILABLE;
    ProtectionStorageUnavailable = FEATURE_NOT_SUPPORTED, V2_0 PROTECTION_STORAGE_UNAVAILABLE;
}

/// What a client is told: a reason and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    pub reason: Reason,
    /// What happened, what was expected, what to do. Never a secret, never an inner cause.
    pub message: Cow<'static, str>,
}

impl Fault {
    pub fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Fault {
            reason,
            message: message.into(),
        }
    }

    pub fn not_found(identifier: &str) -> Self {
        Fault::new(
            Reason::ObjectNotFound,
            format!(
                "no object {identifier:?} that this identity may know of; check the Unique Identifier"
            ),
        )
    }
}

impl From<Malformed> for Fault {
    fn from(error: Malformed) -> Self {
        let reason = match error {
            Malformed::Missing(_) | Malformed::Type { .. } | Malformed::Repeated(_) => {
                Reason::InvalidMessage
            }
            Malformed::Invalid { .. } => Reason::InvalidField,
        };
        Fault::new(reason, error.to_string())
    }
}

impl From<Inexpressible> for Fault {
    fn from(error: Inexpressible) -> Self {
        Fault::new(
            Reason::FeatureNotSupported,
            format!(
                "the answer needs {}, which the message's protocol version does not have; ask with a newer one",
                spoken(error.0)
            ),
        )
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Fault::new(
                Reason::Unavailable,
                "the object was changed by another request; send this one again",
            ),
            StoreError::Exists => Fault::new(
                Reason::ObjectAlreadyExists,
                "an object with this Unique Identifier exists",
            ),
            StoreError::NameTaken => Fault::new(
                Reason::NonUniqueNameAttribute,
                "another object of the tenant has this Name; choose another or destroy that object",
            ),
            StoreError::Unfit(what) => Fault::new(Reason::InvalidField, what),
            StoreError::Unavailable(cause) | StoreError::Damaged(cause) => {
                tracing::error!(cause, "database");
                Fault::new(
                    Reason::Unavailable,
                    "the database does not answer; try again later",
                )
            }
        }
    }
}

impl From<super::founding::FoundingError> for Fault {
    fn from(error: super::founding::FoundingError) -> Self {
        use super::entity::EntityError;
        use super::founding::FoundingError;
        match error {
            FoundingError::Store(error) | FoundingError::Entity(EntityError::Store(error)) => {
                error.into()
            }
            FoundingError::Token(error) => error.into(),
            FoundingError::Entity(EntityError::Unsound(error)) => {
                super::context::unsound("a row of the deployment", &error)
            }
            FoundingError::Refused(cause) => {
                tracing::error!(cause, "founding");
                Fault::new(
                    Reason::Internal,
                    "the server could not do this; tell the administrator",
                )
            }
        }
    }
}

impl From<crate::audit::Full> for Fault {
    fn from(_: crate::audit::Full) -> Self {
        Fault::new(
            Reason::Unavailable,
            "the server cannot record requests at the moment, and does nothing unrecorded; try again later",
        )
    }
}

impl From<HsmError> for Fault {
    fn from(error: HsmError) -> Self {
        crate::engine::token_error::fault(&error)
    }
}
