//! The attributes of an object, in the terms of the newest version: a list of tags and values.
//! Rules live in the table (`attribute.rs`), shapes of older versions in `seam.rs`.

use ttlv::{Kind, Node, Tag, Value};

use super::attribute::{self, Instances};
use super::extension;
use super::structure::{Inexpressible, Item, Malformed, borrow, wrong_type};
use super::tag;
use super::version::Version;

/// Name of a vendor attribute (2.1 §4.68). A custom attribute `x-NAME` of 1.x is vendor `x`, name `NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VendorName {
    pub vendor: String,
    pub name: String,
}

/// Which attribute: a tag of the standard, or a vendor's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeReference {
    Standard(Tag),
    Vendor(VendorName),
}

impl AttributeReference {
    /// As error texts and logs name it.
    pub fn spoken(&self) -> String {
        match self {
            AttributeReference::Standard(tag) => super::structure::spoken(*tag),
            AttributeReference::Vendor(name) if name.vendor.is_empty() => name.name.clone(),
            AttributeReference::Vendor(name) => format!("{}-{}", name.vendor, name.name),
        }
    }

    pub fn row(&self) -> Option<&'static attribute::AttributeRow> {
        match self {
            AttributeReference::Standard(tag) => attribute::by_tag(*tag),
            AttributeReference::Vendor(_) => attribute::by_tag(tag::CUSTOM_ATTRIBUTE),
        }
    }

    /// Whether a message of that version may name it.
    pub fn is_in(&self, version: Version) -> bool {
        match self {
            AttributeReference::Standard(tag) => {
                attribute::by_tag(*tag).is_some_and(|row| row.is_in(version))
            }
            // 1.x can only write x- and y- (1.4 §3.36).
            AttributeReference::Vendor(name) => {
                version >= Version::V2_0 || matches!(name.vendor.as_str(), "x" | "y")
            }
        }
    }
}

impl Item for AttributeReference {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        match &node.value {
            Value::Enumeration(number) => Ok(extension::attribute(Tag(*number))
                .unwrap_or(AttributeReference::Standard(Tag(*number)))),
            Value::Structure(_) => VendorName::read(node).map(AttributeReference::Vendor),
            _ => Err(wrong_type(node, Kind::Enumeration)),
        }
    }

    fn write(&self, version: Version) -> Result<Value<'_>, Inexpressible> {
        match self {
            AttributeReference::Standard(tag) => Ok(Value::Enumeration(tag.0)),
            AttributeReference::Vendor(name) => name.write(version),
        }
    }
}

impl Item for VendorName {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let text = |tag: Tag| match node.child(tag).map(|item| &item.value) {
            Some(Value::TextString(text)) => Ok(text.clone().into_owned()),
            _ => Err(Malformed::Missing(super::structure::spoken(tag))),
        };
        Ok(VendorName {
            vendor: text(tag::VENDOR_IDENTIFICATION)?,
            name: text(tag::ATTRIBUTE_NAME)?,
        })
    }

    fn write(&self, _: Version) -> Result<Value<'_>, Inexpressible> {
        Ok(Value::Structure(vec![
            Node::text(tag::VENDOR_IDENTIFICATION, self.vendor.as_str()),
            Node::text(tag::ATTRIBUTE_NAME, self.name.as_str()),
        ]))
    }
}

/// One instance of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub reference: AttributeReference,
    /// Attribute Index of 1.x: stays with its instance for as long as that lives (1.4 §2.1.1).
    /// None on input that gave none.
    pub index: Option<i32>,
    pub value: Value<'static>,
}

impl Attribute {
    pub fn standard(tag: Tag, value: Value<'static>) -> Self {
        Attribute {
            reference: AttributeReference::Standard(tag),
            index: None,
            value,
        }
    }

    pub fn is(&self, tag: Tag) -> bool {
        self.reference == AttributeReference::Standard(tag)
    }

    /// Whether a message of that version shows it: a second Digest came with 2.0 (2.1 §4.21).
    fn is_in(&self, version: Version) -> bool {
        let later = self.is(tag::DIGEST) && self.index.unwrap_or(0) > 0;
        self.reference.is_in(version) && !(later && version < Version::V2_0)
    }

    /// Whether answers show Attribute Index 0. 1.4 §2.1.1 leaves it open; PyKMIP reads the index of
    /// everything there can be several of. Clients of 1.0 get the shortest form.
    fn shows_first_index(&self, version: Version) -> bool {
        let many = self
            .reference
            .row()
            .is_some_and(|row| row.instances == Instances::Many);
        many && Version::V1_1 <= version && version < Version::V2_0
    }

    fn put<'a>(&'a self, version: Version, out: &mut Vec<Node<'a>>) {
        let index = self.index.unwrap_or(0);
        if self.shows_first_index(version) && index == 0 {
            out.push(Node::new(tag::ATTRIBUTE_INDEX, Value::Integer(0)));
        }
        self.put_with_later_index(version, out);
    }

    fn put_with_later_index<'a>(&'a self, version: Version, out: &mut Vec<Node<'a>>) {
        if version < Version::V2_0
            && let Some(index) = self.index.filter(|index| *index != 0)
        {
            out.push(Node::new(tag::ATTRIBUTE_INDEX, Value::Integer(index)));
        }
        out.push(match &self.reference {
            AttributeReference::Standard(tag) => Node::new(*tag, borrow(&self.value)),
            AttributeReference::Vendor(name) => Node::structure(
                tag::ATTRIBUTE,
                vec![
                    Node::text(tag::VENDOR_IDENTIFICATION, name.vendor.as_str()),
                    Node::text(tag::ATTRIBUTE_NAME, name.name.as_str()),
                    Node::new(tag::ATTRIBUTE_VALUE, borrow(&self.value)),
                ],
            ),
        });
    }
}

/// The attributes of one object, or those that a request names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(pub Vec<Attribute>);

impl Attributes {
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    pub fn all<'a>(
        &'a self,
        reference: &'a AttributeReference,
    ) -> impl Iterator<Item = &'a Attribute> {
        self.0
            .iter()
            .filter(move |attribute| attribute.reference == *reference)
    }

    pub fn values(&self, tag: Tag) -> impl Iterator<Item = &Value<'static>> {
        self.0
            .iter()
            .filter(move |attribute| attribute.is(tag))
            .map(|attribute| &attribute.value)
    }

    pub fn get(&self, tag: Tag) -> Option<&Value<'static>> {
        self.values(tag).next()
    }

    pub fn has(&self, tag: Tag) -> bool {
        self.get(tag).is_some()
    }

    /// The first instance as its type; an error when it is of another type.
    pub fn typed<T: Item>(&self, tag: Tag) -> Result<Option<T>, Malformed> {
        self.get(tag)
            .map(|value| T::read(&Node::new(tag, borrow(value))))
            .transpose()
    }

    pub fn enumeration(&self, tag: Tag) -> Option<u32> {
        match self.get(tag) {
            Some(Value::Enumeration(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn integer(&self, tag: Tag) -> Option<i32> {
        match self.get(tag) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn boolean(&self, tag: Tag) -> Option<bool> {
        match self.get(tag) {
            Some(Value::Boolean(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn date(&self, tag: Tag) -> Option<i64> {
        match self.get(tag) {
            Some(Value::DateTime(seconds)) => Some(*seconds),
            _ => None,
        }
    }

    /// The one value of a single-instance attribute, replacing what was there.
    pub fn set(&mut self, tag: Tag, value: Value<'static>) {
        match self.0.iter_mut().find(|attribute| attribute.is(tag)) {
            Some(attribute) => attribute.value = value,
            None => self.0.push(Attribute::standard(tag, value)),
        }
    }

    pub fn set_if_absent(&mut self, tag: Tag, value: Value<'static>) {
        if !self.has(tag) {
            self.set(tag, value);
        }
    }

    /// Adds an instance; it gets the next free index unless it brings one.
    pub fn add(&mut self, mut attribute: Attribute) {
        if attribute.index.is_none() {
            let last = self
                .all(&attribute.reference)
                .map(|other| other.index.unwrap_or(0))
                .max();
            attribute.index = Some(last.map_or(0, |last| last.saturating_add(1)));
        }
        self.0.push(attribute);
    }

    pub fn remove(&mut self, tag: Tag) {
        self.0.retain(|attribute| !attribute.is(tag));
    }
}

impl Item for Attributes {
    fn read(node: &Node<'_>) -> Result<Self, Malformed> {
        let Value::Structure(items) = &node.value else {
            return Err(wrong_type(node, Kind::Structure));
        };
        let mut index = None;
        let mut attributes = Vec::with_capacity(items.len());
        for item in items {
            match item.tag {
                tag::ATTRIBUTE_INDEX => index = Some(i32::read(item)?),
                tag::ATTRIBUTE => {
                    let value = item
                        .child(tag::ATTRIBUTE_VALUE)
                        .ok_or_else(|| Malformed::Missing("Attribute Value".to_owned()))?;
                    attributes.push(Attribute {
                        reference: AttributeReference::Vendor(VendorName::read(item)?),
                        index: index.take(),
                        value: value.value.clone().into_owned(),
                    });
                }
                standard => attributes.push(Attribute {
                    reference: extension::attribute(standard)
                        .unwrap_or(AttributeReference::Standard(standard)),
                    index: index.take(),
                    value: item.value.clone().into_owned(),
                }),
            }
        }
        Ok(Attributes(attributes))
    }

    fn write(&self, version: Version) -> Result<Value<'_>, Inexpressible> {
        let mut out = Vec::with_capacity(self.0.len());
        for attribute in self.0.iter().filter(|attribute| attribute.is_in(version)) {
            attribute.put(version, &mut out);
        }
        Ok(Value::Structure(out))
    }
}

/// How the store keeps attributes: every one, whatever its versions, with its index.
pub fn canonical(attributes: &Attributes) -> Node<'_> {
    let mut out = Vec::with_capacity(attributes.0.len());
    for attribute in &attributes.0 {
        // 1.4 is the last version that writes the index; 0 is not kept.
        attribute.put_with_later_index(Version::V1_4, &mut out);
    }
    Node::structure(tag::ATTRIBUTES, out)
}
