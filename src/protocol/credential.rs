//! Credentials in the header of a request (1.4 §2.1.2, 2.1 §9.4 and §9.11), tickets (2.1 §7.39) and
//! the rights that a ticket carries (2.1 §7.34).

use ttlv::{Kind, Node, Value};
use zeroize::Zeroizing;

use super::enumeration::{CredentialType, Operation, TicketType, UsageLimitsUnit};
use super::identifier::Identifier;
use super::structure::{Bytes, Inexpressible, Item, Malformed, Structure, wrong_type};
use super::version::Version;
use crate::structure;

/// A text that is cleared when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Item for Secret {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match &node.value {
            Value::TextString(text) => Ok(Secret(Zeroizing::new(text.to_string()))),
            _ => Err(wrong_type(node, Kind::TextString)),
        }
    }

    fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(Value::TextString(self.0.as_str().into()))
    }
}

/// Microseconds since 1970 (Date Time Extended); clients of a plain Date Time are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub value: i64,
    pub is_extended: bool,
}

impl Moment {
    /// Microseconds since 1970.
    pub fn microseconds(self) -> i64 {
        match self.is_extended {
            true => self.value,
            false => self.value.saturating_mul(1_000_000),
        }
    }
}

impl Item for Moment {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let (value, is_extended) = match node.value {
            Value::DateTimeExtended(value) => (value, true),
            Value::DateTime(value) => (value, false),
            _ => return Err(wrong_type(node, Kind::DateTimeExtended)),
        };
        Ok(Moment { value, is_extended })
    }

    fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(match self.is_extended {
            true => Value::DateTimeExtended(self.value),
            false => Value::DateTime(self.value),
        })
    }
}

/// How long a ticket is asked for: for so many seconds or until then (2.1 §6.1.12, §6.1.30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseTime {
    Seconds(u32),
    Until(i64),
}

impl Item for LeaseTime {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match node.value {
            Value::Interval(seconds) => Ok(LeaseTime::Seconds(seconds)),
            Value::DateTime(moment) => Ok(LeaseTime::Until(moment)),
            _ => Err(wrong_type(node, Kind::Interval)),
        }
    }

    fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(match self {
            LeaseTime::Seconds(seconds) => Value::Interval(*seconds),
            LeaseTime::Until(moment) => Value::DateTime(*moment),
        })
    }
}

structure! {
    /// 2.1 §9.4 Authentication: one credential before 1.2, several after.
    pub struct Authentication {
        credential: Vec<Credential> = CREDENTIAL;
    }

    /// 2.1 §9.11 Credential; the value's shape follows the type.
    pub struct Credential {
        credential_type: CredentialType = CREDENTIAL_TYPE;
        credential_value: CredentialValue = CREDENTIAL_VALUE;
    }

    /// The fields of all types of credentials that are served; which of them must be there is said
    /// by the type.
    pub struct CredentialFields {
        username: Option<Secret> = USERNAME;
        password: Option<Secret> = PASSWORD;
        device_serial_number: Option<String> = DEVICE_SERIAL_NUMBER, since V1_1;
        device_identifier: Option<String> = DEVICE_IDENTIFIER, since V1_1;
        network_identifier: Option<String> = NETWORK_IDENTIFIER, since V1_1;
        machine_identifier: Option<String> = MACHINE_IDENTIFIER, since V1_1;
        media_identifier: Option<String> = MEDIA_IDENTIFIER, since V1_1;
        one_time_password: Option<Secret> = ONE_TIME_PASSWORD, since V2_0;
        time_stamp: Option<Moment> = TIME_STAMP, since V2_0;
        hashing_algorithm: Option<super::enumeration::HashingAlgorithm> = HASHING_ALGORITHM, since V2_0;
        hashed_password: Option<Bytes> = HASHED_PASSWORD, since V2_0;
        ticket: Option<Ticket> = TICKET, since V2_0;
    }

    /// 2.1 §7.39.
    pub struct Ticket {
        ticket_type: TicketType = TICKET_TYPE;
        ticket_value: Bytes = TICKET_VALUE;
    }

    /// 2.1 §7.40.
    pub struct UsageLimits {
        usage_limits_total: i64 = USAGE_LIMITS_TOTAL;
        usage_limits_count: Option<i64> = USAGE_LIMITS_COUNT;
        usage_limits_unit: UsageLimitsUnit = USAGE_LIMITS_UNIT;
    }

    /// 2.1 §7.35.
    pub struct Rights {
        right: Vec<Right> = RIGHT;
    }

    /// 2.1 §7.34; what is left out is not restricted.
    pub struct Right {
        usage_limits: Option<UsageLimits> = USAGE_LIMITS;
        operations: Option<Operations> = OPERATIONS;
        objects: Option<Objects> = OBJECTS;
        object_groups: Option<ObjectGroups> = OBJECT_GROUPS, since V2_1;
    }

    /// 2.1 §7.25.
    pub struct Operations {
        operation: Vec<Operation> = OPERATION;
    }

    /// 2.1 §7.21.
    pub struct Objects {
        unique_identifier: Vec<Identifier> = UNIQUE_IDENTIFIER;
    }

    /// 2.1 §7.23.
    pub struct ObjectGroups {
        object_group: Vec<String> = OBJECT_GROUP;
    }
}

/// What is no structure belongs to a type that is not served: it is not read, and refused by its type.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialValue(pub Option<CredentialFields>);

impl Item for CredentialValue {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match &node.value {
            Value::Structure(items) => CredentialFields::from_items(items)
                .map(Some)
                .map(CredentialValue),
            _ => Ok(CredentialValue(None)),
        }
    }

    fn write(&self, version: Version) -> Result<Value<'_>, Inexpressible> {
        let fields = match &self.0 {
            Some(fields) => fields.to_items(version)?,
            None => Vec::new(),
        };
        Ok(Value::Structure(fields))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;
    use crate::protocol::tag;

    fn credential(value: Value<'static>) -> Node<'static> {
        Node::structure(
            tag::CREDENTIAL,
            vec![
                Node::new(tag::CREDENTIAL_TYPE, Value::Enumeration(1)),
                Node::new(tag::CREDENTIAL_VALUE, value),
            ],
        )
    }

    #[test]
    fn a_password_is_never_shown() {
        let fields = vec![
            Node::text(tag::USERNAME, "alice"),
            Node::text(tag::PASSWORD, "s3cr3t"),
        ];
        let read = Credential::read(&credential(Value::Structure(fields))).unwrap();
        let shown = format!("{read:?}");
        assert!(!shown.contains("s3cr3t"), "{shown}");
        // A password typed where the name belongs is a secret, too.
        assert!(!shown.contains("alice"), "{shown}");
        let fields = read.credential_value.0.unwrap();
        assert_eq!(fields.password.unwrap().0.as_str(), "s3cr3t");
    }

    #[test]
    fn a_value_of_another_shape_is_left_to_its_type() {
        let read = Credential::read(&credential(Value::Integer(7))).unwrap();
        assert_eq!(read.credential_value, CredentialValue(None));
        let wrong = vec![Node::new(tag::USERNAME, Value::Integer(7))];
        assert!(Credential::read(&credential(Value::Structure(wrong))).is_err());
    }

    #[test]
    fn moments_and_lease_times_come_in_two_types() {
        let read = |value| Moment::read(&Node::new(tag::TIME_STAMP, value));
        let seconds = read(Value::DateTime(5)).unwrap();
        let extended = read(Value::DateTimeExtended(5_000_001)).unwrap();
        assert_eq!(seconds.microseconds(), 5_000_000);
        assert_eq!(extended.microseconds(), 5_000_001);
        assert!(read(Value::Integer(5)).is_err());
        let lease = |value| LeaseTime::read(&Node::new(tag::LEASE_TIME, value));
        assert_eq!(lease(Value::Interval(9)).unwrap(), LeaseTime::Seconds(9));
        assert_eq!(lease(Value::DateTime(9)).unwrap(), LeaseTime::Until(9));
        assert!(lease(Value::LongInteger(9)).is_err());
    }
}
