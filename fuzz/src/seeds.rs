//! Seeds out of our own test cases: their requests, in the order in which they are sent.

use keyward::protocol::names::Names;
use keyward::protocol::tag;
use ttlv::{Kind, Limits, Node, Tag, Value};

use crate::ground::NOW;
use crate::messages::MOST;

/// A case of `kmip-spec-tests/cases`.
const CASE: Limits = Limits {
    depth: Limits::MAX_DEPTH,
    items: 1 << 20,
    bytes: 64 << 20,
};

/// The requests of a case; what the server names comes after `standing` objects.
///
/// # Errors
/// When it is no collection of messages.
pub fn requests(document: &[u8], standing: usize) -> Result<Vec<Node<'static>>, ttlv::Error> {
    let mut stand_in = |_: Tag, kind: Kind, text: &str| stand_in(kind, text, standing);
    let messages = ttlv::xml::decode_collection(document, &Names, &CASE, &mut stand_in)?;
    let requests = messages
        .into_iter()
        .filter(|message| message.tag == tag::REQUEST_MESSAGE);
    Ok(requests.take(MOST).collect())
}

/// What stands for a placeholder of a case.
fn stand_in(kind: Kind, text: &str, standing: usize) -> Option<Value<'static>> {
    let name = text.strip_prefix('$')?;
    let number = name.strip_prefix("UNIQUE_IDENTIFIER_");
    Some(
        match (kind, number.and_then(|number| number.parse::<usize>().ok())) {
            (Kind::TextString, Some(number)) => {
                Value::TextString(format!("#{}", standing + number).into())
            }
            (Kind::ByteString, _) => Value::ByteString(b"#0".to_vec().into()),
            (Kind::DateTime, _) => Value::DateTime(NOW),
            _ => return None,
        },
    )
}

/// The same as XML and as JSON, with a zero byte between two.
pub fn texts(requests: &[Node<'_>]) -> [Vec<u8>; 2] {
    let (mut xml, mut json) = (Vec::new(), Vec::new());
    for request in requests {
        let mut text = String::new();
        if ttlv::xml::encode(request, &Names, &mut text).is_ok() {
            xml.push(text);
        }
        let mut text = String::new();
        ttlv::json::encode(request, &Names, &mut text);
        json.push(text);
    }
    [xml.join("\0").into_bytes(), json.join("\0").into_bytes()]
}

/// Calls of PKCS#11 functions in messages, as the target `pkcs11` reads them: where a Correlation
/// Value opens a library, there is one already.
pub fn calls(requests: &[Node<'_>]) -> Vec<u8> {
    use keyward::protocol::enumeration::{Enumeration, Pkcs11Function};
    let mut out = Vec::new();
    for payload in requests.iter().flat_map(|request| request.items()) {
        let Some(payload) = payload.child(tag::REQUEST_PAYLOAD) else {
            continue;
        };
        let Some(Value::Enumeration(function)) =
            payload.child(tag::PKCS_11_FUNCTION).map(|node| &node.value)
        else {
            continue;
        };
        let rows = Pkcs11Function::TABLE.rows;
        let Some(place) = rows.iter().position(|row| row.value == *function) else {
            continue;
        };
        let input = match payload
            .child(tag::PKCS_11_INPUT_PARAMETERS)
            .map(|node| &node.value)
        {
            Some(Value::ByteString(bytes)) => bytes.to_vec(),
            _ => Vec::new(),
        };
        let Ok(length) = u16::try_from(input.len()) else {
            continue;
        };
        out.push(place as u8);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&input);
    }
    out
}
