//! Each allowance permits what it says and nothing beside it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::case::Case;
use crate::play::play;

/// Plays steps of (operation, request payload, expected payload, actual payload), all of them
/// XML, against themselves.
fn differences(version: (u8, u8), steps: &[(&str, &str, &str, &str)]) -> Vec<String> {
    let message = |kind: &str, operation: &str, payload: &str| {
        let status = if kind == "Response" {
            "<ResultStatus type=\"Enumeration\" value=\"Success\"/>"
        } else {
            ""
        };
        format!(
            "<{kind}Message><{kind}Header><ProtocolVersion>\
             <ProtocolVersionMajor type=\"Integer\" value=\"{}\"/>\
             <ProtocolVersionMinor type=\"Integer\" value=\"{}\"/></ProtocolVersion>\
             <BatchCount type=\"Integer\" value=\"1\"/></{kind}Header><BatchItem>\
             <Operation type=\"Enumeration\" value=\"{operation}\"/>{status}\
             <{kind}Payload>{payload}</{kind}Payload></BatchItem></{kind}Message>",
            version.0, version.1
        )
    };
    let mut conversation = String::new();
    let mut answers = String::new();
    for (operation, request, expected, actual) in steps {
        conversation += &message("Request", operation, request);
        conversation += &message("Response", operation, expected);
        answers += &message("Request", operation, request);
        answers += &message("Response", operation, actual);
    }
    let read = |messages: &str| {
        Case::parse("TL-M-1", format!("<KMIP>{messages}</KMIP>").as_bytes()).unwrap()
    };
    let mut answers = read(&answers)
        .steps
        .into_iter()
        .map(|step| step.response.unwrap());
    let mut exchange = |_: &Node<'_>| Ok(answers.next().unwrap());
    play(
        &read(&conversation),
        &mut World::default(),
        60,
        &mut exchange,
        &mut |_| {},
    )
}

const CREATED: &str = "<ObjectType type=\"Enumeration\" value=\"SymmetricKey\"/>\
    <UniqueIdentifier type=\"TextString\" value=\"ID\"/>";

fn text(tag: &str, value: &str) -> String {
    format!("<{tag} type=\"TextString\" value=\"{value}\"/>")
}

fn bytes(tag: &str, value: &str) -> String {
    format!("<{tag} type=\"ByteString\" value=\"{value}\"/>")
}

fn attribute(name: &str, value: &str) -> String {
    format!(
        "<Attribute>{}{value}</Attribute>",
        text("AttributeName", name)
    )
}

fn key(material: &str) -> String {
    let material = bytes("KeyMaterial", material);
    let id = text("UniqueIdentifier", "ID");
    let raw = "<KeyFormatType type=\"Enumeration\" value=\"Raw\"/>";
    let value = format!("<KeyValue>{material}</KeyValue>");
    format!("{id}<SymmetricKey><KeyBlock>{raw}{value}</KeyBlock></SymmetricKey>")
}

/// One step, in both versions of the standard.
fn one(operation: &str, request: &str, expected: &str, actual: &str) -> [bool; 2] {
    [(1, 4), (2, 1)]
        .map(|version| differences(version, &[(operation, request, expected, actual)]).is_empty())
}

const BOTH: [bool; 2] = [true, true];
const NEITHER: [bool; 2] = [false, false];

#[test]
fn values_are_equal() {
    let a = text("UniqueIdentifier", "a");
    let b = text("UniqueIdentifier", "b");
    assert_eq!(one("Activate", "", &a, &a), BOTH);
    assert_eq!(one("Activate", "", &a, &b), NEITHER);
    assert_eq!(one("Activate", "", &a, ""), NEITHER);
    assert_eq!(one("Activate", "", "", &a), NEITHER);
    assert_eq!(
        one("Activate", "", &a, &bytes("UniqueIdentifier", "61")),
        NEITHER
    );
    // Order matters where no row says otherwise.
    let c = text("NameValue", "c");
    assert_eq!(
        one("Activate", "", &format!("{a}{c}"), &format!("{c}{a}")),
        NEITHER
    );
    assert_eq!(
        one("Locate", "", &format!("{a}{b}"), &format!("{b}{a}")),
        BOTH
    );
    assert_eq!(
        one("Locate", "", &format!("{a}{b}"), &format!("{a}{a}")),
        NEITHER
    );
}

#[test]
fn placeholders_are_one_value() {
    let id = |value: &str| text("UniqueIdentifier", value);
    let two = |first: &str, second: &str| {
        let expected = id("$UNIQUE_IDENTIFIER_0");
        let steps = [
            ("Activate", "", expected.as_str(), &*id(first)),
            ("Activate", "", expected.as_str(), &*id(second)),
        ];
        differences((1, 4), &steps)
    };
    assert!(two("a", "a").is_empty());
    let difference = two("a", "b");
    assert_eq!(
        difference,
        [
            "step 1: [Activate] BatchItem/ResponsePayload/UniqueIdentifier: \
          expected $UNIQUE_IDENTIFIER_0, which is a, got b"
        ]
    );
    let unknown = [("Activate", &*id("$UNIQUE_IDENTIFIER_9"), "", "")];
    assert_eq!(
        differences((1, 4), &unknown),
        ["step 0: not sent: no value for $UNIQUE_IDENTIFIER_9"]
    );
}

#[test]
fn material_varies_only_when_generated() {
    let expected = key("0102");
    let get = |created: bool, material: &str| {
        let register = if created { "Create" } else { "Register" };
        let actual = key(material);
        let steps = [
            (register, "", CREATED, CREATED),
            ("Get", "", &*expected, &*actual),
        ];
        differences((1, 4), &steps).is_empty()
    };
    assert!(get(true, "0304"));
    assert!(!get(true, "030405"), "another length");
    assert!(get(false, "0102"));
    assert!(!get(false, "0304"));
}

#[test]
fn output_varies_only_when_generated_and_is_quoted() {
    let id = text("UniqueIdentifier", "ID");
    let data = |value: &str| format!("{id}{}", bytes("Data", value));
    let run = |made: &str, plain: &str| {
        let (sent, wanted, got) = (bytes("Data", "00"), data("01"), data("02"));
        let (decrypt, expected) = (bytes("Data", "01"), data("00"));
        let steps = [
            (made, "", CREATED, CREATED),
            ("Encrypt", &*sent, &*wanted, &*got),
            ("Decrypt", &*decrypt, &*expected, &*data(plain)),
        ];
        differences((1, 4), &steps).len()
    };
    assert_eq!(run("Create", "00"), 0);
    // The plaintext of the server's own ciphertext is known.
    assert_eq!(run("Create", "03"), 1);
    assert_eq!(run("Register", "00"), 1);
}

#[test]
fn dates_are_free_until_given() {
    let date = |at: &str| format!("<ActivationDate type=\"DateTime\" value=\"{at}\"/>");
    let attributes = |date: &str| format!("<Attributes>{date}</Attributes>");
    let (old, new) = (
        attributes(&date("2001-01-01T00:00:00Z")),
        attributes(&date("2002-01-01T00:00:00Z")),
    );
    assert_eq!(one("GetAttributes", "", &old, &new), BOTH);
    assert_eq!(one("GetAttributes", &old, &old, &new), NEITHER);
    let now = attributes(&date("$NOW"));
    assert_eq!(one("GetAttributes", "", &now, &new), BOTH);
    assert_eq!(one("GetAttributes", &old, &now, &new), NEITHER);
    // A date that no row frees.
    let renamed = |date: &str| date.replace("ActivationDate", "UsageLimits");
    assert_eq!(
        one("GetAttributes", "", &renamed(&old), &renamed(&new)),
        NEITHER
    );
    assert_eq!(
        one("GetAttributes", "", &renamed(&now), &renamed(&new)),
        NEITHER
    );
}

#[test]
fn attributes_have_no_order_and_more_of_them_may_come() {
    let (a, b) = (
        attribute("x-a", &text("AttributeValue", "1")),
        attribute("x-b", &text("AttributeValue", "2")),
    );
    let both = |x: &str, y: &str| format!("{x}{y}");
    assert_eq!(one("GetAttributes", "", &both(&a, &b), &both(&b, &a)), BOTH);
    assert_eq!(one("GetAttributes", "", &a, &both(&b, &a)), BOTH);
    assert_eq!(one("GetAttributes", "", &both(&a, &b), &a), NEITHER);
    assert_eq!(one("AddAttribute", "", &a, &both(&a, &b)), NEITHER);
    let wrong = attribute("x-a", &text("AttributeValue", "3"));
    assert_eq!(one("GetAttributes", "", &a, &wrong), NEITHER);
    // The server's own attributes need not be there.
    let own = attribute("y-own", &text("AttributeValue", "1"));
    assert_eq!(one("GetAttributes", "", &own, ""), BOTH);
    assert_eq!(one("GetAttributes", &own, &own, ""), NEITHER);
    let index = "<AttributeIndex type=\"Integer\" value=\"0\"/>";
    let value = text("AttributeValue", "1");
    let indexed = attribute("x-a", &format!("{index}{value}"));
    assert_eq!(one("AddAttribute", "", &a, &indexed), BOTH);
    assert!(!differences((1, 0), &[("AddAttribute", "", &a, &indexed)]).is_empty());
    let second = indexed.replace("value=\"0\"", "value=\"1\"");
    assert_eq!(one("AddAttribute", "", &a, &second), NEITHER);
}

#[test]
fn query_tells_of_the_server() {
    let operation = |name: &str| format!("<Operation type=\"Enumeration\" value=\"{name}\"/>");
    let (get, create, poll) = (operation("Get"), operation("Create"), operation("Poll"));
    let all = format!("{get}{create}{poll}");
    assert_eq!(
        one("Query", "", &all, &format!("{create}{get}{poll}")),
        BOTH
    );
    assert_eq!(
        one("Query", "", &all, &format!("{get}{create}")),
        BOTH,
        "Poll is optional"
    );
    assert_eq!(
        one("Query", "", &all, &format!("{create}{poll}")),
        NEITHER,
        "Get is not"
    );
    assert_eq!(
        one("Query", "", &all, &format!("{get}{poll}")),
        NEITHER,
        "TL requires Create"
    );
    assert_eq!(one("Query", "", &get, &all), BOTH);
    let vendor = text("VendorIdentification", "x");
    assert_eq!(one("Query", "", &vendor, ""), BOTH);
    let key = "<ObjectType type=\"Enumeration\" value=\"SymmetricKey\"/>";
    assert_eq!(
        one("Query", "", &format!("{get}{key}"), &format!("{key}{get}")),
        NEITHER
    );
}

#[test]
fn discover_versions_may_know_more() {
    let version = |major: u8, minor: u8| {
        format!(
            "<ProtocolVersion><ProtocolVersionMajor type=\"Integer\" value=\"{major}\"/>\
             <ProtocolVersionMinor type=\"Integer\" value=\"{minor}\"/></ProtocolVersion>"
        )
    };
    let (v14, v13, v12) = (version(1, 4), version(1, 3), version(1, 2));
    let (two, three) = (format!("{v14}{v12}"), format!("{v14}{v13}{v12}"));
    assert_eq!(one("DiscoverVersions", "", &two, &three), BOTH);
    assert_eq!(one("DiscoverVersions", "", &three, &two), NEITHER);
    assert_eq!(
        one("DiscoverVersions", "", &two, &format!("{v12}{v14}")),
        NEITHER
    );
    assert_eq!(one("DiscoverVersions", &v14, &two, &three), NEITHER);
}

#[test]
fn status_and_reason_come_first() {
    let node = |status: &str| {
        let item = format!("<BatchItem>{status}</BatchItem>");
        ttlv::xml::decode(
            item.as_bytes(),
            &crate::names::NAMES,
            &ttlv::Limits::default(),
        )
        .unwrap()
    };
    let success = node("<ResultStatus type=\"Enumeration\" value=\"Success\"/>");
    let failed = node(
        "<ResultStatus type=\"Enumeration\" value=\"OperationFailed\"/>\
         <ResultReason type=\"Enumeration\" value=\"ItemNotFound\"/>\
         <ResultMessage type=\"TextString\" value=\"nothing here\"/>",
    );
    let difference = status(&success, &failed).unwrap_err();
    assert_eq!(
        difference.0,
        "expected Success, got OperationFailed/ItemNotFound (nothing here)"
    );
    assert_eq!(status(&failed, &failed), Ok(()));
}
