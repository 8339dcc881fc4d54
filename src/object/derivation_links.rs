//! Derived Key Links (1.4 §4.6, 2.1 §6.1.14). A base's are not kept in its row: there may be millions
//! of keys derived from one base, and each would be a new version of it. They follow from the
//! Derivation Base Object Links of the derived objects, which the index finds (DESIGN §4.4).

use super::creation;
use super::managed::Sealed;
use crate::engine::context::Context;
use crate::engine::error::Fault;
use crate::protocol::attributes::Attributes;
use crate::protocol::enumeration::LinkType;
use crate::protocol::mask::CryptographicUsageMask;
use crate::protocol::tag;
use crate::store::filter::{Filter, Term};
use crate::store::record::{IndexEntry, IndexValue};

/// Links of one base that are answered: the newest. All of them are found by Locate, with the
/// Derivation Base Object Link.
const MOST: u32 = 1000;

/// Adds the Derived Key Links to a base's attributes, oldest first.
pub async fn add(
    context: &Context,
    object: &Sealed,
    attributes: &mut Attributes,
) -> Result<(), Fault> {
    let mask = attributes
        .integer(tag::CRYPTOGRAPHIC_USAGE_MASK)
        .unwrap_or(0);
    // Nothing was ever derived from what is not for it.
    if !CryptographicUsageMask::from_integer(mask).contains(CryptographicUsageMask::DERIVE_KEY) {
        return Ok(());
    }
    let term = Term::Matches {
        attribute: tag::LINK.0,
        name: String::new(),
        fields: fields(&object.unique_identifier),
    };
    let filter = Filter {
        tenant: context.tenant(),
        owner: (!context.caller.tenant.settings.share)
            .then(|| context.caller.identity.name.clone()),
        terms: vec![term],
        online: true,
        archived: true,
        destroyed: true,
        offset: 0,
        maximum: Some(MOST),
        count: false,
    };
    let derived = context.locate(&filter).await?.unique_identifiers;
    for identifier in derived.iter().rev() {
        creation::link(attributes, LinkType::DERIVED_KEY_LINK.0, identifier);
    }
    Ok(())
}

/// A Derivation Base Object Link to this object, as the index has it.
fn fields(base: &str) -> Vec<(u32, IndexValue)> {
    let mut link = Attributes::default();
    creation::link(&mut link, LinkType::DERIVATION_BASE_OBJECT_LINK.0, base);
    let entries = super::index::entries(&link);
    let link = entries
        .into_iter()
        .filter(|entry| entry.attribute == tag::LINK.0);
    link.map(|IndexEntry { field, value, .. }| (field, value))
        .collect()
}
