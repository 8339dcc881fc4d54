//! The fields of those attributes that are structures.

use super::{Cell, FieldRow, Required, Shape};
use crate::protocol::tag;
use crate::protocol::version::{range, version};
use ttlv::Kind;

macro_rules! shape {
    (Identifier) => {
        Shape::Identifier
    };
    (Any) => {
        Shape::Any
    };
    ($kind:ident) => {
        Shape::Value(Kind::$kind)
    };
}

macro_rules! repeats {
    () => {
        false
    };
    (repeated) => {
        true
    };
}

macro_rules! required {
    ($first:ident) => {
        Cell::new(Required::$first, None)
    };
    ($first:ident, $since:tt, $later:ident) => {
        Cell::new(Required::$first, Some((version!($since), Required::$later)))
    };
}

macro_rules! structures {
    ($(
        $(#[$doc:meta])*
        $structure:ident {
            $($tag:ident, $shape:ident, $required:ident $(=> $changed:tt: $later:ident)?, $since:tt $(, $repeated:ident)?;)*
        }
    )*) => {
        $(
            $(#[$doc])*
            pub const $structure: &[FieldRow] = &[$(FieldRow {
                tag: tag::$tag,
                shape: shape!($shape),
                required: required!($required $(, $changed, $later)?),
                repeats: repeats!($($repeated)?),
                versions: range!($since),
            }),*];
        )*
    };
}

structures! {
    /// KMIP 2.1 §4.32.
    NAME {
        NAME_VALUE, TextString, Yes, 1.0;
        NAME_TYPE, Enumeration, Yes, 1.0;
    }
    /// KMIP 2.1 §4.2.
    ALTERNATIVE_NAME {
        ALTERNATIVE_NAME_VALUE, TextString, Yes, 1.2;
        ALTERNATIVE_NAME_TYPE, Enumeration, Yes, 1.2;
    }
    /// KMIP 2.1 §4.53.
    ROTATE_NAME {
        ROTATE_NAME_VALUE, TextString, Yes, 2.1;
        ROTATE_NAME_TYPE, Enumeration, Yes, 2.1;
    }
    /// KMIP 2.1 §4.4: a client may leave out the data where the server knows the namespace.
    APPLICATION_SPECIFIC_INFORMATION {
        APPLICATION_NAMESPACE, TextString, Yes, 1.0;
        APPLICATION_DATA, TextString, Yes => 1.3: No, 1.0;
    }
    /// KMIP 2.1 §4.16.
    CRYPTOGRAPHIC_PARAMETERS {
        BLOCK_CIPHER_MODE, Enumeration, No, 1.0;
        PADDING_METHOD, Enumeration, No, 1.0;
        HASHING_ALGORITHM, Enumeration, No, 1.0;
        KEY_ROLE_TYPE, Enumeration, No, 1.0;
        DIGITAL_SIGNATURE_ALGORITHM, Enumeration, No, 1.2;
        CRYPTOGRAPHIC_ALGORITHM, Enumeration, No, 1.2;
        RANDOM_IV, Boolean, No, 1.2;
        IV_LENGTH, Integer, Depends, 1.2;
        TAG_LENGTH, Integer, Depends, 1.2;
        FIXED_FIELD_LENGTH, Integer, No, 1.2;
        INVOCATION_FIELD_LENGTH, Integer, No, 1.2;
        COUNTER_LENGTH, Integer, No, 1.2;
        INITIAL_COUNTER_VALUE, Integer, No, 1.2;
        SALT_LENGTH, Integer, No, 1.4;
        MASK_GENERATOR, Enumeration, No, 1.4;
        MASK_GENERATOR_HASHING_ALGORITHM, Enumeration, No, 1.4;
        P_SOURCE, ByteString, No, 1.4;
        TRAILER_FIELD, Integer, No, 1.4;
    }
    /// KMIP 2.1 §4.14.
    CRYPTOGRAPHIC_DOMAIN_PARAMETERS {
        QLENGTH, Integer, No, 1.0;
        RECOMMENDED_CURVE, Enumeration, No, 1.0;
    }
    /// KMIP 2.1 §4.21.
    DIGEST {
        HASHING_ALGORITHM, Enumeration, Yes, 1.0;
        DIGEST_VALUE, ByteString, Depends, 1.0;
        KEY_FORMAT_TYPE, Enumeration, Depends, 1.1;
    }
    /// KMIP 2.1 §4.27.
    KEY_VALUE_LOCATION {
        KEY_VALUE_LOCATION_VALUE, TextString, Yes, 1.2;
        KEY_VALUE_LOCATION_TYPE, Enumeration, Yes, 1.2;
    }
    /// KMIP 2.1 §4.31.
    LINK {
        LINK_TYPE, Enumeration, Yes, 1.0;
        LINKED_OBJECT_IDENTIFIER, Identifier, Yes, 1.0;
    }
    /// KMIP 2.1 §7.36; the Random Number Generator attribute has the same fields (§4.46).
    RNG_PARAMETERS {
        RNG_ALGORITHM, Enumeration, Yes, 1.3;
        CRYPTOGRAPHIC_ALGORITHM, Enumeration, No, 1.3;
        CRYPTOGRAPHIC_LENGTH, Integer, No, 1.3;
        HASHING_ALGORITHM, Enumeration, No, 1.3;
        DRBG_ALGORITHM, Enumeration, No, 1.3;
        RECOMMENDED_CURVE, Enumeration, No, 1.3;
        FIPS186_VARIATION, Enumeration, No, 1.3;
        PREDICTION_RESISTANCE, Boolean, No, 1.3;
    }
    /// KMIP 2.1 §4.47.
    REVOCATION_REASON {
        REVOCATION_REASON_CODE, Enumeration, Yes, 1.0;
        REVOCATION_MESSAGE, TextString, No, 1.0;
    }
    /// KMIP 1.4 §3.21 (2.1 §4.59 describes the fields without a table). Clients leave out Count.
    USAGE_LIMITS {
        USAGE_LIMITS_TOTAL, LongInteger, Yes, 1.0;
        USAGE_LIMITS_COUNT, LongInteger, Depends, 1.0;
        USAGE_LIMITS_UNIT, Enumeration, Yes, 1.0;
    }
    /// KMIP 2.1 §4.60.
    VENDOR_ATTRIBUTE {
        VENDOR_IDENTIFICATION, TextString, Yes, 2.0;
        ATTRIBUTE_NAME, TextString, Yes, 2.0;
        ATTRIBUTE_VALUE, Any, Depends, 2.0;
    }
    /// KMIP 2.1 §4.61.
    X_509_CERTIFICATE_IDENTIFIER {
        ISSUER_DISTINGUISHED_NAME, ByteString, Yes, 1.1;
        CERTIFICATE_SERIAL_NUMBER, ByteString, Yes, 1.1;
    }
    /// KMIP 2.1 §4.62.
    X_509_CERTIFICATE_ISSUER {
        ISSUER_DISTINGUISHED_NAME, ByteString, Yes, 1.1;
        ISSUER_ALTERNATIVE_NAME, ByteString, No, 1.1, repeated;
    }
    /// KMIP 2.1 §4.63.
    X_509_CERTIFICATE_SUBJECT {
        SUBJECT_DISTINGUISHED_NAME, ByteString, Yes, 1.1;
        SUBJECT_ALTERNATIVE_NAME, ByteString, Depends, 1.1, repeated;
    }
    /// KMIP 1.4 §3.13; ended with 1.4.
    CERTIFICATE_IDENTIFIER {
        ISSUER, TextString, Yes, 1.0;
        SERIAL_NUMBER, TextString, Depends, 1.0;
    }
    /// KMIP 1.4 §3.14; ended with 1.4.
    CERTIFICATE_SUBJECT {
        CERTIFICATE_SUBJECT_DISTINGUISHED_NAME, TextString, Yes, 1.0;
        CERTIFICATE_SUBJECT_ALTERNATIVE_NAME, TextString, No, 1.0, repeated;
    }
    /// KMIP 1.4 §3.15; ended with 1.4.
    CERTIFICATE_ISSUER {
        CERTIFICATE_ISSUER_DISTINGUISHED_NAME, TextString, Yes, 1.0;
        CERTIFICATE_ISSUER_ALTERNATIVE_NAME, TextString, No, 1.0, repeated;
    }
}
