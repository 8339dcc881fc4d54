//! Which attributes the last versions of an object changed. It stands in the object's row, under
//! its MAC: a node that learns from the journal that another one wrote a version can tell a client
//! what became different (Notify, 2.1 §6.2.2) without having seen the version before.

use ttlv::{Node, Tag, Value};

use crate::protocol::attributes::{AttributeReference, Attributes};
use crate::protocol::structure::{Item, Malformed};
use crate::protocol::tag;
use crate::protocol::version::Version;

/// Extension tags of our own that no message carries.
pub(super) const CHANGES: Tag = Tag(0x54_0010);
const CHANGE: Tag = Tag(0x54_0011);
const ROW_VERSION: Tag = Tag(0x54_0012);

/// Versions that are kept. Of a client that is told later than so many changes, all attributes count
/// as changed.
const KEPT: usize = 4;

#[derive(Clone, Debug, PartialEq)]
struct Change {
    version: i64,
    /// Changed, added or deleted.
    references: Vec<AttributeReference>,
}

/// The changes of the last versions, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Notes what makes `version` differ from the version before. Several changes of one version are one.
    pub(super) fn note(&mut self, version: i64, before: &Attributes, after: &Attributes) {
        let mut references = Vec::new();
        for attribute in before.iter().chain(after.iter()) {
            let reference = &attribute.reference;
            let same = || before.all(reference).eq(after.all(reference));
            if !references.contains(reference) && !same() {
                references.push(reference.clone());
            }
        }
        match self.0.last_mut().filter(|last| last.version == version) {
            Some(last) => {
                references.retain(|reference| !last.references.contains(reference));
                last.references.append(&mut references);
            }
            None => self.0.push(Change {
                version,
                references,
            }),
        }
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
    }

    /// What the versions from `first` to `current` changed, each once. None: not all of them are kept,
    /// or one of them is the first, which made everything.
    pub fn between(&self, first: i64, current: i64) -> Option<Vec<&AttributeReference>> {
        let mut found = Vec::new();
        for version in first..=current {
            let change = self.0.iter().find(|change| change.version == version)?;
            for reference in &change.references {
                if !found.contains(&reference) {
                    found.push(reference);
                }
            }
        }
        Some(found)
    }

    /// As it stands in the row; None while there is nothing.
    pub(super) fn stored(&self) -> Option<Node<'_>> {
        let change = |change: &Change| {
            let version = Node::new(ROW_VERSION, Value::LongInteger(change.version));
            // The newest version expresses every reference.
            let references = change.references.iter().filter_map(|reference| {
                let value = reference.write(Version::NEWEST).ok()?;
                Some(Node::new(tag::ATTRIBUTE_REFERENCE, value).into_owned())
            });
            Node::structure(CHANGE, std::iter::once(version).chain(references).collect())
        };
        (!self.0.is_empty()).then(|| Node::structure(CHANGES, self.0.iter().map(change).collect()))
    }

    /// Reads what [`Changes::stored`] wrote; `node` is the stored object.
    pub(super) fn read(node: &Node<'_>) -> Result<Changes, Malformed> {
        let mut changes = Vec::new();
        for change in node.child(CHANGES).map(Node::items).unwrap_or_default() {
            let version = change.child(ROW_VERSION);
            let version = version.ok_or_else(|| Malformed::Missing("row version".to_owned()))?;
            let references = change
                .items()
                .iter()
                .filter(|item| item.tag == tag::ATTRIBUTE_REFERENCE);
            changes.push(Change {
                version: i64::read(version)?,
                references: references
                    .map(AttributeReference::read)
                    .collect::<Result<_, _>>()?,
            });
        }
        Ok(Changes(changes))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::protocol::attributes::{Attribute, VendorName};

    fn vendor(text: &str) -> Attribute {
        Attribute {
            reference: AttributeReference::Vendor(VendorName {
                vendor: "x".to_owned(),
                name: "purpose".to_owned(),
            }),
            index: None,
            value: Value::TextString(text.to_owned().into()),
        }
    }

    fn standard(tag: Tag, number: i32) -> Attribute {
        Attribute::standard(tag, Value::Integer(number))
    }

    #[test]
    fn what_is_added_changed_and_deleted_is_noted_once_per_version() {
        let length = tag::CRYPTOGRAPHIC_LENGTH;
        let before = Attributes(vec![
            standard(length, 1),
            standard(tag::CRYPTOGRAPHIC_USAGE_MASK, 4),
        ]);
        let after = Attributes(vec![standard(length, 2), vendor("a")]);
        let mut changes = Changes::default();
        changes.note(2, &before, &after);
        changes.note(
            2,
            &after,
            &Attributes(vec![standard(length, 3), vendor("a")]),
        );
        let noted = changes.between(2, 2).unwrap();
        assert_eq!(noted.len(), 3);
        assert_eq!(noted[0], &AttributeReference::Standard(length));
        assert_eq!(
            noted[1],
            &AttributeReference::Standard(tag::CRYPTOGRAPHIC_USAGE_MASK)
        );
        assert_eq!(noted[2], &vendor("").reference);
        let kept = changes.stored().unwrap();
        let object = Node::structure(Tag(0x54_0001), vec![kept]);
        let bytes = ttlv::binary::to_vec(&object);
        let read = ttlv::binary::decode(&bytes, &ttlv::Limits::default()).unwrap();
        assert_eq!(Changes::read(&read).unwrap(), changes);
    }

    #[test]
    fn versions_that_are_not_kept_are_not_guessed() {
        let of = |number| Attributes(vec![standard(tag::CRYPTOGRAPHIC_LENGTH, number)]);
        let mut changes = Changes::default();
        assert_eq!(changes.between(1, 1), None, "the first version");
        for version in 2..=8 {
            let number = i32::try_from(version).unwrap();
            changes.note(version, &of(number - 1), &of(number));
        }
        assert_eq!(changes.0.len(), KEPT);
        assert_eq!(changes.between(5, 8).unwrap().len(), 1);
        assert_eq!(changes.between(4, 8), None);
        changes.note(9, &of(8), &of(8));
        assert_eq!(changes.between(9, 9), Some(Vec::new()), "nothing changed");
    }
}
