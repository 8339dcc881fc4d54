//! A search in Rust, term by term what the databases answer in SQL: for the re-check of Locate
//! hits (index rows are a hint, only rows carry a MAC) and for changes not committed yet.

use super::filter::{Filter, Term};
use super::limit;
use super::record::{IndexEntry, IndexValue, Record};

/// KMIP 2.1 §11.53 State.
pub(super) mod state {
    pub const PRE_ACTIVE: u32 = 1;
    pub const ACTIVE: u32 = 2;
    pub const DEACTIVATED: u32 = 3;
    pub const DESTROYED: u32 = 5;
    pub const DESTROYED_COMPROMISED: u32 = 6;
}

impl Record {
    /// The state that the dates give it at `now` (KMIP 2.1 §4.57).
    pub fn state_at(&self, now: i64) -> u32 {
        let come = |date: Option<i64>| date.is_some_and(|date| date <= now);
        let mut state = self.state;
        if state == state::PRE_ACTIVE && come(self.activation_date) {
            state = state::ACTIVE;
        }
        if state == state::ACTIVE && come(self.deactivation_date) {
            state = state::DEACTIVATED;
        }
        state
    }

    /// Destroyed or Destroyed Compromised: no material, and its names are free again.
    pub fn is_destroyed(&self) -> bool {
        matches!(self.state, state::DESTROYED | state::DESTROYED_COMPROMISED)
    }
}

impl Filter {
    /// Whether Locate may show this object: tenant, owner, storage status and all terms.
    pub fn holds(&self, record: &Record, index: &[IndexEntry]) -> bool {
        let shown = match (record.is_destroyed(), record.archived) {
            (true, _) => self.destroyed,
            (false, true) => self.archived,
            (false, false) => self.online,
        };
        shown
            && record.tenant == self.tenant
            && self
                .owner
                .as_ref()
                .is_none_or(|owner| *owner == record.owner)
            && self.terms.iter().all(|term| term.holds(record, index))
    }
}

impl Term {
    /// The same answer as the store's SQL gives for this object and these entries.
    pub fn holds(&self, record: &Record, index: &[IndexEntry]) -> bool {
        match self {
            Term::Matches {
                attribute,
                name,
                fields,
            } => matches(of(index, *attribute, name), fields),
            Term::Between {
                attribute,
                name,
                low,
                high,
            } => of(index, *attribute, name)
                .any(|entry| number(entry).is_some_and(|n| (*low..=*high).contains(&n))),
            Term::AtLeast {
                attribute,
                field,
                low,
            } => of(index, *attribute, "").any(|entry| {
                entry.field == *field
                    && matches!(entry.value, IndexValue::Number(number) if number >= *low)
            }),
            Term::Contains { attribute, mask } => of(index, *attribute, "")
                .any(|entry| number(entry).is_some_and(|n| n & mask == *mask)),
            Term::Present { attribute, name } => of(index, *attribute, name).next().is_some(),
            Term::State { state, now } => record.state_at(*now) == *state,
            Term::UniqueIdentifier(identifier) => record.unique_identifier == *identifier,
            Term::ObjectType(object_type) => record.object_type == *object_type,
        }
    }
}

fn of<'a>(
    index: &'a [IndexEntry],
    attribute: u32,
    name: &'a str,
) -> impl Iterator<Item = &'a IndexEntry> + Clone {
    let same = move |entry: &&IndexEntry| {
        entry.attribute == attribute
            && (entry.name == name || limit::text(&entry.name) == limit::text(name))
    };
    index.iter().filter(same)
}

/// The number of a plain attribute.
fn number(entry: &IndexEntry) -> Option<i64> {
    match entry.value {
        IndexValue::Number(number) if entry.field == 0 => Some(number),
        _ => None,
    }
}

/// All fields in one instance: that of an entry which holds the first field.
fn matches<'a>(
    entries: impl Iterator<Item = &'a IndexEntry> + Clone,
    fields: &[(u32, IndexValue)],
) -> bool {
    let Some(((field, value), rest)) = fields.split_first() else {
        return entries.clone().next().is_some();
    };
    entries
        .clone()
        .filter(|entry| entry.field == *field && limit::same(&entry.value, value))
        .any(|first| {
            rest.iter().all(|(field, value)| {
                entries.clone().any(|entry| {
                    entry.instance == first.instance
                        && entry.field == *field
                        && limit::same(&entry.value, value)
                })
            })
        })
}
