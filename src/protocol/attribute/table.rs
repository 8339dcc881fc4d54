//! The rows.

use ttlv::Kind::*;

use super::Shape::{Any, Identifier, Structure, Value};
use super::structure;
use super::{Always, Applies, AttributeRow, Cell, Change, Implicit, Instances, SetBy};
use crate::protocol::enumeration::{ObjectType as O, Operation};
use crate::protocol::tag;
use crate::protocol::version::{range, version};

macro_rules! lists {
    ($type:ident: $($name:ident = $($item:ident),*;)*) => {
        $(const $name: &[$type] = &[$($type::$item),*];)*
    };
}

// The lists that the column "When implicitly set" repeats. Re-key Key Pair is in them since 1.1,
// with the operation itself.
lists! { Operation:
    MAKING = CREATE, CREATE_KEY_PAIR, REGISTER, DERIVE_KEY, CERTIFY, RE_CERTIFY, RE_KEY,
        RE_KEY_KEY_PAIR;
    LIFE = CREATE, CREATE_KEY_PAIR, REGISTER, DERIVE_KEY, ACTIVATE, REVOKE, DESTROY, CERTIFY,
        RE_CERTIFY, RE_KEY, RE_KEY_KEY_PAIR;
    MAKING_OR_ACTIVATING = CREATE, CREATE_KEY_PAIR, REGISTER, DERIVE_KEY, ACTIVATE, CERTIFY,
        RE_CERTIFY, RE_KEY, RE_KEY_KEY_PAIR;
    MAKING_OR_REVOKING = CREATE, CREATE_KEY_PAIR, REGISTER, DERIVE_KEY, REVOKE, CERTIFY,
        RE_CERTIFY, RE_KEY, RE_KEY_KEY_PAIR;
    MAKING_KEYS = CREATE, CREATE_KEY_PAIR, REGISTER, DERIVE_KEY, RE_KEY, RE_KEY_KEY_PAIR;
    MAKING_SYMMETRIC_KEYS = CREATE, REGISTER, DERIVE_KEY, RE_KEY;
    GENERATING = CREATE, CREATE_KEY_PAIR, DERIVE_KEY, RE_KEY, RE_KEY_KEY_PAIR;
    MAKING_CERTIFICATES = REGISTER, CERTIFY, RE_CERTIFY;
    RENEWING = RE_KEY, RE_KEY_KEY_PAIR, RE_CERTIFY;
    RENEWING_KEYS = RE_KEY, RE_KEY_KEY_PAIR;
    RELATING = CREATE_KEY_PAIR, DERIVE_KEY, CERTIFY, RE_CERTIFY, RE_KEY, RE_KEY_KEY_PAIR;
    RELATING_OR_REGISTERING = CREATE_KEY_PAIR, REGISTER, DERIVE_KEY, CERTIFY, RE_CERTIFY,
        RE_KEY, RE_KEY_KEY_PAIR;
    MAKING_OR_ALLOCATING = CREATE, CREATE_KEY_PAIR, REGISTER, DERIVE_KEY, RE_KEY,
        RE_KEY_KEY_PAIR, GET_USAGE_ALLOCATION;
    CHANGING = CREATE, CREATE_KEY_PAIR, REGISTER, DERIVE_KEY, ACTIVATE, REVOKE, DESTROY,
        ARCHIVE, RECOVER, CERTIFY, RE_CERTIFY, RE_KEY, RE_KEY_KEY_PAIR, ADD_ATTRIBUTE,
        MODIFY_ATTRIBUTE, DELETE_ATTRIBUTE, GET_USAGE_ALLOCATION;
    REGISTERING = REGISTER;
    ARCHIVING = ARCHIVE;
    REVOKING = REVOKE;
    DESTROYING = DESTROY;
}

// The groups of objects that 1.x distinguishes (KMIP 1.4 §2.2); 2.x says All Objects. Whether a
// split key is that of a symmetric key (Process Start Date) is not looked into.
lists! { O:
    CRYPTOGRAPHIC_OBJECTS = CERTIFICATE, SYMMETRIC_KEY, PUBLIC_KEY, PRIVATE_KEY, SPLIT_KEY,
        SECRET_DATA, PGP_KEY;
    CRYPTOGRAPHIC_OBJECTS_AND_TEMPLATES = CERTIFICATE, SYMMETRIC_KEY, PUBLIC_KEY, PRIVATE_KEY,
        SPLIT_KEY, SECRET_DATA, PGP_KEY, TEMPLATE;
    CRYPTOGRAPHIC_AND_OPAQUE_OBJECTS = CERTIFICATE, SYMMETRIC_KEY, PUBLIC_KEY, PRIVATE_KEY,
        SPLIT_KEY, SECRET_DATA, PGP_KEY, OPAQUE_OBJECT;
    KEYS_AND_TEMPLATES = SYMMETRIC_KEY, PUBLIC_KEY, PRIVATE_KEY, SPLIT_KEY, PGP_KEY, TEMPLATE;
    KEYS_CERTIFICATES_AND_TEMPLATES = CERTIFICATE, SYMMETRIC_KEY, PUBLIC_KEY, PRIVATE_KEY,
        SPLIT_KEY, PGP_KEY, TEMPLATE;
    ASYMMETRIC_KEYS = PUBLIC_KEY, PRIVATE_KEY;
    ASYMMETRIC_KEYS_AND_TEMPLATES = PUBLIC_KEY, PRIVATE_KEY, TEMPLATE;
    SYMMETRIC_KEYS_AND_TEMPLATES = SYMMETRIC_KEY, SPLIT_KEY, TEMPLATE;
    SECRETS = SYMMETRIC_KEY, PRIVATE_KEY, SPLIT_KEY, SECRET_DATA;
}

macro_rules! cell {
    ($type:ident, $first:expr) => {
        Cell::new(
            {
                use $type::*;
                $first
            },
            None,
        )
    };
    ($type:ident, $first:expr, $since:tt, $later:expr) => {
        Cell::new(
            {
                use $type::*;
                $first
            },
            Some((version!($since), {
                use $type::*;
                $later
            })),
        )
    };
}

macro_rules! attributes {
    ($(
        $tag:ident, $name:literal, $since:tt $(to $until:tt)?, $shape:expr, $instances:ident,
        $always:expr $(=> $always_since:tt: $always_later:expr)?,
        $set_by:ident, $server:ident, $client:ident, $delete:ident,
        $implicit:expr $(=> $implicit_since:tt: $implicit_later:expr)?,
        $applies:expr $(=> $applies_since:tt: $applies_later:expr)?;
    )*) => {
        /// All attributes: those of 2.1 in its order, then those that ended with 1.4.
        pub static ATTRIBUTES: &[AttributeRow] = &[$(AttributeRow {
            tag: tag::$tag,
            name: $name,
            shape: $shape,
            versions: range!($since $(to $until)?),
            instances: Instances::$instances,
            always: cell!(Always, $always $(, $always_since, $always_later)?),
            set_by: SetBy::$set_by,
            server_modifies: Change::$server,
            client_modifies: Change::$client,
            client_deletes: Change::$delete,
            implicit: cell!(Implicit, $implicit $(, $implicit_since, $implicit_later)?),
            applies: cell!(Applies, $applies $(, $applies_since, $applies_later)?),
        }),*];
    };
}

// tag, name, versions, value, instances, always has a value, initially set by,
// modifiable by server, modifiable by client, deletable by client, implicitly set, applies to.
// Where a version changed a rule: first => version: later.
attributes! {
    ACTIVATION_DATE,                   "Activation Date",                   1.0,        Value(DateTime),                      One,           No,           ServerOrClient, PreActive,     PreActive,    No,      On(MAKING_OR_ACTIVATING), Only(CRYPTOGRAPHIC_OBJECTS_AND_TEMPLATES) => 2.0: All;
    ALTERNATIVE_NAME,                  "Alternative Name",                  1.2,        Structure(structure::ALTERNATIVE_NAME), Many,          No,           Client,         IfAbsent,      Yes,          Yes,     Never,                   All;
    ALWAYS_SENSITIVE,                  "Always Sensitive",                  1.4,        Value(Boolean),                       One,           Yes,          Server,         Yes,           No,           No,      Changed(tag::SENSITIVE), All;
    APPLICATION_SPECIFIC_INFORMATION,  "Application Specific Information",  1.0,        Structure(structure::APPLICATION_SPECIFIC_INFORMATION), Many,          No,           ClientOrServerIfDataOmitted, IfDataOmitted, Yes,          Yes,     On(RENEWING),            All;
    ARCHIVE_DATE,                      "Archive Date",                      1.0,        Value(DateTime),                      One,           No,           Server,         No,            No,           No,      On(ARCHIVING),           All;
    CERTIFICATE_SUBJECT_CN,            "Certificate Subject CN",            1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_O,             "Certificate Subject O",             1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_OU,            "Certificate Subject OU",            1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_EMAIL,         "Certificate Subject Email",         1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_C,             "Certificate Subject C",             1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_ST,            "Certificate Subject ST",            1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_L,             "Certificate Subject L",             1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_UID,           "Certificate Subject UID",           1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_SERIAL_NUMBER, "Certificate Subject Serial Number", 1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_TITLE,         "Certificate Subject Title",         1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_DC,            "Certificate Subject DC",            1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT_DN_QUALIFIER,  "Certificate Subject DN Qualifier",  1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_CN,             "Certificate Issuer CN",             1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_O,              "Certificate Issuer O",              1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_OU,             "Certificate Issuer OU",             1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_EMAIL,          "Certificate Issuer Email",          1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_C,              "Certificate Issuer C",              1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_ST,             "Certificate Issuer ST",             1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_L,              "Certificate Issuer L",              1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_UID,            "Certificate Issuer UID",            1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_SERIAL_NUMBER,  "Certificate Issuer Serial Number",  1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_TITLE,          "Certificate Issuer Title",          1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_DC,             "Certificate Issuer DC",             1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER_DN_QUALIFIER,   "Certificate Issuer DN Qualifier",   1.4,        Value(TextString),                    Many,          No,           Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_TYPE,                  "Certificate Type",                  1.0,        Value(Enumeration),                   One,           Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_LENGTH,                "Certificate Length",                1.1,        Value(Integer),                       One,           Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    COMMENT,                           "Comment",                           1.4,        Value(TextString),                    One,           No,           ServerOrClient, Yes,           Yes,          Yes,     Never,                   All;
    COMPROMISE_DATE,                   "Compromise Date",                   1.0,        Value(DateTime),                      One,           No,           Server,         No,            No,           No,      On(REVOKING),            Only(CRYPTOGRAPHIC_AND_OPAQUE_OBJECTS) => 2.0: All;
    COMPROMISE_OCCURRENCE_DATE,        "Compromise Occurrence Date",        1.0,        Value(DateTime),                      One,           No,           Server,         No,            No,           No,      On(REVOKING),            Only(CRYPTOGRAPHIC_AND_OPAQUE_OBJECTS) => 2.0: All;
    CONTACT_INFORMATION,               "Contact Information",               1.0,        Value(TextString),                    One,           No,           ServerOrClient, Yes,           Yes,          Yes,     On(MAKING),              All;
    CRYPTOGRAPHIC_ALGORITHM,           "Cryptographic Algorithm",           1.0,        Value(Enumeration),                   One,           Yes => 2.0: YesExcept(&[O::SECRET_DATA, O::OPAQUE_OBJECT]), Server,         No,            No,           No,      On(MAKING_KEYS) => 1.1: On(MAKING), Only(KEYS_CERTIFICATES_AND_TEMPLATES) => 2.0: All;
    CRYPTOGRAPHIC_DOMAIN_PARAMETERS,   "Cryptographic Domain Parameters",   1.0,        Structure(structure::CRYPTOGRAPHIC_DOMAIN_PARAMETERS), One,           No,           Client,         No,            No,           No,      On(RENEWING_KEYS),       Only(ASYMMETRIC_KEYS_AND_TEMPLATES) => 2.0: Only(ASYMMETRIC_KEYS);
    CRYPTOGRAPHIC_LENGTH,              "Cryptographic Length",              1.0,        Value(Integer),                       One,           Yes => 2.0: YesExcept(&[O::OPAQUE_OBJECT]), Server,         No,            No,           No,      On(MAKING_KEYS) => 1.1: On(MAKING), Only(KEYS_CERTIFICATES_AND_TEMPLATES) => 2.0: All;
    CRYPTOGRAPHIC_PARAMETERS,          "Cryptographic Parameters",          1.0,        Structure(structure::CRYPTOGRAPHIC_PARAMETERS), Many,          No,           Client,         No,            Yes,          Yes,     On(RENEWING),            Only(KEYS_CERTIFICATES_AND_TEMPLATES) => 2.0: All;
    CRYPTOGRAPHIC_USAGE_MASK,          "Cryptographic Usage Mask",          1.0,        Value(Integer),                       One,           Yes => 2.0: YesExcept(&[O::OPAQUE_OBJECT]), ServerOrClient, Yes,           No,           No,      On(MAKING),              Only(CRYPTOGRAPHIC_OBJECTS_AND_TEMPLATES) => 2.0: All;
    DEACTIVATION_DATE,                 "Deactivation Date",                 1.0,        Value(DateTime),                      One,           No,           ServerOrClient, PreActiveOrActive, PreActiveOrActive, No,      On(MAKING_OR_REVOKING),  Only(CRYPTOGRAPHIC_OBJECTS_AND_TEMPLATES) => 2.0: All;
    DESCRIPTION,                       "Description",                       1.4,        Value(TextString),                    One,           No,           ServerOrClient, Yes,           Yes,          Yes,     Never,                   All;
    DESTROY_DATE,                      "Destroy Date",                      1.0,        Value(DateTime),                      One,           No,           Server,         No,            No,           No,      On(DESTROYING),          Only(CRYPTOGRAPHIC_AND_OPAQUE_OBJECTS) => 2.0: All;
    DIGEST,                            "Digest",                            1.0,        Structure(structure::DIGEST),         Many,          IfDigestible, Server,         No,            No,           No,      On(MAKING),              Only(CRYPTOGRAPHIC_AND_OPAQUE_OBJECTS) => 2.0: All;
    DIGITAL_SIGNATURE_ALGORITHM,       "Digital Signature Algorithm",       1.1,        Value(Enumeration),                   ManyOnPgpKeys, Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]) => 1.2: Only(&[O::CERTIFICATE, O::PGP_KEY]);
    EXTRACTABLE,                       "Extractable",                       1.4,        Value(Boolean),                       One,           Yes,          ServerOrClient, Yes,           Yes,          No,      Created,                 All;
    FRESH,                             "Fresh",                             1.1,        Value(Boolean),                       One,           No => 2.0: Yes, ServerOrClient, Yes,           No,           No,      On(MAKING),              Only(CRYPTOGRAPHIC_OBJECTS) => 2.0: All;
    INITIAL_DATE,                      "Initial Date",                      1.0,        Value(DateTime),                      One,           Yes,          Server,         No,            No,           No,      On(MAKING),              All;
    KEY_FORMAT_TYPE,                   "Key Format Type",                   2.0,        Value(Enumeration),                   One,           Yes,          Server,         No,            No,           No,      Never,                   All;
    KEY_VALUE_LOCATION,                "Key Value Location",                1.2,        Structure(structure::KEY_VALUE_LOCATION), Many,          No,           Client,         No,            Yes,          Yes,     Never,                   Only(SECRETS) => 2.0: All;
    KEY_VALUE_PRESENT,                 "Key Value Present",                 1.2,        Value(Boolean),                       One,           No,           Server,         No,            No,           No,      On(REGISTERING),         Only(SECRETS) => 2.0: All;
    LAST_CHANGE_DATE,                  "Last Change Date",                  1.0,        Value(DateTime),                      One,           Yes,          Server,         Yes,           No,           No,      On(CHANGING),            All;
    LEASE_TIME,                        "Lease Time",                        1.0,        Value(Interval),                      One,           No,           Server,         Yes,           No,           No,      On(MAKING),              Only(CRYPTOGRAPHIC_OBJECTS) => 2.0: All;
    LINK,                              "Link",                              1.0 to 2.1, Structure(structure::LINK),           Many,          No,           ServerOrClient, Yes,           Yes,          Yes,     On(RELATING) => 2.0: On(RELATING_OR_REGISTERING), Only(CRYPTOGRAPHIC_OBJECTS) => 2.0: All;
    NAME,                              "Name",                              1.0,        Structure(structure::NAME),           Many,          No,           Client,         Yes,           Yes,          Yes,     On(RENEWING),            All;
    NEVER_EXTRACTABLE,                 "Never Extractable",                 1.4,        Value(Boolean),                       One,           Yes,          Server,         Yes,           No,           No,      Changed(tag::EXTRACTABLE), All;
    NIST_KEY_TYPE,                     "NIST Key Type",                     2.0,        Value(Enumeration),                   Many,          No,           Client,         No,            No,           No,      Never,                   All;
    OBJECT_GROUP,                      "Object Group",                      1.0 to 2.1, Value(TextString),                    Many,          No,           ServerOrClient, Yes,           Yes,          Yes,     On(MAKING),              All;
    OBJECT_TYPE,                       "Object Type",                       1.0,        Value(Enumeration),                   One,           Yes,          Server,         No,            No,           No,      On(MAKING),              All;
    OPAQUE_DATA_TYPE,                  "Opaque Data Type",                  2.0,        Value(Enumeration),                   One,           Yes,          Server,         No,            No,           No,      On(REGISTERING),         Only(&[O::OPAQUE_OBJECT]);
    ORIGINAL_CREATION_DATE,            "Original Creation Date",            1.2,        Value(DateTime),                      One,           No,           ServerIfGenerated, No,            No,           No,      On(GENERATING),          All;
    PKCS_12_FRIENDLY_NAME,             "PKCS#12 Friendly Name",             1.4,        Value(TextString),                    One,           No,           ServerOrClient, No,            Yes,          Yes,     Never,                   Only(CRYPTOGRAPHIC_OBJECTS) => 2.0: All;
    PROCESS_START_DATE,                "Process Start Date",                1.0,        Value(DateTime),                      One,           No,           ServerOrClient, UntilReached,  UntilReached, No,      On(MAKING_SYMMETRIC_KEYS), Only(SYMMETRIC_KEYS_AND_TEMPLATES) => 2.0: All;
    PROTECT_STOP_DATE,                 "Protect Stop Date",                 1.0,        Value(DateTime),                      One,           No,           ServerOrClient, UntilReached,  UntilReached, No,      On(MAKING_SYMMETRIC_KEYS), Only(SYMMETRIC_KEYS_AND_TEMPLATES) => 2.0: All;
    PROTECTION_LEVEL,                  "Protection Level",                  2.0,        Value(Enumeration),                   One,           No,           Client,         No,            Yes,          Yes,     Never,                   All;
    PROTECTION_PERIOD,                 "Protection Period",                 2.0,        Value(Interval),                      One,           No,           Client,         No,            Yes,          Yes,     Never,                   All;
    PROTECTION_STORAGE_MASK,           "Protection Storage Mask",           2.0,        Value(Integer),                       One,           Yes,          Server,         No,            No,           No,      Created,                 All;
    QUANTUM_SAFE,                      "Quantum Safe",                      2.0,        Value(Boolean),                       One,           No,           Client,         No,            Yes,          Yes,     Never,                   All;
    RANDOM_NUMBER_GENERATOR,           "Random Number Generator",           1.3,        Structure(structure::RNG_PARAMETERS), One,           No,           ServerIfGenerated, No,            No,           No,      On(GENERATING),          Only(CRYPTOGRAPHIC_OBJECTS) => 2.0: All;
    REVOCATION_REASON,                 "Revocation Reason",                 1.0,        Structure(structure::REVOCATION_REASON), One,           No,           Server,         Yes,           No,           No,      On(REVOKING),            Only(CRYPTOGRAPHIC_AND_OPAQUE_OBJECTS) => 2.0: All;
    ROTATE_AUTOMATIC,                  "Rotate Automatic",                  2.1,        Value(Boolean),                       One,           No,           ServerOrClient, Yes,           No,           No,      Never,                   All;
    ROTATE_DATE,                       "Rotate Date",                       2.1,        Value(DateTime),                      One,           No,           Server,         No,            No,           No,      Rotated,                 All;
    ROTATE_GENERATION,                 "Rotate Generation",                 2.1,        Value(Integer),                       One,           No,           Server,         No,            No,           No,      Rotated,                 All;
    ROTATE_INTERVAL,                   "Rotate Interval",                   2.1,        Value(Interval),                      One,           No,           ServerOrClient, Yes,           No,           No,      Created,                 All;
    ROTATE_LATEST,                     "Rotate Latest",                     2.1,        Value(Boolean),                       One,           No,           Server,         Yes,           No,           No,      Rotated,                 All;
    ROTATE_NAME,                       "Rotate Name",                       2.1,        Structure(structure::ROTATE_NAME),    One,           No,           Client,         No,            Yes,          Yes,     Never,                   All;
    ROTATE_OFFSET,                     "Rotate Offset",                     2.1,        Value(Interval),                      One,           No,           ServerOrClient, Yes,           No,           No,      Created,                 All;
    SENSITIVE,                         "Sensitive",                         1.4,        Value(Boolean),                       One,           Yes,          ServerOrClient, Yes,           Yes,          No,      Created,                 All;
    SHORT_UNIQUE_IDENTIFIER,           "Short Unique Identifier",           2.0,        Value(ByteString),                    One,           Yes,          Server,         No,            No,           No,      On(MAKING),              All;
    STATE,                             "State",                             1.0,        Value(Enumeration),                   One,           Yes,          Server,         Yes,           No,           No,      On(LIFE),                Only(CRYPTOGRAPHIC_OBJECTS) => 2.0: All;
    UNIQUE_IDENTIFIER,                 "Unique Identifier",                 1.0,        Identifier,                           One,           Yes,          Server,         No,            No,           No,      On(MAKING),              All;
    USAGE_LIMITS,                      "Usage Limits",                      1.0,        Structure(structure::USAGE_LIMITS),   One,           No,           ServerOrClientWithoutCount, Yes,           UntilAllocated, UntilAllocated, On(MAKING_OR_ALLOCATING), Only(KEYS_AND_TEMPLATES) => 2.0: All;
    ATTRIBUTE,                         "Vendor Attribute",                  2.0,        Structure(structure::VENDOR_ATTRIBUTE), Many,          No,           ServerOrClient, OwnOnly,       OwnOnly,      OwnOnly, Never,                   All;
    X_509_CERTIFICATE_IDENTIFIER,      "X.509 Certificate Identifier",      1.1,        Structure(structure::X_509_CERTIFICATE_IDENTIFIER), One,           Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), X509Certificates;
    X_509_CERTIFICATE_ISSUER,          "X.509 Certificate Issuer",          1.1,        Structure(structure::X_509_CERTIFICATE_ISSUER), One,           Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), X509Certificates;
    X_509_CERTIFICATE_SUBJECT,         "X.509 Certificate Subject",         1.1,        Structure(structure::X_509_CERTIFICATE_SUBJECT), One,           Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), X509Certificates;
    CERTIFICATE_IDENTIFIER,            "Certificate Identifier",            1.0 to 1.4, Structure(structure::CERTIFICATE_IDENTIFIER), One,           Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_SUBJECT,               "Certificate Subject",               1.0 to 1.4, Structure(structure::CERTIFICATE_SUBJECT), One,           Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    CERTIFICATE_ISSUER,                "Certificate Issuer",                1.0 to 1.4, Structure(structure::CERTIFICATE_ISSUER), One,           Yes,          Server,         No,            No,           No,      On(MAKING_CERTIFICATES), Only(&[O::CERTIFICATE]);
    OPERATION_POLICY_NAME,             "Operation Policy Name",             1.0 to 1.4, Value(TextString),                    One,           No,           ServerOrClient, Yes,           No,           No,      On(MAKING),              All;
    CUSTOM_ATTRIBUTE,                  "Custom Attribute",                  1.0 to 1.4, Any,                                  Many,          No,           ServerOrClient, OwnOnly,       OwnOnly,      OwnOnly, On(LIFE),                All;
}
