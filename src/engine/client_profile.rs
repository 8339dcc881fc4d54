//! Client profiles: what known clients need that the standard does not say, or not so. A profile is
//! given to one identity (`keyward client add --profile`, `keyward client profile`), never to all.

use serde::Serialize;

macro_rules! deviations {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $fact:literal;)*) => {
        /// A behaviour that differs from the standard's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Deviation { $($(#[$doc])* $name,)* }

        impl Deviation {
            pub const ALL: &'static [Deviation] = &[$(Deviation::$name,)*];

            pub fn name(self) -> &'static str {
                match self { $(Deviation::$name => $text,)* }
            }

            /// The habit of clients that it honours.
            pub fn habit(self) -> &'static str {
                match self { $(Deviation::$name => $fact,)* }
            }
        }
    };
}

deviations! {
    /// Username and Password and Device are not looked at: the certificate is enough. Asked in
    /// `engine/session`.
    CredentialsIgnored = "credentials-ignored",
        "sends a username and password that were never agreed on";
    /// A new object that has states is Active at once. Asked in `object/creation.rs`.
    ActiveWhenMade = "active-when-made", "never activates its keys";
    /// Activate of what is Active and Revoke of what is Deactivated succeed and change nothing. Asked
    /// in `operation/lifecycle`.
    LifecycleRepeatable = "lifecycle-repeatable",
        "asks again when an answer was lost";
    /// Encrypt answers a vector that the server made before the data, and Decrypt without a vector
    /// takes it from there; a vector that the client gives has its field. Asked in
    /// `operation/crypto/{encrypt,decrypt}.rs`.
    VectorBeforeData = "vector-before-data",
        "joins vector and ciphertext";
    /// The permission `choose-gcm-iv`, which the profile `standard` grants together with others. Asked
    /// in `access.rs`.
    GcmVectorChosen = "gcm-vector-chosen", "makes the vectors of AES-GCM itself";
    /// New keys are of class *token* where the request does not say another. Asked in
    /// `object/creation.rs`, like the next.
    KeysInToken = "keys-in-token",
        "cannot say that its keys are to stay in the token";
    /// New keys are of class *cached* where the tenant allows it.
    KeysCached = "keys-cached",
        "cannot say that its keys are for many short requests";
}

macro_rules! profiles {
    ($($(#[$doc:meta])* $name:literal = [$($deviation:ident),*];)*) => {
        /// All profiles, and how each deviates.
        pub static PROFILES: &[Profile] = &[$(Profile {
            name: $name,
            deviations: &[$(Deviation::$deviation),*],
        },)*];
    };
}

/// A named client and its deviations.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    pub name: &'static str,
    pub deviations: &'static [Deviation],
}

profiles! {
    // Grants what the standard lets a client do and this server withholds otherwise (`access.rs`).
    "standard" = [];
    "vmware" = [LifecycleRepeatable];
    "synology" = [LifecycleRepeatable];
    // keyring_kmip and pg_tde.
    "percona" = [LifecycleRepeatable];
    // RGW.
    "ceph" = [CredentialsIgnored, ActiveWhenMade];
    "veeam" = [];
    "fortigate" = [CredentialsIgnored];
    "mongodb" = [];
    "vast" = [LifecycleRepeatable];
    "mysql" = [];
    // The "thales variant" of its key manager.
    "edb" = [VectorBeforeData];
    // Auto-unseal; its vectors are random and it makes few.
    "openbao" = [GcmVectorChosen];
    // Any client, by its administrator's choice (docs/classes.md).
    "class-token" = [KeysInToken];
    "class-cached" = [KeysCached];
}

/// The profile of that name.
pub fn named(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}

/// For the command line: a name, or what names there are.
pub fn parse(name: &str) -> Result<String, String> {
    match named(name) {
        Some(profile) => Ok(profile.name.to_owned()),
        None => {
            let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
            Err(format!("expected one of {}", names.join(", ")))
        }
    }
}

impl Serialize for Deviation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_deviation_is_somebodys() {
        for (place, profile) in PROFILES.iter().enumerate() {
            let later = PROFILES.iter().skip(place + 1);
            assert!(later.clone().all(|other| other.name != profile.name));
        }
        for deviation in Deviation::ALL {
            let has = |profile: &Profile| profile.deviations.contains(deviation);
            assert!(PROFILES.iter().any(has), "{}", deviation.name());
        }
    }

    #[test]
    fn the_issues_profiles_are_there_and_no_name_is_guessed() {
        for name in [
            "standard",
            "vmware",
            "synology",
            "percona",
            "ceph",
            "veeam",
            "fortigate",
            "mongodb",
            "vast",
            "mysql",
            "edb",
            "openbao",
        ] {
            assert_eq!(parse(name).as_deref(), Ok(name));
        }
        assert!(parse("VMware").is_err());
        assert!(named("standard").is_some_and(|profile| profile.deviations.is_empty()));
    }
}
