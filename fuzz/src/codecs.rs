//! What decodes must encode and decode again to the same tree, in every encoding that can hold it.

use ttlv::names::{ATTRIBUTE_NAME, ATTRIBUTE_REFERENCE, ATTRIBUTE_VALUE};
use ttlv::{Limits, Names, Node, Tag, binary, json, xml};

/// A vocabulary of short names, so that a fuzzer finds them, with one of everything that the codecs
/// treat specially.
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

/// # Panics
/// When a tree is another one after it was written and read.
pub fn round_trip(node: &Node<'_>) {
    // The same tree is longer in another encoding, so only the input counts against the limits.
    let roomy = Limits {
        bytes: usize::MAX,
        ..Limits::default()
    };
    let written = binary::to_vec(node);
    assert_eq!(written.len(), binary::encoded_len(node));
    assert!(binary::decode(&written, &roomy).as_ref() == Ok(node));
    let mut document = String::new();
    json::encode(node, &Few, &mut document);
    assert!(json::decode(document.as_bytes(), &Few, &roomy).as_ref() == Ok(node));
    let mut document = String::new();
    // Control characters do not exist in XML.
    if xml::encode(node, &Few, &mut document).is_ok() {
        assert!(xml::decode(document.as_bytes(), &Few, &roomy).as_ref() == Ok(node));
    }
}
