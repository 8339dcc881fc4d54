//! The server's own tables, as the codecs and the comparison want them.

use keyward::protocol::names::Names as Standard;
use ttlv::{Kind, Names, Node, Tag, Value};

/// The standard's vocabulary.
pub static NAMES: Standard = Standard;

/// The name of a tag; of one without, "TTLV".
pub fn name_of(tag: Tag) -> &'static str {
    NAMES.tag_name(tag).unwrap_or("TTLV")
}

/// Reads a tree by the names of its tags.
pub trait Named<'a> {
    fn name(&self) -> &'static str;
    /// The first item at the end of a path of names.
    fn at(&self, path: &[&str]) -> Option<&Node<'a>>;
    fn all<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s Node<'a>>
    where
        'a: 's;
    fn text(&self) -> Option<&str>;
    fn bytes(&self) -> Option<&[u8]>;
    fn number(&self) -> Option<i64>;
    /// The name of an enumeration's value.
    fn enumeration(&self) -> Option<&'static str>;
    /// The Attribute Name inside an Attribute structure.
    fn attribute_name(&self) -> Option<&str>;
    /// Calls for this item and everything inside it.
    fn each(&self, visit: &mut dyn FnMut(&Node<'a>));
}

impl<'a> Named<'a> for Node<'a> {
    fn name(&self) -> &'static str {
        name_of(self.tag)
    }

    fn at(&self, path: &[&str]) -> Option<&Node<'a>> {
        path.iter()
            .try_fold(self, |node, name| node.all(name).next())
    }

    fn all<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s Node<'a>>
    where
        'a: 's,
    {
        self.items().iter().filter(move |item| item.name() == name)
    }

    fn text(&self) -> Option<&str> {
        match &self.value {
            Value::TextString(text) => Some(text),
            _ => None,
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        match &self.value {
            Value::ByteString(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn number(&self) -> Option<i64> {
        match self.value {
            Value::Integer(v) => Some(v.into()),
            Value::LongInteger(v) | Value::DateTime(v) => Some(v),
            _ => None,
        }
    }

    fn enumeration(&self) -> Option<&'static str> {
        match self.value {
            Value::Enumeration(v) => NAMES.enumeration_name(self.tag, v),
            _ => None,
        }
    }

    fn attribute_name(&self) -> Option<&str> {
        self.at(&["AttributeName"]).and_then(|name| name.text())
    }

    fn each(&self, visit: &mut dyn FnMut(&Node<'a>)) {
        visit(self);
        self.items().iter().for_each(|item| item.each(visit));
    }
}

/// The name that rules an item's type: for an Attribute Value, that of its attribute.
pub fn ruling_name(node: &Node<'_>, parent: &Node<'_>) -> &'static str {
    let named = || {
        parent
            .attribute_name()
            .and_then(|name| NAMES.tag_of_attribute_name(name))
    };
    let own = node.name();
    if own == "AttributeValue" {
        named().map_or(own, name_of)
    } else {
        own
    }
}

/// One line for a person, cut to a length that a terminal bears.
pub fn show(node: &Node<'_>) -> String {
    let mut line = String::new();
    if ttlv::xml::encode(node, &NAMES, &mut line).is_err() {
        return format!("{node:?}");
    }
    if line.chars().count() > 160 {
        line = line.chars().take(157).chain("...".chars()).collect();
    }
    line
}

/// The text of a value as XML writes it, for messages.
pub fn show_value(node: &Node<'_>, parent: &Node<'_>) -> String {
    if node.kind() == Kind::Structure {
        return show(node);
    }
    let tag = NAMES.tag(ruling_name(node, parent)).unwrap_or(node.tag);
    let line = show(&Node::new(tag, node.value.clone()));
    let value = line
        .split_once("value=\"")
        .map(|(_, rest)| rest.trim_end_matches("\"/>"));
    value.unwrap_or(&line).to_owned()
}
