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
        let date = attributes.date(tag::COMPROMISE_OCCURRENCE_DATE);
        return Some(
            date.or_else(|| attributes.date(tag::COMPROMISE_DATE))
                .unwrap_or(0),
        );
    }
    attributes.get(tag::REVOCATION_REASON)?;
    Some(attributes.date(tag::DEACTIVATION_DATE).unwrap_or(0))
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
