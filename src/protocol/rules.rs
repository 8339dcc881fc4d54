//! What a tenant demands of new objects and gives them (2.1 §7.6, §7.7, §7.11, §7.22 to §7.24).

use super::attributes::Attributes;
use super::enumeration::ObjectType;
use crate::structure;

structure! {
    /// 2.1 §7.6.
    pub struct Constraint {
        object_types: Option<ObjectTypes> = OBJECT_TYPES, since V2_1;
        object_groups: Option<ObjectGroups> = OBJECT_GROUPS, since V2_1;
        attributes: Option<Attributes> = ATTRIBUTES, since V2_0;
    }
    /// 2.1 §7.7.
    pub struct Constraints { constraint: Vec<Constraint> = CONSTRAINT, since V2_1; }
    /// 2.1 §7.11.
    pub struct DefaultsInformation { object_defaults: Vec<ObjectDefaults> = OBJECT_DEFAULTS, since V2_0; }
    /// 2.1 §7.22: one Object Type, or several as Object Types.
    pub struct ObjectDefaults {
        object_type: Option<ObjectType> = OBJECT_TYPE;
        object_types: Option<ObjectTypes> = OBJECT_TYPES, since V2_1;
        attributes: Attributes = ATTRIBUTES;
        object_groups: Option<ObjectGroups> = OBJECT_GROUPS, since V2_1;
    }
    /// 2.1 §7.23.
    pub struct ObjectGroups { object_group: Vec<String> = OBJECT_GROUP; }
    /// 2.1 §7.24.
    pub struct ObjectTypes { object_type: Vec<ObjectType> = OBJECT_TYPE; }
}
