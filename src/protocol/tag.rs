//! Tags (KMIP 1.4 §9.1.3.1, 2.1 §11.56).

use std::collections::HashMap;
use std::sync::LazyLock;

pub use ttlv::Tag;

use super::version::{Range, range};

/// What the standard says about a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagRow {
    pub tag: Tag,
    /// The name of the constant in this module.
    pub constant: &'static str,
    /// The name in XML and JSON (Additional Message Encodings 1.0 §6.1.3).
    pub name: &'static str,
    /// The name in the standard's prose.
    pub spoken: &'static str,
    pub versions: Range,
}

/// The row of a standard tag; none for extensions (0x54XXXX) and unassigned values.
pub fn by_tag(tag: Tag) -> Option<&'static TagRow> {
    TAGS.binary_search_by_key(&tag, |row| row.tag)
        .ok()
        .and_then(|place| TAGS.get(place))
}

/// The row of a tag by its XML name.
pub fn by_name(name: &str) -> Option<&'static TagRow> {
    static BY_NAME: LazyLock<HashMap<&str, &TagRow>> =
        LazyLock::new(|| TAGS.iter().map(|row| (row.name, row)).collect());
    BY_NAME.get(name).copied()
}

macro_rules! tags {
    ($($constant:ident = $value:literal, $name:literal, $spoken:literal, $since:tt $(to $until:tt)?;)*) => {
        $(pub const $constant: Tag = Tag($value);)*

        /// All standard tags, by value. (Two values never share a name, nor two names a value.)
        pub static TAGS: &[TagRow] = &[$(TagRow {
            tag: $constant,
            constant: stringify!($constant),
            name: $name,
            spoken: $spoken,
            versions: range!($since $(to $until)?),
        }),*];
    };
}

tags! {
    ACTIVATION_DATE = 0x420001, "ActivationDate", "Activation Date", 1.0;
    APPLICATION_DATA = 0x420002, "ApplicationData", "Application Data", 1.0;
    APPLICATION_NAMESPACE = 0x420003, "ApplicationNamespace", "Application Namespace", 1.0;
    APPLICATION_SPECIFIC_INFORMATION = 0x420004, "ApplicationSpecificInformation", "Application Specific Information", 1.0;
    ARCHIVE_DATE = 0x420005, "ArchiveDate", "Archive Date", 1.0;
    ASYNCHRONOUS_CORRELATION_VALUE = 0x420006, "AsynchronousCorrelationValue", "Asynchronous Correlation Value", 1.0;
    ASYNCHRONOUS_INDICATOR = 0x420007, "AsynchronousIndicator", "Asynchronous Indicator", 1.0;
    ATTRIBUTE = 0x420008, "Attribute", "Attribute", 1.0;
    ATTRIBUTE_INDEX = 0x420009, "AttributeIndex", "Attribute Index", 1.0 to 1.4;
    ATTRIBUTE_NAME = 0x42000A, "AttributeName", "Attribute Name", 1.0;
    ATTRIBUTE_VALUE = 0x42000B, "AttributeValue", "Attribute Value", 1.0;
    AUTHENTICATION = 0x42000C, "Authentication", "Authentication", 1.0;
    BATCH_COUNT = 0x42000D, "BatchCount", "Batch Count", 1.0 to 2.1;
    BATCH_ERROR_CONTINUATION_OPTION = 0x42000E, "BatchErrorContinuationOption", "Batch Error Continuation Option", 1.0;
    BATCH_ITEM = 0x42000F, "BatchItem", "Batch Item", 1.0;
    BATCH_ORDER_OPTION = 0x420010, "BatchOrderOption", "Batch Order Option", 1.0 to 2.1;
    BLOCK_CIPHER_MODE = 0x420011, "BlockCipherMode", "Block Cipher Mode", 1.0;
    CANCELLATION_RESULT = 0x420012, "CancellationResult", "Cancellation Result", 1.0;
    CERTIFICATE = 0x420013, "Certificate", "Certificate", 1.0;
    CERTIFICATE_IDENTIFIER = 0x420014, "CertificateIdentifier", "Certificate Identifier", 1.0 to 1.4;
    CERTIFICATE_ISSUER = 0x420015, "CertificateIssuer", "Certificate Issuer", 1.0 to 1.4;
    CERTIFICATE_ISSUER_ALTERNATIVE_NAME = 0x420016, "CertificateIssuerAlternativeName", "Certificate Issuer Alternative Name", 1.0 to 1.4;
    CERTIFICATE_ISSUER_DISTINGUISHED_NAME = 0x420017, "CertificateIssuerDistinguishedName", "Certificate Issuer Distinguished Name", 1.0 to 1.4;
    CERTIFICATE_REQUEST = 0x420018, "CertificateRequest", "Certificate Request", 1.0;
    CERTIFICATE_REQUEST_TYPE = 0x420019, "CertificateRequestType", "Certificate Request Type", 1.0;
    CERTIFICATE_SUBJECT = 0x42001A, "CertificateSubject", "Certificate Subject", 1.0 to 1.4;
    CERTIFICATE_SUBJECT_ALTERNATIVE_NAME = 0x42001B, "CertificateSubjectAlternativeName", "Certificate Subject Alternative Name", 1.0 to 1.4;
    CERTIFICATE_SUBJECT_DISTINGUISHED_NAME = 0x42001C, "CertificateSubjectDistinguishedName", "Certificate Subject Distinguished Name", 1.0 to 1.4;
    CERTIFICATE_TYPE = 0x42001D, "CertificateType", "Certificate Type", 1.0;
    CERTIFICATE_VALUE = 0x42001E, "CertificateValue", "Certificate Value", 1.0;
    COMMON_TEMPLATE_ATTRIBUTE = 0x42001F, "CommonTemplateAttribute", "Common Template-Attribute", 1.0 to 1.4;
    COMPROMISE_DATE = 0x420020, "CompromiseDate", "Compromise Date", 1.0;
    COMPROMISE_OCCURRENCE_DATE = 0x420021, "CompromiseOccurrenceDate", "Compromise Occurrence Date", 1.0;
    CONTACT_INFORMATION = 0x420022, "ContactInformation", "Contact Information", 1.0;
    CREDENTIAL = 0x420023, "Credential", "Credential", 1.0;
    CREDENTIAL_TYPE = 0x420024, "CredentialType", "Credential Type", 1.0;
    CREDENTIAL_VALUE = 0x420025, "CredentialValue", "Credential Value", 1.0;
    CRITICALITY_INDICATOR = 0x420026, "CriticalityIndicator", "Criticality Indicator", 1.0;
    CRT_COEFFICIENT = 0x420027, "CRTCoefficient", "CRT Coefficient", 1.0;
    CRYPTOGRAPHIC_ALGORITHM = 0x420028, "CryptographicAlgorithm", "Cryptographic Algorithm", 1.0;
    CRYPTOGRAPHIC_DOMAIN_PARAMETERS = 0x420029, "CryptographicDomainParameters", "Cryptographic Domain Parameters", 1.0;
    CRYPTOGRAPHIC_LENGTH = 0x42002A, "CryptographicLength", "Cryptographic Length", 1.0;
    CRYPTOGRAPHIC_PARAMETERS = 0x42002B, "CryptographicParameters", "Cryptographic Parameters", 1.0;
    CRYPTOGRAPHIC_USAGE_MASK = 0x42002C, "CryptographicUsageMask", "Cryptographic Usage Mask", 1.0;
    CUSTOM_ATTRIBUTE = 0x42002D, "CustomAttribute", "Custom Attribute", 1.0 to 1.4;
    D = 0x42002E, "D", "D", 1.0;
    DEACTIVATION_DATE = 0x42002F, "DeactivationDate", "Deactivation Date", 1.0;
    DERIVATION_DATA = 0x420030, "DerivationData", "Derivation Data", 1.0;
    DERIVATION_METHOD = 0x420031, "DerivationMethod", "Derivation Method", 1.0;
    DERIVATION_PARAMETERS = 0x420032, "DerivationParameters", "Derivation Parameters", 1.0;
    DESTROY_DATE = 0x420033, "DestroyDate", "Destroy Date", 1.0;
    DIGEST = 0x420034, "Digest", "Digest", 1.0;
    DIGEST_VALUE = 0x420035, "DigestValue", "Digest Value", 1.0;
    ENCRYPTION_KEY_INFORMATION = 0x420036, "EncryptionKeyInformation", "Encryption Key Information", 1.0;
    G = 0x420037, "G", "G", 1.0;
    HASHING_ALGORITHM = 0x420038, "HashingAlgorithm", "Hashing Algorithm", 1.0;
    INITIAL_DATE = 0x420039, "InitialDate", "Initial Date", 1.0;
    INITIALIZATION_VECTOR = 0x42003A, "InitializationVector", "Initialization Vector", 1.0;
    ISSUER = 0x42003B, "Issuer", "Issuer", 1.0 to 1.4;
    ITERATION_COUNT = 0x42003C, "IterationCount", "Iteration Count", 1.0;
    IV_COUNTER_NONCE = 0x42003D, "IVCounterNonce", "IV/Counter/Nonce", 1.0;
    J = 0x42003E, "J", "J", 1.0;
    KEY = 0x42003F, "Key", "Key", 1.0;
    KEY_BLOCK = 0x420040, "KeyBlock", "Key Block", 1.0;
    KEY_COMPRESSION_TYPE = 0x420041, "KeyCompressionType", "Key Compression Type", 1.0;
    KEY_FORMAT_TYPE = 0x420042, "KeyFormatType", "Key Format Type", 1.0;
    KEY_MATERIAL = 0x420043, "KeyMaterial", "Key Material", 1.0;
    KEY_PART_IDENTIFIER = 0x420044, "KeyPartIdentifier", "Key Part Identifier", 1.0;
    KEY_VALUE = 0x420045, "KeyValue", "Key Value", 1.0;
    KEY_WRAPPING_DATA = 0x420046, "KeyWrappingData", "Key Wrapping Data", 1.0;
    KEY_WRAPPING_SPECIFICATION = 0x420047, "KeyWrappingSpecification", "Key Wrapping Specification", 1.0;
    LAST_CHANGE_DATE = 0x420048, "LastChangeDate", "Last Change Date", 1.0;
    LEASE_TIME = 0x420049, "LeaseTime", "Lease Time", 1.0;
    LINK = 0x42004A, "Link", "Link", 1.0 to 2.1;
    LINK_TYPE = 0x42004B, "LinkType", "Link Type", 1.0 to 2.1;
    LINKED_OBJECT_IDENTIFIER = 0x42004C, "LinkedObjectIdentifier", "Linked Object Identifier", 1.0 to 2.1;
    MAC_SIGNATURE = 0x42004D, "MACSignature", "MAC/Signature", 1.0;
    MAC_SIGNATURE_KEY_INFORMATION = 0x42004E, "MACSignatureKeyInformation", "MAC/Signature Key Information", 1.0;
    MAXIMUM_ITEMS = 0x42004F, "MaximumItems", "Maximum Items", 1.0;
    MAXIMUM_RESPONSE_SIZE = 0x420050, "MaximumResponseSize", "Maximum Response Size", 1.0;
    MESSAGE_EXTENSION = 0x420051, "MessageExtension", "Message Extension", 1.0;
    MODULUS = 0x420052, "Modulus", "Modulus", 1.0;
    NAME = 0x420053, "Name", "Name", 1.0;
    NAME_TYPE = 0x420054, "NameType", "Name Type", 1.0 to 2.1;
    NAME_VALUE = 0x420055, "NameValue", "Name Value", 1.0 to 2.1;
    OBJECT_GROUP = 0x420056, "ObjectGroup", "Object Group", 1.0 to 2.1;
    OBJECT_TYPE = 0x420057, "ObjectType", "Object Type", 1.0;
    OFFSET = 0x420058, "Offset", "Offset", 1.0;
    OPAQUE_DATA_TYPE = 0x420059, "OpaqueDataType", "Opaque Data Type", 1.0;
    OPAQUE_DATA_VALUE = 0x42005A, "OpaqueDataValue", "Opaque Data Value", 1.0;
    OPAQUE_OBJECT = 0x42005B, "OpaqueObject", "Opaque Object", 1.0;
    OPERATION = 0x42005C, "Operation", "Operation", 1.0;
    OPERATION_POLICY_NAME = 0x42005D, "OperationPolicyName", "Operation Policy Name", 1.0 to 1.4;
    P = 0x42005E, "P", "P", 1.0;
    PADDING_METHOD = 0x42005F, "PaddingMethod", "Padding Method", 1.0;
    PRIME_EXPONENT_P = 0x420060, "PrimeExponentP", "Prime Exponent P", 1.0;
    PRIME_EXPONENT_Q = 0x420061, "PrimeExponentQ", "Prime Exponent Q", 1.0;
    PRIME_FIELD_SIZE = 0x420062, "PrimeFieldSize", "Prime Field Size", 1.0;
    PRIVATE_EXPONENT = 0x420063, "PrivateExponent", "Private Exponent", 1.0;
    PRIVATE_KEY = 0x420064, "PrivateKey", "Private Key", 1.0;
    PRIVATE_KEY_TEMPLATE_ATTRIBUTE = 0x420065, "PrivateKeyTemplateAttribute", "Private Key Template-Attribute", 1.0 to 1.4;
    PRIVATE_KEY_UNIQUE_IDENTIFIER = 0x420066, "PrivateKeyUniqueIdentifier", "Private Key Unique Identifier", 1.0;
    PROCESS_START_DATE = 0x420067, "ProcessStartDate", "Process Start Date", 1.0;
    PROTECT_STOP_DATE = 0x420068, "ProtectStopDate", "Protect Stop Date", 1.0;
    PROTOCOL_VERSION = 0x420069, "ProtocolVersion", "Protocol Version", 1.0;
    PROTOCOL_VERSION_MAJOR = 0x42006A, "ProtocolVersionMajor", "Protocol Version Major", 1.0;
    PROTOCOL_VERSION_MINOR = 0x42006B, "ProtocolVersionMinor", "Protocol Version Minor", 1.0;
    PUBLIC_EXPONENT = 0x42006C, "PublicExponent", "Public Exponent", 1.0;
    PUBLIC_KEY = 0x42006D, "PublicKey", "Public Key", 1.0;
    PUBLIC_KEY_TEMPLATE_ATTRIBUTE = 0x42006E, "PublicKeyTemplateAttribute", "Public Key Template-Attribute", 1.0 to 1.4;
    PUBLIC_KEY_UNIQUE_IDENTIFIER = 0x42006F, "PublicKeyUniqueIdentifier", "Public Key Unique Identifier", 1.0;
    PUT_FUNCTION = 0x420070, "PutFunction", "Put Function", 1.0;
    Q = 0x420071, "Q", "Q", 1.0;
    Q_STRING = 0x420072, "QString", "Q String", 1.0;
    QLENGTH = 0x420073, "Qlength", "Qlength", 1.0;
    QUERY_FUNCTION = 0x420074, "QueryFunction", "Query Function", 1.0;
    RECOMMENDED_CURVE = 0x420075, "RecommendedCurve", "Recommended Curve", 1.0;
    REPLACED_UNIQUE_IDENTIFIER = 0x420076, "ReplacedUniqueIdentifier", "Replaced Unique Identifier", 1.0;
    REQUEST_HEADER = 0x420077, "RequestHeader", "Request Header", 1.0;
    REQUEST_MESSAGE = 0x420078, "RequestMessage", "Request Message", 1.0;
    REQUEST_PAYLOAD = 0x420079, "RequestPayload", "Request Payload", 1.0;
    RESPONSE_HEADER = 0x42007A, "ResponseHeader", "Response Header", 1.0;
    RESPONSE_MESSAGE = 0x42007B, "ResponseMessage", "Response Message", 1.0;
    RESPONSE_PAYLOAD = 0x42007C, "ResponsePayload", "Response Payload", 1.0;
    RESULT_MESSAGE = 0x42007D, "ResultMessage", "Result Message", 1.0;
    RESULT_REASON = 0x42007E, "ResultReason", "Result Reason", 1.0;
    RESULT_STATUS = 0x42007F, "ResultStatus", "Result Status", 1.0;
    REVOCATION_MESSAGE = 0x420080, "RevocationMessage", "Revocation Message", 1.0;
    REVOCATION_REASON = 0x420081, "RevocationReason", "Revocation Reason", 1.0;
    REVOCATION_REASON_CODE = 0x420082, "RevocationReasonCode", "Revocation Reason Code", 1.0;
    KEY_ROLE_TYPE = 0x420083, "KeyRoleType", "Key Role Type", 1.0;
    SALT = 0x420084, "Salt", "Salt", 1.0;
    SECRET_DATA = 0x420085, "SecretData", "Secret Data", 1.0;
    SECRET_DATA_TYPE = 0x420086, "SecretDataType", "Secret Data Type", 1.0;
    SERIAL_NUMBER = 0x420087, "SerialNumber", "Serial Number", 1.0 to 1.4;
    SERVER_INFORMATION = 0x420088, "ServerInformation", "Server Information", 1.0;
    SPLIT_KEY = 0x420089, "SplitKey", "Split Key", 1.0;
    SPLIT_KEY_METHOD = 0x42008A, "SplitKeyMethod", "Split Key Method", 1.0;
    SPLIT_KEY_PARTS = 0x42008B, "SplitKeyParts", "Split Key Parts", 1.0;
    SPLIT_KEY_THRESHOLD = 0x42008C, "SplitKeyThreshold", "Split Key Threshold", 1.0;
    STATE = 0x42008D, "State", "State", 1.0;
    STORAGE_STATUS_MASK = 0x42008E, "StorageStatusMask", "Storage Status Mask", 1.0;
    SYMMETRIC_KEY = 0x42008F, "SymmetricKey", "Symmetric Key", 1.0;
    TEMPLATE = 0x420090, "Template", "Template", 1.0 to 1.4;
    TEMPLATE_ATTRIBUTE = 0x420091, "TemplateAttribute", "Template-Attribute", 1.0 to 1.4;
    TIME_STAMP = 0x420092, "TimeStamp", "Time Stamp", 1.0;
    UNIQUE_BATCH_ITEM_ID = 0x420093, "UniqueBatchItemID", "Unique Batch Item ID", 1.0 to 2.1;
    UNIQUE_IDENTIFIER = 0x420094, "UniqueIdentifier", "Unique Identifier", 1.0;
    USAGE_LIMITS = 0x420095, "UsageLimits", "Usage Limits", 1.0;
    USAGE_LIMITS_COUNT = 0x420096, "UsageLimitsCount", "Usage Limits Count", 1.0;
    USAGE_LIMITS_TOTAL = 0x420097, "UsageLimitsTotal", "Usage Limits Total", 1.0;
    USAGE_LIMITS_UNIT = 0x420098, "UsageLimitsUnit", "Usage Limits Unit", 1.0;
    USERNAME = 0x420099, "Username", "Username", 1.0;
    VALIDITY_DATE = 0x42009A, "ValidityDate", "Validity Date", 1.0;
    VALIDITY_INDICATOR = 0x42009B, "ValidityIndicator", "Validity Indicator", 1.0;
    VENDOR_EXTENSION = 0x42009C, "VendorExtension", "Vendor Extension", 1.0;
    VENDOR_IDENTIFICATION = 0x42009D, "VendorIdentification", "Vendor Identification", 1.0;
    WRAPPING_METHOD = 0x42009E, "WrappingMethod", "Wrapping Method", 1.0;
    X = 0x42009F, "X", "X", 1.0;
    Y = 0x4200A0, "Y", "Y", 1.0;
    PASSWORD = 0x4200A1, "Password", "Password", 1.0;
    DEVICE_IDENTIFIER = 0x4200A2, "DeviceIdentifier", "Device Identifier", 1.1;
    ENCODING_OPTION = 0x4200A3, "EncodingOption", "Encoding Option", 1.1;
    EXTENSION_INFORMATION = 0x4200A4, "ExtensionInformation", "Extension Information", 1.1;
    EXTENSION_NAME = 0x4200A5, "ExtensionName", "Extension Name", 1.1;
    EXTENSION_TAG = 0x4200A6, "ExtensionTag", "Extension Tag", 1.1;
    EXTENSION_TYPE = 0x4200A7, "ExtensionType", "Extension Type", 1.1;
    FRESH = 0x4200A8, "Fresh", "Fresh", 1.1;
    MACHINE_IDENTIFIER = 0x4200A9, "MachineIdentifier", "Machine Identifier", 1.1;
    MEDIA_IDENTIFIER = 0x4200AA, "MediaIdentifier", "Media Identifier", 1.1;
    NETWORK_IDENTIFIER = 0x4200AB, "NetworkIdentifier", "Network Identifier", 1.1;
    OBJECT_GROUP_MEMBER = 0x4200AC, "ObjectGroupMember", "Object Group Member", 1.1 to 2.1;
    CERTIFICATE_LENGTH = 0x4200AD, "CertificateLength", "Certificate Length", 1.1;
    DIGITAL_SIGNATURE_ALGORITHM = 0x4200AE, "DigitalSignatureAlgorithm", "Digital Signature Algorithm", 1.1;
    CERTIFICATE_SERIAL_NUMBER = 0x4200AF, "CertificateSerialNumber", "Certificate Serial Number", 1.1;
    DEVICE_SERIAL_NUMBER = 0x4200B0, "DeviceSerialNumber", "Device Serial Number", 1.1;
    ISSUER_ALTERNATIVE_NAME = 0x4200B1, "IssuerAlternativeName", "Issuer Alternative Name", 1.1;
    ISSUER_DISTINGUISHED_NAME = 0x4200B2, "IssuerDistinguishedName", "Issuer Distinguished Name", 1.1;
    SUBJECT_ALTERNATIVE_NAME = 0x4200B3, "SubjectAlternativeName", "Subject Alternative Name", 1.1;
    SUBJECT_DISTINGUISHED_NAME = 0x4200B4, "SubjectDistinguishedName", "Subject Distinguished Name", 1.1;
    X_509_CERTIFICATE_IDENTIFIER = 0x4200B5, "X_509CertificateIdentifier", "X.509 Certificate Identifier", 1.1;
    X_509_CERTIFICATE_ISSUER = 0x4200B6, "X_509CertificateIssuer", "X.509 Certificate Issuer", 1.1;
    X_509_CERTIFICATE_SUBJECT = 0x4200B7, "X_509CertificateSubject", "X.509 Certificate Subject", 1.1;
    KEY_VALUE_LOCATION = 0x4200B8, "KeyValueLocation", "Key Value Location", 1.2;
    KEY_VALUE_LOCATION_VALUE = 0x4200B9, "KeyValueLocationValue", "Key Value Location Value", 1.2;
    KEY_VALUE_LOCATION_TYPE = 0x4200BA, "KeyValueLocationType", "Key Value Location Type", 1.2;
    KEY_VALUE_PRESENT = 0x4200BB, "KeyValuePresent", "Key Value Present", 1.2;
    ORIGINAL_CREATION_DATE = 0x4200BC, "OriginalCreationDate", "Original Creation Date", 1.2;
    PGP_KEY = 0x4200BD, "PGPKey", "PGP Key", 1.2;
    PGP_KEY_VERSION = 0x4200BE, "PGPKeyVersion", "PGP Key Version", 1.2;
    ALTERNATIVE_NAME = 0x4200BF, "AlternativeName", "Alternative Name", 1.2;
    ALTERNATIVE_NAME_VALUE = 0x4200C0, "AlternativeNameValue", "Alternative Name Value", 1.2;
    ALTERNATIVE_NAME_TYPE = 0x4200C1, "AlternativeNameType", "Alternative Name Type", 1.2;
    DATA = 0x4200C2, "Data", "Data", 1.2;
    SIGNATURE_DATA = 0x4200C3, "SignatureData", "Signature Data", 1.2;
    DATA_LENGTH = 0x4200C4, "DataLength", "Data Length", 1.2;
    RANDOM_IV = 0x4200C5, "RandomIV", "Random IV", 1.2;
    MAC_DATA = 0x4200C6, "MACData", "MAC Data", 1.2;
    ATTESTATION_TYPE = 0x4200C7, "AttestationType", "Attestation Type", 1.2;
    NONCE = 0x4200C8, "Nonce", "Nonce", 1.2;
    NONCE_ID = 0x4200C9, "NonceID", "Nonce ID", 1.2;
    NONCE_VALUE = 0x4200CA, "NonceValue", "Nonce Value", 1.2;
    ATTESTATION_MEASUREMENT = 0x4200CB, "AttestationMeasurement", "Attestation Measurement", 1.2;
    ATTESTATION_ASSERTION = 0x4200CC, "AttestationAssertion", "Attestation Assertion", 1.2;
    IV_LENGTH = 0x4200CD, "IVLength", "IV Length", 1.2;
    TAG_LENGTH = 0x4200CE, "TagLength", "Tag Length", 1.2;
    FIXED_FIELD_LENGTH = 0x4200CF, "FixedFieldLength", "Fixed Field Length", 1.2;
    COUNTER_LENGTH = 0x4200D0, "CounterLength", "Counter Length", 1.2;
    INITIAL_COUNTER_VALUE = 0x4200D1, "InitialCounterValue", "Initial Counter Value", 1.2;
    INVOCATION_FIELD_LENGTH = 0x4200D2, "InvocationFieldLength", "Invocation Field Length", 1.2;
    ATTESTATION_CAPABLE_INDICATOR = 0x4200D3, "AttestationCapableIndicator", "Attestation Capable Indicator", 1.2;
    OFFSET_ITEMS = 0x4200D4, "OffsetItems", "Offset Items", 1.3;
    LOCATED_ITEMS = 0x4200D5, "LocatedItems", "Located Items", 1.3;
    CORRELATION_VALUE = 0x4200D6, "CorrelationValue", "Correlation Value", 1.3;
    INIT_INDICATOR = 0x4200D7, "InitIndicator", "Init Indicator", 1.3;
    FINAL_INDICATOR = 0x4200D8, "FinalIndicator", "Final Indicator", 1.3;
    RNG_PARAMETERS = 0x4200D9, "RNGParameters", "RNG Parameters", 1.3;
    RNG_ALGORITHM = 0x4200DA, "RNGAlgorithm", "RNG Algorithm", 1.3;
    DRBG_ALGORITHM = 0x4200DB, "DRBGAlgorithm", "DRBG Algorithm", 1.3;
    FIPS186_VARIATION = 0x4200DC, "FIPS186Variation", "FIPS186 Variation", 1.3;
    PREDICTION_RESISTANCE = 0x4200DD, "PredictionResistance", "Prediction Resistance", 1.3;
    RANDOM_NUMBER_GENERATOR = 0x4200DE, "RandomNumberGenerator", "Random Number Generator", 1.3;
    VALIDATION_INFORMATION = 0x4200DF, "ValidationInformation", "Validation Information", 1.3;
    VALIDATION_AUTHORITY_TYPE = 0x4200E0, "ValidationAuthorityType", "Validation Authority Type", 1.3;
    VALIDATION_AUTHORITY_COUNTRY = 0x4200E1, "ValidationAuthorityCountry", "Validation Authority Country", 1.3;
    VALIDATION_AUTHORITY_URI = 0x4200E2, "ValidationAuthorityURI", "Validation Authority URI", 1.3;
    VALIDATION_VERSION_MAJOR = 0x4200E3, "ValidationVersionMajor", "Validation Version Major", 1.3;
    VALIDATION_VERSION_MINOR = 0x4200E4, "ValidationVersionMinor", "Validation Version Minor", 1.3;
    VALIDATION_TYPE = 0x4200E5, "ValidationType", "Validation Type", 1.3;
    VALIDATION_LEVEL = 0x4200E6, "ValidationLevel", "Validation Level", 1.3;
    VALIDATION_CERTIFICATE_IDENTIFIER = 0x4200E7, "ValidationCertificateIdentifier", "Validation Certificate Identifier", 1.3;
    VALIDATION_CERTIFICATE_URI = 0x4200E8, "ValidationCertificateURI", "Validation Certificate URI", 1.3;
    VALIDATION_VENDOR_URI = 0x4200E9, "ValidationVendorURI", "Validation Vendor URI", 1.3;
    VALIDATION_PROFILE = 0x4200EA, "ValidationProfile", "Validation Profile", 1.3;
    PROFILE_INFORMATION = 0x4200EB, "ProfileInformation", "Profile Information", 1.3;
    PROFILE_NAME = 0x4200EC, "ProfileName", "Profile Name", 1.3;
    SERVER_URI = 0x4200ED, "ServerURI", "Server URI", 1.3;
    SERVER_PORT = 0x4200EE, "ServerPort", "Server Port", 1.3;
    STREAMING_CAPABILITY = 0x4200EF, "StreamingCapability", "Streaming Capability", 1.3;
    ASYNCHRONOUS_CAPABILITY = 0x4200F0, "AsynchronousCapability", "Asynchronous Capability", 1.3;
    ATTESTATION_CAPABILITY = 0x4200F1, "AttestationCapability", "Attestation Capability", 1.3;
    UNWRAP_MODE = 0x4200F2, "UnwrapMode", "Unwrap Mode", 1.3;
    DESTROY_ACTION = 0x4200F3, "DestroyAction", "Destroy Action", 1.3;
    SHREDDING_ALGORITHM = 0x4200F4, "ShreddingAlgorithm", "Shredding Algorithm", 1.3;
    RNG_MODE = 0x4200F5, "RNGMode", "RNG Mode", 1.3;
    CLIENT_REGISTRATION_METHOD = 0x4200F6, "ClientRegistrationMethod", "Client Registration Method", 1.3;
    CAPABILITY_INFORMATION = 0x4200F7, "CapabilityInformation", "Capability Information", 1.3;
    KEY_WRAP_TYPE = 0x4200F8, "KeyWrapType", "Key Wrap Type", 1.4;
    BATCH_UNDO_CAPABILITY = 0x4200F9, "BatchUndoCapability", "Batch Undo Capability", 1.4;
    BATCH_CONTINUE_CAPABILITY = 0x4200FA, "BatchContinueCapability", "Batch Continue Capability", 1.4;
    PKCS_12_FRIENDLY_NAME = 0x4200FB, "PKCS_12FriendlyName", "PKCS#12 Friendly Name", 1.4;
    DESCRIPTION = 0x4200FC, "Description", "Description", 1.4;
    COMMENT = 0x4200FD, "Comment", "Comment", 1.4;
    AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA = 0x4200FE, "AuthenticatedEncryptionAdditionalData", "Authenticated Encryption Additional Data", 1.4;
    AUTHENTICATED_ENCRYPTION_TAG = 0x4200FF, "AuthenticatedEncryptionTag", "Authenticated Encryption Tag", 1.4;
    SALT_LENGTH = 0x420100, "SaltLength", "Salt Length", 1.4;
    MASK_GENERATOR = 0x420101, "MaskGenerator", "Mask Generator", 1.4;
    MASK_GENERATOR_HASHING_ALGORITHM = 0x420102, "MaskGeneratorHashingAlgorithm", "Mask Generator Hashing Algorithm", 1.4;
    P_SOURCE = 0x420103, "PSource", "P Source", 1.4;
    TRAILER_FIELD = 0x420104, "TrailerField", "Trailer Field", 1.4;
    CLIENT_CORRELATION_VALUE = 0x420105, "ClientCorrelationValue", "Client Correlation Value", 1.4;
    SERVER_CORRELATION_VALUE = 0x420106, "ServerCorrelationValue", "Server Correlation Value", 1.4;
    DIGESTED_DATA = 0x420107, "DigestedData", "Digested Data", 1.4;
    CERTIFICATE_SUBJECT_CN = 0x420108, "CertificateSubjectCN", "Certificate Subject CN", 1.4;
    CERTIFICATE_SUBJECT_O = 0x420109, "CertificateSubjectO", "Certificate Subject O", 1.4;
    CERTIFICATE_SUBJECT_OU = 0x42010A, "CertificateSubjectOU", "Certificate Subject OU", 1.4;
    CERTIFICATE_SUBJECT_EMAIL = 0x42010B, "CertificateSubjectEmail", "Certificate Subject Email", 1.4;
    CERTIFICATE_SUBJECT_C = 0x42010C, "CertificateSubjectC", "Certificate Subject C", 1.4;
    CERTIFICATE_SUBJECT_ST = 0x42010D, "CertificateSubjectST", "Certificate Subject ST", 1.4;
    CERTIFICATE_SUBJECT_L = 0x42010E, "CertificateSubjectL", "Certificate Subject L", 1.4;
    CERTIFICATE_SUBJECT_UID = 0x42010F, "CertificateSubjectUID", "Certificate Subject UID", 1.4;
    CERTIFICATE_SUBJECT_SERIAL_NUMBER = 0x420110, "CertificateSubjectSerialNumber", "Certificate Subject Serial Number", 1.4;
    CERTIFICATE_SUBJECT_TITLE = 0x420111, "CertificateSubjectTitle", "Certificate Subject Title", 1.4;
    CERTIFICATE_SUBJECT_DC = 0x420112, "CertificateSubjectDC", "Certificate Subject DC", 1.4;
    CERTIFICATE_SUBJECT_DN_QUALIFIER = 0x420113, "CertificateSubjectDNQualifier", "Certificate Subject DN Qualifier", 1.4;
    CERTIFICATE_ISSUER_CN = 0x420114, "CertificateIssuerCN", "Certificate Issuer CN", 1.4;
    CERTIFICATE_ISSUER_O = 0x420115, "CertificateIssuerO", "Certificate Issuer O", 1.4;
    CERTIFICATE_ISSUER_OU = 0x420116, "CertificateIssuerOU", "Certificate Issuer OU", 1.4;
    CERTIFICATE_ISSUER_EMAIL = 0x420117, "CertificateIssuerEmail", "Certificate Issuer Email", 1.4;
    CERTIFICATE_ISSUER_C = 0x420118, "CertificateIssuerC", "Certificate Issuer C", 1.4;
    CERTIFICATE_ISSUER_ST = 0x420119, "CertificateIssuerST", "Certificate Issuer ST", 1.4;
    CERTIFICATE_ISSUER_L = 0x42011A, "CertificateIssuerL", "Certificate Issuer L", 1.4;
    CERTIFICATE_ISSUER_UID = 0x42011B, "CertificateIssuerUID", "Certificate Issuer UID", 1.4;
    CERTIFICATE_ISSUER_SERIAL_NUMBER = 0x42011C, "CertificateIssuerSerialNumber", "Certificate Issuer Serial Number", 1.4;
    CERTIFICATE_ISSUER_TITLE = 0x42011D, "CertificateIssuerTitle", "Certificate Issuer Title", 1.4;
    CERTIFICATE_ISSUER_DC = 0x42011E, "CertificateIssuerDC", "Certificate Issuer DC", 1.4;
    CERTIFICATE_ISSUER_DN_QUALIFIER = 0x42011F, "CertificateIssuerDNQualifier", "Certificate Issuer DN Qualifier", 1.4;
    SENSITIVE = 0x420120, "Sensitive", "Sensitive", 1.4;
    ALWAYS_SENSITIVE = 0x420121, "AlwaysSensitive", "Always Sensitive", 1.4;
    EXTRACTABLE = 0x420122, "Extractable", "Extractable", 1.4;
    NEVER_EXTRACTABLE = 0x420123, "NeverExtractable", "Never Extractable", 1.4;
    REPLACE_EXISTING = 0x420124, "ReplaceExisting", "Replace Existing", 1.4;
    ATTRIBUTES = 0x420125, "Attributes", "Attributes", 2.0;
    COMMON_ATTRIBUTES = 0x420126, "CommonAttributes", "Common Attributes", 2.0;
    PRIVATE_KEY_ATTRIBUTES = 0x420127, "PrivateKeyAttributes", "Private Key Attributes", 2.0;
    PUBLIC_KEY_ATTRIBUTES = 0x420128, "PublicKeyAttributes", "Public Key Attributes", 2.0;
    EXTENSION_ENUMERATION = 0x420129, "ExtensionEnumeration", "Extension Enumeration", 2.0;
    EXTENSION_ATTRIBUTE = 0x42012A, "ExtensionAttribute", "Extension Attribute", 2.0;
    EXTENSION_PARENT_STRUCTURE_TAG = 0x42012B, "ExtensionParentStructureTag", "Extension Parent Structure Tag", 2.0;
    EXTENSION_DESCRIPTION = 0x42012C, "ExtensionDescription", "Extension Description", 2.0;
    SERVER_NAME = 0x42012D, "ServerName", "Server Name", 2.0;
    SERVER_SERIAL_NUMBER = 0x42012E, "ServerSerialNumber", "Server Serial Number", 2.0;
    SERVER_VERSION = 0x42012F, "ServerVersion", "Server Version", 2.0;
    SERVER_LOAD = 0x420130, "ServerLoad", "Server Load", 2.0;
    PRODUCT_NAME = 0x420131, "ProductName", "Product Name", 2.0;
    BUILD_LEVEL = 0x420132, "BuildLevel", "Build Level", 2.0;
    BUILD_DATE = 0x420133, "BuildDate", "Build Date", 2.0;
    CLUSTER_INFO = 0x420134, "ClusterInfo", "Cluster Info", 2.0;
    ALTERNATE_FAILOVER_ENDPOINTS = 0x420135, "AlternateFailoverEndpoints", "Alternate Failover Endpoints", 2.0;
    SHORT_UNIQUE_IDENTIFIER = 0x420136, "ShortUniqueIdentifier", "Short Unique Identifier", 2.0;
    TAG = 0x420138, "Tag", "Tag", 2.0;
    CERTIFICATE_REQUEST_UNIQUE_IDENTIFIER = 0x420139, "CertificateRequestUniqueIdentifier", "Certificate Request Unique Identifier", 2.0;
    NIST_KEY_TYPE = 0x42013A, "NISTKeyType", "NIST Key Type", 2.0;
    ATTRIBUTE_REFERENCE = 0x42013B, "AttributeReference", "Attribute Reference", 2.0;
    CURRENT_ATTRIBUTE = 0x42013C, "CurrentAttribute", "Current Attribute", 2.0;
    NEW_ATTRIBUTE = 0x42013D, "NewAttribute", "New Attribute", 2.0;
    CERTIFICATE_REQUEST_VALUE = 0x420140, "CertificateRequestValue", "Certificate Request Value", 2.0;
    LOG_MESSAGE = 0x420141, "LogMessage", "Log Message", 2.0;
    PROFILE_VERSION = 0x420142, "ProfileVersion", "Profile Version", 2.0;
    PROFILE_VERSION_MAJOR = 0x420143, "ProfileVersionMajor", "Profile Version Major", 2.0;
    PROFILE_VERSION_MINOR = 0x420144, "ProfileVersionMinor", "Profile Version Minor", 2.0;
    PROTECTION_LEVEL = 0x420145, "ProtectionLevel", "Protection Level", 2.0;
    PROTECTION_PERIOD = 0x420146, "ProtectionPeriod", "Protection Period", 2.0;
    QUANTUM_SAFE = 0x420147, "QuantumSafe", "Quantum Safe", 2.0;
    QUANTUM_SAFE_CAPABILITY = 0x420148, "QuantumSafeCapability", "Quantum Safe Capability", 2.0;
    TICKET = 0x420149, "Ticket", "Ticket", 2.0;
    TICKET_TYPE = 0x42014A, "TicketType", "Ticket Type", 2.0;
    TICKET_VALUE = 0x42014B, "TicketValue", "Ticket Value", 2.0;
    REQUEST_COUNT = 0x42014C, "RequestCount", "Request Count", 2.0;
    RIGHTS = 0x42014D, "Rights", "Rights", 2.0;
    OBJECTS = 0x42014E, "Objects", "Objects", 2.0;
    OPERATIONS = 0x42014F, "Operations", "Operations", 2.0;
    RIGHT = 0x420150, "Right", "Right", 2.0;
    ENDPOINT_ROLE = 0x420151, "EndpointRole", "Endpoint Role", 2.0;
    DEFAULTS_INFORMATION = 0x420152, "DefaultsInformation", "Defaults Information", 2.0;
    OBJECT_DEFAULTS = 0x420153, "ObjectDefaults", "Object Defaults", 2.0;
    EPHEMERAL = 0x420154, "Ephemeral", "Ephemeral", 2.0;
    SERVER_HASHED_PASSWORD = 0x420155, "ServerHashedPassword", "Server Hashed Password", 2.0;
    ONE_TIME_PASSWORD = 0x420156, "OneTimePassword", "One Time Password", 2.0;
    HASHED_PASSWORD = 0x420157, "HashedPassword", "Hashed Password", 2.0;
    ADJUSTMENT_TYPE = 0x420158, "AdjustmentType", "Adjustment Type", 2.0;
    PKCS_11_INTERFACE = 0x420159, "PKCS_11Interface", "PKCS#11 Interface", 2.0;
    PKCS_11_FUNCTION = 0x42015A, "PKCS_11Function", "PKCS#11 Function", 2.0;
    PKCS_11_INPUT_PARAMETERS = 0x42015B, "PKCS_11InputParameters", "PKCS#11 Input Parameters", 2.0;
    PKCS_11_OUTPUT_PARAMETERS = 0x42015C, "PKCS_11OutputParameters", "PKCS#11 Output Parameters", 2.0;
    PKCS_11_RETURN_CODE = 0x42015D, "PKCS_11ReturnCode", "PKCS#11 Return Code", 2.0;
    PROTECTION_STORAGE_MASK = 0x42015E, "ProtectionStorageMask", "Protection Storage Mask", 2.0;
    PROTECTION_STORAGE_MASKS = 0x42015F, "ProtectionStorageMasks", "Protection Storage Masks", 2.0;
    INTEROP_FUNCTION = 0x420160, "InteropFunction", "Interop Function", 2.0;
    INTEROP_IDENTIFIER = 0x420161, "InteropIdentifier", "Interop Identifier", 2.0;
    ADJUSTMENT_VALUE = 0x420162, "AdjustmentValue", "Adjustment Value", 2.0;
    COMMON_PROTECTION_STORAGE_MASKS = 0x420163, "CommonProtectionStorageMasks", "Common Protection Storage Masks", 2.0;
    PRIVATE_PROTECTION_STORAGE_MASKS = 0x420164, "PrivateProtectionStorageMasks", "Private Protection Storage Masks", 2.0;
    PUBLIC_PROTECTION_STORAGE_MASKS = 0x420165, "PublicProtectionStorageMasks", "Public Protection Storage Masks", 2.0;
    OBJECT_GROUPS = 0x420166, "ObjectGroups", "Object Groups", 2.1;
    OBJECT_TYPES = 0x420167, "ObjectTypes", "Object Types", 2.1;
    CONSTRAINTS = 0x420168, "Constraints", "Constraints", 2.1;
    CONSTRAINT = 0x420169, "Constraint", "Constraint", 2.1;
    ROTATE_INTERVAL = 0x42016A, "RotateInterval", "Rotate Interval", 2.1;
    ROTATE_AUTOMATIC = 0x42016B, "RotateAutomatic", "Rotate Automatic", 2.1;
    ROTATE_OFFSET = 0x42016C, "RotateOffset", "Rotate Offset", 2.1;
    ROTATE_DATE = 0x42016D, "RotateDate", "Rotate Date", 2.1;
    ROTATE_GENERATION = 0x42016E, "RotateGeneration", "Rotate Generation", 2.1;
    ROTATE_NAME = 0x42016F, "RotateName", "Rotate Name", 2.1;
    ROTATE_NAME_VALUE = 0x420170, "RotateNameValue", "Rotate Name Value", 2.1 to 2.1;
    ROTATE_NAME_TYPE = 0x420171, "RotateNameType", "Rotate Name Type", 2.1 to 2.1;
    ROTATE_LATEST = 0x420172, "RotateLatest", "Rotate Latest", 2.1;
    ASYNCHRONOUS_REQUEST = 0x420173, "AsynchronousRequest", "Asynchronous Request", 2.1;
    SUBMISSION_DATE = 0x420174, "SubmissionDate", "Submission Date", 2.1;
    PROCESSING_STAGE = 0x420175, "ProcessingStage", "Processing Stage", 2.1;
    ASYNCHRONOUS_CORRELATION_VALUES = 0x420176, "AsynchronousCorrelationValues", "Asynchronous Correlation Values", 2.1;
    CERTIFICATE_LINK = 0x420190, "CertificateLink", "Certificate Link", 3.0;
    CHILD_LINK = 0x420191, "ChildLink", "Child Link", 3.0;
    DERIVATION_OBJECT_LINK = 0x420192, "DerivationObjectLink", "Derivation Object Link", 3.0;
    DERIVED_OBJECT_LINK = 0x420193, "DerivedObjectLink", "Derived Object Link", 3.0;
    NEXT_LINK = 0x420194, "NextLink", "Next Link", 3.0;
    PARENT_LINK = 0x420195, "ParentLink", "Parent Link", 3.0;
    PKCS_12_CERTIFICATE_LINK = 0x420196, "PKCS_12CertificateLink", "PKCS#12 Certificate Link", 3.0;
    PKCS_12_PASSWORD_LINK = 0x420197, "PKCS_12PasswordLink", "PKCS#12 Password Link", 3.0;
    PREVIOUS_LINK = 0x420198, "PreviousLink", "Previous Link", 3.0;
    PRIVATE_KEY_LINK = 0x420199, "PrivateKeyLink", "Private Key Link", 3.0;
    PUBLIC_KEY_LINK = 0x42019A, "PublicKeyLink", "Public Key Link", 3.0;
    REPLACED_OBJECT_LINK = 0x42019B, "ReplacedObjectLink", "Replaced Object Link", 3.0;
    REPLACEMENT_OBJECT_LINK = 0x42019C, "ReplacementObjectLink", "Replacement Object Link", 3.0;
    WRAPPING_KEY_LINK = 0x42019D, "WrappingKeyLink", "Wrapping Key Link", 3.0;
    OBJECT_CLASS = 0x42019E, "ObjectClass", "Object Class", 3.0;
    OBJECT_CLASS_MASK = 0x42019F, "ObjectClassMask", "Object Class Mask", 3.0;
    CREDENTIAL_LINK = 0x4201A0, "CredentialLink", "Credential Link", 3.0;
    PASSWORD_CREDENTIAL = 0x4201A1, "PasswordCredential", "Password Credential", 3.0;
    PASSWORD_SALT = 0x4201A2, "PasswordSalt", "Password Salt", 3.0;
    PASSWORD_SALT_ALGORITHM = 0x4201A3, "PasswordSaltAlgorithm", "Password Salt Algorithm", 3.0;
    SALTED_PASSWORD = 0x4201A4, "SaltedPassword", "Salted Password", 3.0;
    PASSWORD_LINK = 0x4201A5, "PasswordLink", "Password Link", 3.0;
    DEVICE_CREDENTIAL = 0x4201A6, "DeviceCredential", "Device Credential", 3.0;
    OTP_CREDENTIAL = 0x4201A7, "OTPCredential", "OTP Credential", 3.0;
    OTP_ALGORITHM = 0x4201A8, "OTPAlgorithm", "OTP Algorithm", 3.0;
    OTP_DIGEST = 0x4201A9, "OTPDigest", "OTP Digest", 3.0;
    OTP_SERIAL = 0x4201AA, "OTPSerial", "OTP Serial", 3.0;
    OTP_SEED = 0x4201AB, "OTPSeed", "OTP Seed", 3.0;
    OTP_INTERVAL = 0x4201AC, "OTPInterval", "OTP Interval", 3.0;
    OTP_DIGITS = 0x4201AD, "OTPDigits", "OTP Digits", 3.0;
    OTP_COUNTER = 0x4201AE, "OTPCounter", "OTP Counter", 3.0;
    HASHED_PASSWORD_CREDENTIAL = 0x4201AF, "HashedPasswordCredential", "Hashed Password Credential", 3.0;
    HASHED_USERNAME_PASSWORD = 0x4201B0, "HashedUsernamePassword", "Hashed Username Password", 3.0;
    HASHED_PASSWORD_USERNAME = 0x4201B1, "HashedPasswordUsername", "Hashed Password Username", 3.0;
    CREDENTIAL_INFORMATION = 0x4201B2, "CredentialInformation", "Credential Information", 3.0;
    GROUP_LINK = 0x4201B3, "GroupLink", "Group Link", 3.0;
    SPLIT_KEY_BASE_LINK = 0x4201B4, "SplitKeyBaseLink", "Split Key Base Link", 3.0;
    JOINED_SPLIT_KEY_PARTS_LINK = 0x4201B5, "JoinedSplitKeyPartsLink", "Joined Split Key Parts Link", 3.0;
    SPLIT_KEY_POLYNOMIAL = 0x4201B6, "SplitKeyPolynomial", "Split Key Polynomial", 3.0;
    DEACTIVATION_MESSAGE = 0x4201B7, "DeactivationMessage", "Deactivation Message", 3.0;
    DEACTIVATION_REASON = 0x4201B8, "DeactivationReason", "Deactivation Reason", 3.0;
    DEACTIVATION_REASON_CODE = 0x4201B9, "DeactivationReasonCode", "Deactivation Reason Code", 3.0;
    CERTIFICATE_SUBJECT_DN = 0x4201BA, "CertificateSubjectDN", "Certificate Subject DN", 3.0;
    CERTIFICATE_ISSUER_DN = 0x4201BB, "CertificateIssuerDN", "Certificate Issuer DN", 3.0;
    CERTIFICATE_REQUEST_LINK = 0x4201BC, "CertificateRequestLink", "Certificate Request Link", 3.0;
    CERTIFY_COUNTER = 0x4201BD, "CertifyCounter", "Certify Counter", 3.0;
    DECRYPT_COUNTER = 0x4201BE, "DecryptCounter", "Decrypt Counter", 3.0;
    ENCRYPT_COUNTER = 0x4201BF, "EncryptCounter", "Encrypt Counter", 3.0;
    SIGN_COUNTER = 0x4201C0, "SignCounter", "Sign Counter", 3.0;
    SIGNATURE_VERIFY_COUNTER = 0x4201C1, "SignatureVerifyCounter", "Signature Verify Counter", 3.0;
    NIST_SECURITY_CATEGORY = 0x4201C2, "NISTSecurityCategory", "NIST Security Category", 3.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_by_value() {
        assert!(TAGS.is_sorted_by(|a, b| a.tag < b.tag));
    }

    #[test]
    fn every_tag_is_found_by_value_and_by_name() {
        for row in TAGS {
            assert_eq!(by_tag(row.tag), Some(row));
            assert_eq!(by_name(row.name), Some(row));
        }
        assert_eq!(by_tag(Tag(0x54_0001)), None);
        assert_eq!(by_name("No Such Tag"), None);
    }
}
