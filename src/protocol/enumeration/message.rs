//! What requests and responses say.

use super::enumeration;

enumeration! {
    /// KMIP 2.1 §11.36.
    Operation, "Operation", [OPERATION] {
        CREATE = 0x01, "Create", 1.0;
        CREATE_KEY_PAIR = 0x02, "CreateKeyPair", 1.0;
        REGISTER = 0x03, "Register", 1.0;
        RE_KEY = 0x04, "ReKey", 1.0;
        DERIVE_KEY = 0x05, "DeriveKey", 1.0;
        CERTIFY = 0x06, "Certify", 1.0;
        RE_CERTIFY = 0x07, "ReCertify", 1.0;
        LOCATE = 0x08, "Locate", 1.0;
        CHECK = 0x09, "Check", 1.0;
        GET = 0x0A, "Get", 1.0;
        GET_ATTRIBUTES = 0x0B, "GetAttributes", 1.0;
        GET_ATTRIBUTE_LIST = 0x0C, "GetAttributeList", 1.0;
        ADD_ATTRIBUTE = 0x0D, "AddAttribute", 1.0;
        MODIFY_ATTRIBUTE = 0x0E, "ModifyAttribute", 1.0;
        DELETE_ATTRIBUTE = 0x0F, "DeleteAttribute", 1.0;
        OBTAIN_LEASE = 0x10, "ObtainLease", 1.0;
        GET_USAGE_ALLOCATION = 0x11, "GetUsageAllocation", 1.0;
        ACTIVATE = 0x12, "Activate", 1.0;
        REVOKE = 0x13, "Revoke", 1.0;
        DESTROY = 0x14, "Destroy", 1.0;
        ARCHIVE = 0x15, "Archive", 1.0;
        RECOVER = 0x16, "Recover", 1.0;
        VALIDATE = 0x17, "Validate", 1.0;
        QUERY = 0x18, "Query", 1.0;
        CANCEL = 0x19, "Cancel", 1.0;
        POLL = 0x1A, "Poll", 1.0;
        NOTIFY = 0x1B, "Notify", 1.0;
        PUT = 0x1C, "Put", 1.0;
        RE_KEY_KEY_PAIR = 0x1D, "ReKeyKeyPair", 1.1;
        DISCOVER_VERSIONS = 0x1E, "DiscoverVersions", 1.1;
        ENCRYPT = 0x1F, "Encrypt", 1.2;
        DECRYPT = 0x20, "Decrypt", 1.2;
        SIGN = 0x21, "Sign", 1.2;
        SIGNATURE_VERIFY = 0x22, "SignatureVerify", 1.2;
        MAC = 0x23, "MAC", 1.2;
        MAC_VERIFY = 0x24, "MACVerify", 1.2;
        RNG_RETRIEVE = 0x25, "RNGRetrieve", 1.2;
        RNG_SEED = 0x26, "RNGSeed", 1.2;
        HASH = 0x27, "Hash", 1.2;
        CREATE_SPLIT_KEY = 0x28, "CreateSplitKey", 1.2;
        JOIN_SPLIT_KEY = 0x29, "JoinSplitKey", 1.2;
        IMPORT = 0x2A, "Import", 1.4;
        EXPORT = 0x2B, "Export", 1.4;
        LOG = 0x2C, "Log", 2.0;
        LOGIN = 0x2D, "Login", 2.0;
        LOGOUT = 0x2E, "Logout", 2.0;
        DELEGATED_LOGIN = 0x2F, "DelegatedLogin", 2.0;
        ADJUST_ATTRIBUTE = 0x30, "AdjustAttribute", 2.0;
        SET_ATTRIBUTE = 0x31, "SetAttribute", 2.0;
        SET_ENDPOINT_ROLE = 0x32, "SetEndpointRole", 2.0;
        PKCS_11 = 0x33, "PKCS_11", 2.0;
        INTEROP = 0x34, "Interop", 2.0;
        RE_PROVISION = 0x35, "ReProvision", 2.0;
        SET_DEFAULTS = 0x36, "SetDefaults", 2.1;
        SET_CONSTRAINTS = 0x37, "SetConstraints", 2.1;
        GET_CONSTRAINTS = 0x38, "GetConstraints", 2.1;
        QUERY_ASYNCHRONOUS_REQUESTS = 0x39, "QueryAsynchronousRequests", 2.1;
        PROCESS = 0x3A, "Process", 2.1;
        PING = 0x3B, "Ping", 2.1;
        CREATE_GROUP = 0x3C, "CreateGroup", 3.0;
        OBLITERATE = 0x3D, "Obliterate", 3.0;
        CREATE_USER = 0x3E, "CreateUser", 3.0;
        CREATE_CREDENTIAL = 0x3F, "CreateCredential", 3.0;
        DEACTIVATE = 0x40, "Deactivate", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.47.
    ResultStatus, "Result Status", [RESULT_STATUS] {
        SUCCESS = 0x00, "Success", 1.0;
        OPERATION_FAILED = 0x01, "OperationFailed", 1.0;
        OPERATION_PENDING = 0x02, "OperationPending", 1.0;
        OPERATION_UNDONE = 0x03, "OperationUndone", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.46.
    ///
    /// The OASIS test cases of 2.0 say NotAuthorized where the tables say Not Authorised.
    ResultReason, "Result Reason", [RESULT_REASON] {
        ITEM_NOT_FOUND = 0x01, "ItemNotFound", 1.0;
        RESPONSE_TOO_LARGE = 0x02, "ResponseTooLarge", 1.0;
        AUTHENTICATION_NOT_SUCCESSFUL = 0x03, "AuthenticationNotSuccessful", 1.0;
        INVALID_MESSAGE = 0x04, "InvalidMessage", 1.0;
        OPERATION_NOT_SUPPORTED = 0x05, "OperationNotSupported", 1.0;
        MISSING_DATA = 0x06, "MissingData", 1.0;
        INVALID_FIELD = 0x07, "InvalidField", 1.0;
        FEATURE_NOT_SUPPORTED = 0x08, "FeatureNotSupported", 1.0;
        OPERATION_CANCELED_BY_REQUESTER = 0x09, "OperationCanceledByRequester", 1.0;
        CRYPTOGRAPHIC_FAILURE = 0x0A, "CryptographicFailure", 1.0;
        ILLEGAL_OPERATION = 0x0B, "IllegalOperation", 1.0 to 1.4;
        PERMISSION_DENIED = 0x0C, "PermissionDenied", 1.0;
        OBJECT_ARCHIVED = 0x0D, "ObjectArchived", 1.0;
        INDEX_OUT_OF_BOUNDS = 0x0E, "IndexOutOfBounds", 1.0 to 1.4;
        APPLICATION_NAMESPACE_NOT_SUPPORTED = 0x0F, "ApplicationNamespaceNotSupported", 1.0;
        KEY_FORMAT_TYPE_NOT_SUPPORTED = 0x10, "KeyFormatTypeNotSupported", 1.0;
        KEY_COMPRESSION_TYPE_NOT_SUPPORTED = 0x11, "KeyCompressionTypeNotSupported", 1.0;
        ENCODING_OPTION_ERROR = 0x12, "EncodingOptionError", 1.1;
        KEY_VALUE_NOT_PRESENT = 0x13, "KeyValueNotPresent", 1.2;
        ATTESTATION_REQUIRED = 0x14, "AttestationRequired", 1.2;
        ATTESTATION_FAILED = 0x15, "AttestationFailed", 1.2;
        SENSITIVE = 0x16, "Sensitive", 1.4;
        NOT_EXTRACTABLE = 0x17, "NotExtractable", 1.4;
        OBJECT_ALREADY_EXISTS = 0x18, "ObjectAlreadyExists", 1.4;
        INVALID_TICKET = 0x19, "InvalidTicket", 2.0;
        USAGE_LIMIT_EXCEEDED = 0x1A, "UsageLimitExceeded", 2.0;
        NUMERIC_RANGE = 0x1B, "NumericRange", 2.0;
        INVALID_DATA_TYPE = 0x1C, "InvalidDataType", 2.0;
        READ_ONLY_ATTRIBUTE = 0x1D, "ReadOnlyAttribute", 2.0;
        MULTI_VALUED_ATTRIBUTE = 0x1E, "MultiValuedAttribute", 2.0;
        UNSUPPORTED_ATTRIBUTE = 0x1F, "UnsupportedAttribute", 2.0;
        ATTRIBUTE_INSTANCE_NOT_FOUND = 0x20, "AttributeInstanceNotFound", 2.0;
        ATTRIBUTE_NOT_FOUND = 0x21, "AttributeNotFound", 2.0;
        ATTRIBUTE_READ_ONLY = 0x22, "AttributeReadOnly", 2.0;
        ATTRIBUTE_SINGLE_VALUED = 0x23, "AttributeSingleValued", 2.0;
        BAD_CRYPTOGRAPHIC_PARAMETERS = 0x24, "BadCryptographicParameters", 2.0;
        BAD_PASSWORD = 0x25, "BadPassword", 2.0;
        CODEC_ERROR = 0x26, "CodecError", 2.0;
        ILLEGAL_OBJECT_TYPE = 0x28, "IllegalObjectType", 2.0;
        INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK = 0x29, "IncompatibleCryptographicUsageMask", 2.0;
        INTERNAL_SERVER_ERROR = 0x2A, "InternalServerError", 2.0;
        INVALID_ASYNCHRONOUS_CORRELATION_VALUE = 0x2B, "InvalidAsynchronousCorrelationValue", 2.0;
        INVALID_ATTRIBUTE = 0x2C, "InvalidAttribute", 2.0;
        INVALID_ATTRIBUTE_VALUE = 0x2D, "InvalidAttributeValue", 2.0;
        INVALID_CORRELATION_VALUE = 0x2E, "InvalidCorrelationValue", 2.0;
        INVALID_CSR = 0x2F, "InvalidCSR", 2.0;
        INVALID_OBJECT_TYPE = 0x30, "InvalidObjectType", 2.0;
        KEY_WRAP_TYPE_NOT_SUPPORTED = 0x32, "KeyWrapTypeNotSupported", 2.0;
        MISSING_INITIALIZATION_VECTOR = 0x34, "MissingInitializationVector", 2.0;
        NON_UNIQUE_NAME_ATTRIBUTE = 0x35, "NonUniqueNameAttribute", 2.0;
        OBJECT_DESTROYED = 0x36, "ObjectDestroyed", 2.0;
        OBJECT_NOT_FOUND = 0x37, "ObjectNotFound", 2.0;
        NOT_AUTHORISED = 0x39, "NotAuthorised" | "NotAuthorized", 2.0;
        SERVER_LIMIT_EXCEEDED = 0x3A, "ServerLimitExceeded", 2.0;
        UNKNOWN_ENUMERATION = 0x3B, "UnknownEnumeration", 2.0;
        UNKNOWN_MESSAGE_EXTENSION = 0x3C, "UnknownMessageExtension", 2.0;
        UNKNOWN_TAG = 0x3D, "UnknownTag", 2.0;
        UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS = 0x3E, "UnsupportedCryptographicParameters", 2.0;
        UNSUPPORTED_PROTOCOL_VERSION = 0x3F, "UnsupportedProtocolVersion", 2.0;
        WRAPPING_OBJECT_ARCHIVED = 0x40, "WrappingObjectArchived", 2.0;
        WRAPPING_OBJECT_DESTROYED = 0x41, "WrappingObjectDestroyed", 2.0;
        WRAPPING_OBJECT_NOT_FOUND = 0x42, "WrappingObjectNotFound", 2.0;
        WRONG_KEY_LIFECYCLE_STATE = 0x43, "WrongKeyLifecycleState", 2.0;
        PROTECTION_STORAGE_UNAVAILABLE = 0x44, "ProtectionStorageUnavailable", 2.0;
        PKCS_11_CODEC_ERROR = 0x45, "PKCS_11CodecError", 2.0;
        PKCS_11_INVALID_FUNCTION = 0x46, "PKCS_11InvalidFunction", 2.0;
        PKCS_11_INVALID_INTERFACE = 0x47, "PKCS_11InvalidInterface", 2.0;
        PRIVATE_PROTECTION_STORAGE_UNAVAILABLE = 0x48, "PrivateProtectionStorageUnavailable", 2.0;
        PUBLIC_PROTECTION_STORAGE_UNAVAILABLE = 0x49, "PublicProtectionStorageUnavailable", 2.0;
        UNKNOWN_OBJECT_GROUP = 0x4A, "UnknownObjectGroup", 2.1 to 2.1;
        CONSTRAINT_VIOLATION = 0x4B, "ConstraintViolation", 2.1;
        DUPLICATE_PROCESS_REQUEST = 0x4C, "DuplicateProcessRequest", 2.1;
        CIRCULAR_LINK_ERROR = 0x4D, "CircularLinkError", 3.0;
        GENERAL_FAILURE = 0x100, "GeneralFailure", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.5.
    BatchErrorContinuationOption, "Batch Error Continuation Option", [BATCH_ERROR_CONTINUATION_OPTION] {
        CONTINUE = 0x01, "Continue", 1.0;
        STOP = 0x02, "Stop", 1.0;
        UNDO = 0x03, "Undo", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.3.
    AsynchronousIndicator, "Asynchronous Indicator", [ASYNCHRONOUS_INDICATOR] {
        MANDATORY = 0x01, "Mandatory", 2.0;
        OPTIONAL = 0x02, "Optional", 2.0;
        PROHIBITED = 0x03, "Prohibited", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.40.
    ProcessingStage, "Processing Stage", [PROCESSING_STAGE] {
        SUBMITTED = 0x01, "Submitted", 2.1;
        IN_PROCESS = 0x02, "InProcess", 2.1;
        COMPLETED = 0x03, "Completed", 2.1;
    }
}

enumeration! {
    /// KMIP 2.1 §11.7.
    CancellationResult, "Cancellation Result", [CANCELLATION_RESULT] {
        CANCELED = 0x01, "Canceled", 1.0;
        UNABLE_TO_CANCEL = 0x02, "UnableToCancel", 1.0;
        COMPLETED = 0x03, "Completed", 1.0;
        FAILED = 0x04, "Failed", 1.0;
        UNAVAILABLE = 0x05, "Unavailable", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.11.
    CredentialType, "Credential Type", [CREDENTIAL_TYPE] {
        USERNAME_AND_PASSWORD = 0x01, "UsernameAndPassword", 1.0;
        DEVICE = 0x02, "Device", 1.1;
        ATTESTATION = 0x03, "Attestation", 1.2;
        ONE_TIME_PASSWORD = 0x04, "OneTimePassword", 2.0;
        HASHED_PASSWORD = 0x05, "HashedPassword", 2.0;
        TICKET = 0x06, "Ticket", 2.0;
        PASSWORD = 0x07, "Password", 3.0;
        CERTIFICATE = 0x08, "Certificate", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.4.
    AttestationType, "Attestation Type", [ATTESTATION_TYPE] {
        TPM_QUOTE = 0x01, "TPMQuote", 1.2;
        TCG_INTEGRITY_REPORT = 0x02, "TCGIntegrityReport", 1.2;
        SAML_ASSERTION = 0x03, "SAMLAssertion", 1.2;
    }
}

enumeration! {
    /// KMIP 2.1 §11.57.
    TicketType, "Ticket Type", [TICKET_TYPE] {
        LOGIN = 0x01, "Login", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.58.
    UniqueIdentifier, "Unique Identifier", [UNIQUE_IDENTIFIER, PRIVATE_KEY_UNIQUE_IDENTIFIER, PUBLIC_KEY_UNIQUE_IDENTIFIER, LINKED_OBJECT_IDENTIFIER] {
        ID_PLACEHOLDER = 0x01, "IDPlaceholder", 2.0;
        CERTIFY = 0x02, "Certify", 2.0;
        CREATE = 0x03, "Create", 2.0;
        CREATE_KEY_PAIR = 0x04, "CreateKeyPair", 2.0;
        CREATE_KEY_PAIR_PRIVATE_KEY = 0x05, "CreateKeyPairPrivateKey", 2.0;
        CREATE_KEY_PAIR_PUBLIC_KEY = 0x06, "CreateKeyPairPublicKey", 2.0;
        CREATE_SPLIT_KEY = 0x07, "CreateSplitKey", 2.0;
        DERIVE_KEY = 0x08, "DeriveKey", 2.0;
        IMPORT = 0x09, "Import", 2.0;
        JOIN_SPLIT_KEY = 0x0A, "JoinSplitKey", 2.0;
        LOCATE = 0x0B, "Locate", 2.0;
        REGISTER = 0x0C, "Register", 2.0;
        RE_KEY = 0x0D, "ReKey", 2.0;
        RE_CERTIFY = 0x0E, "ReCertify", 2.0;
        RE_KEY_KEY_PAIR = 0x0F, "ReKeyKeyPair", 2.0;
        RE_KEY_KEY_PAIR_PRIVATE_KEY = 0x10, "ReKeyKeyPairPrivateKey", 2.0;
        RE_KEY_KEY_PAIR_PUBLIC_KEY = 0x11, "ReKeyKeyPairPublicKey", 2.0;
        RE_PROVISION = 0x12, "ReProvision", 3.0;
        CREATE_USER = 0x13, "CreateUser", 3.0;
        CREATE_GROUP = 0x14, "CreateGroup", 3.0;
        CREATE_CREDENTIAL = 0x15, "CreateCredential", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.13.
    Data, "Data", [DATA] {
        DECRYPT = 0x01, "Decrypt", 2.0;
        ENCRYPT = 0x02, "Encrypt", 2.0;
        HASH = 0x03, "Hash", 2.0;
        MAC_MAC_DATA = 0x04, "MACMACData", 2.0;
        RNG_RETRIEVE = 0x05, "RNGRetrieve", 2.0;
        SIGN_SIGNATURE_DATA = 0x06, "SignSignatureData", 2.0;
        SIGNATURE_VERIFY = 0x07, "SignatureVerify", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.1.
    AdjustmentType, "Adjustment Type", [ADJUSTMENT_TYPE] {
        INCREMENT = 0x01, "Increment", 2.0;
        DECREMENT = 0x02, "Decrement", 2.0;
        NEGATE = 0x03, "Negate", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.43.
    PutFunction, "Put Function", [PUT_FUNCTION] {
        NEW = 0x01, "New", 1.0;
        REPLACE = 0x02, "Replace", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.19.
    EndpointRole, "Endpoint Role", [ENDPOINT_ROLE] {
        CLIENT = 0x01, "Client", 2.0;
        SERVER = 0x02, "Server", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.22.
    InteropFunction, "Interop Function", [INTEROP_FUNCTION] {
        BEGIN = 0x01, "Begin", 2.0;
        END = 0x02, "End", 2.0;
        RESET = 0x03, "Reset", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.23.
    ItemType, "Item Type", [EXTENSION_TYPE] {
        STRUCTURE = 0x01, "Structure", 2.0;
        INTEGER = 0x02, "Integer", 2.0;
        LONG_INTEGER = 0x03, "LongInteger", 2.0;
        BIG_INTEGER = 0x04, "BigInteger", 2.0;
        ENUMERATION = 0x05, "Enumeration", 2.0;
        BOOLEAN = 0x06, "Boolean", 2.0;
        TEXT_STRING = 0x07, "TextString", 2.0;
        BYTE_STRING = 0x08, "ByteString", 2.0;
        DATE_TIME = 0x09, "DateTime", 2.0;
        INTERVAL = 0x0A, "Interval", 2.0;
        DATE_TIME_EXTENDED = 0x0B, "DateTimeExtended", 2.0;
        IDENTIFIER = 0x0C, "Identifier", 3.0;
        REFERENCE = 0x0D, "Reference", 3.0;
        NAME_REFERENCE = 0x0E, "NameReference", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.61.
    ValidityIndicator, "Validity Indicator", [VALIDITY_INDICATOR] {
        VALID = 0x01, "Valid", 1.0;
        INVALID = 0x02, "Invalid", 1.0;
        UNKNOWN = 0x03, "Unknown", 1.0;
    }
}
