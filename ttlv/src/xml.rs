//! The XML encoding (Additional Message Encodings 1.0 §5).
//!
//! An item is an element named by its tag, `<ProtocolVersionMajor type="Integer" value="1"/>`;
//! a tag without a name is `<TTLV tag="0x540001" …>`. No DTD, no processing instruction, no
//! entity but the five predefined ones and character references.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::names::{ATTRIBUTE_NAME, Names, ruling_tag};
use crate::node::{Kind, Node, Tag, Value};
use crate::text;

/// Exactly one item.
pub fn decode(document: &[u8], names: &dyn Names, limits: &Limits) -> Result<Node<'static>, Error> {
    let mut decoder = Decoder::new(names, limits, None);
    decoder.run(document)?;
    decoder
        .roots
        .pop()
        .ok_or_else(|| syntax("no element").into())
}

/// Stands in for the text of a value: called with tag, type and text before the text is read.
pub type Substitute<'s> = dyn FnMut(Tag, Kind, &str) -> Option<Value<'static>> + 's;

/// The items inside one element that is not itself a tag, as test cases hold their messages in
/// `<KMIP>`. `substitute` may replace any value, which is how placeholders are read.
pub fn decode_collection(
    document: &[u8],
    names: &dyn Names,
    limits: &Limits,
    substitute: &mut Substitute<'_>,
) -> Result<Vec<Node<'static>>, Error> {
    let mut decoder = Decoder::new(names, limits, Some(substitute));
    decoder.run(document)?;
    Ok(decoder.roots)
}

/// An element that has begun and not ended.
enum Open {
    Structure {
        tag: Tag,
        items: Vec<Node<'static>>,
        /// The text of the Attribute Name among the items so far; it stands before the Attribute
        /// Value whose type it decides (KMIP 1.4 §2.1.1).
        attribute: Option<String>,
    },
    /// Has its value in an attribute and must have nothing inside.
    Value(Node<'static>),
    /// The element around a collection.
    Wrapper,
}

struct Decoder<'d> {
    names: &'d dyn Names,
    limits: &'d Limits,
    substitute: Option<&'d mut Substitute<'d>>,
    open: Vec<Open>,
    roots: Vec<Node<'static>>,
    items: usize,
    /// The root element has ended.
    complete: bool,
}

impl<'d> Decoder<'d> {
    fn new(
        names: &'d dyn Names,
        limits: &'d Limits,
        substitute: Option<&'d mut Substitute<'d>>,
    ) -> Self {
        let (open, roots) = (Vec::new(), Vec::new());
        Decoder {
            names,
            limits,
            substitute,
            open,
            roots,
            items: 0,
            complete: false,
        }
    }

    fn run(&mut self, document: &[u8]) -> Result<(), Error> {
        self.events(document).map_err(|error| {
            let tags = self.open.iter().rev().filter_map(|open| match open {
                Open::Structure { tag, .. } => Some(*tag),
                Open::Value(node) => Some(node.tag),
                Open::Wrapper => None,
            });
            tags.fold(error, Error::within)
        })
    }

    fn events(&mut self, document: &[u8]) -> Result<(), Error> {
        let length = document.len();
        if length > self.limits.bytes {
            return Err(ErrorKind::TooLong {
                length,
                limit: self.limits.bytes,
            }
            .into());
        }
        let text = std::str::from_utf8(document).map_err(|_| ErrorKind::BadUtf8)?;
        let mut reader = Reader::from_str(text.strip_prefix('\u{FEFF}').unwrap_or(text));
        loop {
            // The parser's own messages name positions and markup, never values.
            match reader
                .read_event()
                .map_err(|error| syntax(&error.to_string()))?
            {
                Event::Start(element) => self.begin(&element)?,
                Event::Empty(element) => {
                    self.begin(&element)?;
                    self.end()?;
                }
                Event::End(_) => self.end()?,
                Event::Text(text) if text.chars().all(|c| c.is_ascii_whitespace()) => {}
                Event::Comment(_) => {}
                // Test cases have headings between their messages.
                Event::Text(_) if matches!(self.open.last(), Some(Open::Wrapper)) => {}
                Event::Decl(declaration) => {
                    let utf8 = |name: &str| name.eq_ignore_ascii_case("utf-8");
                    match declaration.encoding() {
                        None => {}
                        Some(Ok(name)) if utf8(&name) => {}
                        Some(_) => return Err(syntax("only UTF-8 is read").into()),
                    }
                }
                Event::Eof if self.complete => return Ok(()),
                Event::Eof => {
                    return Err(ErrorKind::Truncated {
                        needed: 1,
                        available: 0,
                    }
                    .into());
                }
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    return Err(syntax("text between elements").into());
                }
                Event::DocType(_) => return Err(syntax("a DTD is not accepted").into()),
                Event::PI(_) => {
                    return Err(syntax("a processing instruction is not accepted").into());
                }
            }
        }
    }

    fn begin(&mut self, element: &BytesStart<'_>) -> Result<(), Error> {
        if self.complete {
            return Err(syntax("more than one root element").into());
        }
        self.items += 1;
        if self.items > self.limits.items {
            return Err(ErrorKind::TooManyItems(self.limits.items).into());
        }
        if self.open.len() >= self.limits.depth() + usize::from(self.substitute.is_some()) {
            return Err(ErrorKind::TooDeep(self.limits.depth()).into());
        }
        let attributes = Attributes::read(element)?;
        let name = element.local_name();
        let name = name.as_ref();
        let tag = if name == "TTLV" {
            attributes
                .tag
                .as_deref()
                .and_then(text::hex_word)
                .filter(|tag| *tag <= 0xFF_FFFF)
        } else {
            self.names.tag(name).map(|tag| tag.0)
        };
        let Some(tag) = tag.map(Tag) else {
            if self.open.is_empty() && self.substitute.is_some() {
                self.open.push(Open::Wrapper);
                return Ok(());
            }
            return Err(ErrorKind::unknown("tag", name).into());
        };
        let attribute = match self.open.last() {
            Some(Open::Structure { attribute, .. }) => attribute.as_deref(),
            Some(Open::Value(_)) => return Err(syntax("an element inside a value").into()),
            Some(Open::Wrapper) | None => None,
        };
        let ruling = ruling_tag(self.names, tag, attribute);
        let open = attributes.open(tag, ruling, self.names, &mut self.substitute);
        self.open
            .push(open.map_err(|kind| Error::from(kind).within(tag))?);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        let node = match self.open.pop() {
            None => return Err(syntax("an end without a start").into()),
            Some(Open::Wrapper) => {
                self.complete = true;
                return Ok(());
            }
            Some(Open::Structure { tag, items, .. }) => Node::structure(tag, items),
            Some(Open::Value(node)) => node,
        };
        match self.open.last_mut() {
            Some(Open::Structure {
                items, attribute, ..
            }) => {
                if let Some(name) = attribute_name(&node) {
                    *attribute = Some(name.to_owned());
                }
                items.push(node);
            }
            Some(Open::Wrapper) => self.roots.push(node),
            None => {
                self.roots.push(node);
                self.complete = true;
            }
            Some(Open::Value(_)) => return Err(syntax("an element inside a value").into()),
        }
        Ok(())
    }
}

/// The XML attributes that mean something; `name` and prefixed ones (xmlns, xsi) do not.
#[derive(Default)]
struct Attributes<'a> {
    tag: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    value: Option<Cow<'a, str>>,
}

impl<'a> Attributes<'a> {
    fn read(element: &'a BytesStart<'_>) -> Result<Self, ErrorKind> {
        let mut read = Attributes::default();
        let mut attributes = element.attributes();
        // Its own search for duplicates is quadratic; ours is below.
        attributes.with_checks(false);
        for attribute in attributes {
            let attribute = attribute.map_err(|error| syntax(&error.to_string()))?;
            let field = match attribute.key.0 {
                "tag" => &mut read.tag,
                "type" => &mut read.kind,
                "value" => &mut read.value,
                "name" | "xmlns" => continue,
                prefixed if prefixed.contains(':') => continue,
                other => return Err(ErrorKind::unknown("XML attribute", other)),
            };
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| syntax("an attribute's value holds an unknown entity"))?;
            if let Some(char) = value.chars().find(|c| !is_xml_char(*c)) {
                return Err(ErrorKind::Unrepresentable(u32::from(char)));
            }
            if field.replace(value).is_some() {
                return Err(syntax("an XML attribute given twice"));
            }
        }
        Ok(read)
    }

    fn open(
        self,
        tag: Tag,
        ruling: Tag,
        names: &dyn Names,
        substitute: &mut Option<&mut Substitute<'_>>,
    ) -> Result<Open, ErrorKind> {
        let kind = match self.kind.as_deref() {
            None => Kind::Structure,
            Some(name) => Kind::from_name(name).ok_or_else(|| ErrorKind::unknown("type", name))?,
        };
        if kind == Kind::Structure {
            return match self.value.as_deref() {
                None | Some("") => Ok(Open::Structure {
                    tag,
                    items: Vec::new(),
                    attribute: None,
                }),
                Some(_) => Err(ErrorKind::BadValue {
                    kind,
                    expected: "elements inside",
                }),
            };
        }
        let value = self.value.ok_or_else(|| syntax("no value"))?;
        let replaced = substitute
            .as_mut()
            .and_then(|substitute| substitute(tag, kind, &value));
        let value = match replaced {
            Some(value) => value,
            None => text::read(kind, ruling, Cow::Owned(value.into_owned()), names)?,
        };
        Ok(Open::Value(Node::new(tag, value)))
    }
}

fn syntax(what: &str) -> ErrorKind {
    ErrorKind::Syntax(what.to_owned())
}

/// XML 1.0 §2.2, production Char.
fn is_xml_char(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Appends the item without blanks between elements and without an XML declaration.
///
/// # Errors
/// [`ErrorKind::Unrepresentable`] for text with a character that XML 1.0 does not have
/// (most control characters); `out` then holds a part of the document.
pub fn encode(node: &Node<'_>, names: &dyn Names, out: &mut String) -> Result<(), Error> {
    Writer {
        names,
        indent: None,
        out,
    }
    .item(node, None, 0)
}

/// As [`encode`], one element a line, for people.
///
/// # Errors
/// Those of [`encode`].
pub fn encode_indented(node: &Node<'_>, names: &dyn Names, out: &mut String) -> Result<(), Error> {
    Writer {
        names,
        indent: Some("  "),
        out,
    }
    .item(node, None, 0)
}

struct Writer<'w> {
    names: &'w dyn Names,
    indent: Option<&'static str>,
    out: &'w mut String,
}

impl Writer<'_> {
    fn item(
        &mut self,
        node: &Node<'_>,
        attribute: Option<&str>,
        depth: usize,
    ) -> Result<(), Error> {
        let names = self.names;
        let element = names.tag_name(node.tag);
        self.start_line(depth);
        match element {
            Some(name) => self.push(&["<", name]),
            None => self.push(&["<TTLV tag=\"", &format!("{:?}", node.tag), "\""]),
        }
        let Value::Structure(items) = &node.value else {
            self.push(&[" type=\"", node.kind().name(), "\" value=\""]);
            self.value(&node.value, ruling_tag(names, node.tag, attribute))
                .map_err(|kind| Error::from(kind).within(node.tag))?;
            self.out.push_str("\"/>");
            return Ok(());
        };
        if items.is_empty() {
            self.out.push_str("/>");
            return Ok(());
        }
        self.out.push('>');
        let mut attribute = None;
        for item in items {
            self.item(item, attribute, depth + 1)
                .map_err(|error| error.within(node.tag))?;
            attribute = attribute_name(item).or(attribute);
        }
        self.start_line(depth);
        self.push(&["</", element.unwrap_or("TTLV"), ">"]);
        Ok(())
    }

    fn push(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.out.push_str(part));
    }

    fn start_line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            if !self.out.is_empty() {
                self.out.push('\n');
            }
            (0..depth).for_each(|_| self.out.push_str(indent));
        }
    }

    fn value(&mut self, value: &Value<'_>, ruling: Tag) -> Result<(), ErrorKind> {
        let Value::TextString(text) = value else {
            // Names, numbers and hex digits have nothing to escape.
            text::write(value, ruling, ' ', self.names, self.out);
            return Ok(());
        };
        for c in text.chars() {
            match c {
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                '"' => self.out.push_str("&quot;"),
                // As they are, a reader would take them for blanks (XML 1.0 §3.3.3).
                '\t' => self.out.push_str("&#9;"),
                '\n' => self.out.push_str("&#10;"),
                '\r' => self.out.push_str("&#13;"),
                c if is_xml_char(c) => self.out.push(c),
                c => return Err(ErrorKind::Unrepresentable(u32::from(c))),
            }
        }
        Ok(())
    }
}

/// The text of an Attribute Name: from it on, it decides the type of the Attribute Values among
/// its siblings.
pub(crate) fn attribute_name<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match &node.value {
        Value::TextString(name) if node.tag == ATTRIBUTE_NAME => Some(name.as_ref()),
        _ => None,
    }
}
