//! Certificates that were revoked: since when, and why.

use ttlv::Value;

use super::state;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::{RevocationReasonCode, State};
use crate::protocol::tag;

/// Since when it is not to be believed (seconds since 1970); None for one that was not revoked. That
/// its time is over is no revocation.
pub fn since(attributes: &Attributes) -> Option<i64> {
    if matches!(
        state::stored(attributes),
        State::COMPROMISED | State::DESTROYED_COMPROMISED
    ) {
        let occurred = attributes
            .date(tag::COMPROMISE_OCCURRENCE_DATE)
            .or_else(|| attributes.date(tag::COMPROMISE_DATE));
        // Of old or unknown date: then it was never to be believed. A certificate's own dates may
        // begin before its object did.
        let lately = occurred.filter(|date| attributes.date(tag::INITIAL_DATE) < Some(*date));
        return Some(lately.unwrap_or(0));
    }
    attributes.get(tag::REVOCATION_REASON)?;
    Some(attributes.date(tag::DEACTIVATION_DATE).unwrap_or(0))
}

/// When it was revoked (seconds since 1970), whatever is said of the time before; 0 where nobody knows.
pub fn recorded(attributes: &Attributes) -> i64 {
    attributes
        .date(tag::COMPROMISE_DATE)
        .or_else(|| attributes.date(tag::DEACTIVATION_DATE))
        .unwrap_or(0)
}

pub fn reason(attributes: &Attributes) -> RevocationReasonCode {
    let code = match attributes.get(tag::REVOCATION_REASON) {
        Some(Value::Structure(fields)) => fields
            .iter()
            .find(|field| field.tag == tag::REVOCATION_REASON_CODE)
            .map(|field| &field.value),
        _ => None,
    };
    match code {
        Some(Value::Enumeration(number)) => RevocationReasonCode(*number),
        _ => RevocationReasonCode::UNSPECIFIED,
    }
}
