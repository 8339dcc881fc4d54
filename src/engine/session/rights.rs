//! What a credential leaves of what its identity may do (2.1 §7.34): an operation must be allowed
//! by at least one right of every credential that carries rights.

use serde::{Deserialize, Serialize};

use crate::engine::error::{Fault, Reason};
use crate::object::managed::Sealed;
use crate::protocol::enumeration::Operation;
use crate::protocol::tag;
use ttlv::Value;

/// A right as it is kept; what is None is not restricted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Right {
    /// Numbers of operations.
    pub operations: Option<Vec<u32>>,
    /// Unique Identifiers. With groups, too, an object in either is meant.
    pub objects: Option<Vec<String>>,
    /// Values of Object Group.
    pub groups: Option<Vec<String>>,
    /// Operations that are left.
    pub uses_left: Option<i64>,
}

impl Right {
    fn permits(&self, operation: Operation) -> bool {
        let operations = self.operations.as_ref();
        operations.is_none_or(|operations| operations.contains(&operation.0))
    }

    fn is_for_all_objects(&self) -> bool {
        self.objects.is_none() && self.groups.is_none()
    }

    fn covers(&self, object: &Sealed) -> bool {
        let named = |objects: &Vec<String>| objects.contains(&object.unique_identifier);
        let grouped = |groups: &Vec<String>| {
            object.attributes.values(tag::OBJECT_GROUP).any(|value| {
                matches!(value, Value::TextString(group) if groups.iter().any(|one| one == group))
            })
        };
        self.is_for_all_objects()
            || self.objects.as_ref().is_some_and(named)
            || self.groups.as_ref().is_some_and(grouped)
    }
}

/// Rights of one credential, with those that still fit the operation under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    rights: Vec<Right>,
    #[serde(skip)]
    fitting: Vec<usize>,
}

impl Set {
    fn retain(&mut self, fits: impl Fn(&Right) -> bool) -> bool {
        let rights = &self.rights;
        self.fitting
            .retain(|place| rights.get(*place).is_some_and(&fits));
        !self.fitting.is_empty()
    }

    fn fit(&self) -> impl Iterator<Item = &Right> {
        self.fitting
            .iter()
            .filter_map(|place| self.rights.get(*place))
    }
}

/// What an operation that went well takes from its ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Key of the ticket's row.
    pub ticket: String,
    /// The ticket limits operations as a whole.
    pub whole: bool,
    /// Rights of the ticket of which one is to be used; none when one of those that fit is unlimited.
    pub rights: Vec<usize>,
}

/// All that the credentials of a message narrow. An operation that is answered later keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrowing {
    sets: Vec<Set>,
    /// Which of the sets is the ticket's.
    ticket: Option<(String, bool, Option<usize>)>,
    #[serde(skip)]
    charged: bool,
}

fn denied() -> Fault {
    Fault::new(
        Reason::NotAuthorised,
        "the rights of the credential in the request header do not allow this; ask with another, or without one",
    )
}

impl Narrowing {
    /// Rights of one credential.
    pub fn add(&mut self, rights: Vec<Right>) {
        self.sets.push(Set {
            rights,
            fitting: Vec::new(),
        });
    }

    /// A ticket by its row's key; `whole`: it limits the operations themselves.
    pub fn add_ticket(&mut self, key: &str, whole: bool, rights: Option<Vec<Right>>) {
        let set = rights.map(|rights| {
            self.add(rights);
            self.sets.len() - 1
        });
        self.ticket = Some((key.to_owned(), whole, set));
    }

    /// Whether nothing is narrowed.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Whether the operation may be asked for at all: what Query tells.
    pub fn permits(&self, operation: Operation) -> bool {
        self.sets
            .iter()
            .all(|set| set.rights.iter().any(|right| right.permits(operation)))
    }

    /// Begins an operation.
    pub fn begin(&mut self, operation: Operation) -> Result<(), Fault> {
        self.charged = false;
        self.again(operation)
    }

    /// Begins it once more, because another request came between: what it took stays taken, once.
    pub fn again(&mut self, operation: Operation) -> Result<(), Fault> {
        self.restart();
        let mut all = true;
        for set in &mut self.sets {
            all &= set.retain(|right| right.permits(operation));
        }
        if all { Ok(()) } else { Err(denied()) }
    }

    fn restart(&mut self) {
        for set in &mut self.sets {
            set.fitting = (0..set.rights.len()).collect();
        }
    }

    /// The operation uses this object.
    pub fn cover(&mut self, object: &Sealed) -> Result<(), Fault> {
        let mut all = true;
        for set in &mut self.sets {
            all &= set.retain(|right| right.covers(object));
        }
        if all { Ok(()) } else { Err(denied()) }
    }

    /// The operation is about no object that is there: a right for certain objects is not for it.
    pub fn cover_none(&mut self) -> Result<(), Fault> {
        let mut all = true;
        for set in &mut self.sets {
            all &= set.retain(Right::is_for_all_objects);
        }
        if all { Ok(()) } else { Err(denied()) }
    }

    /// What is to be taken from the ticket, once per operation.
    pub fn charge(&mut self) -> Option<Charge> {
        if self.charged {
            return None;
        }
        let (ticket, whole, set) = self.ticket.as_ref()?;
        let set = set.and_then(|place| self.sets.get(place));
        let limited = |set: &&Set| set.fit().all(|right| right.uses_left.is_some());
        let rights = match set.filter(limited) {
            Some(set) => set.fitting.clone(),
            None => Vec::new(),
        };
        if !whole && rights.is_empty() {
            return None;
        }
        self.charged = true;
        Some(Charge {
            ticket: ticket.clone(),
            whole: *whole,
            rights,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn right(operations: &[Operation], objects: Option<&[&str]>, uses_left: Option<i64>) -> Right {
        Right {
            operations: (!operations.is_empty())
                .then(|| operations.iter().map(|operation| operation.0).collect()),
            objects: objects.map(|objects| objects.iter().map(ToString::to_string).collect()),
            groups: None,
            uses_left,
        }
    }

    #[test]
    fn without_rights_everything_is_allowed_and_without_any_right_nothing() {
        let mut narrowing = Narrowing::default();
        assert!(narrowing.permits(Operation::GET));
        narrowing.begin(Operation::GET).unwrap();
        narrowing.cover_none().unwrap();
        assert_eq!(narrowing.charge(), None);
        narrowing.add(Vec::new());
        assert!(!narrowing.permits(Operation::GET));
        assert_eq!(
            narrowing.begin(Operation::GET).unwrap_err().reason,
            Reason::NotAuthorised
        );
    }

    #[test]
    fn every_credential_must_allow_and_one_right_of_it_is_enough() {
        let mut narrowing = Narrowing::default();
        narrowing.add(vec![
            right(&[Operation::GET], Some(&["a"]), None),
            right(&[Operation::CREATE], None, None),
        ]);
        narrowing.add(vec![right(&[], None, None)]);
        narrowing.begin(Operation::CREATE).unwrap();
        narrowing.cover_none().unwrap();
        narrowing.begin(Operation::GET).unwrap();
        assert!(narrowing.cover_none().is_err(), "a right for one object");
        assert!(narrowing.begin(Operation::DESTROY).is_err());
        narrowing.add(vec![right(&[Operation::GET], None, None)]);
        assert!(narrowing.begin(Operation::CREATE).is_err());
        assert!(narrowing.permits(Operation::GET) && !narrowing.permits(Operation::CREATE));
    }

    #[test]
    fn a_use_is_taken_once_and_from_a_limited_right_only_where_no_other_fits() {
        let mut narrowing = Narrowing::default();
        let rights = vec![
            right(&[Operation::QUERY], None, Some(3)),
            right(&[Operation::LOG, Operation::QUERY], None, None),
            right(&[Operation::CREATE], None, Some(1)),
        ];
        narrowing.add_ticket("t", false, Some(rights));
        narrowing.begin(Operation::QUERY).unwrap();
        assert_eq!(narrowing.charge(), None);
        narrowing.begin(Operation::CREATE).unwrap();
        let charge = narrowing.charge().unwrap();
        assert_eq!((charge.whole, charge.rights), (false, vec![2]));
        assert_eq!(narrowing.charge(), None, "once");
        let mut whole = Narrowing::default();
        whole.add_ticket("t", true, None);
        whole.begin(Operation::GET).unwrap();
        assert!(whole.charge().unwrap().whole);
    }
}
