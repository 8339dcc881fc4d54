//! What Query tells about a server.

use super::enumeration;

enumeration! {
    /// KMIP 2.1 §11.44.
    QueryFunction, "Query Function", [QUERY_FUNCTION] {
        QUERY_OPERATIONS = 0x01, "QueryOperations", 1.0;
        QUERY_OBJECTS = 0x02, "QueryObjects", 1.0;
        QUERY_SERVER_INFORMATION = 0x03, "QueryServerInformation", 1.0;
        QUERY_APPLICATION_NAMESPACES = 0x04, "QueryApplicationNamespaces", 1.0;
        QUERY_EXTENSION_LIST = 0x05, "QueryExtensionList", 1.1;
        QUERY_EXTENSION_MAP = 0x06, "QueryExtensionMap", 1.1;
        QUERY_ATTESTATION_TYPES = 0x07, "QueryAttestationTypes", 1.2;
        QUERY_RNGS = 0x08, "QueryRNGs", 1.3;
        QUERY_VALIDATIONS = 0x09, "QueryValidations", 1.3;
        QUERY_PROFILES = 0x0A, "QueryProfiles", 1.3;
        QUERY_CAPABILITIES = 0x0B, "QueryCapabilities", 1.3;
        QUERY_CLIENT_REGISTRATION_METHODS = 0x0C, "QueryClientRegistrationMethods", 1.3;
        QUERY_DEFAULTS_INFORMATION = 0x0D, "QueryDefaultsInformation", 2.0;
        QUERY_STORAGE_PROTECTION_MASKS = 0x0E, "QueryStorageProtectionMasks", 2.0;
        QUERY_CREDENTIAL_INFORMATION = 0x0F, "QueryCredentialInformation", 3.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.10.
    ClientRegistrationMethod, "Client Registration Method", [CLIENT_REGISTRATION_METHOD] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        SERVER_PRE_GENERATED = 0x02, "ServerPreGenerated", 1.3;
        SERVER_ON_DEMAND = 0x03, "ServerOnDemand", 1.3;
        CLIENT_GENERATED = 0x04, "ClientGenerated", 1.3;
        CLIENT_REGISTERED = 0x05, "ClientRegistered", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.63.
    ValidationAuthorityType, "Validation Authority Type", [VALIDATION_AUTHORITY_TYPE] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        NIST_CMVP = 0x02, "NISTCMVP", 1.3;
        COMMON_CRITERIA = 0x03, "CommonCriteria", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.64.
    ValidationType, "Validation Type", [VALIDATION_TYPE] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        HARDWARE = 0x02, "Hardware", 1.3;
        SOFTWARE = 0x03, "Software", 1.3;
        FIRMWARE = 0x04, "Firmware", 1.3;
        HYBRID = 0x05, "Hybrid", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.59.
    UnwrapMode, "Unwrap Mode", [UNWRAP_MODE] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        PROCESSED = 0x02, "Processed", 1.3;
        NOT_PROCESSED = 0x03, "NotProcessed", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.15.
    DestroyAction, "Destroy Action", [DESTROY_ACTION] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        KEY_MATERIAL_DELETED = 0x02, "KeyMaterialDeleted", 1.3;
        KEY_MATERIAL_SHREDDED = 0x03, "KeyMaterialShredded", 1.3;
        META_DATA_DELETED = 0x04, "MetaDataDeleted", 1.3;
        META_DATA_SHREDDED = 0x05, "MetaDataShredded", 1.3;
        DELETED = 0x06, "Deleted", 1.3;
        SHREDDED = 0x07, "Shredded", 1.3;
    }
}

enumeration! {
    /// KMIP 2.1 §11.53.
    ShreddingAlgorithm, "Shredding Algorithm", [SHREDDING_ALGORITHM] {
        UNSPECIFIED = 0x01, "Unspecified", 1.3;
        CRYPTOGRAPHIC = 0x02, "Cryptographic", 1.3;
        UNSUPPORTED = 0x03, "Unsupported", 1.3;
    }
}
