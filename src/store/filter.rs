//! What Locate asks of the store, free of any KMIP version and of SQL.

use super::record::{IndexValue, TenantId};

#[derive(Clone, Debug)]
pub struct Filter {
    pub tenant: TenantId,
    /// Only objects of this identity (where the tenant does not share).
    pub owner: Option<String>,
    /// All must hold.
    pub terms: Vec<Term>,
    /// On-line objects / archived objects / destroyed objects: which of them to see (Storage Status Mask).
    pub online: bool,
    pub archived: bool,
    pub destroyed: bool,
    /// Skip that many of what matched.
    pub offset: u32,
    /// At most that many; None: all, up to the server's limit.
    pub maximum: Option<u32>,
    /// Also count all that match (Located Items); costs a second look.
    pub count: bool,
}

#[derive(Clone, Debug)]
pub enum Term {
    /// Some instance of the attribute has all of these fields (field 0: the value of a plain attribute).
    Matches {
        attribute: u32,
        name: String,
        fields: Vec<(u32, IndexValue)>,
    },
    /// low ≤ value ≤ high, for dates and intervals.
    Between {
        attribute: u32,
        name: String,
        low: i64,
        high: i64,
    },
    /// A field of the attribute (0: the value of a plain one) is `low` or more.
    AtLeast {
        attribute: u32,
        field: u32,
        low: i64,
    },
    /// value & mask == mask (Cryptographic Usage Mask and its like).
    Contains {
        attribute: u32,
        mask: i64,
    },
    /// The attribute is there at all.
    Present {
        attribute: u32,
        name: String,
    },
    /// The State at `now`: Pre-Active (1) with an Activation Date that has come is Active (2);
    /// Active with a Deactivation Date that has come is Deactivated (3) (KMIP 2.1 §3.1, §4.57).
    State {
        state: u32,
        now: i64,
    },
    UniqueIdentifier(String),
    ObjectType(u32),
}

impl Term {
    /// Asks for several fields in one instance.
    pub(super) fn is_of_several(&self) -> bool {
        matches!(self, Term::Matches { fields, .. } if fields.len() > 1)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// Newest first.
    pub unique_identifiers: Vec<String>,
    /// All that matched before offset and maximum, when asked for.
    pub total: Option<u64>,
}
