//! What may be done, as permissions, and the decision. The policy engine of a later issue takes
//! the place of [`decide`]; no handler knows how a decision is made.

use serde::{Deserialize, Serialize};

use super::client_profile::Deviation;
use super::directory::Caller;
use crate::object::derivation_master::{self, Scope};
use crate::object::managed::Managed;

macro_rules! permissions {
    ($($name:ident = $text:literal;)*) => {
        /// What an operation needs of an object (or of the tenant, where there is no object yet).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Permission { $($name,)* }

        impl Permission {
            pub const ALL: &'static [Permission] = &[$(Permission::$name,)*];

            /// The name in policies and in the audit log.
            pub fn name(self) -> &'static str {
                match self { $(Permission::$name => $text,)* }
            }

            /// The permission of that name.
            pub fn named(name: &str) -> Option<Permission> {
                match name { $($text => Some(Permission::$name),)* _ => None }
            }
        }

        impl From<Permission> for String {
            fn from(permission: Permission) -> String {
                permission.name().to_owned()
            }
        }

        impl TryFrom<String> for Permission {
            type Error = String;

            fn try_from(name: String) -> Result<Self, String> {
                Permission::named(&name).ok_or_else(|| format!("there is no permission {name:?}"))
            }
        }
    };
}

permissions! {
    Create = "create";
    Register = "register";
    Locate = "locate";
    Get = "get";
    Export = "export";
    Import = "import";
    GetAttributes = "get-attributes";
    ChangeAttributes = "change-attributes";
    Check = "check";
    Activate = "activate";
    Revoke = "revoke";
    Destroy = "destroy";
    ObtainLease = "obtain-lease";
    GetUsageAllocation = "get-usage-allocation";
    Archive = "archive";
    Recover = "recover";
    SetConstraints = "set-constraints";
    SetDefaults = "set-defaults";
    DeriveKey = "derive-key";
    ReKey = "re-key";
    ReProvision = "re-provision";
    DeriveScope = "derive";
    CreateSplitKey = "create-split-key";
    JoinSplitKey = "join-split-key";
    Encrypt = "encrypt";
    Decrypt = "decrypt";
    Mac = "mac";
    MacVerify = "mac-verify";
    Certify = "certify";
    ReCertify = "re-certify";
    Validate = "validate";
    Sign = "sign";
    SignatureVerify = "signature-verify";
    Hash = "hash";
    RetrieveRandom = "rng-retrieve";
    SeedRandom = "rng-seed";
    UseEcb = "use-ecb";
    ChooseGcmIv = "choose-gcm-iv";
    UseShortTag = "use-short-tag";
    DecryptPkcs1 = "decrypt-pkcs1-v1.5";
    WrapWith = "wrap-with";
    UnwrapWith = "unwrap-with";
    LowerSensitive = "lower-sensitive";
    RaiseExtractable = "raise-extractable";
    WidenUsageMask = "widen-usage-mask";
    ReplaceExisting = "replace-existing";
    ApproveWrappingKey = "approve-wrapping-key";
    Log = "log";
    Login = "login";
    Interop = "interop";
}

/// The client profile that grants whatever the standard lets a client do.
pub const STANDARD: &str = "standard";

/// The owner of what the server itself keeps for a tenant, such as its authority's certificate: no
/// identity has this name. Everybody in the tenant may look at it, nobody may change it.
pub const SERVER: &str = "";

/// What looking is.
static LOOKING: &[Permission] = &[
    Permission::Locate,
    Permission::Get,
    Permission::Export,
    Permission::GetAttributes,
    Permission::Check,
    Permission::Validate,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// The caller may know of the object but not do this.
    Deny,
    /// The caller may not know of the object: it looks absent.
    Hide,
}

/// Objects are fetched by tenant, so a stranger's object never comes this far.
pub fn decide(caller: &Caller, object: &Managed, permission: Permission) -> Decision {
    if derivation_master::is_master(object) {
        return derivation_master::decide(caller, object, permission);
    }
    let own = object.owner == caller.identity.name;
    let servers = object.owner == SERVER;
    match permission {
        _ if !own && !servers && !caller.tenant.settings.share => Decision::Hide,
        _ if caller.tenant.settings.withheld.contains(&permission) => Decision::Deny,
        _ if servers && !LOOKING.contains(&permission) => Decision::Deny,
        Permission::ChooseGcmIv if caller.deviates(Deviation::GcmVectorChosen) => Decision::Allow,
        // What gives protection away is nobody's by default (DESIGN §4.3).
        Permission::LowerSensitive
        | Permission::RaiseExtractable
        | Permission::WidenUsageMask
        | Permission::ReplaceExisting
        // What is easily done wrong (ECB shows equal blocks, a GCM vector used twice gives the key
        // away, short tags can be forged, PKCS#1 v1.5 is Bleichenbacher's).
        | Permission::UseEcb
        | Permission::ChooseGcmIv
        | Permission::UseShortTag
        | Permission::DecryptPkcs1
            if !caller.has_profile(STANDARD) =>
        {
            Decision::Deny
        }
        _ => Decision::Allow,
    }
}

/// [`Permission::DeriveScope`]: keys for a scope out of a derivation master.
pub fn decide_scope(caller: &Caller, master: &Managed, scope: Scope<'_>) -> Decision {
    derivation_master::decide_scope(caller, master, scope)
}

/// Where there is no object yet.
pub fn decide_tenant(caller: &Caller, permission: Permission) -> Decision {
    match permission {
        _ if caller.tenant.settings.withheld.contains(&permission) => Decision::Deny,
        // A new credential need not be of an authority that an administrator chose.
        Permission::ReProvision
        // And what changes everybody's new objects is nobody's by default.
        | Permission::SetConstraints
        | Permission::SetDefaults
            if !caller.has_profile(STANDARD) => Decision::Deny,
        _ => Decision::Allow,
    }
}
