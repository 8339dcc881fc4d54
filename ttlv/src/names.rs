//! The names that XML and JSON write where binary TTLV has numbers.

use crate::node::Tag;

/// KMIP 1.x §2.1.1: the attribute's name as text, which decides the type of the value beside it.
pub const ATTRIBUTE_NAME: Tag = Tag(0x42000A);
pub const ATTRIBUTE_VALUE: Tag = Tag(0x42000B);
/// KMIP 2.1 §11.57 (Tag): its enumeration values are tags.
pub const ATTRIBUTE_REFERENCE: Tag = Tag(0x42013B);

/// Tables of a KMIP vocabulary, in the spelling of Additional Message Encodings 1.0 §6.1.3
/// ("CryptographicUsageMask"; see [`normalize`]).
///
/// `tag` of the enumeration and mask methods is the tag of the item that carries the value: an
/// implementation knows where that differs from the enumeration's own name
/// (MaskGeneratorHashingAlgorithm carries a HashingAlgorithm).
pub trait Names {
    fn tag_name(&self, tag: Tag) -> Option<&str>;
    fn tag(&self, name: &str) -> Option<Tag>;

    fn enumeration_name(&self, tag: Tag, value: u32) -> Option<&str>;
    fn enumeration(&self, tag: Tag, name: &str) -> Option<u32>;

    /// Whether Integers of this tag are masks, written as names of bits.
    fn is_mask(&self, tag: Tag) -> bool;
    /// `bit` has exactly one bit set.
    fn mask_name(&self, tag: Tag, bit: u32) -> Option<&str>;
    fn mask(&self, tag: Tag, name: &str) -> Option<u32>;

    /// Whether enumeration values of this tag are themselves tags.
    fn holds_tags(&self, tag: Tag) -> bool {
        tag == ATTRIBUTE_REFERENCE
    }

    /// The tag whose type an Attribute Value has beside this Attribute Name ("Cryptographic
    /// Algorithm"); none for custom attributes (x-, y-).
    fn tag_of_attribute_name(&self, name: &str) -> Option<Tag> {
        self.tag(&normalize(name))
    }
}

impl<N: Names + ?Sized> Names for &N {
    fn tag_name(&self, tag: Tag) -> Option<&str> {
        (**self).tag_name(tag)
    }
    fn tag(&self, name: &str) -> Option<Tag> {
        (**self).tag(name)
    }
    fn enumeration_name(&self, tag: Tag, value: u32) -> Option<&str> {
        (**self).enumeration_name(tag, value)
    }
    fn enumeration(&self, tag: Tag, name: &str) -> Option<u32> {
        (**self).enumeration(tag, name)
    }
    fn is_mask(&self, tag: Tag) -> bool {
        (**self).is_mask(tag)
    }
    fn mask_name(&self, tag: Tag, bit: u32) -> Option<&str> {
        (**self).mask_name(tag, bit)
    }
    fn mask(&self, tag: Tag, name: &str) -> Option<u32> {
        (**self).mask(tag, name)
    }
    fn holds_tags(&self, tag: Tag) -> bool {
        (**self).holds_tags(tag)
    }
    fn tag_of_attribute_name(&self, name: &str) -> Option<Tag> {
        (**self).tag_of_attribute_name(name)
    }
}

/// No names at all: everything is written as numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers;

impl Names for Numbers {
    fn tag_name(&self, _: Tag) -> Option<&str> {
        None
    }
    fn tag(&self, _: &str) -> Option<Tag> {
        None
    }
    fn enumeration_name(&self, _: Tag, _: u32) -> Option<&str> {
        None
    }
    fn enumeration(&self, _: Tag, _: &str) -> Option<u32> {
        None
    }
    fn is_mask(&self, _: Tag) -> bool {
        false
    }
    fn mask_name(&self, _: Tag, _: u32) -> Option<&str> {
        None
    }
    fn mask(&self, _: Tag, _: &str) -> Option<u32> {
        None
    }
}

/// The tag that rules the names of a value: its own, or, for an Attribute Value, that of the
/// attribute named beside it.
pub(crate) fn ruling_tag(names: &dyn Names, tag: Tag, attribute: Option<&str>) -> Tag {
    match attribute {
        Some(name) if tag == ATTRIBUTE_VALUE => names.tag_of_attribute_name(name).unwrap_or(tag),
        _ => tag,
    }
}

/// A name of the specification's prose as XML and JSON spell it (Additional Message Encodings
/// 1.0 §6.1.3): "Cryptographic Usage Mask" is CryptographicUsageMask, "PKCS#1 v1.5" PKCS_1V1_5.
pub fn normalize(name: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let chars: Vec<char> = name
        .chars()
        .map(|c| if c == '(' || c == ')' { ' ' } else { c })
        .collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or(' ');
    let mut spelled = String::with_capacity(name.len());
    let mut start_of_word = true;
    let mut leading_digits = String::new();
    let mut first_word = true;
    for (i, &c) in chars.iter().enumerate() {
        // A separator before a capitalised or plain word starts a new one; before an
        // abbreviation or a digit it is an underscore.
        let splits = !word(c) && at(i + 1).is_ascii_alphabetic() && at(i + 2).is_ascii_lowercase();
        if c.is_whitespace() || splits {
            if !(spelled.is_empty() && leading_digits.is_empty()) {
                first_word = false;
                spelled.push_str(&std::mem::take(&mut leading_digits));
            }
            start_of_word = true;
            continue;
        }
        if first_word && spelled.is_empty() && c.is_ascii_digit() {
            leading_digits.push(c);
        } else if start_of_word {
            spelled.push(if word(c) { c.to_ascii_uppercase() } else { '_' });
            start_of_word = false;
        } else {
            spelled.push(if word(c) { c } else { '_' });
        }
    }
    spelled.push_str(&leading_digits);
    spelled
}
