//! Sessions: tickets that stand for the identity that asked for them.

pub mod delegated_login;
pub mod login;
pub mod logout;

use crate::engine::context::Context;
use crate::engine::error::{Fault, Reason};
use crate::engine::session::ticket::{LONGEST, USUAL};
use crate::protocol::credential::{LeaseTime, UsageLimits};
use crate::protocol::enumeration::UsageLimitsUnit;

/// A ticket begets no ticket, or it would never end.
fn without_ticket(context: &Context) -> Result<(), Fault> {
    match context.admitted.ticket {
        None => Ok(()),
        Some(_) => Err(Fault::new(
            Reason::NotAuthorised,
            "a ticket cannot ask for another; leave the Ticket credential out of the request header",
        )),
    }
}

/// When a ticket ends, in seconds since 1970. No time, or none at all, asks for the usual one.
fn expires(asked: Option<LeaseTime>, now: i64) -> Result<i64, Fault> {
    let seconds = match asked {
        None | Some(LeaseTime::Seconds(0)) => USUAL,
        Some(LeaseTime::Seconds(seconds)) => i64::from(seconds),
        Some(LeaseTime::Until(moment)) => moment.saturating_sub(now),
    };
    match seconds {
        1..=LONGEST => Ok(now.saturating_add(seconds)),
        _ => Err(Fault::new(
            Reason::InvalidField,
            format!("the Lease Time is {seconds} seconds; expected 1 to {LONGEST}"),
        )),
    }
}

/// None: not counted (the standard's cases ask so with 0).
fn requests(asked: Option<i32>) -> Result<Option<i64>, Fault> {
    match asked {
        None | Some(0) => Ok(None),
        Some(count) if count > 0 => Ok(Some(i64::from(count))),
        Some(count) => Err(Fault::new(
            Reason::InvalidField,
            format!("the Request Count is {count}; expected 0 for any number, or more"),
        )),
    }
}

/// How many operations are left.
fn uses(asked: Option<&UsageLimits>) -> Result<Option<i64>, Fault> {
    let Some(limits) = asked else {
        return Ok(None);
    };
    if limits.usage_limits_unit != UsageLimitsUnit::OBJECT {
        return Err(Fault::new(
            Reason::FeatureNotSupported,
            "the Usage Limits of a ticket count operations; ask with the Usage Limits Unit Object",
        ));
    }
    let total = limits.usage_limits_total;
    let count = limits.usage_limits_count.unwrap_or(total);
    match (0..=total).contains(&count) {
        true => Ok(Some(count)),
        false => Err(Fault::new(
            Reason::InvalidField,
            format!("the Usage Limits Count is {count}; expected 0 to the Total, which is {total}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn a_ticket_ends_when_it_was_asked_to_and_never_later_than_allowed() {
        let end = |asked| expires(asked, NOW).ok();
        assert_eq!(end(None), Some(NOW + USUAL));
        assert_eq!(end(Some(LeaseTime::Seconds(0))), Some(NOW + USUAL));
        assert_eq!(end(Some(LeaseTime::Seconds(7))), Some(NOW + 7));
        assert_eq!(end(Some(LeaseTime::Seconds(u32::MAX))), None);
        assert_eq!(end(Some(LeaseTime::Until(NOW + 7))), Some(NOW + 7));
        for moment in [NOW, NOW - 7, i64::MIN, i64::MAX, NOW + LONGEST + 1] {
            assert_eq!(end(Some(LeaseTime::Until(moment))), None);
        }
    }

    #[test]
    fn counts_are_never_below_nothing() {
        assert!(requests(None).is_ok_and(|left| left.is_none()));
        assert!(requests(Some(0)).is_ok_and(|left| left.is_none()));
        assert!(requests(Some(3)).is_ok_and(|left| left == Some(3)));
        assert!(requests(Some(-1)).is_err());
        let limits = |total, count, unit| UsageLimits {
            usage_limits_total: total,
            usage_limits_count: count,
            usage_limits_unit: unit,
        };
        let left = |total, count| {
            uses(Some(&limits(total, count, UsageLimitsUnit::OBJECT))).map_err(|fault| fault.reason)
        };
        assert_eq!(left(5, None), Ok(Some(5)));
        assert_eq!(left(5, Some(2)), Ok(Some(2)));
        assert_eq!(left(5, Some(6)), Err(Reason::InvalidField));
        assert_eq!(left(-1, None), Err(Reason::InvalidField));
        let bytes = uses(Some(&limits(5, None, UsageLimitsUnit::BYTE)));
        assert!(bytes.is_err_and(|fault| fault.reason == Reason::FeatureNotSupported));
        assert!(uses(None).is_ok_and(|left| left.is_none()));
    }
}
