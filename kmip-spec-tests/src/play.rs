//! Plays one case: sends its requests, compares the responses, keeps what later steps need.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs::default_provider;
use ttlv::{Kind, Node, Value};

use crate::case::Case;
use crate::compare::{self, Difference};
use crate::knowledge::{Knowledge, World};
use crate::names::{Named, name_of};
use crate::placeholder::{Placeholder, is_called_after, is_random, placeholder};
use crate::transport::TransportError;

/// Brings a request to the server.
pub type Exchange<'e> = dyn FnMut(&Node<'_>) -> Result<Node<'static>, TransportError> + 'e;

/// Told of each request and response, for `-v`.
pub type Trace<'t> = dyn FnMut(&Node<'_>) + 't;

/// The differences of a case, each with its step; none when it passed. Steps after a difference
/// are played, so that the case removes what it made.
pub fn play(
    case: &Case,
    world: &mut World,
    tolerance: i64,
    exchange: &mut Exchange<'_>,
    trace: &mut Trace<'_>,
) -> Vec<String> {
    let mut knowledge = Knowledge {
        version: case.version,
        family: case.family.clone(),
        tolerance,
        ..Knowledge::default()
    };
    let mut differences = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let mut differs = |what: String| differences.push(format!("step {index}: {what}"));
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map(|since| since.as_secs());
        knowledge.now = now
            .ok()
            .and_then(|now| i64::try_from(now).ok())
            .unwrap_or(0);
        knowledge.note_request(&step.request);
        let mut missing = Vec::new();
        let request = resolve(&step.request, &mut knowledge, &mut missing);
        if !missing.is_empty() {
            differs(format!("not sent: no value for {}", missing.join(", ")));
            continue;
        }
        trace(&request);
        let response = match exchange(&request) {
            Ok(response) => response,
            Err(error) => {
                differs(error.to_string());
                continue;
            }
        };
        trace(&response);
        knowledge.note_response(world, &request, &response);
        if let Some(expected) = &step.response {
            let outcome = compare::response(&mut knowledge, world, &request, expected, &response);
            if let Err(Difference(what)) = outcome {
                differs(what);
            }
        }
    }
    differences
}

/// The request with its placeholders replaced, and with the server's own output where the file
/// quotes output that cannot be foretold.
fn resolve<'n>(
    node: &'n Node<'n>,
    knowledge: &mut Knowledge,
    missing: &mut Vec<String>,
) -> Node<'n> {
    let value = match (&node.value, placeholder(&node.value)) {
        (_, Some(Placeholder::Now(offset))) => Value::DateTime(knowledge.now + offset),
        (_, Some(Placeholder::Named(name))) => match named(name, node.kind(), knowledge) {
            Some(value) => value,
            None => {
                missing.push(format!("${name}"));
                node.value.clone()
            }
        },
        (Value::Structure(items), None) => Value::Structure(
            items
                .iter()
                .map(|item| resolve(item, knowledge, missing))
                .collect(),
        ),
        (Value::ByteString(bytes), None) => {
            match knowledge.outputs.get(&(name_of(node.tag), bytes.to_vec())) {
                Some(output) => Value::ByteString(output.clone().into()),
                None => node.value.clone(),
            }
        }
        (other, None) => other.clone(),
    };
    Node::new(node.tag, value)
}

/// A placeholder's value; of one that no response showed, the last value of the field that it is
/// called after; of a `$…_RANDOM_0`, one that the client makes up.
fn named(name: &str, kind: Kind, knowledge: &mut Knowledge) -> Option<Value<'static>> {
    if let Some(value) = knowledge.bound.get(name) {
        return Some(value.clone());
    }
    let value = if is_random(name) {
        random(kind)?
    } else {
        let last = knowledge
            .last
            .iter()
            .find(|(tag, _)| is_called_after(name, tag));
        last.map(|(_, value)| value.clone())?
    };
    knowledge.bound.insert(name.to_owned(), value.clone());
    Some(value)
}

fn random(kind: Kind) -> Option<Value<'static>> {
    let mut bytes = [0; 16];
    default_provider().secure_random.fill(&mut bytes).ok()?;
    match kind {
        Kind::TextString => {
            let digits = u128::from_be_bytes(bytes);
            Some(Value::TextString(format!("{digits:032x}").into()))
        }
        Kind::ByteString => Some(Value::ByteString(bytes.to_vec().into())),
        _ => None,
    }
}

/// The operation of a message's first batch item, for a line of the trace.
pub fn operation(message: &Node<'_>) -> &'static str {
    let operation = message.at(&["BatchItem", "Operation"]);
    operation.and_then(|node| node.enumeration()).unwrap_or("?")
}
