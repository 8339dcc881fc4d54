//! Two items: the placeholder, the allowances of values, then the value or what is inside.

use std::collections::HashMap;

use ttlv::{Kind, Node, Value};

use super::{Difference, Outcome};
use crate::allowance::{Permit, Place, permits};
use crate::knowledge::{Knowledge, World};
use crate::names::{Named, ruling_name, show, show_value};
use crate::placeholder::{Placeholder, is_numbered, placeholder};

/// What a comparison learned, taken over when it succeeds.
#[derive(Clone, Debug, Default)]
pub(super) struct Learned {
    pub(super) bound: HashMap<String, Value<'static>>,
    pub(super) outputs: HashMap<(&'static str, Vec<u8>), Vec<u8>>,
}

pub(super) struct Comparison<'c> {
    pub(super) knowledge: &'c Knowledge,
    pub(super) world: &'c World,
    pub(super) operation: Option<&'static str>,
    pub(super) request: Option<&'c Node<'c>>,
    pub(super) object: Option<&'c str>,
    pub(super) learned: Learned,
}

pub(super) type Trail<'t> = Vec<(&'t Node<'t>, &'t Node<'t>)>;

impl<'c> Comparison<'c> {
    pub(super) fn place<'p>(
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

    pub(super) fn may(&self, permit: Permit, item: &Node<'_>, trail: &Trail<'_>) -> bool {
        permits(permit, &self.place(item, trail))
    }

    pub(super) fn item<'t>(
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
}

pub(super) fn path(trail: &Trail<'_>) -> String {
    let names = trail
        .iter()
        .map(|(expected, _)| match expected.attribute_name() {
            Some(attribute) => format!("{}[{attribute}]", expected.name()),
            None => expected.name().to_owned(),
        });
    names.collect::<Vec<_>>().join("/")
}

pub(super) fn differ(trail: &Trail<'_>, item: &Node<'_>, what: String) -> Outcome {
    let around = path(trail);
    let separator = if around.is_empty() { "" } else { "/" };
    Err(Difference(format!(
        "{around}{separator}{}: {what}",
        item.name()
    )))
}
