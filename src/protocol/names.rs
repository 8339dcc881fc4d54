//! The names that XML and JSON write, from the tables.

use ttlv::Tag;

use super::{attribute, enumeration, mask, tag};

/// The standard's vocabulary. Values are written with their newest name and read with any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names;

impl ttlv::Names for Names {
    fn tag_name(&self, tag: Tag) -> Option<&str> {
        tag::by_tag(tag).map(|row| row.name)
    }

    fn tag(&self, name: &str) -> Option<Tag> {
        tag::by_name(name).map(|row| row.tag)
    }

    fn enumeration_name(&self, tag: Tag, value: u32) -> Option<&str> {
        enumeration::of_tag(tag)?
            .by_value(value)
            .map(|row| row.name)
    }

    fn enumeration(&self, tag: Tag, name: &str) -> Option<u32> {
        enumeration::of_tag(tag)?.by_name(name).map(|row| row.value)
    }

    fn is_mask(&self, tag: Tag) -> bool {
        mask::of_tag(tag).is_some()
    }

    fn mask_name(&self, tag: Tag, bit: u32) -> Option<&str> {
        mask::of_tag(tag)?
            .rows
            .iter()
            .find(|row| row.bit == bit)
            .map(|row| row.name)
    }

    fn mask(&self, tag: Tag, name: &str) -> Option<u32> {
        mask::of_tag(tag)?.by_name(name).map(|row| row.bit)
    }

    fn tag_of_attribute_name(&self, name: &str) -> Option<Tag> {
        let row = attribute::by_name(name)?;
        let own = row.tag != tag::CUSTOM_ATTRIBUTE && row.tag != tag::ATTRIBUTE;
        own.then_some(row.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ttlv::Names as _;

    #[test]
    fn names_depend_on_the_tag_that_carries_them() {
        assert_eq!(
            Names.enumeration(tag::MASK_GENERATOR_HASHING_ALGORITHM, "SHA_256"),
            Some(6)
        );
        assert_eq!(
            Names.enumeration(tag::UNIQUE_IDENTIFIER, "IDPlaceholder"),
            Some(1)
        );
        assert_eq!(
            Names.enumeration_name(tag::KEY_FORMAT_TYPE, 3),
            Some("PKCS_1")
        );
        assert_eq!(Names.enumeration_name(tag::NAME, 1), None);
    }

    #[test]
    fn the_spellings_of_the_test_cases_are_written_and_those_of_the_tables_read() {
        assert_eq!(Names.enumeration_name(tag::MASK_GENERATOR, 1), Some("MGF1"));
        assert_eq!(Names.enumeration(tag::MASK_GENERATOR, "MFG1"), Some(1));
        assert_eq!(
            Names.enumeration(tag::RESULT_REASON, "NotAuthorized"),
            Some(0x39)
        );
        assert_eq!(
            Names.mask(tag::CRYPTOGRAPHIC_USAGE_MASK, "ContentCommitment"),
            Some(0x400)
        );
        assert_eq!(
            Names.mask(
                tag::CRYPTOGRAPHIC_USAGE_MASK,
                "ContentCommitmentNonRepudiation"
            ),
            Some(0x400)
        );
    }

    #[test]
    fn attributes_of_1_x_lead_to_their_tags() {
        let tag = Names.tag_of_attribute_name("PKCS#12 Friendly Name");
        assert_eq!(tag, Some(tag::PKCS_12_FRIENDLY_NAME));
        assert_eq!(Names.tag_of_attribute_name("x-Purpose"), None);
        assert_eq!(Names.tag_of_attribute_name("Custom Attribute"), None);
    }
}
