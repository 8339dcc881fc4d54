//! What an administrator does about a refusal: one row for each reason of the audit log, and rows for
//! operations with which a reason means something in particular.

use crate::engine::error::Reason;

macro_rules! advice {
    ($($reason:ident $(($operation:literal: $special:literal))* = $text:literal;)*) => {
        /// The advice of a record's reason, and of its operation where that has its own. None for a
        /// reason that this version does not know.
        pub(super) fn of(reason: &str, operation: &str) -> Option<&'static str> {
            match (reason, operation) {
                $($((stringify!($reason), $operation) => Some($special),)*
                (stringify!($reason), _) => Some($text),)*
                _ => None,
            }
        }

        /// A reason without a row does not compile.
        const _: fn(Reason) = |reason| match reason { $(Reason::$reason => (),)* };
    };
}

advice! {
    InvalidMessage = "The client sends something that is no KMIP message, or one that lacks a field. The line above says what is wrong with it. Look for an update of the client, or whether something else (a browser, a health check) speaks to this port.";
    NotTaken = "The client did not take what the server told it. Look at the client's own log; it is told again later.";
    Pkcs11CodecError = "The client's PKCS#11 call holds parameters that cannot be read. Look for an update of the client.";
    Pkcs11InvalidFunction = "The client asks for a PKCS#11 function that there is none of. Look for an update of the client.";
    Pkcs11InvalidInterface = "The client asks for a PKCS#11 interface that this server does not have. Let it use the standard one.";
    UnsupportedProtocolVersion = "Set the client to KMIP 1.0 to 1.4, 2.0 or 2.1.";
    UnknownMessageExtension = "The client insists on a vendor's extension. Switch the client's vendor extensions off.";
    AuthenticationNotSuccessful = "The certificate was right, the username and password (or device) beside it were not. Make the user (`keyward user add`) or its password (`keyward user password`) what the client sends; or, where nobody agreed on one, have it ignored: `keyward client profile NAME --add fortigate` (deviation credentials-ignored). After several wrong ones it has to wait.";
    OperationNotSupported = "The server does not have this operation in this protocol version. Set the client to a newer version, or leave the function off; `Query` lists what there is.";
    FeatureNotSupported = "The server does not have what the request asks for. Set the client to a newer protocol version, or leave the function off.";
    ResponseTooLarge = "The answer is larger than the client said it takes (Maximum Response Size). Raise that limit at the client, or let it ask for fewer objects at once.";
    MissingData = "The request lacks the data to work on: an error of the client, look for an update.";
    InvalidField ("Register": "The object's form and its attributes do not fit each other: check type, format and length of the key at the client.") = "A value in the request is not one that fits. Check the client's settings (algorithm, key length, names).";
    ServerLimitExceeded = "A limit of the server is reached. Let the client ask for less at once, or raise it (`limits` in the server's configuration).";
    Internal = "The server failed. Its log has an error of this moment; report it.";
    Unavailable = "Database or token did not answer, or another request changed the object at the same moment. The client may try again; if it lasts, look into the server's log.";
    InvalidTicket = "The ticket of the client's Login is used up, expired or not its own. Let the client log in again.";
    NotAuthorised = "The user, or the ticket, that the request shows may not do this. Add the operation or object to it (`keyward user add --help`), or let the client leave that credential out.";
    AttestationFailed = "The client sends an attestation, which is not verified here. Switch it off at the client.";
    ObjectNotFound ("Locate": "What the search names is not there, or belongs to another identity.") = "The object is not there, or belongs to another identity whose objects this one may not know (`keyward audit show` tells who made it). Was the client's certificate registered under a new name? Then give it the old identity.";
    ObjectDestroyed = "The object was destroyed. Its material cannot come back; make the client forget it.";
    DestroyedBefore = "The object was destroyed before: nothing is to be done.";
    ObjectArchived = "The object is in the archive. Let the client recover it (Recover) first.";
    TemplateNotFound = "The client names a template that is not there. Register it, or take the name out of the client's settings.";
    ObjectAlreadyExists = "An object with this identifier is there already. Let the client import under another, or replace it (needs the profile standard: `keyward client profile NAME --add standard`).";
    PermissionDenied ("Encrypt": "The key or the identity may not do this so: usage limits are used up, the tenant withholds it (`keyward tenant withhold`), or the request wants a GCM vector of its own, which needs `keyward client profile NAME --add openbao`, or ECB, which needs `--add standard`.")
        ("Decrypt": "The key or the identity may not do this so: the tenant withholds it (`keyward tenant withhold`), or the request wants ECB, a short tag or PKCS#1 v1.5, which needs `keyward client profile NAME --add standard`.")
        ("Get": "The key may not leave the server so: the wrapping key is not approved (`keyward key approve`), or the tenant withholds get (`keyward tenant withhold`).")
        = "The identity may not do this. See what its tenant withholds (`keyward tenant withhold --help`) and who owns the object; what the standard allows and this server withholds is granted by `keyward client profile NAME --add standard`.";
    WrongKeyLifecycleState ("Destroy": "The object is active. The client has to revoke it before it destroys it.")
        ("Activate": "The object is active already, or was. A client that asks twice needs a profile with lifecycle-repeatable, such as `keyward client profile NAME --add vmware`.")
        ("Revoke": "The object is revoked already. A client that asks twice needs a profile with lifecycle-repeatable, such as `keyward client profile NAME --add vmware`.")
        = "The key is not active. Let the client activate it; for one that never does: `keyward client profile NAME --add ceph` (deviation active-when-made, for new keys). A key that was revoked stays so; make a new one.";
    IncompatibleCryptographicUsageMask = "The key was made for another use. Make one whose usage mask has this one (Encrypt, Decrypt, Sign, Wrap …) at the client.";
    UsageLimitExceeded = "The key's usage limits are used up. Make or rotate to a new key.";
    NoUsageLimits = "The key has no usage limits to ask for: harmless, or switch limits off at the client.";
    InvalidObjectType = "The operation is not for objects of this type. Check which identifier the client uses.";
    NotForThisObject = "Objects of this type have no life cycle, or are no keys: the client need not ask. Harmless.";
    NotCheckable = "Objects of this type cannot be checked. Check which identifier the client uses.";
    NotRenewable = "This key is not one that can be renewed. Make a new one.";
    NothingToOffset = "The key has no activation date that an offset could start from. Activate it first, or leave the offset out.";
    NotDerivable = "The key was not made for derivation. Make one with usage mask Derive Key.";
    NotCertifiable = "No certificate can be made for this object. Give the identifier of a public key.";
    ItemNotFound = "The object is not there, or belongs to another identity.";
    InvalidCsr = "The certificate request is not sound. Make it again at the client.";
    Sensitive = "The key leaves the server wrapped only. Let the client ask with a wrapping key that is approved (`keyward key approve`), or make keys that are not sensitive.";
    NotExtractable = "The key never leaves the server. Use it there (Encrypt, Sign …), or make one that is extractable.";
    KeyFormatTypeNotSupported = "The key does not exist in the format that the client asks for. Set another at the client (Raw; PKCS#1, PKCS#8, X.509 for pairs).";
    KeyCompressionTypeNotSupported = "The compressed form that the client asks for is not there. Set it to uncompressed.";
    KeyWrapTypeNotSupported = "This way of wrapping is not there. Set the client to NIST key wrap.";
    EncodingOptionError = "What is wrapped has attributes and cannot go without encoding. Let the client ask with TTLV encoding.";
    KeyValueNotPresent = "Only the key's attributes are kept here, its value is elsewhere.";
    WrappingObjectNotFound = "The wrapping key is not there, or belongs to another identity.";
    WrappingObjectDestroyed = "The wrapping key was destroyed. Let the client name another.";
    WrappingObjectArchived = "The wrapping key is in the archive. Let the client recover it first.";
    BadPassword = "The password of the PKCS#12 container is another one.";
    PasswordNotActive = "The Secret Data with the container's password is not active. Activate it.";
    CryptographicFailure = "The computation failed: mostly data or tag that were changed, or encrypted with another key or vector.";
    BadCryptographicParameters = "Mode, padding or hash do not fit the key. Check the client's settings.";
    UnsupportedCryptographicParameters = "Mode, padding or hash are not there, or not in this token. docs/mechanisms.md has what is; set another at the client.";
    MissingInitializationVector = "The request lacks the initialisation vector. A client that puts it before the data needs `keyward client profile NAME --add edb` (deviation vector-before-data).";
    InvalidTagLength = "The tag has a length that is not taken. Set the client to 16 bytes; 4 to 11 need `keyward client profile NAME --add standard`.";
    NotQuantumSafe = "The request wants protection against quantum computers, which this key does not give.";
    InvalidAsynchronousCorrelationValue = "What the client polls is answered, expired or another's. Let it ask anew.";
    InvalidCorrelationValue = "The operation in parts was not gone on with in time, or at another server. Let the client begin anew.";
    ConstraintViolation = "The tenant's rules for new objects refuse it (Set Constraints). Make the client ask for what they allow, or change them.";
    ApplicationNamespaceNotSupported = "The server makes no data for this namespace. Let the client give the data itself.";
    InvalidDataType = "A value has another type than its attribute: an error of the client, look for an update.";
    NumericRange = "A number is outside its range. Check the client's settings.";
    InvalidAttribute = "An attribute is not for this object or operation. Check the client's settings.";
    InvalidAttributeValue = "An attribute has a value that it cannot have. Check the client's settings.";
    UnsupportedAttribute = "The server does not have this attribute. Custom ones begin with `x-`.";
    AttributeReadOnly = "The client wants to change what only the server sets. Take it out of the client's settings.";
    ReadOnlyAttribute = "The client wants to change what only the server sets. Take it out of the client's settings.";
    AttributeSingleValued = "There can be one of this attribute. Let the client modify it.";
    AttributeExists = "The attribute is there already. Let the client modify it: often harmless, it was asked twice.";
    AttributeNotThere = "The object does not have the attribute to modify. Let the client add it.";
    MultiValuedAttribute = "There are several of this attribute. Let the client say which.";
    AttributeNotFound = "The object does not have this attribute: often harmless.";
    AttributeInstanceNotFound = "The object does not have that instance of the attribute. Let the client look which there are.";
    NonUniqueNameAttribute = "Another object of the tenant has this Name. Choose another name at the client, destroy the old object, or put the client into a tenant of its own (`keyward tenant add`).";
    NameInUse = "Another object of the tenant has this Name. Choose another name at the client, or destroy the old object.";
    PrivateProtectionStorageUnavailable = "This class of protection is not there. Set another Protection Storage Mask at the client.";
    PublicProtectionStorageUnavailable = "This class of protection is not there. Set another Protection Storage Mask at the client.";
    ProtectionStorageUnavailable = "This class of protection is not there. Set another Protection Storage Mask at the client.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_may_have_its_own_advice() {
        let general = of("WrongKeyLifecycleState", "Encrypt");
        let destroy = of("WrongKeyLifecycleState", "Destroy");
        assert!(general.is_some_and(|text| text.contains("active-when-made")));
        assert!(destroy.is_some_and(|text| text.contains("revoke")));
        assert_eq!(of("NoSuchReason", "Get"), None);
    }
}
