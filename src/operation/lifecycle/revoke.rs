//! Revoke (1.4 §4.20, 2.1 §6.1.44).

use ttlv::{Node, Value};

use crate::engine::access::Permission;
use crate::engine::client_profile::Deviation;
use crate::engine::context::{Context, Destroyed};
use crate::engine::error::{Fault, Reason};
use crate::object::creation;
use crate::object::state::{self, Transition};
use crate::operation::Handler;
use crate::protocol::enumeration::{RevocationReasonCode, State};
use crate::protocol::identifier::Identifier;
use crate::protocol::structure::DateTime;
use crate::protocol::tag;
use crate::structure;

structure! {
    pub struct RevokeRequest {
        unique_identifier: Option<Identifier> = UNIQUE_IDENTIFIER;
        revocation_reason: RevocationReason = REVOCATION_REASON;
        compromise_occurrence_date: Option<DateTime> = COMPROMISE_OCCURRENCE_DATE;
    }
    /// 2.1 §4.44.
    pub struct RevocationReason {
        revocation_reason_code: RevocationReasonCode = REVOCATION_REASON_CODE;
        revocation_message: Option<String> = REVOCATION_MESSAGE;
    }
    pub struct RevokeResponse {
        unique_identifier: String = UNIQUE_IDENTIFIER;
    }
}

#[derive(Debug)]
pub struct Revoke;

fn is_compromise(code: RevocationReasonCode) -> bool {
    matches!(
        code,
        RevocationReasonCode::KEY_COMPROMISE | RevocationReasonCode::CA_COMPROMISE
    )
}

impl Handler for Revoke {
    type Request = RevokeRequest;
    type Response = RevokeResponse;

    async fn run(context: &mut Context, request: &Self::Request) -> Result<Self::Response, Fault> {
        let code = request.revocation_reason.revocation_reason_code;
        let compromise = is_compromise(code);
        // A destroyed key can still turn out to be compromised (1.4 §3.22, transition 9).
        let destroyed = if compromise {
            Destroyed::Allowed
        } else {
            Destroyed::Refused
        };
        let object = context
            .object(
                request.unique_identifier.as_ref(),
                Permission::Revoke,
                destroyed,
            )
            .await?;
        if !creation::has_states(object.object_type()) {
            return Err(Fault::new(
                Reason::NotForThisObject,
                format!("a {} has no state to revoke", object.object_type()),
            ));
        }
        let transition = if compromise {
            Transition::Compromise
        } else {
            Transition::Deactivate
        };
        let from = object.state(context.now);
        let repeated = match compromise {
            true => State::COMPROMISED,
            false => State::DEACTIVATED,
        };
        if from == repeated && context.caller.deviates(Deviation::LifecycleRepeatable) {
            let unique_identifier = object.unique_identifier.clone();
            return Ok(RevokeResponse { unique_identifier });
        }
        let to = state::next(transition, from).ok_or_else(|| {
            Fault::new(
                Reason::WrongKeyLifecycleState,
                format!("the object is {from}; it cannot be revoked with the reason {code}"),
            )
        })?;
        let mut draft = object.edit();
        state::set(&mut draft.attributes, to);
        let now = Value::DateTime(context.now);
        if compromise {
            // A date in the future is one that the client mistook; libkmip sends 0 where it knows none.
            let occurred = request
                .compromise_occurrence_date
                .map(|date| date.0)
                .filter(|date| *date > 0);
            let occurred = occurred
                .or_else(|| object.attributes.date(tag::INITIAL_DATE))
                .unwrap_or(context.now);
            draft.attributes.set(tag::COMPROMISE_DATE, now);
            draft
                .attributes
                .set(tag::COMPROMISE_OCCURRENCE_DATE, Value::DateTime(occurred));
        } else {
            draft.attributes.set(tag::DEACTIVATION_DATE, now);
        }
        let mut reason = vec![Node::new(
            tag::REVOCATION_REASON_CODE,
            Value::Enumeration(code.0),
        )];
        if let Some(message) = &request.revocation_reason.revocation_message {
            reason.push(Node::text(tag::REVOCATION_MESSAGE, message.clone()));
        }
        draft
            .attributes
            .set(tag::REVOCATION_REASON, Value::Structure(reason));
        let unique_identifier = object.unique_identifier.clone();
        context.update(draft).await?;
        Ok(RevokeResponse { unique_identifier })
    }
}
