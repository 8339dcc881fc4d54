//! The conformance profiles that this server claims (1.4 §2.1.19, 2.1 §7.31), a row each with what
//! proves it: the prefix of the mandatory cases of that profile. Versions before 1.4 ask no more than
//! 1.4 does. A profile whose cases do not all pass has no row (`tests/clients/query.rs`).

use crate::engine::settings::Settings;
use crate::operation;
use crate::protocol::enumeration::{Operation, ProfileName};
use crate::protocol::version::Version;

/// What a profile needs of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    Https,
    /// Cases that need an operation.
    Operation(Operation),
}

#[derive(Clone, Copy, Debug)]
pub struct ProfileRow {
    pub name: ProfileName,
    /// Prefix of its mandatory cases; `-14` ends those of 1.4, `-21` those of 2.1.
    pub cases: &'static str,
    needs: Needs,
}

impl ProfileRow {
    fn is_met(&self, settings: &Settings) -> bool {
        match self.needs {
            Needs::Nothing => true,
            Needs::Https => settings.https,
            Needs::Operation(operation) => operation::row(operation).is_some(),
        }
    }
}

/// The profiles that a message of that version can name and that the server, as configured, has.
pub fn of(version: Version, settings: &Settings) -> impl Iterator<Item = ProfileName> {
    PROFILES
        .iter()
        .filter(move |row| row.name.is_in(version) && row.is_met(settings))
        .map(|row| row.name)
}

macro_rules! profiles {
    ($($name:ident = $cases:literal, $needs:expr;)*) => {
        pub static PROFILES: &[ProfileRow] = &[$(ProfileRow {
            name: ProfileName::$name,
            cases: $cases,
            needs: $needs,
        },)*];
    };
}

profiles! {
    BASELINE_SERVER_BASIC_KMIP_V1_2 = "SKLC-M", Needs::Nothing;
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_2 = "SKLC-M", Needs::Nothing;
    TAPE_LIBRARY_SERVER_KMIP_V1_0 = "TL-M", Needs::Nothing;
    TAPE_LIBRARY_SERVER_KMIP_V1_1 = "TL-M", Needs::Nothing;
    TAPE_LIBRARY_SERVER_KMIP_V1_2 = "TL-M", Needs::Nothing;
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_0 = "SKLC-M", Needs::Nothing;
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_1 = "SKLC-M", Needs::Nothing;
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_2 = "SKLC-M", Needs::Nothing;
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_0 = "AKLC-M", Needs::Nothing;
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_1 = "AKLC-M", Needs::Nothing;
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_2 = "AKLC-M", Needs::Nothing;
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = "CS-BC-M", Needs::Nothing;
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = "CS-AC-M", Needs::Nothing;
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = "CS-RNG-M", Needs::Nothing;
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_0 = "SKFF-M", Needs::Nothing;
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_1 = "SKFF-M", Needs::Nothing;
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_2 = "SKFF-M", Needs::Nothing;
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_0 = "OMOS-M", Needs::Nothing;
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_1 = "OMOS-M", Needs::Nothing;
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_2 = "OMOS-M", Needs::Nothing;
    SUITE_B_MIN_LOS_128_SERVER_KMIP_V1_0 = "SUITEB_128-M", Needs::Nothing;
    SUITE_B_MIN_LOS_128_SERVER_KMIP_V1_1 = "SUITEB_128-M", Needs::Nothing;
    SUITE_B_MIN_LOS_128_SERVER_KMIP_V1_2 = "SUITEB_128-M", Needs::Nothing;
    SUITE_B_MIN_LOS_192_SERVER_KMIP_V1_0 = "SUITEB_192-M", Needs::Nothing;
    SUITE_B_MIN_LOS_192_SERVER_KMIP_V1_1 = "SUITEB_192-M", Needs::Nothing;
    SUITE_B_MIN_LOS_192_SERVER_KMIP_V1_2 = "SUITEB_192-M", Needs::Nothing;
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_0 = "SASED-M", Needs::Nothing;
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_1 = "SASED-M", Needs::Nothing;
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_2 = "SASED-M", Needs::Nothing;
    HTTPS_SERVER_KMIP_V1_0 = "MSGENC-HTTPS-M", Needs::Https;
    HTTPS_SERVER_KMIP_V1_1 = "MSGENC-HTTPS-M", Needs::Https;
    HTTPS_SERVER_KMIP_V1_2 = "MSGENC-HTTPS-M", Needs::Https;
    JSON_SERVER_KMIP_V1_0 = "MSGENC-JSON-M", Needs::Https;
    JSON_SERVER_KMIP_V1_1 = "MSGENC-JSON-M", Needs::Https;
    JSON_SERVER_KMIP_V1_2 = "MSGENC-JSON-M", Needs::Https;
    XML_SERVER_KMIP_V1_0 = "MSGENC-XML-M", Needs::Https;
    XML_SERVER_KMIP_V1_1 = "MSGENC-XML-M", Needs::Https;
    XML_SERVER_KMIP_V1_2 = "MSGENC-XML-M", Needs::Https;
    BASELINE_SERVER_BASIC_KMIP_V1_3 = "SKLC-M", Needs::Nothing;
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_3 = "SKLC-M", Needs::Nothing;
    TAPE_LIBRARY_SERVER_KMIP_V1_3 = "TL-M", Needs::Nothing;
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_3 = "SKLC-M", Needs::Nothing;
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_3 = "AKLC-M", Needs::Nothing;
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = "CS-BC-M", Needs::Nothing;
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = "CS-AC-M", Needs::Nothing;
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = "CS-RNG-M", Needs::Nothing;
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_3 = "SKFF-M", Needs::Nothing;
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_3 = "OMOS-M", Needs::Nothing;
    SUITE_B_MIN_LOS_128_SERVER_KMIP_V1_3 = "SUITEB_128-M", Needs::Nothing;
    SUITE_B_MIN_LOS_192_SERVER_KMIP_V1_3 = "SUITEB_192-M", Needs::Nothing;
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_3 = "SASED-M", Needs::Nothing;
    HTTPS_SERVER_KMIP_V1_3 = "MSGENC-HTTPS-M", Needs::Https;
    JSON_SERVER_KMIP_V1_3 = "MSGENC-JSON-M", Needs::Https;
    XML_SERVER_KMIP_V1_3 = "MSGENC-XML-M", Needs::Https;
    BASELINE_SERVER_BASIC_KMIP_V1_4 = "SKLC-M", Needs::Nothing;
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_4 = "SKLC-M", Needs::Nothing;
    TAPE_LIBRARY_SERVER_KMIP_V1_4 = "TL-M", Needs::Nothing;
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_4 = "SKLC-M", Needs::Nothing;
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_4 = "AKLC-M", Needs::Nothing;
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = "CS-BC-M", Needs::Nothing;
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = "CS-AC-M", Needs::Nothing;
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = "CS-RNG-M", Needs::Nothing;
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_4 = "SKFF-M", Needs::Nothing;
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_4 = "OMOS-M", Needs::Nothing;
    SUITE_B_MIN_LOS_128_SERVER_KMIP_V1_4 = "SUITEB_128-M", Needs::Nothing;
    SUITE_B_MIN_LOS_192_SERVER_KMIP_V1_4 = "SUITEB_192-M", Needs::Nothing;
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_4 = "SASED-M", Needs::Nothing;
    HTTPS_SERVER_KMIP_V1_4 = "MSGENC-HTTPS-M", Needs::Https;
    JSON_SERVER_KMIP_V1_4 = "MSGENC-JSON-M", Needs::Https;
    XML_SERVER_KMIP_V1_4 = "MSGENC-XML-M", Needs::Https;
    TAPE_LIBRARY_SERVER = "TL-M", Needs::Nothing;
    SYMMETRIC_KEY_LIFECYCLE_SERVER = "SKLC-M", Needs::Nothing;
    ASYMMETRIC_KEY_LIFECYCLE_SERVER = "AKLC-M", Needs::Nothing;
    BASIC_CRYPTOGRAPHIC_SERVER = "CS-BC-M", Needs::Nothing;
    ADVANCED_CRYPTOGRAPHIC_SERVER = "CS-AC-M", Needs::Nothing;
    RNG_CRYPTOGRAPHIC_SERVER = "CS-RNG-M", Needs::Nothing;
    SYMMETRIC_KEY_FOUNDRY_SERVER = "SKFF-M", Needs::Nothing;
    OPAQUE_MANAGED_OBJECT_STORE_SERVER = "OMOS-M", Needs::Nothing;
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER = "SASED-M", Needs::Nothing;
    HTTPS_SERVER = "MSGENC-HTTPS-M", Needs::Https;
    JSON_SERVER = "MSGENC-JSON-M", Needs::Https;
    XML_SERVER = "MSGENC-XML-M", Needs::Https;
    AES_XTS_SERVER = "AX-M", Needs::Nothing;
    QUANTUM_SAFE_SERVER = "QS-M", Needs::Operation(Operation::SET_ENDPOINT_ROLE);
    PKCS_11_SERVER = "PKCS11-M", Needs::Operation(Operation::PKCS_11);
    BASELINE_SERVER = "BL-M", Needs::Nothing;
}
