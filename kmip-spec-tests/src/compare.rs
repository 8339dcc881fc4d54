//! Compares a response with the expected one: equal but for what [`crate::allowance`] permits.

use std::collections::HashMap;

use ttlv::{Kind, Node, Tag, Value};

use crate::allowance::{Permit, Place, permits};
use crate::knowledge::{Knowledge, World, object_of};
use crate::names::{Named, name_of, ruling_name, show, show_value};
use crate::placeholder::{Placeholder, is_numbered, placeholder};

/// The first difference: where, and what was expected and came instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference(pub String);

/// What a comparison learned, taken over when it succeeds.
#[derive(Clone, Debug, Default)]
struct Learned {
    bound: HashMap<String, Value<'static>>,
    outputs: HashMap<(&'static str, Vec<u8>), Vec<u8>>,
}

struct Comparison<'c> {
    knowledge: &'c Knowledge,
    world: &'c World,
    operation: Option<&'static str>,
    request: Option<&'c Node<'c>>,
    object: Option<&'c str>,
    learned: Learned,
}

type Trail<'t> = Vec<(&'t Node<'t>, &'t Node<'t>)>;
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

impl<'c> Comparison<'c> {
    fn place<'p>(
        &'p self,
        item: &'p Node<'p>,
        trail: &'p [(&'p Node<'p>, &'p Node<'p>)],
    ) -> Place<'p> {
        let name = trail
            .last()
            .map_or(item.name(), |(expected, _)| ruling_name(item, expected));
        Place {
            item,
            name,
            trail,
            operation: self.operation,
            request: self.request,
            object: self.object,
            knowledge: self.knowledge,
            world: self.world,
        }
    }

    fn may(&self, permit: Permit, item: &Node<'_>, trail: &Trail<'_>) -> bool {
        permits(permit, &self.place(item, trail))
    }

    fn item<'t>(
        &mut self,
        expected: &'t Node<'t>,
        actual: &'t Node<'t>,
        trail: &mut Trail<'t>,
    ) -> Outcome {
        if expected.tag != actual.tag {
            return differ(
                trail,
                expected,
                format!("expected {}, got {}", show(expected), show(actual)),
            );
        }
        match placeholder(&expected.value) {
            Some(Placeholder::Named(name)) => return self.bind(name, expected, actual, trail),
            Some(Placeholder::Now(offset)) => return self.date(offset, expected, actual, trail),
            None => {}
        }
        if self.may(Permit::AnyContent, expected, trail) {
            return Ok(());
        }
        if self.may(Permit::SameLength, expected, trail) {
            return match expected.bytes().zip(actual.bytes()) {
                Some((wanted, got)) if wanted.len() != got.len() => {
                    let what = format!("expected {} bytes, got {}", wanted.len(), got.len());
                    differ(trail, expected, what)
                }
                _ => Ok(()),
            };
        }
        if expected.kind() != actual.kind() {
            let (wanted, got) = (expected.kind().name(), actual.kind().name());
            return differ(
                trail,
                expected,
                format!("expected type {wanted}, got {got}"),
            );
        }
        if expected.kind() == Kind::Structure {
            trail.push((expected, actual));
            let outcome = self.items(expected, actual, trail);
            trail.pop();
            return outcome;
        }
        if expected.value == actual.value || self.may(Permit::AnyValue, expected, trail) {
            return Ok(());
        }
        if self.may(Permit::Output, expected, trail) {
            if let Some((wanted, got)) = expected.bytes().zip(actual.bytes()) {
                self.learned
                    .outputs
                    .insert((expected.name(), wanted.to_vec()), got.to_vec());
            }
            return Ok(());
        }
        let parent = trail.last().map_or(expected, |around| around.0);
        let (wanted, got) = (show_value(expected, parent), show_value(actual, parent));
        differ(trail, expected, format!("expected {wanted}, got {got}"))
    }

    fn bind(
        &mut self,
        name: &str,
        expected: &Node<'_>,
        actual: &Node<'_>,
        trail: &Trail<'_>,
    ) -> Outcome {
        if expected.kind() != actual.kind() {
            let (wanted, got) = (expected.kind().name(), actual.kind().name());
            return differ(
                trail,
                expected,
                format!("expected type {wanted}, got {got}"),
            );
        }
        match self.learned.bound.get(name) {
            Some(bound) if is_numbered(name) => {
                if *bound == actual.value {
                    return Ok(());
                }
                let bound = show_value(&Node::new(expected.tag, bound.clone()), expected);
                let got = show_value(actual, expected);
                differ(
                    trail,
                    expected,
                    format!("expected ${name}, which is {bound}, got {got}"),
                )
            }
            _ => {
                self.learned
                    .bound
                    .insert(name.to_owned(), actual.value.clone().into_owned());
                Ok(())
            }
        }
    }

    fn date(
        &self,
        offset: i64,
        expected: &Node<'_>,
        actual: &Node<'_>,
        trail: &Trail<'_>,
    ) -> Outcome {
        let Value::DateTime(at) = actual.value else {
            let got = actual.kind().name();
            return differ(
                trail,
                expected,
                format!("expected type DateTime, got {got}"),
            );
        };
        let off = at.saturating_sub(self.knowledge.now.saturating_add(offset));
        if off.saturating_abs() <= self.knowledge.tolerance
            || self.may(Permit::AnyValue, expected, trail)
        {
            return Ok(());
        }
        differ(
            trail,
            expected,
            format!("expected $NOW{offset:+}, got a time {off:+} s from it"),
        )
    }

    /// The items of two structures, which `trail` ends with.
    fn items<'t>(
        &mut self,
        expected: &'t Node<'t>,
        actual: &'t Node<'t>,
        trail: &mut Trail<'t>,
    ) -> Outcome {
        let seen = |this: &Self, node: &'t Node<'t>, trail: &Trail<'t>| -> Vec<&'t Node<'t>> {
            node.items()
                .iter()
                .filter(|item| !this.may(Permit::Ignored, item, trail))
                .collect()
        };
        let (wanted, got) = (seen(self, expected, trail), seen(self, actual, trail));
        let bag = |this: &Self, items: &[&'t Node<'t>], trail: &Trail<'t>| {
            let items = items.iter().copied();
            items.partition::<Vec<_>, _>(|item| this.may(Permit::Unordered, item, trail))
        };
        let (wanted_bag, wanted) = bag(self, &wanted, trail);
        let (got_bag, got) = bag(self, &got, trail);
        if self.operation == Some("Query") && expected.name() == "ResponsePayload" {
            self.same_order_of_tags(&wanted_bag, &got_bag, trail)?;
        }
        self.unordered(&wanted_bag, got_bag, trail)?;
        self.ordered(&wanted, &got, trail)
    }

    fn ordered<'t>(
        &mut self,
        wanted: &[&'t Node<'t>],
        got: &[&'t Node<'t>],
        trail: &mut Trail<'t>,
    ) -> Outcome {
        let mut got = got.iter().copied().peekable();
        for item in wanted.iter().copied() {
            loop {
                let Some(other) = got.peek().copied() else {
                    if self.may(Permit::Missing, item, trail) {
                        break;
                    }
                    return differ(trail, item, format!("missing {}", show(item)));
                };
                let before = self.learned.clone();
                let outcome = self.item(item, other, trail);
                let Err(difference) = outcome else {
                    got.next();
                    break;
                };
                self.learned = before;
                if self.may(Permit::Extra, other, trail) {
                    got.next();
                } else if item.tag != other.tag && self.may(Permit::Missing, item, trail) {
                    break;
                } else {
                    return Err(difference);
                }
            }
        }
        match got.find(|item| !self.may(Permit::Extra, item, trail)) {
            Some(item) => differ(trail, item, format!("unexpected {}", show(item))),
            None => Ok(()),
        }
    }

    fn unordered<'t>(
        &mut self,
        wanted: &[&'t Node<'t>],
        mut got: Vec<&'t Node<'t>>,
        trail: &mut Trail<'t>,
    ) -> Outcome {
        // Whatever is known goes first, lest a fresh placeholder take its partner.
        let mut wanted = wanted.to_vec();
        wanted.sort_by_key(|item| match placeholder(&item.value) {
            Some(Placeholder::Named(name)) => !self.learned.bound.contains_key(name),
            _ => false,
        });
        for item in wanted {
            let candidates = got.iter().filter(|other| key(other) == key(item)).count();
            let mut closest = None;
            let partner = got.iter().position(|other| {
                if key(other) != key(item) {
                    return false;
                }
                let before = self.learned.clone();
                let outcome = self.item(item, other, trail);
                if let Err(difference) = outcome {
                    self.learned = before;
                    closest.get_or_insert(difference);
                    return false;
                }
                true
            });
            match (partner, closest) {
                (Some(at), _) => {
                    got.remove(at);
                }
                (None, _) if self.may(Permit::Missing, item, trail) => {}
                (None, Some(difference)) if candidates == 1 => return Err(difference),
                (None, _) => return differ(trail, item, format!("missing {}", show(item))),
            }
        }
        match got
            .iter()
            .find(|item| !self.may(Permit::Extra, item, trail))
        {
            Some(item) => differ(trail, item, format!("unexpected {}", show(item))),
            None => Ok(()),
        }
    }

    /// The entries of a Query have no order among their like, but the kinds of entries do.
    fn same_order_of_tags(
        &self,
        wanted: &[&Node<'_>],
        got: &[&Node<'_>],
        trail: &Trail<'_>,
    ) -> Outcome {
        let tags = |items: &[&Node<'_>]| {
            let mut tags: Vec<Tag> = items.iter().map(|item| item.tag).collect();
            tags.dedup();
            tags
        };
        let (mut wanted, mut got) = (tags(wanted), tags(got));
        let (of_both, of_either) = (wanted.clone(), got.clone());
        wanted.retain(|tag| of_either.contains(tag));
        got.retain(|tag| of_both.contains(tag));
        if wanted == got {
            return Ok(());
        }
        let list = |tags: &[Tag]| {
            tags.iter()
                .map(|tag| name_of(*tag))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let what = format!("order: expected {}, got {}", list(&wanted), list(&got));
        Err(Difference(format!("{}: {what}", path(trail))))
    }
}

/// What tells an item from its siblings of the same tag before its value does.
fn key<'n>(node: &'n Node<'_>) -> (Tag, Option<&'n str>, Option<&'n str>) {
    let vendor = node
        .at(&["VendorIdentification"])
        .and_then(|vendor| vendor.text());
    (node.tag, vendor, node.attribute_name())
}

fn path(trail: &Trail<'_>) -> String {
    let names = trail
        .iter()
        .map(|(expected, _)| match expected.attribute_name() {
            Some(attribute) => format!("{}[{attribute}]", expected.name()),
            None => expected.name().to_owned(),
        });
    names.collect::<Vec<_>>().join("/")
}

fn differ(trail: &Trail<'_>, item: &Node<'_>, what: String) -> Outcome {
    let around = path(trail);
    let separator = if around.is_empty() { "" } else { "/" };
    Err(Difference(format!(
        "{around}{separator}{}: {what}",
        item.name()
    )))
}

#[cfg(test)]
mod tests;
