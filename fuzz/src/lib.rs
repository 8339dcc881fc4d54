//! A vocabulary for the fuzz targets: short names, so that a fuzzer finds them, with one of
//! everything that the codecs treat specially.

use ttlv::names::{ATTRIBUTE_NAME, ATTRIBUTE_REFERENCE, ATTRIBUTE_VALUE};
use ttlv::{Names, Tag};

#[derive(Clone, Copy, Debug)]
pub struct Few;

const MASK: Tag = Tag(0x42002C);
const TAGS: [(Tag, &str); 5] = [
    (Tag(0x420008), "A"),
    (ATTRIBUTE_NAME, "N"),
    (ATTRIBUTE_VALUE, "V"),
    (ATTRIBUTE_REFERENCE, "R"),
    (MASK, "M"),
];

impl Names for Few {
    fn tag_name(&self, tag: Tag) -> Option<&str> {
        TAGS.iter().find(|row| row.0 == tag).map(|row| row.1)
    }
    fn tag(&self, name: &str) -> Option<Tag> {
        TAGS.iter().find(|row| row.1 == name).map(|row| row.0)
    }
    fn enumeration_name(&self, _: Tag, value: u32) -> Option<&str> {
        (value == 1).then_some("E")
    }
    fn enumeration(&self, _: Tag, name: &str) -> Option<u32> {
        (name == "E").then_some(1)
    }
    fn is_mask(&self, tag: Tag) -> bool {
        tag == MASK
    }
    fn mask_name(&self, _: Tag, bit: u32) -> Option<&str> {
        (bit == 4).then_some("B")
    }
    fn mask(&self, _: Tag, name: &str) -> Option<u32> {
        (name == "B").then_some(4)
    }
}
