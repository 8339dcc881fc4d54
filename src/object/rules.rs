//! A tenant's constraints and defaults in force (2.1 §6.1.22, §6.1.52, §6.1.53). Both hold for
//! what makes objects: defaults before anything reads the request, constraints on what is kept.

use serde::{Deserialize, Serialize};
use ttlv::{Limits, Node, Tag, Value};

use super::creation;
use super::managed::Managed;
use crate::engine::error::{Fault, Reason};
use crate::protocol::attributes::{Attribute, AttributeReference, Attributes};
use crate::protocol::enumeration::ObjectType;
use crate::protocol::object::OBJECTS;
use crate::protocol::rules::{Constraint, Constraints, DefaultsInformation, ObjectGroups};
use crate::protocol::structure::Item;
use crate::protocol::tag;
use crate::protocol::version::Version;

/// Key of either row: a tenant has one.
pub const KEY: &str = "objects";

/// Body of either row: the structure of the newest version, in TTLV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    #[serde(with = "hex::serde")]
    ttlv: Vec<u8>,
}

impl Kept {
    /// # Errors
    /// Where the newest version cannot express it.
    pub fn of(tag: Tag, structure: &impl Item) -> Result<Kept, Fault> {
        let node = Node::new(tag, structure.write(Version::NEWEST)?);
        Ok(Kept {
            ttlv: ttlv::binary::to_vec(&node),
        })
    }

    fn read<T: Item>(&self) -> Result<T, Fault> {
        let node = ttlv::binary::decode(&self.ttlv, &Limits::default())
            .map_err(|error| Fault::new(Reason::Internal, error.to_string()))?;
        Ok(T::read(&node)?)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    constraints: Option<Constraints>,
    defaults: Option<DefaultsInformation>,
}

impl Rules {
    /// # Errors
    /// Where a row is not what a server wrote.
    pub fn read(constraints: Option<&Kept>, defaults: Option<&Kept>) -> Result<Rules, Fault> {
        let mut rules = Rules::default();
        if let Some(kept) = constraints {
            rules.set_constraints(kept)?;
        }
        if let Some(kept) = defaults {
            rules.set_defaults(kept)?;
        }
        Ok(rules)
    }

    pub fn set_constraints(&mut self, kept: &Kept) -> Result<(), Fault> {
        self.constraints = Some(kept.read()?);
        Ok(())
    }

    pub fn set_defaults(&mut self, kept: &Kept) -> Result<(), Fault> {
        self.defaults = Some(kept.read()?);
        Ok(())
    }

    pub fn constraints(&self) -> Constraints {
        let none = || Constraints {
            constraint: Vec::new(),
        };
        self.constraints.clone().unwrap_or_else(none)
    }

    /// Without what is for other groups than those asked about; None without defaults.
    pub fn defaults(&self, groups: Option<&ObjectGroups>) -> Option<DefaultsInformation> {
        let mut defaults = self.defaults.clone()?;
        if let Some(asked) = groups {
            defaults.object_defaults.retain(|row| {
                row.object_groups.as_ref().is_none_or(|own| {
                    own.object_group
                        .iter()
                        .any(|g| asked.object_group.contains(g))
                })
            });
        }
        Some(defaults)
    }

    /// Attributes that an object of this type gets where the request has none of them. Defaults of
    /// one of its groups come before those for all groups.
    pub fn default_attributes(&self, object_type: ObjectType, groups: &[String]) -> Vec<Attribute> {
        let Some(defaults) = &self.defaults else {
            return Vec::new();
        };
        let mut chosen: Vec<Attribute> = Vec::new();
        for grouped in [true, false] {
            let rows = defaults.object_defaults.iter().filter(|row| {
                let several = row.object_types.iter().flat_map(|types| &types.object_type);
                let types = row.object_type.iter().chain(several);
                row.object_groups.is_some() == grouped
                    && types.copied().any(|other| other == object_type)
                    && in_groups(row.object_groups.as_ref(), groups)
            });
            for row in rows {
                let known: Vec<AttributeReference> =
                    chosen.iter().map(|known| known.reference.clone()).collect();
                let new = row.attributes.iter();
                chosen.extend(new.filter(|new| !known.contains(&new.reference)).cloned());
            }
        }
        chosen
    }

    /// Whether a new object is as the constraints demand.
    ///
    /// # Errors
    /// Constraint Violation, with the attribute that is not.
    pub fn check(&self, object: &Managed) -> Result<(), Fault> {
        let all = self.constraints.iter().flat_map(|all| &all.constraint);
        for constraint in all.filter(|constraint| concerns(constraint, object)) {
            let Some(demanded) = &constraint.attributes else {
                continue;
            };
            for attribute in demanded.iter() {
                meets(&object.attributes, demanded, &attribute.reference)?;
            }
        }
        Ok(())
    }
}

fn in_groups(wanted: Option<&ObjectGroups>, groups: &[String]) -> bool {
    wanted.is_none_or(|wanted| {
        wanted
            .object_group
            .iter()
            .any(|group| groups.contains(group))
    })
}

/// The Object Groups among attributes.
pub fn groups(attributes: &Attributes) -> Vec<String> {
    attributes
        .values(tag::OBJECT_GROUP)
        .filter_map(|value| match value {
            Value::TextString(group) => Some(group.to_string()),
            _ => None,
        })
        .collect()
}

fn concerns(constraint: &Constraint, object: &Managed) -> bool {
    let of_type = constraint
        .object_types
        .as_ref()
        .is_none_or(|types| types.object_type.contains(&object.object_type()));
    of_type
        && in_groups(
            constraint.object_groups.as_ref(),
            &groups(&object.attributes),
        )
}

/// The object has the attribute, and nothing but values that the constraint names; a usage mask
/// has no bit that the constraint's lacks.
fn meets(
    has: &Attributes,
    demanded: &Attributes,
    reference: &AttributeReference,
) -> Result<(), Fault> {
    let is_mask = *reference == AttributeReference::Standard(tag::CRYPTOGRAPHIC_USAGE_MASK);
    let mut values = has.all(reference).peekable();
    let fits = values.peek().is_some()
        && values.all(|own| {
            demanded
                .all(reference)
                .any(|allowed| match (&own.value, &allowed.value) {
                    (Value::Integer(own), Value::Integer(allowed)) if is_mask => {
                        own & !allowed == 0
                    }
                    (own, allowed) => own == allowed,
                })
        });
    match fits {
        true => Ok(()),
        false => Err(Fault::new(
            Reason::ConstraintViolation,
            format!(
                "the tenant's constraints demand another {}; Get Constraints tells which",
                reference.spoken()
            ),
        )),
    }
}

/// Whether rules are about types and attributes that this server knows.
///
/// # Errors
/// Invalid Object Type, Invalid Field.
pub fn sensible<'a>(
    types: impl Iterator<Item = &'a ObjectType>,
    attributes: Option<&Attributes>,
) -> Result<(), Fault> {
    for object_type in types {
        if OBJECTS.iter().all(|(known, ..)| known != object_type) {
            return Err(Fault::new(
                Reason::InvalidObjectType,
                format!("{object_type} is no type of object that this server keeps"),
            ));
        }
    }
    for attribute in attributes.into_iter().flat_map(Attributes::iter) {
        let known = match creation::standard_row(attribute)? {
            Some(row) => row.shape.accepts(attribute.value.kind(), Version::NEWEST),
            None => matches!(attribute.reference, AttributeReference::Vendor(_)),
        };
        if !known {
            return Err(Fault::new(
                Reason::InvalidField,
                format!(
                    "{} is no attribute, or its value of another type",
                    attribute.reference.spoken()
                ),
            ));
        }
    }
    Ok(())
}
