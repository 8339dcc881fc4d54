//! The life cycle (2.1 §4.57, 1.4 §3.22): states, and which operation moves from where to where.

use ttlv::Value;

use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::State;
use crate::protocol::tag;

/// What moves an object from state to state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    Activate,
    /// Revoke for a reason that is not a compromise.
    Deactivate,
    /// Revoke for Key Compromise or CA Compromise.
    Compromise,
    Destroy,
}

/// The transitions of 1.4 §3.22 Figure 1; what is not in a row is refused.
static TRANSITIONS: &[(Transition, State, State)] = &[
    (Transition::Activate, State::PRE_ACTIVE, State::ACTIVE),
    (Transition::Deactivate, State::ACTIVE, State::DEACTIVATED),
    (
        Transition::Compromise,
        State::PRE_ACTIVE,
        State::COMPROMISED,
    ),
    (Transition::Compromise, State::ACTIVE, State::COMPROMISED),
    (
        Transition::Compromise,
        State::DEACTIVATED,
        State::COMPROMISED,
    ),
    (
        Transition::Compromise,
        State::DESTROYED,
        State::DESTROYED_COMPROMISED,
    ),
    (Transition::Destroy, State::PRE_ACTIVE, State::DESTROYED),
    (Transition::Destroy, State::DEACTIVATED, State::DESTROYED),
    (
        Transition::Destroy,
        State::COMPROMISED,
        State::DESTROYED_COMPROMISED,
    ),
];

/// The state that a transition leads to; None where it is not allowed.
pub fn next(transition: Transition, from: State) -> Option<State> {
    TRANSITIONS
        .iter()
        .find(|(name, state, _)| *name == transition && *state == from)
        .map(|(_, _, to)| *to)
}

/// The State as last written. Objects without one (Opaque Objects before 1.? may lack it) count as Pre-Active.
pub fn stored(attributes: &Attributes) -> State {
    attributes
        .enumeration(tag::STATE)
        .map_or(State::PRE_ACTIVE, State)
}

pub fn is_destroyed(attributes: &Attributes) -> bool {
    matches!(
        stored(attributes),
        State::DESTROYED | State::DESTROYED_COMPROMISED
    )
}

/// The state at `now`: an Activation Date that has come makes Active, a Deactivation Date that has
/// come makes Deactivated (2.1 §4.1, §4.19; transitions 4 and 6).
pub fn effective(attributes: &Attributes, now: i64) -> State {
    let reached = |tag| attributes.date(tag).is_some_and(|date| date <= now);
    let mut state = stored(attributes);
    if state == State::PRE_ACTIVE && reached(tag::ACTIVATION_DATE) {
        state = State::ACTIVE;
    }
    if state == State::ACTIVE && reached(tag::DEACTIVATION_DATE) {
        state = State::DEACTIVATED;
    }
    state
}

pub fn set(attributes: &mut Attributes, state: State) {
    attributes.set(tag::STATE, Value::Enumeration(state.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dated(state: State, activation: Option<i64>, deactivation: Option<i64>) -> Attributes {
        let mut attributes = Attributes::default();
        set(&mut attributes, state);
        if let Some(date) = activation {
            attributes.set(tag::ACTIVATION_DATE, Value::DateTime(date));
        }
        if let Some(date) = deactivation {
            attributes.set(tag::DEACTIVATION_DATE, Value::DateTime(date));
        }
        attributes
    }

    #[test]
    fn dates_move_the_state_at_read_time() {
        let attributes = dated(State::PRE_ACTIVE, Some(100), Some(200));
        assert_eq!(effective(&attributes, 99), State::PRE_ACTIVE);
        assert_eq!(effective(&attributes, 100), State::ACTIVE);
        assert_eq!(effective(&attributes, 199), State::ACTIVE);
        assert_eq!(effective(&attributes, 200), State::DEACTIVATED);
    }

    #[test]
    fn a_deactivation_date_alone_does_not_activate() {
        assert_eq!(
            effective(&dated(State::PRE_ACTIVE, None, Some(1)), 2),
            State::PRE_ACTIVE
        );
    }

    #[test]
    fn an_active_key_is_not_destroyed() {
        assert_eq!(next(Transition::Destroy, State::ACTIVE), None);
        assert_eq!(
            next(Transition::Destroy, State::DEACTIVATED),
            Some(State::DESTROYED)
        );
        assert_eq!(next(Transition::Destroy, State::DESTROYED), None);
        assert_eq!(next(Transition::Activate, State::DEACTIVATED), None);
    }
}
