pub mod add_attribute;
pub mod adjust_attribute;
pub mod delete_attribute;
pub mod get_attribute_list;
pub mod get_attributes;
pub mod modify_attribute;
pub mod rules;
pub mod set_attribute;
