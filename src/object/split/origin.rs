//! What this server remembers of parts that it made, in attributes of its own (`y-…` in 1.x: no
//! client writes them).

use ttlv::Value;

use crate::protocol::attributes::{Attribute, AttributeReference, Attributes, VendorName};
use crate::protocol::enumeration::SplitKeyPolynomial;

/// Which split a part is of: parts of two splits of one key look alike and make no key.
const SPLIT: &str = "keyward-split";

/// 3.0 gives it a field, Split Key Polynomial; the versions before it do not say (see `POLYNOMIALS`).
const POLYNOMIAL: &str = "keyward-split-key-polynomial";

fn reference(name: &str) -> AttributeReference {
    AttributeReference::Vendor(VendorName {
        vendor: "y".to_owned(),
        name: name.to_owned(),
    })
}

/// Marks a part that this server makes.
pub fn mark(attributes: &mut Attributes, split: &str, polynomial: Option<SplitKeyPolynomial>) {
    let polynomial = polynomial.map(|polynomial| Value::Enumeration(polynomial.0));
    let marks = [
        (SPLIT, Some(Value::TextString(split.to_owned().into()))),
        (POLYNOMIAL, polynomial),
    ];
    for (name, value) in marks {
        attributes.0.extend(value.map(|value| Attribute {
            reference: reference(name),
            index: None,
            value,
        }));
    }
}

/// The split that a part is of; None for parts from elsewhere.
pub fn split(attributes: &Attributes) -> Option<String> {
    match &attributes.all(&reference(SPLIT)).next()?.value {
        Value::TextString(split) => Some(split.to_string()),
        _ => None,
    }
}

/// The polynomial under which a part was made; None for parts from elsewhere.
pub fn polynomial(attributes: &Attributes) -> Option<SplitKeyPolynomial> {
    match attributes.all(&reference(POLYNOMIAL)).next()?.value {
        Value::Enumeration(number) => Some(SplitKeyPolynomial(number)),
        _ => None,
    }
}
