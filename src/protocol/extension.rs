//! What this server has beyond the standard, as Query's Extension List and Extension Map tell it
//! (1.4 §4.25, 2.1 §6.1.40): tags in the range of extensions, and values of enumerations.

use ttlv::Tag;

use super::attributes::{AttributeReference, VendorName};
use super::enumeration::ItemType;
use crate::object::creation::{CLASS_NAME, CLASS_VENDOR};

/// A tag of this server's own (0x54XXXX). Others of that range never leave the database.
#[derive(Clone, Copy, Debug)]
pub struct ExtensionRow {
    pub tag: Tag,
    /// As custom attributes of 1.x are named.
    pub name: &'static str,
    pub item_type: ItemType,
    pub description: &'static str,
    /// Vendor and name of the attribute that it is another way to write.
    vendor: (&'static str, &'static str),
}

pub static EXTENSIONS: &[ExtensionRow] = &[ExtensionRow {
    tag: Tag(0x54_0100),
    name: "x-keyward-class",
    item_type: ItemType::TEXT_STRING,
    description: "where a new key may be in clear: \"token\" (the HSM only) or \"served\"",
    vendor: (CLASS_VENDOR, CLASS_NAME),
}];

/// The attribute that an extension tag stands for.
pub fn attribute(tag: Tag) -> Option<AttributeReference> {
    EXTENSIONS.iter().find(|row| row.tag == tag).map(|row| {
        AttributeReference::Vendor(VendorName {
            vendor: row.vendor.0.to_owned(),
            name: row.vendor.1.to_owned(),
        })
    })
}
