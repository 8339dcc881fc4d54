//! What many objects have alike is stored once. Most values of an object are flags, algorithms,
//! lengths and masks, the same for thousands of keys, and dates that it has in common with whatever
//! else was made or changed in the same second. They stand in the index as *sets* of entries that
//! every such object names, one of each kind, so that a new object writes the few entries that are
//! its own.
//!
//! Entries of a set stand under minus its number where an object's own stand under the object's
//! sequence. A set is never changed; one that no object names any more is deleted some time later.
//! Fields of one instance may stand apart: an object's entries are its own and those of its sets.

use sha2::{Digest, Sha256};

use super::filter::Term;
use super::record::{Change, IndexEntry, IndexValue};

/// Numbers below this one, and not negative, are flags and the like; dates are above it (2^28
/// seconds after 1970 is July 1978).
pub(super) const SMALL: i64 = 1 << 28;

/// Attributes whose texts are few in a deployment, however many objects there are: Operation Policy
/// Name (KMIP 1.4 §3.18).
static FEW_TEXTS: &[u32] = &[0x42_005D];
/// Bytes of such a text at most.
const TEXT: usize = 64;

/// Sets made after a set before anybody asks whether an object has it still: at a rate at which one
/// second's set is left and entered again and again, it stays.
pub(super) const YOUNG: i64 = 1024;
/// Sets that are looked at for each that is made: some are always in use, so more than one.
pub(super) const LOOKED_AT: i64 = 4;

/// Where an entry may stand besides among the object's own, where it is when its row was written by
/// older rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sets {
    pub(super) alike: bool,
    pub(super) dated: bool,
}

impl Sets {
    pub(super) const OWN: Sets = Sets {
        alike: false,
        dated: false,
    };
    const ALIKE: Sets = Sets {
        alike: true,
        dated: false,
    };
    const DATED: Sets = Sets {
        alike: false,
        dated: true,
    };

    /// By these rules an entry stands in one place: its own, or one of the sets.
    pub(super) fn of(attribute: u32, name: &str, field: u32, value: &IndexValue) -> Sets {
        match value {
            _ if !name.is_empty() => Sets::OWN,
            IndexValue::Number(number) if (0..SMALL).contains(number) => Sets::ALIKE,
            IndexValue::Number(SMALL..) if field == 0 => Sets::DATED,
            IndexValue::Bytes(text)
                if field == 0 && FEW_TEXTS.contains(&attribute) && text.len() <= TEXT =>
            {
                Sets::ALIKE
            }
            _ => Sets::OWN,
        }
    }

    /// Where what a term asks for may stand; of `Matches`, any of its fields.
    pub(super) fn of_term(term: &Term) -> Sets {
        match term {
            Term::Matches {
                attribute,
                name,
                fields,
            } => fields.iter().fold(Sets::OWN, |sets, (field, value)| {
                sets.or(Sets::of(*attribute, name, *field, value))
            }),
            Term::Between {
                name, low, high, ..
            } => Sets {
                alike: name.is_empty() && *low < SMALL && *high >= 0,
                dated: name.is_empty() && *high >= SMALL,
            },
            Term::AtLeast { field, low, .. } => Sets {
                alike: *low < SMALL,
                dated: *field == 0,
            },
            Term::Present { name, .. } => Sets::of_any(name),
            Term::Contains { .. } => Sets::of_any(""),
            Term::State { .. } | Term::UniqueIdentifier(_) | Term::ObjectType(_) => Sets::OWN,
        }
    }

    /// Of any value of an attribute with this name.
    pub(super) fn of_any(name: &str) -> Sets {
        Sets {
            alike: name.is_empty(),
            dated: name.is_empty(),
        }
    }

    fn or(self, other: Sets) -> Sets {
        Sets {
            alike: self.alike || other.alike,
            dated: self.dated || other.dated,
        }
    }
}

/// An object's entries, by where they stand.
#[derive(PartialEq)]
pub(super) struct Split<'a> {
    pub(super) alike: Vec<&'a IndexEntry>,
    pub(super) dated: Vec<&'a IndexEntry>,
    pub(super) own: Vec<&'a IndexEntry>,
}

pub(super) fn split(index: &[IndexEntry]) -> Split<'_> {
    let mut split = Split {
        alike: Vec::with_capacity(index.len()),
        dated: Vec::with_capacity(8),
        own: Vec::with_capacity(8),
    };
    for entry in index {
        let of = Sets::of(entry.attribute, &entry.name, entry.field, &entry.value);
        match of {
            Sets::ALIKE => split.alike.push(entry),
            Sets::DATED => split.dated.push(entry),
            _ => split.own.push(entry),
        }
    }
    split
}

/// Whether an update changes neither entries of the object's own nor names.
pub(super) fn leaves_own(change: &Change) -> bool {
    match change {
        Change::Update {
            record,
            index,
            names,
            before: Some(before),
        } => {
            let held: &[_] = if record.is_destroyed() { &[] } else { names };
            before.names == held && split(&before.index).own == split(index).own
        }
        _ => false,
    }
}

/// Names a set; None for the empty one.
pub(super) fn digest(set: &[&IndexEntry]) -> Option<[u8; 32]> {
    if set.is_empty() {
        return None;
    }
    let mut lines: Vec<_> = set
        .iter()
        .map(|entry| (entry.attribute, entry.instance, entry.field, &entry.value))
        .collect();
    lines.sort_unstable();
    lines.dedup();
    let mut text = Vec::with_capacity(lines.len() * 21);
    for (attribute, instance, field, value) in lines {
        text.extend(
            [attribute, instance, field]
                .iter()
                .flat_map(|n| n.to_be_bytes()),
        );
        match value {
            IndexValue::Number(number) => {
                text.push(0);
                text.extend(number.to_be_bytes());
            }
            IndexValue::Bytes(bytes) => {
                text.push(1);
                text.extend(bytes.len().to_be_bytes());
                text.extend(bytes);
            }
        }
    }
    Some(Sha256::digest(text).into())
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
    fn flags_dates_and_what_is_own_stand_apart() {
        let number = |attribute, instance, field, number| {
            entry(attribute, instance, field, IndexValue::Number(number))
        };
        let text = |attribute, field, length| {
            entry(attribute, 0, field, IndexValue::Bytes(vec![b'a'; length]))
        };
        let policy = FEW_TEXTS[0];
        let index = [
            number(1, 0, 0, 3),
            number(2, 0, 0, SMALL),
            number(2, 0, 5, SMALL),
            number(3, 1, 7, 6),
            text(3, 8, 1),
            number(4, 0, 0, -1),
            text(policy, 0, TEXT),
            text(policy, 0, TEXT + 1),
        ];
        let Split { alike, dated, own } = split(&index);
        assert_eq!(alike, [&index[0], &index[3], &index[6]]);
        assert_eq!(dated, [&index[1]]);
        assert_eq!(own, [&index[2], &index[4], &index[5], &index[7]]);
        let named = IndexEntry {
            name: "x:n".to_owned(),
            ..index[0].clone()
        };
        assert_eq!(split(&[named]).own.len(), 1);
    }

    #[test]
    fn a_set_is_named_by_what_is_in_it() {
        let (a, b, c) = (
            entry(1, 0, 0, IndexValue::Number(3)),
            entry(1, 1, 0, IndexValue::Number(3)),
            entry(1, 0, 0, IndexValue::Bytes(3_i64.to_be_bytes().to_vec())),
        );
        assert_eq!(digest(&[]), None);
        assert_eq!(digest(&[&a, &b]), digest(&[&b, &a, &a]));
        assert_ne!(digest(&[&a]), digest(&[&b]));
        assert_ne!(digest(&[&a]), digest(&[&c]));
    }
}
