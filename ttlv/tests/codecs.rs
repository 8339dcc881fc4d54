//! The three codecs against the standard's examples, against each other and against noise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::borrow::Cow;

use proptest::prelude::*;
use ttlv::names::{self, Numbers};
use ttlv::{ErrorKind, Kind, Limits, Names, Node, Tag, Value, binary, json, xml};

/// A vocabulary small enough to read, with everything that the codecs treat specially.
struct Few;

const TAGS: [(u32, &str); 8] = [
    (0x420008, "Attribute"),
    (0x42000A, "AttributeName"),
    (0x42000B, "AttributeValue"),
    (0x420020, "CompromiseDate"),
    (0x420028, "CryptographicAlgorithm"),
    (0x42002C, "CryptographicUsageMask"),
    (0x42013B, "AttributeReference"),
    (0x420078, "RequestMessage"),
];
const ALGORITHM: Tag = Tag(0x420028);
const MASK: Tag = Tag(0x42002C);
const ALGORITHMS: [(u32, &str); 2] = [(2, "DES3"), (3, "AES")];
const BITS: [(u32, &str); 3] = [(1, "Sign"), (4, "Encrypt"), (8, "Decrypt")];

fn name_of(table: &'static [(u32, &'static str)], value: u32) -> Option<&'static str> {
    table.iter().find(|row| row.0 == value).map(|row| row.1)
}

fn value_of(table: &[(u32, &str)], name: &str) -> Option<u32> {
    table.iter().find(|row| row.1 == name).map(|row| row.0)
}

impl Names for Few {
    fn tag_name(&self, tag: Tag) -> Option<&str> {
        name_of(&TAGS, tag.0)
    }
    fn tag(&self, name: &str) -> Option<Tag> {
        value_of(&TAGS, name).map(Tag)
    }
    fn enumeration_name(&self, tag: Tag, value: u32) -> Option<&str> {
        if tag == ALGORITHM {
            name_of(&ALGORITHMS, value)
        } else {
            None
        }
    }
    fn enumeration(&self, tag: Tag, name: &str) -> Option<u32> {
        if tag == ALGORITHM {
            value_of(&ALGORITHMS, name)
        } else {
            None
        }
    }
    fn is_mask(&self, tag: Tag) -> bool {
        tag == MASK
    }
    fn mask_name(&self, tag: Tag, bit: u32) -> Option<&str> {
        if tag == MASK {
            name_of(&BITS, bit)
        } else {
            None
        }
    }
    fn mask(&self, tag: Tag, name: &str) -> Option<u32> {
        if tag == MASK {
            value_of(&BITS, name)
        } else {
            None
        }
    }
}

const LIMITS: Limits = Limits {
    depth: 32,
    items: 20_000,
    bytes: 1 << 20,
};
const T: Tag = Tag(0x420020);

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap())
        .collect()
}

fn xml_of(node: &Node<'_>, names: &dyn Names) -> String {
    let mut out = String::new();
    xml::encode(node, names, &mut out).unwrap();
    out
}

fn json_of(node: &Node<'_>, names: &dyn Names) -> String {
    let mut out = String::new();
    json::encode(node, names, &mut out);
    out
}

/// KMIP 1.0 §9.1.2 (the later specifications, which dropped the section, encode the same).
#[test]
fn standard_examples() {
    let examples = [
        (Value::Integer(8), "420020 02 00000004 00000008 00000000"),
        (
            Value::LongInteger(123_456_789_000_000_000),
            "420020 03 00000008 01B69B4BA5749200",
        ),
        (
            Value::big_integer(&1_234_567_890_000_000_000_000_000_000_i128.to_be_bytes())
                .into_owned(),
            "420020 04 00000010 0000000003FD35EB 6BC2DF4618080000",
        ),
        (
            Value::Enumeration(255),
            "420020 05 00000004 000000FF 00000000",
        ),
        (Value::Boolean(true), "420020 06 00000008 0000000000000001"),
        (
            Value::TextString("Hello World".into()),
            "420020 07 0000000B 48656C6C6F20576F 726C640000000000",
        ),
        (
            Value::ByteString(Cow::Borrowed(&[1, 2, 3])),
            "420020 08 00000003 0102030000000000",
        ),
        (
            Value::DateTime(1_205_495_800),
            "420020 09 00000008 0000000047DA67F8",
        ),
        (
            Value::Interval(864_000),
            "420020 0A 00000004 000D2F00 00000000",
        ),
        (
            Value::Structure(vec![
                Node::new(Tag(0x420004), Value::Enumeration(254)),
                Node::new(Tag(0x420005), Value::Integer(255)),
            ]),
            "420020 01 00000020 420004 05 00000004 000000FE00000000 \
             420005 02 00000004 000000FF00000000",
        ),
        // KMIP 2.1 §10.1.2: a Long Integer's form, of another type.
        (
            Value::DateTimeExtended(-1),
            "420020 0B 00000008 FFFFFFFFFFFFFFFF",
        ),
        (
            Value::big_integer(&[0xFF, 0xFE]),
            "420020 04 00000008 FFFFFFFFFFFFFFFE",
        ),
        (
            Value::big_integer(&[]),
            "420020 04 00000008 0000000000000000",
        ),
    ];
    for (value, bytes) in examples {
        let node = Node::new(T, value);
        let bytes = hex(bytes);
        assert_eq!(binary::to_vec(&node), bytes, "{node:?}");
        assert_eq!(binary::encoded_len(&node), bytes.len(), "{node:?}");
        assert_eq!(binary::decode(&bytes, &LIMITS).unwrap(), node);
    }
}

#[test]
fn binary_refuses() {
    let refused = |bytes: &str| {
        binary::decode(&hex(bytes), &LIMITS)
            .unwrap_err()
            .kind()
            .clone()
    };
    let wrong = |kind, length| ErrorKind::WrongLength { kind, length };
    let rows = [
        (
            "",
            ErrorKind::Truncated {
                needed: 8,
                available: 0,
            },
        ),
        (
            "42002002000000",
            ErrorKind::Truncated {
                needed: 8,
                available: 7,
            },
        ),
        (
            "420020 02 00000004 00000008",
            ErrorKind::Truncated {
                needed: 8,
                available: 4,
            },
        ),
        (
            "420020 02 00000008 0000000000000008",
            wrong(Kind::Integer, 8),
        ),
        (
            "420020 03 00000004 00000008 00000000",
            wrong(Kind::LongInteger, 4),
        ),
        ("420020 04 00000000", wrong(Kind::BigInteger, 0)),
        (
            "420020 04 00000001 0100000000000000",
            wrong(Kind::BigInteger, 1),
        ),
        (
            "420020 05 00000003 0000000800000000",
            wrong(Kind::Enumeration, 3),
        ),
        ("420020 06 00000008 0000000000000002", ErrorKind::BadBoolean),
        ("420020 06 00000008 0100000000000001", ErrorKind::BadBoolean),
        ("420020 07 00000001 FF00000000000000", ErrorKind::BadUtf8),
        (
            "420020 07 FFFFFFFF",
            ErrorKind::Truncated {
                needed: 1 << 32,
                available: 0,
            },
        ),
        ("420020 01 00000004 00000000", wrong(Kind::Structure, 4)),
        ("420020 00 00000000", ErrorKind::UnknownType(0)),
        ("420020 0C 00000000", ErrorKind::UnknownType(12)),
        (
            "420020 0A 00000004 00000001 00000000 00",
            ErrorKind::TrailingBytes(1),
        ),
    ];
    for (bytes, kind) in rows {
        assert_eq!(refused(bytes), kind, "{bytes}");
    }
    // An item must not reach beyond the structure that holds it.
    let bytes = hex("420078 01 00000010 420020 07 00000009 4142434445464748 4900000000000000");
    let error = binary::decode(&bytes, &LIMITS);
    assert_eq!(
        error.unwrap_err().to_string(),
        "0x420078/0x420020: the message ends early: 16 bytes needed, 8 there"
    );
}

#[test]
fn padding_is_not_looked_at() {
    let bytes = hex("420020 02 00000004 00000008 DEADBEEF");
    assert_eq!(
        binary::decode(&bytes, &LIMITS).unwrap().value,
        Value::Integer(8)
    );
}

#[test]
fn message_lengths() {
    let of = |text: &str| binary::message_length(hex(text).as_slice().try_into().unwrap());
    assert_eq!(of("420078 01 00000020").unwrap(), 40);
    assert_eq!(of("420078 01 FFFFFFF8").unwrap(), 0x1_0000_0000);
    assert!(of("420078 01 00000001").is_err());
    // The start of a TLS record and of an HTTP request.
    assert!(of("160301 02 00010001").is_err());
    assert!(of("474554 20 2F204854").is_err());
}

#[test]
fn limits_hold() {
    let mut deep = Node::structure(T, vec![]);
    for _ in 0..32 {
        deep = Node::structure(T, vec![deep]);
    }
    let wide = Node::structure(T, vec![Node::structure(T, vec![]); 100]);
    let few = Limits {
        items: 100,
        ..LIMITS
    };
    let small = Limits {
        bytes: 100,
        ..LIMITS
    };
    // Whatever the configuration says, recursion stays bounded.
    let boundless = Limits {
        depth: usize::MAX,
        ..LIMITS
    };
    let mut abyss = Node::structure(T, vec![]);
    for _ in 0..Limits::MAX_DEPTH {
        abyss = Node::structure(T, vec![abyss]);
    }
    let rows = [
        (&deep, &LIMITS, ErrorKind::TooDeep(32)),
        (&wide, &few, ErrorKind::TooManyItems(100)),
        (&abyss, &boundless, ErrorKind::TooDeep(Limits::MAX_DEPTH)),
    ];
    for (node, limits, kind) in rows {
        let results = [
            binary::decode(&binary::to_vec(node), limits).map(Node::into_owned),
            xml::decode(xml_of(node, &Few).as_bytes(), &Few, limits),
            json::decode(json_of(node, &Few).as_bytes(), &Few, limits).map(Node::into_owned),
        ];
        for result in results {
            assert_eq!(*result.unwrap_err().kind(), kind);
        }
    }
    let results = [
        binary::decode(&binary::to_vec(&wide), &small).map(Node::into_owned),
        xml::decode(xml_of(&wide, &Few).as_bytes(), &Few, &small),
        json::decode(json_of(&wide, &Few).as_bytes(), &Few, &small).map(Node::into_owned),
    ];
    for result in results {
        assert!(matches!(
            result.unwrap_err().kind(),
            ErrorKind::TooLong { limit: 100, .. }
        ));
    }
    // One level and one item fewer are accepted.
    let Value::Structure(mut inner) = deep.value else {
        panic!()
    };
    let node = inner.remove(0);
    assert!(binary::decode(&binary::to_vec(&node), &LIMITS).is_ok());
    assert!(xml::decode(xml_of(&node, &Few).as_bytes(), &Few, &LIMITS).is_ok());
    assert!(json::decode(json_of(&node, &Few).as_bytes(), &Few, &LIMITS).is_ok());
}

fn attribute(name: &'static str, value: Value<'static>) -> Node<'static> {
    let name = Node::text(names::ATTRIBUTE_NAME, name);
    Node::structure(
        Tag(0x420008),
        vec![name, Node::new(names::ATTRIBUTE_VALUE, value)],
    )
}

/// How values are written; each row is read back as well.
#[test]
fn written_forms() {
    let rows = [
        (
            Node::new(T, Value::Integer(-8)),
            r#"type="Integer" value="-8""#,
            "-8",
        ),
        (
            Node::new(MASK, Value::Integer(12)),
            r#"value="Encrypt Decrypt""#,
            r#""Encrypt|Decrypt""#,
        ),
        (
            Node::new(MASK, Value::Integer(0)),
            r#"value="0""#,
            r#""value":0"#,
        ),
        (
            Node::new(MASK, Value::Integer(i32::MIN | 1)),
            r#"value="Sign 0x80000000""#,
            r#""Sign|0x80000000""#,
        ),
        (
            Node::new(ALGORITHM, Value::Enumeration(3)),
            r#"value="AES""#,
            r#""AES""#,
        ),
        (
            Node::new(ALGORITHM, Value::Enumeration(99)),
            r#"value="0x00000063""#,
            r#""0x00000063""#,
        ),
        (
            Node::new(T, Value::LongInteger(1 << 52)),
            r#""4503599627370496""#,
            ":4503599627370496}",
        ),
        (
            Node::new(T, Value::LongInteger(-1 << 60)),
            "-1152921504606846976",
            r#""0xf000000000000000""#,
        ),
        (
            Node::new(T, Value::big_integer(&[0x80])),
            r#""ffffffffffffff80""#,
            r#""0xffffffffffffff80""#,
        ),
        (
            Node::new(T, Value::Boolean(true)),
            r#"value="true""#,
            ":true",
        ),
        (
            Node::bytes(T, &[0xAB, 1][..]),
            r#"value="ab01""#,
            r#""ab01""#,
        ),
        (
            Node::new(T, Value::DateTime(1_205_495_800)),
            "2008-03-14T11:56:40+00:00",
            "2008-03-14T11:56:40+00:00",
        ),
        (
            Node::new(T, Value::DateTime(-1)),
            "1969-12-31T23:59:59+00:00",
            "1969-12-31T23:59:59+00:00",
        ),
        (
            Node::new(T, Value::DateTime(i64::MAX)),
            "0x7fffffffffffffff",
            "0x7fffffffffffffff",
        ),
        (
            Node::new(T, Value::DateTimeExtended(1_500_000)),
            r#""1500000""#,
            ":1500000",
        ),
        (
            Node::new(T, Value::Interval(u32::MAX)),
            "4294967295",
            ":4294967295",
        ),
        (
            Node::text(T, "a \"<&>\" b\n\t\\"),
            r#"value="a &quot;&lt;&amp;&gt;&quot; b&#10;&#9;\""#,
            r#""a \"<&>\" b\u000a\u0009\\""#,
        ),
        (
            attribute("Cryptographic Algorithm", Value::Enumeration(3)),
            r#"<AttributeValue type="Enumeration" value="AES"/>"#,
            r#"{"tag":"AttributeValue","type":"Enumeration","value":"AES"}"#,
        ),
        (
            attribute("Cryptographic Usage Mask", Value::Integer(5)),
            r#"value="Sign Encrypt""#,
            r#""Sign|Encrypt""#,
        ),
        (
            attribute("x-mine", Value::Integer(5)),
            r#"value="5""#,
            r#""value":5"#,
        ),
        (
            Node::new(names::ATTRIBUTE_REFERENCE, Value::Enumeration(0x420028)),
            r#"value="CryptographicAlgorithm""#,
            r#""CryptographicAlgorithm""#,
        ),
        (
            Node::new(Tag(0x540001), Value::Boolean(false)),
            r#"<TTLV tag="0x540001" type="Boolean" value="false"/>"#,
            r#"{"tag":"0x540001","type":"Boolean","value":false}"#,
        ),
        (
            Node::structure(Tag(0x540001), vec![Node::structure(T, vec![])]),
            "<TTLV tag=\"0x540001\"><CompromiseDate/></TTLV>",
            r#"{"tag":"0x540001","value":[{"tag":"CompromiseDate","value":[]}]}"#,
        ),
    ];
    for (node, in_xml, in_json) in rows {
        let (x, j) = (xml_of(&node, &Few), json_of(&node, &Few));
        assert!(x.contains(in_xml), "{x} has no {in_xml}");
        assert!(j.contains(in_json), "{j} has no {in_json}");
        assert_eq!(
            xml::decode(x.as_bytes(), &Few, &LIMITS).as_ref(),
            Ok(&node),
            "{x}"
        );
        assert_eq!(
            json::decode(j.as_bytes(), &Few, &LIMITS).as_ref(),
            Ok(&node),
            "{j}"
        );
    }
}

/// What others write and we do not.
#[test]
fn other_forms_are_read() {
    let read = |tag: &str, kind: &str, text: &str| {
        let x = format!(r#"<{tag} type="{kind}" value="{text}"/>"#);
        let j = format!(r#"{{"value":"{text}","type":"{kind}","tag":"{tag}"}}"#);
        let from_xml = xml::decode(x.as_bytes(), &Few, &LIMITS).map(|node| node.value);
        let from_json =
            json::decode(j.as_bytes(), &Few, &LIMITS).map(|node| node.value.into_owned());
        match (from_xml, from_json) {
            (Ok(a), Ok(b)) => {
                assert!(a == b, "{text}");
                Some(a)
            }
            (Err(_), Err(_)) => None,
            (a, b) => panic!("{text}: {a:?} {b:?}"),
        }
    };
    let t = "CompromiseDate";
    let rows = [
        (t, "Integer", "0x0000000c", Some(Value::Integer(12))),
        (t, "Integer", "0xFFFFFFFF", Some(Value::Integer(-1))),
        (t, "Integer", "0xFFFFFFFFF", None),
        (t, "Integer", "2147483648", None),
        (t, "Integer", "", None),
        (t, "Integer", "Sign", None),
        (t, "0x02", "7", Some(Value::Integer(7))),
        (t, "0x0C", "7", None),
        (t, "integer", "7", None),
        (
            "CryptographicUsageMask",
            "Integer",
            "Decrypt|Encrypt",
            Some(Value::Integer(12)),
        ),
        (
            "CryptographicUsageMask",
            "Integer",
            "Decrypt  0x1 Sign",
            Some(Value::Integer(9)),
        ),
        (
            "CryptographicUsageMask",
            "Integer",
            "",
            Some(Value::Integer(0)),
        ),
        ("CryptographicUsageMask", "Integer", "Fly", None),
        (
            "CryptographicAlgorithm",
            "Enumeration",
            "3",
            Some(Value::Enumeration(3)),
        ),
        (
            "CryptographicAlgorithm",
            "Enumeration",
            "0x3",
            Some(Value::Enumeration(3)),
        ),
        ("CryptographicAlgorithm", "Enumeration", "0x", None),
        ("CryptographicAlgorithm", "Enumeration", "0x+3", None),
        ("CryptographicAlgorithm", "Enumeration", "aes", None),
        (
            t,
            "LongInteger",
            "0xffffffffffffffff",
            Some(Value::LongInteger(-1)),
        ),
        (t, "LongInteger", "0x1ffffffffffffffff", None),
        (t, "BigInteger", "0xff", Some(Value::big_integer(&[0xFF]))),
        (t, "BigInteger", "00000001", Some(Value::big_integer(&[1]))),
        (t, "BigInteger", "", None),
        (
            t,
            "ByteString",
            "",
            Some(Value::ByteString(Cow::Borrowed(&[]))),
        ),
        (t, "ByteString", "AbC", None),
        (t, "ByteString", "0xab", None),
        (t, "Boolean", "1", Some(Value::Boolean(true))),
        (
            t,
            "Boolean",
            "0x0000000000000001",
            Some(Value::Boolean(true)),
        ),
        (t, "Boolean", "0x2", None),
        (t, "Boolean", "yes", None),
        (
            t,
            "DateTime",
            "1970-01-01T00:00:01Z",
            Some(Value::DateTime(1)),
        ),
        (
            t,
            "DateTime",
            "1970-01-01T00:00:01.999",
            Some(Value::DateTime(1)),
        ),
        (
            t,
            "DateTime",
            "1970-01-01T02:00:00.5+02:00",
            Some(Value::DateTime(0)),
        ),
        (
            t,
            "DateTime",
            "0x0000000000000005",
            Some(Value::DateTime(5)),
        ),
        (t, "DateTime", "1970-13-01T00:00:00Z", None),
        (
            t,
            "DateTimeExtended",
            "1970-01-01T00:00:01.000002Z",
            Some(Value::DateTimeExtended(1_000_002)),
        ),
        (t, "Interval", "0x0000000A", Some(Value::Interval(10))),
        (t, "Interval", "-1", None),
        (t, "Structure", "1", None),
    ];
    for (tag, kind, text, value) in rows {
        assert!(read(tag, kind, text) == value, "{kind} {text}");
    }
}

#[test]
fn xml_refuses() {
    let rows: [(&str, &str); 20] = [
        ("", "ends early"),
        ("<CompromiseDate>", "ends early"),
        ("<CompromiseDate/><CompromiseDate/>", "more than one root"),
        ("<CompromiseDate></Compromise>", "syntax"),
        ("<Nonsense/>", "unknown tag \"Nonsense\""),
        ("<TTLV/>", "unknown tag \"TTLV\""),
        ("<TTLV tag=\"0x1420020\"/>", "unknown tag"),
        ("<!DOCTYPE a []><CompromiseDate/>", "DTD"),
        ("<?php 1 ?><CompromiseDate/>", "processing instruction"),
        (
            "<?xml version=\"1.0\" encoding=\"latin1\"?><CompromiseDate/>",
            "UTF-8",
        ),
        ("<CompromiseDate>x</CompromiseDate>", "text between"),
        (
            "<CompromiseDate><![CDATA[ ]]></CompromiseDate>",
            "text between",
        ),
        ("<CompromiseDate>&amp;</CompromiseDate>", "text between"),
        (
            "<CompromiseDate type=\"TextString\" value=\"&e;\"/>",
            "entity",
        ),
        (
            "<CompromiseDate type=\"TextString\" value=\"&#1;\"/>",
            "U+0001",
        ),
        ("<CompromiseDate type=\"TextString\"/>", "no value"),
        (
            "<CompromiseDate type=\"TextString\" value=\"\" value=\"\"/>",
            "twice",
        ),
        (
            "<CompromiseDate vale=\"\"/>",
            "unknown XML attribute \"vale\"",
        ),
        (
            "<CompromiseDate type=\"Integer\" value=\"1\"><CompromiseDate/></CompromiseDate>",
            "0x420020: syntax: an element inside a value",
        ),
        (
            "<RequestMessage><Attribute><CompromiseDate type=\"Integer\" value=\"x\"/></Attribute></RequestMessage>",
            "0x420078/0x420008/0x420020: not a value of type Integer",
        ),
    ];
    for (document, text) in rows {
        let error = xml::decode(document.as_bytes(), &Few, &LIMITS)
            .unwrap_err()
            .to_string();
        assert!(error.contains(text), "{document}: {error}");
    }
    let mut out = String::new();
    let error = xml::encode(&Node::text(T, "\u{1}"), &Few, &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "0x420020: U+0001 cannot be written in XML 1.0"
    );
}

#[test]
fn xml_trimmings_are_ignored() {
    let document = "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n\
        <k:RequestMessage xmlns:k=\"urn:x\" xsi:y=\"z\"> <!-- d -->\n \
        <TTLV tag=\"0x420028\" name=\"Whatever\" type='Enumeration' value='AES'></TTLV>\
        </k:RequestMessage>\n";
    let node = xml::decode(document.as_bytes(), &Few, &LIMITS).unwrap();
    assert_eq!(node.child(ALGORITHM).unwrap().value, Value::Enumeration(3));
}

#[test]
fn json_refuses() {
    let rows = [
        ("", "ends early"),
        ("{\"tag\":\"CompromiseDate\"", "ends early"),
        ("[]", "not an item in JSON, line 1"),
        ("{}", "without a tag"),
        ("{\"tag\":\"CompromiseDate\"} x", "not an item"),
        (
            "{\"tag\":\"CompromiseDate\",\"tag\":\"CompromiseDate\"}",
            "given twice",
        ),
        (
            "{\"tag\":\"CompromiseDate\",\"name\":\"CompromiseDate\"}",
            "unknown member \"name\"",
        ),
        ("{\"tag\":\"Nonsense\"}", "unknown tag \"Nonsense\""),
        ("{\"tag\":\"CompromiseDate\",\"value\":[1]}", "not an item"),
        ("{\"tag\":\"CompromiseDate\",\"value\":{}}", "not an item"),
        ("{\"tag\":\"CompromiseDate\",\"value\":1}", "type Structure"),
        (
            "{\"tag\":\"CompromiseDate\",\"type\":\"Integer\",\"value\":1.5}",
            "not an item",
        ),
        (
            "{\"tag\":\"CompromiseDate\",\"type\":\"Integer\",\"value\":true}",
            "type Integer",
        ),
        (
            "{\"tag\":\"CompromiseDate\",\"type\":\"Integer\",\"value\":2147483648}",
            "type Integer",
        ),
        (
            "{\"tag\":\"CompromiseDate\",\"type\":\"Integer\"}",
            "type Integer",
        ),
        (
            "{\"tag\":\"CompromiseDate\",\"type\":\"Integer\",\"value\":[]}",
            "type Integer",
        ),
    ];
    for (document, text) in rows {
        let error = json::decode(document.as_bytes(), &Few, &LIMITS)
            .unwrap_err()
            .to_string();
        assert!(error.contains(text), "{document}: {error}");
    }
}

#[test]
fn json_numbers_are_read() {
    // u64::MAX has its top bit set: as a positive number it needs a ninth byte.
    let nine = [0, 255, 255, 255, 255, 255, 255, 255, 255];
    let rows = [
        ("BigInteger", "-1", Value::big_integer(&[0xFF])),
        (
            "BigInteger",
            "18446744073709551615",
            Value::big_integer(&nine),
        ),
        ("Enumeration", "3", Value::Enumeration(3)),
        ("DateTime", "3", Value::DateTime(3)),
        ("LongInteger", "-3", Value::LongInteger(-3)),
    ];
    for (kind, number, value) in rows {
        let document = format!("{{\"tag\":\"0x420020\",\"type\":\"{kind}\",\"value\":{number}}}");
        let node = json::decode(document.as_bytes(), &Few, &LIMITS).unwrap();
        assert!(node.value == value, "{document}");
    }
}

/// Names of Additional Message Encodings 1.0 §6.1.3, and of the tables they come from.
#[test]
fn names_are_normalized() {
    let rows = [
        ("Cryptographic Usage Mask", "CryptographicUsageMask"),
        ("Unique   Identifier", "UniqueIdentifier"),
        ("PKCS#1 v1.5", "PKCS_1V1_5"),
        ("Re-key Key Pair", "ReKeyKeyPair"),
        ("3DES", "DES3"),
        ("X.509", "X_509"),
        ("URI/Name (old)", "URINameOld"),
        ("", ""),
    ];
    for (prose, name) in rows {
        assert_eq!(names::normalize(prose), name);
    }
}

#[test]
fn a_collection_takes_stand_ins() {
    let document =
        "<KMIP><CompromiseDate type=\"DateTime\" value=\"$NOW\"/><!-- --><RequestMessage/></KMIP>";
    let nodes = xml::decode_collection(
        document.as_bytes(),
        &Few,
        &LIMITS,
        &mut |tag, kind, text| {
            (tag == T && kind == Kind::DateTime && text == "$NOW").then_some(Value::DateTime(9))
        },
    );
    let expected = vec![
        Node::new(T, Value::DateTime(9)),
        Node::structure(Tag(0x420078), vec![]),
    ];
    assert_eq!(nodes, Ok(expected));
    assert!(xml::decode(document.as_bytes(), &Few, &LIMITS).is_err());
}

fn any_tag() -> impl Strategy<Value = Tag> {
    let known: Vec<Tag> = TAGS.iter().map(|row| Tag(row.0)).collect();
    prop_oneof![
        proptest::sample::select(known),
        (0x540000_u32..0x550000).prop_map(Tag)
    ]
}

/// Characters that XML can carry.
fn any_text() -> impl Strategy<Value = String> {
    proptest::string::string_regex(
        "[\\t\\n\\r -\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]{0,40}",
    )
    .unwrap()
}

fn any_node() -> impl Strategy<Value = Node<'static>> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        any::<i64>().prop_map(Value::LongInteger),
        bytes().prop_map(|b| Value::big_integer(&b).into_owned()),
        prop_oneof![any::<u32>(), 0_u32..10, Just(0x420028)].prop_map(Value::Enumeration),
        any::<bool>().prop_map(Value::Boolean),
        any_text().prop_map(|text| Value::TextString(text.into())),
        bytes().prop_map(|b| Value::ByteString(b.into())),
        prop_oneof![any::<i64>(), -99_999_999_999_i64..999_999_999_999].prop_map(Value::DateTime),
        any::<u32>().prop_map(Value::Interval),
        any::<i64>().prop_map(Value::DateTimeExtended),
    ];
    let leaf = (any_tag(), leaf).prop_map(|(tag, value)| Node { tag, value });
    leaf.prop_recursive(5, 60, 8, |inner| {
        let named = proptest::sample::select(vec![
            "Cryptographic Algorithm",
            "Cryptographic Usage Mask",
            "Attribute Reference",
            "x-other",
        ]);
        let items = proptest::collection::vec(inner.clone(), 0..8);
        prop_oneof![
            (any_tag(), items).prop_map(|(tag, items)| Node::structure(tag, items)),
            (named, inner).prop_map(|(name, value)| attribute(name, value.value)),
        ]
    })
}

proptest! {
    #[test]
    fn every_tree_survives(node in any_node()) {
        let bytes = binary::to_vec(&node);
        prop_assert_eq!(bytes.len(), binary::encoded_len(&node));
        prop_assert!(binary::decode(&bytes, &LIMITS).as_ref() == Ok(&node));
        for names in [&Few as &dyn Names, &Numbers] {
            let x = xml_of(&node, names);
            prop_assert!(xml::decode(x.as_bytes(), names, &LIMITS).as_ref() == Ok(&node), "{}", x);
            let mut indented = String::new();
            xml::encode_indented(&node, names, &mut indented).unwrap();
            prop_assert!(xml::decode(indented.as_bytes(), names, &LIMITS).as_ref() == Ok(&node), "{}", indented);
            let j = json_of(&node, names);
            prop_assert!(json::decode(j.as_bytes(), names, &LIMITS).as_ref() == Ok(&node), "{}", j);
        }
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = binary::decode(&noise, &LIMITS);
        let _ = xml::decode(&noise, &Few, &LIMITS);
        let _ = json::decode(&noise, &Few, &LIMITS);
    }

    /// A message with a byte changed or cut is refused or is another tree that encodes again.
    #[test]
    fn damage_never_panics(node in any_node(), at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let damage = |mut bytes: Vec<u8>| {
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            bytes
        };
        let bytes = damage(binary::to_vec(&node));
        if let Ok(node) = binary::decode(&bytes, &LIMITS) {
            prop_assert_eq!(binary::to_vec(&node).len(), bytes.len());
        }
        let _ = xml::decode(&damage(xml_of(&node, &Few).into_bytes()), &Few, &LIMITS);
        let _ = json::decode(&damage(json_of(&node, &Few).into_bytes()), &Few, &LIMITS);
    }
}
