//! Protocol versions and the ranges of them in which a fact of the standard holds.

use std::fmt;

/// A protocol version, ordered by age (KMIP 2.1 §8.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
}

impl Version {
    pub const V1_0: Version = Version::new(1, 0);
    pub const V1_1: Version = Version::new(1, 1);
    pub const V1_2: Version = Version::new(1, 2);
    pub const V1_3: Version = Version::new(1, 3);
    pub const V1_4: Version = Version::new(1, 4);
    pub const V2_0: Version = Version::new(2, 0);
    pub const V2_1: Version = Version::new(2, 1);
    /// Known to the tables, not served.
    pub const V3_0: Version = Version::new(3, 0);

    /// What this server speaks, newest first: the order in which Discover Versions answers
    /// (KMIP 2.1 §6.1.16).
    pub const SUPPORTED: &'static [Version] = &[
        Version::V2_1,
        Version::V2_0,
        Version::V1_4,
        Version::V1_3,
        Version::V1_2,
        Version::V1_1,
        Version::V1_0,
    ];

    pub const fn new(major: u16, minor: u16) -> Version {
        Version { major, minor }
    }

    pub fn is_supported(self) -> bool {
        Version::SUPPORTED.contains(&self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The versions that list a tag, value, field or attribute; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    pub since: Version,
    /// The last version that has it; `None` while no later one ended it.
    pub until: Option<Version>,
}

impl Range {
    pub const ALL: Range = Range::since(Version::V1_0);

    pub const fn since(since: Version) -> Range {
        Range { since, until: None }
    }

    pub const fn between(since: Version, until: Version) -> Range {
        Range {
            since,
            until: Some(until),
        }
    }

    pub fn contains(self, version: Version) -> bool {
        self.since <= version && self.until.is_none_or(|until| version <= until)
    }
}

/// A version as the tables write it; an unknown one does not compile.
macro_rules! version {
    (1.0) => {
        $crate::protocol::version::Version::V1_0
    };
    (1.1) => {
        $crate::protocol::version::Version::V1_1
    };
    (1.2) => {
        $crate::protocol::version::Version::V1_2
    };
    (1.3) => {
        $crate::protocol::version::Version::V1_3
    };
    (1.4) => {
        $crate::protocol::version::Version::V1_4
    };
    (2.0) => {
        $crate::protocol::version::Version::V2_0
    };
    (2.1) => {
        $crate::protocol::version::Version::V2_1
    };
    (3.0) => {
        $crate::protocol::version::Version::V3_0
    };
}
pub(crate) use version;

/// `1.2` or `1.0 to 1.4`, as the tables write ranges.
macro_rules! range {
    ($since:tt) => {
        $crate::protocol::version::Range::since($crate::protocol::version::version!($since))
    };
    ($since:tt to $until:tt) => {
        $crate::protocol::version::Range::between(
            $crate::protocol::version::version!($since),
            $crate::protocol::version::version!($until),
        )
    };
}
pub(crate) use range;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_belong_to_it() {
        let ended = range!(1.1 to 1.4);
        assert!(!ended.contains(Version::V1_0));
        assert!(ended.contains(Version::V1_1));
        assert!(ended.contains(Version::V1_4));
        assert!(!ended.contains(Version::V2_0));
        assert!(range!(2.0).contains(Version::V3_0));
    }

    #[test]
    fn versions_are_offered_newest_first() {
        assert!(Version::SUPPORTED.is_sorted_by(|newer, older| newer > older));
        assert!(!Version::V3_0.is_supported());
    }
}
