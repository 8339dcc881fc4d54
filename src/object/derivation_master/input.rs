//! The one input that a derivation master takes (DESIGN §4.4): SP 800-108 in counter mode with one
//! block of 256 bits, every byte of it accounted for. `docs/derivation.md` is this file in prose.

use std::fmt;

/// \[i\]₂: the first block, and the only one.
pub const COUNTER: [u8; 4] = 1_u32.to_be_bytes();

/// Of the derived key, in bytes.
pub const LENGTH: usize = 32;

/// \[L\]₂: the same in bits.
const BITS: [u8; 4] = 256_u32.to_be_bytes();

/// The first byte of a context: how the rest is laid out.
const LAYOUT: u8 = 1;

/// Random bytes at a context's end.
pub const RANDOM: usize = 32;

/// The longest scope, in bytes.
pub const LONGEST: usize = 512;

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $word:literal;)*) => {
        /// What derived keys are for. The list is closed: keys for two purposes never have one input.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Label { $($(#[$doc])* $name,)* }

        impl Label {
            pub const ALL: &'static [Label] = &[$(Label::$name,)*];

            /// As the input has it.
            pub fn text(self) -> &'static str {
                match self { $(Label::$name => $text,)* }
            }

            /// As the command line has it.
            pub fn word(self) -> &'static str {
                match self { $(Label::$name => $word,)* }
            }
        }
    };
}

labels! {
    /// A key of one file; the scope is its folder.
    File = "keyward/file/1", "file";
    /// A key of one user; the scope is the user.
    User = "keyward/user/1", "user";
    /// A key of one record, message or backup; the scope is where they are kept.
    Record = "keyward/record/1", "record";
}

impl Label {
    fn of(text: &[u8]) -> Option<Label> {
        let mut all = Label::ALL.iter().copied();
        all.find(|label| label.text().as_bytes() == text)
    }

    pub fn named(word: &str) -> Option<Label> {
        Label::ALL
            .iter()
            .copied()
            .find(|label| label.word() == word)
    }
}

/// Why a text is no scope, or bytes are no input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// A folder or a user: names with slashes between them, compared byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a>(&'a str);

impl<'a> Scope<'a> {
    /// 1 to 512 bytes of UTF-8. No name is empty, `.` or `..`: two texts for one place would be two
    /// scopes. No `*`, which stands for all of them, and no control characters.
    pub fn parse(text: &'a str) -> Result<Scope<'a>, Malformed> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(Malformed("a scope has 1 to 512 bytes"));
        }
        if text.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Err(Malformed(
                "a scope is names with single slashes between them, none of them . or ..",
            ));
        }
        if text.contains(|letter: char| letter == '*' || letter.is_control()) {
            return Err(Malformed("a scope has no * and no control characters"));
        }
        Ok(Scope(text))
    }

    pub fn text(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What stands for every scope.
pub const EVERY: &str = "*";

/// Whether `prefix`, a scope or `*`, is the scope or a place above it: `team/a` covers `team/a/x`
/// and not `team/ab`.
pub fn covers(prefix: &str, scope: Scope<'_>) -> bool {
    match scope.0.strip_prefix(prefix) {
        _ if prefix == EVERY => true,
        Some(rest) => !prefix.is_empty() && (rest.is_empty() || rest.starts_with('/')),
        None => false,
    }
}

/// Whether some scope is covered by both.
pub fn overlap(one: &str, other: &str) -> bool {
    let above = |prefix, place| prefix == EVERY || covers(prefix, Scope(place));
    above(one, other) || above(other, one)
}

/// Checks what is granted, or what a master is for: a scope, or `*`.
pub fn check_prefix(prefix: &str) -> Result<(), Malformed> {
    match prefix {
        EVERY => Ok(()),
        scope => Scope::parse(scope).map(|_| ()),
    }
}

/// What an input says, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    pub label: Label,
    pub tenant: i64,
    /// The Unique Identifier of the master, a UUID.
    pub master: [u8; 16],
    pub version: u32,
    pub scope: Scope<'a>,
    pub random: [u8; RANDOM],
}

/// Everything before the scope's length: the same for all inputs of one version of a master.
pub fn prefix(label: Label, tenant: i64, master: [u8; 16], version: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&COUNTER);
    out.extend_from_slice(label.text().as_bytes());
    out.extend_from_slice(&[0, LAYOUT]);
    out.extend_from_slice(&tenant.to_be_bytes());
    out.extend_from_slice(&master);
    out.extend_from_slice(&version.to_be_bytes());
    out
}

fn part<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Malformed> {
    let (part, behind) = rest
        .split_first_chunk::<N>()
        .ok_or(Malformed("it ends too early"))?;
    *rest = behind;
    Ok(part)
}

impl<'a> Input<'a> {
    /// The whole of `bytes`, or nothing: there is one encoding of an input.
    pub fn parse(bytes: &'a [u8]) -> Result<Input<'a>, Malformed> {
        let mut rest = bytes;
        if *part(&mut rest)? != COUNTER {
            return Err(Malformed("it does not begin with the counter 00000001"));
        }
        let end = rest
            .iter()
            .position(|byte| *byte == 0)
            .ok_or(Malformed("no zero byte ends its label"))?;
        let (label, behind) = rest.split_at_checked(end).unwrap_or_default();
        let label = Label::of(label).ok_or(Malformed("its label is not on the list"))?;
        rest = behind;
        if *part(&mut rest)? != [0, LAYOUT] {
            return Err(Malformed("its context is not of layout 01"));
        }
        let tenant = i64::from_be_bytes(*part(&mut rest)?);
        let master = *part(&mut rest)?;
        let version = u32::from_be_bytes(*part(&mut rest)?);
        let length = usize::from(u16::from_be_bytes(*part(&mut rest)?));
        let (scope, behind) = rest
            .split_at_checked(length)
            .ok_or(Malformed("it ends within its scope"))?;
        let scope = std::str::from_utf8(scope).map_err(|_| Malformed("its scope is not UTF-8"))?;
        let scope = Scope::parse(scope)?;
        rest = behind;
        let random = *part(&mut rest)?;
        if *part(&mut rest)? != BITS {
            return Err(Malformed("it does not end with the length 00000100"));
        }
        match rest {
            [] => Ok(Input {
                label,
                tenant,
                master,
                version,
                scope,
                random,
            }),
            _ => Err(Malformed("something follows its end")),
        }
    }

    pub fn write(&self) -> Vec<u8> {
        let mut out = prefix(self.label, self.tenant, self.master, self.version);
        // A scope has 512 bytes at the most.
        let length = u16::try_from(self.scope.0.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(self.scope.0.as_bytes());
        out.extend_from_slice(&self.random);
        out.extend_from_slice(&BITS);
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;
    use crate::protocol::enumeration::HashingAlgorithm;

    fn example() -> Input<'static> {
        Input {
            label: Label::File,
            tenant: 1,
            master: std::array::from_fn(|place| 0xa0 + place as u8),
            version: 3,
            scope: Scope::parse("team-a/reports").unwrap(),
            random: std::array::from_fn(|place| place as u8),
        }
    }

    /// The test vector of docs/derivation.md.
    const DOCUMENTED: &str = "000000016b6579776172642f66696c652f310001\
         0000000000000001a0a1a2a3a4a5a6a7a8a9aaabacadaeaf00000003\
         000e7465616d2d612f7265706f727473\
         000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00000100";

    #[test]
    fn the_documented_input() {
        let input = example().write();
        assert_eq!(hex::encode(&input), DOCUMENTED);
        assert_eq!(Input::parse(&input), Ok(example()));
        let text = include_str!("../../../docs/derivation.md");
        let bare: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        assert!(
            bare.contains(DOCUMENTED),
            "docs/derivation.md has another vector"
        );
        let hmac = crate::mechanism::hmac(HashingAlgorithm::SHA_256).unwrap();
        let base: Vec<u8> = (0..32).collect();
        let key = crate::library::mac::mac(hmac, &base, &[], &input);
        assert!(
            bare.contains(&hex::encode(key.unwrap().as_slice())),
            "or another key"
        );
    }

    #[test]
    fn no_byte_can_be_left_out_added_or_taken_for_another() {
        let input = example().write();
        for length in 0..input.len() {
            assert!(Input::parse(&input[..length]).is_err(), "{length}");
        }
        assert!(Input::parse(&[&input[..], &[0]].concat()).is_err());
        for place in 0..input.len() {
            let mut changed = input.clone();
            changed[place] ^= 0x80;
            // What can be read then says something else.
            assert_ne!(Input::parse(&changed), Ok(example()), "{place}");
        }
    }

    #[test]
    fn scopes_are_places() {
        for text in [
            "a",
            "a/b",
            "Ärzte/Müller",
            "user@example.org",
            "a b",
            ".hidden",
        ] {
            assert!(Scope::parse(text).is_ok(), "{text}");
        }
        let long = "x".repeat(LONGEST + 1);
        for text in [
            "", "/a", "a/", "a//b", "a/../b", ".", "a/*", "*", "a\nb", &long,
        ] {
            assert!(Scope::parse(text).is_err(), "{text}");
        }
        let scope = Scope::parse("team/a/x").unwrap();
        for (prefix, expected) in [
            ("team", true),
            ("team/a", true),
            ("team/a/x", true),
            ("*", true),
            ("team/a/x/y", false),
            ("tea", false),
            ("team/a/", false),
            ("", false),
            ("x", false),
        ] {
            assert_eq!(covers(prefix, scope), expected, "{prefix}");
        }
        let pairs = [
            ("a", "a/b", true),
            ("*", "a", true),
            ("a/b", "a/c", false),
            ("a", "ab", false),
        ];
        for (one, other, expected) in pairs {
            assert_eq!(
                (overlap(one, other), overlap(other, one)),
                (expected, expected),
                "{one} {other}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(
            label in 0..Label::ALL.len(),
            tenant in any::<i64>(),
            master in any::<[u8; 16]>(),
            version in any::<u32>(),
            scope in "[a-zA-Z0-9 äöü]{1,40}(/[a-z0-9]{1,20}){0,4}",
            random in any::<[u8; RANDOM]>(),
        ) {
            let input = Input {
                label: Label::ALL[label],
                tenant,
                master,
                version,
                scope: Scope::parse(&scope).unwrap(),
                random,
            };
            let written = input.write();
            prop_assert_eq!(Input::parse(&written), Ok(input));
        }

        #[test]
        fn what_is_read_is_what_was_written(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(input) = Input::parse(&bytes) {
                prop_assert_eq!(input.write(), bytes);
            }
        }
    }
}
