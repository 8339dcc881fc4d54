//! What many objects have alike is stored once. Most values of an object are flags, algorithms,
//! lengths and masks, the same for thousands of keys: they stand in the index as a *set* of entries
//! that every such object names, so that a new object writes the few entries that are its own.
//!
//! Entries of a set stand under minus its number where an object's own stand under the object's
//! sequence. A set is never changed or deleted.

use sha2::{Digest, Sha256};

use super::filter::Term;
use super::limit;
use super::record::{IndexEntry, IndexValue};

/// Numbers below this one, and not negative, may stand in a set: dates and counters are above it
/// (2^28 seconds after 1970 is July 1978).
pub(super) const SMALL: i64 = 1 << 28;

/// Entries in a set, and those of the object alone.
pub(super) struct Split<'a> {
    pub(super) alike: Vec<&'a IndexEntry>,
    pub(super) own: Vec<&'a IndexEntry>,
}

/// Whether a value may stand in a set: if it may not, neither may its attribute's instance.
fn may(name: &str, value: &IndexValue) -> bool {
    name.is_empty() && matches!(value, IndexValue::Number(number) if (0..SMALL).contains(number))
}

/// Instances of an attribute stay together, or a search for two of their fields would not find them.
pub(super) fn split(index: &[IndexEntry]) -> Split<'_> {
    let instance = |entry: &IndexEntry| (entry.attribute, entry.instance);
    let apart: Vec<(u32, u32)> = index
        .iter()
        .filter(|entry| !may(&entry.name, &entry.value))
        .map(instance)
        .collect();
    let (own, alike) = index
        .iter()
        .partition(|entry| apart.contains(&instance(entry)));
    Split { alike, own }
}

/// Names a set; None for the empty one.
pub(super) fn digest(alike: &[&IndexEntry]) -> Option<[u8; 32]> {
    let mut lines: Vec<[u8; 20]> = alike
        .iter()
        .filter_map(|entry| {
            let IndexValue::Number(number) = entry.value else {
                return None;
            };
            let mut line = [0; 20];
            let parts = entry.attribute.to_be_bytes().into_iter();
            let parts = parts.chain(entry.instance.to_be_bytes());
            let parts = parts.chain(entry.field.to_be_bytes());
            let parts = parts.chain(number.to_be_bytes());
            line.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
            Some(line)
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    (!lines.is_empty()).then(|| Sha256::digest(lines.concat()).into())
}

/// Whether what a term asks for may stand in a set.
pub(super) fn may_hold(term: &Term) -> bool {
    match term {
        Term::Matches { name, fields, .. } => fields
            .iter()
            .all(|(_, value)| may(&limit::text(name), value)),
        Term::Between {
            name, low, high, ..
        } => name.is_empty() && *low < SMALL && *high >= 0,
        Term::Present { name, .. } => name.is_empty(),
        Term::AtLeast { low, .. } => *low < SMALL,
        Term::Contains { .. } => true,
        Term::State { .. } | Term::UniqueIdentifier(_) | Term::ObjectType(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use super::*;

    fn entry(attribute: u32, instance: u32, field: u32, value: IndexValue) -> IndexEntry {
        IndexEntry {
            attribute,
            name: String::new(),
            instance,
            field,
            value,
        }
    }

    #[test]
    fn what_is_small_is_alike_and_instances_stay_together() {
        let number = |attribute, instance, field, number| {
            entry(attribute, instance, field, IndexValue::Number(number))
        };
        let index = [
            number(1, 0, 0, 3),
            number(2, 0, 0, SMALL),
            number(3, 1, 7, 6),
            entry(3, 1, 8, IndexValue::Bytes(vec![1])),
            number(3, 2, 7, 6),
            number(4, 0, 0, -1),
        ];
        let Split { alike, own } = split(&index);
        assert_eq!(alike, [&index[0], &index[4]]);
        assert_eq!(own.len(), 4);
        let named = IndexEntry {
            name: "x:n".to_owned(),
            ..index[0].clone()
        };
        assert!(split(&[named]).alike.is_empty());
    }

    #[test]
    fn a_set_is_named_by_what_is_in_it() {
        let (a, b) = (
            entry(1, 0, 0, IndexValue::Number(3)),
            entry(1, 1, 0, IndexValue::Number(3)),
        );
        assert_eq!(digest(&[]), None);
        assert_eq!(digest(&[&a, &b]), digest(&[&b, &a, &a]));
        assert_ne!(digest(&[&a]), digest(&[&b]));
    }
}
