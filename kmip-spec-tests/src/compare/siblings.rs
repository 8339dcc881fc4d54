//! The items inside two structures: which belong together, and which may be missing or more.

use ttlv::{Node, Tag};

use super::item::{Comparison, Trail, differ, path};
use super::{Difference, Outcome};
use crate::allowance::Permit;
use crate::names::{Named, name_of, show};
use crate::placeholder::{Placeholder, placeholder};

impl Comparison<'_> {
    /// The items of two structures, which `trail` ends with.
    pub(super) fn items<'t>(
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
pub(super) fn key<'n>(node: &'n Node<'_>) -> (Tag, Option<&'n str>, Option<&'n str>) {
    let vendor = node
        .at(&["VendorIdentification"])
        .and_then(|vendor| vendor.text());
    (node.tag, vendor, node.attribute_name())
}
