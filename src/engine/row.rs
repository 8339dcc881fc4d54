//! Which object's row a node's memory is about: the key of what is remembered by object.

use quick_cache::Equivalent;

use crate::object::managed::Sealed;
use crate::store::record::TenantId;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    tenant: TenantId,
    unique_identifier: Box<str>,
}

/// The same without a copy of the identifier; must hash alike.
#[derive(Clone, Copy, Debug, Hash)]
pub struct RowRef<'a> {
    pub tenant: TenantId,
    pub unique_identifier: &'a str,
}

impl<'a> RowRef<'a> {
    pub fn of(object: &'a Sealed) -> RowRef<'a> {
        RowRef {
            tenant: object.tenant,
            unique_identifier: &object.unique_identifier,
        }
    }

    pub fn owned(self) -> Row {
        Row {
            tenant: self.tenant,
            unique_identifier: self.unique_identifier.into(),
        }
    }
}

impl Equivalent<Row> for RowRef<'_> {
    fn equivalent(&self, row: &Row) -> bool {
        self.tenant == row.tenant && *self.unique_identifier == *row.unique_identifier
    }
}
