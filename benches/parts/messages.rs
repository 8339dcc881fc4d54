//! Requests of the measurements, written as KMIP's XML.

use keyward::protocol::names::Names;
use ttlv::{Limits, Node};

pub fn tree(xml: &str) -> Node<'static> {
    ttlv::xml::decode(xml.as_bytes(), &Names, &Limits::default()).expect("a message in XML")
}

/// A request of KMIP 1.4 with this payload, in TTLV.
pub fn request(operation: &str, payload: &str) -> Vec<u8> {
    ttlv::binary::to_vec(&tree(&xml(operation, payload)))
}

pub fn xml(operation: &str, payload: &str) -> String {
    format!(
        r#"<RequestMessage>
  <RequestHeader>
    <ProtocolVersion>
      <ProtocolVersionMajor type="Integer" value="1"/>
      <ProtocolVersionMinor type="Integer" value="4"/>
    </ProtocolVersion>
    <BatchCount type="Integer" value="1"/>
  </RequestHeader>
  <BatchItem>
    <Operation type="Enumeration" value="{operation}"/>
    <RequestPayload>{payload}</RequestPayload>
  </BatchItem>
</RequestMessage>"#
    )
}

pub fn of_object(operation: &str, id: &str) -> Vec<u8> {
    request(operation, &identifier(id))
}

pub fn identifier(id: &str) -> String {
    format!(r#"<UniqueIdentifier type="TextString" value="{id}"/>"#)
}

fn attribute(name: &str, kind: &str, value: &str) -> String {
    format!(
        r#"<Attribute>
  <AttributeName type="TextString" value="{name}"/>
  <AttributeValue type="{kind}" value="{value}"/>
</Attribute>"#
    )
}

/// The payload of Create of a 256-bit key.
pub fn create(algorithm: &str, usage: &str) -> String {
    let attributes = [
        attribute("Cryptographic Algorithm", "Enumeration", algorithm),
        attribute("Cryptographic Length", "Integer", "256"),
        attribute("Cryptographic Usage Mask", "Integer", usage),
    ];
    format!(
        r#"<ObjectType type="Enumeration" value="SymmetricKey"/>
<TemplateAttribute>{}</TemplateAttribute>"#,
        attributes.concat()
    )
}

pub fn encrypt(id: &str, length: usize) -> Vec<u8> {
    let payload = format!(
        r#"{}<CryptographicParameters>
  <BlockCipherMode type="Enumeration" value="GCM"/>
  <CryptographicAlgorithm type="Enumeration" value="AES"/>
  <RandomIV type="Boolean" value="true"/>
  <TagLength type="Integer" value="16"/>
</CryptographicParameters>
<Data type="ByteString" value="{}"/>"#,
        identifier(id),
        "5a".repeat(length)
    );
    request("Encrypt", &payload)
}

pub fn mac(id: &str) -> Vec<u8> {
    let payload = format!(
        r#"{}<CryptographicParameters>
  <HashingAlgorithm type="Enumeration" value="SHA_256"/>
  <CryptographicAlgorithm type="Enumeration" value="HMAC_SHA256"/>
</CryptographicParameters>
<Data type="ByteString" value="{}"/>"#,
        identifier(id),
        "a5".repeat(64)
    );
    request("MAC", &payload)
}

pub fn query() -> Vec<u8> {
    request(
        "Query",
        r#"<QueryFunction type="Enumeration" value="QueryOperations"/>
<QueryFunction type="Enumeration" value="QueryObjects"/>"#,
    )
}

/// The identifier that an answer is about.
///
/// # Panics
/// When it is no success, which it is then said to be.
pub fn answered(answer: &[u8]) -> Node<'_> {
    let message = ttlv::binary::decode(answer, &Limits::default()).expect("an answer");
    let item = message
        .child(keyward::protocol::tag::BATCH_ITEM)
        .expect("an item")
        .clone();
    let status = item.child(keyward::protocol::tag::RESULT_STATUS);
    assert_eq!(
        status.map(|status| &status.value),
        Some(&ttlv::Value::Enumeration(0)),
        "{:?}",
        item.child(keyward::protocol::tag::RESULT_MESSAGE)
            .map(|text| text.value.clone())
    );
    item
}

pub fn made(answer: &[u8]) -> String {
    let item = answered(answer);
    let payload = item.child(keyward::protocol::tag::RESPONSE_PAYLOAD);
    let id = payload.and_then(|payload| payload.child(keyward::protocol::tag::UNIQUE_IDENTIFIER));
    match id.map(|id| &id.value) {
        Some(ttlv::Value::TextString(id)) => id.clone().into_owned(),
        other => panic!("no identifier: {other:?}"),
    }
}
