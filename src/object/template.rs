//! Templates (1.4 §2.2.6), which 2.0 removed.

use super::creation;
use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::Attributes;
use crate::protocol::tag;
use crate::protocol::version::Version;

/// The attributes that a Template gives to other objects (1.4 §2.2.6).
///
/// # Errors
/// Where one is not a client's to set, or the Template holds a Name (1.4 §11.4).
pub fn check(attributes: &Attributes) -> Result<(), Fault> {
    for attribute in attributes.iter() {
        let Some(row) = creation::standard_row(attribute)? else {
            continue;
        };
        let refused = match row.tag {
            tag::NAME => Some((
                Reason::InvalidAttribute,
                "belongs beside the Template, not in it",
            )),
            tag if creation::KEPT_BY_SERVER.contains(&tag) => Some((
                Reason::AttributeReadOnly,
                "is set by the server only; leave it out",
            )),
            _ if !row.shape.accepts(attribute.value.kind(), Version::V1_4) => {
                Some((Reason::InvalidAttributeValue, "is of another type"))
            }
            _ => None,
        };
        if let Some((reason, what)) = refused {
            return Err(Fault::new(reason, format!("{} {what}", row.name)));
        }
    }
    Ok(())
}
