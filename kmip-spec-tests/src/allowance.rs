//! What a response may do differently from the expected one: one row each, and nothing else.
//!
//! From the "Permitted Test Case Variations" of the KMIP profiles (the profiles of 2015, §4.7, and
//! KMIP Profiles 1.3 to 3.0, §4.1): variable items, and variations of responses (RV).

use ttlv::{Kind, Names as _, Node};

use crate::knowledge::{Knowledge, World};
use crate::names::{NAMES, Named, ruling_name, show};

/// How an item may differ where the row applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Any value, even of another type.
    AnyContent,
    /// Any value of the type.
    AnyValue,
    /// Any content; of the expected length where both are byte strings.
    SameLength,
    /// Any value of the type; a later request that quotes the file's value quotes the server's.
    Output,
    /// Not looked at on either side.
    Ignored,
    /// May be missing.
    Missing,
    /// May be there though not expected.
    Extra,
    /// Stands among its siblings in any order.
    Unordered,
}

/// An item that is being compared, and where.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// The expected item; for [`Permit::Extra`] and [`Permit::Ignored`] also an actual one.
    pub item: &'p Node<'p>,
    /// The name that rules it: of an Attribute Value, the attribute's.
    pub name: &'static str,
    /// The structures around it, outermost first: expected and actual.
    pub trail: &'p [(&'p Node<'p>, &'p Node<'p>)],
    pub operation: Option<&'static str>,
    /// The batch item of the request.
    pub request: Option<&'p Node<'p>>,
    /// Identifier of the object that the response is about.
    pub object: Option<&'p str>,
    pub knowledge: &'p Knowledge,
    pub world: &'p World,
}

pub struct Allowance {
    pub id: &'static str,
    pub permit: Permit,
    pub what: &'static str,
    pub reference: &'static str,
    pub applies: fn(&Place<'_>) -> bool,
}

/// Whether some row gives this item this freedom.
pub fn permits(permit: Permit, place: &Place<'_>) -> bool {
    ALLOWANCES
        .iter()
        .any(|row| row.permit == permit && (row.applies)(place))
}

macro_rules! allowances {
    ($($id:literal $permit:ident, $what:literal, $reference:literal, $applies:expr;)*) => {
        pub static ALLOWANCES: &[Allowance] = &[$(Allowance {
            id: $id,
            permit: Permit::$permit,
            what: $what,
            reference: $reference,
            applies: $applies,
        }),*];
    };
}

allowances! {
    "async" AnyValue, "Asynchronous Correlation Value", "variable items 5",
        |p| p.name == "AsynchronousCorrelationValue";
    "time" AnyValue, "Time Stamp", "variable items 6",
        |p| p.name == "TimeStamp";
    "material" SameLength, "Key Material that the server generated", "variable items 7a",
        |p| p.name == "KeyMaterial" && p.is_generated();
    "wrapped" AnyContent, "key material under a wrapping key that the server generated", "variable items 7b",
        |p| matches!(p.name, "KeyMaterial" | "KeyValue") && p.is_under_generated_key();
    "output" Output, "output of a generated key, or that varies by nature", "variable items 8",
        |p| p.is_output() && p.operation != Some("RNGRetrieve")
            && ((p.is_generated() && !p.is_own_ciphertext()) || p.is_variable_output());
    "random" SameLength, "random bytes", "variable items 8",
        |p| p.is_output() && p.operation == Some("RNGRetrieve");
    "pkcs11" SameLength, "names in PKCS#11 output parameters", "variable items 8b",
        |p| p.name == "PKCS_11OutputParameters";
    "dates" AnyValue, "dates to which no request gave a value", "variable items 9",
        |p| p.item.kind() == Kind::DateTime && DATES.contains(&p.name)
            && !p.knowledge.requested.contains(p.name);
    "digest" AnyValue, "Hashing Algorithm of a Digest", "Digest a",
        |p| p.name == "HashingAlgorithm" && p.is_in_digest();
    "digest" AnyValue, "Digest Value of what the server generated, or of another hash", "Digest b",
        |p| p.name == "DigestValue" && (p.is_generated() || p.is_other_hash());
    "format" AnyValue, "Key Format Type of objects that the server generates", "KeyFormatType",
        |p| p.name == "KeyFormatType" && p.is_generated();
    "format" Missing, "Key Format Type in the Digest of such objects", "KeyFormatType",
        |p| p.name == "KeyFormatType" && p.is_in_digest() && p.is_generated();
    "format" Extra, "Key Format Type in a certificate's Digest: TC-CERTATTR-1 shows it, TC-PKCS12-2 does not",
        "KeyFormatType",
        |p| p.name == "KeyFormatType" && p.is_in_digest();
    "query" Ignored, "Query: extensions, application namespaces, vendor", "Extensions; RV 8",
        |p| p.is_in_payload_of("Query") && matches!(p.name,
            "ExtensionInformation" | "ApplicationNamespace" | "VendorIdentification");
    "query" Extra, "Query: more operations and object types", "Object Types, Operation Types",
        |p| p.is_in_payload_of("Query") && matches!(p.name, "Operation" | "ObjectType");
    "query" Missing, "Query: operations and object types that the profile does not require",
        "Object Types, Operation Types",
        |p| p.is_in_payload_of("Query") && matches!(p.name, "Operation" | "ObjectType")
            && !p.is_required();
    "server" AnyContent, "content of Server Information", "RV 8 of 2.x",
        |p| p.name == "ServerInformation";
    "rng" AnyContent, "content of RNG Parameters and Random Number Generator", "RV 6 of 2.x",
        |p| matches!(p.name, "RNGParameters" | "RandomNumberGenerator");
    "more" Extra, "more attributes than noted", "last item",
        |p| matches!(p.operation, Some("GetAttributes" | "GetAttributeList" | "Get" | "Export"))
            && p.is_attribute();
    "groups" Ignored, "Object Groups that no request gave", "RV 1",
        |p| p.is_attribute() && p.is_unrequested_group();
    "server-set" Ignored, "y- attributes that no request gave", "RV 2",
        |p| p.is_attribute() && p.is_unrequested_server_attribute();
    "extension" Extra, "Message Extensions that are not critical", "RV 3",
        |p| p.name == "MessageExtension" && p.item.at(&["CriticalityIndicator"])
            .is_some_and(|node| node.value == ttlv::Value::Boolean(false));
    "template" Extra, "Template-Attribute in a response", "RV 4",
        |p| p.name == "TemplateAttribute" && p.parent() == "ResponsePayload" && !p.has_twin();
    "template" Missing, "Template-Attribute in a response", "RV 4",
        |p| p.name == "TemplateAttribute" && p.parent() == "ResponsePayload" && !p.has_twin();
    "index" Ignored, "Attribute Index 0 since 1.1", "RV 5",
        |p| p.name == "AttributeIndex" && p.knowledge.version >= (1, 1) && p.item.number() == Some(0);
    "message" Ignored, "Result Message", "RV 6",
        |p| p.name == "ResultMessage" && p.parent() == "BatchItem";
    "versions" Extra, "Discover Versions without a list in the request: more versions", "RV 7",
        |p| p.is_in_payload_of("DiscoverVersions") && p.name == "ProtocolVersion"
            && p.request.and_then(|r| r.at(&["RequestPayload", "ProtocolVersion"])).is_none();
    "correlation" Ignored, "correlation values of the response header", "§4.1.1 items 18, 19",
        |p| p.parent() == "ResponseHeader"
            && matches!(p.name, "ServerCorrelationValue" | "ClientCorrelationValue");
    "order" Unordered, "attributes, located identifiers, entries of Query", "§4.1.2 item 5",
        |p| p.is_attribute() || p.is_in_payload_of("Query")
            || (p.is_in_payload_of("Locate") && p.name == "UniqueIdentifier");
}

/// Variable items 9.
const DATES: [&str; 17] = [
    "ActivationDate",
    "ArchiveDate",
    "BuildDate",
    "CompromiseDate",
    "CompromiseOccurrenceDate",
    "DeactivationDate",
    "DestroyDate",
    "InitialDate",
    "LastChangeDate",
    "ProtectStartDate",
    "ProtectStopDate",
    "ProcessStartDate",
    "ProcessStopDate",
    "RotateDate",
    "SubmissionDate",
    "ValidityDate",
    "OriginalCreationDate",
];

const OUTPUTS: [&str; 5] = [
    "Data",
    "SignatureData",
    "MACData",
    "IVCounterNonce",
    "AuthenticatedEncryptionTag",
];

/// What Query must name, whatever the profile: the baseline of 1.x and of 2.x.
const BASELINE_1: &[&str] = &[
    "Locate",
    "Check",
    "Get",
    "GetAttributes",
    "GetAttributeList",
    "AddAttribute",
    "ModifyAttribute",
    "DeleteAttribute",
    "Activate",
    "Revoke",
    "Destroy",
    "Query",
];
const BASELINE_2: &[&str] = &[
    "Activate",
    "AddAttribute",
    "AdjustAttribute",
    "Check",
    "DeleteAttribute",
    "Destroy",
    "DiscoverVersions",
    "Export",
    "Get",
    "GetAttributeList",
    "GetAttributes",
    "Import",
    "Interop",
    "Locate",
    "Log",
    "ModifyAttribute",
    "Query",
    "Register",
    "Revoke",
    "SetAttribute",
    "SetEndpointRole",
];
/// Family, and what its profile requires beyond the baseline.
const REQUIRED: &[(&str, &[&str])] = &[
    ("SASED", &["Register", "SecretData"]),
    ("TL", &["Create", "SymmetricKey"]),
    ("SUITEB_128", SUITE_B),
    ("SUITEB_192", SUITE_B),
];
const SUITE_B: &[&str] = &[
    "Create",
    "CreateKeyPair",
    "Register",
    "ReKey",
    "ReKeyKeyPair",
    "Certificate",
    "SymmetricKey",
    "PublicKey",
    "PrivateKey",
];

impl Place<'_> {
    fn around(&self) -> Option<(&Node<'_>, &Node<'_>)> {
        self.trail
            .last()
            .map(|&(expected, actual)| (expected, actual))
    }

    fn parent(&self) -> &'static str {
        self.around().map_or("", |(expected, _)| expected.name())
    }

    /// Right inside a Digest, which in 1.x is the value of an Attribute.
    fn is_in_digest(&self) -> bool {
        let mut around = self.trail.iter().rev().map(|(expected, _)| *expected);
        let (Some(digest), outer) = (around.next(), around.next()) else {
            return false;
        };
        let name = outer.map_or(digest.name(), |outer| ruling_name(digest, outer));
        name == "Digest"
    }

    fn is_in_payload_of(&self, operation: &str) -> bool {
        self.parent() == "ResponsePayload" && self.operation == Some(operation)
    }

    fn is_generated(&self) -> bool {
        self.object
            .is_some_and(|object| self.world.generated.contains(object))
    }

    fn is_under_generated_key(&self) -> bool {
        const KEY: [&str; 3] = [
            "KeyWrappingData",
            "EncryptionKeyInformation",
            "UniqueIdentifier",
        ];
        let block = self
            .trail
            .iter()
            .rev()
            .find(|(expected, _)| expected.name() == "KeyBlock");
        let key = block
            .and_then(|(_, actual)| actual.at(&KEY))
            .and_then(|key| key.text());
        key.is_some_and(|key| self.world.generated.contains(key))
    }

    fn is_output(&self) -> bool {
        self.parent() == "ResponsePayload" && OUTPUTS.contains(&self.name)
    }

    /// Decryption of what the server encrypted in this case: the plaintext is known.
    fn is_own_ciphertext(&self) -> bool {
        let data = self.request.and_then(|r| r.at(&["RequestPayload", "Data"]));
        self.operation == Some("Decrypt")
            && data
                .and_then(|d| d.bytes())
                .is_some_and(|d| self.knowledge.ciphertexts.contains(d))
    }

    fn is_variable_output(&self) -> bool {
        let own = self
            .request
            .and_then(|r| r.at(&["RequestPayload", "CryptographicParameters"]));
        let sets = own.map_or(self.knowledge.parameters.as_slice(), std::slice::from_ref);
        let any = |field: &str, matches: &dyn Fn(&Node<'_>) -> bool| {
            sets.iter().filter_map(|set| set.at(&[field])).any(matches)
        };
        let is = |names: &'static [&str]| {
            move |node: &Node<'_>| node.enumeration().is_some_and(|name| names.contains(&name))
        };
        match self.operation {
            Some("Encrypt") => {
                any("RandomIV", &|node| node.value == ttlv::Value::Boolean(true))
                    || any("PaddingMethod", &is(&["OAEP", "PKCS1V1_5"]))
            }
            Some("Sign") => {
                const RANDOMISED: [&str; 3] = ["ECDSA", "DSA", "EC"];
                any("PaddingMethod", &is(&["PSS"]))
                    || any("CryptographicAlgorithm", &is(&RANDOMISED))
                    || any("DigitalSignatureAlgorithm", &|node| {
                        let name = node.enumeration().unwrap_or("");
                        name.contains("ECDSA") || name.starts_with("DSA") || name.contains("PSS")
                    })
                    || RANDOMISED
                        .iter()
                        .any(|name| self.knowledge.algorithms.contains(name))
            }
            _ => false,
        }
    }

    fn is_other_hash(&self) -> bool {
        self.around().is_some_and(|(expected, actual)| {
            let of = |node: &Node<'_>| node.at(&["HashingAlgorithm"]).map(|hash| show(hash));
            expected.name() == "Digest" && of(expected) != of(actual)
        })
    }

    fn is_required(&self) -> bool {
        let Some(name) = self.item.enumeration() else {
            return true;
        };
        let version = self.knowledge.version;
        let baseline = if version >= (2, 0) {
            BASELINE_2
        } else {
            BASELINE_1
        };
        let operation = self.name == "Operation";
        (operation
            && (baseline.contains(&name) || (name == "DiscoverVersions" && version >= (1, 1))))
            || REQUIRED
                .iter()
                .any(|row| row.0 == self.knowledge.family && row.1.contains(&name))
    }

    /// An attribute, its name or a reference to it, in a list of such.
    fn is_attribute(&self) -> bool {
        let parent = self.parent();
        match self.item.name() {
            _ if parent == "Attributes" || parent.ends_with("TemplateAttribute") => true,
            "Attribute" => matches!(parent, "ResponsePayload" | "KeyValue"),
            "AttributeName" | "AttributeReference" => self.is_in_payload_of("GetAttributeList"),
            _ => false,
        }
    }

    fn is_unrequested_group(&self) -> bool {
        let group = match self.item.attribute_name() {
            Some("Object Group") => self.item.at(&["AttributeValue"]),
            Some(_) => None,
            None => (self.name == "ObjectGroup").then_some(self.item),
        };
        group.is_some_and(|group| {
            let tag = NAMES.tag("ObjectGroup").unwrap_or(group.tag);
            !self
                .knowledge
                .groups
                .contains(&show(&Node::new(tag, group.value.clone())))
        })
    }

    fn is_unrequested_server_attribute(&self) -> bool {
        let vendor = self
            .item
            .at(&["VendorIdentification"])
            .and_then(|vendor| vendor.text());
        self.item.attribute_name().is_some_and(|name| {
            (name.starts_with("y-") || vendor == Some("y"))
                && !self
                    .knowledge
                    .requested
                    .contains(&ttlv::names::normalize(name))
        })
    }

    /// Whether both sides have an item of this tag here.
    fn has_twin(&self) -> bool {
        self.around().is_some_and(|(expected, actual)| {
            let has = |node: &Node<'_>| node.items().iter().any(|item| item.tag == self.item.tag);
            has(expected) && has(actual)
        })
    }
}
