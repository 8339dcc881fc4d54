//! Compares a response with the expected one: equal but for what [`crate::allowance`] permits.

mod item;
mod siblings;

use ttlv::Node;

use crate::knowledge::{Knowledge, World, object_of};
use crate::names::{Named, show, show_value};
use crate::placeholder::{Placeholder, placeholder};

use item::{Comparison, Learned};
use siblings::key;

/// The first difference: where, and what was expected and came instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference(pub String);

type Outcome = Result<(), Difference>;

/// Compares whole responses. Placeholders are bound also by a response that differs, as far as it
/// goes along, so that the rest of a case can be played.
pub fn response(
    knowledge: &mut Knowledge,
    world: &World,
    request: &Node<'_>,
    expected: &Node<'_>,
    actual: &Node<'_>,
) -> Outcome {
    let mut first = message(knowledge, world, request, expected, actual);
    let actuals: Vec<_> = actual.all("BatchItem").collect();
    let expecteds: Vec<_> = expected.all("BatchItem").collect();
    let requests: Vec<_> = request.all("BatchItem").collect();
    for (index, expected) in expecteds.iter().enumerate() {
        let Some(actual) = actuals.get(index) else {
            first = first.and(Err(Difference(format!("no BatchItem {index}"))));
            break;
        };
        let request = requests.get(index).copied();
        let outcome = batch_item(knowledge, world, request, expected, actual);
        first = first.and(outcome);
    }
    match actuals.get(expecteds.len()) {
        Some(item) => first.and(Err(Difference(format!("unexpected {}", show(item))))),
        None => first,
    }
}

/// Everything but the batch items.
fn message(
    knowledge: &mut Knowledge,
    world: &World,
    request: &Node<'_>,
    expected: &Node<'_>,
    actual: &Node<'_>,
) -> Outcome {
    let header = |message: &Node<'_>| {
        let items = message
            .items()
            .iter()
            .filter(|item| item.name() != "BatchItem");
        Node::structure(message.tag, items.cloned().map(Node::into_owned).collect())
    };
    let (expected, actual) = (header(expected), header(actual));
    run(
        knowledge,
        world,
        (None, Some(request), None),
        &expected,
        &actual,
    )
}

fn batch_item(
    knowledge: &mut Knowledge,
    world: &World,
    request: Option<&Node<'_>>,
    expected: &Node<'_>,
    actual: &Node<'_>,
) -> Outcome {
    let operation = [Some(expected), request].into_iter().flatten();
    let operation = operation.filter_map(|item| item.at(&["Operation"])).next();
    let operation = operation.and_then(|node| node.enumeration());
    let outcome = run(
        knowledge,
        world,
        (operation, request, object_of(actual)),
        expected,
        actual,
    );
    let outcome = status(expected, actual).and(outcome);
    if outcome.is_err() {
        salvage(knowledge, expected, actual);
    }
    let operation = operation.unwrap_or("?");
    outcome.map_err(|Difference(what)| Difference(format!("[{operation}] {what}")))
}

fn run(
    knowledge: &mut Knowledge,
    world: &World,
    (operation, request, object): (Option<&'static str>, Option<&Node<'_>>, Option<&str>),
    expected: &Node<'_>,
    actual: &Node<'_>,
) -> Outcome {
    let learned = Learned {
        bound: knowledge.bound.clone(),
        ..Learned::default()
    };
    let mut comparison = Comparison {
        knowledge,
        world,
        operation,
        request,
        object,
        learned,
    };
    let outcome = comparison.item(expected, actual, &mut Vec::new());
    let learned = comparison.learned;
    if outcome.is_ok() {
        knowledge.bound = learned.bound;
        knowledge.outputs.extend(learned.outputs);
    }
    outcome
}

/// A difference of status or reason explains every other, so it is told first and in full.
fn status(expected: &Node<'_>, actual: &Node<'_>) -> Outcome {
    let of = |item: &Node<'_>| {
        let parts = ["ResultStatus", "ResultReason"]
            .into_iter()
            .filter_map(|name| item.at(&[name]).map(|node| show_value(node, item)));
        parts.collect::<Vec<_>>().join("/")
    };
    let (wanted, got) = (of(expected), of(actual));
    if wanted == got {
        return Ok(());
    }
    let message = actual.at(&["ResultMessage"]).and_then(|node| node.text());
    let message = message.map(|text| format!(" ({text})")).unwrap_or_default();
    Err(Difference(format!("expected {wanted}, got {got}{message}")))
}

/// Binds what placeholders stand opposite a value of their type.
fn salvage(knowledge: &mut Knowledge, expected: &Node<'_>, actual: &Node<'_>) {
    if let Some(Placeholder::Named(name)) = placeholder(&expected.value) {
        if expected.kind() == actual.kind() {
            let value = || actual.value.clone().into_owned();
            knowledge.bound.entry(name.to_owned()).or_insert_with(value);
        }
        return;
    }
    let mut left: Vec<_> = actual.items().iter().collect();
    for item in expected.items() {
        if let Some(at) = left.iter().position(|other| key(other) == key(item)) {
            salvage(knowledge, item, left.remove(at));
        }
    }
}

#[cfg(test)]
mod tests;
