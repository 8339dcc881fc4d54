//! The JSON encoding (Additional Message Encodings 1.0 §6).
//!
//! An item is `{"tag":"ProtocolVersionMajor","type":"Integer","value":1}`; a structure needs no
//! type and has an array for its value. A tag without a name is its number, `"0x540001"`.
//! Members may come in any order; a member given twice or unknown is refused.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::fmt::Write as _;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::names::{Names, ruling_tag};
use crate::node::{Kind, Node, Tag, Value};
use crate::text;
use crate::xml::attribute_name;

/// Integers beyond these do not survive a reader that has only doubles, so they are written in
/// hex (Additional Message Encodings 1.0 §6.2).
const EXACT_IN_DOUBLE: i64 = 1 << 52;

/// Exactly one item. Strings without escapes borrow from `document`.
pub fn decode<'a>(
    document: &'a [u8],
    names: &dyn Names,
    limits: &Limits,
) -> Result<Node<'a>, Error> {
    let length = document.len();
    if length > limits.bytes {
        return Err(ErrorKind::TooLong {
            length,
            limit: limits.bytes,
        }
        .into());
    }
    let text = std::str::from_utf8(document).map_err(|_| ErrorKind::BadUtf8)?;
    let state = State {
        limits,
        items: RefCell::new(0),
        refused: RefCell::new(None),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let item = ItemSeed {
        state: &state,
        depth: 0,
    }
    .deserialize(&mut deserializer);
    let item = item
        .and_then(|item| deserializer.end().map(|()| item))
        .map_err(|error| {
            let refused = state.refused.take();
            refused.unwrap_or_else(|| {
                let place = (error.line(), error.column());
                let what = match error.classify() {
                    serde_json::error::Category::Eof => "the document ends early",
                    _ => "not an item in JSON",
                };
                ErrorKind::Syntax(format!("{what}, line {} column {}", place.0, place.1))
            })
        })?;
    item.into_node(names, None)
}

/// What the parts of one parse share.
struct State<'l> {
    limits: &'l Limits,
    items: RefCell<usize>,
    /// Why our own code ended the parse: serde carries only text through.
    refused: RefCell<Option<ErrorKind>>,
}

impl State<'_> {
    fn refuse<E: serde::de::Error>(&self, kind: ErrorKind) -> E {
        self.refused.replace(Some(kind));
        E::custom("refused")
    }
}

/// An item as it stands in the document: names not looked up yet, since `type` may follow `value`.
#[derive(Default)]
struct Item<'a> {
    tag: Cow<'a, str>,
    kind: Option<Cow<'a, str>>,
    value: Raw<'a>,
}

#[derive(Default)]
enum Raw<'a> {
    #[default]
    None,
    Boolean(bool),
    Signed(i64),
    Unsigned(u64),
    Text(Cow<'a, str>),
    Items(Vec<Item<'a>>),
}

#[derive(Clone, Copy)]
struct ItemSeed<'s> {
    state: &'s State<'s>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = Item<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = Item<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with tag, type and value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item<'de>, A::Error> {
        let items = self.state.items.replace_with(|items| *items + 1) + 1;
        if items > self.state.limits.items {
            return Err(self
                .state
                .refuse(ErrorKind::TooManyItems(self.state.limits.items)));
        }
        let mut tag = None;
        let mut kind = None;
        let mut value = None;
        while let Some(Text(member)) = map.next_key()? {
            let again = match member.as_ref() {
                "tag" => tag.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "type" => kind.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "value" => value.replace(map.next_value_seed(RawSeed(self))?).is_some(),
                other => return Err(self.state.refuse(ErrorKind::unknown("member", other))),
            };
            if again {
                let twice = format!("member {member:?} given twice");
                return Err(self.state.refuse(ErrorKind::Syntax(twice)));
            }
        }
        let tag = tag.ok_or_else(|| {
            self.state
                .refuse(ErrorKind::Syntax("an item without a tag".to_owned()))
        })?;
        Ok(Item {
            tag,
            kind,
            value: value.unwrap_or_default(),
        })
    }
}

struct RawSeed<'s>(ItemSeed<'s>);

impl<'de> DeserializeSeed<'de> for RawSeed<'_> {
    type Value = Raw<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RawSeed<'_> {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or an array of items")
    }

    fn visit_unit<E>(self) -> Result<Raw<'de>, E> {
        Ok(Raw::None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw<'de>, E> {
        Ok(Raw::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw<'de>, E> {
        Ok(Raw::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw<'de>, E> {
        Ok(i64::try_from(value).map_or(Raw::Unsigned(value), Raw::Signed))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw<'de>, A::Error> {
        let ItemSeed { state, depth } = self.0;
        if depth >= state.limits.depth() {
            return Err(state.refuse(ErrorKind::TooDeep(state.limits.depth())));
        }
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(ItemSeed {
            state,
            depth: depth + 1,
        })? {
            items.push(item);
        }
        Ok(Raw::Items(items))
    }
}

/// A string, borrowed where it has no escapes (Cow's own Deserialize always copies).
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'a> Item<'a> {
    fn tag(&self, names: &dyn Names) -> Result<Tag, ErrorKind> {
        let number = text::hex_word(&self.tag)
            .filter(|tag| *tag <= 0xFF_FFFF)
            .map(Tag);
        let tag = number.or_else(|| names.tag(&self.tag));
        tag.ok_or_else(|| ErrorKind::unknown("tag", &self.tag))
    }

    fn into_node(self, names: &dyn Names, attribute: Option<&str>) -> Result<Node<'a>, Error> {
        let tag = self.tag(names)?;
        self.into_value(tag, names, attribute)
            .map(|value| Node { tag, value })
            .map_err(|error| error.within(tag))
    }

    fn into_value(
        self,
        tag: Tag,
        names: &dyn Names,
        attribute: Option<&str>,
    ) -> Result<Value<'a>, Error> {
        let kind = match self.kind.as_deref() {
            None => Kind::Structure,
            Some(name) => Kind::from_name(name).ok_or_else(|| ErrorKind::unknown("type", name))?,
        };
        match (kind, self.value) {
            (Kind::Structure, Raw::None) => Ok(Value::Structure(Vec::new())),
            (Kind::Structure, Raw::Items(items)) => {
                let mut nodes = Vec::with_capacity(items.len());
                let mut attribute: Option<String> = None;
                for item in items {
                    let node = item.into_node(names, attribute.as_deref())?;
                    if let Some(name) = attribute_name(&node) {
                        attribute = Some(name.to_owned());
                    }
                    nodes.push(node);
                }
                Ok(Value::Structure(nodes))
            }
            (_, Raw::Text(text)) => {
                let ruling = ruling_tag(names, tag, attribute);
                text::read(kind, ruling, text, names).map_err(Error::from)
            }
            (kind, value) => Ok(number(kind, &value)?),
        }
    }
}

/// A value written as a JSON number or literal.
fn number<'a>(kind: Kind, value: &Raw<'_>) -> Result<Value<'a>, ErrorKind> {
    let bad = |expected| ErrorKind::BadValue { kind, expected };
    let signed = match value {
        Raw::Boolean(value) if kind == Kind::Boolean => return Ok(Value::Boolean(*value)),
        Raw::Unsigned(value) if kind == Kind::BigInteger => {
            let bytes = u128::from(*value).to_be_bytes();
            return Ok(Value::big_integer(&bytes).into_owned());
        }
        Raw::Signed(value) => *value,
        _ => return Err(bad("another form of JSON value")),
    };
    let unsigned = || u32::try_from(signed).map_err(|_| bad("a number from 0 to 4294967295"));
    Ok(match kind {
        Kind::Integer => {
            let value = i32::try_from(signed).map_err(|_| bad("a number of 32 bits"))?;
            Value::Integer(value)
        }
        Kind::LongInteger => Value::LongInteger(signed),
        Kind::BigInteger => Value::big_integer(&signed.to_be_bytes()).into_owned(),
        Kind::Enumeration => Value::Enumeration(unsigned()?),
        Kind::Interval => Value::Interval(unsigned()?),
        Kind::DateTime => Value::DateTime(signed),
        Kind::DateTimeExtended => Value::DateTimeExtended(signed),
        Kind::Structure | Kind::Boolean | Kind::TextString | Kind::ByteString => {
            return Err(bad("another form of JSON value than a number"));
        }
    })
}

/// Appends the item without blanks.
pub fn encode(node: &Node<'_>, names: &dyn Names, out: &mut String) {
    item(node, None, names, out);
}

fn item(node: &Node<'_>, attribute: Option<&str>, names: &dyn Names, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match names.tag_name(node.tag) {
        Some(name) => write!(out, "{{\"tag\":\"{name}\","),
        None => write!(out, "{{\"tag\":\"{:?}\",", node.tag),
    };
    let Value::Structure(items) = &node.value else {
        let _ = write!(out, "\"type\":\"{}\",\"value\":", node.kind().name());
        value(
            &node.value,
            ruling_tag(names, node.tag, attribute),
            names,
            out,
        );
        out.push('}');
        return;
    };
    out.push_str("\"value\":[");
    let mut attribute = None;
    for (index, inner) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(inner, attribute, names, out);
        attribute = attribute_name(inner).or(attribute);
    }
    out.push_str("]}");
}

fn value(value: &Value<'_>, ruling: Tag, names: &dyn Names, out: &mut String) {
    let bare = match value {
        Value::Integer(v) => *v == 0 || !names.is_mask(ruling),
        Value::LongInteger(v) | Value::DateTimeExtended(v) => {
            if !(-EXACT_IN_DOUBLE..=EXACT_IN_DOUBLE).contains(v) {
                let _ = write!(out, "\"0x{v:016x}\"");
                return;
            }
            true
        }
        Value::Interval(_) | Value::Boolean(_) => true,
        Value::TextString(text) => return string(text, out),
        _ => false,
    };
    if bare {
        return text::write(value, ruling, '|', names, out);
    }
    out.push('"');
    if matches!(value, Value::BigInteger(_)) {
        out.push_str("0x");
    }
    text::write(value, ruling, '|', names, out);
    out.push('"');
}

/// RFC 8259 §7.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\u{1F}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
