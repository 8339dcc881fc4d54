//! What the runner learns while it plays, and by which a response may differ from the expected one.

use std::collections::{HashMap, HashSet};

use ttlv::{Node, Value};

use crate::names::{NAMES, Named, name_of, ruling_name, show};
use ttlv::Names as _;

/// Operations whose objects the server makes, and so chooses the material of.
const GENERATING: [&str; 7] = [
    "Create",
    "CreateKeyPair",
    "ReKey",
    "ReKeyKeyPair",
    "CreateSplitKey",
    "Certify",
    "ReCertify",
];
const IDENTIFIERS: [&str; 3] = [
    "UniqueIdentifier",
    "PrivateKeyUniqueIdentifier",
    "PublicKeyUniqueIdentifier",
];

/// What outlives a case: later cases use objects of earlier ones.
#[derive(Debug, Default)]
pub struct World {
    /// Identifiers of objects that the server generated.
    pub generated: HashSet<String>,
}

/// What is known of the case that is being played.
#[derive(Debug, Default)]
pub struct Knowledge {
    pub version: (i64, i64),
    pub family: String,
    /// Seconds since 1970 at the last request, and how far `$NOW` may be off.
    pub now: i64,
    pub tolerance: i64,
    /// Placeholders by name.
    pub bound: HashMap<String, Value<'static>>,
    /// The last value of each tag in a response, for placeholders that no response showed.
    pub last: HashMap<&'static str, Value<'static>>,
    /// What the server answered where its output cannot be foretold, by tag and the file's value.
    pub outputs: HashMap<(&'static str, Vec<u8>), Vec<u8>>,
    /// Names of the attributes to which a request gave a value.
    pub requested: HashSet<String>,
    /// Object Groups, as [`show`] writes them, that a request gave.
    pub groups: HashSet<String>,
    /// Cryptographic Parameters of all requests.
    pub parameters: Vec<Node<'static>>,
    /// Names of the Cryptographic Algorithms of all requests.
    pub algorithms: HashSet<&'static str>,
    /// Data that Encrypt returned: its decryption is known again.
    pub ciphertexts: HashSet<Vec<u8>>,
}

impl Knowledge {
    pub fn note_request(&mut self, message: &Node<'_>) {
        message.each(&mut |node| {
            let attributes = node.name().ends_with("Attributes")
                || matches!(node.name(), "NewAttribute" | "CurrentAttribute");
            if node.name() == "Attribute" {
                self.note_named_attribute(node);
            } else if attributes {
                for item in node.items() {
                    self.requested.insert(item.name().to_owned());
                    if item.name() == "ObjectGroup" {
                        self.groups.insert(show(item));
                    }
                }
            }
            let ruling = if node.name() == "CryptographicParameters" {
                Some(node)
            } else {
                None
            };
            self.parameters
                .extend(ruling.map(|node| node.clone().into_owned()));
            if node.name() == "CryptographicAlgorithm" {
                self.algorithms.extend(node.enumeration());
            }
        });
    }

    /// An attribute of 1.x, or a vendor's of 2.x.
    fn note_named_attribute(&mut self, attribute: &Node<'_>) {
        let (Some(name), Some(value)) = (
            attribute.attribute_name(),
            attribute.at(&["AttributeValue"]),
        ) else {
            return;
        };
        self.requested.insert(ttlv::names::normalize(name));
        let ruling = ruling_name(value, attribute);
        let value = Node::new(NAMES.tag(ruling).unwrap_or(value.tag), value.value.clone());
        match ruling {
            "CryptographicAlgorithm" => self.algorithms.extend(value.enumeration()),
            "CryptographicParameters" => self.parameters.push(value.into_owned()),
            "ObjectGroup" => {
                self.groups.insert(show(&value));
            }
            _ => {}
        }
    }

    pub fn note_response(&mut self, world: &mut World, request: &Node<'_>, message: &Node<'_>) {
        let mut asked = request.all("BatchItem");
        for item in message.all("BatchItem") {
            let asked = asked.next();
            let operation = item.at(&["Operation"]).and_then(|node| node.enumeration());
            let Some(payload) = item.at(&["ResponsePayload"]) else {
                continue;
            };
            let identifiers = IDENTIFIERS.iter().flat_map(|name| payload.all(name));
            let identifiers = identifiers
                .filter_map(|node| node.text())
                .map(str::to_owned);
            match operation {
                Some(name) if GENERATING.contains(&name) => world.generated.extend(identifiers),
                // What is derived from material that nobody knows is not known either.
                Some("DeriveKey") if is_from_generated(world, asked) => {
                    world.generated.extend(identifiers);
                }
                Some("Register" | "Import") => {
                    identifiers.for_each(|identifier| {
                        world.generated.remove(&identifier);
                    });
                }
                Some("Encrypt") => {
                    let data = payload.at(&["Data"]).and_then(|data| data.bytes());
                    self.ciphertexts.extend(data.map(<[u8]>::to_vec));
                }
                _ => {}
            }
            payload.each(&mut |node| {
                if !matches!(node.value, Value::Structure(_)) {
                    self.last
                        .insert(name_of(node.tag), node.value.clone().into_owned());
                }
            });
        }
    }
}

/// Whether one of the bases that a Derive Key names was generated by the server.
fn is_from_generated(world: &World, asked: Option<&Node<'_>>) -> bool {
    let payload = asked.and_then(|item| item.at(&["RequestPayload"]));
    payload.is_some_and(|payload| {
        let mut bases = payload.all("UniqueIdentifier");
        bases.any(|base| {
            base.text()
                .is_some_and(|base| world.generated.contains(base))
        })
    })
}

/// The object that a batch item of a response is about.
pub fn object_of<'n>(item: &'n Node<'_>) -> Option<&'n str> {
    let mut found = IDENTIFIERS
        .iter()
        .filter_map(|name| item.at(&["ResponsePayload", name]));
    found.next().and_then(|node| node.text())
}
