//! How long what the store indexes may be. PostgreSQL refuses index rows beyond 2704 bytes, so a
//! text that a client chooses is either bounded here or stands in the index as its hash.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::filter::{Filter, Term};
use super::record::{Change, Commit, IndexEntry, IndexValue, UniqueName};
use super::verbs::StoreError;

/// Bytes of a Unique Identifier.
pub const IDENTIFIER: usize = 128;
/// Bytes of an owner, of an entity's key and of an audit node's name.
pub const KEY: usize = 1024;
/// Bytes of an indexed value or name; a longer one is indexed by its SHA-256.
pub const VALUE: usize = 256;
/// Conditions of one Locate: terms and fields together.
pub const CONDITIONS: usize = 128;
/// Changes of one commit: a PostgreSQL journal position has 20 bits for them.
pub const CHANGES: usize = 1 << 16;

/// A text as it stands in an index.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.len() <= VALUE {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("sha256:{}", hex::encode(Sha256::digest(text))))
}

/// Bytes as they stand in an index.
pub(super) fn bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.len() <= VALUE {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(Sha256::digest(bytes).to_vec())
}

/// An entry as it stands in the index.
pub(super) fn entry(entry: &IndexEntry) -> Cow<'_, IndexEntry> {
    let short = match &entry.value {
        IndexValue::Number(_) => true,
        IndexValue::Bytes(bytes) => bytes.len() <= VALUE,
    };
    if short && entry.name.len() <= VALUE {
        return Cow::Borrowed(entry);
    }
    let value = match &entry.value {
        IndexValue::Number(number) => IndexValue::Number(*number),
        IndexValue::Bytes(held) => IndexValue::Bytes(bytes(held).into_owned()),
    };
    Cow::Owned(IndexEntry {
        name: text(&entry.name).into_owned(),
        value,
        ..*entry
    })
}

/// A name as it stands in the index.
pub(super) fn name(name: &UniqueName) -> Cow<'_, UniqueName> {
    if name.name.len() <= VALUE && name.distinguisher.len() <= VALUE {
        return Cow::Borrowed(name);
    }
    Cow::Owned(UniqueName {
        name: text(&name.name).into_owned(),
        distinguisher: text(&name.distinguisher).into_owned(),
    })
}

/// Whether two values are one to the index.
pub(super) fn same(a: &IndexValue, b: &IndexValue) -> bool {
    match (a, b) {
        (IndexValue::Number(a), IndexValue::Number(b)) => a == b,
        (IndexValue::Bytes(a), IndexValue::Bytes(b)) => a == b || bytes(a) == bytes(b),
        _ => false,
    }
}

/// # Errors
/// `Unfit` when an identifier, owner, key or node is too long, or there are too many changes.
pub(super) fn check(commit: &Commit) -> Result<(), StoreError> {
    within("changes in one commit", commit.changes.len(), CHANGES)?;
    for change in &commit.changes {
        match change {
            Change::Insert { record, .. } | Change::Update { record, .. } => {
                within(
                    "bytes of Unique Identifier",
                    record.unique_identifier.len(),
                    IDENTIFIER,
                )?;
                within("bytes of owner", record.owner.len(), KEY)?;
            }
            Change::Put(entity) => within("bytes of key", entity.key.len(), KEY)?,
        }
    }
    commit
        .audit
        .iter()
        .try_for_each(|row| within("bytes of node name", row.node.len(), KEY))
}

/// # Errors
/// `Unfit` when the search asks more than [`CONDITIONS`].
pub(super) fn check_filter(filter: &Filter) -> Result<(), StoreError> {
    let conditions = filter.terms.iter().map(|term| match term {
        Term::Matches { fields, .. } => fields.len().max(1),
        _ => 1,
    });
    within("search conditions", conditions.sum(), CONDITIONS)
}

fn within(what: &str, found: usize, most: usize) -> Result<(), StoreError> {
    if found <= most {
        return Ok(());
    }
    Err(StoreError::Unfit(format!(
        "{found} {what}, at most {most} are taken"
    )))
}
