//! Leases (1.4 §3.20, §4.17; 2.1 §4.30, §6.1.35). A lease binds the client: it "SHALL NOT use the
//! object" once the lease has expired. The server gives one for no longer than the object itself is
//! good, and none for what nobody should go on using, so a client that keeps to its leases learns of
//! a revocation by the end of the present one.

use ttlv::Value;

use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::State;
use crate::protocol::tag;

/// Seconds of a new lease at `now`; 0: no lease is needed.
///
/// # Errors
/// Permission Denied where the object is compromised.
pub fn grant(attributes: &Attributes, state: State, now: i64) -> Result<u32, Fault> {
    if matches!(
        state,
        State::COMPROMISED | State::DESTROYED | State::DESTROYED_COMPROMISED
    ) {
        return Err(Fault::new(
            Reason::PermissionDenied,
            format!("the object is {state}; no lease is given for it"),
        ));
    }
    let longest = match attributes.get(tag::LEASE_TIME) {
        Some(Value::Interval(seconds)) => *seconds,
        _ => 0,
    };
    // What is deactivated already still opens what it protected, for as long as that is wanted.
    let ends = attributes
        .date(tag::DEACTIVATION_DATE)
        .map(|date| date.saturating_sub(now))
        .filter(|left| *left > 0)
        .map_or(u32::MAX, |left| u32::try_from(left).unwrap_or(u32::MAX));
    Ok(longest.min(ends))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_lease_ends_with_the_object() {
        let mut attributes = Attributes::default();
        let active = State::ACTIVE;
        assert_eq!(grant(&attributes, active, 100).unwrap(), 0);
        attributes.set(tag::LEASE_TIME, Value::Interval(60));
        assert_eq!(grant(&attributes, active, 100).unwrap(), 60);
        attributes.set(tag::DEACTIVATION_DATE, Value::DateTime(130));
        assert_eq!(grant(&attributes, active, 100).unwrap(), 30);
        assert_eq!(grant(&attributes, State::DEACTIVATED, 130).unwrap(), 60);
        assert!(grant(&attributes, State::COMPROMISED, 100).is_err());
    }
}
