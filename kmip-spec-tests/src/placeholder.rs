//! `$NAME` in a case: a value that the server chooses, or a time.
//!
//! A case is read into ordinary trees, so a placeholder is held by a value of the item's type that
//! no server sends: text keeps its dollar, bytes carry it behind a marker, and times are counted
//! from a moment long before any other.

use std::borrow::Cow;

use ttlv::{Kind, Tag, Value, names};

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder<'v> {
    /// The value of the first response that shows it.
    Named(&'v str),
    /// Seconds from the moment of the request.
    Now(i64),
}

const BYTES_MARKER: &[u8] = b"\0kmip-spec-tests\0";
const NOW: i64 = i64::MIN / 2;
/// Years around the moment of the run that a `$NOW` may name.
const NOW_REACH: i64 = 1 << 40;

/// For [`ttlv::xml::decode_collection`].
pub fn stand_in(tag: Tag, kind: Kind, text: &str) -> Option<Value<'static>> {
    // Some files were cut out of pages and hold "Unique   Identifier".
    if tag == names::ATTRIBUTE_NAME {
        let words: Vec<&str> = text.split_whitespace().collect();
        return Some(Value::TextString(Cow::Owned(words.join(" "))));
    }
    let name = text.strip_prefix('$')?;
    match kind {
        Kind::ByteString => {
            let bytes = [BYTES_MARKER, name.as_bytes()].concat();
            Some(Value::ByteString(bytes.into()))
        }
        Kind::DateTime => {
            let offset = name.strip_prefix("NOW")?;
            let offset = if offset.is_empty() {
                0
            } else {
                offset.parse().ok()?
            };
            (-NOW_REACH..NOW_REACH)
                .contains(&offset)
                .then_some(Value::DateTime(NOW + offset))
        }
        _ => None,
    }
}

/// The placeholder that a value read through [`stand_in`] holds.
pub fn placeholder<'v>(value: &'v Value<'_>) -> Option<Placeholder<'v>> {
    match value {
        Value::TextString(text) => text.strip_prefix('$').map(Placeholder::Named),
        Value::ByteString(bytes) => {
            let name = bytes.strip_prefix(BYTES_MARKER)?;
            std::str::from_utf8(name).ok().map(Placeholder::Named)
        }
        Value::DateTime(at) => {
            let offset = at.checked_sub(NOW)?;
            (-NOW_REACH..NOW_REACH)
                .contains(&offset)
                .then_some(Placeholder::Now(offset))
        }
        _ => None,
    }
}

/// `UNIQUE_IDENTIFIER_0` is one value for a whole case; `CORRELATION_VALUE`, without a number, a
/// new one in each response.
pub fn is_numbered(name: &str) -> bool {
    let number = name.rsplit_once('_').map(|(_, number)| number);
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `UNIQUE_IDENTIFIER_RANDOM_0` is a value that the client makes up.
pub fn is_random(name: &str) -> bool {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches('_')
        .ends_with("_RANDOM")
}

/// Whether a placeholder is called after this tag: `MAC_DATA_0` after MACData.
pub fn is_called_after(name: &str, tag_name: &str) -> bool {
    let field = if is_numbered(name) {
        name.rsplit_once('_').map_or(name, |(f, _)| f)
    } else {
        name
    };
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|c| *c != '_')
            .map(|c| c.to_ascii_uppercase())
            .collect()
    };
    letters(field) == letters(tag_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: Tag = Tag(0x420094);

    #[test]
    fn stand_ins_are_found_again() {
        let find = |kind, text| stand_in(TAG, kind, text);
        let value = find(Kind::ByteString, "$MAC_DATA");
        assert_eq!(
            value.as_ref().and_then(placeholder),
            Some(Placeholder::Named("MAC_DATA"))
        );
        let value = find(Kind::DateTime, "$NOW-3600");
        assert_eq!(
            value.as_ref().and_then(placeholder),
            Some(Placeholder::Now(-3600))
        );
        let value = find(Kind::DateTime, "$NOW+5");
        assert_eq!(
            value.as_ref().and_then(placeholder),
            Some(Placeholder::Now(5))
        );
        assert_eq!(find(Kind::DateTime, "$NOON"), None);
        assert_eq!(find(Kind::DateTime, "2020-01-01T00:00:00Z"), None);
        let text = Value::TextString("$UNIQUE_IDENTIFIER_0".into());
        assert_eq!(
            placeholder(&text),
            Some(Placeholder::Named("UNIQUE_IDENTIFIER_0"))
        );
        assert_eq!(placeholder(&Value::DateTime(0)), None);
        assert_eq!(placeholder(&Value::DateTime(i64::MAX)), None);
    }

    #[test]
    fn numbers_and_fields() {
        assert!(is_numbered("UNIQUE_IDENTIFIER_12"));
        assert!(!is_numbered("CORRELATION_VALUE"));
        assert!(!is_numbered("X_"));
        assert!(is_random("SHORT_UNIQUE_IDENTIFIER_RANDOM_0"));
        assert!(!is_random("UNIQUE_IDENTIFIER_0"));
        assert!(is_called_after("MAC_DATA", "MACData"));
        assert!(is_called_after("IV_COUNTER_NONCE_1", "IVCounterNonce"));
        assert!(!is_called_after("DATA_0", "MACData"));
    }
}
