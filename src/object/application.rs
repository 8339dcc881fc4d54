//! Application Specific Information (1.4 §3.36, 2.1 §4.6).

use ttlv::{Node, Value};

use super::creation;
use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::Attribute;
use crate::protocol::tag;

/// Namespaces for which this server makes Application Data (1.4 §3.36, 2.1 §4.6): a number of its own.
pub static NAMESPACES: &[&str] = &["keyward"];

/// Makes the Application Data that a client leaves out.
///
/// # Errors
/// Application Namespace Not Supported.
pub fn complete(attribute: &mut Attribute) -> Result<(), Fault> {
    if !attribute.is(tag::APPLICATION_SPECIFIC_INFORMATION) {
        return Ok(());
    }
    let Value::Structure(fields) = &mut attribute.value else {
        return Ok(());
    };
    if fields
        .iter()
        .any(|field| field.tag == tag::APPLICATION_DATA)
    {
        return Ok(());
    }
    let known = fields.iter().any(|field| {
        field.tag == tag::APPLICATION_NAMESPACE
            && matches!(&field.value, Value::TextString(name) if NAMESPACES.contains(&name.as_ref()))
    });
    if !known {
        return Err(Fault::new(
            Reason::ApplicationNamespaceNotSupported,
            format!(
                "Application Data is missing; this server makes it in the namespaces {}",
                NAMESPACES.join(", ")
            ),
        ));
    }
    fields.push(Node::text(
        tag::APPLICATION_DATA,
        creation::new_identifier(),
    ));
    Ok(())
}
