//! Usage Limits (1.4 §3.21, 2.1 §4.59). The object's row says Total and Unit; what is left is
//! counted in a row of its own, so that a use changes no object, survives an Undo and never
//! conflicts with a change of attributes. An object with the attribute and without that row has
//! been tampered with.

use serde::{Deserialize, Serialize};
use ttlv::{Node, Value};

use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::UsageLimitsUnit;
use crate::protocol::tag;

/// Body of the row that counts, in units of the attribute's Usage Limits Unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// What Usage Limits Count was when the attribute was set.
    pub limit: i64,
    /// At most `limit`.
    pub used: i64,
    /// When it was last changed, in seconds since 1970: a use counts for Last Change Date.
    pub changed: i64,
}

impl Usage {
    pub fn left(&self) -> i64 {
        self.limit.saturating_sub(self.used).max(0)
    }

    /// After one more use of `cost`; None where that is not left.
    pub fn after(self, cost: i64, now: i64) -> Option<Usage> {
        (0..=self.left()).contains(&cost).then(|| Usage {
            used: self.used.saturating_add(cost),
            changed: now,
            ..self
        })
    }
}

fn number(fields: &[Node<'_>], wanted: ttlv::Tag) -> Option<i64> {
    fields
        .iter()
        .find(|field| field.tag == wanted)
        .and_then(|field| match field.value {
            Value::LongInteger(number) => Some(number),
            _ => None,
        })
}

fn fields(attributes: &Attributes) -> Option<&[Node<'static>]> {
    match attributes.get(tag::USAGE_LIMITS) {
        Some(Value::Structure(fields)) => Some(fields),
        _ => None,
    }
}

/// In what the limits count; None without limits.
pub fn unit(attributes: &Attributes) -> Option<UsageLimitsUnit> {
    let unit = fields(attributes)?
        .iter()
        .find(|field| field.tag == tag::USAGE_LIMITS_UNIT);
    Some(match unit.map(|unit| &unit.value) {
        Some(Value::Enumeration(unit)) => UsageLimitsUnit(*unit),
        _ => UsageLimitsUnit::OBJECT,
    })
}

/// Takes Usage Limits Count, which a client cannot set, out of what it asks for.
pub fn without_count(value: &mut Value<'static>) {
    if let Value::Structure(fields) = value {
        fields.retain(|field| field.tag != tag::USAGE_LIMITS_COUNT);
    }
}

/// Brings the attribute into the form that a row keeps, without Count; answers what is to be
/// counted from. None without the attribute.
///
/// # Errors
/// Invalid Attribute Value where Total is missing or negative, Count is more, or the Unit unknown.
pub fn settle(attributes: &mut Attributes) -> Result<Option<i64>, Fault> {
    let Some(given) = fields(attributes) else {
        return Ok(None);
    };
    let refuse = |what: &'static str| Fault::new(Reason::InvalidAttributeValue, what);
    let total = number(given, tag::USAGE_LIMITS_TOTAL)
        .ok_or_else(|| refuse("Usage Limits lack Usage Limits Total"))?;
    let count = number(given, tag::USAGE_LIMITS_COUNT).unwrap_or(total);
    if total < 0 || !(0..=total).contains(&count) {
        return Err(refuse(
            "Usage Limits Total is 0 or more, and Usage Limits Count from 0 to Total",
        ));
    }
    let unit = unit(attributes).unwrap_or(UsageLimitsUnit::OBJECT);
    if ![UsageLimitsUnit::BYTE, UsageLimitsUnit::OBJECT].contains(&unit) {
        return Err(refuse("Usage Limits Unit is Byte or Object"));
    }
    attributes.set(
        tag::USAGE_LIMITS,
        Value::Structure(vec![
            Node::new(tag::USAGE_LIMITS_TOTAL, Value::LongInteger(total)),
            Node::new(tag::USAGE_LIMITS_UNIT, Value::Enumeration(unit.0)),
        ]),
    );
    Ok(Some(count))
}

/// The attribute as clients see it: Total, Count, Unit, in the standard's order.
pub fn show(attributes: &mut Attributes, usage: &Usage) {
    let Some(given) = fields(attributes) else {
        return;
    };
    let mut shown: Vec<Node<'static>> = given
        .iter()
        .filter(|field| field.tag != tag::USAGE_LIMITS_COUNT)
        .cloned()
        .collect();
    shown.insert(
        1.min(shown.len()),
        Node::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(usage.left())),
    );
    attributes.set(tag::USAGE_LIMITS, Value::Structure(shown));
    if attributes
        .date(tag::LAST_CHANGE_DATE)
        .is_some_and(|date| date < usage.changed)
    {
        attributes.set(tag::LAST_CHANGE_DATE, Value::DateTime(usage.changed));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn limits(total: i64, count: Option<i64>) -> Attributes {
        let mut fields = vec![Node::new(
            tag::USAGE_LIMITS_TOTAL,
            Value::LongInteger(total),
        )];
        fields.extend(count.map(|n| Node::new(tag::USAGE_LIMITS_COUNT, Value::LongInteger(n))));
        fields.push(Node::new(
            tag::USAGE_LIMITS_UNIT,
            Value::Enumeration(UsageLimitsUnit::BYTE.0),
        ));
        let mut attributes = Attributes::default();
        attributes.set(tag::USAGE_LIMITS, Value::Structure(fields));
        attributes
    }

    #[test]
    fn a_use_never_takes_more_than_is_left() {
        let usage = Usage {
            limit: 10,
            used: 7,
            changed: 0,
        };
        assert_eq!(usage.after(3, 5).unwrap().left(), 0);
        assert_eq!(usage.after(3, 5).unwrap().changed, 5);
        assert_eq!(usage.after(4, 5), None);
        assert_eq!(usage.after(-1, 5), None);
        assert_eq!(usage.after(i64::MAX, 5), None);
    }

    #[test]
    fn count_stays_out_of_the_row_and_comes_back_in_its_place() {
        let mut attributes = limits(10, Some(4));
        assert_eq!(settle(&mut attributes).unwrap(), Some(4));
        assert_eq!(attributes, limits(10, None));
        let usage = Usage {
            limit: 4,
            used: 1,
            changed: 9,
        };
        show(&mut attributes, &usage);
        assert_eq!(attributes, limits(10, Some(3)));
    }

    #[test]
    fn limits_that_cannot_be_counted_are_refused() {
        for (total, count) in [(-1, None), (10, Some(11)), (10, Some(-1))] {
            assert!(
                settle(&mut limits(total, count)).is_err(),
                "{total} {count:?}"
            );
        }
        assert_eq!(settle(&mut Attributes::default()).unwrap(), None);
    }
}
