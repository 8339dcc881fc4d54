//! What managed objects are, hold and are related to.

use super::enumeration;

enumeration! {
    /// KMIP 2.1 §11.34.
    ObjectType, "Object Type", [OBJECT_TYPE] {
        CERTIFICATE = 0x01, "Certificate", 1.0;
        SYMMETRIC_KEY = 0x02, "SymmetricKey", 1.0;
        PUBLIC_KEY = 0x03, "PublicKey", 1.0;
        PRIVATE_KEY = 0x04, "PrivateKey", 1.0;
        SPLIT_KEY = 0x05, "SplitKey", 1.0;
        TEMPLATE = 0x06, "Template", 1.0 to 1.4;
        SECRET_DATA = 0x07, "SecretData", 1.0;
        OPAQUE_OBJECT = 0x08, "OpaqueObject", 1.0;
        PGP_KEY = 0x09, "PGPKey", 1.2;
        CERTIFICATE_REQUEST = 0x0A, "CertificateRequest", 2.0;
        USER = 0x0B, "User", 3.0;
        GROUP = 0x0C, "Group", 3.0;
        PASSWORD_CREDENTIAL = 0x0D, "PasswordCredential", 3.0;
        DEVICE_CREDENTIAL = 0x0E, "DeviceCredential", 3.0;
        ONE_TIME_PASSWORD_CREDENTIAL = 0x0F, "OneTimePasswordCredential", 3.0;
        HASHED_PASSWORD_CREDENTIAL = 0x10, "HashedPasswordCredential", 3.0;
    }
}

enumeration! {
    /// KMIP 3.0.
    ObjectClass, "Object Class", [OBJECT_CLASS] {
        USER = 0x01, "User", 3.0;
        SYSTEM = 0x02, "System", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.25.
    KeyFormatType, "Key Format Type", [KEY_FORMAT_TYPE] {
        RAW = 0x01, "Raw", 1.0;
        OPAQUE = 0x02, "Opaque", 1.0;
        PKCS_1 = 0x03, "PKCS_1", 1.0;
        PKCS_8 = 0x04, "PKCS_8", 1.0;
        X_509 = 0x05, "X_509", 1.0;
        EC_PRIVATE_KEY = 0x06, "ECPrivateKey", 1.0;
        TRANSPARENT_SYMMETRIC_KEY = 0x07, "TransparentSymmetricKey", 1.0;
        TRANSPARENT_DSA_PRIVATE_KEY = 0x08, "TransparentDSAPrivateKey", 1.0;
        TRANSPARENT_DSA_PUBLIC_KEY = 0x09, "TransparentDSAPublicKey", 1.0;
        TRANSPARENT_RSA_PRIVATE_KEY = 0x0A, "TransparentRSAPrivateKey", 1.0;
        TRANSPARENT_RSA_PUBLIC_KEY = 0x0B, "TransparentRSAPublicKey", 1.0;
        TRANSPARENT_DH_PRIVATE_KEY = 0x0C, "TransparentDHPrivateKey", 1.0;
        TRANSPARENT_DH_PUBLIC_KEY = 0x0D, "TransparentDHPublicKey", 1.0;
        TRANSPARENT_ECDSA_PRIVATE_KEY = 0x0E, "TransparentECDSAPrivateKey", 1.0 to 1.4;
        TRANSPARENT_ECDSA_PUBLIC_KEY = 0x0F, "TransparentECDSAPublicKey", 1.0 to 1.4;
        TRANSPARENT_ECDH_PRIVATE_KEY = 0x10, "TransparentECDHPrivateKey", 1.0 to 1.4;
        TRANSPARENT_ECDH_PUBLIC_KEY = 0x11, "TransparentECDHPublicKey", 1.0 to 1.4;
        TRANSPARENT_ECMQV_PRIVATE_KEY = 0x12, "TransparentECMQVPrivateKey", 1.0 to 1.4;
        TRANSPARENT_ECMQV_PUBLIC_KEY = 0x13, "TransparentECMQVPublicKey", 1.0 to 1.4;
        TRANSPARENT_EC_PRIVATE_KEY = 0x14, "TransparentECPrivateKey", 1.3;
        TRANSPARENT_EC_PUBLIC_KEY = 0x15, "TransparentECPublicKey", 1.3;
        PKCS_12 = 0x16, "PKCS_12", 1.4;
        PKCS_10 = 0x17, "PKCS_10", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.24.
    KeyCompressionType, "Key Compression Type", [KEY_COMPRESSION_TYPE] {
        EC_PUBLIC_KEY_TYPE_UNCOMPRESSED = 0x01, "ECPublicKeyTypeUncompressed", 1.0;
        EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME = 0x02, "ECPublicKeyTypeX9_62CompressedPrime", 1.0;
        EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_CHAR2 = 0x03, "ECPublicKeyTypeX9_62CompressedChar2", 1.0;
        EC_PUBLIC_KEY_TYPE_X9_62_HYBRID = 0x04, "ECPublicKeyTypeX9_62Hybrid", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.29.
    KeyWrapType, "Key Wrap Type", [KEY_WRAP_TYPE] {
        NOT_WRAPPED = 0x01, "NotWrapped", 1.4;
        AS_REGISTERED = 0x02, "AsRegistered", 1.4;
    }
}

enumeration! {
    /// KMIP 2.1 §11.9.
    CertificateType, "Certificate Type", [CERTIFICATE_TYPE] {
        X_509 = 0x01, "X_509", 1.0;
        PGP = 0x02, "PGP", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.8.
    CertificateRequestType, "Certificate Request Type", [CERTIFICATE_REQUEST_TYPE] {
        CRMF = 0x01, "CRMF", 1.0;
        PKCS_10 = 0x02, "PKCS_10", 1.0;
        PEM = 0x03, "PEM", 1.0;
        PGP = 0x04, "PGP", 1.0 to 1.4;
    }
}

enumeration! {
    /// KMIP 2.1 §11.52.
    SecretDataType, "Secret Data Type", [SECRET_DATA_TYPE] {
        PASSWORD = 0x01, "Password", 1.0;
        SEED = 0x02, "Seed", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.35.
    OpaqueDataType, "Opaque Data Type", [OPAQUE_DATA_TYPE] {
    }
}

enumeration! {
    /// KMIP 2.1 §11.55.
    State, "State", [STATE] {
        PRE_ACTIVE = 0x01, "PreActive", 1.0;
        ACTIVE = 0x02, "Active", 1.0;
        DEACTIVATED = 0x03, "Deactivated", 1.0;
        COMPROMISED = 0x04, "Compromised", 1.0;
        DESTROYED = 0x05, "Destroyed", 1.0;
        DESTROYED_COMPROMISED = 0x06, "DestroyedCompromised", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.48.
    RevocationReasonCode, "Revocation Reason Code", [REVOCATION_REASON_CODE] {
        UNSPECIFIED = 0x01, "Unspecified", 1.0;
        KEY_COMPROMISE = 0x02, "KeyCompromise", 1.0;
        CA_COMPROMISE = 0x03, "CACompromise", 1.0;
        AFFILIATION_CHANGED = 0x04, "AffiliationChanged", 1.0;
        SUPERSEDED = 0x05, "Superseded", 1.0;
        CESSATION_OF_OPERATION = 0x06, "CessationOfOperation", 1.0;
        PRIVILEGE_WITHDRAWN = 0x07, "PrivilegeWithdrawn", 1.0;
    }
}

enumeration! {
    /// KMIP 3.0.
    DeactivationReasonCode, "Deactivation Reason Code", [DEACTIVATION_REASON_CODE] {
        UNSPECIFIED = 0x01, "Unspecified", 3.0;
        DEACTIVATION_DATE = 0x02, "DeactivationDate", 3.0;
        PROTECT_STOP_DATE = 0x03, "ProtectStopDate", 3.0;
        USAGE_LIMIT = 0x04, "UsageLimit", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.31.
    NameType, "Name Type", [NAME_TYPE] {
        UNINTERPRETED_TEXT_STRING = 0x01, "UninterpretedTextString", 1.0 to 2.1;
        URI = 0x02, "URI", 1.0 to 2.1;
    }
}

enumeration! {
    /// KMIP 2.1 §11.2.
    AlternativeNameType, "Alternative Name Type", [ALTERNATIVE_NAME_TYPE] {
        UNINTERPRETED_TEXT_STRING = 0x01, "UninterpretedTextString", 1.2;
        URI = 0x02, "URI", 1.2;
        OBJECT_SERIAL_NUMBER = 0x03, "ObjectSerialNumber", 1.2;
        EMAIL_ADDRESS = 0x04, "EmailAddress", 1.2;
        DNS_NAME = 0x05, "DNSName", 1.2;
        X_500_DISTINGUISHED_NAME = 0x06, "X_500DistinguishedName", 1.2;
        IP_ADDRESS = 0x07, "IPAddress", 1.2;
    }
}

enumeration! {
    /// KMIP 2.1 §11.51.
    RotateNameType, "Rotate Name Type", [ROTATE_NAME_TYPE] {
        UNINTERPRETED_TEXT_STRING = 0x01, "UninterpretedTextString", 2.1 to 2.1;
        URI = 0x02, "URI", 2.1 to 2.1;
    }
}

enumeration! {
    /// KMIP 2.1 §11.28.
    LinkType, "Link Type", [LINK_TYPE] {
        CERTIFICATE_LINK = 0x101, "CertificateLink", 1.0 to 2.1;
        PUBLIC_KEY_LINK = 0x102, "PublicKeyLink", 1.0 to 2.1;
        PRIVATE_KEY_LINK = 0x103, "PrivateKeyLink", 1.0 to 2.1;
        DERIVATION_BASE_OBJECT_LINK = 0x104, "DerivationBaseObjectLink", 1.0 to 2.1;
        DERIVED_KEY_LINK = 0x105, "DerivedKeyLink", 1.0 to 2.1;
        REPLACEMENT_OBJECT_LINK = 0x106, "ReplacementObjectLink", 1.0 to 2.1;
        REPLACED_OBJECT_LINK = 0x107, "ReplacedObjectLink", 1.0 to 2.1;
        PARENT_LINK = 0x108, "ParentLink", 1.2 to 2.1;
        CHILD_LINK = 0x109, "ChildLink", 1.2 to 2.1;
        PREVIOUS_LINK = 0x10A, "PreviousLink", 1.2 to 2.1;
        NEXT_LINK = 0x10B, "NextLink", 1.2 to 2.1;
        PKCS_12_CERTIFICATE_LINK = 0x10C, "PKCS_12CertificateLink", 1.4 to 2.1;
        PKCS_12_PASSWORD_LINK = 0x10D, "PKCS_12PasswordLink", 1.4 to 2.1;
        WRAPPING_KEY_LINK = 0x10E, "WrappingKeyLink", 2.0 to 2.1;
    }
}

enumeration! {
    /// KMIP 2.1 §11.60.
    UsageLimitsUnit, "Usage Limits Unit", [USAGE_LIMITS_UNIT] {
        BYTE = 0x01, "Byte", 1.0;
        OBJECT = 0x02, "Object", 1.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.27.
    KeyValueLocationType, "Key Value Location Type", [KEY_VALUE_LOCATION_TYPE] {
        UNINTERPRETED_TEXT_STRING = 0x01, "UninterpretedTextString", 1.2;
        URI = 0x02, "URI", 1.2;
    }
}

enumeration! {
    /// KMIP 2.1 §11.33.
    ObjectGroupMember, "Object Group Member", [OBJECT_GROUP_MEMBER] {
        GROUP_MEMBER_FRESH = 0x01, "GroupMemberFresh", 1.1 to 2.1;
        GROUP_MEMBER_DEFAULT = 0x02, "GroupMemberDefault", 1.1 to 2.1;
    }
}

enumeration! {
    /// KMIP 2.1 §11.42.
    ProtectionLevel, "Protection Level", [PROTECTION_LEVEL] {
        HIGH = 0x01, "High", 2.0;
        LOW = 0x02, "Low", 2.0;
    }
}

enumeration! {
    /// KMIP 3.0.
    Ephemeral, "Ephemeral", [EPHEMERAL] {
        DATA = 0x01, "Data", 3.0;
        EMPTY = 0x02, "Empty", 3.0;
        UNIQUE_IDENTIFIER = 0x03, "UniqueIdentifier", 3.0;
    }
}
