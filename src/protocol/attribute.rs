//! The standard's rules about attributes (KMIP 1.0 to 1.4 §3, 2.0 and 2.1 §4): one row each.
//!
//! The rules are what the standard's tables say. "The server policy MAY further restrict these
//! attribute characteristics" (KMIP 2.1 §4), never widen them.

use std::collections::HashMap;
use std::sync::LazyLock;

use ttlv::{Kind, Tag};

use super::enumeration::{ObjectType, Operation, State};
use super::version::{Range, Version};

pub mod structure;
mod table;

pub use table::ATTRIBUTES;

/// One attribute and its rules.
#[derive(Clone, Copy, Debug)]
pub struct AttributeRow {
    pub tag: Tag,
    /// The name as 1.x messages write it ("X.509 Certificate Identifier").
    pub name: &'static str,
    pub shape: Shape,
    pub versions: Range,
    pub instances: Instances,
    /// "SHALL always have a value".
    pub always: Cell<Always>,
    pub set_by: SetBy,
    /// "Modifiable by server": without a request from a client.
    pub server_modifies: Change,
    pub client_modifies: Change,
    pub client_deletes: Change,
    /// "When implicitly set".
    pub implicit: Cell<Implicit>,
    pub applies: Cell<Applies>,
}

impl AttributeRow {
    pub fn is_in(&self, version: Version) -> bool {
        self.versions.contains(version)
    }

    pub fn permits_many(&self, object_type: ObjectType) -> bool {
        match self.instances {
            Instances::One => false,
            Instances::Many => true,
            Instances::ManyOnPgpKeys => object_type == ObjectType::PGP_KEY,
        }
    }

    /// Whether an object of this type may have the attribute at all.
    pub fn applies_to(&self, object_type: ObjectType, version: Version) -> bool {
        self.applies.at(version).to(object_type)
    }

    /// No client sets, changes or deletes it (the reason Read Only Attribute).
    pub fn is_read_only(&self) -> bool {
        !self.set_by.client()
            && self.client_modifies == Change::No
            && self.client_deletes == Change::No
    }
}

/// The row of an attribute by its tag. In 2.x, [`super::tag::ATTRIBUTE`] is the tag of Vendor
/// Attributes.
pub fn by_tag(tag: Tag) -> Option<&'static AttributeRow> {
    static BY_TAG: LazyLock<HashMap<Tag, &AttributeRow>> =
        LazyLock::new(|| ATTRIBUTES.iter().map(|row| (row.tag, row)).collect());
    BY_TAG.get(&tag).copied()
}

/// The row of an attribute by its exact 1.x name. Names of custom attributes ("x-…", "y-…")
/// have no row of their own: see [`super::tag::CUSTOM_ATTRIBUTE`].
pub fn by_name(name: &str) -> Option<&'static AttributeRow> {
    static BY_NAME: LazyLock<HashMap<&str, &AttributeRow>> =
        LazyLock::new(|| ATTRIBUTES.iter().map(|row| (row.name, row)).collect());
    BY_NAME.get(name).copied()
}

/// A rule that one version may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<T: 'static> {
    first: T,
    later: Option<(Version, T)>,
}

impl<T: Copy> Cell<T> {
    const fn new(first: T, later: Option<(Version, T)>) -> Cell<T> {
        Cell { first, later }
    }

    pub fn at(&self, version: Version) -> T {
        match self.later {
            Some((since, later)) if since <= version => later,
            _ => self.first,
        }
    }
}

/// What an attribute's value, or a field of it, is.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Value(Kind),
    /// A Text String; since 2.0 also an Enumeration (Unique Identifier) or an Integer that counts
    /// identifiers of the batch (KMIP 2.1 §4.58).
    Identifier,
    Structure(&'static [FieldRow]),
    /// Any kind; in a structure no structures (KMIP 1.4 §3.39).
    Any,
}

impl Shape {
    /// Whether a value of this kind may stand here in a message of this version.
    pub fn accepts(&self, kind: Kind, version: Version) -> bool {
        match self {
            Shape::Value(own) => *own == kind,
            Shape::Identifier => match kind {
                Kind::TextString => true,
                Kind::Enumeration | Kind::Integer => version >= Version::V2_0,
                _ => false,
            },
            Shape::Structure(_) => kind == Kind::Structure,
            Shape::Any => true,
        }
    }
}

/// One field of an attribute that is a structure, in the standard's order.
#[derive(Clone, Copy, Debug)]
pub struct FieldRow {
    pub tag: Tag,
    pub shape: Shape,
    pub required: Cell<Required>,
    pub repeats: bool,
    pub versions: Range,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    Yes,
    No,
    /// Depends on another field or on the object, as the clause says.
    Depends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instances {
    One,
    Many,
    /// Digital Signature Algorithm: "Yes for PGP keys. No for X.509 certificates."
    ManyOnPgpKeys,
}

/// "SHALL always have a value": from creation until the object is destroyed, on the types of
/// objects to which it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Always {
    No,
    Yes,
    YesExcept(&'static [ObjectType]),
    /// Digest: if the server has access to the digest or to what it is made of.
    IfDigestible,
}

impl Always {
    /// Whether an object of this type must have it. A digest must where there are bytes.
    pub fn on(self, object_type: ObjectType) -> bool {
        match self {
            Always::No | Always::IfDigestible => false,
            Always::Yes => true,
            Always::YesExcept(others) => !others.contains(&object_type),
        }
    }
}

/// "Initially set by": who sets it while it has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    Server,
    Client,
    ServerOrClient,
    /// Application Specific Information: the server where the client's request leaves out
    /// Application Data.
    ClientOrServerIfDataOmitted,
    /// The server on what it generates; the client on what it registers.
    ServerIfGenerated,
    /// Usage Limits: a client sets Total and Unit, never Count.
    ServerOrClientWithoutCount,
}

impl SetBy {
    pub fn client(self) -> bool {
        self != SetBy::Server
    }

    pub fn server(self) -> bool {
        self != SetBy::Client
    }
}

/// Whether and while an existing value may be changed or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    No,
    Yes,
    /// "only while in Pre-Active state".
    PreActive,
    /// "only while in Pre-Active or Active state".
    PreActiveOrActive,
    /// As before, "and as long as the date has not been reached": the present value's.
    UntilReached,
    /// Alternative Name: the server "only if no value present".
    IfAbsent,
    /// Application Specific Information: the server, where the client left out Application Data.
    IfDataOmitted,
    /// Custom and Vendor Attributes: each side those that it created.
    OwnOnly,
    /// Usage Limits: "as long as Get Usage Allocation has not been performed"; a client changes
    /// only Total and Unit.
    UntilAllocated,
}

impl Change {
    /// Whether the object's state allows it; what depends on the value is asked elsewhere.
    pub fn in_state(self, state: State) -> bool {
        match self {
            Change::No => false,
            Change::PreActive => state == State::PRE_ACTIVE,
            Change::PreActiveOrActive | Change::UntilReached => {
                state == State::PRE_ACTIVE || state == State::ACTIVE
            }
            Change::Yes
            | Change::IfAbsent
            | Change::IfDataOmitted
            | Change::OwnOnly
            | Change::UntilAllocated => true,
        }
    }
}

/// "When implicitly set": what makes the server set it though no request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implicit {
    Never,
    On(&'static [Operation]),
    /// "When object is created or registered", "When object is stored".
    Created,
    /// "When object is rotated".
    Rotated,
    /// When another attribute is set or changed.
    Changed(Tag),
}

/// "Applies to Object Types".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    All,
    Only(&'static [ObjectType]),
    /// Certificates whose Certificate Type is X.509.
    X509Certificates,
}

impl Applies {
    pub fn to(self, object_type: ObjectType) -> bool {
        match self {
            Applies::All => true,
            Applies::Only(types) => types.contains(&object_type),
            Applies::X509Certificates => object_type == ObjectType::CERTIFICATE,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::tag;
    use super::*;

    #[test]
    fn rows_are_found_by_tag_and_by_name() {
        for row in ATTRIBUTES {
            assert_eq!(by_tag(row.tag).unwrap().name, row.name);
            assert_eq!(by_name(row.name).unwrap().tag, row.tag);
        }
        assert!(
            by_name("cryptographic algorithm").is_none(),
            "names are exact"
        );
    }

    #[test]
    fn names_are_those_of_the_tags() {
        for row in ATTRIBUTES.iter().filter(|row| row.tag != tag::ATTRIBUTE) {
            assert_eq!(tag::by_tag(row.tag).unwrap().spoken, row.name);
        }
    }

    #[test]
    fn a_cell_changes_with_the_version() {
        let fresh = by_tag(tag::FRESH).unwrap();
        assert!(!fresh.always.at(Version::V1_4).on(ObjectType::SYMMETRIC_KEY));
        assert!(fresh.always.at(Version::V2_0).on(ObjectType::SYMMETRIC_KEY));
        assert!(!fresh.applies_to(ObjectType::OPAQUE_OBJECT, Version::V1_4));
        assert!(fresh.applies_to(ObjectType::OPAQUE_OBJECT, Version::V2_1));
    }

    #[test]
    fn what_a_client_never_writes_is_read_only() {
        for (tag, read_only) in [
            (tag::STATE, true),
            (tag::UNIQUE_IDENTIFIER, true),
            (tag::CRYPTOGRAPHIC_USAGE_MASK, false),
            (tag::NAME, false),
        ] {
            assert_eq!(by_tag(tag).unwrap().is_read_only(), read_only, "{tag:?}");
        }
    }

    #[test]
    fn dates_change_only_in_the_states_that_permit_it() {
        let activation = by_tag(tag::ACTIVATION_DATE).unwrap().client_modifies;
        assert!(activation.in_state(State::PRE_ACTIVE) && !activation.in_state(State::ACTIVE));
        let stop = by_tag(tag::PROTECT_STOP_DATE).unwrap().client_modifies;
        assert!(stop.in_state(State::ACTIVE) && !stop.in_state(State::DEACTIVATED));
    }

    #[test]
    fn fields_of_one_structure_differ_and_have_names() {
        for row in ATTRIBUTES {
            let Shape::Structure(fields) = row.shape else {
                continue;
            };
            for (place, field) in fields.iter().enumerate() {
                assert!(tag::by_tag(field.tag).is_some(), "{}", row.name);
                assert!(
                    !fields
                        .iter()
                        .skip(place + 1)
                        .any(|other| other.tag == field.tag)
                );
            }
        }
    }
}
